/* SPDX-License-Identifier: MIT */
/*
 * Free-area search: theory of operation
 *
 * 1. Meaning.  Each inner node of an ALLOC_RANGE tree knows the longest run of NULL below each child (MT7), so
 *    that a search enters only children that can answer it.  By MT4 no run crosses leaves.
 * 2. Search (search.h).  Lowest first or highest first, written once with a direction.  It begins at the child
 *    that holds the window's edge, and tries one child after the other that has a gap that is long enough; in a
 *    leaf all holes that are long enough are found at once, as a mask.  One that lies wholly inside the window
 *    holds the answer; one that the window cuts may disappoint.  At most two children per level are cut, so
 *    O(height) nodes are seen; the last child on the right edge, whose gap is not known, is one more.
 * 3. Gaps that are too long.  Without RCU, or where the lock is external, so that the searches of readers are not the only ones
 *    (mt_writer_gap()), a store of an entry leaves what is known of its leaf: to look for the holes that
 *    it touches, and mostly for the longest of those that are left, was a third of a store. A search that looks into the
 *    leaf in vain writes down what it found, if it is the writer's: so each store lets a search be in vain once at most.
 * 4. Readers.  In RCU mode a gap may be newer or older than the child beside it: a reader's answer is a hint,
 *    a writer's, who holds the lock, is exact.
 */
#include "leaf.h"

/*
 * The longest run, in a leaf of that layout: its callers know the code, so that the compiler has one form for each.  In
 * leaves of a recording of node it takes 320 instructions; where each bound asked for the layout it took 410.
 */
static inline __attribute__((always_inline)) unsigned long longest_in_leaf(
	const struct mt_leaf *leaf, unsigned long min, unsigned long max, unsigned long layout)
{
	unsigned long longest = 0, first = min;
	unsigned int nr = leaf->nr;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned long start;

		if (!leaf_entry(leaf, i))
			continue;
		start = layout_start(leaf, layout, i);
		longest = start - first > longest ? start - first : longest;
		first = layout_end(leaf, layout, i) + 1;
		if (!first)
			return longest; /* there is no index behind this area */
	}
	return first <= max && mt_length(first, max) > longest ? mt_length(first, max) : longest;
}

unsigned long mt_any_leaf_gap(const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	return LEAF_BY_LAYOUT(leaf, longest_in_leaf, leaf, min, max);
}

/* Each hole ends before an entry, or where the leaf does. */
static inline __attribute__((always_inline)) bool lowest_in_leaf(struct mt_gap_search *s,
	const struct mt_leaf *leaf, unsigned long min, unsigned long max, unsigned long layout)
{
	unsigned long first = min;

	for (unsigned int i = 0; i < leaf->nr; i++) {
		unsigned long start;

		if (!leaf_entry(leaf, i))
			continue;
		start = layout_start(leaf, layout, i);
		if (start - first >= s->size && mt_gap_fits(s, first, start - 1))
			return true;
		first = layout_end(leaf, layout, i) + 1;
		if (!first)
			return false; /* there is no index behind this area */
	}
	return first <= max && mt_gap_fits(s, first, max);
}

/* Each begins behind an entry, or where the leaf does. */
static inline __attribute__((always_inline)) bool highest_in_leaf(struct mt_gap_search *s,
	const struct mt_leaf *leaf, unsigned long min, unsigned long max, unsigned long layout)
{
	unsigned long last = max;

	for (unsigned int i = leaf->nr; i--;) {
		unsigned long end;

		if (!leaf_entry(leaf, i))
			continue;
		end = layout_end(leaf, layout, i);
		if (last - end >= s->size && end < last && mt_gap_fits(s, end + 1, last))
			return true;
		last = layout_start(leaf, layout, i) - 1;
		if (last == ULONG_MAX)
			return false; /* nor before this one */
	}
	return last >= min && last <= max && mt_gap_fits(s, min, last);
}

bool mt_gap_in_leaf(struct mt_gap_search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	return s->highest ? LEAF_BY_LAYOUT(leaf, highest_in_leaf, s, leaf, min, max)
			  : LEAF_BY_LAYOUT(leaf, lowest_in_leaf, s, leaf, min, max);
}

void mt_gap_path(const struct mt_gap_level *level_at, unsigned int levels, const struct mt_leaf *leaf,
	unsigned long index, struct mt_path *path)
{
	path->height = (unsigned char)(levels + 1);
	path->index = index;
	path->min = levels ? level_at[levels - 1].begin : 0;
	path->max = levels ? level_at[levels - 1].end : ULONG_MAX;
	for (unsigned int level = 0; level < levels; level++) {
		path->node[level] = (void *)level_at[level].node;
		path->offset[level] = (unsigned char)level_at[level].i;
	}
	path->node[levels] = (void *)leaf;
	path->offset[levels] = (unsigned char)mt_area_at(leaf, index);
}

void mt_mend_gap(const struct mt_gap_search *s, const struct mt_gap_level *level_at, unsigned int levels,
	const struct mt_leaf *leaf, struct mt_path *path)
{
	const struct mt_gap_level *at = &level_at[levels - 1];

	if (at->begin < s->min || at->end > s->max || at->end == ULONG_MAX)
		return;
	mt_gap_path(level_at, levels, leaf, at->begin, path);
	mt_update_gaps(path, levels, mt_leaf_gap(leaf, at->begin, at->end));
}

static int find_gap(const struct maple_tree *mt, struct mt_gap_search *s, struct mt_path *path)
{
	void *root = mt_root(mt);
	bool found;

	if (s->min > s->max || s->size == 0 || s->max - s->min < s->size - 1)
		return -EINVAL;
	if (!(__atomic_load_n(&mt->ma_flags, __ATOMIC_RELAXED) & MT_FLAGS_ALLOC_RANGE))
		return -EINVAL;
	if (mt_root_is_node(root))
		found = mt_find_gap(root, s, path);
	else
		found = mt_gap_fits(s, root ? 1 : 0, ULONG_MAX);
	return found ? 0 : -EBUSY;
}

int mt_writer_gap(struct maple_tree *mt, unsigned long min, unsigned long max, unsigned long size,
	bool highest, unsigned long *first)
{
	struct mt_gap_search s = { .min = min, .max = max, .size = size, .highest = highest };
	int err = find_gap(mt, &s, &mt->ma_path);

	if (!err)
		*first = s.found;
	return err;
}

static int empty_area(struct ma_state *mas, struct mt_gap_search *s)
{
	const struct maple_tree *mt = mas->tree;
	struct mt_path path;
	/* Who is alone in the tree mends gaps, too. */
	int err = find_gap(mt, s, mt_in_rcu(mt) || mt_external_lock(mt) ? NULL : &path);

	if (err)
		return err;
	mas_set_range(mas, s->found, s->found + s->size - 1);
	mas->status = ma_active;
	return 0;
}

int mas_empty_area(struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size)
{
	struct mt_gap_search s = { .min = min, .max = max, .size = size, .highest = false };

	return empty_area(mas, &s);
}

int mas_empty_area_rev(struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size)
{
	struct mt_gap_search s = { .min = min, .max = max, .size = size, .highest = true };

	return empty_area(mas, &s);
}
