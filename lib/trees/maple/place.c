/* SPDX-License-Identifier: MIT */
/*
 * Changes at the writer's place: an area that it has found is cut, grows, gains what its neighbour loses, or goes.
 *
 * 1. Meaning.  The call that changes an area has just asked for it, so that the writer's path leads there or beside it,
 *    and it knows which entries stand there. It says what becomes of them instead of what is stored over which range:
 *
 *        cut      |------- e -------|    border    |---- l ----|-- r --|
 *                 |-- l --|--- u ---|              |-- l --|---- r ----|
 *
 *        grow     |-- e --|    hole          |
 *                 |-------- e ------|        |
 *
 *    So nothing is searched: of a cut one place more, of a border or of what grows two numbers, and of what goes one slot.
 *    As stores, the first three in two steps, they took 210, 325, 220 and 240 instructions, of which 110, 25, 42 and 110
 *    are left (callgrind, on recordings of bash, java, python3 and node).
 * 2. Where it does not apply (RCU mode, but for what goes, the path leads elsewhere, the leaf is full or runs low, a bound that its layout cannot
 *    hold, the neighbour is another leaf's) it says so, and a store does it.
 */
#include "write.h"

/* The place of @entry, at the writer's or beside it; LEAF_AREAS: neither. */
static inline unsigned int place_of(const struct mt_leaf *leaf, unsigned int i, const void *entry)
{
	if (leaf->slot[i] == entry)
		return i;
	if (i && leaf->slot[i - 1] == entry)
		return i - 1;
	return leaf->slot[i + 1] == entry ? i + 1 : LEAF_AREAS;
}

/* Can an area of the leaf begin at @index, which lies within its areas? */
static inline bool may_begin(const struct mt_leaf *leaf, unsigned long index)
{
	return leaf_shift(leaf) != LEAF_PAGE_SHIFT || !(index & ((1UL << LEAF_PAGE_SHIFT) - 1));
}

static inline bool is_here(const struct maple_tree *mt)
{
	return mt->ma_path.height && !mt_in_rcu(mt);
}

static void changed(struct maple_tree *mt, unsigned long index, unsigned int i)
{
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
	mt_path_leads(&mt->ma_path, index, i);
}

bool mt_can_cut(const struct maple_tree *mt, const void *entry, unsigned long at)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;

	if (!is_here(mt))
		return false;
	leaf = path_leaf(path);
	return leaf->nr < LEAF_AREAS && may_begin(leaf, at) &&
	       place_of(leaf, path_area(path), entry) < LEAF_AREAS;
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

bool mt_cut(struct maple_tree *mt, const void *entry, unsigned long at, void *lower, void *upper)
{
	struct mt_leaf *leaf;
	unsigned int i;

	if (!mt_can_cut(mt, entry, at))
		return false;
	leaf = path_leaf(&mt->ma_path);
	i = place_of(leaf, path_area(&mt->ma_path), entry);
	changed(mt, at, i + 1);
	LEAF_BY_LAYOUT(leaf, cut_area, leaf, i, at, lower, upper);
	return true;
}

bool mt_can_move_border(
	const struct maple_tree *mt, const void *left, const void *right, unsigned long border)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_here(mt))
		return false;
	leaf = path_leaf(path);
	i = place_of(leaf, path_area(path), left);
	return i < LEAF_AREAS && leaf->slot[i + 1] == right && may_begin(leaf, border);
}

static inline __attribute__((always_inline)) void move_border(
	struct mt_leaf *leaf, unsigned int i, unsigned long border, unsigned long layout)
{
	unsigned long unit = layout_unit(layout, border);

	leaf_set_unit_end(leaf, layout, i, unit - 1);
	leaf_set_unit_start(leaf, layout, i + 1, unit);
}

bool mt_move_border(struct maple_tree *mt, const void *left, const void *right, unsigned long border)
{
	struct mt_leaf *leaf;
	unsigned int i;

	if (!mt_can_move_border(mt, left, right, border))
		return false;
	leaf = path_leaf(&mt->ma_path);
	i = place_of(leaf, path_area(&mt->ma_path), left);
	changed(mt, border, i + 1);
	LEAF_BY_LAYOUT(leaf, move_border, leaf, i, border);
	return true;
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

bool mt_can_grow(const struct maple_tree *mt, const void *entry, unsigned long first, unsigned long last)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!is_here(mt) || first < path->min || last > path->max)
		return false;
	leaf = path_leaf(path);
	i = place_of(leaf, path_area(path), entry);
	return i < LEAF_AREAS && LEAF_BY_LAYOUT(leaf, has_room, leaf, i, first, last);
}

bool mt_grow(struct maple_tree *mt, const void *entry, unsigned long first, unsigned long last)
{
	struct mt_leaf *leaf;
	unsigned int i;

	if (!mt_can_grow(mt, entry, first, last))
		return false;
	leaf = path_leaf(&mt->ma_path);
	i = place_of(leaf, path_area(&mt->ma_path), entry);
	changed(mt, first, i);
	leaf_set_start(leaf, leaf->base, i, first);
	leaf_set_end(leaf, leaf->base, i, last);
	return true;
}

/* MT7: area @i has gone, and the hole where it was may be the leaf's longest. */
static void hole_is_longer(struct mt_path *path, unsigned int i)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int level = path->height - 1U;
	unsigned long first = hole_first(leaf, leaf_live_before(leaf, i), path->min);
	unsigned long last = hole_last(leaf, leaf_live_from(leaf, i + 1), path->max);

	if (last - first >= mt_gap(path_inner(path, level - 1), path->offset[level - 1]))
		mt_update_gaps(path, level, last - first + 1);
}

bool mt_drop(struct maple_tree *mt, const void *entry)
{
	struct mt_path *path = &mt->ma_path;
	bool edge = path->max == ULONG_MAX;
	unsigned int i, live;
	struct mt_leaf *leaf;

	if (!path->height)
		return false;
	leaf = path_leaf(path);
	i = place_of(leaf, path_area(path), entry);
	live = leaf_live(leaf) - 1;
	if (i == LEAF_AREAS || live < (edge ? 1 : LEAF_MIN) || (!edge && i + 1 == leaf->nr))
		return false;
	changed(mt, leaf_start(leaf, i), i);
	mt_publish(&leaf->slot[i], NULL);
	leaf_set_live(leaf, live);
	if (mt_gap_is_known(mt, path))
		hole_is_longer(path, i);
	return true;
}
