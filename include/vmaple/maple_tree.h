/* SPDX-License-Identifier: MIT */
/**
 * @file maple_tree.h
 * The maple tree: a map from ranges of unsigned long to pointers, safe for RCU readers.
 *
 * Every index from 0 to ULONG_MAX belongs to exactly one range, and every range holds one entry; a range that
 * holds nothing holds NULL.  Ranges are inclusive at both ends.  Neighbouring NULL ranges are one range;
 * neighbouring ranges with equal entries stay two.  The interface is the Linux kernel's, as its
 * core-api/maple_tree.rst documents it, so that code written for one compiles with the other; the tree behind
 * it is our own (docs/maple-tree.md).  Howlett and Wilcox 2022.
 *
 * Entries.  Any pointer may be stored but those with the bit pattern ...10 below 4096: they are reserved.
 * mtree_* and mt_* hide XA_ZERO_ENTRY (a placeholder) from readers; mas_* shows it.
 *
 * Locks.  mtree_* calls take the tree's lock themselves. mas_* calls that write need it held, or, with
 * MT_FLAGS_LOCK_EXTERN, the lock that the owner of the tree uses.  Calls that read need the lock, or, when the
 * tree is in RCU mode (MT_FLAGS_USE_RCU), an RCU read-side section; mtree_load(), mt_find() and mt_next()/
 * mt_prev() enter one themselves.  Readers never wait and never allocate.
 *
 * Memory.  A write that fails with -ENOMEM has changed nothing.
 *
 * Cost.  n is the number of entries: every operation visits O(log n) nodes of up to 32 children or 30 entries, plus one
 * for each node that a wide store replaces.
 */
#ifndef VMAPLE_MAPLE_TREE_H
#define VMAPLE_MAPLE_TREE_H

#include <limits.h>

#include <vmaple/spinlock.h>
#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Entries that are values
 * Integers up to LONG_MAX can be stored as entries; XA_ZERO_ENTRY occupies a range without an entry.
 * @{ */
static inline void *xa_mk_value(unsigned long v)
{
	return (void *)(uintptr_t)((v << 1) | 1);
}
static inline unsigned long xa_to_value(const void *entry)
{
	return (uintptr_t)entry >> 1;
}
static inline bool xa_is_value(const void *entry)
{
	return (uintptr_t)entry & 1;
}
#define XA_ZERO_ENTRY ((void *)(uintptr_t)((257U << 2) | 2))
static inline bool xa_is_zero(const void *entry)
{
	return entry == XA_ZERO_ENTRY;
}
/** True for the values that mtree_store() and its kin refuse with -EINVAL. */
static inline bool mt_is_reserved(const void *entry)
{
	return (uintptr_t)entry < 4096 && ((uintptr_t)entry & 3) == 2;
}
/** @} */

/** Keep the largest gap of each subtree, for mas_empty_area() and mtree_alloc_range(). */
#define MT_FLAGS_ALLOC_RANGE 0x01
/** Readers may be inside while a writer works: see "Locks" above. */
#define MT_FLAGS_USE_RCU 0x02
/** The owner has a lock of his own; mtree_lock() is not used. */
#define MT_FLAGS_LOCK_EXTERN 0x300
#define MT_FLAGS_LOCK_MASK   0x300

#define MAPLE_NODE_SLOTS 31

struct maple_enode;

/** A node, as far as users may know it. */
struct maple_node {
	struct maple_node *parent;
	void *slot[MAPLE_NODE_SLOTS];
};

#define MT_MAX_HEIGHT 16 /* 10^15 nodes of 10 hold more areas than memory does */

/** A writer's way down, level by level from the root. Private. */
struct mt_path {
	unsigned long min, max; /* bounds of the leaf */
	unsigned char height;   /* 0: none */
	/* The child that was taken; in the leaf, how many areas end below the index. */
	unsigned char offset[MT_MAX_HEIGHT];
	void *node[MT_MAX_HEIGHT];
	unsigned long index; /* that it leads to */
};

/** The tree. Owned by the caller; all members are private. */
struct maple_tree {
	/* What every reader reads, and few writes change. */
	unsigned int ma_flags;
	void *ma_root; /* see lib/trees/maple/node.h */
	/* So far apart that, wherever the tree lies, no line of 64 bytes holds something of both sides. */
	unsigned char ma_apart[56];
	/* What every write changes. */
	unsigned long ma_gen; /* writes so far: tells a cursor that its position is stale */
	spinlock_t ma_lock;
	void *ma_tail;          /* the last leaf, while stores come in ascending order */
	struct mt_path ma_path; /* to the leaf where a writer was last: it is often the next one's, too */
};

/* By place, not by name: C++17 knows no other. */
#define MTREE_INIT(name, flags)                           \
	{                                                 \
		(flags), NULL, { 0 }, 0, { false }, NULL, \
		{                                         \
			0, 0, 0, { 0 }, { NULL }, 0       \
		}                                         \
	}
#define MTREE_INIT_EXT(name, flags, lock) MTREE_INIT(name, (flags) | MT_FLAGS_LOCK_EXTERN)
#define DEFINE_MTREE(name)                struct maple_tree name = MTREE_INIT(name, 0)

/** Where a cursor is. */
enum maple_status {
	ma_active,    /**< on a range */
	ma_start,     /**< not yet walked */
	ma_root,      /**< on the only entry, [0, 0], of a tree without nodes */
	ma_none,      /**< nothing was found */
	ma_pause,     /**< the lock may have been dropped: go on after the current range */
	ma_overflow,  /**< iteration has gone past the upper limit */
	ma_underflow, /**< iteration has gone past the lower limit */
	ma_error      /**< an operation failed; see mas_is_err() */
};

/**
 * A cursor: where an operation happens, and the state of an iteration.
 *
 * index and last are the bounds of the range the cursor is on, and may be set by hand before a store. The
 * rest is private. A cursor holds no lock and no memory, except between mas_preallocate() and the store.
 */
struct ma_state {
	struct maple_tree *tree;
	unsigned long index, last;
	/* The leaf, and in the low six bits the place there: equal only for the same entry. */
	struct maple_enode *node;
	unsigned long here;     /* what last was when the place was taken: now it may have been set by hand */
	unsigned long gen;      /* ma_gen when the place was taken */
	unsigned long step;     /* the same where mas_step_in_leaf() may go on, else MT_NO_STEP */
	unsigned long min, max; /* bounds of the leaf */
	const void *parent;     /* the node above it */
	struct mt_node *spare_leaf, *spare_inner; /* nodes set aside by mas_preallocate() */
	enum maple_status status;
	int error;
	unsigned char offset; /* not used; what is written for the kernel's tree sets it */
	unsigned char child;  /* which of the parent's children the leaf is */
};
#define MT_NO_STEP (~0UL)

/** A cursor over [first, last]. Field by field: compilers clear what an initialiser leaves by a string instruction. */
static inline struct ma_state mas_at(struct maple_tree *tree, unsigned long first, unsigned long last)
{
	struct ma_state mas;

	mas.tree = tree;
	mas.index = first;
	mas.last = last;
	mas.node = NULL;
	mas.here = mas.gen = mas.min = mas.max = 0;
	mas.step = MT_NO_STEP;
	mas.parent = NULL;
	mas.spare_leaf = mas.spare_inner = NULL;
	mas.status = ma_start;
	mas.error = 0;
	mas.offset = mas.child = 0;
	return mas;
}

#define MA_STATE(name, mt, first, end) struct ma_state name = mas_at((mt), (first), (end))

static inline void mas_init(struct ma_state *mas, struct maple_tree *tree, unsigned long addr)
{
	*mas = mas_at(tree, addr, addr);
}

/** @name Tree
 * @{ */
static inline void mt_init_flags(struct maple_tree *mt, unsigned int flags)
{
	struct maple_tree empty = MTREE_INIT(mt, flags);

	*mt = empty;
}
static inline void mt_init(struct maple_tree *mt)
{
	mt_init_flags(mt, 0);
}
static inline bool mtree_empty(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_root, __ATOMIC_RELAXED) == NULL;
}
static inline bool mt_in_rcu(const struct maple_tree *mt)
{
	return __atomic_load_n(&mt->ma_flags, __ATOMIC_RELAXED) & MT_FLAGS_USE_RCU;
}
static inline bool mt_external_lock(const struct maple_tree *mt)
{
	return (__atomic_load_n(&mt->ma_flags, __ATOMIC_RELAXED) & MT_FLAGS_LOCK_MASK) ==
	       MT_FLAGS_LOCK_EXTERN;
}
/** Levels of nodes; 0 for a tree that is empty or holds nothing but an entry at [0, 0]. */
VMAPLE_API unsigned int mt_height(const struct maple_tree *mt);
/** Free every node. The tree is empty afterwards and can be used again. Entries are the caller's. */
VMAPLE_API void mtree_destroy(struct maple_tree *mt);
/** As mtree_destroy(), with the lock held. */
VMAPLE_API void __mt_destroy(struct maple_tree *mt);
/** Enter or leave RCU mode, with the lock held. Leaving it requires that no reader is inside. */
VMAPLE_API void mt_set_in_rcu(struct maple_tree *mt);
VMAPLE_API void mt_clear_in_rcu(struct maple_tree *mt);

#define mtree_lock(mt)                 spin_lock(&(mt)->ma_lock)
#define mtree_unlock(mt)               spin_unlock(&(mt)->ma_lock)
#define mas_lock(mas)                  mtree_lock((mas)->tree)
#define mas_unlock(mas)                mtree_unlock((mas)->tree)
#define mt_set_external_lock(mt, lock) ((void)(mt), (void)(lock))
/** @} */

/** @name Normal interface: takes the lock itself
 * @{ */
/** The entry at @p index, NULL if there is none or it is XA_ZERO_ENTRY. */
VMAPLE_API void *mtree_load(struct maple_tree *mt, unsigned long index);
/**
 * entry[i] becomes what mtree_load() returns for index[i], for all @p nr of them (any number; they may be in any order, and
 * equal). Up to 32 lookups are under way at a time, so that one node is loaded from memory while others are searched: for
 * who has many addresses at once, such as a sampled profile or a garbage collector. One lock, or one RCU read-side
 * section, covers the call; in RCU mode each entry is one that its index had during the call, but they need not have been
 * so all at one moment. Neither allocates nor waits. Cost: O(nr log n), of which the waits for memory overlap.
 */
VMAPLE_API void mtree_load_many(
	struct maple_tree *mt, const unsigned long *index, void **entry, unsigned int nr);
/** Store @p entry over [first, last], whatever was there. @return 0, -EINVAL (first > last, reserved), -ENOMEM */
VMAPLE_API int mtree_store_range(
	struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp) __must_check;
VMAPLE_API int mtree_store(struct maple_tree *mt, unsigned long index, void *entry, gfp_t gfp) __must_check;
/** As mtree_store_range(), only where all of the range is NULL. @return also -EEXIST */
VMAPLE_API int mtree_insert_range(
	struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp) __must_check;
VMAPLE_API int mtree_insert(struct maple_tree *mt, unsigned long index, void *entry, gfp_t gfp) __must_check;
/** Clear the whole range that @p index lies in. @return what was there; NULL also when memory ran out. */
VMAPLE_API void *mtree_erase(struct maple_tree *mt, unsigned long index);
/**
 * Store @p entry in the lowest (rrange: highest) free run of @p size indices within [min, max].
 * @return 0 and the first index in @p startp; -EBUSY, no such run; -EINVAL, bad window or no
 * MT_FLAGS_ALLOC_RANGE; -ENOMEM. @p startp is written only on success.
 */
VMAPLE_API int mtree_alloc_range(struct maple_tree *mt, unsigned long *startp, void *entry,
	unsigned long size, unsigned long min, unsigned long max, gfp_t gfp) __must_check;
VMAPLE_API int mtree_alloc_rrange(struct maple_tree *mt, unsigned long *startp, void *entry,
	unsigned long size, unsigned long min, unsigned long max, gfp_t gfp) __must_check;
/**
 * Store @p entry at the first free index from *next, wrapping to @p lo after @p hi.
 * @return 0, 1 after a wrap, or -errno as above; *next is where the following search begins.
 */
VMAPLE_API int mtree_alloc_cyclic(struct maple_tree *mt, unsigned long *startp, void *entry, unsigned long lo,
	unsigned long hi, unsigned long *next, gfp_t gfp) __must_check;
/** Copy @p mt into the empty tree @p copy, whose flags must equal. @return 0, -EINVAL, -ENOMEM. */
VMAPLE_API int mtree_dup(struct maple_tree *mt, struct maple_tree *copy, gfp_t gfp) __must_check;
/** As mtree_dup() with both locks held. */
VMAPLE_API int __mt_dup(struct maple_tree *mt, struct maple_tree *copy, gfp_t gfp) __must_check;
/** The first entry in [*index, max]; *index becomes the index after it, 0 if it ends at ULONG_MAX. */
VMAPLE_API void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max);
/** As mt_find(), but NULL when *index has wrapped to 0. */
VMAPLE_API void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max);
/** The first entry above @p index, up to @p max. */
VMAPLE_API void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max);
/** The last entry below @p index, down to @p min. */
VMAPLE_API void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min);
#define mt_for_each(tree, entry, index, max)                      \
	for ((entry) = mt_find((tree), &(index), (max)); (entry); \
		(entry) = mt_find_after((tree), &(index), (max)))
/** @} */

/** @name Advanced interface
 * The caller holds the lock (or, for reading in RCU mode, is in a read-side section).
 * @{ */
/** The entry at index; index and last become the bounds of its range. */
VMAPLE_API void *mas_walk(struct ma_state *mas);
/** As mas_walk(). */
static inline void *mas_load(struct ma_state *mas)
{
	return mas_walk(mas);
}
/**
 * Without a cursor: the entry at @p index, or the next above it, if that begins at or below @p max; else NULL.
 * XA_ZERO_ENTRY is shown. Less than half of what mas_find() costs, for who does not go on from there.
 */
VMAPLE_API void *mt_look(const struct maple_tree *mt, unsigned long index, unsigned long max);
/**
 * As mt_look() without a limit, and what lies on both sides: *before, the last entry that ends below @p index, and
 * *after (unless NULL), the one behind that returned; NULL where there is none. Beside a writer each of the three is an
 * entry that was there during the call, but they need not have been so all at one moment.
 */
VMAPLE_API void *mt_look_around(
	const struct maple_tree *mt, unsigned long index, void **before, void **after);
/**
 * As mt_look_around(), for the writer, who holds the lock in RCU mode too: the way there is kept for the store, or the
 * look, that follows.
 */
VMAPLE_API void *mt_writer_look(struct maple_tree *mt, unsigned long index, void **before, void **after);
/** Store @p entry over [index, last]. @return what was at index. Failure: mas_is_err(). */
VMAPLE_API void *mas_store(struct ma_state *mas, void *entry);
/** For the writer: mt_writer_look() without the answer; its place is where @p index is then, if the tree has nodes. Private. */
VMAPLE_API void mt_writer_seek(struct maple_tree *mt, unsigned long index);
/**
 * Without a cursor: store @p entry over [first, last], whatever was there. @return 0 or -ENOMEM, nothing changed.
 * Half of what mas_store_gfp() costs where a leaf of some dozen areas takes it.
 */
VMAPLE_API int mt_put(
	struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp) __must_check;
/** What mas_prepare() or mt_prepare_put() has found out about a store. Private. */
struct mt_plan {
	unsigned long words[16];
};
/**
 * Would mt_put() of the same take no memory, and so not fail, if nothing is stored between? For the writer; then *plan is
 * for mt_commit_put(). False means that it may, and mas_prepare() can see to it.
 */
VMAPLE_API bool mt_prepare_put(struct maple_tree *mt, unsigned long first, unsigned long last,
	const void *entry, struct mt_plan *plan) __must_check;
/** The store that mt_prepare_put() was asked for: cannot fail. Without it, there is nothing to give back. */
VMAPLE_API void mt_commit_put(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
	const struct mt_plan *plan);
/**
 * For the writer, without RCU: can the area that @p at lies in, above its first index, be cut there where it is? A leaf that
 * is full becomes two for it.
 * @return 1, which stays true while nothing is stored; 0, where a store has to do it; -ENOMEM: there was no memory for a leaf.
 */
VMAPLE_API int mt_can_cut(struct maple_tree *mt, unsigned long at) __must_check;
/** Cut it, for which mt_can_cut() has been 1: @p lower is what the indices below @p at have then, @p upper the others. */
VMAPLE_API void mt_cut(struct maple_tree *mt, unsigned long at, void *lower, void *upper);
/** The same for the border between @p left and @p right, which begins at @p from, right behind it: it moves to @p border. */
VMAPLE_API bool mt_can_move_border(struct maple_tree *mt, const void *left, const void *right,
	unsigned long from, unsigned long border) __must_check;
VMAPLE_API void mt_move_border(struct maple_tree *mt, unsigned long from, unsigned long border);
/** The same for the area that begins at @p from: it becomes [first, last], of which what it does not have is hole. */
VMAPLE_API bool mt_can_grow(
	struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last) __must_check;
VMAPLE_API void mt_grow(struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last);
/** The same where it loses one end: [first, last] is what it keeps, and the rest is hole. */
VMAPLE_API bool mt_can_shorten(
	struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last) __must_check;
VMAPLE_API void mt_shorten(
	struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last);
/**
 * The same for all areas that lie in [first, last], and none of them does in part: the lowest begins at @p from, which has an
 * entry. They become one, of @p entry.
 */
VMAPLE_API bool mt_can_join(
	struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last) __must_check;
VMAPLE_API void mt_join(
	struct maple_tree *mt, unsigned long from, unsigned long first, unsigned long last, void *entry);
/** For the writer: the area that begins at @p first becomes NULL. @return false: the leaf would hold too little. */
VMAPLE_API bool mt_drop(struct maple_tree *mt, unsigned long first) __must_check;
/** As mas_store(). @return 0 or -ENOMEM, nothing changed. */
VMAPLE_API int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp) __must_check;
/**
 * Set aside every node that storing @p entry over [index, last] needs in the tree as it is: the lock is kept until the
 * store, and nothing else is stored between. @return 0 or -ENOMEM.
 */
VMAPLE_API int mas_preallocate(struct ma_state *mas, void *entry, gfp_t gfp) __must_check;
/** The store that mas_preallocate() was made for: cannot fail. Gives back what was not needed. */
VMAPLE_API void mas_store_prealloc(struct ma_state *mas, void *entry);
/**
 * As mas_preallocate(), and *plan carries what was found out to mas_commit(): for stores of which the second step is sure
 * to follow, with the same @p entry and nothing stored between. @return 0 or -ENOMEM.
 */
VMAPLE_API int mas_prepare(struct ma_state *mas, void *entry, gfp_t gfp, struct mt_plan *plan) __must_check;
/** The store that mas_prepare() was made for: cannot fail. Without it, mas_destroy() gives back what the cursor holds. */
VMAPLE_API void mas_commit(struct ma_state *mas, void *entry, struct mt_plan *plan);
/** Clear the whole range that index lies in. @return what was there. */
VMAPLE_API void *mas_erase(struct ma_state *mas);
/** After a store: did it run out of memory, and is it worth trying again? Gathers memory if so. */
VMAPLE_API bool mas_nomem(struct ma_state *mas, gfp_t gfp);
/** Give back what the cursor holds. Harmless when it holds nothing. */
VMAPLE_API void mas_destroy(struct ma_state *mas);
/** Announce @p nr_entries ordered stores. @return 0 or -ENOMEM. */
VMAPLE_API int mas_expected_entries(struct ma_state *mas, unsigned long nr_entries) __must_check;
/**
 * The entry at index if the cursor has not started, else the next one; up to @p max. (_range: also NULL ranges.)
 */
VMAPLE_API void *mas_find(struct ma_state *mas, unsigned long max);
VMAPLE_API void *mas_find_range(struct ma_state *mas, unsigned long max);
/** Mirror images of mas_find() and mas_find_range(), down to @p min. */
VMAPLE_API void *mas_find_rev(struct ma_state *mas, unsigned long min);
VMAPLE_API void *mas_find_range_rev(struct ma_state *mas, unsigned long min);
/** The next entry strictly after the cursor, up to @p max (_range: the next range, be it NULL). */
VMAPLE_API void *mas_next(struct ma_state *mas, unsigned long max);
VMAPLE_API void *mas_next_range(struct ma_state *mas, unsigned long max);
/** The entry strictly before the cursor, down to @p min (_range: the range before, be it NULL). */
VMAPLE_API void *mas_prev(struct ma_state *mas, unsigned long min);
VMAPLE_API void *mas_prev_range(struct ma_state *mas, unsigned long min);
#define mas_for_each(mas, entry, max)     while (((entry) = mas_find_step((mas), (max))) != NULL)
#define mas_for_each_rev(mas, entry, min) while (((entry) = mas_find_rev((mas), (min))) != NULL)
/** The next find, next or prev goes on after the current range even if the lock was dropped. */
VMAPLE_API void mas_pause(struct ma_state *mas);
/**
 * The lowest (rev: highest) run of @p size free indices within [min, max].
 * @return 0, index and last are the run; -EBUSY; -EINVAL: bad window, or no MT_FLAGS_ALLOC_RANGE.
 */
VMAPLE_API int mas_empty_area(
	struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size) __must_check;
VMAPLE_API int mas_empty_area_rev(
	struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size) __must_check;
/**
 * The same without a cursor, for the writer: the lowest, or @p highest, free run of @p size indices within [min, max]
 * begins at *first. The way there is kept for the look, or the store, that follows. @return 0, -EBUSY, -EINVAL.
 */
VMAPLE_API int mt_writer_gap(struct maple_tree *mt, unsigned long min, unsigned long max, unsigned long size,
	bool highest, unsigned long *first) __must_check;
VMAPLE_API int mas_alloc_cyclic(struct ma_state *mas, unsigned long *startp, void *entry, unsigned long lo,
	unsigned long hi, unsigned long *next, gfp_t gfp) __must_check;

/* Private: the cursor knows no place. */
static inline void mas_forget(struct ma_state *mas)
{
	mas->node = NULL;
	mas->step = MT_NO_STEP;
}
static inline void mas_reset(struct ma_state *mas)
{
	mas->status = ma_start;
	mas_forget(mas);
}
static inline void mas_set_range(struct ma_state *mas, unsigned long first, unsigned long last)
{
	mas_reset(mas);
	mas->index = first;
	mas->last = last;
}
static inline void mas_set(struct ma_state *mas, unsigned long index)
{
	mas_set_range(mas, index, index);
}
static inline bool mas_is_active(const struct ma_state *mas)
{
	return mas->status == ma_active;
}
static inline bool mas_is_err(const struct ma_state *mas)
{
	return mas->status == ma_error;
}
static inline bool mas_is_start(const struct ma_state *mas)
{
	return mas->status == ma_start;
}
/** @} */

#include <vmaple/maple_step.h>

/** @name Inspection
 * @{ */
/** Check every invariant (docs/maple-tree.md); @return false and the broken one's name in @p reason. O(n). */
VMAPLE_API bool mt_check(const struct maple_tree *mt, const char **reason);
/** As the kernel's: panics through the port when mt_check() fails. */
VMAPLE_API void mt_validate(struct maple_tree *mt);

/** What a tree is made of. */
struct mt_stats {
	unsigned long leaves, inner_nodes; /**< nodes */
	unsigned long wide_leaves;         /**< leaves whose areas lie too far apart for 32 bits */
	unsigned long entries, gaps;       /**< ranges with an entry; ranges with NULL, in leaves */
	unsigned long bytes;               /**< of all nodes */
	unsigned int height;
	/** How full nodes are: leaf_fill[n] leaves have n entries, inner_fill[n] inner nodes have n children. */
	unsigned long leaf_fill[31], inner_fill[33];
};
/** Count a tree's nodes and ranges. The caller holds the lock. O(n). */
VMAPLE_API void mt_statistics(const struct maple_tree *mt, struct mt_stats *stats);

/** How a dump writes indices and values. */
enum mt_dump_format { mt_dump_dec, mt_dump_hex };
/** Write the tree through the port's log, a line for each node and range. The caller holds the lock. */
VMAPLE_API void mt_dump(const struct maple_tree *mt, enum mt_dump_format format);
/** As mt_dump(), to @p line, which is given @p ctx and one line at a time, without a newline. */
VMAPLE_API void mt_dump_text(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx);
/** As mt_dump_text(), as a drawing: input for Graphviz (`dot -Tsvg`). */
VMAPLE_API void mt_dump_dot(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx);

/**
 * As mt_dump_text(), as a picture: an SVG file, whole for a few leaves, small boxes as dark as they
 * are full for more.
 */
VMAPLE_API void mt_dump_svg(const struct maple_tree *mt, enum mt_dump_format format,
	void (*line)(void *ctx, const char *line), void *ctx);

/** How nodes are searched: for benchmarks and tests. The best that the CPU has is chosen at start. */
enum mt_search_kind { MT_SEARCH_SCALAR, MT_SEARCH_SSE2, MT_SEARCH_AVX2, MT_SEARCH_AVX512, MT_SEARCH_NEON };
/** @return false when the CPU cannot. Not while any tree is in use. */
VMAPLE_API bool mt_search_select(enum mt_search_kind kind);
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MAPLE_TREE_H */
