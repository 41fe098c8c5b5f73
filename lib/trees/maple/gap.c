/* SPDX-License-Identifier: MIT */
/*
 * Free-area search: theory of operation
 *
 * 1. Meaning.  Each inner node of an ALLOC_RANGE tree knows the longest run of NULL below each child (M7), so
 *    that a search enters only children that can answer it.  By M4 no run crosses leaves.
 * 2. Search.  Lowest first or highest first, written once with a direction.  In a node all children that have
 *    a gap that is long enough are found at once, as a mask, and in a leaf all holes; then the first, or last, of
 *    them is tried.  One that lies wholly inside the window holds the answer; one that the window cuts may
 *    disappoint.  When the first tried lies outside the window, the mask loses all that lie outside on that side,
 *    found by a search for the window's edge.  At most two children per level are cut, so O(height) nodes are
 *    seen; the last child on the right edge, whose gap is not known, is one more.
 * 3. Readers.  In RCU mode a gap may be newer or older than the child beside it: a reader's answer is a hint,
 *    a writer's, who holds the lock, is exact.
 */
#include "leaf.h"

#include <errno.h>

unsigned long mt_leaf_gap(const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long longest = 0, first = min;

	for (unsigned int i = 0; i < leaf->nr; i++) {
		unsigned long start;

		if (!leaf_entry(leaf, i))
			continue;
		start = leaf_start(leaf, i);
		longest = start - first > longest ? start - first : longest;
		first = leaf_end(leaf, i) + 1;
		if (!first)
			return longest; /* there is no index behind this area */
	}
	return first <= max && mt_length(first, max) > longest ? mt_length(first, max) : longest;
}

unsigned long mt_inner_gap(const struct mt_inner *node)
{
	unsigned long longest = 0;

	for (unsigned int i = 0; i < node->nr; i++)
		longest = node->gap[i] > longest ? node->gap[i] : longest;
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

/* Bits @from to 31, or 63. */
static unsigned long bits_from(unsigned int from)
{
	return ~0UL << from;
}

/* The first bit of @mask in the direction of the search. */
static unsigned int first_bit(const struct search *s, unsigned long mask)
{
	return (unsigned int)(s->highest ? 63 - __builtin_clzl(mask) : __builtin_ctzl(mask));
}

/* A bit for each child whose gap is long enough. */
static unsigned long gap_mask(const struct mt_inner *node, unsigned long size)
{
	unsigned long mask = 0;

	for (unsigned int i = 0; i < node->nr; i++)
		mask |= (unsigned long)(mt_gap(node, i) >= size) << i;
	return mask;
}

/*
 * A bit for each hole that is long enough: hole i lies before area i, hole nr behind the last. A hole that erased areas
 * are part of has the bit of the area, or the end, that it lies before.
 */
static unsigned long hole_mask(
	const struct mt_leaf *leaf, unsigned long size, unsigned long min, unsigned long max)
{
	unsigned long mask = 0, first = min;
	unsigned int nr = leaf->nr;

	for (unsigned int i = 0; i < nr; i++) {
		if (!leaf_entry(leaf, i))
			continue;
		mask |= (unsigned long)(leaf_start(leaf, i) - first >= size) << i;
		first = leaf_end(leaf, i) + 1;
		if (!first)
			return mask;
	}
	return mask | (unsigned long)(first <= max && max - first >= size - 1) << nr;
}

static bool search_leaf(struct search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long mask = hole_mask(leaf, s->size, min, max);

	while (mask) {
		unsigned int i = first_bit(s, mask);

		if (fits(s, hole_first(leaf, leaf_live_before(leaf, i), min), hole_last(leaf, i, max)))
			return true;
		mask &= ~(1UL << i);
	}
	return false;
}

/* Drop the children that lie outside the window on the side where the search begins. */
static unsigned long drop_outside(const struct search *s, const struct mt_inner *node, unsigned long mask)
{
	unsigned int i;

	for (i = 0; i + 1 < node->nr && node->pivot[i] < (s->highest ? s->max : s->min); i++)
		;
	return mask & (s->highest ? ~(bits_from(i) << 1) : bits_from(i));
}

static bool search_node(
	struct search *s, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned long mask;

	if (height == 1)
		return search_leaf(s, node, min, max);
	mask = gap_mask(inner, s->size);
	while (mask) {
		unsigned int i = first_bit(s, mask);
		unsigned long begin = mt_begin(inner, i, min), end = mt_end(inner, i, max);

		mask &= ~(1UL << i);
		if (s->highest ? begin > s->max : end < s->min) {
			mask = drop_outside(s, inner, mask);
			continue;
		}
		if (s->highest ? end < s->min : begin > s->max)
			return false;
		if (search_node(s, mt_child(inner, i), height - 1, begin, end))
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
