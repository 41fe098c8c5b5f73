/* SPDX-License-Identifier: MIT */
/*
 * The stores that most are, straight: see write.c, 2.
 *
 * 1. Which.  Without RCU, a store that lies in one leaf, which takes the result as it is: no node is needed, MT4 and MT6
 *    go on being true, the bounds fit the layout, and what is more than before finds room behind the last area or in the
 *    place of an erased one beside the store.  What a mapping call does to its areas:
 *
 *        before   |  a  |           |  b  |       before   |-------- a --------|       before   |  a  |-- b --|
 *        put             |== e ==|                put            |== e ==|             put      |=== a ===|
 *        after    |  a  ||   e   |  |  b  |       after    |- a -|   e   |- a -|       after    |    a    | b |
 *
 *    and the same of NULL: areas that are cut, or go and leave their places to the hole.
 * 2. How.  The areas that the store meets are looked at once, in the units of the leaf; struct quick is what becomes of
 *    them.  A store in two steps carries it from one to the other.  A plan for any store (plan.c) takes 330 instructions
 *    and a cursor, and a mapping call makes two of them; these take half (callgrind, on a recording of java).
 * 3. Straight.  What mmap stores mostly has the bounds of an area that was cut out for it, or meets nothing: then it takes
 *    the place of an erased area there, or one more.  Nothing is counted for that: a store of mmap's takes 166
 *    instructions where it took 302, with all that are not so (callgrind, on a recording of python3).  The bounds of an
 *    area that is there, or was, are one slot, so that it is done beside readers, too.
 */
#include "write.h"

/* What LEAF_BY_LAYOUT() calls. */
#if defined(__OPTIMIZE_SIZE__) || defined(VMAPLE_SMALL)
#define per_layout __attribute__((noinline))
#define SMALL_CODE true /* nothing is stored straight (part 3) */
#else
#define per_layout inline __attribute__((always_inline))
#define SMALL_CODE false
#endif

/* The areas that a store meets, and what is left over of them. */
static per_layout void meet(struct quick *q, const struct mt_leaf *leaf, unsigned int i, unsigned long first,
	unsigned long last, unsigned long layout)
{
	unsigned int nr = leaf->nr, to = i, gone = 0;
	bool left = false, right = false;

	for (; to < nr && leaf_unit_start(leaf, layout, to) <= last; to++) {
		bool there = leaf->slot[to] != NULL;

		left = left || (there && leaf_unit_start(leaf, layout, to) < first);
		right = there && leaf_unit_end(leaf, layout, to) > last;
		gone += there;
	}
	q->from = (unsigned char)i;
	q->to = (unsigned char)to;
	q->gone = (unsigned char)gone;
	q->left = left;
	q->right = right;
}

/* Places of erased areas beside the store are room for it. */
static inline void take_room(struct quick *q, const struct mt_leaf *leaf)
{
	if (q->more > 0 && !q->left && q->from && !leaf->slot[q->from - 1]) {
		q->from--;
		q->more--;
	}
	if (q->more > 0 && !q->right && q->to < leaf->nr && !leaf->slot[q->to]) {
		q->to++;
		q->more--;
	}
}

/* May the leaf be left with @live entries, and the store at its end? (MT4, MT6) */
static inline bool may_become(const struct mt_store *store, const struct mt_path *path, unsigned int live)
{
	if (path->max == ULONG_MAX)
		return live > 0;
	return live >= LEAF_MIN && (store->entry || store->last != path->max);
}

/*
 * Is the store one of these, where @i areas of @leaf end below it?  Callers know the code of @layout, so that the compiler
 * has one form for each.
 */
static per_layout bool recognise(struct quick *q, const struct mt_store *store, const struct mt_path *path,
	const struct mt_leaf *leaf, unsigned int i, unsigned long layout)
{
	unsigned int put = store->entry != NULL, nr = leaf->nr;

	if (!nr || store->last > path->max || !layout_fits(layout, store->first, store->last))
		return false;
	meet(q, leaf, i, layout_unit(layout, store->first), layout_unit(layout, store->last), layout);
	if (!put && !q->gone)
		return false;
	put += q->left + q->right;
	q->more = (signed char)(put - (q->to - q->from));
	q->live = (unsigned char)(leaf_live(leaf) - q->gone + put);
	take_room(q, leaf);
	return may_become(store, path, q->live) && (int)nr + q->more <= LEAF_AREAS;
}

/* The hole that a store of NULL makes, of which the nodes above hear (MT7). Asked before anything changes. */
static unsigned long hole_around(
	const struct quick *q, const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned long first, last;

	first = q->left ? store->first : hole_first(leaf, leaf_live_before(leaf, q->from), path->min);
	last = q->right ? store->last : hole_last(leaf, leaf_live_from(leaf, q->to), path->max);
	return mt_length(first, last);
}

/* NULL: what the store covers keeps its place. */
static per_layout void erase(
	const struct quick *q, const struct mt_store *store, struct mt_leaf *leaf, unsigned long layout)
{
	unsigned int from = q->from + q->left, to = q->to - q->right;

	for (unsigned int i = from; i < to; i++)
		leaf->slot[i] = NULL;
	if (q->right)
		leaf_set_unit_start(leaf, layout, to, layout_unit(layout, store->last) + 1);
	if (q->left)
		leaf_set_unit_end(leaf, layout, q->from, layout_unit(layout, store->first) - 1);
}

/* One area, cut on both sides, becomes two, with the entry between them if there is one. */
static inline bool cuts_in_two(const struct quick *q)
{
	return q->left && q->right && q->to == q->from + 1;
}

static per_layout void put(
	const struct quick *q, const struct mt_store *store, struct mt_leaf *leaf, unsigned long layout)
{
	unsigned long first = layout_unit(layout, store->first), last = layout_unit(layout, store->last),
		      end = 0;
	unsigned int at = q->from + q->left, behind = at + (store->entry != NULL), nr = leaf->nr;
	bool both = cuts_in_two(q);
	unsigned int tail = q->to - (q->right && !both);
	void *cut = both ? leaf->slot[q->from] : NULL;

	if (both)
		end = leaf_unit_end(leaf, layout, q->from);
	if (q->more) {
		if (tail < nr)
			leaf_move(leaf, layout, behind + both, tail, nr - tail);
		leaf->nr = (unsigned char)((int)nr + q->more);
		if (q->more < 0)
			leaf_set_unused(leaf, leaf->nr, nr);
	}
	if (both) {
		leaf_set_unit_end(leaf, layout, behind, end);
		leaf->slot[behind] = cut;
	}
	if (q->right)
		leaf_set_unit_start(leaf, layout, behind, last + 1);
	if (q->left)
		leaf_set_unit_end(leaf, layout, q->from, first - 1);
	if (!store->entry)
		return;
	leaf_set_unit_start(leaf, layout, at, first);
	leaf_set_unit_end(leaf, layout, at, last);
	leaf->slot[at] = store->entry;
}

static per_layout void carry_out(const struct quick *q, const struct mt_store *store, struct mt_path *path,
	struct mt_leaf *leaf, unsigned long layout)
{
	struct maple_tree *mt = store->mt;
	bool gaps = !store->entry && mt_gap_is_known(mt, path);
	unsigned long hole = gaps ? hole_around(q, store, path) : 0;
	unsigned int at = q->from + q->left;

	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	if (store->entry || cuts_in_two(q))
		put(q, store, leaf, layout);
	else
		erase(q, store, leaf, layout);
	leaf_set_live(leaf, q->live);
	mt_path_leads(path, store->first, at);
	if (gaps)
		mt_gap_changed(path, store, hole);
	mt->ma_tail = mt_is_tail(store, path, leaf, at) ? leaf : NULL;
}

static per_layout bool quick_store(struct mt_store *store, struct mt_path *path, struct mt_leaf *leaf,
	unsigned int i, unsigned long layout)
{
	struct quick q;

	if (!recognise(&q, store, path, leaf, i, layout))
		return false;
	carry_out(&q, store, path, leaf, layout);
	return true;
}

bool mt_squeeze_full(struct maple_tree *mt, struct mt_path *path)
{
	struct mt_leaf *leaf = path_leaf(path);

	if (leaf->nr < LEAF_AREAS - 1 || leaf_live(leaf) == leaf->nr)
		return false;
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	leaf_squeeze(leaf);
	mt_path_leads(path, path->index, mt_area_at(leaf, path->index));
	return true;
}

bool mt_store_quickly(struct mt_store *store, struct mt_path *path)
{
	struct mt_leaf *leaf = path_leaf(path);
	unsigned int i;

	if (store->entry)
		(void)mt_squeeze_full(store->mt, path);
	i = path_area(path);
	return LEAF_BY_LAYOUT(leaf, quick_store, store, path, leaf, i);
}

/* The place in @leaf for an area that meets none which has an entry; LEAF_AREAS: it does, or there is no place. */
static per_layout unsigned int place_in_hole(
	struct mt_leaf *leaf, unsigned int i, unsigned long last, unsigned long layout)
{
	unsigned int nr = leaf->nr;

	if (!leaf->slot[i]) { /* erased, or behind the last */
		if (i < nr)
			return i + 1 == nr || leaf_unit_start(leaf, layout, i + 1) > last ? i : LEAF_AREAS;
	} else if (leaf_unit_start(leaf, layout, i) <= last) {
		return LEAF_AREAS;
	}
	if (i && !leaf->slot[i - 1])
		return i - 1;
	if (nr == LEAF_AREAS)
		return LEAF_AREAS;
	if (i < nr)
		leaf_move(leaf, layout, i + 1, i, nr - i);
	leaf->nr = (unsigned char)(nr + 1);
	return i;
}

/* One slot, beside readers too: see mt_store_exactly(). */
static inline void put_in_place(struct maple_tree *mt, struct mt_leaf *leaf, unsigned int i, void *entry)
{
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
	if (!leaf->slot[i])
		leaf_set_live(leaf, leaf_live(leaf) + 1);
	mt_publish(&leaf->slot[i], entry);
}

/* @entry over [first, last], where the writer is, if that is an area or a part of a hole, and the leaf takes it. */
static per_layout bool put_straight(struct maple_tree *mt, struct mt_leaf *leaf, unsigned long first,
	unsigned long last, void *entry, unsigned long layout)
{
	struct mt_path *path = &mt->ma_path;
	unsigned int i = path_area(path);

	if (!layout_fits(layout, first, last))
		return false;
	first = layout_unit(layout, first);
	last = layout_unit(layout, last);
	if (i < leaf->nr && leaf_unit_start(leaf, layout, i) == first &&
		leaf_unit_end(leaf, layout, i) == last) {
		put_in_place(mt, leaf, i, entry);
		return true;
	}
	if (mt_stores_copy(mt))
		return false;
	i = place_in_hole(leaf, i, last, layout);
	if (i == LEAF_AREAS)
		return false;
	leaf_set_unit_start(leaf, layout, i, first);
	leaf_set_unit_end(leaf, layout, i, last);
	leaf->slot[i] = NULL;
	path->offset[path->height - 1] = (unsigned char)i;
	put_in_place(mt, leaf, i, entry);
	mt->ma_tail = path->max == ULONG_MAX && i + 1U == leaf->nr ? leaf : NULL;
	return true;
}

/* A quick store; or of an area in a hole of a leaf that is full, which becomes two. 1; 0: it is neither; or -ENOMEM. */
static int put_quickly(struct mt_store *store, gfp_t gfp)
{
	struct mt_path *path = mt_writer_path(store->mt, store->first);
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int i;
	int split;

	if (mt_store_quickly(store, path))
		return 1;
	i = path_area(path);
	if (leaf->nr != LEAF_AREAS || i == LEAF_AREAS || !store->entry || leaf_start(leaf, i) <= store->last)
		return 0;
	split = mt_split_ahead(store->mt, store->first, store->last, gfp);
	return split > 0 ? mt_store_quickly(store, path) : split;
}

static __attribute__((noinline)) int put_over_areas(
	struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	struct mt_store store = { .mt = mt, .mas = NULL, .first = first, .last = last, .entry = entry };
	int quick = 0;

	if (!mt->ma_tail && mt_has_nodes(mt) && !mt_stores_copy(mt))
		quick = put_quickly(&store, gfp);
	if (quick > 0)
		PROBE4(maple_store, mt, first, last, entry);
	if (quick)
		return quick > 0 ? 0 : quick;
	return mt_put_any(&store, gfp);
}

int mt_put(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	struct mt_path *path;
	struct mt_leaf *leaf;

	if (SMALL_CODE || !entry || mt->ma_tail || !mt_search_mends(mt) || !mt_has_nodes(mt))
		return put_over_areas(mt, first, last, entry, gfp);
	path = mt_writer_path(mt, first);
	leaf = path_leaf(path);
	if (!leaf->nr || last > path->max ||
		!LEAF_BY_LAYOUT(leaf, put_straight, mt, leaf, first, last, entry))
		return put_over_areas(mt, first, last, entry, gfp);
	PROBE4(maple_store, mt, first, last, entry);
	return 0;
}

bool mt_prepare_put(struct maple_tree *mt, unsigned long first, unsigned long last, const void *entry,
	struct mt_plan *plan)
{
	const struct mt_store store = {
		.mt = mt, .mas = NULL, .first = first, .last = last, .entry = (void *)entry
	};
	struct plan *p = (struct plan *)plan;
	struct mt_path *path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!mt_has_nodes(mt) || mt_stores_copy(mt))
		return false;
	path = mt_writer_path(mt, first);
	if (entry)
		(void)mt_squeeze_full(mt, path);
	i = path_area(path);
	p->leaf = leaf = path_leaf(path);
	p->gen = mt->ma_gen;
	return LEAF_BY_LAYOUT(leaf, recognise, &p->quick, &store, path, leaf, i);
}

void mt_commit_put(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
	const struct mt_plan *plan)
{
	const struct mt_store store = { .mt = mt, .mas = NULL, .first = first, .last = last, .entry = entry };
	const struct plan *p = (const struct plan *)plan;
	struct mt_path *path = &mt->ma_path;
	struct mt_leaf *leaf;

	/* Somebody may have asked for another place meanwhile. */
	if (MT_SMALL || !path->height || path_leaf(path) != p->leaf || p->gen != mt->ma_gen) {
		if (mt_put(mt, first, last, entry, GFP_NOWAIT))
			port_panic("maple tree: a store that needs no memory has failed");
		return;
	}
	leaf = path_leaf(path);
	LEAF_BY_LAYOUT(leaf, carry_out, &p->quick, &store, path, leaf);
	PROBE4(maple_store, mt, first, last, entry);
}
