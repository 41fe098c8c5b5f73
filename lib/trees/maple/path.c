/* SPDX-License-Identifier: MIT */
/*
 * A writer's path down, and the one that was gone last.
 *
 * 1. Meaning.  Stores come in bunches: what is mapped is cut, protected, unmapped.  So the tree remembers the nodes
 *    from the root to the leaf where a writer was last, and that leaf's bounds: an index between them needs no other
 *    path, only a search in the leaf.
 * 2. Validity.  It holds while those nodes are the tree's and the leaf's bounds are what they were.  A store into the
 *    leaf keeps it true (a copy takes the leaf's place); a rebuild, a leaf hung behind the last one and an empty root's
 *    end are told to mt_forget_path(), when they have used it.  mt_check() compares it with the tree (MT8).
 * 3. Place.  The offset in the leaf is that of the index of the last call, or of the first index that was stored since. The
 *    next call asks for the same more often than not, and then has it for a compare (mt_writer_path()).
 * 4. Readers know nothing of it: it is the writer's own, under its lock.
 */
#include "leaf.h"

void mt_forget_path(struct maple_tree *mt)
{
	mt->ma_path.height = 0;
}

struct mt_path *mt_find_writer_path(struct maple_tree *mt, unsigned long index)
{
	struct mt_path *path = &mt->ma_path;

	/* One compare for both bounds: on which side another leaf lies is as good as random. */
	if (!path->height || index - path->min > path->max - path->min) {
		mt_path_to(mt->ma_root, index, path);
		return path;
	}
	mt_path_leads(path, index, mt_area_at(path_leaf(path), index));
	return path;
}
