/* SPDX-License-Identifier: MIT */
/*
 * The cache of one free area in each thread: see <vmaple/recycle.h>.
 *
 * Without RCU mode. In it areas are retired, and come back through the object cache.
 */
#include <vmaple/recycle.h>

#include "internal.h"
#include "recycle.h"

#define CALL_AREAS 8  /* that a call may change, of those that prepopulate_vma() provides for */
#define CALL_NODES 24 /* of each kind of node: a rebuild's worst case, and a copy for each other area */

static __thread struct {
	void *free_vma;
	bool watched; /* is given back when the thread ends */
	struct vma_recycle_stats stats;
} mine __attribute__((tls_model("initial-exec")));

static void give_back(void)
{
	if (mine.free_vma)
		pool_free(INDEX_AREA_POOL, mine.free_vma);
	mine.free_vma = NULL;
	mine.watched = false;
}

/* Keep @vma; of two, the one that was used last. */
static void keep(void *vma)
{
	if (!mine.watched)
		mine.watched = pool_at_thread_exit(give_back);
	if (mine.free_vma)
		pool_free(INDEX_AREA_POOL, mine.free_vma);
	mine.free_vma = mine.watched ? vma : NULL;
	if (!mine.watched)
		pool_free(INDEX_AREA_POOL, vma);
}

static int keep_one_more(void)
{
	void *vma = pool_alloc(INDEX_AREA_POOL, GFP_KERNEL);

	if (!vma)
		return -ENOMEM;
	keep(vma);
	return 0;
}

void *recycle_alloc(void)
{
	void *vma = mine.free_vma;

	mine.stats.asked++;
	if (!vma)
		return pool_alloc(INDEX_AREA_POOL, GFP_KERNEL);
	if (pool_refuses(INDEX_AREA_POOL))
		return NULL;
	mine.stats.recycled++;
	mine.free_vma = NULL;
	return vma;
}

void recycle_free(void *vma)
{
	keep(vma);
}

int prepopulate_vma(void)
{
	int err = pool_prepare(INDEX_AREA_POOL, CALL_AREAS);

	if (!err && !mine.free_vma)
		err = keep_one_more();
	for (int kind = 0; kind < POOL_KINDS && !err; kind++)
		if (kind != POOL_AREA && kind != POOL_LINKED_AREA)
			err = pool_prepare((enum pool_kind)kind, CALL_NODES);
	return err;
}

void vma_recycle_stats(struct vma_recycle_stats *stats)
{
	*stats = mine.stats;
}
