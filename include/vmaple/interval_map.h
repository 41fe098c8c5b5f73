/* SPDX-License-Identifier: MIT */
/**
 * @file interval_map.h
 * Intervals with a pointer each, and all of them that overlap a given one: a B-tree, for those who ask often.
 *
 * The intrusive trees (<vmaple/interval_tree.h>, <vmaple/prio_tree.h>) meet an interval a cache line and, where the
 * tree is large, wait for memory at each. Here intervals lie side by side in nodes of their own, and a node above them
 * knows of each child where its first interval starts and where its last one ends: a search compares both for a whole
 * node, without a branch, and enters what may hold hits. The price is memory of the map's own, and insertions that can
 * fail.
 * Bayer and McCreight 1972; maxima of subtrees as in Cormen et al., interval trees; docs/trees.md.
 *
 * Rules (interval_map_validate() names the one that is broken)
 * IM1  An interval is [start, last], both included, and does not end before it starts.
 * IM2  Intervals ascend by start, then by last, then by entry; no two agree in all three.
 * IM3  Above, a child's key is at most its first interval, and above all of the child before; its last is the largest
 *      last below it.
 * IM4  A node has 1 to INTERVAL_MAP_SLOTS slots. Those that lie neither at the top nor at the right edge have a third.
 * IM5  A slot that is not used starts at ULONG_MAX and ends at 0.
 * IM6  All leaves lie height levels below the root, and hold nr intervals; a map without a root has none.
 *
 * Units.  What an index counts (bytes, pages of a file, blocks) is the caller's business.
 * Owner.  The caller owns the struct interval_map and what entries point to. Nodes come from the port
 * (<vmaple/port.h>).
 * Locks.  None inside. One writer, or readers, under the caller's lock.
 * Errors.  0 or -errno: -EINVAL (IM1), -EEXIST, -ENOENT, -ENOMEM. A call that fails has changed nothing; erasing needs
 * no memory.
 * Cost.  n intervals: insert and erase O(log n); a search with k hits O(log n + k) where hits lie together, at worst
 * O(min(n, k log n)). Memory: some 38 bytes an interval in random order, 26 in ascending order.
 */
#ifndef VMAPLE_INTERVAL_MAP_H
#define VMAPLE_INTERVAL_MAP_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Of a node; INTERVAL_MAP_DEEPEST levels of a third of them hold more intervals than there are addresses. */
#define INTERVAL_MAP_SLOTS   31
#define INTERVAL_MAP_DEEPEST 20

/** Of intervals, or of nodes below; the map's own. Here for interval_map_next() to be inline. */
struct interval_map_node {
	unsigned long start[INTERVAL_MAP_SLOTS];
	unsigned long last[INTERVAL_MAP_SLOTS];
	void *entry[INTERVAL_MAP_SLOTS]; /* the caller's; above, a node */
	unsigned long nr;
};

/** Begins as all zeros. */
struct interval_map {
	struct interval_map_node *root; /**< NULL when there is no interval */
	unsigned int height;            /**< levels above the leaves */
	size_t nr;                      /**< intervals */
};

/** A search under way. No change of the map may lie between two steps. */
struct interval_map_iter {
	unsigned long start, last; /**< of the hit */
	void *entry;               /**< of the hit */
	/** @privatesection */
	unsigned long from, to;
	const struct interval_map_node *leaf;
	unsigned int mask, level, height;
	unsigned int masks[INTERVAL_MAP_DEEPEST];
	const struct interval_map_node *nodes[INTERVAL_MAP_DEEPEST];
};

/** Take [start, last] with @p entry, which may be NULL, into the map. -EEXIST: it is there, with the same entry. */
VMAPLE_API int interval_map_insert(
	struct interval_map *map, unsigned long start, unsigned long last, void *entry) __must_check;
/** Take it out. -ENOENT: it is not there. */
VMAPLE_API int interval_map_erase(
	struct interval_map *map, unsigned long start, unsigned long last, void *entry);
/** All of them. */
VMAPLE_API void interval_map_clear(struct interval_map *map);
/** Bytes of all nodes. O(n). */
VMAPLE_API size_t interval_map_bytes(const struct interval_map *map);
/** Check the rules. @param reason the one that is broken; untouched when none is */
VMAPLE_API bool interval_map_validate(const struct interval_map *map, const char **reason) __must_check;

/** The next leaf with hits. @return false: there is none. */
VMAPLE_API bool interval_map_next_leaf(struct interval_map_iter *iter);

/** Begin a search for what has an index in common with [start, last]; there is no hit yet. */
VMAPLE_API void interval_map_iter_init(struct interval_map_iter *iter, const struct interval_map *map,
	unsigned long start, unsigned long last);

/** The next hit, in the map's order. @return false: there is none */
static inline bool interval_map_next(struct interval_map_iter *iter)
{
	int slot;

	if (!iter->mask && !interval_map_next_leaf(iter))
		return false;
	slot = __builtin_ctz(iter->mask);
	iter->mask &= iter->mask - 1;
	iter->start = iter->leaf->start[slot];
	iter->last = iter->leaf->last[slot];
	iter->entry = iter->leaf->entry[slot];
	return true;
}

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_INTERVAL_MAP_H */
