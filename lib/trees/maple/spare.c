/* SPDX-License-Identifier: MIT */
/*
 * Nodes that come and go: those that a cursor has set aside for its store, and those that a store has replaced.
 */
#include "node.h"

static int reserve(struct mt_node **list, enum pool_kind kind, unsigned int count, gfp_t gfp)
{
	unsigned int have = 0;

	for (struct mt_node *n = *list; n; n = n->next)
		have++;
	for (; have < count; have++) {
		struct mt_node *node = pool_alloc(kind, gfp);

		if (!node)
			return -ENOMEM;
		node->next = *list;
		*list = node;
	}
	return 0;
}

static void release(struct mt_node **list, enum pool_kind kind)
{
	while (*list) {
		struct mt_node *node = *list;

		*list = node->next;
		pool_free(kind, node);
	}
}

void mas_destroy(struct ma_state *mas)
{
	release(&mas->spare_leaf, POOL_LEAF);
	release(&mas->spare_inner, POOL_INNER);
}

int mas_reserve(struct ma_state *mas, unsigned int leaves, unsigned int inners, gfp_t gfp)
{
	if (reserve(&mas->spare_leaf, POOL_LEAF, leaves, gfp) == 0 &&
		reserve(&mas->spare_inner, POOL_INNER, inners, gfp) == 0)
		return 0;
	mas_destroy(mas);
	return -ENOMEM;
}

void *mas_take(struct ma_state *mas, enum pool_kind kind)
{
	struct mt_node **list = kind == POOL_LEAF ? &mas->spare_leaf : &mas->spare_inner;
	struct mt_node *node = *list;

	if (!node)
		port_panic("maple tree: a store needs more nodes than its worst case");
	*list = node->next;
	return node;
}

/* @node has been replaced: readers may still be in it. */
void mt_retire(struct maple_tree *mt, enum pool_kind kind, void *node)
{
	PROBE3(maple_retire, mt, kind, node);
	if (mt_in_rcu(mt))
		pool_retire(kind, node);
	else
		pool_free(kind, node);
}
