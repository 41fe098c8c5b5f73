/* SPDX-License-Identifier: MIT */
/*
 * A maple tree as a contender: the same lines for ours and for the kernel's, which have one interface. Included
 * after the tree's header. The tree is as an mm's: gaps are kept, the caller has the lock.
 */
#ifndef BENCH_PEERS_MAPLE_H
#define BENCH_PEERS_MAPLE_H

#include <stdlib.h>

#include "contender.h"

typedef struct maple_tree tree_t;

static inline void *tree_load(tree_t *tree, unsigned long index)
{
	return mtree_load(tree, index);
}

static inline void tree_insert(tree_t *tree, struct area *area)
{
	MA_STATE(mas, tree, area->first, area->last);

	if (mas_store_gfp(&mas, area, GFP_KERNEL))
		abort();
}

static inline void tree_erase(tree_t *tree, struct area *area)
{
	MA_STATE(mas, tree, area->first, area->first);

	if (!mas_erase(&mas))
		abort();
}

#include "loops.h"

static void maple_append(void *tree, struct area *const *areas, size_t nr)
{
	MA_STATE(mas, (tree_t *)tree, 0, 0);

	for (size_t i = 0; i < nr; i++) {
		mas_set_range(&mas, areas[i]->first, areas[i]->last);
		if (mas_store_gfp(&mas, areas[i], GFP_KERNEL))
			abort();
	}
}

/* Before the first tree is made. */
static void tree_prepare(void);

static void *maple_create(bool rcu)
{
	tree_t *tree = malloc(sizeof(*tree));

	if (!tree)
		abort();
	tree_prepare();
	mt_init_flags(tree, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN | (rcu ? MT_FLAGS_USE_RCU : 0));
	return tree;
}

static void maple_destroy(void *tree)
{
	__mt_destroy(tree);
	free(tree);
}

static unsigned long maple_gap_lowest(void *tree, const struct gap_query *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		MA_STATE(mas, (tree_t *)tree, 0, 0);

		if (mas_empty_area(&mas, query[i].min, query[i].max, query[i].size) == 0)
			sum += mas.index;
	}
	return sum;
}

static unsigned long maple_gap_highest(void *tree, const struct gap_query *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		MA_STATE(mas, (tree_t *)tree, 0, 0);

		if (mas_empty_area_rev(&mas, query[i].min, query[i].max, query[i].size) == 0)
			sum += mas.index;
	}
	return sum;
}

static unsigned long maple_iterate(void *tree)
{
	MA_STATE(mas, (tree_t *)tree, 0, 0);
	unsigned long sum = 0;
	void *entry;

	mas_for_each (&mas, entry, ULONG_MAX)
		sum += (unsigned long)entry;
	return sum;
}

static void *maple_duplicate(void *tree)
{
	tree_t *copy = maple_create(false);

	if (__mt_dup(tree, copy, GFP_KERNEL))
		abort();
	return copy;
}

#define MAPLE_OPERATIONS                                                                            \
	.create = maple_create, .destroy = maple_destroy, .rcu = true, .insert = loop_insert,       \
	.append = maple_append, .load = loop_load, .chase = loop_chase, .mix = loop_mix,            \
	.overwrite = loop_insert, .gap_lowest = maple_gap_lowest, .gap_highest = maple_gap_highest, \
	.iterate = maple_iterate, .duplicate = maple_duplicate

#endif /* BENCH_PEERS_MAPLE_H */
