/* SPDX-License-Identifier: MIT */
/*
 * Radix priority search trees: validation, one pass over all nodes, checking PR1 to PR6 of <vmaple/prio_tree.h>.
 *
 * The pass carries the bits that the way down decided.  It follows a child only once its parent word was seen to lead
 * back, so that it ends whatever the links say; PR1 and PR2 bound its depth by b + 65 nodes.
 */
#include "internal.h"

/* What the way from the root to a node says of it. */
struct way {
	const struct prio_tree_root *root;
	unsigned int level;
	unsigned long start, size; /* the bits decided so far, the others 0 */
};

static bool fail(const char **reason, const char *rule)
{
	*reason = rule;
	return false;
}

/* Are the bits of @node as the way decided them? */
static bool lies_right(const struct way *way, const struct prio_tree_node *node)
{
	unsigned int bits = way->root->index_bits;
	unsigned int open_start = way->level < bits ? bits - way->level : 0;
	unsigned int open_size = way->level < bits ? WORD_BITS : WORD_BITS - (way->level - bits);
	unsigned long start = node->start ^ way->start, size = (node->last - node->start) ^ way->size;

	return (open_start >= WORD_BITS || !(start >> open_start)) &&
	       (open_size >= WORD_BITS || !(size >> open_size));
}

/* The way to the @side child of a node on it; no bit is left to decide for one below the last level. */
static struct way way_down(const struct way *way, unsigned long side)
{
	struct way down = *way;
	unsigned int bits = way->root->index_bits;

	if (way->level < bits)
		down.start |= side << (bits - 1 - way->level);
	else if (way->level < bits + WORD_BITS)
		down.size |= side << (WORD_BITS - 1 - (way->level - bits));
	down.level++;
	return down;
}

static bool check_followers(const struct prio_tree_node *first, const char **reason)
{
	const struct prio_tree_node *before = first, *node = first->equal;

	for (; node; before = node, node = node->right)
		if (!prio_tree_follows(node) || node->left != before || node->equal ||
			!prio_tree_same(node, first))
			return fail(reason, "PR4: equal intervals follow the one in the tree");
	return true;
}

static bool check_subtree( // NOLINT(misc-no-recursion): bounded by the bits of two words
	const struct way *way, const struct prio_tree_node *node, const struct prio_tree_node *parent,
	const char **reason)
{
	if (!node)
		return true;
	if (node->parent != parent || way->level > way->root->index_bits + WORD_BITS)
		return fail(reason, "PR3: a parent word names the node above");
	if (parent && !prio_tree_before(parent, node))
		return fail(reason, "PR1: a node comes before its children");
	if (node->last < node->start)
		return fail(reason, "PR6: an interval does not end before it starts");
	if (prio_tree_bits(node->last) > way->root->index_bits)
		return fail(reason, "PR5: every last fits into index_bits");
	if (!lies_right(way, node))
		return fail(reason, "PR2: bits of start, then of the size, say where a node lies");
	if (!check_followers(node, reason))
		return false;
	for (unsigned int side = 0; side < 2; side++) {
		struct way down = way_down(way, side);

		if (!check_subtree(&down, node->child[side], node, reason))
			return false;
	}
	return true;
}

bool prio_tree_validate(const struct prio_tree_root *root, const char **reason)
{
	struct way way = { .root = root };

	return check_subtree(&way, root->prio_tree_node, NULL, reason);
}
