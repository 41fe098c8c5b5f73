/* SPDX-License-Identifier: MIT */
/*
 * Radix priority search trees: all intervals that overlap a given one.
 *
 * 1. The walk meets a node before those below it, left before right.
 * 2. It passes by a subtree whose top ends before what is looked for (PR1: so do all below), and one all of whose starts
 *    lie behind it (PR2: the bits decided on the way give the least start that it can hold).
 * 3. Where it enters in spite of that it finds: at most one node on each level ends late enough and starts too late.
 */
#include "internal.h"

/* The least start that can lie to the right of a node on @level which holds @start. */
static unsigned long least_on_right(
	const struct prio_tree_root *root, unsigned long start, unsigned int level)
{
	unsigned int shift;

	if (level >= root->index_bits)
		return start;
	shift = root->index_bits - 1 - level;
	return (start >> shift | 1) << shift;
}

static bool worth_entering(const struct prio_tree_iter *iter, const struct prio_tree_node *top)
{
	return top && top->last >= iter->start;
}

static bool right_worth_entering(const struct prio_tree_iter *iter)
{
	const struct prio_tree_node *node = iter->node;

	return worth_entering(iter, node->right) &&
	       least_on_right(iter->root, node->start, iter->level) <= iter->last;
}

static bool enter(struct prio_tree_iter *iter, struct prio_tree_node *node)
{
	iter->node = node;
	iter->level++;
	return true;
}

/* Go up to the first node with a right side that is still to be seen, and enter it. */
static bool climb(struct prio_tree_iter *iter)
{
	for (;;) {
		struct prio_tree_node *from = iter->node;

		if (!from->parent)
			return false;
		iter->node = from->parent;
		iter->level--;
		if (from == iter->node->left && right_worth_entering(iter))
			return enter(iter, iter->node->right);
	}
}

/* Move to the next node that ends late enough, wherever it starts. */
static bool advance(struct prio_tree_iter *iter)
{
	if (!iter->node) {
		iter->node = iter->root->prio_tree_node;
		return worth_entering(iter, iter->node);
	}
	if (worth_entering(iter, iter->node->left))
		return enter(iter, iter->node->left);
	if (right_worth_entering(iter))
		return enter(iter, iter->node->right);
	return climb(iter);
}

struct prio_tree_node *prio_tree_next(struct prio_tree_iter *iter)
{
	struct prio_tree_node *found = iter->equal;

	if (found) {
		iter->equal = found->right;
		return found;
	}
	while (advance(iter)) {
		if (iter->node->start > iter->last)
			continue;
		iter->equal = iter->node->equal;
		return iter->node;
	}
	return NULL;
}
