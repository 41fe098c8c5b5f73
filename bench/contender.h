/* SPDX-License-Identifier: MIT */
/*
 * Contenders: what is measured.
 *
 * 1. Each is an index from ranges of addresses to areas, with the same operations in batches: the loop is inside,
 *    so that the call through a pointer is paid once a batch. loops.h makes the loops from a few inline functions,
 *    the same for all.
 * 2. Each operation returns a sum over its results. bench_compare() stops when two contenders differ: what is
 *    timed has given the right answers.
 * 3. An operation that a contender does not have is NULL, and it has no line in that question.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The entry: [first, last], bytes. */
struct area {
	unsigned long first, last;
};

/* One step of the mix: @out leaves, @in comes; they do not overlap anything else that is there. */
struct step {
	struct area *out, *in;
};

/* Where in [min, max] is a free run of @size bytes? */
struct gap_query {
	unsigned long min, max, size;
};

struct contender {
	const char *name;
	const char *package;  /* what to install when it is missing */
	void (*select)(void); /* before each round */
	void *(*create)(bool rcu);
	void (*destroy)(void *tree);
	bool rcu;              /* readers may be inside while one thread writes */
	bool same_but_for_rcu; /* a variant: shown only where a tree in RCU mode is written */
	void (*insert)(void *tree, struct area *const *areas, size_t nr);
	/* The same in ascending order, in the way that the contender has for it. */
	void (*append)(void *tree, struct area *const *areas, size_t nr);
	unsigned long (*load)(void *tree, const unsigned long *index, size_t nr);
	/* As load, several at a time; NULL: one by one is all that it can. */
	unsigned long (*load_many)(void *tree, const unsigned long *index, size_t nr);
	/* As load, beginning where the last was found; NULL: it has no such place. */
	unsigned long (*load_near)(void *tree, const unsigned long *index, size_t nr);
	/* As load, each index known only when the entry before has been found. */
	unsigned long (*chase)(void *tree, const unsigned long *index, size_t nr);
	void (*mix)(void *tree, const struct step *steps, size_t nr);
	/* Each of @areas takes the place of one with the same bounds. */
	void (*overwrite)(void *tree, struct area *const *areas, size_t nr);
	unsigned long (*gap_lowest)(void *tree, const struct gap_query *query, size_t nr);
	unsigned long (*gap_highest)(void *tree, const struct gap_query *query, size_t nr);
	unsigned long (*iterate)(void *tree);
	void *(*duplicate)(void *tree);
	size_t (*bytes)(void *tree); /* of the index, without the areas */
	/* Around one load beside a writer, where load does not do it by itself. NULL: nothing to do. */
	void (*read_lock)(void), (*read_unlock)(void);
	void (*write_lock)(void), (*write_unlock)(void);
	void (*barrier)(void);     /* wait for what a grace period is owed to */
	void (*thread_exit)(void); /* a thread that has written ends */
	const void *ops;           /* of questions that have operations of their own: trees.h */
};

extern const struct contender contender_vmaple, contender_vmaple_avx2, contender_vmaple_sse,
	contender_vmaple_scalar;
extern const struct contender contender_linux_maple, contender_linux_maple_each, contender_linux_rbtree;
extern const struct contender contender_linux_maple_6_12;
extern const struct contender contender_absl_btree, contender_std_map, contender_judy;

#ifdef __cplusplus
}
#endif
#endif /* BENCH_CONTENDER_H */
