/* SPDX-License-Identifier: MIT */
/*
 * Sets of addresses: what is known of an address space between two calls.
 *
 * Sets are maple trees of ranges whose value says nothing; neighbours that touch may be one entry or two,
 * so nobody may count them. O(log n) each. What cannot be noted is reported, and each user has its own
 * way to be careful then (growth_lost, special_lost).
 */
#include "internal.h"

#define REMEMBERED xa_mk_value(1)

bool remember(struct maple_tree *set, uint64_t start, uint64_t end)
{
	return end <= start || mtree_store_range(set, start, end - 1, REMEMBERED, GFP_KERNEL) == 0;
}

/*
 * To cut a hole into a run takes memory, and a set that has too much is wrong where one that has nothing
 * is only slow: so all of it is dropped.
 */
bool forget(struct maple_tree *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	if (end <= start || !mt_find(set, &at, end - 1) ||
		mtree_store_range(set, start, end - 1, NULL, GFP_KERNEL) == 0)
		return true;
	mtree_destroy(set);
	return false;
}

/*
 * *@run is set in any case, and means nothing behind false. The lock is the tree's own and never
 * contended: one thread uses it.
 */
bool next_remembered(const struct maple_tree *set, uint64_t addr, struct range *run)
{
	MA_STATE(mas, (struct maple_tree *)set, addr, addr);
	void *found;

	mas_lock(&mas);
	found = mas_find(&mas, ULONG_MAX);
	mas_unlock(&mas);
	*run = (struct range){ mas.index, mas.last + 1 };
	return found != NULL;
}
