/* SPDX-License-Identifier: MIT */
/*
 * Duplication: every node is copied whole, so the copy has the same shape and costs one memcpy per node.
 *
 * Failure.  A copy that runs out of memory gives back what it made and leaves the new tree empty.
 */
#include "node.h"

#include <errno.h>
#include <string.h>

/* @return the copy of @node and all below it, NULL when memory ran out. */
static struct mt_node *dup_node(const struct mt_node *node, unsigned int height, gfp_t gfp)
{
	bool leaf = height == 1;
	struct mt_node *copy = pool_alloc(leaf ? POOL_LEAF : POOL_INNER, gfp);

	if (!copy)
		return NULL;
	memcpy(copy, node, leaf ? POOL_LEAF_SIZE : POOL_INNER_SIZE);
	for (unsigned int i = 0; !leaf && i < node->nr; i++) {
		copy->slot[i] = dup_node(node->slot[i], height - 1, gfp);
		if (!copy->slot[i]) {
			copy->nr = i;
			mt_free_nodes(copy, height);
			return NULL;
		}
	}
	return copy;
}

int __mt_dup(struct maple_tree *mt, struct maple_tree *new, gfp_t gfp)
{
	void *root = mt->ma_root;
	struct mt_node *copy;

	if (mt->ma_flags != new->ma_flags || !mtree_empty(new))
		return -EINVAL;
	if (!mt_root_is_node(root)) {
		new->ma_root = root;
		return 0;
	}
	copy = dup_node(mt_root_node(root), mt_root_height(root), gfp);
	if (!copy)
		return -ENOMEM;
	new->ma_gen++;
	mt_publish(&new->ma_root, mt_root_word(copy, mt_root_height(root)));
	return 0;
}

int mtree_dup(struct maple_tree *mt, struct maple_tree *new, gfp_t gfp)
{
	int ret;

	mtree_lock(mt);
	mtree_lock(new);
	ret = __mt_dup(mt, new, gfp);
	mtree_unlock(new);
	mtree_unlock(mt);
	return ret;
}
