/* SPDX-License-Identifier: MIT */
/*
 * Stores that change the shape of the tree: theory of operation
 *
 * 1. Meaning.  A store replaces a run of neighbouring leaves by new ones; that replaces a run of children one
 *    level up, and so on, until one node is replaced by one node of the same bounds, or the root is new.
 *    There is one procedure for every level and every shape: splitting, spanning, rebalancing and growing are
 *    what it does when the new content is too much, comes from afar, is too little, or reaches the root.
 *
 *        level p      ... [ k0 | k1 | L ] [ .. ] [ R | k5 ] ...
 *                                     \            /
 *        level p+1                [ left | new | right ]  cut into one to three nodes: they replace L to R
 *
 * 2. Content.  Per level: what lies left of the run in its first node, the new ranges or children, and what
 *    lies right of it in its last node.  Fewer than MT_MIN of them take in the next node of that level too, so
 *    that at most two nodes of at least MT_MIN come out (M6); the right edge of the tree has no next node and
 *    is exempt.
 *
 * 3. Cuts.  Content is cut evenly, but at the right edge, where ranges are being appended, everything goes to
 *    the left node but what does not fit: trees built in order are full.  No cut leaves a NULL at the end of a
 *    leaf (M4).
 *
 * 4. Publication.  New nodes hang together from the bottom up and are reached by one last store, into the
 *    parent's slot or the root.  Only then are the old nodes retired, found again along the left path, which
 *    is unchanged: nothing was edited in place.
 */
#include "node.h"

/* 31 ranges or children left, 3 in the middle, 31 right; see MT_WORST_LEAVES. */
#define CONTENT_MAX (MT_PIVOTS + 3 + MT_PIVOTS + 1)

struct content {
	unsigned int nr;
	unsigned long last[CONTENT_MAX];
	void *slot[CONTENT_MAX];
	unsigned long gap[CONTENT_MAX];
};

/* One level of the old tree that is being replaced: from @left.node[level] to @right, inclusive. */
struct replaced {
	struct mt_path left;
	const struct mt_node *right;
};

struct rebuild {
	struct maple_tree *mt;
	struct ma_state *mas;
	struct mt_path left, right; /* of the run, at the level in work and above */
	struct content content;     /* of that level */
	struct content made;        /* the new nodes, for the level above */
	bool append;                /* nothing lies right of what is new */
	struct replaced replaced[MT_MAX_HEIGHT];
};

static void add(struct content *c, unsigned long last, void *slot, unsigned long gap)
{
	c->last[c->nr] = last;
	c->slot[c->nr] = slot;
	c->gap[c->nr++] = gap;
}

/* Add ranges [from, to) of a node. */
static void add_ranges(
	struct content *c, const struct mt_path *path, unsigned int level, unsigned int from, unsigned int to)
{
	const struct mt_node *node = path->node[level];
	bool leaf = level == path->height - 1;

	for (unsigned int i = from; i < to; i++)
		add(c, mt_end(node, i, path->max[level]), node->slot[i], leaf ? 0 : mt_gap(node, i));
}

/* Move @path to the next node of @level. @return false at the right edge. */
static bool path_next(struct mt_path *path, unsigned int level)
{
	unsigned int up = level;

	while (up > 0 && path->offset[up - 1] + 1 >= path->node[up - 1]->nr)
		up--;
	if (up == 0)
		return false;
	path->offset[up - 1]++;
	for (unsigned int i = up; i <= level; i++) {
		const struct mt_node *parent = path->node[i - 1];
		unsigned int offset = path->offset[i - 1];

		path->min[i] = mt_begin(parent, offset, path->min[i - 1]);
		path->max[i] = mt_end(parent, offset, path->max[i - 1]);
		path->node[i] = parent->slot[offset];
		path->offset[i] = 0;
	}
	return true;
}

/* Too little for a node of its own: take in the next one, whole. */
static void take_in_next(struct rebuild *r, unsigned int level)
{
	if (r->content.nr >= MT_MIN || !path_next(&r->right, level))
		return;
	add_ranges(&r->content, &r->right, level, 0, (unsigned int)r->right.node[level]->nr);
	r->append = false;
}

/* The leaves' content: left part, the store, right part. */
static void gather_leaves(struct rebuild *r, const struct mt_store *store)
{
	unsigned int level = r->left.height - 1;
	const struct mt_node *first = r->left.node[level], *last = r->right.node[level];
	unsigned int from = r->left.offset[level], to = r->right.offset[level];
	bool whole = r->right.min[level] > store->last; /* the right leaf is there for M4 alone */

	r->content.nr = 0;
	add_ranges(&r->content, &r->left, level, 0, from);
	if (mt_begin(first, from, r->left.min[level]) < store->first)
		add(&r->content, store->first - 1, first->slot[from], 0);
	add(&r->content, store->last, store->entry, 0);
	if (whole) {
		to = 0;
	} else {
		if (mt_end(last, to, r->right.max[level]) > store->last)
			add(&r->content, mt_end(last, to, r->right.max[level]), last->slot[to], 0);
		to++;
	}
	r->append = r->right.max[level] == ULONG_MAX && to >= last->nr;
	add_ranges(&r->content, &r->right, level, to, (unsigned int)last->nr);
	take_in_next(r, level);
}

/* An inner level's content: left part, the new children, right part. */
static void gather_children(struct rebuild *r, unsigned int level)
{
	unsigned int to = r->right.offset[level] + 1;
	const struct mt_node *last = r->right.node[level];

	r->content.nr = 0;
	add_ranges(&r->content, &r->left, level, 0, r->left.offset[level]);
	for (unsigned int i = 0; i < r->made.nr; i++)
		add(&r->content, r->made.last[i], r->made.slot[i], r->made.gap[i]);
	r->append = r->right.max[level] == ULONG_MAX && to >= last->nr;
	add_ranges(&r->content, &r->right, level, to, (unsigned int)last->nr);
	if (level)
		take_in_next(r, level);
}

/* Nodes for so much content: each may end up one range short of full, see cut(). */
static unsigned int nodes_for(unsigned int nr)
{
	return nr <= MT_SLOTS ? 1 : nr <= 2 * (MT_SLOTS - 1) ? 2 : 3;
}

/* How many ranges, from @from on, go into the next node, of @nodes that are still to be made. */
static unsigned int cut(const struct rebuild *r, unsigned int from, unsigned int nodes, bool leaf)
{
	unsigned int left = r->content.nr - from, size;

	if (nodes == 1)
		return left;
	size = r->append ? MT_SLOTS : (left + nodes - 1) / nodes;
	if (leaf && !r->content.slot[from + size - 1])
		size += size < MT_SLOTS ? 1 : -1U;
	return size;
}

/* One node from @size ranges of the content. */
static struct mt_node *make_node(struct rebuild *r, unsigned int from, unsigned int size, bool leaf)
{
	struct mt_node *node = mas_take(r->mas, leaf ? POOL_LEAF : POOL_INNER);

	for (unsigned int i = 0; i < size; i++) {
		node->slot[i] = r->content.slot[from + i];
		if (i + 1 < size)
			node->pivot[i] = r->content.last[from + i];
		if (!leaf)
			mt_inner(node)->gap[i] = r->content.gap[from + i];
	}
	for (unsigned int i = size - 1; i < MT_PIVOTS; i++)
		node->pivot[i] = ULONG_MAX;
	node->nr = size;
	return node;
}

/* Make the nodes of a level from its content; they are the new children of the level above. */
static void make_level(struct rebuild *r, unsigned int level)
{
	bool leaf = level == r->left.height - 1;
	bool gaps = r->mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	unsigned int nodes = nodes_for(r->content.nr);
	unsigned long min = r->left.min[level];

	r->made.nr = 0;
	for (unsigned int from = 0; from<r->content.nr; nodes = nodes> 1 ? nodes - 1 : 1) {
		unsigned int size = cut(r, from, nodes, leaf);
		struct mt_node *node = make_node(r, from, size, leaf);
		unsigned long max = r->content.last[from + size - 1];
		unsigned long gap = !gaps ? 0 : leaf ? mt_leaf_gap(node, min, max) : mt_inner_gap(node);

		add(&r->made, max, node, gap);
		min = max + 1;
		from += size;
	}
	r->replaced[level].left = r->left;
	r->replaced[level].right = r->right.node[level];
}

/* The new nodes are the top of the tree: put a root above them, or take off one that has a single child. */
static void publish_root(struct rebuild *r)
{
	unsigned int height = r->left.height;
	struct mt_node *node = r->made.slot[0];

	if (r->made.nr > 1) {
		r->content = r->made;
		node = make_node(r, 0, r->content.nr, false);
		height++;
	}
	while (height > 1 && node->nr == 1) {
		struct mt_node *child = node->slot[0];

		pool_free(POOL_INNER, node); /* just made by make_level(): no reader has seen it */
		node = child;
		height--;
	}
	mt_publish(&r->mt->ma_root, mt_root_word(node, height));
}

/* Give back the old nodes of the levels from @top down to the leaves. Deepest first: parents lead the way. */
static void retire_levels(struct rebuild *r, unsigned int top)
{
	for (unsigned int level = r->left.height; level-- > top;) {
		enum pool_kind kind = level == r->left.height - 1 ? POOL_LEAF : POOL_INNER;
		struct mt_path *path = &r->replaced[level].left;
		const struct mt_node *right = r->replaced[level].right;

		for (;;) {
			struct mt_node *node = path->node[level];
			bool last = node == right;

			if (!last)
				(void)path_next(path, level);
			mt_retire(r->mt, kind, node);
			if (last)
				break;
		}
	}
}

/* One old child is replaced by one new one of the same bounds: nothing above need change but the gap. */
static bool can_publish_here(const struct rebuild *r, unsigned int level)
{
	return r->made.nr == 1 && r->left.node[level] == r->right.node[level] &&
	       r->left.offset[level] == r->right.offset[level];
}

void mt_store_rebuild(struct mt_store *store)
{
	struct rebuild r;
	unsigned int level;

	r.mt = store->mt;
	r.mas = store->mas;
	mt_path_to(store->mt->ma_root, store->first, &r.left);
	mt_path_to(store->mt->ma_root, store->last, &r.right);
	level = r.left.height - 1;
	if (!store->entry && store->last == r.right.max[level])
		(void)path_next(&r.right, level);
	gather_leaves(&r, store);
	make_level(&r, level);
	while (level > 0) {
		level--;
		if (can_publish_here(&r, level)) {
			mt_publish(&r.left.node[level]->slot[r.left.offset[level]], r.made.slot[0]);
			if (r.mt->ma_flags & MT_FLAGS_ALLOC_RANGE)
				mt_update_gaps(&r.left, level + 1, r.made.gap[0]);
			retire_levels(&r, level + 1);
			return;
		}
		gather_children(&r, level);
		make_level(&r, level);
	}
	publish_root(&r);
	retire_levels(&r, 0);
}
