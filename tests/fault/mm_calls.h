/* SPDX-License-Identifier: MIT */
/*
 * Random calls on an address space of some pages: every call of <vmaple/mm.h> that changes one is an enum kind, in each
 * form that takes other memory.
 */
#ifndef TESTS_MM_CALLS_H
#define TESTS_MM_CALLS_H

#include <vmaple/mm.h>

#include "random.h"

#define PAGE      4096UL
#define BASE      0x7e0000000000UL
#define PAGES     128UL
#define HEAP      112UL /* the heap's first page */
#define FILES     2     /* one that is mapped as it is, and a System V segment */
#define DONTUNMAP 4

enum kind {
	MMAP,
	MMAP_FILE,
	MMAP_SHARED,
	MMAP_LOCKED,
	MMAP_STACK,
	PLACED,
	INSERT,
	MUNMAP,
	MPROTECT,
	PKEY,
	MOVE,
	MOVE_LONGER,
	GROW,
	SHRINK,
	LEAVE,
	VIEW,
	MADVISE,
	MLOCK,
	MUNLOCK,
	MLOCKALL,
	MUNLOCKALL,
	MSEAL,
	NAME,
	MBIND,
	REGISTER,
	UNREGISTER,
	SHMAT,
	SHMDT,
	REMAP_PAGES,
	BRK,
	BRK_LOCKED, /* under MCL_FUTURE */
	TOUCH,
	FORK,
	KINDS
};

/* An address space and what it maps. */
struct world {
	struct mm_system sys;
	struct mm_struct mm;
	struct mm_struct *on; /* what calls are made on; NULL: mm */
	struct vm_file file[FILES];
	unsigned long lost; /* pages whose charge Linux never gives back */
};

/* Pages, counted from BASE; what each means is the kind's. */
struct call {
	enum kind kind;
	unsigned long from, len, to, new_len, prot;
	int advice;
};

static inline unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

/* @readers: they may be beside the calls, so that a store is a copy. */
void world_begin(struct world *w, const struct rmap_ops *design, bool readers);
struct call random_call(struct random *r);
/* @return 0 or -errno. */
long make(struct world *w, const struct call *c);
/* A write fault; what it charges and Linux loses is added to w->lost. */
long touch(struct world *w, unsigned long addr);

#endif /* TESTS_MM_CALLS_H */
