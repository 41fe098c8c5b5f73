/* SPDX-License-Identifier: MIT */
/* Sets of addresses: what is known of an address space between two calls. */
#include "internal.h"

#define REMEMBERED xa_mk_value(1)

bool remember(struct maple_tree *set, uint64_t start, uint64_t end)
{
	return end <= start || mtree_store_range(set, start, end - 1, REMEMBERED, GFP_KERNEL) == 0;
}

bool forget(struct maple_tree *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	if (end <= start || !mt_find(set, &at, end - 1) ||
		mtree_store_range(set, start, end - 1, NULL, GFP_KERNEL) == 0)
		return true;
	mtree_destroy(set);
	return false;
}

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
