/* SPDX-License-Identifier: MIT */
/*
 * The ways down, written once and compiled for each kind of CPU: to an index, and to a free run.
 *
 * Included by walk.c with SEARCH(name) naming this form's functions, forms.h's and those below, and SEARCH_TARGET their
 * compiler attribute. The free-area search is explained in gap.c.
 */

SEARCH_TARGET static void *SEARCH(load)(const void *root, unsigned long index)
{
	const void *node = mt_root_node(root);
	const struct mt_leaf *leaf;
	unsigned int area;
	int key;

	for (unsigned int level = mt_root_height(root); level > 1; level--)
		node = mt_child(node, SEARCH(inner)(node, index));
	leaf = node;
	leaf_prefetch(leaf);
	if (leaf_is_wide(leaf)) {
		area = SEARCH(wide)(leaf, index);
		return area < leaf->nr && leaf_wide(leaf)->start[area] <= index ? leaf_entry(leaf, area)
										: NULL;
	}
	key = narrow_key(leaf, index);
	area = SEARCH(narrow)(leaf, key);
	return narrow_start(leaf, area) <= key ? leaf_entry(leaf, area) : NULL;
}

/* How many areas of a leaf end below @index. */
SEARCH_TARGET static inline unsigned int SEARCH(area)(const struct mt_leaf *leaf, unsigned long index)
{
	return leaf_is_wide(leaf) ? SEARCH(wide)(leaf, index) : SEARCH(narrow)(leaf, narrow_key(leaf, index));
}

SEARCH_TARGET static void SEARCH(position)(const void *root, unsigned long index, struct mt_position *pos)
{
	const void *node = mt_root_node(root);

	pos->parent = NULL;
	pos->child = 0;
	pos->min = 0;
	pos->max = ULONG_MAX;
	for (unsigned int level = mt_root_height(root); level > 1; level--) {
		pos->parent = node;
		pos->child = SEARCH(inner)(pos->parent, index);
		pos->max = mt_end(pos->parent, pos->child, pos->max);
		pos->min = mt_begin(pos->parent, pos->child, pos->min);
		node = mt_child(pos->parent, pos->child);
	}
	pos->leaf = node;
	pos->area = SEARCH(area)(node, index);
}

SEARCH_TARGET static void SEARCH(path)(const void *root, unsigned long index, struct mt_path *path)
{
	void *node = mt_root_node(root);
	unsigned int last = mt_root_height(root) - 1;
	unsigned long min = 0, max = ULONG_MAX;

	path->height = last + 1;
	for (unsigned int level = 0; level < last; level++) {
		const struct mt_inner *inner = node;
		unsigned int offset = SEARCH(inner)(inner, index);

		path->node[level] = node;
		path->offset[level] = offset;
		path->min[level] = min;
		path->max[level] = max;
		max = mt_end(inner, offset, max);
		min = mt_begin(inner, offset, min);
		node = inner->slot[offset];
	}
	path->node[last] = node;
	path->offset[last] = SEARCH(area)(node, index);
	path->min[last] = min;
	path->max[last] = max;
}

/*
 * A bit for each hole that is long enough: hole i lies before area i, hole nr behind the last. A hole that erased areas
 * are part of has the bit of the area, or the end, that it lies before.
 */
SEARCH_TARGET static inline unsigned int SEARCH(hole_mask)(
	const struct mt_leaf *leaf, unsigned long size, unsigned long min, unsigned long max)
{
	unsigned int nr = leaf->nr, shift = leaf_shift(leaf), mask;
	unsigned long units = (size - 1) >> shift, first;

	if (leaf_is_wide(leaf) || leaf_live(leaf) != nr || !nr)
		return mt_hole_mask(leaf, size, min, max);
	mask = units < NARROW_LAST ? SEARCH(holes)(leaf, (int)units + 1) : 0;
	mask |= leaf_start(leaf, 0) - min >= size;
	first = leaf_end(leaf, nr - 1) + 1;
	return mask | (unsigned int)(first && first <= max && max - first >= size - 1) << nr;
}

/*
 * The longest hole between two areas of a narrow leaf, none of them erased: units. A loop of a length that the compiler
 * knows becomes vectors; bounds that the leaf does not have are read too, and not counted.
 */
SEARCH_TARGET static inline int SEARCH(longest_hole)(const struct mt_leaf *leaf)
{
	const int *end = (const int *)((const char *)leaf + offsetof(struct mt_leaf, narrow.end));
	const int *next = (const int *)((const char *)leaf + offsetof(struct mt_leaf, narrow.start)) + 1;
	int longest = 0, last = leaf->nr - 1;

	for (int i = 0; i < 32; i++) {
		int hole = (int)((unsigned int)next[i] - (unsigned int)end[i] - 1);

		hole = i < last ? hole : 0;
		longest = hole > longest ? hole : longest;
	}
	return longest;
}

SEARCH_TARGET static unsigned long SEARCH(leaf_gap)(
	const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long longest, below, first;
	unsigned int nr = leaf->nr;

	if (leaf_is_wide(leaf) || leaf_live(leaf) != nr || !nr)
		return mt_any_leaf_gap(leaf, min, max);
	longest = form_indices(leaf->base, (unsigned long)SEARCH(longest_hole)(leaf));
	below = leaf_start(leaf, 0) - min;
	longest = below > longest ? below : longest;
	first = leaf_end(leaf, nr - 1) + 1;
	return first && first <= max && mt_length(first, max) > longest ? mt_length(first, max) : longest;
}

SEARCH_TARGET static unsigned long SEARCH(inner_gap)(const struct mt_inner *node, unsigned long but)
{
	unsigned long longest = 0;

	for (unsigned long i = 0; i < MT_SLOTS; i++) {
		unsigned long gap =
			node->gap[i] & -(unsigned long)(i != but); /* a mask, so that vectors can */

		longest = gap > longest ? gap : longest;
	}
	return longest;
}

SEARCH_TARGET static bool SEARCH(gap_in_leaf)(
	struct mt_gap_search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned int mask = SEARCH(hole_mask)(leaf, s->size, min, max), nr = leaf->nr;

	if (s->highest && nr && leaf_start(leaf, nr - 1) > s->max)
		mask &= ~(~1U << leaf_live_from(leaf, SEARCH(area)(leaf, s->max)));
	if (!s->highest && nr && leaf_end(leaf, 0) < s->min)
		mask &= ~0U << SEARCH(area)(leaf, s->min);
	while (mask) {
		unsigned int i = mt_first_bit(s, mask);

		if (mt_gap_fits(s, hole_first(leaf, leaf_live_before(leaf, i), min), hole_last(leaf, i, max)))
			return true;
		mask &= ~(1U << i);
	}
	return false;
}

/* The child where a search begins: the first, or last, that the window has a part of. */
SEARCH_TARGET static inline unsigned int SEARCH(gap_begins)(
	const struct mt_gap_search *s, const struct mt_inner *node, unsigned int nr)
{
	if (s->highest)
		return nr > 1 && node->pivot[nr - 2] >= s->max ? SEARCH(inner)(node, s->max) : nr - 1;
	return nr > 1 && node->pivot[0] < s->min ? SEARCH(inner)(node, s->min) : 0;
}

/*
 * Children are tried one by one: mostly one of the first has a gap that is long enough, and a branch that is guessed
 * lets the CPU look into it before all gaps are compared.
 */
SEARCH_TARGET static bool SEARCH(gap_below)(
	struct mt_gap_search *s, const void *node, unsigned int height, unsigned long min, unsigned long max)
{
	const struct mt_inner *inner = node;
	unsigned int nr, i;

	if (height == 1)
		return SEARCH(gap_in_leaf)(s, node, min, max);
	nr = (unsigned int)inner->nr;
	for (i = SEARCH(gap_begins)(s, inner, nr);; i += s->highest ? -1U : 1) {
		unsigned long begin, end;

		i = s->highest ? mt_gap_at_or_before(inner, i, s->size)
			       : mt_gap_at_or_after(inner, i, s->size);
		if (i >= nr)
			return false;
		begin = i ? inner->pivot[i - 1] + 1 : min;
		end = i + 1 < nr ? inner->pivot[i] : max;
		if (s->highest ? end < s->min : begin > s->max)
			return false;
		if (SEARCH(gap_below)(s, mt_child(inner, i), height - 1, begin, end))
			return true;
	}
}

SEARCH_TARGET static bool SEARCH(find_gap)(const void *root, struct mt_gap_search *s)
{
	return SEARCH(gap_below)(s, mt_root_node(root), mt_root_height(root), 0, ULONG_MAX);
}
