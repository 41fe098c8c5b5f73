/* SPDX-License-Identifier: MIT */
/*
 * A writer's way down, and the one that was gone last.
 *
 * 1. Meaning.  Stores come in bunches: what is mapped is cut, protected, unmapped.  So the tree remembers the nodes from the
 *    root to the leaf where a writer was last, and that leaf's bounds: an index between them needs no other way, only
 *    a search in the leaf.
 * 2. Validity.  It holds while those nodes are the tree's and the leaf's bounds are what they were.  A store into the
 *    leaf keeps it true (a copy takes the leaf's place); a rebuild, a leaf hung behind the last one and an empty root's
 *    end are told to mt_forget_way().  mt_check() compares it with the tree (M8).
 * 3. Readers know nothing of it: it is the writer's own, under its lock.
 */
#include "leaf.h"

void mt_forget_way(struct maple_tree *mt)
{
	mt->ma_way.height = 0;
}

static void remember(struct ma_way *way, const struct mt_path *path)
{
	unsigned int leaf = path->height - 1;

	way->height = 0;
	if (path->height > MA_WAY_LEVELS)
		return;
	for (unsigned int level = 0; level < leaf; level++) {
		way->node[level] = path->node[level];
		way->child[level] = (unsigned char)path->offset[level];
	}
	way->node[leaf] = path->node[leaf];
	way->min = path->min[leaf];
	way->max = path->max[leaf];
	way->height = (unsigned char)path->height;
}

void mt_way_to(struct maple_tree *mt, unsigned long index, struct mt_path *path)
{
	struct ma_way *way = &mt->ma_way;
	unsigned int leaf = way->height - 1U;

	if (!way->height || index < way->min || index > way->max) {
		mt_path_to(mt->ma_root, index, path);
		remember(way, path);
		return;
	}
	path->height = way->height;
	for (unsigned int level = 0; level < leaf; level++) {
		path->node[level] = way->node[level];
		path->offset[level] = way->child[level];
	}
	path->node[leaf] = way->node[leaf];
	path->offset[leaf] = mt_area_at(way->node[leaf], index);
	path->min[leaf] = way->min;
	path->max[leaf] = way->max;
}
