/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: ways through them, in order and children first.
 *
 * 1. A step in order goes down one side and then always the other, or up until it comes from the right side:
 *    each link is passed twice in a whole walk, so that a step is O(1) on average.
 * 2. All of it follows parent words: for holders of the lock only (RL4).
 */
#include <vmaple/rbtree.h>

/* The end of the subtree on side @dir. */
static struct rb_node *outermost(struct rb_node *node, int dir)
{
	if (node)
		while (node->rb_child[dir])
			node = node->rb_child[dir];
	return node;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->rb_node, 0);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->rb_node, 1);
}

static inline __attribute__((always_inline)) struct rb_node *step(const struct rb_node *node, int dir)
{
	struct rb_node *parent;

	if (RB_EMPTY_NODE(node))
		return NULL;
	if (node->rb_child[dir])
		return outermost(node->rb_child[dir], !dir);
	while ((parent = rb_parent(node)) && parent->rb_child[dir] == node)
		node = parent;
	return parent;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return step(node, 1);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return step(node, 0);
}

/* The first of a subtree, children first: down to a leaf, left where there is a left. */
static struct rb_node *deepest_left(struct rb_node *node)
{
	struct rb_node *child;

	while ((child = node->rb_left ? node->rb_left : node->rb_right))
		node = child;
	return node;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return root->rb_node ? deepest_left(root->rb_node) : NULL;
}

struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = rb_parent(node);

	if (parent && node == parent->rb_left && parent->rb_right)
		return deepest_left(parent->rb_right);
	return parent;
}
