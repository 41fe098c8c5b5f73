/* SPDX-License-Identifier: MIT */
/*
 * The cache of one free area in each thread: see <vmaple/recycle.h>.
 *
 * Without RCU mode. In it areas are retired, and come back through the object cache.
 */
#include <vmaple/recycle.h>

#include "internal.h"
#include "recycle.h"
#include "thread_local.h"

/* What prepopulate_vma() provides for. */
#define CALL_AREAS 24 /* for 8 that change: a copy of each, and cuts; those that went may still be read */
#define CALL_NODES 24 /* of each kind of node: a rebuild's worst case, and a copy for each other area */
#define CALL_LINKS 24 /* an anon_vma for each area, its link, and one that is inherited or a file's */

static THREAD_LOCAL struct {
	void *free_vma;
	bool watched; /* is given back when the thread ends */
	struct vma_recycle_stats stats;
} mine THREAD_LOCAL_STATIC;

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
	static const struct {
		enum pool_kind kind;
		unsigned int nr;
	} needs[] = {
		{ POOL_LEAF, CALL_NODES }, { POOL_INNER, CALL_NODES }, { POOL_SMALL, CALL_LINKS },
		{ POOL_MIDDLE, CALL_LINKS }, { POOL_LARGE, 2 }, /* the file of shared memory, and its pages */
	};
	int err = pool_prefill(INDEX_AREA_POOL, CALL_AREAS);

	if (!err && !mine.free_vma)
		err = keep_one_more();
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && !err; i++)
		err = pool_prefill(needs[i].kind, needs[i].nr);
	return err;
}

void vma_recycle_stats(struct vma_recycle_stats *stats)
{
	*stats = mine.stats;
}
