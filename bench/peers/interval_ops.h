/* SPDX-License-Identifier: MIT */
/*
 * The loops around an interval tree with the kernel's interface, ours or the kernel's.  Included after the tree's
 * header and
 *
 *     #define INTERVAL_OPS name      of the struct interval_ops
 */
#include "trees.h"

/* A cache line. */
struct interval {
	struct interval_tree_node node;
	unsigned long number;
	unsigned long spare;
};
_Static_assert(sizeof(struct interval) == 64, "an interval is one cache line");

struct intervals {
	struct rb_root_cached root;
	struct interval *all;
};

static inline unsigned long number_of(struct interval_tree_node *node)
{
	return ((struct interval *)node)->number;
}

static void interval_insert(void *tree, const unsigned int *which, size_t nr)
{
	struct intervals *t = tree;

	for (size_t i = 0; i < nr; i++)
		interval_tree_insert(&t->all[which[i]].node, &t->root);
}

static void interval_erase(void *tree, const unsigned int *which, size_t nr)
{
	struct intervals *t = tree;

	for (size_t i = 0; i < nr; i++)
		interval_tree_remove(&t->all[which[i]].node, &t->root);
}

static void *interval_create(const struct span *spans, size_t nr)
{
	struct intervals *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->root = (struct rb_root_cached)RB_ROOT_CACHED;
	t->all = make_items(nr, sizeof(*t->all));
	for (unsigned int i = 0; i < nr; i++) {
		t->all[i].node.start = spans[i].start;
		t->all[i].node.last = spans[i].last;
		t->all[i].number = i;
		interval_insert(t, &i, 1);
	}
	return t;
}

static void interval_destroy(void *tree)
{
	struct intervals *t = tree;

	free(t->all);
	free(t);
}

static unsigned long interval_iterate(void *tree, const unsigned long *point, size_t nr)
{
	struct intervals *t = tree;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		for (struct interval_tree_node *node = interval_tree_iter_first(&t->root, point[i], point[i]);
			node; node = interval_tree_iter_next(node, point[i], point[i]))
			sum += STAB_HIT(number_of(node));
	return sum;
}

const struct interval_ops INTERVAL_OPS = { { interval_destroy, interval_insert, interval_erase },
	interval_create, interval_iterate };
