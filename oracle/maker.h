/* SPDX-License-Identifier: MIT */
/*
 * What the makers of random sequences share: mixes.c has the mixes, arguments.c makes one call's arguments, generate.c
 * sequences of calls.
 */
#ifndef ORACLE_MAKER_H
#define ORACLE_MAKER_H

#include "../tests/common/random.h"
#include "oracle.h"

/*
 * What one family of sequences is drawn from. weight is relative, of the sum of all; what follows it are
 * percentages: how often a call gets the property. files: a mapping is of a file; shared: anonymous memory
 * is; odd: an argument is not aligned, out of range or any bits; placed: an mmap leaves the place to the
 * kernel (and two in a hundred anyway); exec: executable; grows: MAP_GROWSDOWN; locked: MAP_LOCKED.
 */
struct mix {
	const char *name;
	unsigned int weight[CALL_KINDS];
	unsigned int files, shared, odd, placed, exec, grows, locked;
	/*
	 * Of the part of the window in which calls begin; with huge or hugetlb in pages of 4 KiB, scaled by
	 * generate() for larger ones.
	 */
	unsigned int min_pages, max_pages;
	/*
	 * limits: CAP_IPC_LOCK is mostly given up first, without which no limit of locked memory is
	 * enforced; heap: there is a CALL_BREAK_AT; room: a CALL_ROOM.
	 */
	bool limits, heap, room;
	/* Percent of anonymous mappings that are MAP_HUGETLB. */
	unsigned int hugetlb;
	bool huge;     /* huge pages fit */
	bool unserved; /* a userfaultfd may be there, and nobody to serve it: as with guard pages */
};

/*
 * One sequence that is being made. All but nr_locks and moved is set once, by generate(), before the first
 * call is drawn.
 */
struct maker {
	struct random *r;
	const struct mix *p;
	/*
	 * How much of the window calls begin in, and the step between the places most of them begin at.
	 * Pages.
	 */
	unsigned long pages, grid;
	unsigned int nr_locks; /* mlockall() takes its time */
	/*
	 * Guard pages are contents, of which the engine knows nothing: where they are installed, nothing is faulted in
	 * by calls.
	 */
	bool guards;
	bool locks;        /* what is mapped may be faulted in: no terabytes */
	struct call moved; /* the last mremap */
};

/*
 * Below @n, which is not 0. Each draw moves the seed on, so that a draw added anywhere makes other
 * sequences of all old seeds.
 */
static inline unsigned long pick(struct maker *m, unsigned long n)
{
	return random_below(m->r, n);
}

static inline bool chance(struct maker *m, unsigned int percent)
{
	return pick(m, 100) < percent;
}

/* NULL: one by chance. */
const struct mix *find_mix(struct random *r, const char *name);
/* Of the kind that it has. */
void make_arguments(struct maker *m, struct call *c);

#endif /* ORACLE_MAKER_H */
