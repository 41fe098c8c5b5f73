/* SPDX-License-Identifier: MIT */
/*
 * Changes of areas that are there: one is cut, a border between two moves, one grows into a hole, one goes.
 *
 * 1. Meaning.  The call that changes an area knows where it begins, and what is there. It says what becomes of it instead
 *    of what is stored over which range:
 *
 *        cut      |------- e -------|    border    |---- l ----|-- r --|
 *                 |-- l --|--- u ---|              |-- l --|---- r ----|
 *
 *        grow     |-- e --|    hole          |      join      |-- l --|-- r --|
 *                 |-------- e ------|        |                |------ e ------|
 *
 *        shorten  |-------- e ------|
 *                 |-- e --|    hole
 *
 *    So nothing but its place is searched: of a cut one place more, of a border or of what grows or shrinks two numbers, of a join some
 *    places less, and of what goes one slot. Whether it can be is asked first, and then it cannot fail: the place is the writer's meanwhile (path.c, 3).
 * 2. Where it does not apply (RCU mode, but for what goes, the leaf is full or runs low, a bound that its layout cannot
 *    hold, the neighbour is another leaf's) it says so, and a store does it.
 */
#include "write.h"

/* May areas be changed where they are? */
static inline bool is_in_place(const struct maple_tree *mt)
{
	return mt_has_nodes(mt) && !mt_stores_copy(mt);
}

/* The leaf that holds @index, and the place of its area there, which is the writer's then. */
static inline struct mt_leaf *leaf_at(struct maple_tree *mt, unsigned long index, unsigned int *i)
{
	const struct mt_path *path;

	if (MT_SMALL) /* is_in_place() never says so */
		__builtin_trap();
	path = mt_writer_path(mt, index);
	*i = path_area(path);
	return path_leaf(path);
}

/* A leaf that is full has room then: erased areas go, or it becomes two. 1, 0 where neither can be, or -ENOMEM. */
static int make_room(struct maple_tree *mt, const struct mt_leaf *leaf, unsigned int i, unsigned long at)
{
	return mt_squeeze_full(mt, &mt->ma_path) ? 1 : mt_split_ahead(mt, at, leaf_end(leaf, i), GFP_KERNEL);
}

int mt_can_cut(struct maple_tree *mt, unsigned long at)
{
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_in_place(mt))
		return 0;
	leaf = leaf_at(mt, at, &i);
	if (mt_leaf_takes_cut(leaf, at))
		return 1;
	return mt_leaf_may_begin(leaf, at) ? make_room(mt, leaf, i, at) : 0;
}

static inline __attribute__((always_inline)) void cut_area(struct mt_leaf *leaf, unsigned int i,
	unsigned long at, void *lower, void *upper, unsigned long layout)
{
	unsigned int nr = leaf->nr;
	unsigned long unit = layout_unit(layout, at);

	if (i + 1 < nr)
		leaf_move(leaf, layout, i + 2, i + 1, nr - i - 1);
	leaf->nr = (unsigned char)(nr + 1);
	leaf_set_live(leaf, leaf_live(leaf) + 1);
	leaf_set_unit_end(leaf, layout, i + 1, leaf_unit_end(leaf, layout, i));
	leaf_set_unit_start(leaf, layout, i + 1, unit);
	leaf_set_unit_end(leaf, layout, i, unit - 1);
	leaf->slot[i] = lower;
	leaf->slot[i + 1] = upper;
}

void mt_cut(struct maple_tree *mt, unsigned long at, void *lower, void *upper)
{
	unsigned int i;
	struct mt_leaf *leaf = leaf_at(mt, at, &i);

	mt_place_changed(mt, at, i + 1);
	LEAF_BY_LAYOUT(leaf, cut_area, leaf, i, at, lower, upper);
}

bool mt_can_move_border(
	struct maple_tree *mt, const void *left, const void *right, unsigned long from, unsigned long border)
{
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_in_place(mt))
		return false;
	leaf = leaf_at(mt, from, &i);
	return mt_leaf_has_border(leaf, i, left, right, border);
}

void mt_move_border(struct maple_tree *mt, unsigned long from, unsigned long border)
{
	unsigned int i;
	struct mt_leaf *leaf = leaf_at(mt, from, &i);

	mt_place_changed(mt, border, i);
	mt_leaf_move_border(leaf, i, border);
}

/* Is nothing but a hole, without an erased area in it, between area @i and the bounds that it is to have? */
static inline __attribute__((always_inline)) bool has_room(const struct mt_leaf *leaf, unsigned int i,
	unsigned long first, unsigned long last, unsigned long layout)
{
	if (!layout_fits(layout, first, last))
		return false;
	if (i && leaf_unit_end(leaf, layout, i - 1) >= layout_unit(layout, first))
		return false;
	return i + 1 == leaf->nr || leaf_unit_start(leaf, layout, i + 1) > layout_unit(layout, last);
}

bool mt_can_grow(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_in_place(mt))
		return false;
	leaf = leaf_at(mt, from, &i);
	return first >= path->min && last <= path->max &&
	       LEAF_BY_LAYOUT(leaf, has_room, leaf, i, first, last);
}

void mt_grow(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last)
{
	unsigned int i;
	struct mt_leaf *leaf = leaf_at(mt, from, &i);

	mt_place_changed(mt, first, i);
	leaf_set_start(leaf, leaf->base, i, first);
	leaf_set_end(leaf, leaf->base, i, last);
}

/* What is joined in a leaf: places [from, to) with so many entries. */
struct joined {
	unsigned int from, to, entries;
};

/* What begins in [first, last], of which place @i does, and erased areas that reach into it; in units of the leaf. */
static inline __attribute__((always_inline)) struct joined find_joined(const struct mt_leaf *leaf,
	unsigned int i, unsigned long first, unsigned long last, unsigned long layout)
{
	struct joined j = { .from = i, .to = i };
	unsigned int nr = leaf->nr;

	while (j.from && !leaf->slot[j.from - 1] && leaf_unit_end(leaf, layout, j.from - 1) >= first)
		j.from--;
	for (; j.to < nr && leaf_unit_start(leaf, layout, j.to) <= last; j.to++)
		j.entries += leaf->slot[j.to] != NULL;
	return j;
}

/* Has it no part of an area that has an entry, fits the leaf, and leaves it enough? */
static inline __attribute__((always_inline)) bool takes_join(const struct mt_leaf *leaf, unsigned int i,
	unsigned long first, unsigned long last, unsigned int least, unsigned long layout)
{
	struct joined j;

	if (!layout_fits(layout, first, last))
		return false;
	first = layout_unit(layout, first);
	last = layout_unit(layout, last);
	j = find_joined(leaf, i, first, last, layout);
	if (j.from && leaf_unit_end(leaf, layout, j.from - 1) >= first)
		return false;
	if (leaf->slot[j.to - 1] && leaf_unit_end(leaf, layout, j.to - 1) > last)
		return false;
	return leaf_live(leaf) + 1 >= least + j.entries;
}

/* Where small code is asked for any store does it. */
#ifdef __OPTIMIZE_SIZE__
#define JOINS_IN_PLACE false
#else
#define JOINS_IN_PLACE (!MT_SMALL)
#endif

bool mt_can_join(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i, least;

	if (!JOINS_IN_PLACE || !is_in_place(mt))
		return false;
	leaf = leaf_at(mt, from, &i);
	least = path->max == ULONG_MAX ? 1 : LEAF_MIN;
	return from >= first && first >= path->min && last <= path->max &&
	       LEAF_BY_LAYOUT(leaf, takes_join, leaf, i, first, last, least);
}

static inline __attribute__((always_inline)) unsigned int join(struct mt_leaf *leaf, unsigned int i,
	unsigned long first, unsigned long last, void *entry, unsigned long layout)
{
	unsigned int nr = leaf->nr;
	struct joined j;

	first = layout_unit(layout, first);
	last = layout_unit(layout, last);
	j = find_joined(leaf, i, first, last, layout);
	leaf_set_unit_start(leaf, layout, j.from, first);
	leaf_set_unit_end(leaf, layout, j.from, last);
	leaf->slot[j.from] = entry;
	leaf_set_live(leaf, leaf_live(leaf) - j.entries + 1);
	if (j.to == j.from + 1)
		return j.from;
	if (j.to < nr)
		leaf_move(leaf, layout, j.from + 1, j.to, nr - j.to);
	leaf->nr = (unsigned char)(nr - (j.to - j.from - 1));
	leaf_set_unused(leaf, leaf->nr, nr);
	return j.from;
}

/* Any store takes 500 instructions for it, prepared and carried out (callgrind, on a recording of python3). */
void mt_join(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last, void *entry)
{
	unsigned int i;
	struct mt_leaf *leaf;

	if (!JOINS_IN_PLACE)
		return;
	leaf = leaf_at(mt, from, &i);
	i = LEAF_BY_LAYOUT(leaf, join, leaf, i, first, last, entry);
	mt_place_changed(mt, first, i);
}

/* MT7: areas [from, to) have no entry, nor what they have lost, and the hole there may be the leaf's longest. */
static void hole_is_longer(struct mt_path *path, unsigned int from, unsigned int to)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int level = path->height - 1U;
	unsigned long first = hole_first(leaf, leaf_live_before(leaf, from), path->min);
	unsigned long last = hole_last(leaf, leaf_live_from(leaf, to), path->max);

	if (last - first >= mt_gap(path_inner(path, level - 1), path->offset[level - 1]))
		mt_update_gaps(path, level, last - first + 1);
}

bool mt_drop(struct maple_tree *mt, unsigned long first)
{
	struct mt_path *path = &mt->ma_path;
	unsigned int i, live;
	struct mt_leaf *leaf;
	bool edge;

	if (MT_SMALL || !mt_has_nodes(mt))
		return false;
	leaf = leaf_at(mt, first, &i);
	edge = path->max == ULONG_MAX;
	live = leaf_live(leaf) - 1;
	if (live < (edge ? 1 : LEAF_MIN) || (!edge && i + 1 == leaf->nr))
		return false;
	mt_place_changed(mt, first, i);
	mt_publish(&leaf->slot[i], NULL);
	leaf_set_live(leaf, live);
	if (mt_gap_is_known(mt, path))
		hole_is_longer(path, i, i + 1);
	return true;
}

bool mt_can_shorten(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_in_place(mt))
		return false;
	leaf = leaf_at(mt, from, &i);
	/* MT4 */
	if (i + 1 == leaf->nr && path->max != ULONG_MAX && last != path->max)
		return false;
	return leaf_fits(leaf, first, last);
}

/* mt_cut(), and mt_drop() of the part, take 240 instructions where this takes 110 (callgrind, on a recording of node). */
void mt_shorten(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last)
{
	unsigned int i, lower;
	struct mt_leaf *leaf = leaf_at(mt, from, &i);

	lower = first != from;
	mt_place_changed(mt, first, i);
	leaf_set_start(leaf, leaf->base, i, first);
	leaf_set_end(leaf, leaf->base, i, last);
	if (mt_gap_is_known(mt, &mt->ma_path))
		hole_is_longer(&mt->ma_path, i + !lower, i + !lower);
}
