/* SPDX-License-Identifier: MIT */
/*
 * Radix priority search trees: theory of operation.
 *
 * 1. Meaning.  Draw an interval as a point, its start to the right and its last upwards.  Those that overlap [s, l]
 *    are the points to the left of l (start <= l) and above s (last >= s): a corner open to the top and the left.  A
 *    heap on last gives the highest points first; a radix tree on start halves what lies side by side at each level.
 *
 *   last   a [0,7]  b [4,7]  c [1,5]  d [2,5]  e [2,3]  f [5,5], of a file of 8 pages: index_bits = 3
 *
 *      7 | a           b                        a            0.. left, 1.. right
 *      6 |                                    /   \
 *      5 |    c  d        f                 c       b        00., 10. left, 01., 11. right
 *      4 |                                   \     /
 *      3 |       e                            d   f          the last bit: 0 left, 1 right
 *      2 |                                   /
 *      1 |                                  e
 *      0 |
 *        +-------------------------  start
 *          0  1  2  3  4  5  6  7
 *
 * 2. Invariants: PR1 to PR6 of <vmaple/prio_tree.h>.  PR1 is a strict order, as equal intervals share a node; so an
 *    interval equal to a new one is met on the way down or is not in the tree.
 * 3. Depth.  Level b has decided all b bits of start.  From there on, starts being equal, the sizes differ, and 64 more
 *    levels decide them: no way down is longer than b + 65 nodes.
 * 4. Growth.  A last of more bits turns b into b' > b.  No start so far has one of the new bits: the new levels
 *    lead to the left and nowhere else, and they are filled from the top of the heap.  What remains below has moved
 *    down by b' - b levels and still lies right: the bit that decides on level i of b bits is the one that decides
 *    on level i + b' - b of b' bits.  Overflow subtrees count their bits from the top of the word, for this reason.
 *
 *            a                        a
 *          /   \                     /
 *        c       b       ==>        b           two bits more: a and b, the first of the heap,
 *         \     /                  /            fill the two new levels
 *          d   f                  c
 *         /                     /   \
 *        e                     d     f
 *                               \
 *                                e
 *
 * 5. Failure.  Nothing here allocates, nothing here can fail.
 */
#ifndef PRIO_TREE_INTERNAL_H
#define PRIO_TREE_INTERNAL_H

#include <limits.h>

#include <vmaple/prio_tree.h>

#define WORD_BITS ((unsigned int)(sizeof(unsigned long) * CHAR_BIT))

/* PR1: does @a lie above @b? Intervals differ. */
static inline bool prio_tree_before(const struct prio_tree_node *a, const struct prio_tree_node *b)
{
	return a->last > b->last || (a->last == b->last && a->start < b->start);
}

static inline bool prio_tree_same(const struct prio_tree_node *a, const struct prio_tree_node *b)
{
	return a->start == b->start && a->last == b->last;
}

/* PR2: on which side of a node on @level does @node belong? */
static inline unsigned int prio_tree_side(
	const struct prio_tree_root *root, const struct prio_tree_node *node, unsigned int level)
{
	if (level < root->index_bits)
		return node->start >> (root->index_bits - 1 - level) & 1;
	return (node->last - node->start) >> (WORD_BITS - 1 - (level - root->index_bits)) & 1;
}

/* Number of bits that @index takes. */
static inline unsigned int prio_tree_bits(unsigned long index)
{
	return index ? WORD_BITS - (unsigned int)__builtin_clzl(index) : 0;
}

/* PR4: a node that follows an equal one. */
static inline bool prio_tree_follows(const struct prio_tree_node *node)
{
	return node->parent == node;
}

#endif /* PRIO_TREE_INTERNAL_H */
