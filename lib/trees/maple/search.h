/* SPDX-License-Identifier: MIT */
/*
 * The paths down, written once and compiled for each kind of CPU: to an index, and to a free run.
 *
 * Included by walk.c with SEARCH(name) naming this instruction set's functions, isa.h's and those below, and SEARCH_TARGET their
 * compiler attribute. The free-area search is explained in gap.c.
 */

/* The leaf that holds @index. */
SEARCH_TARGET static inline const struct mt_leaf *SEARCH(leaf)(const void *root, unsigned long index)
{
	const void *node = mt_root_node(root);

	for (unsigned int level = mt_root_height(root); level > 1; level--)
		node = mt_child(node, SEARCH(inner)(node, index));
	return node;
}

/* What @leaf, loaded already, has at @index. */
SEARCH_TARGET static inline void *SEARCH(load_in_leaf)(const struct mt_leaf *leaf, unsigned long index)
{
	unsigned int area;
	int key;

	if (leaf_is_wide(leaf)) {
		area = SEARCH(wide)(leaf, index);
		return area < leaf->nr && leaf_wide(leaf)->start[area] <= index ? leaf_entry(leaf, area)
										: NULL;
	}
	key = narrow_key(leaf, index);
	area = SEARCH(narrow)(leaf, key);
	return narrow_start(leaf, area) <= key ? leaf_entry(leaf, area) : NULL;
}

SEARCH_TARGET static void *SEARCH(load)(const void *root, unsigned long index)
{
	const struct mt_leaf *leaf = SEARCH(leaf)(root, index);

	leaf_prefetch(leaf);
	return SEARCH(load_in_leaf)(leaf, index);
}

/* How many areas of a leaf end below @index. */
SEARCH_TARGET static inline unsigned int SEARCH(area)(const struct mt_leaf *leaf, unsigned long index)
{
	return leaf_is_wide(leaf) ? SEARCH(wide)(leaf, index) : SEARCH(narrow)(leaf, narrow_key(leaf, index));
}

/*
 * Level by level, all of them: while one leaf is searched, those of the others are on their way. First come its ends, and
 * then, once it is known which area it is, the line of the start and that of the slot: half of the leaf's lines. Inner nodes
 * are in a cache of the core when many addresses are looked up.
 */
SEARCH_TARGET static void SEARCH(load_many)(
	const void *root, const unsigned long *index, void **entry, unsigned int nr)
{
	const void *node[MT_BATCH];
	unsigned int area[MT_BATCH];

	for (unsigned int i = 0; i < nr; i++)
		node[i] = mt_root_node(root);
	for (unsigned int level = mt_root_height(root); level > 1; level--) {
		for (unsigned int i = 0; i < nr; i++) {
			const struct mt_inner *inner = node[i];

			node[i] = mt_child(inner, SEARCH(inner)(inner, index[i]));
			if (level == 2)
				leaf_prefetch_ends(node[i]);
		}
	}
	for (unsigned int i = 0; i < nr; i++) {
		area[i] = SEARCH(area)(node[i], index[i]);
		leaf_prefetch_area(node[i], area[i]);
	}
	for (unsigned int i = 0; i < nr; i++)
		entry[i] = leaf_entry_at(node[i], area[i], index[i]);
}

SEARCH_TARGET static void *SEARCH(look)(const void *root, unsigned long index, unsigned long max)
{
	const struct mt_leaf *leaf = SEARCH(leaf)(root, index);
	unsigned int area = SEARCH(area)(leaf, index);
	void *entry = leaf_first_entry(leaf, &area);

	if (!entry)
		return mt_look_on(root, index, max);
	return leaf_start(leaf, area) <= max ? entry : NULL;
}

SEARCH_TARGET static void *SEARCH(around)(const void *root, unsigned long index, void **before, void **after)
{
	const struct mt_leaf *leaf = SEARCH(leaf)(root, index);
	unsigned int area = SEARCH(area)(leaf, index);
	void *entry;

	*before = leaf_last_entry(leaf, area);
	entry = leaf_first_entry(leaf, &area);
	if (after) {
		area++;
		*after = leaf_first_entry(leaf, &area);
	}
	return entry && *before && (!after || *after) ? entry : mt_look_both_ways(root, index, before, after);
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

	path->height = (unsigned char)(last + 1);
	path->index = index;
	for (unsigned int level = 0; level < last; level++) {
		const struct mt_inner *inner = node;
		unsigned int offset = SEARCH(inner)(inner, index);

		path->node[level] = node;
		path->offset[level] = (unsigned char)offset;
		__builtin_prefetch(&inner->gap[offset]);
		max = mt_end(inner, offset, max);
		min = mt_begin(inner, offset, min);
		node = inner->slot[offset];
	}
	leaf_prefetch_all(node);
	path->node[last] = node;
	path->offset[last] = (unsigned char)SEARCH(area)(node, index);
	path->min = min;
	path->max = max;
}

/*
 * A bit for each hole of a leaf without erased areas that is long enough and not wholly outside of the window on the
 * side where the search begins. Hole i lies before area i; only the last leaf has one behind its last (MT4).
 */
SEARCH_TARGET static inline unsigned int SEARCH(hole_mask)(
	const struct mt_gap_search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long layout = leaf->base, units = (s->size - 1) >> leaf_shift(leaf);
	unsigned int nr = leaf->nr, mask, i;

	if (leaf_is_wide(leaf))
		mask = SEARCH(wide_holes)(leaf, s->size);
	else
		mask = units < NARROW_LAST ? SEARCH(holes)(leaf, (int)units + 1) : 0;
	mask |= layout_start(leaf, layout, 0) - min >= s->size;
	if (max == ULONG_MAX)
		mask |= (unsigned int)(ULONG_MAX - layout_end(leaf, layout, nr - 1) >= s->size) << nr;
	if (s->highest && layout_start(leaf, layout, nr - 1) > s->max)
		mask &= ~(~1U << SEARCH(area)(leaf, s->max));
	if (!s->highest && layout_end(leaf, layout, 0) < s->min) {
		i = SEARCH(area)(leaf, s->min);
		mask &= ~0U << (i + (i < nr && layout_start(leaf, layout, i) <= s->min));
	}
	return mask;
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
	longest = layout_indices(leaf->base, (unsigned long)SEARCH(longest_hole)(leaf));
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

SEARCH_TARGET static inline bool SEARCH(gap_in_leaf)(
	struct mt_gap_search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	unsigned long layout = leaf->base;
	unsigned int nr = leaf->nr, mask;

	if (leaf_live(leaf) != nr || !nr)
		return mt_gap_in_leaf(s, leaf, min, max);
	for (mask = SEARCH(hole_mask)(s, leaf, min, max); mask;) {
		unsigned int i = mt_first_bit(s, mask);

		if (mt_gap_fits(s, i ? layout_end(leaf, layout, i - 1) + 1 : min,
			    i < nr ? layout_start(leaf, layout, i) - 1 : max))
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
 * The next child, at or behind at->i, whose gap is long enough and that the window has a part of.
 *
 * Children are tried one by one: mostly one of the first will do, and a branch that is guessed lets the CPU look into
 * it before all gaps are compared.
 */
SEARCH_TARGET static inline bool SEARCH(gap_child)(const struct mt_gap_search *s, struct mt_gap_level *at)
{
	const struct mt_inner *node = at->node;
	unsigned int i = at->i, nr = (unsigned int)node->nr;

	if (s->highest) {
		while (i < nr && mt_gap(node, i) < s->size)
			i--;
	} else {
		while (i < nr && mt_gap(node, i) < s->size)
			i++;
	}
	at->i = i;
	if (i >= nr)
		return false;
	at->begin = i ? node->pivot[i - 1] + 1 : at->min;
	at->end = i + 1 < nr ? node->pivot[i] : at->max;
	return s->highest ? at->end >= s->min : at->begin <= s->max;
}

/* Where the children of a node begin to be tried. */
SEARCH_TARGET static inline void SEARCH(gap_enter)(const struct mt_gap_search *s, struct mt_gap_level *at,
	const struct mt_inner *node, unsigned long min, unsigned long max)
{
	at->node = node;
	at->min = min;
	at->max = max;
	at->i = SEARCH(gap_begins)(s, node, (unsigned int)node->nr);
}

SEARCH_TARGET static bool SEARCH(find_gap)(const void *root, struct mt_gap_search *s, struct mt_path *path)
{
	struct mt_gap_level level_at[MT_MAX_HEIGHT], *at = level_at;
	unsigned int levels = mt_root_height(root) - 1;
	const unsigned int step = s->highest ? -1U : 1;
	const struct mt_leaf *leaf = mt_root_node(root);

	if (!levels && !SEARCH(gap_in_leaf)(s, leaf, 0, ULONG_MAX))
		return false;
	if (levels)
		SEARCH(gap_enter)(s, at, mt_root_node(root), 0, ULONG_MAX);
	while (levels) {
		if (!SEARCH(gap_child)(s, at)) {
			if (at == level_at)
				return false;
			at--;
			at->i += step;
		} else if (at == level_at + levels - 1) {
			leaf = mt_child(at->node, at->i);
			if (SEARCH(gap_in_leaf)(s, leaf, at->begin, at->end))
				break;
			if (path)
				mt_mend_gap(s, level_at, levels, leaf, path);
			at->i += step;
		} else {
			SEARCH(gap_enter)(s, at + 1, mt_child(at->node, at->i), at->begin, at->end);
			at++;
		}
	}
	if (path)
		mt_gap_path(level_at, levels, leaf, s->found, path);
	return true;
}
