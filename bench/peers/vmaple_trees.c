/* SPDX-License-Identifier: MIT */
/*
 * Contenders: our red-black tree, interval tree (from hit to hit, and walked through), priority search tree and
 * interval map.
 */
#include <vmaple/interval_map.h>
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

/* --- the interval map --------------------------------------------------------------------------------------- */

struct mapped {
	struct interval_map map;
	struct span *spans;
};

static void map_insert(void *tree, const unsigned int *which, size_t nr)
{
	struct mapped *t = tree;

	for (size_t i = 0; i < nr; i++)
		if (interval_map_insert(&t->map, t->spans[which[i]].start, t->spans[which[i]].last,
			    (void *)(uintptr_t)which[i]))
			abort();
}

static void map_erase(void *tree, const unsigned int *which, size_t nr)
{
	struct mapped *t = tree;

	for (size_t i = 0; i < nr; i++)
		if (interval_map_erase(&t->map, t->spans[which[i]].start, t->spans[which[i]].last,
			    (void *)(uintptr_t)which[i]))
			abort();
}

static void *map_create(const struct span *spans, size_t nr)
{
	struct mapped *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->spans = make_items(nr, sizeof(*t->spans));
	for (unsigned int i = 0; i < nr; i++) {
		t->spans[i] = spans[i];
		map_insert(t, &i, 1);
	}
	return t;
}

static void map_destroy(void *tree)
{
	struct mapped *t = tree;

	interval_map_clear(&t->map);
	free(t->spans);
	free(t);
}

static unsigned long map_stab(void *tree, const unsigned long *point, size_t nr)
{
	struct mapped *t = tree;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		struct interval_map_iter iter;

		interval_map_iter_init(&iter, &t->map, point[i], point[i]);
		while (interval_map_next(&iter))
			sum += STAB_HIT((uintptr_t)iter.entry);
	}
	return sum;
}

const struct interval_ops interval_map_interval_ops = { { map_destroy, map_insert, map_erase }, map_create,
	map_stab };
