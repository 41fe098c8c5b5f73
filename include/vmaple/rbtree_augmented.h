/* SPDX-License-Identifier: MIT */
/**
 * @file rbtree_augmented.h
 * Red-black trees whose nodes know something about all that is below them.
 *
 * The largest gap, the furthest end, a sum: any value of a subtree that follows from its top node and the values
 * of the two subtrees below.  The tree calls back wherever a subtree changes, in constant many places each time,
 * so that the value costs O(log n) per change.  Lespinasse 2012; docs/trees.md.
 *
 * RA1  A node's value is that of its subtree: of the node itself and its children's values, nothing else.
 * RA2  Before rb_insert_augmented() RA1 holds at every node, the new one included: the caller raises the values
 *     on his way down, or calls propagate(parent, NULL) after linking.
 * RA3  Before rb_erase_augmented() RA1 holds at every node; afterwards again at all that remain.
 * RA4  Who changes what a node's value comes from calls propagate(node, NULL) himself.
 *
 * RB_DECLARE_CALLBACKS() and RB_DECLARE_CALLBACKS_MAX() write the three callbacks from one function.
 */
#ifndef VMAPLE_RBTREE_AUGMENTED_H
#define VMAPLE_RBTREE_AUGMENTED_H

#include <vmaple/rbtree.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the tree asks for. */
struct rb_augment_callbacks {
	/** Set the values anew from @p node upwards, to below @p stop (NULL: to the root), or to the first that was right. */
	void (*propagate)(struct rb_node *node, struct rb_node *stop);
	/** @p successor is about to take the place of @p node: it takes over its value. */
	void (*copy)(struct rb_node *node, struct rb_node *successor);
	/** @p up has come to the top of a subtree that @p down headed: it takes over the value, @p down gets a new one. */
	void (*rotate)(struct rb_node *down, struct rb_node *up);
};

/** @name The parts that are not inlined
 * @{ */
VMAPLE_API void __rb_insert_augmented(
	struct rb_node *node, struct rb_root *root, void (*rotate)(struct rb_node *down, struct rb_node *up));
VMAPLE_API void __rb_erase_color(struct rb_node *parent, struct rb_root *root,
	void (*rotate)(struct rb_node *down, struct rb_node *up));
/** @} */

/** Balance after rb_link_node(). @pre RA2. */
static inline void rb_insert_augmented(
	struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	__rb_insert_augmented(node, root, augment->rotate);
}

/** @param leftmost the descent went left at every node */
static inline void rb_insert_augmented_cached(struct rb_node *node, struct rb_root_cached *root,
	bool leftmost, const struct rb_augment_callbacks *augment)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_augmented(node, &root->rb_root, augment);
}

/** Let what points down to @p child, on @p parent or the root, point to @p instead. */
static inline void __rb_change_child(
	struct rb_node *child, struct rb_node *instead, struct rb_node *parent, struct rb_root *root)
{
	if (!parent)
		rb_set_child_rcu(&root->rb_node, instead);
	else if (parent->rb_left == child)
		rb_set_child_rcu(&parent->rb_left, instead);
	else
		rb_set_child_rcu(&parent->rb_right, instead);
}

/**
 * Take the successor @p s of @p node, which has two children, out of its place into that of @p node.
 *
 *	     node                      s
 *	    /    \                   /   \
 *	   l      r        ==>      l     r          The place that s leaves, below *gap, is filled by c.
 *	         /                       /
 *	       ...                     ...
 *	       gap                     gap
 *	       /                       /
 *	      s                      (c)
 *	       \
 *	       (c)                   s == r: gap is s itself, and c stays where it is
 *
 * For readers (RL1): s leaves its place before it is given r, and gets l before it can be reached again.
 * @param child becomes c, the right child of s, or NULL
 * @return s
 */
static inline __attribute__((always_inline)) struct rb_node *__rb_lift_successor(struct rb_node *node,
	struct rb_node **gap, struct rb_node **child, const struct rb_augment_callbacks *augment)
{
	struct rb_node *right = node->rb_right, *left = node->rb_left, *s = right, *up = right, *c;

	while (s->rb_left) {
		up = s;
		s = s->rb_left;
	}
	c = s->rb_right;
	augment->copy(node, s);
	if (s == right) {
		up = s;
	} else {
		rb_set_child_rcu(&up->rb_left, c);
		rb_set_child_rcu(&s->rb_right, right);
		right->__rb_parent_color = (uintptr_t)s + (right->__rb_parent_color & RB_BLACK);
		augment->propagate(up, s);
	}
	rb_set_child_rcu(&s->rb_left, left);
	left->__rb_parent_color = (uintptr_t)s + (left->__rb_parent_color & RB_BLACK);
	*gap = up;
	*child = c;
	return s;
}

/**
 * Let @p child, the only one of @p node, or NULL, move up into its place.
 *
 * If there is a child, RB3 says that it is red and the place black: it takes over the word of @p node, and so turns
 * black, and nothing is missing.  If there is none and @p node was black, a black node is missing there.
 *
 * @return the node below which a black one is missing, at a child that is NULL; or NULL when none is
 */
static inline __attribute__((always_inline)) struct rb_node *__rb_move_up(struct rb_node *node,
	struct rb_node *child, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	uintptr_t word = node->__rb_parent_color;
	struct rb_node *parent = rb_parent(node), *short_of_black = NULL;

	__rb_change_child(node, child, parent, root);
	if (child)
		child->__rb_parent_color = word;
	else if (word & RB_BLACK)
		short_of_black = parent;
	if (parent)
		augment->propagate(parent, NULL);
	return short_of_black;
}

/** Take @p node out without balancing. @return as __rb_move_up(). */
static inline __attribute__((always_inline)) struct rb_node *__rb_erase_augmented(
	struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *s, *child, *gap, *short_of_black = NULL;

	if (!node->rb_left)
		return __rb_move_up(node, node->rb_right, root, augment);
	if (!node->rb_right)
		return __rb_move_up(node, node->rb_left, root, augment);
	s = __rb_lift_successor(node, &gap, &child, augment);
	__rb_change_child(node, s, rb_parent(node), root);
	if (child)
		child->__rb_parent_color = (uintptr_t)gap + RB_BLACK;
	else if (rb_is_black(s))
		short_of_black = gap;
	s->__rb_parent_color = node->__rb_parent_color;
	augment->propagate(s, NULL);
	return short_of_black;
}

/** Take @p node out. @pre RA3. */
static inline __attribute__((always_inline)) void rb_erase_augmented(
	struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *short_of_black = __rb_erase_augmented(node, root, augment);

	if (short_of_black)
		__rb_erase_color(short_of_black, root, augment->rotate);
}

static inline __attribute__((always_inline)) void rb_erase_augmented_cached(
	struct rb_node *node, struct rb_root_cached *root, const struct rb_augment_callbacks *augment)
{
	if (root->rb_leftmost == node)
		root->rb_leftmost = rb_next(node);
	rb_erase_augmented(node, &root->rb_root, augment);
}

/**
 * Define `RBSTATIC const struct rb_augment_callbacks RBNAME`.
 *
 * @param RBSTATIC    static, or nothing
 * @param RBNAME      the name, also prefixed to the functions
 * @param RBSTRUCT    the type of the entries, `struct thing`
 * @param RBFIELD     its rb_node
 * @param RBAUGMENTED its member with the value
 * @param RBCOMPUTE   bool RBCOMPUTE(RBSTRUCT *entry, bool exit): set the value from the entry and its children's
 *                    values; true when it had it already and @c exit, so that propagation may stop there
 */
#define RB_DECLARE_CALLBACKS(RBSTATIC, RBNAME, RBSTRUCT, RBFIELD, RBAUGMENTED, RBCOMPUTE)        \
	static inline void RBNAME##_propagate(struct rb_node *node, struct rb_node *stop)        \
	{                                                                                        \
		for (; node != stop; node = rb_parent(node))                                     \
			if (RBCOMPUTE(rb_entry(node, RBSTRUCT, RBFIELD), true))                  \
				return;                                                          \
	}                                                                                        \
	static inline void RBNAME##_copy(struct rb_node *node, struct rb_node *successor)        \
	{                                                                                        \
		rb_entry(successor, RBSTRUCT, RBFIELD)->RBAUGMENTED =                            \
			rb_entry(node, RBSTRUCT, RBFIELD)->RBAUGMENTED;                          \
	}                                                                                        \
	static void RBNAME##_rotate(struct rb_node *down, struct rb_node *up)                    \
	{                                                                                        \
		RBNAME##_copy(down, up);                                                         \
		RBCOMPUTE(rb_entry(down, RBSTRUCT, RBFIELD), false);                             \
	}                                                                                        \
	RBSTATIC const struct rb_augment_callbacks RBNAME = { RBNAME##_propagate, RBNAME##_copy, \
		RBNAME##_rotate }

/**
 * The same for a value that is the largest of all entries in the subtree.
 *
 * @param RBTYPE    its type
 * @param RBCOMPUTE RBTYPE RBCOMPUTE(RBSTRUCT *entry): what the entry itself brings
 *
 * Also defines `RBTYPE RBNAME_max(RBSTRUCT *entry)`: the value that the entry should have.
 */
#define RB_DECLARE_CALLBACKS_MAX(RBSTATIC, RBNAME, RBSTRUCT, RBFIELD, RBTYPE, RBAUGMENTED, RBCOMPUTE) \
	static inline RBTYPE RBNAME##_max(RBSTRUCT *entry)                                            \
	{                                                                                             \
		RBTYPE max = RBCOMPUTE(entry);                                                        \
                                                                                                      \
		for (int side = 0; side < 2; side++) {                                                \
			struct rb_node *child = entry->RBFIELD.rb_child[side];                        \
                                                                                                      \
			if (child && rb_entry(child, RBSTRUCT, RBFIELD)->RBAUGMENTED > max)           \
				max = rb_entry(child, RBSTRUCT, RBFIELD)->RBAUGMENTED;                \
		}                                                                                     \
		return max;                                                                           \
	}                                                                                             \
	static inline bool RBNAME##_renew(RBSTRUCT *entry, bool exit)                                 \
	{                                                                                             \
		RBTYPE max = RBNAME##_max(entry);                                                     \
                                                                                                      \
		if (exit && entry->RBAUGMENTED == max)                                                \
			return true;                                                                  \
		entry->RBAUGMENTED = max;                                                             \
		return false;                                                                         \
	}                                                                                             \
	RB_DECLARE_CALLBACKS(RBSTATIC, RBNAME, RBSTRUCT, RBFIELD, RBAUGMENTED, RBNAME##_renew)

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RBTREE_AUGMENTED_H */
