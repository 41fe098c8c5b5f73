/* SPDX-License-Identifier: MIT */
/* Which kind of store it is: see write.c, 2. Nothing here changes anything. */
#include "write.h"

static void put(struct mt_splice *s, unsigned long first, unsigned long last, void *entry)
{
	if (entry && first <= last)
		s->put[s->put_nr++] = (struct mt_area){ first, last, entry };
}

/* What the store touches in its leaf, and what it leaves over of it. */
static void plan_splice(struct plan *p, const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	struct mt_splice *s = &p->splice;
	unsigned long layout = leaf->base, next = store->first;
	unsigned int nr = leaf->nr, from = path_area(path), to = from, gone = 0;

	s->put_nr = 0;
	s->solid = true;
	for (; to < nr; to++) {
		unsigned long first = layout_start(leaf, layout, to);

		if (first > store->last)
			break;
		s->solid = s->solid && first <= next && leaf->slot[to];
		next = layout_end(leaf, layout, to) + 1;
		if (!leaf->slot[to])
			continue;
		p->exact = to;
		gone++;
	}
	s->from = from;
	s->to = to;
	s->solid = s->solid && from < to && next - 1 >= store->last;
	if (from < to && layout_start(leaf, layout, from) < store->first)
		put(s, layout_start(leaf, layout, from), store->first - 1, leaf->slot[from]);
	put(s, store->first, store->last, store->entry);
	if (from < to && next - 1 > store->last)
		put(s, store->last + 1, next - 1, leaf->slot[to - 1]);
	s->live = leaf_live(leaf) - gone + s->put_nr;
	if (!store->entry && !gone)
		p->kind = STORE_NOTHING;
	else if (!store->entry && gone == 1 && !s->put_nr)
		p->kind = STORE_EXACT;
	else
		p->kind = STORE_LEAF;
}

/* Would the leaf of @path, left with @live entries, end with NULL (MT4) or hold too little (MT6)? */
static bool would_break(const struct mt_store *store, const struct mt_path *path, unsigned int live)
{
	unsigned long max = path->max;

	return max != ULONG_MAX && (live < LEAF_MIN || (!store->entry && store->last == max));
}

bool mt_is_exact(const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int i = path_area(path);

	if (i >= leaf->nr || leaf_start(leaf, i) != store->first || leaf_end(leaf, i) != store->last)
		return false;
	return store->entry || (leaf->slot[i] && !would_break(store, path, leaf_live(leaf) - 1));
}

/* Take in the erased areas beside what goes, so that they go too. */
static void take_in_erased(struct mt_splice *s, const struct mt_leaf *leaf)
{
	s->from = leaf_live_before(leaf, s->from);
	s->to = leaf_live_from(leaf, s->to);
	s->nr = leaf->nr - (s->to - s->from) + s->put_nr;
}

/* Is there room for a leaf behind the one of @path, which is the last? */
static bool can_append(const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int level = path->height - 1U;

	return level && path->max == ULONG_MAX && path_area(path) == leaf->nr &&
	       leaf_live(leaf) == LEAF_AREAS && path_inner(path, level - 1)->nr < MT_SLOTS &&
	       !mt_in_rcu(store->mt);
}

void mt_plan_store(struct plan *p, const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	struct mt_splice *s = &p->splice;

	p->kind = STORE_REBUILD;
	if (store->last > path->max)
		return;
	plan_splice(p, store, path);
	if (p->kind == STORE_NOTHING)
		return;
	if (s->live > LEAF_AREAS) {
		p->kind = can_append(store, path) ? STORE_APPEND : STORE_REBUILD;
	} else if (would_break(store, path, s->live)) {
		p->kind = STORE_REBUILD;
	} else if (p->kind == STORE_LEAF) {
		if (!leaf->nr || !leaf_fits(leaf, store->first, store->last))
			p->kind = STORE_REBUILD;
		take_in_erased(s, leaf);
	}
}
