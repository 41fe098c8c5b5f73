/* SPDX-License-Identifier: MIT */
/*
 * Radix priority search trees: insertion and removal. Theory, invariants and failure: internal.h.
 *
 * 1. An insertion goes one way down. Where the node in hand comes before the one that it meets it takes that place,
 *    and the other goes on down, by its own bits.
 * 2. A removal leaves a hole. The child that comes first moves up into it and leaves a hole of its own; a place
 *    further up on the same way is right for any node (PR2 only asks for what lies above it).
 */
#include "internal.h"

static struct prio_tree_node **link_to(struct prio_tree_root *root, const struct prio_tree_node *node)
{
	if (!node->parent)
		return &root->prio_tree_node;
	return &node->parent->child[node->parent->right == node];
}

static void hang(struct prio_tree_node *parent, unsigned int side, struct prio_tree_node *child)
{
	parent->child[side] = child;
	if (child)
		child->parent = parent;
}

/* Put @node where @victim is. Lists that follow them stay with them. */
static void take_place(
	struct prio_tree_node *victim, struct prio_tree_node *node, struct prio_tree_node **link)
{
	*link = node;
	node->parent = victim->parent;
	hang(node, 0, victim->left);
	hang(node, 1, victim->right);
}

static void follow(struct prio_tree_node *node, struct prio_tree_node *first)
{
	node->parent = node;
	node->equal = NULL;
	node->left = first;
	node->right = first->equal;
	if (node->right)
		node->right->left = node;
	first->equal = node;
}

static void unfollow(struct prio_tree_node *node)
{
	if (node->left->equal == node)
		node->left->equal = node->right;
	else
		node->left->right = node->right;
	if (node->right)
		node->right->left = node->left;
}

/* The first that follows @node stands in for it; the second follows the first already. */
static void promote(struct prio_tree_root *root, struct prio_tree_node *node)
{
	struct prio_tree_node *heir = node->equal;

	heir->equal = heir->right;
	take_place(node, heir, link_to(root, node));
}

/* The one of two children, either of which may be NULL, that comes first. */
static struct prio_tree_node *first_of(struct prio_tree_node *const child[2])
{
	if (!child[0] || !child[1])
		return child[0] ? child[0] : child[1];
	return child[prio_tree_before(child[1], child[0])];
}

/*
 * Close the hole that @node leaves.
 *
 *	    (hole)                  u
 *	    /    \                /   \
 *	   u      o      ==>   (hole)  o        u comes before o
 *	  / \                   / \
 *	 1   2                 1   2
 */
static void close_hole(struct prio_tree_root *root, struct prio_tree_node *node)
{
	struct prio_tree_node **link = link_to(root, node), *parent = node->parent, *up;
	struct prio_tree_node *child[2] = { node->left, node->right };

	while ((up = first_of(child))) {
		unsigned int side = up == child[1];
		struct prio_tree_node *other = child[!side];

		child[0] = up->left;
		child[1] = up->right;
		*link = up;
		up->parent = parent;
		hang(up, !side, other);
		link = &up->child[side];
		parent = up;
	}
	*link = NULL;
}

/* Part 4 of the theory. */
static void grow(struct prio_tree_root *root, unsigned int bits)
{
	struct prio_tree_node *chain = NULL, *end = NULL, *top;

	for (unsigned int level = bits - root->index_bits; level && root->prio_tree_node; level--) {
		top = root->prio_tree_node;
		close_hole(root, top);
		top->left = top->right = top->parent = NULL;
		if (end)
			hang(end, 0, top);
		else
			chain = top;
		end = top;
	}
	if (end) {
		hang(end, 0, root->prio_tree_node);
		root->prio_tree_node = chain;
	}
	root->index_bits = (unsigned short)bits;
}

void prio_tree_insert(struct prio_tree_root *root, struct prio_tree_node *node)
{
	struct prio_tree_node **link = &root->prio_tree_node, *parent = NULL, *met;
	unsigned int bits = prio_tree_bits(node->last);

	if (bits > root->index_bits)
		grow(root, bits);
	node->equal = NULL;
	for (unsigned int level = 0; (met = *link); level++) {
		unsigned int side;

		if (prio_tree_same(met, node)) {
			follow(node, met);
			return;
		}
		parent = met;
		if (prio_tree_before(node, met)) {
			take_place(met, node, link);
			parent = node;
			node = met;
		}
		side = prio_tree_side(root, node, level);
		link = &parent->child[side];
	}
	*link = node;
	node->parent = parent;
	node->left = node->right = NULL;
}

void prio_tree_remove(struct prio_tree_root *root, struct prio_tree_node *node)
{
	if (prio_tree_follows(node))
		unfollow(node);
	else if (node->equal)
		promote(root, node);
	else
		close_hole(root, node);
	if (!root->prio_tree_node)
		root->index_bits = 0;
}
