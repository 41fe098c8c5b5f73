/* SPDX-License-Identifier: MIT */
/**
 * @file prio_tree.h
 * Intervals in a radix priority search tree, as Linux 2.6.7 to 3.6 kept the areas that map a file.
 *
 * A heap and a radix tree in one: no node ends before those below it do, and where a node may lie is decided by the
 * bits of its start.  Such a tree needs no balancing, and a node nothing but three links, but its depth is that of
 * the index bits in use and not of the number of intervals.  McCreight 1985; Venkatasubramanian 2004; docs/trees.md.
 *
 * Rules (prio_tree_validate() names the one that is broken)
 * PR1  Heap: a node comes before both children: it has the larger last or, where that is equal, the smaller start.
 * PR2  Radix: on levels 0 to index_bits - 1 the bits of start decide between left (0) and right (1), from bit
 *     index_bits - 1 downwards.  Below, where all starts of a subtree are equal, an overflow subtree begins: there
 *     the bits of last - start decide, from the highest of the word downwards.
 * PR3  The root's parent is NULL; every other node's is the node that it hangs on.
 * PR4  Equal intervals have one node in the tree.  The others follow it in a list: their left and right are the
 *     one before and the one behind, and they are their own parent.
 * PR5  Every last fits into index_bits bits.
 * PR6  An interval is [start, last], both included, and does not end before it starts.
 *
 * Memory and failure.  Nothing here allocates, nothing here can fail.  One writer, or readers, under the caller's lock.
 *
 * Cost.  b is index_bits, at most 64: insert and remove O(b) steps, and up to 64 more through an overflow subtree; a
 * search with k hits O(k) and as many.  An interval that follows an equal one is removed in O(1).
 */
#ifndef VMAPLE_PRIO_TREE_H
#define VMAPLE_PRIO_TREE_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

VMAPLE_C_ONLY_BEGIN
/** An interval; a member of the caller's structure. */
struct prio_tree_node {
	union {
		struct {
			struct prio_tree_node *left, *right;
		};
		struct prio_tree_node *child[2]; /**< the same, by the bit that decides */
	};
	struct prio_tree_node *parent;
	struct prio_tree_node *equal; /**< the first that follows it (PR4) */
	unsigned long start;          /**< first index in it */
	unsigned long last;           /**< last index in it */
};
VMAPLE_C_ONLY_END

/** A tree. */
struct prio_tree_root {
	struct prio_tree_node *prio_tree_node;
	unsigned short index_bits; /**< grows with the largest last ever, until the tree is empty again */
};

/** A search under way. */
struct prio_tree_iter {
	const struct prio_tree_root *root;
	unsigned long start, last;    /* of what is looked for */
	struct prio_tree_node *node;  /* in the tree; NULL before the first */
	struct prio_tree_node *equal; /* next in the list that follows it */
	unsigned int level;           /* of node */
};

static inline void prio_tree_root_init(struct prio_tree_root *root)
{
	root->prio_tree_node = NULL;
	root->index_bits = 0;
}

static inline bool prio_tree_empty(const struct prio_tree_root *root)
{
	return !root->prio_tree_node;
}

/** Insert [node->start, node->last], to be set before and not to be changed while it is in the tree. */
VMAPLE_API void prio_tree_insert(struct prio_tree_root *root, struct prio_tree_node *node);
/** Take @p node, which is in the tree, out. */
VMAPLE_API void prio_tree_remove(struct prio_tree_root *root, struct prio_tree_node *node);

/** Begin a search for all intervals that have an index in common with [start, last]. */
static inline void prio_tree_iter_init(struct prio_tree_iter *iter, const struct prio_tree_root *root,
	unsigned long start, unsigned long last)
{
	iter->root = root;
	iter->start = start;
	iter->last = last;
	iter->node = iter->equal = NULL;
	iter->level = 0;
}

/** The next of them, in no useful order, or NULL after the last. No change of the tree may lie between. */
VMAPLE_API struct prio_tree_node *prio_tree_next(struct prio_tree_iter *iter);

/** Check PR1 to PR6. @param reason the one that is broken; untouched when none is */
VMAPLE_API bool prio_tree_validate(const struct prio_tree_root *root, const char **reason) __must_check;

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_PRIO_TREE_H */
