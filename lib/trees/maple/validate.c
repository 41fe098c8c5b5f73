/* SPDX-License-Identifier: MIT */
/*
 * Validation and statistics: one pass over all nodes, checking MT1 to MT8 of node.h.
 */
#include "leaf.h"

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

static bool check_pivots(struct check *c, const struct mt_inner *node, unsigned long min, unsigned long max)
{
	unsigned long begin = min;

	if (node->nr < 1 || node->nr > MT_SLOTS)
		return fail(c, "MT1: an inner node has between 1 and 32 children");
	for (unsigned int i = 0; i + 1 < node->nr; i++) {
		if (node->pivot[i] < begin || node->pivot[i] >= max)
			return fail(c, "MT1: pivots ascend within the node's bounds");
		begin = node->pivot[i] + 1;
	}
	for (unsigned long i = node->nr - 1; i < MT_PIVOTS; i++)
		if (node->pivot[i] != ULONG_MAX)
			return fail(c, "MT2: unused pivots are ULONG_MAX");
	return true;
}

static bool is_unused(const struct mt_leaf *leaf, unsigned int i)
{
	if (leaf_is_wide(leaf))
		return leaf->wide.end[i] == ULONG_MAX && leaf_wide(leaf)->start[i] == ULONG_MAX;
	return leaf->narrow.end[i] == NARROW_UNUSED && leaf->narrow.start[i] == NARROW_UNUSED;
}

/* Is area @i one that the leaf's layout can hold? */
static bool fits_layout(const struct mt_leaf *leaf, unsigned int i)
{
	return leaf_is_wide(leaf) || (leaf->narrow.start[i] >= 0 && leaf->narrow.end[i] <= NARROW_LAST);
}

static bool check_areas(struct check *c, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long begin = min, live = 0;

	if (leaf->nr > LEAF_AREAS)
		return fail(c, "MT3: a leaf holds at most 30 areas");
	for (unsigned int i = 0; i < leaf->nr; i++) {
		unsigned long first = leaf_start(leaf, i), last = leaf_end(leaf, i);

		if (!fits_layout(leaf, i))
			return fail(c, "MT3: bounds of an area are numbers that the leaf can hold");
		if (first < begin || last < first || last > max || (i && !begin))
			return fail(c, "MT3: areas ascend within the leaf's bounds");
		begin = last + 1;
		live += leaf->slot[i] != NULL;
	}
	for (unsigned int i = leaf->nr; i < LEAF_AREAS; i++)
		if (!is_unused(leaf, i) || leaf->slot[i])
			return fail(c, "MT3: unused bounds are the largest number");
	if (leaf->after != NARROW_UNUSED || leaf->slot[LEAF_AREAS] || leaf->slot[LEAF_AREAS + 1])
		return fail(c, "MT3: unused bounds are the largest number");
	return live == leaf->live || fail(c, "MT3: a leaf counts its entries");
}

/* The holes of a leaf, counted from the areas alone and not by gap.c, which is what is being checked. */
static void count_hole(struct check *c, unsigned long first, unsigned long last, unsigned long *longest)
{
	unsigned long length = last - first + 1;

	*longest = length > *longest ? length : *longest;
	c->stats.gaps++;
}

static unsigned long count_holes(
	struct check *c, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long longest = 0, begin = min;
	bool ended = false; /* no index lies behind the last area */

	for (unsigned int i = 0; i < leaf->nr; i++) {
		if (!leaf->slot[i])
			continue;
		if (leaf_start(leaf, i) != begin)
			count_hole(c, begin, leaf_start(leaf, i) - 1, &longest);
		ended = leaf_end(leaf, i) == max;
		begin = leaf_end(leaf, i) + 1;
	}
	if (!ended)
		count_hole(c, begin, max, &longest);
	return longest;
}

static bool check_leaf(struct check *c, const struct mt_leaf *leaf, unsigned long min, unsigned long max,
	bool is_root, unsigned long *gap)
{
	unsigned int nr = leaf->nr;

	if (!check_areas(c, leaf, min, max))
		return false;
	if (max != ULONG_MAX && (!nr || !leaf->slot[nr - 1] || leaf_end(leaf, nr - 1) != max))
		return fail(c, "MT4: a leaf ends with an entry");
	if (!is_root && max != ULONG_MAX && leaf->live < LEAF_MIN)
		return fail(c, "MT6: a leaf holds at least 8 entries");
	*gap = count_holes(c, leaf, min, max);
	if (max == ULONG_MAX)
		*gap = ULONG_MAX;
	c->stats.leaves++;
	c->stats.wide_leaves += leaf_is_wide(leaf);
	c->stats.entries += leaf->live;
	c->stats.leaf_fill[leaf->live]++;
	c->stats.bytes += leaf_is_wide(leaf) ? POOL_INNER_SIZE : POOL_LEAF_SIZE;
	return true;
}

/* @return false when something below @node is broken; else its largest gap in @gap. */
static bool check_node(struct check *c, const void *node, unsigned int height, unsigned long min,
	unsigned long max, bool is_root, unsigned long *gap)
{
	const struct mt_inner *inner = node;

	*gap = 0;
	if (height == 1)
		return check_leaf(c, node, min, max, is_root, gap);
	if (!check_pivots(c, inner, min, max))
		return false;
	if (!is_root && max != ULONG_MAX && inner->nr < MT_MIN)
		return fail(c, "MT6: an inner node has at least 10 children");
	c->stats.inner_nodes++;
	c->stats.inner_fill[inner->nr]++;
	c->stats.bytes += POOL_INNER_SIZE;
	for (unsigned int i = 0; i < inner->nr; i++) {
		unsigned long below = 0;

		if (!inner->slot[i])
			return fail(c, "MT5: an inner node has no empty child");
		if (!check_node(c, inner->slot[i], height - 1, mt_begin(inner, i, min), mt_end(inner, i, max),
			    false, &below))
			return false;
		if (c->gaps && mt_gap(inner, i) < below)
			return fail(c, "MT7: a gap is at least the longest below the child");
		if (c->gaps && height > 2 && mt_gap(inner, i) != below)
			return fail(c, "MT7: a gap is the longest that the child says");
		below = c->gaps ? mt_gap(inner, i) : below;
		*gap = below > *gap ? below : *gap;
	}
	for (unsigned int i = (unsigned int)inner->nr; i < MT_SLOTS; i++)
		if (c->gaps && mt_gap(inner, i))
			return fail(c, "MT7: a child that is not there has no gap");
	return true;
}

/* MT8 */
static bool check_path(struct check *c, const struct mt_path *path, const void *root)
{
	unsigned long min = 0, max = ULONG_MAX;
	const void *node = mt_root_node(root);

	if (path->height != mt_root_height(root) || path->node[0] != node)
		return fail(c, "MT8: the path to a leaf begins at the root");
	for (unsigned int level = 0; level + 1 < path->height; level++) {
		const struct mt_inner *inner = node;
		unsigned int i = path->offset[level];

		node = i < inner->nr ? inner->slot[i] : NULL;
		if (!node || node != path->node[level + 1])
			return fail(c, "MT8: the path to a leaf goes from node to child");
		max = mt_end(inner, i, max);
		min = mt_begin(inner, i, min);
	}
	if (path->min != min || path->max != max)
		return fail(c, "MT8: the path to a leaf has its bounds");
	return mt_area_at(path_leaf(path), path->index) == path_area(path) ||
	       fail(c, "MT8: the path to a leaf leads to its index");
}

static void check_tree(const struct maple_tree *mt, struct check *c)
{
	void *root = mt_root(mt);
	unsigned long gap;

	if (!mt_root_is_node(root)) {
		c->stats.entries = root != NULL;
		if (mt->ma_path.height)
			(void)fail(c, "MT8: a tree without nodes has no path to a leaf");
		return;
	}
	c->stats.height = mt_root_height(root);
	if (check_node(c, mt_root_node(root), c->stats.height, 0, ULONG_MAX, true, &gap) &&
		mt->ma_path.height)
		(void)check_path(c, &mt->ma_path, root);
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
