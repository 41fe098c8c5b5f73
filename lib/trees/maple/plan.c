/* SPDX-License-Identifier: MIT */
/* Which kind of store it is: see write.c, 2. Nothing here changes anything. */
#include "write.h"

/* Would the leaf of @path, left with @live entries, end with NULL (MT4) or hold too little (MT6)? */
static bool would_break(const struct mt_store *store, const struct mt_path *path, unsigned int live)
{
	unsigned long max = path->max;

	return max != ULONG_MAX && (live < LEAF_MIN || (!store->entry && store->last == max));
}

/* What the store covers in its leaf, which holds all of it, and what it leaves over. @return the entries that go. */
static inline unsigned int find_covered(
	struct plan *p, const struct mt_store *store, const struct mt_path *path, unsigned long layout)
{
	const struct mt_leaf *leaf = path_leaf(path);
	struct mt_splice *s = &p->splice;
	unsigned long next = store->first;
	unsigned int nr = leaf->nr, from = path_area(path), to = from, gone = 0;

	s->solid = true;
	s->left = s->right = false;
	for (; to < nr; to++) {
		unsigned long first = layout_start(leaf, layout, to);
		const void *entry = leaf->slot[to];

		if (first > store->last)
			break;
		s->solid = s->solid && first <= next && entry;
		next = layout_end(leaf, layout, to) + 1;
		s->left = s->left || (entry && first < store->first);
		s->right = entry && next - 1 > store->last;
		if (!entry)
			continue;
		p->exact = to;
		gone++;
	}
	s->solid = s->solid && from < to && next - 1 >= store->last;
	s->from = from;
	s->to = to;
	return gone;
}

/* Take in the erased areas beside what goes, so that they go too, or make room. */
static inline void take_in_erased(struct mt_splice *s, const struct mt_leaf *leaf)
{
	if (!s->left)
		s->from = leaf_live_before(leaf, s->from);
	if (!s->right)
		s->to = leaf_live_from(leaf, s->to);
}

/* Is there room for a leaf behind the one of @path, which is the last? */
static bool can_append(const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int level = path->height - 1U;

	return level && path->max == ULONG_MAX && path_area(path) == leaf->nr &&
	       leaf_live(leaf) == LEAF_AREAS && path_inner(path, level - 1)->nr < MT_SLOTS &&
	       !mt_stores_copy(store->mt);
}

/* NULL up to the end of the leaf, which keeps enough: may the hole go to the next one, under the same parent? */
static bool can_shrink(const struct mt_store *store, const struct mt_path *path, const struct mt_splice *s)
{
	unsigned int level = path->height - 1U;

	if (store->entry || store->last != path->max || s->live < LEAF_MIN || mt_stores_copy(store->mt) ||
		!level)
		return false;
	if (s->left && !leaf_fits(path_leaf(path), store->first, store->last))
		return false;
	return path->offset[level - 1] + 1U < path_inner(path, level - 1)->nr;
}

/* A store of an entry over the very bounds of an area, be it erased. */
static inline bool is_exact(
	const struct mt_store *store, const struct mt_leaf *leaf, unsigned int i, unsigned long layout)
{
	return store->entry && i < leaf->nr && layout_start(leaf, layout, i) == store->first &&
	       layout_end(leaf, layout, i) == store->last;
}

/* mt_plan_store() in a leaf of that layout: its callers know the code, so that the compiler has one form for each. */
static inline __attribute__((always_inline)) void plan_store(
	struct plan *p, const struct mt_store *store, const struct mt_path *path, unsigned long layout)
{
	const struct mt_leaf *leaf = path_leaf(path);
	struct mt_splice *s = &p->splice;
	unsigned int gone, put;

	p->kind = STORE_EXACT;
	p->exact = path_area(path);
	if (is_exact(store, leaf, p->exact, layout))
		return;
	p->kind = STORE_REBUILD;
	if (store->last > path->max)
		return;
	if (path->height == 1 || path_inner(path, path->height - 2U)->nr < MT_SLOTS)
		p->kind = STORE_LEAVES;
	gone = find_covered(p, store, path, layout);
	put = (unsigned int)(store->entry != NULL) + s->left + s->right;
	s->live = leaf_live(leaf) - gone + put;
	if (!store->entry && !gone) {
		p->kind = STORE_NOTHING;
	} else if (s->live > LEAF_AREAS) {
		if (can_append(store, path))
			p->kind = STORE_APPEND;
		else if (mt_can_split(store, path))
			p->kind = STORE_SPLIT;
	} else if (would_break(store, path, s->live)) {
		p->kind = can_shrink(store, path, s) ? STORE_SHRINK : STORE_REBUILD;
	} else if (gone == 1 && !put) {
		p->kind = STORE_EXACT;
	} else if (leaf->nr && layout_fits(layout, store->first, store->last)) {
		p->kind = STORE_LEAF;
		take_in_erased(s, leaf);
		s->nr = leaf->nr - (s->to - s->from) + put;
	}
}

void mt_plan_store(struct plan *p, const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);

	LEAF_BY_LAYOUT(leaf, plan_store, p, store, path);
}
