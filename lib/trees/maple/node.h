/* SPDX-License-Identifier: MIT */
/*
 * Maple tree nodes: layout and invariants
 *
 * 1. Meaning.  A node covers a range of indices, cut into up to 32 consecutive ranges.  In a leaf each range
 *    holds an entry or NULL; in an inner node each holds a child.  A range's end is its pivot; its start is
 *    one above the pivot before it, or the start of the node.  The end of a node's last range is the end of
 *    the node, known from the parent, and not stored: its pivot is ULONG_MAX, as are all unused ones, so that
 *    "how many pivots are below the index" is the offset of the range that holds the index, with no branch
 *    and no count.  That is what the vector forms of the search compute.
 *
 * 2. Layout.  Cache lines 0 to 3: pivots and the count.  Lines 4 to 7: slots.  Inner nodes have lines 8 to 11:
 *    the largest gap of each child, touched only by free-area search and writers.  There are no parent
 *    pointers: a writer remembers the path that it came by, a reader goes down again from the root.
 *
 * 3. The root word.  NULL: nothing is stored.  A node: its address, the height times four, and the bits 10.
 *    Anything else: the entry at [0, 0], which is then the only one.
 *
 * 4. Invariants (mt_check() names the one that fails)
 *    M1  1 <= nr <= 32, and pivots ascend strictly within the bounds of the node.
 *    M2  unused pivots, and the pivot of the last range, are ULONG_MAX.
 *    M3  no two neighbouring ranges of a leaf are both NULL.
 *    M4  every leaf but the rightmost ends with an entry: a run of NULL never crosses leaves, so that a gap is
 *        known from one leaf alone.
 *    M5  all leaves are at the same depth; children of an inner node are not NULL.
 *    M6  a node that is neither root nor on the right edge holds at least MT_MIN ranges.
 *    M7  an inner node of an ALLOC_RANGE tree knows the largest gap of each child.
 *
 * 5. Readers and writers.  In RCU mode a node that readers can reach changes in two ways only: one slot is
 *    replaced by one store (an entry by an entry, a child by its new version), or a gap is rewritten, which is
 *    a hint to readers.  Every other change makes new nodes and publishes them with one release store into a
 *    slot or the root.  A reader inside an old node sees the tree as it was, whole, up to the end of that
 *    node, and comes down from the root for what follows.
 */
#ifndef MAPLE_NODE_H
#define MAPLE_NODE_H

#include <vmaple/maple_tree.h>

#include "alloc.h"
#include "broken.h"
#include "pool.h"

#define MT_SLOTS      32
#define MT_PIVOTS     31
#define MT_MIN        10
#define MT_MAX_HEIGHT 16 /* 10^15 nodes of 10 hold more ranges than memory does */

struct mt_node {
	unsigned long pivot[MT_PIVOTS];
	unsigned long nr;
	void *slot[MT_SLOTS];
};

struct mt_inner {
	struct mt_node node;
	unsigned long gap[MT_SLOTS]; /* indices; the longest run of NULL below each child */
};

_Static_assert(sizeof(struct mt_node) == POOL_LEAF_SIZE, "a leaf is eight cache lines");
_Static_assert(sizeof(struct mt_inner) == POOL_INNER_SIZE, "an inner node is twelve");
_Static_assert(offsetof(struct mt_node, slot) == 256, "pivots and slots do not share cache lines");

#define ROOT_HEIGHT_SHIFT 2
#define ROOT_NODE_MASK    (~63UL)

/* The root word for @node with @height levels below and including it. */
static inline void *mt_root_word(const struct mt_node *node, unsigned int height)
{
	return (void *)((unsigned long)node | height << ROOT_HEIGHT_SHIFT | 2);
}

static inline bool mt_root_is_node(const void *root)
{
	return ((unsigned long)root & 3) == 2 && (unsigned long)root >= 4096;
}

static inline struct mt_node *mt_root_node(const void *root)
{
	return (struct mt_node *)((unsigned long)root & ROOT_NODE_MASK);
}

static inline unsigned int mt_root_height(const void *root)
{
	return ((unsigned long)root & 63) >> ROOT_HEIGHT_SHIFT;
}

/* The acquire pairs with the release in mt_publish(): what hangs below the word is whole. */
static inline void *mt_root(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_root, __ATOMIC_ACQUIRE);
}

static inline void *mt_slot(const struct mt_node *node, unsigned int offset)
{
	void *value = __atomic_load_n(&node->slot[offset], __ATOMIC_ACQUIRE);

	break_rest();
	return value;
}

/*
 * Make @value reachable. Everything it points to has been written before; without the release a reader could
 * follow it to pivots that are not there yet.
 */
static inline void mt_publish(void **place, void *value)
{
	__atomic_store_n(place, value, BREAK_BARRIER ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
}

static inline struct mt_inner *mt_inner(const struct mt_node *node)
{
	return (struct mt_inner *)node;
}

static inline unsigned long mt_gap(const struct mt_node *node, unsigned int offset)
{
	return __atomic_load_n(&mt_inner(node)->gap[offset], __ATOMIC_RELAXED);
}

/* End of range @offset of a node that ends at @max. */
static inline unsigned long mt_end(const struct mt_node *node, unsigned int offset, unsigned long max)
{
	return offset + 1 < node->nr ? node->pivot[offset] : max;
}

/* Start of range @offset of a node that starts at @min. */
static inline unsigned long mt_begin(const struct mt_node *node, unsigned int offset, unsigned long min)
{
	return offset ? node->pivot[offset - 1] + 1 : min;
}

/* Indices in [first, last]; the whole space counts as ULONG_MAX. */
static inline unsigned long mt_length(unsigned long first, unsigned long last)
{
	return last - first == ULONG_MAX ? ULONG_MAX : last - first + 1;
}

/* Can the entry live in the root word as the only one, at [0, 0]? */
static inline bool mt_fits_root(const void *entry)
{
	return ((unsigned long)entry & 3) != 2;
}

/* Where an index is: the leaf with its bounds, and the offset of the range in it. */
struct mt_position {
	const struct mt_node *leaf;
	unsigned long min, max;
	unsigned int offset;
};

/* walk.c: the entry at @index below the node of a root word. */
extern void *(*mt_walk_load)(const void *root, unsigned long index);
/* walk.c: the position of @index below the node of a root word. */
extern void (*mt_walk_position)(const void *root, unsigned long index, struct mt_position *pos);

/* gap.c: the longest run of NULL in a leaf with these bounds. */
unsigned long mt_leaf_gap(const struct mt_node *leaf, unsigned long min, unsigned long max);
/* gap.c: the longest gap of all children. */
unsigned long mt_inner_gap(const struct mt_node *node);

/* iterate.c: take the cursor to where @index is. */
void *mas_descend(struct ma_state *mas, unsigned long index);

/* tree.c: give back every node below a root word at once: no reader can see them. */
void mt_free_nodes(struct mt_node *node, unsigned int height);

/*
 * A writer's way down: for each level, counted from the root, the node, the child or range that was taken, and
 * the bounds of the node.
 */
struct mt_path {
	unsigned int height;
	struct mt_node *node[MT_MAX_HEIGHT];
	unsigned int offset[MT_MAX_HEIGHT];
	unsigned long min[MT_MAX_HEIGHT], max[MT_MAX_HEIGHT];
};

/* A store, normalised: the range has swallowed its NULL neighbours if the entry is NULL. */
struct mt_store {
	struct maple_tree *mt;
	struct ma_state *mas; /* holds the spare nodes */
	unsigned long first, last;
	void *entry;
};

/* walk.c: the way to @index below the node of a root word. */
extern void (*mt_path_to)(const void *root, unsigned long index, struct mt_path *path);

/* write.c */
int mas_reserve(struct ma_state *mas, unsigned int leaves, unsigned int inners, gfp_t gfp) __must_check;
struct mt_node *mas_take(struct ma_state *mas, enum pool_kind kind);
void mt_retire(struct maple_tree *mt, enum pool_kind kind, struct mt_node *node);
void mt_update_gaps(struct mt_path *path, unsigned int level, unsigned long gap);

/* rebuild.c: a store that one leaf cannot take alone. Nodes have been reserved: cannot fail. */
void mt_store_rebuild(struct mt_store *store);

/*
 * The most nodes that one store can need, for a tree of @height levels.
 *
 *   mt_store_rebuild()            per level   3   a left part of at most 31 ranges, what takes the middle
 *                                                 (1 range in a leaf, 3 children above), and a right part of
 *                                                 at most 31: 65 ranges at most, in 3 nodes; with a
 *                                                 neighbour taken in, fewer than 10 and 32: 2 nodes
 *   a new root                                1   above the at most 3 nodes that the old root became
 */
#define MT_WORST_LEAVES         3
#define MT_WORST_INNERS(height) (3 * ((height)-1) + 1)

#endif /* MAPLE_NODE_H */
