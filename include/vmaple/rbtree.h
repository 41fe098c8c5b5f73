/* SPDX-License-Identifier: MIT */
/**
 * @file rbtree.h
 * Red-black trees of nodes that live inside the caller's structures.
 *
 * The tree orders and balances; it never allocates, never compares and never fails.  The caller descends with a
 * comparison of his own, links the node where it belongs, and has the tree balanced:
 *
 *	struct rb_node **link = &root->rb_node, *parent = NULL;
 *
 *	while (*link) {
 *		parent = *link;
 *		link = key < rb_entry(parent, struct thing, rb)->key ? &parent->rb_left : &parent->rb_right;
 *	}
 *	rb_link_node(&thing->rb, parent, link);
 *	rb_insert_color(&thing->rb, root);
 *
 * or leaves both to rb_add().  The interface is the Linux kernel's; the code behind it is ours.  Values kept per
 * subtree: <vmaple/rbtree_augmented.h>.  Guibas and Sedgewick 1978; docs/trees.md.
 *
 * Rules (rb_validate() names the one that is broken)
 * RB1  The root is black and has no parent.
 * RB2  A red node has no red child.
 * RB3  Every way from a node down to a missing child passes the same number of black nodes.
 * RB4  The parent word of each node names the node that it hangs on.
 * RB5  The nodes are in the caller's order (where the caller says which that is).
 * RB6  Of rb_root_cached: the cached node is the first.
 * RB7  Of an augmented tree: the caller finds each node's value right.
 *
 * Readers and writers.  One writer at a time, or readers, under the caller's lock.  Readers without a lock, inside an
 * RCU section, may descend from the root by rb_child_rcu() while a writer works, as rb_find_rcu() does:
 *
 * RL1  At each moment the child pointers below the root form a tree: no node is its own descendant.  A node may be
 *     out of reach for as long as a rotation lasts.
 * RL2  Child pointers are stored with release order, in the order that RL1 needs, so that acquire loads see it.
 *     Without it a reader could see the second store of a rotation before the first: a loop.
 * RL3  So a reader may miss a node, but what he finds is there, and he comes to an end.  One that missed and must
 *     not (see the sequence counter of the caller) looks again under the lock.
 * RL4  Parent words change in no such order: rb_next() and its kin are for those who hold the lock.
 *
 * Cost.  n nodes: O(log n) for all but rb_next() and rb_prev(), which are O(1) on average; the deepest node is at
 * most 2 log2(n + 1) below the root.  An insertion rotates at most twice, an erasure three times.
 */
#ifndef VMAPLE_RBTREE_H
#define VMAPLE_RBTREE_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

VMAPLE_C_ONLY_BEGIN
/** A node of a tree; a member of the caller's structure. */
struct rb_node {
	uintptr_t __rb_parent_color; /**< the parent's address, and RB_BLACK or RB_RED in bit 0 */
	union {
		struct {
			struct rb_node *rb_left, *rb_right;
		};
		struct rb_node *rb_child[2]; /**< the same, by direction: 0 is left */
	};
} __attribute__((aligned(sizeof(void *))));
VMAPLE_C_ONLY_END

/** A tree. */
struct rb_root {
	struct rb_node *rb_node;
};

/** A tree that knows its first node. */
struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

/** More nodes than any way down can have: 2 log2(n + 1) with n of 63 bits. */
#define RB_DEEPEST 128

#define RB_RED   0UL
#define RB_BLACK 1UL

#ifdef __cplusplus
#define RB_ROOT        (rb_root{ nullptr })
#define RB_ROOT_CACHED (rb_root_cached{ { nullptr }, nullptr })
#else
#define RB_ROOT        ((struct rb_root){ NULL })
#define RB_ROOT_CACHED ((struct rb_root_cached){ { NULL }, NULL })
#endif

/** The structure that holds a node. */
#define rb_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
/** The same, or NULL for NULL. */
#define rb_entry_safe(ptr, type, member)                                    \
	({                                                                  \
		__typeof__(ptr) rb_entry_ptr = (ptr);                       \
		rb_entry_ptr ? rb_entry(rb_entry_ptr, type, member) : NULL; \
	})

/** @name What a node says of itself
 * @{ */
static inline struct rb_node *rb_parent(const struct rb_node *node)
{
	return (struct rb_node *)(node->__rb_parent_color & ~(uintptr_t)3);
}
static inline bool rb_is_black(const struct rb_node *node)
{
	return node->__rb_parent_color & RB_BLACK;
}
static inline bool rb_is_red(const struct rb_node *node)
{
	return !rb_is_black(node);
}
#define RB_EMPTY_ROOT(root) (__atomic_load_n(&(root)->rb_node, __ATOMIC_RELAXED) == NULL)
/** A node that RB_CLEAR_NODE() marked as being in no tree. Linking it takes the mark away; erasing does not put it. */
#define RB_EMPTY_NODE(node) ((node)->__rb_parent_color == (uintptr_t)(node))
#define RB_CLEAR_NODE(node) ((void)((node)->__rb_parent_color = (uintptr_t)(node)))
/** @} */

/** @name Pointers that readers without a lock follow (RL2)
 * @{ */
static inline void rb_set_child_rcu(struct rb_node **link, struct rb_node *child)
{
	__atomic_store_n(link, child, __ATOMIC_RELEASE);
}
static inline struct rb_node *rb_child_rcu(struct rb_node *const *link)
{
	return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}
/** @} */

/** @name Change
 * @pre the caller holds the lock that keeps other writers out.
 * @{ */

/** Hang @p node, red and without children, on @p link, a NULL child of @p parent. rb_insert_color() has to follow. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (uintptr_t)parent | RB_RED;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}

/** The same where readers without a lock may come by. */
static inline void rb_link_node_rcu(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (uintptr_t)parent | RB_RED;
	node->rb_left = node->rb_right = NULL;
	rb_set_child_rcu(link, node);
}

/** Balance the tree after rb_link_node(). */
VMAPLE_API void rb_insert_color(struct rb_node *node, struct rb_root *root);

/** Take @p node out. Its own words stay as they are, for readers who still look at it. */
VMAPLE_API void rb_erase(struct rb_node *node, struct rb_root *root);

/** Put @p node, which orders the same, where @p victim is. O(1). @p node must be in no tree. */
VMAPLE_API void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root);

/** rb_replace_node() by the name that says that readers may come by: it always allows it. */
static inline void rb_replace_node_rcu(struct rb_node *victim, struct rb_node *node, struct rb_root *root)
{
	rb_replace_node(victim, node, root);
}
/** @} */

/** @name Ways through a tree
 * NULL at the end. @pre no writer works meanwhile.
 * @{ */
VMAPLE_API struct rb_node *rb_first(const struct rb_root *root);
VMAPLE_API struct rb_node *rb_last(const struct rb_root *root);
VMAPLE_API struct rb_node *rb_next(const struct rb_node *node);
VMAPLE_API struct rb_node *rb_prev(const struct rb_node *node);
/** Children before their parents, so that each node can be freed once its successor is known. */
VMAPLE_API struct rb_node *rb_first_postorder(const struct rb_root *root);
VMAPLE_API struct rb_node *rb_next_postorder(const struct rb_node *node);

#define rb_first_cached(root) ((root)->rb_leftmost)

/** Visit all entries, children first; @p pos may be freed in the body. The tree must not be used any more then. */
#define rbtree_postorder_for_each_entry_safe(pos, n, root, field)                                          \
	for (pos = rb_entry_safe(rb_first_postorder(root), __typeof__(*pos), field);                       \
		pos && (n = rb_entry_safe(rb_next_postorder(&pos->field), __typeof__(*pos), field), true); \
		pos = n)
/** @} */

/** @name Trees that know their first node
 * @{ */
/** @param leftmost the descent went left at every node */
static inline void rb_insert_color_cached(struct rb_node *node, struct rb_root_cached *root, bool leftmost)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_color(node, &root->rb_root);
}

/** @return the new first node when @p node was the first, else NULL. */
static inline struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *root)
{
	struct rb_node *leftmost = NULL;

	if (root->rb_leftmost == node)
		leftmost = root->rb_leftmost = rb_next(node);
	rb_erase(node, &root->rb_root);
	return leftmost;
}

static inline void rb_replace_node_cached(
	struct rb_node *victim, struct rb_node *node, struct rb_root_cached *root)
{
	if (root->rb_leftmost == victim)
		root->rb_leftmost = node;
	rb_replace_node(victim, node, &root->rb_root);
}
/** @} */

/** @name Whole operations, with the caller's comparison inlined
 * @{ */
/** Insert behind all that are not greater. */
static inline __attribute__((always_inline)) void rb_add(
	struct rb_node *node, struct rb_root *root, bool (*less)(struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(node, parent) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node_rcu(node, parent, link);
	rb_insert_color(node, root);
}

/** @return @p node when it is the first now, else NULL. */
static inline __attribute__((always_inline)) struct rb_node *rb_add_cached(struct rb_node *node,
	struct rb_root_cached *root, bool (*less)(struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **link = &root->rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (less(node, parent)) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node_rcu(node, parent, link);
	rb_insert_color_cached(node, root, leftmost);
	return leftmost ? node : NULL;
}

/** Insert unless there is an equal node. @return that node, or NULL when @p node was inserted. */
static inline __attribute__((always_inline)) struct rb_node *rb_find_add(
	struct rb_node *node, struct rb_root *root, int (*cmp)(struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		int order = cmp(node, *link);

		if (!order)
			return *link;
		parent = *link;
		link = order < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node_rcu(node, parent, link);
	rb_insert_color(node, root);
	return NULL;
}

/** Any node equal to @p key, or NULL. */
static inline __attribute__((always_inline)) struct rb_node *rb_find(
	const void *key, const struct rb_root *root, int (*cmp)(const void *key, const struct rb_node *node))
{
	struct rb_node *node = root->rb_node;

	while (node) {
		int order = cmp(key, node);

		if (!order)
			return node;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/** rb_find() without a lock: what it finds is there, what it does not find may be. @pre inside an RCU section. */
static inline __attribute__((always_inline)) struct rb_node *rb_find_rcu(
	const void *key, const struct rb_root *root, int (*cmp)(const void *key, const struct rb_node *node))
{
	struct rb_node *node = rb_child_rcu(&root->rb_node);

	while (node) {
		int order = cmp(key, node);

		if (!order)
			return node;
		node = rb_child_rcu(order < 0 ? &node->rb_left : &node->rb_right);
	}
	return NULL;
}
/** @} */

/** @name Validation
 * @{ */
/** What only the caller can check. Either may be NULL. */
struct rb_checks {
	/** May @p later come directly after @p earlier? (RB5) */
	bool (*ordered)(const struct rb_node *earlier, const struct rb_node *later);
	/** Is the value that @p node holds for its subtree right, given its children's? (RB7) */
	bool (*augmented)(const struct rb_node *node);
};

/**
 * Check RB1 to RB5 and RB7 at every node.
 *
 * @param checks may be NULL
 * @param reason the rule that is broken, by number; untouched when none is
 * @pre no writer works meanwhile.  A damaged tree is no danger: no pointer is followed before RB4 was seen to hold.
 */
VMAPLE_API bool rb_validate(
	const struct rb_root *root, const struct rb_checks *checks, const char **reason) __must_check;

/** The same, and RB6. */
VMAPLE_API bool rb_validate_cached(
	const struct rb_root_cached *root, const struct rb_checks *checks, const char **reason) __must_check;
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RBTREE_H */
