/* SPDX-License-Identifier: MIT */
/**
 * @file interval_tree.h
 * Intervals, and all of them that overlap a given one.
 *
 * A red-black tree ordered by where intervals start, in which each node knows where the last of its subtree ends.
 * INTERVAL_TREE_DEFINE() writes one for any structure and any index type; struct interval_tree_node is one for
 * those who have no such structure.  The interface is the Linux kernel's; the code is ours.  Lespinasse 2012;
 * docs/trees.md.
 *
 * Rules (prefix_validate() names the one that is broken; RB1 to RB7 are those of rbtree.h)
 * IT1  An interval is [start, last], both included, and does not end before it starts.
 * IT2  Nodes ascend by start; those with equal starts are in the order in which they came. (RB5)
 * IT3  A node's subtree_last is the largest last of its subtree. (RB7)
 * IT4  start and last of a node do not change while it is in the tree.
 *
 * A search for [start, last] passes by on both sides: a subtree that ends before `start` holds nothing to find, and
 * from the first node on that starts after `last` there is nothing either.  Hits come in the tree's order.
 *
 * Memory and failure.  Nothing here allocates, nothing here can fail.  One writer, or readers, under the caller's lock.
 *
 * Cost.  n intervals: insert and remove O(log n); a search with k hits O(log n + k) when hits lie together, at
 * worst O(min(n, k log n)).
 */
#ifndef VMAPLE_INTERVAL_TREE_H
#define VMAPLE_INTERVAL_TREE_H

#include <vmaple/rbtree_augmented.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How it works, in the order of the functions below.
 *
 * insert     The way down raises subtree_last, so that it is right before anything rotates (RA2).
 * reaches    Does anything below rb, which may be NULL, end at start or later?
 * first_below  The first hit below rb, where some interval x ends at start or later.  If there is such an x on the
 *            left, only the left counts: either x is a hit, or x starts after last, and so does all that comes
 *            after x.  If there is none on the left, and the node itself starts after last, nothing is a hit.
 *            Else the node is one, or x is on the right.
 * iter_first All end too early, or all start too late: known from the root and from the first node.
 * iter_next  What comes after a node: its right side, then the first node above that has it on its left, and so on.
 * walk       The same in one go. The way back is on a stack, and not read again from nodes that may have left the
 *            cache.  Where the right side may hold hits, it and what is directly below it are fetched while the left
 *            is being walked: of the nodes to come only those two steps to the left are waited for.
 */
/**
 * Define an interval tree.
 *
 * @param ITSTRUCT  the type of the entries, `struct thing`
 * @param ITRB      their rb_node
 * @param ITTYPE    the type of the indexes; has to order by <
 * @param ITSUBTREE their member for IT3, an ITTYPE; the tree's own
 * @param ITSTART   ITTYPE ITSTART(entry), a function or a macro
 * @param ITLAST    ITTYPE ITLAST(entry)
 * @param ITSTATIC  `static`, `static inline`, or nothing where prototypes stand in a header
 * @param ITPREFIX  begins the names of what is defined:
 *
 *	void prefix_insert(ITSTRUCT *node, struct rb_root_cached *root);
 *	void prefix_remove(ITSTRUCT *node, struct rb_root_cached *root);
 *	ITSTRUCT *prefix_iter_first(struct rb_root_cached *root, ITTYPE start, ITTYPE last);
 *	ITSTRUCT *prefix_iter_next(ITSTRUCT *node, ITTYPE start, ITTYPE last);
 *	ITSTRUCT *prefix_walk(struct rb_root_cached *root, ITTYPE start, ITTYPE last,
 *		bool (*visit)(ITSTRUCT *node, void *arg), void *arg);
 *	bool prefix_validate(const struct rb_root_cached *root, const char **reason);
 *
 * prefix_iter_next() takes the hit before and the same range.  No change of the tree may lie between.  prefix_walk()
 * calls visit for each hit in the same order, until it returns true, and returns that hit; or NULL.  It is the
 * faster of the two where hits are many.  visit must not change the tree.
 */
#define INTERVAL_TREE_DEFINE(ITSTRUCT, ITRB, ITTYPE, ITSUBTREE, ITSTART, ITLAST, ITSTATIC, ITPREFIX)         \
	RB_DECLARE_CALLBACKS_MAX(static, ITPREFIX##_augment, ITSTRUCT, ITRB, ITTYPE, ITSUBTREE, ITLAST);     \
                                                                                                             \
	ITSTATIC __attribute__((unused)) void ITPREFIX##_insert(ITSTRUCT *node, struct rb_root_cached *root) \
	{                                                                                                    \
		struct rb_node **link = &root->rb_root.rb_node, *above = NULL;                               \
		ITTYPE start = ITSTART(node), last = ITLAST(node);                                           \
		bool leftmost = true;                                                                        \
                                                                                                             \
		while (*link) {                                                                              \
			ITSTRUCT *parent = rb_entry(*link, ITSTRUCT, ITRB);                                  \
			int right = !(start < ITSTART(parent));                                              \
                                                                                                             \
			if (parent->ITSUBTREE < last)                                                        \
				parent->ITSUBTREE = last;                                                    \
			above = *link;                                                                       \
			link = &above->rb_child[right];                                                      \
			leftmost &= !right;                                                                  \
		}                                                                                            \
		node->ITSUBTREE = last;                                                                      \
		rb_link_node(&node->ITRB, above, link);                                                      \
		rb_insert_augmented_cached(&node->ITRB, root, leftmost, &ITPREFIX##_augment);                \
	}                                                                                                    \
                                                                                                             \
	ITSTATIC __attribute__((unused)) void ITPREFIX##_remove(ITSTRUCT *node, struct rb_root_cached *root) \
	{                                                                                                    \
		rb_erase_augmented_cached(&node->ITRB, root, &ITPREFIX##_augment);                           \
	}                                                                                                    \
                                                                                                             \
	static inline bool ITPREFIX##_reaches(const struct rb_node *rb, ITTYPE start)                        \
	{                                                                                                    \
		return rb && !(rb_entry(rb, ITSTRUCT, ITRB)->ITSUBTREE < start);                             \
	}                                                                                                    \
                                                                                                             \
	static inline ITSTRUCT *ITPREFIX##_first_below(struct rb_node *rb, ITTYPE start, ITTYPE last)        \
	{                                                                                                    \
		while (rb) {                                                                                 \
			ITSTRUCT *node = rb_entry(rb, ITSTRUCT, ITRB);                                       \
                                                                                                             \
			if (ITPREFIX##_reaches(rb->rb_left, start)) {                                        \
				rb = rb->rb_left;                                                            \
				continue;                                                                    \
			}                                                                                    \
			if (last < ITSTART(node))                                                            \
				return NULL;                                                                 \
			if (!(ITLAST(node) < start))                                                         \
				return node;                                                                 \
			rb = rb->rb_right;                                                                   \
		}                                                                                            \
		return NULL;                                                                                 \
	}                                                                                                    \
                                                                                                             \
	ITSTATIC __attribute__((unused))                                                                     \
	ITSTRUCT *ITPREFIX##_iter_first(struct rb_root_cached *root, ITTYPE start, ITTYPE last)              \
	{                                                                                                    \
		struct rb_node *top = root->rb_root.rb_node;                                                 \
                                                                                                             \
		if (!ITPREFIX##_reaches(top, start) ||                                                       \
			last < ITSTART(rb_entry(root->rb_leftmost, ITSTRUCT, ITRB)))                         \
			return NULL;                                                                         \
		return ITPREFIX##_first_below(top, start, last);                                             \
	}                                                                                                    \
                                                                                                             \
	ITSTATIC __attribute__((unused))                                                                     \
	ITSTRUCT *ITPREFIX##_iter_next(ITSTRUCT *node, ITTYPE start, ITTYPE last)                            \
	{                                                                                                    \
		struct rb_node *rb = &node->ITRB, *from;                                                     \
                                                                                                             \
		for (;;) {                                                                                   \
			if (ITPREFIX##_reaches(rb->rb_right, start))                                         \
				return ITPREFIX##_first_below(rb->rb_right, start, last);                    \
			do {                                                                                 \
				from = rb;                                                                   \
				rb = rb_parent(rb);                                                          \
				if (!rb)                                                                     \
					return NULL;                                                         \
			} while (rb->rb_right == from);                                                      \
			node = rb_entry(rb, ITSTRUCT, ITRB);                                                 \
			if (last < ITSTART(node))                                                            \
				return NULL;                                                                 \
			if (!(ITLAST(node) < start))                                                         \
				return node;                                                                 \
		}                                                                                            \
	}                                                                                                    \
                                                                                                             \
	ITSTATIC __attribute__((unused)) ITSTRUCT *ITPREFIX##_walk(struct rb_root_cached *root,              \
		ITTYPE start, ITTYPE last, bool (*visit)(ITSTRUCT * node, void *arg), void *arg)             \
	{                                                                                                    \
		struct rb_node *way[RB_DEEPEST], *rb = root->rb_root.rb_node;                                \
		unsigned int nr = 0;                                                                         \
                                                                                                             \
		for (;;) {                                                                                   \
			ITSTRUCT *node;                                                                      \
                                                                                                             \
			for (; ITPREFIX##_reaches(rb, start); rb = rb->rb_left) {                            \
				if (rb->rb_right && !(last < ITSTART(rb_entry(rb, ITSTRUCT, ITRB)))) {       \
					__builtin_prefetch(rb->rb_right->rb_left);                           \
					__builtin_prefetch(rb->rb_right->rb_right);                          \
				}                                                                            \
				way[nr++] = rb;                                                              \
			}                                                                                    \
			if (!nr)                                                                             \
				return NULL;                                                                 \
			rb = way[--nr];                                                                      \
			node = rb_entry(rb, ITSTRUCT, ITRB);                                                 \
			if (last < ITSTART(node))                                                            \
				return NULL;                                                                 \
			if (!(ITLAST(node) < start) && visit(node, arg))                                     \
				return node;                                                                 \
			rb = rb->rb_right;                                                                   \
		}                                                                                            \
	}                                                                                                    \
                                                                                                             \
	static inline bool ITPREFIX##_ordered(const struct rb_node *earlier, const struct rb_node *later)    \
	{                                                                                                    \
		return !(ITSTART(rb_entry(later, ITSTRUCT, ITRB)) <                                          \
			 ITSTART(rb_entry(earlier, ITSTRUCT, ITRB)));                                        \
	}                                                                                                    \
                                                                                                             \
	static inline bool ITPREFIX##_augmented(const struct rb_node *rb)                                    \
	{                                                                                                    \
		ITSTRUCT *node = rb_entry(rb, ITSTRUCT, ITRB);                                               \
                                                                                                             \
		return node->ITSUBTREE == ITPREFIX##_augment_max(node);                                      \
	}                                                                                                    \
                                                                                                             \
	ITSTATIC __attribute__((unused)) bool ITPREFIX##_validate(                                           \
		const struct rb_root_cached *root, const char **reason)                                      \
	{                                                                                                    \
		static const struct rb_checks checks = { ITPREFIX##_ordered, ITPREFIX##_augmented };         \
                                                                                                             \
		if (!rb_validate_cached(root, &checks, reason))                                              \
			return false;                                                                        \
		for (struct rb_node *rb = root->rb_leftmost; rb; rb = rb_next(rb)) {                         \
			ITSTRUCT *node = rb_entry(rb, ITSTRUCT, ITRB);                                       \
                                                                                                             \
			if (!(ITLAST(node) < ITSTART(node)))                                                 \
				continue;                                                                    \
			*reason = "IT1: an interval does not end before it starts";                          \
			return false;                                                                        \
		}                                                                                            \
		return true;                                                                                 \
	}

/** An interval for the ready-made tree. */
struct interval_tree_node {
	struct rb_node rb;
	unsigned long start;          /**< first index in it */
	unsigned long last;           /**< last index in it */
	unsigned long __subtree_last; /**< IT3 */
};

/** @name The ready-made tree
 * Starts as RB_ROOT_CACHED. @pre for changes: no other writer, no reader.
 * @{ */
VMAPLE_API void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root);
VMAPLE_API void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root);
/** The first interval that has an index in common with [start, last], or NULL. */
VMAPLE_API struct interval_tree_node *interval_tree_iter_first(
	struct rb_root_cached *root, unsigned long start, unsigned long last);
/** The next after @p node, for the same range. */
VMAPLE_API struct interval_tree_node *interval_tree_iter_next(
	struct interval_tree_node *node, unsigned long start, unsigned long last);
/** Call @p visit for each of them until it returns true. @return that one, or NULL. */
VMAPLE_API struct interval_tree_node *interval_tree_walk(struct rb_root_cached *root, unsigned long start,
	unsigned long last, bool (*visit)(struct interval_tree_node *node, void *arg), void *arg);
/** Check the rules. @param reason the one that is broken; untouched when none is */
VMAPLE_API bool interval_tree_validate(const struct rb_root_cached *root, const char **reason) __must_check;
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_INTERVAL_TREE_H */
