/* SPDX-License-Identifier: MIT */
/*
 * Duplication: every node is copied whole, so the copy has the same shape and costs one memcpy per node.
 *
 * Failure.  A copy that runs out of memory gives back what it made and leaves the new tree empty.
 */
#include "leaf.h"
#include "bytes.h"

static struct mt_leaf *dup_leaf(const struct mt_leaf *leaf, gfp_t gfp)
{
	struct mt_leaf *copy = pool_alloc(leaf_kind(leaf), gfp);

	if (copy)
		leaf_copy(copy, leaf);
	return copy;
}

/* @return the copy of @node and all below it, NULL when memory ran out. */
static void *dup_node(const void *node, unsigned int height, gfp_t gfp)
{
	struct mt_inner *copy;

	if (height == 1)
		return dup_leaf(node, gfp);
	copy = pool_alloc(POOL_INNER, gfp);
	if (!copy)
		return NULL;
	memcpy(copy, node, sizeof(*copy));
	for (unsigned int i = 0; i < copy->nr; i++) {
		copy->slot[i] = dup_node(copy->slot[i], height - 1, gfp);
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
	void *copy;

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
