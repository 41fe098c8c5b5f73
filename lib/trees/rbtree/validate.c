/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: validation, one pass over all nodes, checking RB1 to RB7 of <vmaple/rbtree.h>.
 *
 * No pointer is followed further than to the parent word of what it names, before that word was seen to name the
 * node that it was reached from (RB4).  A node has one parent word, so that no node is entered twice and the
 * pass ends, whatever the child pointers say; and its depth is at most 2 log2(n + 1), or RB3 is broken.
 */
#include <vmaple/rbtree.h>

struct pass {
	const struct rb_checks *checks;
	const struct rb_node *before; /* the last node passed in order */
	const char *broken;
};

static int fail(struct pass *p, const char *rule)
{
	if (!p->broken)
		p->broken = rule;
	return -1;
}

/* RB5 and RB7, in order. */
static bool caller_agrees(struct pass *p, const struct rb_node *node)
{
	const struct rb_node *before = p->before;

	p->before = node;
	if (before && p->checks && p->checks->ordered && !p->checks->ordered(before, node))
		return fail(p, "RB5: nodes are in the caller's order") == 0;
	if (p->checks && p->checks->augmented && !p->checks->augmented(node))
		return fail(p, "RB7: a node's value is that of its subtree") == 0;
	return true;
}

static bool hangs_right(struct pass *p, const struct rb_node *node, const struct rb_node *parent)
{
	if (rb_parent(node) != parent)
		return fail(p, "RB4: a parent word names the node above") == 0;
	if (parent && rb_is_red(node) && rb_is_red(parent))
		return fail(p, "RB2: a red node has no red child") == 0;
	return true;
}

/* @return the number of black nodes on every way down from @node, itself included, or -1. */
static int check_subtree( // NOLINT(misc-no-recursion): bounded by RB_DEEPEST
	struct pass *p, const struct rb_node *node, const struct rb_node *parent, int depth)
{
	int left, right;

	if (!node)
		return 0;
	if (depth > RB_DEEPEST)
		return fail(p, "RB3: ways down pass equally many black nodes");
	if (!hangs_right(p, node, parent))
		return -1;
	left = check_subtree(p, node->rb_left, node, depth + 1);
	if (left < 0 || !caller_agrees(p, node))
		return -1;
	right = check_subtree(p, node->rb_right, node, depth + 1);
	if (right < 0)
		return -1;
	if (left != right)
		return fail(p, "RB3: ways down pass equally many black nodes");
	return left + rb_is_black(node);
}

bool rb_validate(const struct rb_root *root, const struct rb_checks *checks, const char **reason)
{
	struct pass p = { .checks = checks };

	if (root->rb_node && (rb_parent(root->rb_node) || rb_is_red(root->rb_node)))
		fail(&p, "RB1: the root is black and has no parent");
	else
		(void)check_subtree(&p, root->rb_node, NULL, 0);
	if (p.broken)
		*reason = p.broken;
	return !p.broken;
}

bool rb_validate_cached(
	const struct rb_root_cached *root, const struct rb_checks *checks, const char **reason)
{
	if (!rb_validate(&root->rb_root, checks, reason))
		return false;
	if (root->rb_leftmost == rb_first(&root->rb_root))
		return true;
	*reason = "RB6: the cached node is the first";
	return false;
}
