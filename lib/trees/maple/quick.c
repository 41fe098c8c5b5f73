/* SPDX-License-Identifier: MIT */
/*
 * The stores that most are, straight: see write.c, 2.
 *
 * 1. Which.  Without RCU, a store that lies in one leaf, meets one area at most, and needs no node:
 *
 *        before   |  a  |           |  b  |       before   |-------- a --------|       before   |  a  |
 *        put             |== e ==|                put            |== e ==|             put      |=== e ===|
 *        after    |  a  ||   e   |  |  b  |       after    |- a -|   e   |- a -|       after    |    e    |
 *
 *    and the same of NULL: an area that is cut on one side or on both, or goes.  An erased area where the store goes
 *    gives its place to it.
 * 2. Why.  A plan for any store looks for how much it covers, which erased areas go with it, and which nodes it takes; a
 *    mapping call makes two of them, of 330 instructions each. These take half (callgrind, on a recording of python3).
 * 3. What it leaves to the plan: whatever would break MT4 or MT6, overflow the leaf or empty the tree, and does not fit the
 *    leaf's layout.
 */
#include "write.h"

/* A copy for each layout; where small code is asked for, one for all. */
#ifdef __OPTIMIZE_SIZE__
#define ONE_COPY   true
#define per_layout __attribute__((noinline))
#else
#define ONE_COPY   false
#define per_layout inline __attribute__((always_inline))
#endif

/* What such a store does to its leaf. */
struct quick {
	unsigned int at; /* the area that it meets; else the place where it goes */
	int more;        /* places that the leaf needs in addition; -1: the area goes, and leaves its place */
	bool meets;      /* it meets an area, */
	bool left, right; /* of which something is left over, */
	bool inside;      /* and covers nothing else */
};

/*
 * The place of a store of an entry into a hole, at or before area @i.  @return false: there are several erased areas beside
 * it, which should all go.
 */
static inline bool into_hole(struct quick *q, const struct mt_leaf *leaf, unsigned int i)
{
	unsigned int here = i < leaf->nr && !leaf->slot[i], before = i && !leaf->slot[i - 1];

	q->meets = q->left = q->right = q->inside = false;
	q->at = i - before;
	q->more = !(here | before);
	if (here && (before || (i + 1 < leaf->nr && !leaf->slot[i + 1])))
		return false;
	return !(before && i > 1 && !leaf->slot[i - 2]);
}

/* How a store meets area @i, which has an entry. */
static inline void onto_area(
	struct quick *q, const struct mt_store *store, const struct mt_leaf *leaf, unsigned long layout)
{
	unsigned long first = layout_start(leaf, layout, q->at), last = layout_end(leaf, layout, q->at);

	q->meets = true;
	q->left = first < store->first;
	q->right = last > store->last;
	q->inside = first <= store->first && last >= store->last;
	q->more = q->left + q->right - !store->entry;
}

/* May a store of NULL up to the store's last index, and of @live entries left, stay in the leaf? (MT4, MT6) */
static inline bool may_lose(const struct mt_store *store, const struct mt_path *path, unsigned int live)
{
	if (path->max == ULONG_MAX)
		return live > 0;
	return store->last != path->max && live >= LEAF_MIN;
}

/*
 * Is the store one of these, where @i areas of @leaf end below it?  Callers know the code of @layout, so that the compiler
 * has one form for each.
 */
static per_layout bool recognise(struct quick *q, const struct mt_store *store, const struct mt_path *path,
	const struct mt_leaf *leaf, unsigned int i, unsigned long layout)
{
	unsigned int nr = leaf->nr;

	if (!nr || store->last > path->max || !layout_fits(layout, store->first, store->last))
		return false;
	if (i + 1 < nr && layout_start(leaf, layout, i + 1) <= store->last)
		return false;
	q->at = i;
	if (i < nr && leaf->slot[i] && layout_start(leaf, layout, i) <= store->last)
		onto_area(q, store, leaf, layout);
	else if (!store->entry || !into_hole(q, leaf, i))
		return false;
	if (!store->entry && !may_lose(store, path, leaf_live(leaf) - (q->more < 0)))
		return false;
	return (int)nr + q->more <= LEAF_AREAS;
}

static per_layout void carry_out(
	const struct quick *q, const struct mt_store *store, struct mt_leaf *leaf, unsigned long layout)
{
	unsigned int at = q->at, put = store->entry != NULL, tail = at + q->left, nr = leaf->nr;
	unsigned long last = q->left && q->right ? layout_end(leaf, layout, at) : 0;

	if (q->more > 0) {
		if (tail < nr)
			leaf_move(leaf, layout, tail + (unsigned int)q->more, tail, nr - tail);
		leaf->nr = (unsigned char)(nr + (unsigned int)q->more);
	}
	leaf_set_live(leaf, leaf_live(leaf) + (unsigned int)(q->meets ? q->more : 1));
	if (q->left && q->right)
		leaf_set_area(leaf, layout, tail + put, store->last + 1, last, leaf->slot[at]);
	else if (q->right)
		leaf_set_start(leaf, layout, tail + put, store->last + 1);
	if (q->left)
		leaf_set_end(leaf, layout, at, store->first - 1);
	if (put)
		leaf_set_area(leaf, layout, tail, store->first, store->last, store->entry);
	else if (q->more < 0)
		leaf->slot[at] = NULL;
}

/*
 * The hole that a store of NULL makes; of an entry, one that is at least as long as those that it touches.  Asked before
 * anything changes.
 */
static unsigned long hole_around(
	const struct quick *q, const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned long first = store->first, last = store->last;

	if (store->entry || !q->left)
		first = hole_first(leaf, leaf_live_before(leaf, q->at), path->min);
	if (store->entry || !q->right)
		last = hole_last(leaf, leaf_live_from(leaf, q->at + q->meets), path->max);
	return mt_length(first, last);
}

static per_layout bool quick_store(struct mt_store *store, struct mt_path *path, struct mt_leaf *leaf,
	unsigned int i, unsigned long layout)
{
	struct maple_tree *mt = store->mt;
	struct quick q;
	bool gaps;
	unsigned long hole = 0;

	if (!recognise(&q, store, path, leaf, i, layout))
		return false;
	gaps = mt_gap_is_known(mt, path) && !(store->entry && q.inside);
	if (gaps)
		hole = hole_around(&q, store, path);
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	carry_out(&q, store, leaf, layout);
	mt_path_leads(path, store->first, q.at + q.left);
	if (gaps)
		mt_gap_changed(path, store, hole);
	mt->ma_tail = mt_is_tail(store, path, leaf, q.at + q.left) ? leaf : NULL;
	return true;
}

bool mt_store_quickly(struct mt_store *store, struct mt_path *path)
{
	struct mt_leaf *leaf = path_leaf(path);
	unsigned int i = path_area(path);

	if (ONE_COPY)
		return quick_store(store, path, leaf, i, leaf->base);
	return LEAF_BY_LAYOUT(leaf, quick_store, store, path, leaf, i);
}

bool mt_is_quick(const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int i = path_area(path);
	struct quick q;

	if (ONE_COPY)
		return recognise(&q, store, path, leaf, i, leaf->base);
	return LEAF_BY_LAYOUT(leaf, recognise, &q, store, path, leaf, i);
}
