/* SPDX-License-Identifier: MIT */
/*
 * The walk down, written once and compiled for each kind of CPU.
 *
 * Included by walk.c with SEARCH(name) naming this form's functions, SEARCH_TARGET its compiler attribute, and
 * search_offset() defined: the number of pivots of a node that are below an index.
 */

SEARCH_TARGET static void *SEARCH(load)(const void *root, unsigned long index)
{
	const struct mt_node *node = mt_root_node(root);

	for (unsigned int level = mt_root_height(root); level > 1; level--)
		node = mt_slot(node, SEARCH(offset)(node, index));
	return mt_slot(node, SEARCH(offset)(node, index));
}

SEARCH_TARGET static void SEARCH(position)(const void *root, unsigned long index, struct mt_position *pos)
{
	const struct mt_node *node = mt_root_node(root);
	unsigned long min = 0, max = ULONG_MAX;
	unsigned int offset;

	for (unsigned int level = mt_root_height(root); level > 1; level--) {
		offset = SEARCH(offset)(node, index);
		max = mt_end(node, offset, max);
		min = mt_begin(node, offset, min);
		node = mt_slot(node, offset);
	}
	pos->leaf = node;
	pos->min = min;
	pos->max = max;
	pos->offset = SEARCH(offset)(node, index);
}

SEARCH_TARGET static void SEARCH(path)(const void *root, unsigned long index, struct mt_path *path)
{
	struct mt_node *node = mt_root_node(root);
	unsigned int height = mt_root_height(root), level = 0;
	unsigned long min = 0, max = ULONG_MAX;

	path->height = height;
	for (;;) {
		unsigned int offset = SEARCH(offset)(node, index);

		path->node[level] = node;
		path->offset[level] = offset;
		path->min[level] = min;
		path->max[level] = max;
		if (++level == height)
			return;
		max = mt_end(node, offset, max);
		min = mt_begin(node, offset, min);
		node = node->slot[offset];
	}
}
