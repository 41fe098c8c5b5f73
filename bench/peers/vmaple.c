/* SPDX-License-Identifier: MIT */
/*
 * Contenders `vmaple`, `vmaple-avx2`, `vmaple-sse` and `vmaple-scalar`: our maple tree, with the best search that the
 * CPU has, with AVX2, with what every x86-64 has, and without vectors.
 */
#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "maple.h"

static void tree_prepare(void)
{
}

static void select_best(void)
{
	enum mt_search_kind kind = MT_SEARCH_NEON;

	while (!mt_search_select(kind))
		kind--;
}

static void select_avx2(void)
{
	if (!mt_search_select(MT_SEARCH_AVX2))
		select_best();
}

static void select_sse(void)
{
	(void)mt_search_select(MT_SEARCH_SSE2);
}

static void select_scalar(void)
{
	(void)mt_search_select(MT_SEARCH_SCALAR);
}

static size_t vmaple_bytes(void *tree)
{
	struct mt_stats stats;

	mt_statistics(tree, &stats);
	return stats.bytes;
}

#define BATCH 64

static unsigned long vmaple_load_many(void *tree, const unsigned long *index, size_t nr)
{
	unsigned long sum = 0;
	void *entry[BATCH];

	for (size_t at = 0; at < nr; at += BATCH) {
		unsigned int batch = (unsigned int)(nr - at < BATCH ? nr - at : BATCH);

		mtree_load_many(tree, index + at, entry, batch);
		for (unsigned int i = 0; i < batch; i++)
			sum += (unsigned long)entry[i];
	}
	return sum;
}

static unsigned long vmaple_load_near(void *tree, const unsigned long *index, size_t nr)
{
	MA_STATE(mas, (tree_t *)tree, 0, 0);
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += (unsigned long)mas_look_near(&mas, index[i]);
	return sum;
}

const struct contender contender_vmaple = {
	.name = "vmaple",
	.select = select_best,
	.bytes = vmaple_bytes,
	.load_many = vmaple_load_many,
	.load_near = vmaple_load_near,
	.barrier = vmaple_rcu_barrier,
	MAPLE_OPERATIONS,
};

const struct contender contender_vmaple_avx2 = {
	.name = "vmaple-avx2",
	.select = select_avx2,
	.bytes = vmaple_bytes,
	.load_many = vmaple_load_many,
	.load_near = vmaple_load_near,
	.barrier = vmaple_rcu_barrier,
	MAPLE_OPERATIONS,
};

const struct contender contender_vmaple_sse = {
	.name = "vmaple-sse",
	.select = select_sse,
	.bytes = vmaple_bytes,
	.load_many = vmaple_load_many,
	.load_near = vmaple_load_near,
	.barrier = vmaple_rcu_barrier,
	MAPLE_OPERATIONS,
};

const struct contender contender_vmaple_scalar = {
	.name = "vmaple-scalar",
	.select = select_scalar,
	.bytes = vmaple_bytes,
	.load_many = vmaple_load_many,
	.load_near = vmaple_load_near,
	.barrier = vmaple_rcu_barrier,
	MAPLE_OPERATIONS,
};
