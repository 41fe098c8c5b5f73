/* SPDX-License-Identifier: MIT */
/*
 * Contender `judy`: JudyL, from the last address of an area to the area, whose first address is read from the
 * area itself.
 */
#include <Judy.h>
#include <stdlib.h>

#include "contender.h"

typedef struct {
	Pvoid_t judy;
} tree_t;

static inline void *tree_load(tree_t *tree, unsigned long index)
{
	Word_t last = index;
	struct area **area = (struct area **)JudyLFirst(tree->judy, &last, PJE0);

	return area && (*area)->first <= index ? *area : NULL;
}

static inline void tree_insert(tree_t *tree, struct area *area)
{
	struct area **place = (struct area **)JudyLIns(&tree->judy, area->last, PJE0);

	if (place == PJERR)
		abort();
	*place = area;
}

static inline void tree_erase(tree_t *tree, struct area *area)
{
	if (JudyLDel(&tree->judy, area->last, PJE0) != 1)
		abort();
}

#include "loops.h"

static void *judy_create(bool rcu)
{
	return calloc(1, sizeof(tree_t));
}

static void judy_destroy(void *arg)
{
	tree_t *tree = arg;

	JudyLFreeArray(&tree->judy, PJE0);
	free(tree);
}

static unsigned long judy_iterate(void *arg)
{
	const tree_t *tree = arg;
	Word_t last = 0;
	unsigned long sum = 0;

	for (PPvoid_t p = JudyLFirst(tree->judy, &last, PJE0); p; p = JudyLNext(tree->judy, &last, PJE0))
		sum += (unsigned long)*p;
	return sum;
}

static size_t judy_bytes(void *tree)
{
	return JudyLMemUsed(((tree_t *)tree)->judy);
}

const struct contender contender_judy = {
	.name = "judy",
	.package = "libjudy-dev",
	.create = judy_create,
	.destroy = judy_destroy,
	.insert = loop_insert,
	.append = loop_insert,
	.load = loop_load,
	.chase = loop_chase,
	.mix = loop_mix,
	.overwrite = loop_insert,
	.iterate = judy_iterate,
	.bytes = judy_bytes,
};
