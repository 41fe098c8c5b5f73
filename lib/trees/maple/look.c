/* SPDX-License-Identifier: MIT */
/*
 * Looks without a cursor: the entry at an index or the next above it, and what lies on both sides.
 *
 * 1. Meaning.  A call that changes an area asks two or three such questions and needs no position to go on from.  A
 *    cursor for each, set up, walked to the ends of its hole and stepped back, took 240 instructions for the first and
 *    470 for the one before too; a look takes 100, and 170 for both sides (callgrind, AVX2, on a recording of node).
 * 2. Ways.  Mostly all that is asked for stands in one leaf: search.h, SEARCH(look) and SEARCH(around), which know no
 *    bounds.  Where the answer is in another leaf, each question goes its own way, here, from leaf to leaf by a walk from
 *    the root.
 * 3. Readers.  As of a load (docs/maple-tree.md, 6): each slot is read once.  What lies on both sides need not have
 *    been so all at one moment.  The root is read once for a call: who goes on below an old one sees nodes that are
 *    whole until the section ends.
 */
#include "leaf.h"

/* The first entry behind the leaf of @pos, which is somewhere else then, and its place. */
static void *entry_behind(const void *root, struct mt_position *pos)
{
	void *entry = NULL;

	while (!entry && pos->max != ULONG_MAX) {
		mt_walk_position(root, pos->max + 1, pos);
		entry = leaf_first_entry(pos->leaf, &pos->area);
	}
	return entry;
}

/* Not all of the leaf that is found: beside a writer it may be cut otherwise now, and reach beyond that of @pos. */
static void *entry_before(const void *root, struct mt_position pos)
{
	void *entry = NULL;

	while (!entry && pos.min) {
		unsigned long index = pos.min - 1;
		bool covered;

		mt_walk_position(root, index, &pos);
		covered = pos.area < pos.leaf->nr && leaf_start(pos.leaf, pos.area) <= index;
		entry = leaf_last_entry(pos.leaf, pos.area + covered);
	}
	return entry;
}

void *mt_look_on(const void *root, unsigned long index, unsigned long max)
{
	struct mt_position pos;
	void *entry;

	mt_walk_position(root, index, &pos);
	entry = leaf_first_entry(pos.leaf, &pos.area);
	if (!entry && pos.max < max)
		entry = entry_behind(root, &pos);
	return entry && leaf_start(pos.leaf, pos.area) <= max ? entry : NULL;
}

void *mt_look_both_ways(const void *root, unsigned long index, void **before, void **after)
{
	struct mt_position pos;
	void *entry;

	mt_walk_position(root, index, &pos);
	*before = leaf_last_entry(pos.leaf, pos.area);
	if (!*before)
		*before = entry_before(root, pos);
	entry = leaf_first_entry(pos.leaf, &pos.area);
	if (!entry)
		entry = entry_behind(root, &pos);
	if (!after)
		return entry;
	*after = NULL;
	if (!entry)
		return NULL;
	pos.area++;
	*after = leaf_first_entry(pos.leaf, &pos.area);
	if (!*after)
		*after = entry_behind(root, &pos);
	return entry;
}

void *mt_look(const struct maple_tree *mt, unsigned long index, unsigned long max)
{
	void *root = mt_root(mt);

	if (index > max)
		return NULL;
	if (mt_root_is_node(root))
		return mt_walk_look(root, index, max);
	return index ? NULL : root;
}

/*
 * The writer's: what the leaf before that of @path ends with, as each but the last does (MT4). @return false: it hangs
 * elsewhere.
 */
static inline bool path_before(const struct mt_path *path, void **before)
{
	unsigned int level = path->height - 1U;
	const struct mt_leaf *leaf;

	*before = NULL;
	if (!path->min)
		return true;
	if (!path->offset[level - 1])
		return false;
	leaf = path_inner(path, level - 1)->slot[path->offset[level - 1] - 1U];
	*before = leaf->slot[leaf->nr - 1U];
	return true;
}

/* The same of the leaf behind it. */
static inline bool path_after(const struct mt_path *path, void **after)
{
	unsigned int level = path->height - 1U, area = 0;
	const struct mt_inner *parent;

	*after = NULL;
	if (path->max == ULONG_MAX)
		return true;
	parent = path_inner(path, level - 1);
	if (path->offset[level - 1] + 1U >= parent->nr)
		return false;
	*after = leaf_first_entry(parent->slot[path->offset[level - 1] + 1U], &area);
	return true;
}

void mt_writer_seek(struct maple_tree *mt, unsigned long index)
{
	if (mt_root_is_node(mt->ma_root))
		(void)mt_writer_path(mt, index);
}

void *mt_writer_look(struct maple_tree *mt, unsigned long index, void **before, void **after)
{
	const struct mt_path *path;
	const struct mt_leaf *leaf;
	unsigned int area;
	void *entry;

	if (!mt_root_is_node(mt->ma_root))
		return mt_look_around(mt, index, before, after);
	path = mt_writer_path(mt, index);
	entry = mt_writer_place(mt, before, after);
	if (entry)
		return entry;
	leaf = path_leaf(path);
	area = path_area(path);
	*before = leaf_last_entry(leaf, area);
	entry = leaf_first_entry(leaf, &area); /* NULL: behind all (MT4) */
	area++;
	*after = leaf_first_entry(leaf, &area);
	if ((*before || path_before(path, before)) && (*after || !entry || path_after(path, after)))
		return entry;
	return mt_look_both_ways(mt->ma_root, index, before, after);
}

void *mt_look_around(const struct maple_tree *mt, unsigned long index, void **before, void **after)
{
	void *root = mt_root(mt);

	if (mt_root_is_node(root))
		return mt_walk_around(root, index, before, after);
	*before = index ? root : NULL;
	if (after)
		*after = NULL;
	return index ? NULL : root;
}
