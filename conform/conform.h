/* SPDX-License-Identifier: MIT */
/*
 * How like Linux's are the mapping calls of another kernel or an emulator?
 *
 * 1. A set of short call sequences (named.c, generate.c) is data: kit/sequence.h.  The kit, kit/, carries them
 *    out where nothing else runs, and prints what a caller can see after each call.
 *
 * 2. The right answers are the engine's (engine.c), with pages of lib/paging behind it: after each call the same
 *    questions are put to it as the kit puts to the system.  Nothing that a kit has printed is ever expected.
 *
 * 3. The judge (judge.c) compares call by call.  A check belongs to one area of behaviour; the score of an area is
 *    how many of its checks came out right.  What follows a wrong result or a wrong map is not judged: it says
 *    nothing new.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vmaple/kernel_profile.h>

#include "kit/sequence.h"

/* --- set.c, named.c, generate.c: the sequences --------------------------------------------------------------- */

#define CONFORM_NAME_SIZE 16
struct conform_set {
	unsigned int nr, nr_calls;
	struct conform_sequence *sequence; /* those with names first */
	struct conform_call *call;
	char (*name)[CONFORM_NAME_SIZE]; /* of those that are made by chance */
	char mark[17];                   /* a hash of all calls */
};
/* NULL: no memory. */
struct conform_set *conform_set_new(void);
void conform_set_free(struct conform_set *set);
/* @call of @sequence as text, for people: the window begins at CONFORM_WINDOW_SHOWN, pages have 4096 bytes. */
#define CONFORM_WINDOW_SHOWN 0x100000000UL
#define CONFORM_HEAP_SHOWN   0x10000000UL
const char *conform_call_text(const struct conform_call *call, char *buf, size_t size);
/* The set as C source for the kit. */
void conform_set_source(const struct conform_set *set, FILE *out);
/* The files of the kit but that one; NULL behind the last. */
struct conform_kit_file {
	const char *name, *text;
};
const struct conform_kit_file *conform_kit_file_at(unsigned int i);

/* --- engine.c: what is right --------------------------------------------------------------------------------- */

/* What is seen after one call: words as the kit prints them. */
struct conform_seen {
	bool there; /* the kit has told of this call */
	char result[24];
	char pages[CONFORM_PAGES + 1], bounds[CONFORM_PAGES + 1], locks[CONFORM_PAGES + 1];
	char areas[CONFORM_PAGES * 11 + 1]; /* of /proc/self/maps; "?": there is none */
};

struct conform_answers {
	struct conform_seen call[CONFORM_MAX_CALLS];
	char rights[CONFORM_PAGES + 1]; /* "": not told */
};

/*
 * What @profile answers to sequence @number; @zero_page: memory that was only read is as if it had not been touched,
 * as on nearly every system. 0 or -ENOMEM.
 */
int conform_expect(const struct conform_set *set, unsigned int number, const struct kernel_profile *profile,
	bool zero_page, struct conform_answers *answers);

/* --- run.c: what a kit has printed --------------------------------------------------------------------------- */

enum conform_state { CONFORM_NOT_RUN, CONFORM_RAN, CONFORM_SKIPPED, CONFORM_DIED };

struct conform_run {
	char system[65], release[65], machine[16], searches[16], memlock[16], pages[16];
	unsigned long page;
	bool maps, fork, zero_page;
	bool done; /* to its end */
	struct {
		enum conform_state state;
		struct conform_answers answers;
	} * sequence; /* as many as the set has */
};
/* 0; -ENOMEM; -EINVAL or -EIO: one sentence, without a full stop, in @why. */
int conform_run_read(
	struct conform_run *run, const struct conform_set *set, FILE *in, char *why, size_t size);
void conform_run_free(struct conform_run *run);

/* --- judge.c ------------------------------------------------------------------------------------------------- */

enum conform_area {
	CONFORM_PLACEMENT,   /* where what has no place given is put */
	CONFORM_MAPPING,     /* what is mapped after a call that went well: rights, contents */
	CONFORM_MERGING,     /* where areas end, as mremap tells */
	CONFORM_ERRNO,       /* that a call fails, and with which error */
	CONFORM_PARTIAL,     /* what is mapped after a call that failed */
	CONFORM_MOVES,       /* mremap: its result, and the map after it */
	CONFORM_FORKED,      /* the map of a fork's child, and of its parent afterwards */
	CONFORM_LOCKING,     /* what the calls that lock answer, and which pages are locked */
	CONFORM_AREAS_SHOWN, /* /proc/self/maps */
	CONFORM_AREAS
};
const char *conform_area_name(enum conform_area area);
const char *conform_area_meaning(enum conform_area area);

/* One check that did not come out right. */
struct conform_difference {
	enum conform_area area;
	unsigned int sequence, call;
	const char *what; /* "result", "pages", ... */
	char expected[CONFORM_PAGES * 11 + 1], seen[CONFORM_PAGES * 11 + 1];
};

struct conform_score {
	unsigned long checks, right;
	unsigned int first; /* its first difference; valid if checks > right */
};

struct conform_verdict {
	struct conform_score score[CONFORM_AREAS];
	struct conform_difference *difference; /* by sequence and call */
	unsigned int nr_differences;
	unsigned int ran, skipped, died, not_run, right; /* sequences */
};
/* 0 or -ENOMEM; freed in any case. */
int conform_judge(const struct conform_set *set, const struct conform_run *run,
	const struct kernel_profile *profile, struct conform_verdict *verdict);
void conform_verdict_free(struct conform_verdict *verdict);

#endif /* CONFORM_CONFORM_H */
