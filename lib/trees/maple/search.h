/* SPDX-License-Identifier: MIT */
/*
 * The walk down, written once and compiled for each kind of CPU.
 *
 * Included by walk.c with SEARCH(name) naming this form's functions, SEARCH_TARGET its compiler attribute, and
 * three searches defined: SEARCH(inner), the number of pivots of an inner node below an index; SEARCH(narrow)
 * and SEARCH(wide), the number of ends of a leaf below a key, or an index.
 */

SEARCH_TARGET static void *SEARCH(load)(const void *root, unsigned long index)
{
	const void *node = mt_root_node(root);
	const struct mt_leaf *leaf;
	unsigned int area;
	int key;

	for (unsigned int level = mt_root_height(root); level > 1; level--)
		node = mt_child(node, SEARCH(inner)(node, index));
	leaf = node;
	if (leaf_is_wide(leaf)) {
		area = SEARCH(wide)(leaf, index);
		return area < leaf->nr && leaf_wide(leaf)->start[area] <= index ? leaf_entry(leaf, area)
										: NULL;
	}
	key = narrow_key(leaf, index);
	area = SEARCH(narrow)(leaf, key);
	return narrow_start(leaf, area) <= key ? leaf_entry(leaf, area) : NULL;
}

/* How many areas of a leaf end below @index. */
SEARCH_TARGET static inline unsigned int SEARCH(area)(const struct mt_leaf *leaf, unsigned long index)
{
	return leaf_is_wide(leaf) ? SEARCH(wide)(leaf, index) : SEARCH(narrow)(leaf, narrow_key(leaf, index));
}

SEARCH_TARGET static void SEARCH(position)(const void *root, unsigned long index, struct mt_position *pos)
{
	const void *node = mt_root_node(root);

	pos->parent = NULL;
	pos->child = 0;
	pos->min = 0;
	pos->max = ULONG_MAX;
	for (unsigned int level = mt_root_height(root); level > 1; level--) {
		pos->parent = node;
		pos->child = SEARCH(inner)(pos->parent, index);
		pos->max = mt_end(pos->parent, pos->child, pos->max);
		pos->min = mt_begin(pos->parent, pos->child, pos->min);
		node = mt_child(pos->parent, pos->child);
	}
	pos->leaf = node;
	pos->area = SEARCH(area)(node, index);
}

SEARCH_TARGET static void SEARCH(path)(const void *root, unsigned long index, struct mt_path *path)
{
	void *node = mt_root_node(root);
	unsigned int last = mt_root_height(root) - 1;
	unsigned long min = 0, max = ULONG_MAX;

	path->height = last + 1;
	for (unsigned int level = 0; level < last; level++) {
		const struct mt_inner *inner = node;
		unsigned int offset = SEARCH(inner)(inner, index);

		path->node[level] = node;
		path->offset[level] = offset;
		path->min[level] = min;
		path->max[level] = max;
		max = mt_end(inner, offset, max);
		min = mt_begin(inner, offset, min);
		node = inner->slot[offset];
	}
	path->node[last] = node;
	path->offset[last] = SEARCH(area)(node, index);
	path->min[last] = min;
	path->max[last] = max;
}
