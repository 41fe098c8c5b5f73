/* SPDX-License-Identifier: MIT */
/* Stores that one leaf takes, in place, as a copy or behind it, and the gaps above it: see write.c, 2. */
#include "write.h"

/* The child at path->offset[level - 1] has now the largest gap @gap: tell the nodes above. */
void mt_update_gaps(struct mt_path *path, unsigned int level, unsigned long gap)
{
	while (level-- > 0) {
		struct mt_inner *inner = path_inner(path, level);
		unsigned int child = path->offset[level];
		unsigned long was = mt_gap(inner, child), others = 0;

		if (was == gap)
			return;
		/* The others are looked at only when the longest may have gone. */
		if (level) {
			unsigned long longest = mt_gap(path_inner(path, level - 1), path->offset[level - 1]);

			if (gap < longest)
				others = was < longest ? longest : mt_inner_gap(inner, child);
		}
		__atomic_store_n(&inner->gap[child], gap, __ATOMIC_RELAXED);
		gap = others > gap ? others : gap;
	}
}

/*
 * The longest hole between the last entry before area @from and the first at or after area @to, in a leaf that is not
 * on the right edge: none is all of the indices.
 */
static unsigned long gap_around(const struct mt_path *path, unsigned int from, unsigned int to)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int i = leaf_live_before(leaf, from), nr = leaf->nr;
	unsigned long layout = leaf->base, longest = 0;
	unsigned long first = i ? layout_end(leaf, layout, i - 1) + 1 : path->min;

	for (;; i++) {
		unsigned long end;

		i = leaf_live_from(leaf, i);
		end = i < nr ? layout_start(leaf, layout, i) : path->max + 1;
		longest = end - first > longest ? end - first : longest;
		if (i >= to || i >= nr)
			return longest;
		first = layout_end(leaf, layout, i) + 1;
	}
}

/*
 * The leaf of @path has been changed. A store of NULL can only make gaps longer: @hole is the longest that there is now
 * around it.  One of an entry, in RCU mode, can only make them shorter: @hole is the longest that it touched, and all of
 * the leaf is looked at when that may have been its longest.
 */
void mt_gap_changed(struct mt_path *path, const struct mt_store *store, unsigned long hole)
{
	unsigned int level = path->height - 1U;
	unsigned long known = mt_gap(path_inner(path, level - 1), path->offset[level - 1]);

	if (store->entry && hole >= known)
		mt_update_gaps(path, level, mt_leaf_gap(path_leaf(path), path->min, path->max));
	else if (!store->entry && hole > known)
		mt_update_gaps(path, level, hole);
}

/* Put @leaf where the path's leaf is. */
static void replace_leaf(struct mt_store *store, struct mt_path *path, struct mt_leaf *leaf)
{
	unsigned int level = path->height - 1U;
	struct mt_leaf *old = path_leaf(path);

	if (level)
		mt_publish(&path_inner(path, level - 1)->slot[path->offset[level - 1]], leaf);
	else
		mt_publish(&store->mt->ma_root, mt_root_word(leaf, 1));
	path->node[level] = leaf; /* the path goes on being known */
	mt_retire(store->mt, leaf_kind(old), old);
}

void mt_store_in_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s)
{
	struct mt_leaf *leaf = path_leaf(path);
	/* Where entries take the place of entries no gap has changed. */
	bool gaps = mt_gap_may_change(store, path) && !(store->entry && s->solid);
	unsigned long hole = gaps && store->entry ? gap_around(path, s->from, s->to) : 0;

	if (mt_stores_copy(store->mt)) {
		struct mt_leaf *new = mas_take(store->mas, leaf_kind(leaf));

		leaf_copy(new, leaf);
		leaf_splice(new, s, store);
		replace_leaf(store, path, new);
	} else {
		leaf_splice(leaf, s, store);
	}
	mt_path_leads(path, store->first, s->from + s->left);
	if (gaps && !store->entry)
		hole = gap_around(path, s->from, s->from + s->left + s->right);
	if (gaps)
		mt_gap_changed(path, store, hole);
}

void mt_store_exactly(struct mt_store *store, struct mt_path *path, unsigned int i)
{
	unsigned int before, after;
	struct mt_leaf *leaf = path_leaf(path);
	bool changes = !leaf->slot[i] != !store->entry;
	unsigned long first, last;

	mt_publish(&leaf->slot[i], store->entry);
	if (!changes)
		return;
	leaf_set_live(leaf, store->entry ? leaf_live(leaf) + 1 : leaf_live(leaf) - 1);
	if (!mt_gap_may_change(store, path))
		return;
	before = leaf_live_before(leaf, i);
	after = leaf_live_from(leaf, i + 1);
	first = hole_first(leaf, before, path->min);
	last = hole_last(leaf, after, path->max);
	mt_gap_changed(path, store, mt_length(first, last));
}

/*
 *      parent   [ .. |  k  |  k'  | .. ]               [ .. | k |   k'   | .. ]      one pivot
 *                      |      |                              |       |
 *      leaves    [ a b c ][ d e ]                      [ a b ][       d e ]          the hole is d's
 *                    |=NULL|
 */
void mt_shrink_leaf(struct mt_store *store, struct mt_path *path, const struct mt_splice *s)
{
	struct mt_leaf *leaf = path_leaf(path), *next;
	unsigned int level = path->height - 1U, child = path->offset[level - 1];
	struct mt_inner *parent = path_inner(path, level - 1);
	unsigned int nr = s->left ? s->from + 1 : leaf_live_before(leaf, s->from), first = 0;
	unsigned long end, hole;

	if (s->left)
		leaf_set_end(leaf, leaf->base, s->from, store->first - 1);
	leaf_set_unused(leaf, nr, leaf->nr);
	leaf->nr = (unsigned char)nr;
	leaf_set_live(leaf, s->live);
	end = parent->pivot[child] = leaf_end(leaf, nr - 1);
	if (!(store->mt->ma_flags & MT_FLAGS_ALLOC_RANGE))
		return;
	mt_update_gaps(path, level, mt_leaf_gap(leaf, path->min, end));
	path->offset[level - 1]++;
	next = parent->slot[child + 1];
	(void)leaf_first_entry(next, &first);
	hole = leaf_start(next, first) - end - 1;
	if (hole > mt_gap(parent, child + 1))
		mt_update_gaps(path, level, hole);
}

/* The layout of a leaf that holds nothing but the store, behind all that is there. */
unsigned long mt_appended_layout(const struct mt_store *store, const struct mt_path *path)
{
	struct mt_area area = { store->first, store->last, store->entry };

	return leaf_layout(&area, 1, leaf_end(path_leaf(path), LEAF_AREAS - 1) + 1);
}

void mt_append_leaf(struct mt_store *store, struct mt_path *path)
{
	unsigned int level = path->height - 1U;
	struct mt_inner *parent = path_inner(path, level - 1);
	struct mt_area area = { store->first, store->last, store->entry };
	unsigned long layout = mt_appended_layout(store, path),
		      end = leaf_end(path_leaf(path), LEAF_AREAS - 1);
	struct mt_leaf *leaf = mas_take(store->mas, leaf_layout_kind(layout));
	unsigned int nr = (unsigned int)parent->nr;

	leaf_fill(leaf, layout, &area, 1);
	parent->slot[nr] = leaf;
	parent->pivot[nr - 1] = end;
	parent->nr = nr + 1;
	if (!(store->mt->ma_flags & MT_FLAGS_ALLOC_RANGE))
		return;
	parent->gap[nr - 1] = mt_leaf_gap(path_leaf(path), path->min, end);
	parent->gap[nr] = ULONG_MAX;
}
