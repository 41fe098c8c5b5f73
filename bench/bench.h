/* SPDX-License-Identifier: MIT */
/*
 * Measuring: theory of operation
 *
 * 1. A question is a file with one function, which asks bench_compare() one or more times: for this work, at this
 *    n, what does each contender take?
 * 2. Rounds.  Every contender makes its index; one round of each warms up; then BENCH_ROUNDS rounds, in each all
 *    contenders one after the other on the same input. So a machine that slows down slows all of them. At the end
 *    the first contender, ours, is measured once more: how far it has come from its minimum is the drift.
 *    Whose memory was asked for first may be a tenth slower for it, whoever that is: where trees can be made anew,
 *    that is done after half of the rounds, in the other order.
 * 3. Figures.  Nanoseconds per operation, minimum and median over rounds. The ratio is the contender's minimum
 *    divided by ours: above 1, ours is faster.
 * 4. Clocks.  Work of one thread is timed by the CPU time of the thread, so that people who share the machine cost
 *    less; work that other threads finish (grace periods), by the CPU time of the process; work beside other
 *    threads, by the wall.
 * 5. Trust.  Each round gives a sum over its results; contenders must agree, or the program stops.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "../tests/common/random.h"
#include "contender.h"

#define BENCH_ROUNDS     10
#define BENCH_CONTENDERS 16
_Static_assert(BENCH_ROUNDS % 2 == 0, "of two contenders, each begins as often");

enum bench_clock {
	BENCH_THREAD = CLOCK_THREAD_CPUTIME_ID,
	BENCH_PROCESS = CLOCK_PROCESS_CPUTIME_ID,
	BENCH_WALL = CLOCK_MONOTONIC,
};

/* One contender in one comparison. */
struct trial {
	const struct contender *contender;
	void *tree; /* made by begin(), the question's until end() */
	double ns[BENCH_ROUNDS];
	double bytes; /* per entry; 0: not asked */
};

struct work {
	const char *question;
	const char *which; /* of several kinds of work that one question has; "" when there is one */
	size_t n;          /* entries */
	size_t operations; /* in one round */
	enum bench_clock clock;
	unsigned int
		threads; /* that want a core each at the same time, and never wait; 0: one, which may wait */
	void *arg;
	/* Who takes part, ours first; NULL: all contenders that can. */
	const struct contender *contenders;
	size_t nr_contenders;
	/* NULL: @contender has no such operation. */
	bool (*can)(const struct contender *contender);
	void (*begin)(struct trial *trial, void *arg);
	/* Before each round, once for all contenders; before and after each contender's. Not timed. May be NULL. */
	void (*round)(void *arg);
	void (*before)(struct trial *trial, void *arg);
	void (*after)(struct trial *trial, void *arg);
	unsigned long (*run)(struct trial *trial, void *arg);
	/* After each contender's run, not timed: what is added to its sum. May be NULL. */
	unsigned long (*check)(struct trial *trial, void *arg);
	/* Instead of the clock: nanoseconds that run() has taken, when it is not all of it that counts. May be NULL. */
	double (*took)(struct trial *trial, void *arg);
	/* begin() may be asked again after end(): rounds leave the input as it was. */
	bool anew;
	void (*end)(struct trial *trial, void *arg);
	double *best; /* becomes each contender's minimum, in their order; may be NULL */
};

/* @return are there figures? There are not where threads had no cores of their own. */
bool bench_compare(const struct work *work);
/* Is the answer for a program, or for the page, and further tables are not wanted? */
bool bench_json(void);

/* The sizes that a question is asked at: --n, or its own, ending with 0. */
const size_t *bench_sizes(const size_t *own);
/* --calls: a file; NULL: none was given. */
const char *bench_calls(void);

double bench_seconds(enum bench_clock clock);

/* Memory or the end of the program. */
void *bench_alloc(size_t nr, size_t size);

/*
 * Input. Areas of 1 to 64 pages with holes of 0 to 16 between them, ascending, and a shuffled list of pointers to
 * them. The same seed at every run.
 */
#define BENCH_PAGE 4096UL

struct areas {
	size_t nr;
	struct area *sorted;
	struct area **ordered; /* pointers to sorted[], ascending */
	struct area **shuffled;
};
void areas_make(struct areas *areas, size_t nr, struct random *random);
void areas_free(struct areas *areas);
void areas_shuffle(struct area **areas, size_t nr, struct random *random);
/* The same for numbers. */
void bench_shuffle(unsigned int *numbers, size_t nr, struct random *random);
/* An address in @area. */
unsigned long area_address(const struct area *area, struct random *random);

/* An index that holds all of @areas, stored in random order. */
void *bench_fill(const struct contender *contender, const struct areas *areas, bool rcu);
void bench_select(const struct contender *contender);
/* A check: the areas that the index holds in the end. */
unsigned long bench_holds(struct trial *trial, void *arg);

/* The questions */
void question_lookup(void);
void question_lookup_dependent(void);
void question_lookup_batch(void);
void question_lookup_again(void);
void question_lookup_cold(void);
void question_lookup_in_handler(void);
void question_mix_rcu(void);
void question_overwrite(void);
void question_gap_lowest(void);
void question_gap_highest(void);
void question_gap_window(void);
void question_iterate(void);
void question_build(void);
void question_duplicate(void);
void question_memory(void);
void question_reader_beside_writer(void);
void question_writer_beside_reader(void);
void question_mmap_pair(void);
void question_mprotect_pair(void);
void question_brk_pair(void);
void question_fork_exit(void);
void question_threads_lookup(void);
void question_threads_fault(void);
void question_threads_mmap(void);
void question_vma_recycling(void);
void question_mmap_hold(void);
void question_rbtree_search(void);
void question_rbtree_insert(void);
void question_rbtree_erase(void);
void question_rbtree_replace(void);
void question_rbtree_next(void);
void question_rbtree_prev(void);
void question_rbtree_postorder(void);
void question_interval_stab(void);
void question_interval_insert(void);
void question_interval_erase(void);
void question_interval_update(void);
void question_range_map(void);
void question_range_map_recorded(void);

#endif /* BENCH_BENCH_H */
