/* SPDX-License-Identifier: MIT */
/*
 * A writer's way down, and the one that was gone last.
 *
 * 1. Meaning.  Stores come in bunches: what is mapped is cut, protected, unmapped.  So the tree remembers the nodes
 *    from the root to the leaf where a writer was last, and that leaf's bounds: an index between them needs no other
 *    way, only a search in the leaf.
 * 2. Validity.  It holds while those nodes are the tree's and the leaf's bounds are what they were.  A store into the
 *    leaf keeps it true (a copy takes the leaf's place); a rebuild, a leaf hung behind the last one and an empty root's
 *    end are told to mt_forget_way(), when they have used it.  mt_check() compares it with the tree (M8).
 * 3. Readers know nothing of it: it is the writer's own, under its lock.
 */
#include "leaf.h"

void mt_forget_way(struct maple_tree *mt)
{
	mt->ma_way.height = 0;
}

struct mt_path *mt_way_to(struct maple_tree *mt, unsigned long index)
{
	struct mt_path *way = &mt->ma_way;

	/* One compare for both bounds: on which side another leaf lies is as good as random. */
	if (way->height && index - way->min <= way->max - way->min)
		way->offset[way->height - 1] = (unsigned char)mt_area_at(path_leaf(way), index);
	else
		mt_path_to(mt->ma_root, index, way);
	return way;
}
