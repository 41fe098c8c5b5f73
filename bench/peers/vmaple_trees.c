/* SPDX-License-Identifier: MIT */
/* Contenders: our red-black tree, interval tree (from hit to hit, and walked through) and priority search tree. */
#include <vmaple/interval_tree.h>
#include <vmaple/prio_tree.h>

#define RB_OPS vmaple_rb_ops
#include "peers/rb_ops.h"

#define INTERVAL_OPS vmaple_iter_interval_ops
#include "peers/interval_ops.h"

static bool add_number(struct interval_tree_node *node, void *sum)
{
	*(unsigned long *)sum += STAB_HIT(number_of(node));
	return false;
}

static unsigned long interval_walk(void *tree, const unsigned long *point, size_t nr)
{
	struct intervals *t = tree;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		(void)interval_tree_walk(&t->root, point[i], point[i], add_number, &sum);
	return sum;
}

const struct interval_ops vmaple_interval_ops = { { interval_destroy, interval_insert, interval_erase },
	interval_create, interval_walk };

/* --- the priority search tree ------------------------------------------------------------------------------- */

struct prio {
	struct prio_tree_node node;
	unsigned long number;
	unsigned long spare;
};
_Static_assert(sizeof(struct prio) == 64, "an interval is one cache line");

struct prios {
	struct prio_tree_root root;
	struct prio *all;
};

static void prio_insert(void *tree, const unsigned int *which, size_t nr)
{
	struct prios *t = tree;

	for (size_t i = 0; i < nr; i++)
		prio_tree_insert(&t->root, &t->all[which[i]].node);
}

static void prio_erase(void *tree, const unsigned int *which, size_t nr)
{
	struct prios *t = tree;

	for (size_t i = 0; i < nr; i++)
		prio_tree_remove(&t->root, &t->all[which[i]].node);
}

static void *prio_create(const struct span *spans, size_t nr)
{
	struct prios *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	prio_tree_root_init(&t->root);
	t->all = make_items(nr, sizeof(*t->all));
	for (unsigned int i = 0; i < nr; i++) {
		t->all[i].node.start = spans[i].start;
		t->all[i].node.last = spans[i].last;
		t->all[i].number = i;
		prio_insert(t, &i, 1);
	}
	return t;
}

static void prio_destroy(void *tree)
{
	struct prios *t = tree;

	free(t->all);
	free(t);
}

static unsigned long prio_stab(void *tree, const unsigned long *point, size_t nr)
{
	struct prios *t = tree;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		struct prio_tree_iter iter;
		struct prio_tree_node *node;

		prio_tree_iter_init(&iter, &t->root, point[i], point[i]);
		while ((node = prio_tree_next(&iter)))
			sum += STAB_HIT(((struct prio *)node)->number);
	}
	return sum;
}

const struct interval_ops prio_tree_interval_ops = { { prio_destroy, prio_insert, prio_erase }, prio_create,
	prio_stab };
