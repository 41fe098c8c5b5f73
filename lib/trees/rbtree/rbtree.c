/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: balance.
 *
 * 1. Meaning.  What an insertion or an erasure leaves wrong is one rule at one place; both loops move that place
 *    up by recolouring until a rotation, or a lucky colour, mends it.
 * 2. Invariants: RB1 to RB7 and RL1 to RL4 of <vmaple/rbtree.h>, RA1 to RA4 of <vmaple/rbtree_augmented.h>.
 * 3. Left and right are one: `dir` is the side that is looked at, 0 or 1, and !dir the other.  Drawings show
 *    dir = left.  Capitals are black nodes, small letters red ones, (x) a node of either colour.  The code is compiled
 *    once for each side: a branch that is guessed lets the next load begin, an index that is computed does not.
 * 4. Augmentation is a function that is told of each rotation; for plain trees one that does nothing, inlined.
 * 5. Failure.  Nothing here allocates, nothing here can fail.
 */
#include <vmaple/rbtree.h>
#include <vmaple/rbtree_augmented.h>

_Static_assert(sizeof(struct rb_node) == 3 * sizeof(void *), "a node is three words");

typedef void rotate_fn(struct rb_node *down, struct rb_node *up);

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Sums rather than ors: a compiler makes one instruction of an address and a constant. */
ALWAYS_INLINE void set_parent_color(struct rb_node *node, struct rb_node *parent, uintptr_t color)
{
	node->__rb_parent_color = (uintptr_t)parent + color;
}

ALWAYS_INLINE bool is_red(const struct rb_node *node)
{
	return node && rb_is_red(node);
}

/* The parent of a red node: no colour bit has to be taken off. */
ALWAYS_INLINE struct rb_node *red_parent(const struct rb_node *red)
{
	return (struct rb_node *)red->__rb_parent_color;
}

/*
 * Half a rotation: @down becomes the @dir child of @up, which was its child on the other side.
 *
 *	  down                     up
 *	  /  \                    /  \
 *	 1    up       ==>     down   3
 *	     /  \              /  \
 *	    2    3            1    2
 *
 * Left to the caller: the link from above, the colours and parents of @up and @down.  The order of the stores is
 * RL1's: once @down lets go of @up, nothing below @up leads to @down, and it may be hung there.  What crosses over
 * is known to be black, without a look, when @up is red.
 */
ALWAYS_INLINE void turn(struct rb_node *down, struct rb_node *up, int dir, bool up_is_red)
{
	struct rb_node *crossing = up->rb_child[dir];

	rb_set_child_rcu(&down->rb_child[!dir], crossing);
	rb_set_child_rcu(&up->rb_child[dir], down);
	if (crossing)
		set_parent_color(
			crossing, down, up_is_red ? RB_BLACK : crossing->__rb_parent_color & RB_BLACK);
}

/* The other half: @up stands where @down stood, in its colour, and @down below it in @color. */
ALWAYS_INLINE void take_place(struct rb_node *down, struct rb_node *up, uintptr_t color, struct rb_root *root)
{
	struct rb_node *above = rb_parent(down);

	up->__rb_parent_color = down->__rb_parent_color;
	set_parent_color(down, up, color);
	__rb_change_child(down, up, above, root);
}

/*
 * A red node was hung on the tree, or turned red: only RB2 may be broken, between @node and its parent p, on side @dir
 * of g.  The node to go on with, or NULL.
 *
 *  uncle red: both below g turn black,        uncle black, @node outside: one rotation, done
 *  g red; go on with g
 *
 *        G              g (go on)                   G                  P
 *       / \            / \                         / \                / \
 *      p   u    ==>   P   U                       p   U      ==>     n   g
 *     /              /                           / \                    / \
 *    n              n                           n   1                  1   U
 *
 *  uncle black, @node inside: a rotation before that one
 *
 *        G              G                N
 *       / \            / \              / \
 *      p   U   ==>    n   U    ==>     p   g
 *       \            / \                \ / \
 *        n          p   2               1 2  U
 *       / \          \
 *      1   2          1
 */
ALWAYS_INLINE struct rb_node *insert_on_side(struct rb_node *node, struct rb_node *parent,
	struct rb_node *grand, int dir, struct rb_root *root, rotate_fn *rotate)
{
	struct rb_node *uncle = grand->rb_child[!dir];

	if (is_red(uncle)) {
		set_parent_color(uncle, grand, RB_BLACK);
		set_parent_color(parent, grand, RB_BLACK);
		set_parent_color(grand, rb_parent(grand), RB_RED);
		return grand;
	}
	if (parent->rb_child[!dir] == node) {
		turn(parent, node, dir, true);
		set_parent_color(parent, node, RB_RED);
		rotate(parent, node);
		parent = node;
	}
	turn(grand, parent, !dir, true);
	take_place(grand, parent, RB_RED, root);
	rotate(grand, parent);
	return NULL;
}

ALWAYS_INLINE void insert_balance(struct rb_node *node, struct rb_root *root, rotate_fn *rotate)
{
	do {
		struct rb_node *parent = red_parent(node), *grand;

		if (!parent) {
			set_parent_color(node, NULL, RB_BLACK);
			return;
		}
		if (rb_is_black(parent))
			return;
		grand = red_parent(parent);
		node = grand->rb_right == parent ? insert_on_side(node, parent, grand, 1, root, rotate)
						 : insert_on_side(node, parent, grand, 0, root, rotate);
	} while (node);
}

/*
 * Below @parent, on the side where its child is @node (NULL to begin with), a black node is missing: only RB3 is
 * broken.  s is the sibling, which exists, as its side has a black node more; o and i are its children, outside
 * and inside.  The node to go on with, or NULL.
 *
 *  E1  s red: rotate; the new sibling is black        E2  s, o, i black: s turns red, so both sides miss one.
 *                                                         Parent red: it turns black, done.  Else go on above.
 *        P                S                                (p)               (p)
 *       / \              / \                               / \               / \
 *      N   s     ==>    p   O                             N   S      ==>    N   s
 *         / \          / \                                   / \               / \
 *        I   O        N   I  (sibling)                      I   O             I   O
 *
 *  E3  o black, i red: rotate s                       E4  o red: rotate; o turns black in place of s, done
 *
 *        (p)             (p)                              (p)                 (s)      s has p's colour
 *        / \             / \                              / \                 / \
 *       N   S    ==>    N   i  (now as in E4,            N   S       ==>     P   O
 *          / \             / \  s for o)                    / \             / \
 *         i   O           1   S                           (i)  o           N  (i)
 *        / \                 / \
 *       1   2               2   O
 */
ALWAYS_INLINE struct rb_node *erase_on_side(
	struct rb_node *parent, int dir, struct rb_root *root, rotate_fn *rotate)
{
	struct rb_node *sibling = parent->rb_child[!dir], *outer, *inner;

	if (rb_is_red(sibling)) { /* E1 */
		turn(parent, sibling, dir, true);
		take_place(parent, sibling, RB_RED, root);
		rotate(parent, sibling);
		sibling = parent->rb_child[!dir];
	}
	outer = sibling->rb_child[!dir];
	if (!is_red(outer)) {
		inner = sibling->rb_child[dir];
		if (!is_red(inner)) { /* E2 */
			set_parent_color(sibling, parent, RB_RED);
			if (rb_is_black(parent))
				return parent;
			parent->__rb_parent_color |= RB_BLACK;
			return NULL;
		}
		turn(sibling, inner, !dir, true); /* E3 */
		rotate(sibling, inner);
		outer = sibling;
		sibling = inner;
	}
	turn(parent, sibling, dir, false); /* E4 */
	take_place(parent, sibling, RB_BLACK, root);
	set_parent_color(outer, sibling, RB_BLACK);
	rotate(parent, sibling);
	return NULL;
}

ALWAYS_INLINE void erase_balance(struct rb_node *parent, struct rb_root *root, rotate_fn *rotate)
{
	struct rb_node *node = NULL;

	do {
		node = parent->rb_right == node ? erase_on_side(parent, 1, root, rotate)
						: erase_on_side(parent, 0, root, rotate);
	} while (node && (parent = rb_parent(node)));
}

static inline void no_propagate(struct rb_node *node, struct rb_node *stop)
{
	(void)node, (void)stop;
}
static inline void no_copy(struct rb_node *node, struct rb_node *successor)
{
	(void)node, (void)successor;
}
static inline void no_rotate(struct rb_node *down, struct rb_node *up)
{
	(void)down, (void)up;
}
static const struct rb_augment_callbacks no_callbacks = { no_propagate, no_copy, no_rotate };

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	insert_balance(node, root, no_rotate);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *short_of_black = __rb_erase_augmented(node, root, &no_callbacks);

	if (short_of_black)
		erase_balance(short_of_black, root, no_rotate);
}

void __rb_insert_augmented(struct rb_node *node, struct rb_root *root, rotate_fn *rotate)
{
	insert_balance(node, root, rotate);
}

void __rb_erase_color(struct rb_node *parent, struct rb_root *root, rotate_fn *rotate)
{
	erase_balance(parent, root, rotate);
}

void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root)
{
	struct rb_node *left = victim->rb_left, *right = victim->rb_right;

	*node = *victim;
	if (left)
		set_parent_color(left, node, left->__rb_parent_color & RB_BLACK);
	if (right)
		set_parent_color(right, node, right->__rb_parent_color & RB_BLACK);
	/* Publish: the node is whole.  Without release order a reader could find children not yet written. */
	__rb_change_child(victim, node, rb_parent(victim), root);
}
