/* SPDX-License-Identifier: MIT */
/* Sets of addresses: what is known of an address space between two calls. */
#include "internal.h"

#define REMEMBERED xa_mk_value(1)

void remember(struct maple_tree *set, uint64_t start, uint64_t end)
{
	if (end > start)
		(void)!mtree_store_range(set, start, end - 1, REMEMBERED, GFP_KERNEL);
}

void forget(struct maple_tree *set, uint64_t start, uint64_t end)
{
	unsigned long at = start;

	if (end <= start || !mt_find(set, &at, end - 1))
		return;
	if (mtree_store_range(set, start, end - 1, NULL, GFP_KERNEL))
		mtree_destroy(set);
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
