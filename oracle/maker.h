/* SPDX-License-Identifier: MIT */
/*
 * What the makers of random sequences share: mixes.c has the mixes, arguments.c makes one call's arguments, generate.c
 * sequences of calls.
 */
#ifndef ORACLE_MAKER_H
#define ORACLE_MAKER_H

#include "../tests/common/random.h"
#include "oracle.h"

/* Weights per call kind; how often, in percent, something special is asked for. */
struct mix {
	const char *name;
	unsigned int weight[CALL_KINDS];
	unsigned int files, shared, odd, placed, exec, grows, locked;
	unsigned int min_pages, max_pages;
	bool limits, heap, room;
	unsigned int hugetlb;
	bool huge;     /* huge pages fit */
	bool unserved; /* a userfaultfd may be there, and nobody to serve it: as with guard pages */
};

struct maker {
	struct random *r;
	const struct mix *p;
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
