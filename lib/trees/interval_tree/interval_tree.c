/* SPDX-License-Identifier: MIT */
/*
 * The ready-made interval tree: the template of <vmaple/interval_tree.h> for unsigned long, out of line.
 *
 * Invariants, readers and writers, memory and failure: IT1 to IT4 there.
 */
#include <vmaple/interval_tree.h>

#define START(node) ((node)->start)
#define LAST(node)  ((node)->last)

INTERVAL_TREE_DEFINE(
	struct interval_tree_node, rb, unsigned long, __subtree_last, START, LAST, , interval_tree)
