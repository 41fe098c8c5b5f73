/* SPDX-License-Identifier: MIT */
/*
 * Validation and statistics: one pass over all nodes, checking M1 to M7 of node.h.
 */
#include "node.h"

struct check {
	const char *broken;
	bool gaps;
	struct mt_stats stats;
};

static bool fail(struct check *c, const char *what)
{
	if (!c->broken)
		c->broken = what;
	return false;
}

static bool check_pivots(struct check *c, const struct mt_node *node, unsigned long min, unsigned long max)
{
	unsigned long begin = min;

	if (node->nr < 1 || node->nr > MT_SLOTS)
		return fail(c, "M1: a node holds between 1 and 32 ranges");
	for (unsigned int i = 0; i + 1 < node->nr; i++) {
		if (node->pivot[i] < begin || node->pivot[i] >= max)
			return fail(c, "M1: pivots ascend within the node's bounds");
		begin = node->pivot[i] + 1;
	}
	for (unsigned long i = node->nr - 1; i < MT_PIVOTS; i++)
		if (node->pivot[i] != ULONG_MAX)
			return fail(c, "M2: unused pivots are ULONG_MAX");
	return true;
}

/* The longest run of NULL, counted from the ranges alone and not by gap.c, which is what is being checked. */
static unsigned long longest_null(const struct mt_node *leaf, unsigned long min, unsigned long max)
{
	unsigned long longest = 0;

	for (unsigned int i = 0; i < leaf->nr; i++) {
		unsigned long first = i ? leaf->pivot[i - 1] + 1 : min;
		unsigned long length = (i + 1 < leaf->nr ? leaf->pivot[i] : max) - first;

		if (leaf->slot[i])
			continue;
		length += length < ULONG_MAX;
		longest = length > longest ? length : longest;
	}
	return longest;
}

static bool check_leaf(struct check *c, const struct mt_node *leaf, unsigned long max)
{
	for (unsigned int i = 0; i < leaf->nr; i++) {
		if (leaf->slot[i])
			c->stats.entries++;
		else
			c->stats.gaps++;
		if (i && !leaf->slot[i] && !leaf->slot[i - 1])
			return fail(c, "M3: neighbouring NULL ranges are one range");
	}
	if (!leaf->slot[leaf->nr - 1] && max != ULONG_MAX)
		return fail(c, "M4: a leaf ends with an entry");
	c->stats.leaves++;
	c->stats.bytes += POOL_LEAF_SIZE;
	return true;
}

/* @return false when something below @node is broken; else its largest gap in @gap. */
static bool check_node(struct check *c, const struct mt_node *node, unsigned int height, unsigned long min,
	unsigned long max, bool is_root, unsigned long *gap)
{
	if (!check_pivots(c, node, min, max))
		return false;
	if (!is_root && max != ULONG_MAX && node->nr < MT_MIN)
		return fail(c, "M6: a node holds at least 10 ranges");
	if (height == 1) {
		*gap = longest_null(node, min, max);
		return check_leaf(c, node, max);
	}
	c->stats.inner_nodes++;
	c->stats.bytes += POOL_INNER_SIZE;
	for (unsigned int i = 0; i < node->nr; i++) {
		unsigned long below = 0;

		if (!node->slot[i])
			return fail(c, "M5: an inner node has no empty child");
		if (!check_node(c, node->slot[i], height - 1, mt_begin(node, i, min), mt_end(node, i, max),
			    false, &below))
			return false;
		if (c->gaps && mt_gap(node, i) != below)
			return fail(c, "M7: a gap is the longest below the child");
	}
	*gap = c->gaps ? mt_inner_gap(node) : 0;
	return true;
}

static void check_tree(const struct maple_tree *mt, struct check *c)
{
	void *root = mt_root(mt);
	unsigned long gap;

	if (!mt_root_is_node(root)) {
		c->stats.entries = root != NULL;
		return;
	}
	c->stats.height = mt_root_height(root);
	(void)check_node(c, mt_root_node(root), c->stats.height, 0, ULONG_MAX, true, &gap);
}

bool mt_check(const struct maple_tree *mt, const char **reason)
{
	struct check c = { .gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE };

	check_tree(mt, &c);
	if (reason)
		*reason = c.broken;
	return !c.broken;
}

void mt_validate(struct maple_tree *mt)
{
	const char *reason;

	if (!mt_check(mt, &reason))
		port_panic(reason);
}

void mt_statistics(const struct maple_tree *mt, struct mt_stats *stats)
{
	struct check c = { .gaps = mt->ma_flags & MT_FLAGS_ALLOC_RANGE };

	check_tree(mt, &c);
	*stats = c.stats;
}
