/* SPDX-License-Identifier: MIT */
/*
 * Contenders that are trees by themselves: red-black trees, and intervals.
 *
 * Each has its operations in batches, as in contender.h; struct contender holds them as `ops`.  The loops around a
 * red-black tree are written once (peers/rb_ops.h) and compiled with our headers and with the kernel's, and so are
 * those around an interval tree (peers/interval_ops.h).
 */
#ifndef BENCH_TREES_H
#define BENCH_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What questions about change ask of a tree, which knows its items by number. */
struct change_ops {
	void (*destroy)(void *tree);
	/* NULL: it cannot change. */
	void (*insert)(void *tree, const unsigned int *which, size_t nr);
	void (*erase)(void *tree, const unsigned int *which, size_t nr);
};

/* A tree over nr items with the keys 0 to nr - 1 (item i has key keys[i]), all of them in it. */
struct rb_ops {
	struct change_ops change;
	void *(*create)(const unsigned int *keys, size_t nr, bool augmented);
	unsigned long (*search)(void *tree, const unsigned int *key, size_t nr);
	/* Each item gives its place to another with the same key. */
	void (*replace)(void *tree, const unsigned int *which, size_t nr);
	/* All items, as sums in which the order counts. */
	unsigned long (*next)(void *tree);
	unsigned long (*prev)(void *tree);
	unsigned long (*postorder)(void *tree);
};
extern const struct rb_ops vmaple_rb_ops, linux_rb_ops;

/* [start, last] */
struct span {
	unsigned long start, last;
};

/* All of @spans are in it; interval i is known by its number. */
struct interval_ops {
	struct change_ops change;
	void *(*create)(const struct span *spans, size_t nr);
	/* Of all intervals that hold the points: how many, and their numbers, added up. */
	unsigned long (*stab)(void *tree, const unsigned long *point, size_t nr);
};
extern const struct interval_ops vmaple_interval_ops, vmaple_iter_interval_ops, prio_tree_interval_ops;
extern const struct interval_ops interval_map_interval_ops;
extern const struct interval_ops linux_interval_ops, icl_interval_ops, implicit_interval_ops;

/* The items of a tree, of @size bytes and each in a cache line of its own. */
static inline void *make_items(size_t nr, size_t size)
{
	void *items = aligned_alloc(4096, (nr * size + 4095) & ~4095UL);

	if (!items)
		abort();
	return items;
}

/* What stab() adds up for a hit. */
#define STAB_HIT(number) ((unsigned long)(number) + (1UL << 40))

#ifdef __cplusplus
}
#endif
#endif /* BENCH_TREES_H */
