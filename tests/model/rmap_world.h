/* SPDX-License-Identifier: MIT */
/*
 * The world of rmap_model.c: processes on one machine, and for each an array of pages that knows what was last written
 * where. Between a call of fail_next() and the end of a step an allocation fails.
 */
#ifndef TESTS_RMAP_WORLD_H
#define TESTS_RMAP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <vmaple/paging.h>

#include "random.h"

#define PAGE       4096UL
#define BASE       (0x7e0000000000UL - 40 * PAGE) /* the window reaches over two leaves */
#define PAGES      192UL
#define PROCESSES  6
#define FILES      3
#define FILE_PAGES 96UL
#define FRAMES     160
#define SWAP       2048

struct model_page {
	bool mapped, shared, own, locked, guard;
	unsigned char prot;
	int file; /* -1: anonymous */
	unsigned long pgoff;
	uint64_t stamp; /* if own: what was written */
};

struct process {
	bool alive;
	struct mm_struct mm;
	struct model_page pages[PAGES];
};

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct process p[PROCESSES];
	struct vm_file *files[FILES];
	uint64_t file_stamp[FILES][FILE_PAGES];
	unsigned long file_pages[FILES]; /* what it has now */
	struct random r;
	uint64_t written; /* the last stamp */
	bool failing;     /* an allocation of this step may fail */
	unsigned long no_memory, steps;
	char last[200];
};

/* --- rmap_world.c --------------------------------------------------------------------------------------------- */

/* On @ops, with one process; @verify: of enum mm_verify, 0: as the build has it; @swap_fd -1: swap is memory. */
struct world *world_new(const struct rmap_ops *ops, unsigned int verify, int swap_fd, uint64_t seed);
/* Read everything, end it all, and require that nothing is left. */
void world_end(struct world *w);
void begin_process(struct world *w, struct process *p);
/* Fails the test with what was done last, unless @ok. */
void check(struct world *w, bool ok, const char *what);
void validate(struct world *w);
/* Read or write one page, and compare. */
void read_page(struct world *w, struct process *p, unsigned long i);
void write_page(struct world *w, struct process *p, unsigned long i);
/* The @n th allocation from now fails; -1: none does. */
void fail_next(long n);

static inline unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

/* --- rmap_steps.c --------------------------------------------------------------------------------------------- */

/* One step of one process or of the machine, drawn from w->r. */
void step(struct world *w);

#endif /* TESTS_RMAP_WORLD_H */
