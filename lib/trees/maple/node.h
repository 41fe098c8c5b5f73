/* SPDX-License-Identifier: MIT */
/*
 * Maple tree nodes: layout and invariants
 *
 * 1. Meaning.  The tree has inner nodes and, all at one depth, leaves.  An inner node covers a range of indices, cut
 *    into up to 32 consecutive ones, a child each.  A child's last index is its pivot; its first is one above the
 *    pivot before it, or the start of the node.  The end of a node's last child is the end of the node, known
 *    from the parent, and not stored: its pivot is ULONG_MAX, as are all unused ones, so that "how many pivots are
 *    below the index" is the offset of the child that holds the index, with no branch and no count.
 *    A leaf holds up to 30 areas: a first index, a last index, an entry.  What lies between them is NULL and costs
 *    nothing: leaf.h.
 *
 * 2. Layout.  An inner node: cache lines 0 to 3, pivots and the count; 4 to 7, slots; 8 to 11, the largest gap of each
 *    child, touched only by free-area search and writers.  There are no parent pointers: a writer remembers the
 *    path that it came by, a reader goes down again from the root.
 *
 * 3. The root word.  NULL: nothing is stored.  A node: its address, the height times four, and the bits 10.
 *    Anything else: the entry at [0, 0], which is then the only one.
 *
 * 4. Invariants (mt_check() names the one that fails)
 *    MT1  an inner node has 1 to 32 children, and its pivots ascend strictly within its bounds.
 *    MT2  unused pivots, and the pivot of the last child, are ULONG_MAX.
 *    MT3  the areas of a leaf ascend within its bounds and do not overlap; unused bounds are the largest number;
 *        the leaf counts its entries.
 *    MT4  every leaf but the rightmost ends with an entry: a run of NULL never crosses leaves, so that a gap is
 *        known from one leaf alone.
 *    MT5  all leaves are at the same depth; children of an inner node are not NULL.
 *    MT6  a node that is neither root nor on the right edge holds at least MT_MIN children, or LEAF_MIN entries.
 *    MT7  an inner node of an ALLOC_RANGE tree knows a gap of each child: of a leaf at least its largest (gap.c, 3), of an
 *        inner node the largest that it says; of the last child on the right edge, whose gap every append would
 *        change up to the root, ULONG_MAX; of children that it does not have, 0.
 *    MT8  the path that a writer went last (path.c), if it is known, is one from the root to a leaf, and to its index.
 *
 * 5. Readers and writers.  In RCU mode a node that readers can reach changes in two ways only: one slot is
 *    replaced by one store (an entry by another or by NULL, NULL by an entry, a child by its new version), or what
 *    readers take as a hint is rewritten (a gap, the number of entries).  Every other change makes new nodes and
 *    publishes them with one release store into a slot or the root.  A reader inside an old node sees the tree as it
 *    was, whole, up to the end of that node, and comes down from the root for what follows.
 *
 * 6. Why areas and not ranges.  An index that maps areas has a hole beside most of them. Kept as ranges, an area and
 *    its hole are two pivots and two slots: 32 bytes. As two bounds of 32 bits and one slot they are 16, half as many
 *    leaves, and a leaf's search reads two cache lines.  It also lets an erase be one store: an area whose slot
 *    is NULL is part of the hole around it, and goes when its leaf is next made anew.
 */
#ifndef MAPLE_NODE_H
#define MAPLE_NODE_H

#include <vmaple/maple_tree.h>

#include "alloc.h"
#include "linux_names.h"
#include "pool.h"
#include "probe.h"

#define MT_SLOTS  32
#define MT_PIVOTS 31
#define MT_MIN    10

/* A node that has been set aside for a store. */
struct mt_node {
	struct mt_node *next;
};

struct mt_inner {
	unsigned long pivot[MT_PIVOTS];
	unsigned long nr;
	void *slot[MT_SLOTS];
	unsigned long gap[MT_SLOTS]; /* indices; the longest run of NULL below each child */
};

#if ULONG_MAX > UINT_MAX
_Static_assert(sizeof(struct mt_inner) == POOL_INNER_SIZE, "an inner node is twelve cache lines");
_Static_assert(offsetof(struct mt_inner, slot) == 256, "pivots and slots do not share cache lines");
#else /* words of 32 bits: a node is smaller than its block */
_Static_assert(sizeof(struct mt_inner) <= POOL_INNER_SIZE, "an inner node has its block");
#endif

struct mt_leaf;

/* A loop over the lines or vectors of a node. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

#define ROOT_HEIGHT_SHIFT 2
#define ROOT_NODE_MASK    (~(uintptr_t)63)

/* The root word for @node with @height levels below and including it. */
static inline void *mt_root_word(const void *node, unsigned int height)
{
	return (void *)((uintptr_t)node | height << ROOT_HEIGHT_SHIFT | 2);
}

static inline bool mt_root_is_node(const void *root)
{
	return ((uintptr_t)root & 3) == 2 && (uintptr_t)root >= 4096;
}

/* A leaf when the height is 1, else an inner node. */
static inline void *mt_root_node(const void *root)
{
	return (void *)((uintptr_t)root & ROOT_NODE_MASK);
}

static inline unsigned int mt_root_height(const void *root)
{
	return ((uintptr_t)root & 63) >> ROOT_HEIGHT_SHIFT;
}

/* The acquire pairs with the release in mt_publish(): what hangs below the word is whole. */
static inline void *mt_root(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_root, __ATOMIC_ACQUIRE);
}

/* What a slot holds, of a leaf or an inner node. */
static inline void *mt_load_slot(void *const *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static inline void *mt_child(const struct mt_inner *node, unsigned int offset)
{
	return mt_load_slot(&node->slot[offset]);
}

/*
 * Make @value reachable. Everything it points to has been written before; without the release a reader could
 * follow it to bounds that are not there yet.
 */
static inline void mt_publish(void **place, void *value)
{
	__atomic_store_n(place, value, __ATOMIC_RELEASE);
}

static inline unsigned long mt_gap(const struct mt_inner *node, unsigned int offset)
{
	return __atomic_load_n(&node->gap[offset], __ATOMIC_RELAXED);
}

/* @yes or @no, by a conditional move: which child is taken is as good as random. */
static inline unsigned long mt_select(bool condition, unsigned long yes, unsigned long no)
{
#ifdef __clang__
	return __builtin_unpredictable(condition) ? yes : no;
#else
	return __builtin_expect_with_probability(condition, true, 0.5) ? yes : no;
#endif
}

/* Last index of child @offset of a node that ends at @max. */
static inline unsigned long mt_end(const struct mt_inner *node, unsigned int offset, unsigned long max)
{
	const unsigned long *pivot =
		node->pivot; /* behind the last stands nr, read in vain for the last child */

	return mt_select(offset + 1 < node->nr, pivot[offset], max);
}

/* First index of child @offset of a node that starts at @min. */
static inline unsigned long mt_begin(const struct mt_inner *node, unsigned int offset, unsigned long min)
{
	return mt_select(offset, node->pivot[offset - (offset != 0)] + 1, min);
}

/* Indices in [first, last]; the whole space counts as ULONG_MAX. */
static inline unsigned long mt_length(unsigned long first, unsigned long last)
{
	return last - first == ULONG_MAX ? ULONG_MAX : last - first + 1;
}

/* Can the entry live in the root word as the only one, at [0, 0]? */
static inline bool mt_fits_root(const void *entry)
{
	return ((uintptr_t)entry & 3) != 2;
}

/* Where an index is: the leaf with its bounds, how many of its areas end below the index, and how it hangs. */
struct mt_position {
	const struct mt_leaf *leaf;
	const struct mt_inner *parent; /* NULL: the leaf is the root */
	unsigned long min, max;
	unsigned int area, child;
};

/* walk.c: the entry at @index below the node of a root word. */
extern void *(*mt_walk_load)(const void *root, unsigned long index);
/* The same for several at a time, MT_BATCH at most. */
#define MT_BATCH 32
extern void (*mt_walk_load_many)(const void *root, const unsigned long *index, void **entry, unsigned int nr);
/* walk.c: the position of @index below the node of a root word. */
extern void (*mt_walk_position)(const void *root, unsigned long index, struct mt_position *pos);
/* walk.c: mt_look() and mt_look_around() below the node of a root word. */
extern void *(*mt_walk_look)(const void *root, unsigned long index, unsigned long max);
extern void *(*mt_walk_around)(const void *root, unsigned long index, void **before, void **after);
/* look.c: the same, where the leaf that holds @index does not tell. */
void *mt_look_on(const void *root, unsigned long index, unsigned long max);
void *mt_look_both_ways(const void *root, unsigned long index, void **before, void **after);

struct mt_gap_search;
/* walk.c: find a free run below the node of a root word; unless NULL, @path becomes the path to it, and gaps
 * that are too long are mended on the way. */
extern bool (*mt_find_gap)(const void *root, struct mt_gap_search *search, struct mt_path *path);

/* walk.c: the longest run of NULL in a leaf with these bounds. */
extern unsigned long (*mt_leaf_gap)(const struct mt_leaf *leaf, unsigned long min, unsigned long max);
/* walk.c: the longest gap of all children but @but, which may be MT_SLOTS. */
extern unsigned long (*mt_inner_gap)(const struct mt_inner *node, unsigned long but);
/* What the node above writes down for a leaf (MT7). */
static inline unsigned long mt_recorded_gap(const struct mt_leaf *leaf, unsigned long min, unsigned long max)
{
	return max == ULONG_MAX ? ULONG_MAX : mt_leaf_gap(leaf, min, max);
}

/* cursor.c: take the cursor to where @index is. */
void *mas_descend(struct ma_state *mas, unsigned long index);

/* tree.c: give back every node below a root word at once: no reader can see them. */
void mt_free_nodes(void *node, unsigned int height);

static inline struct mt_inner *path_inner(const struct mt_path *path, unsigned int level)
{
	return path->node[level];
}

static inline struct mt_leaf *path_leaf(const struct mt_path *path)
{
	return path->node[path->height - 1];
}

static inline unsigned int path_area(const struct mt_path *path)
{
	return path->offset[path->height - 1];
}

/* A store over [first, last]. */
struct mt_store {
	struct maple_tree *mt;
	struct ma_state *mas; /* holds the spare nodes */
	unsigned long first, last;
	void *entry;
};

/* path.c: the path to @index, for the writer of @mt, which has nodes: the tree's own, until the next call. */
struct mt_path *mt_find_writer_path(struct maple_tree *mt, unsigned long index);
static inline struct mt_path *mt_writer_path(struct maple_tree *mt, unsigned long index)
{
	struct mt_path *path = &mt->ma_path;

	return path->height && path->index == index ? path : mt_find_writer_path(mt, index);
}
/* The leaf of @path has changed: @i of its areas end below @index. */
static inline void mt_path_leads(struct mt_path *path, unsigned long index, unsigned int i)
{
	path->index = index;
	path->offset[path->height - 1] = (unsigned char)i;
}
/* path.c: nodes above a leaf have changed, or a leaf's bounds: the path is no more. */
void mt_forget_path(struct maple_tree *mt);

/* walk.c: how many areas of @leaf end below @index. */
extern unsigned int (*mt_area_at)(const struct mt_leaf *leaf, unsigned long index);
/* walk.c: the path to @index below the node of a root word. */
extern void (*mt_path_to)(const void *root, unsigned long index, struct mt_path *path);

/* spare.c */
int mas_reserve(struct ma_state *mas, unsigned int leaves, unsigned int inners, gfp_t gfp) __must_check;
void *mas_take(struct ma_state *mas, enum pool_kind kind);
void mt_retire(struct maple_tree *mt, enum pool_kind kind, void *node);

/* edit.c: the child at path->offset[level - 1] has now the largest gap @gap: tell the nodes above. */
void mt_update_gaps(struct mt_path *path, unsigned int level, unsigned long gap);

/* rebuild.c: a store that one leaf cannot take alone. Nodes have been reserved: cannot fail. */
void mt_store_rebuild(struct mt_store *store);

/*
 * The most nodes that one store can need, for a tree of @height levels.
 *
 *   mt_store_rebuild()            per level   3   a left part of at most 30 areas (31 children), what takes the
 *                                                 middle (1 area, 3 children), and a right part of at most 30
 *                                                 (31): 61 areas, 65 children, in 3 nodes; with a neighbour
 *                                                 taken in, fewer than 10 and 32: 2 nodes
 *   a new root                                1   above the at most 3 nodes that the old root became
 *
 * A leaf may have to be wide, and then is of an inner node's size: leaves are counted for both.
 */
#define MT_WORST_LEAVES 3
/*
 * The most for what overflows one leaf, or does not fit its layout, where the parent has room: of at most 32 entries two
 * leaves, either of which may have to be wide, and the parent anew, or a root.
 */
#define MT_LEAVES_LEAVES        2
#define MT_LEAVES_INNERS        (MT_LEAVES_LEAVES + 1)
#define MT_WORST_INNERS(height) (3 * ((height)-1) + 1 + MT_WORST_LEAVES)

#endif /* MAPLE_NODE_H */
