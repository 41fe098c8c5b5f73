/* SPDX-License-Identifier: MIT */
/*
 * Free-area search: theory of operation
 *
 * 1. Meaning.  Each inner node of an ALLOC_RANGE tree knows the longest run of NULL below each child (M7), so
 *    that a search enters only children that can answer it.  By M4 no run crosses leaves.
 * 2. Search.  Lowest first or highest first, written once with a direction.  A child that lies wholly inside
 *    the window and has a gap that is long enough holds the answer; one that the window cuts may disappoint,
 *    and the search goes on beside it.  At most two children per level are cut, so O(height) nodes are seen.
 * 3. Readers.  In RCU mode a gap may be newer or older than the child beside it: a reader's answer is a hint,
 *    a writer's, who holds the lock, is exact.
 */
#include "node.h"

#include <errno.h>

unsigned long mt_leaf_gap(const struct mt_node *leaf, unsigned long min, unsigned long max)
{
	unsigned long longest = 0, begin = min;

	for (unsigned int i = 0; i < leaf->nr; i++) {
		unsigned long end = mt_end(leaf, i, max);

		if (!leaf->slot[i] && mt_length(begin, end) > longest)
			longest = mt_length(begin, end);
		begin = end + 1;
	}
	return longest;
}

unsigned long mt_inner_gap(const struct mt_node *node)
{
	const unsigned long *gap = mt_inner(node)->gap;
	unsigned long longest = 0;

	for (unsigned int i = 0; i < node->nr; i++)
		longest = gap[i] > longest ? gap[i] : longest;
	return longest;
}

struct search {
	unsigned long min, max, size; /* the window, and what must fit */
	bool highest;
	unsigned long found; /* first index of the run */
};

/* Does [begin, end], clipped to the window, hold the run? */
static bool fits(struct search *s, unsigned long begin, unsigned long end)
{
	unsigned long first = begin > s->min ? begin : s->min;
	unsigned long last = end < s->max ? end : s->max;

	if (first > last || last - first < s->size - 1)
		return false;
	s->found = s->highest ? last - (s->size - 1) : first;
	return true;
}

static bool search_leaf(struct search *s, const struct mt_node *leaf, unsigned long min, unsigned long max)
{
	unsigned int nr = (unsigned int)leaf->nr;

	for (unsigned int n = 0; n < nr; n++) {
		unsigned int i = s->highest ? nr - 1 - n : n;

		if (!mt_slot(leaf, i) && fits(s, mt_begin(leaf, i, min), mt_end(leaf, i, max)))
			return true;
	}
	return false;
}

static bool search_node(struct search *s, const struct mt_node *node, unsigned int height, unsigned long min,
	unsigned long max)
{
	unsigned int nr = (unsigned int)node->nr;

	if (height == 1)
		return search_leaf(s, node, min, max);
	for (unsigned int n = 0; n < nr; n++) {
		unsigned int i = s->highest ? nr - 1 - n : n;
		unsigned long begin, end;

		if (mt_gap(node, i) < s->size)
			continue;
		begin = mt_begin(node, i, min);
		end = mt_end(node, i, max);
		if (end < s->min || begin > s->max)
			continue;
		if (search_node(s, mt_slot(node, i), height - 1, begin, end))
			return true;
	}
	return false;
}

static int empty_area(struct ma_state *mas, struct search *s)
{
	void *root = mt_root(mas->tree);
	bool found;

	if (s->min > s->max || s->size == 0 || s->max - s->min < s->size - 1)
		return -EINVAL;
	if (!(__atomic_load_n(&mas->tree->ma_flags, __ATOMIC_RELAXED) & MT_FLAGS_ALLOC_RANGE))
		return -EINVAL;
	if (mt_root_is_node(root))
		found = search_node(s, mt_root_node(root), mt_root_height(root), 0, ULONG_MAX);
	else
		found = fits(s, root ? 1 : 0, ULONG_MAX);
	if (!found)
		return -EBUSY;
	mas_set_range(mas, s->found, s->found + s->size - 1);
	mas->status = ma_active;
	return 0;
}

int mas_empty_area(struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size)
{
	struct search s = { .min = min, .max = max, .size = size, .highest = false };

	return empty_area(mas, &s);
}

int mas_empty_area_rev(struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size)
{
	struct search s = { .min = min, .max = max, .size = size, .highest = true };

	return empty_area(mas, &s);
}
