/* SPDX-License-Identifier: MIT */
/*
 * An address space of some hundred pages, beside an array of what its pages should be: what calls make of them, and
 * where a mapping goes, by brute force. For pages of any size.
 */
#ifndef TESTS_PAGE_WORLD_H
#define TESTS_PAGE_WORLD_H

#include <vmaple/mm.h>

#include "random.h"

#define PAGES    400UL /* in all */
#define BASE     384UL /* of placement, downwards */
#define LOW      4UL   /* mmap_min_addr */
#define GUARD    3UL
#define DONTDUMP 16
#define DODUMP   17
#define SEEN     (VM_ACCESS_FLAGS | VM_DONTDUMP)

struct page_state {
	bool mapped;
	vm_flags_t flags; /* SEEN, and VM_GROWSDOWN */
};

enum kind { MMAP, PLACED, STACK, MUNMAP, MPROTECT, MOVE, RESIZE, MADVISE, BRK, TOUCH, FORK, KINDS };

/* Pages. */
struct call {
	enum kind kind;
	unsigned long from, len, to;
	unsigned long prot;
};

extern struct world {
	struct mm_system sys;
	struct mm_struct mm;
	struct random r;
	unsigned int shift;
	struct page_state want[PAGES];
	unsigned long base, low; /* of placement, downwards */
	bool refused;            /* an embedder has refused a part of the call */
} w;

/* Empty, of pages of 2^shift bytes. */
void world_begin(unsigned int shift, uint64_t seed);
unsigned long at(unsigned long page);
/* @addr is a page's. */
unsigned long page_of(unsigned long addr);
struct page_state map_page(unsigned long page);
bool same(const struct page_state *a, const struct page_state *b);
/* Where a mapping of @len pages goes; or -ENOMEM. */
long place(unsigned long len);
/* All but FORK. @return a page, 0 or -errno. */
long make(const struct call *c);
/* Is what a call makes of the pages told by the call alone? */
bool is_modelled(enum kind kind);
/* Such a call has succeeded: so are the pages now. */
void model(const struct call *c, long result);
/* The map is what it should be. */
void check_want(const struct call *c, const char *when);
/* It should be what the map is. */
void take_over(void);

#endif /* TESTS_PAGE_WORLD_H */
