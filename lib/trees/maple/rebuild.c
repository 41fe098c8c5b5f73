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
 * 2. Content.  Per level: what lies left of the run in its first node, the new areas or children, and what lies
 *    right of it in its last node.  Leaves are taken apart into areas and made from areas, so that a leaf of
 *    either layout can follow one of the other.  Less than a node must hold takes in the next node of that level
 *    too, so that at most two nodes that hold enough come out (MT6); the right edge of the tree has no next node
 *    and is exempt.
 *
 * 3. Cuts.  Content is cut evenly, but at the right edge, where areas are being appended, everything goes to the
 *    left node but what does not fit: trees built in order are full.  A leaf ends where its last area ends (MT4).
 *
 * 4. Publication.  New nodes hang together from the bottom up and are reached by one last store, into the
 *    parent's slot or the root.  Only then are the old nodes retired, found again along the left path, which
 *    is unchanged: nothing was edited in place.
 */
#include "leaf.h"

/* 30 areas left, 1 in the middle, 30 right; 31 children left, 3 in the middle, 31 right: see MT_WORST_LEAVES. */
#define AREAS_MAX    (2 * LEAF_AREAS + 1)
#define CHILDREN_MAX (MT_PIVOTS + 3 + MT_PIVOTS + 1)

struct children {
	unsigned int nr;
	unsigned long last[CHILDREN_MAX];
	void *node[CHILDREN_MAX];
	unsigned long gap[CHILDREN_MAX];
};

/* A path down, and the bounds of the nodes on it. */
struct bounded_path {
	struct mt_path nodes;
	unsigned long min[MT_MAX_HEIGHT], max[MT_MAX_HEIGHT];
};

/* One level of the old tree that is being replaced: from @left.nodes.node[level] to @right, inclusive. */
struct replaced {
	struct bounded_path left;
	const void *right;
};

struct rebuild {
	struct maple_tree *mt;
	struct ma_state *mas;
	struct bounded_path left, right; /* of the run, at the level in work and above */
	unsigned int areas;              /* content of the leaves ... */
	struct mt_area area[AREAS_MAX];
	struct children content; /* ... or of the level above */
	struct children made;    /* the new nodes, for the level above */
	bool append;             /* nothing lies right of what is new */
	struct replaced replaced[MT_MAX_HEIGHT];
};

static void add_area(struct rebuild *r, unsigned long first, unsigned long last, void *entry)
{
	if (entry)
		r->area[r->areas++] = (struct mt_area){ first, last, entry };
}

/* Add areas [from, to) of a leaf. */
static void add_areas(struct rebuild *r, const struct mt_leaf *leaf, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		add_area(r, leaf_start(leaf, i), leaf_end(leaf, i), leaf->slot[i]);
}

static void add_child(struct children *c, unsigned long last, void *node, unsigned long gap)
{
	c->last[c->nr] = last;
	c->node[c->nr] = node;
	c->gap[c->nr++] = gap;
}

/* Add children [from, to) of a node. */
static void add_children(struct children *c, const struct bounded_path *path, unsigned int level,
	unsigned int from, unsigned int to)
{
	const struct mt_inner *node = path_inner(&path->nodes, level);

	for (unsigned int i = from; i < to; i++)
		add_child(c, mt_end(node, i, path->max[level]), node->slot[i], mt_gap(node, i));
}

/* The bounds of the path's node of @level, from those of the one above. */
static void find_bounds(struct bounded_path *path, unsigned int level)
{
	const struct mt_inner *parent = path_inner(&path->nodes, level - 1);
	unsigned int offset = path->nodes.offset[level - 1];

	path->min[level] = mt_begin(parent, offset, path->min[level - 1]);
	path->max[level] = mt_end(parent, offset, path->max[level - 1]);
}

static void path_to(struct bounded_path *path, const struct maple_tree *mt, unsigned long index)
{
	mt_path_to(mt->ma_root, index, &path->nodes);
	path->min[0] = 0;
	path->max[0] = ULONG_MAX;
	for (unsigned int level = 1; level < path->nodes.height; level++)
		find_bounds(path, level);
}

/* Move @path to the next node of @level. @return false at the right edge. */
static bool path_next(struct bounded_path *path, unsigned int level)
{
	struct mt_path *nodes = &path->nodes;
	unsigned int up = level;

	while (up > 0 && nodes->offset[up - 1] + 1U >= path_inner(nodes, up - 1)->nr)
		up--;
	if (up == 0)
		return false;
	nodes->offset[up - 1]++;
	for (unsigned int i = up; i <= level; i++) {
		find_bounds(path, i);
		nodes->node[i] = path_inner(nodes, i - 1)->slot[nodes->offset[i - 1]];
		nodes->offset[i] = 0;
	}
	return true;
}

/* What lies left of the store in its first leaf, the store, and what lies right of it in its last leaf. */
static void gather_leaves(struct rebuild *r, const struct mt_store *store)
{
	const struct mt_leaf *first = path_leaf(&r->left.nodes), *last = path_leaf(&r->right.nodes);
	unsigned int level = r->left.nodes.height - 1U, from = r->left.nodes.offset[level],
		     to = r->right.nodes.offset[level];

	r->areas = 0;
	add_areas(r, first, 0, from);
	if (from < first->nr && leaf_start(first, from) < store->first)
		add_area(r, leaf_start(first, from), store->first - 1, first->slot[from]);
	add_area(r, store->first, store->last, store->entry);
	r->append = r->right.max[level] == ULONG_MAX && to >= last->nr;
	if (to < last->nr && leaf_start(last, to) <= store->last) {
		if (leaf_end(last, to) > store->last)
			add_area(r, store->last + 1, leaf_end(last, to), last->slot[to]);
		to++;
	}
	add_areas(r, last, to, last->nr);
	if (r->areas < LEAF_MIN && path_next(&r->right, level)) {
		add_areas(r, path_leaf(&r->right.nodes), 0, path_leaf(&r->right.nodes)->nr);
		r->append = false;
	}
}

/* An inner level's content: left part, the new children, right part. */
static void gather_children(struct rebuild *r, unsigned int level)
{
	unsigned int to = r->right.nodes.offset[level] + 1U,
		     nr = (unsigned int)path_inner(&r->right.nodes, level)->nr;

	r->content.nr = 0;
	add_children(&r->content, &r->left, level, 0, r->left.nodes.offset[level]);
	for (unsigned int i = 0; i < r->made.nr; i++)
		add_child(&r->content, r->made.last[i], r->made.node[i], r->made.gap[i]);
	r->append = r->right.max[level] == ULONG_MAX && to >= nr;
	add_children(&r->content, &r->right, level, to, nr);
	if (level && r->content.nr < MT_MIN && path_next(&r->right, level)) {
		add_children(&r->content, &r->right, level, 0,
			(unsigned int)path_inner(&r->right.nodes, level)->nr);
		r->append = false;
	}
}

/* How much of the @left that is left goes into the next of @nodes that are still to be made. */
static unsigned int cut(const struct rebuild *r, unsigned int left, unsigned int nodes, unsigned int most)
{
	if (nodes == 1)
		return left;
	return r->append ? most : (left + nodes - 1) / nodes;
}

/* A leaf that begins at @min, of @nr of the areas. */
static struct mt_leaf *make_leaf(struct rebuild *r, unsigned long min, unsigned int from, unsigned int nr)
{
	unsigned long layout = leaf_layout(&r->area[from], nr, min);
	struct mt_leaf *leaf = mas_take(r->mas, leaf_layout_kind(layout));

	leaf_fill(leaf, layout, &r->area[from], nr);
	return leaf;
}

/* Make the leaves; they are the new children of the level above. The last ends where the run did. */
static void make_leaves(struct rebuild *r)
{
	unsigned int level = r->left.nodes.height - 1U, from = 0;
	unsigned int nodes = r->areas ? (r->areas + LEAF_AREAS - 1) / LEAF_AREAS : 1;
	bool gaps = r->mt->ma_flags & MT_FLAGS_ALLOC_RANGE;
	unsigned long min = r->left.min[level];

	PROBE3(maple_rebuild, r->mt, r->areas, nodes);
	r->made.nr = 0;
	for (; nodes; nodes--) {
		unsigned int nr = cut(r, r->areas - from, nodes, LEAF_AREAS);
		unsigned long max = nodes > 1 ? r->area[from + nr - 1].last : r->right.max[level];
		struct mt_leaf *leaf = make_leaf(r, min, from, nr);

		add_child(&r->made, max, leaf, gaps ? mt_recorded_gap(leaf, min, max) : 0);
		min = max + 1;
		from += nr;
	}
}

/* An inner node of @nr of the children. */
static struct mt_inner *make_inner(struct rebuild *r, unsigned int from, unsigned int nr)
{
	struct mt_inner *node = mas_take(r->mas, POOL_INNER);

	for (unsigned int i = 0; i < nr; i++) {
		node->slot[i] = r->content.node[from + i];
		node->gap[i] = r->content.gap[from + i];
		if (i + 1 < nr)
			node->pivot[i] = r->content.last[from + i];
	}
	for (unsigned int i = nr - 1; i < MT_PIVOTS; i++)
		node->pivot[i] = ULONG_MAX;
	for (unsigned int i = nr; i < MT_SLOTS; i++)
		node->gap[i] = 0;
	node->nr = nr;
	return node;
}

static void make_inners(struct rebuild *r)
{
	unsigned int nodes = (r->content.nr + MT_SLOTS - 1) / MT_SLOTS, from = 0;

	r->made.nr = 0;
	for (; nodes; nodes--) {
		unsigned int nr = cut(r, r->content.nr - from, nodes, MT_SLOTS);
		struct mt_inner *node = make_inner(r, from, nr);

		add_child(&r->made, r->content.last[from + nr - 1], node, mt_inner_gap(node, MT_SLOTS));
		from += nr;
	}
}

/* Remember what the nodes of a level replace. */
static void replaces(struct rebuild *r, unsigned int level)
{
	r->replaced[level].left = r->left;
	r->replaced[level].right = r->right.nodes.node[level];
}

/* The new nodes are the top of the tree: put a root above them, or take off one that has a single child. */
static void publish_root(struct rebuild *r)
{
	unsigned int height = r->left.nodes.height;
	void *node = r->made.node[0];

	if (r->made.nr > 1) {
		r->content = r->made;
		node = make_inner(r, 0, r->content.nr);
		height++;
	}
	while (height > 1 && ((struct mt_inner *)node)->nr == 1) {
		void *child = ((struct mt_inner *)node)->slot[0];

		pool_free(POOL_INNER, node); /* just made by make_inners(): no reader has seen it */
		node = child;
		height--;
	}
	mt_publish(&r->mt->ma_root, mt_root_word(node, height));
}

/* Give back the old nodes of the levels from @top down to the leaves. Deepest first: parents lead the nodes. */
static void retire_levels(struct rebuild *r, unsigned int top)
{
	for (unsigned int level = r->left.nodes.height; level-- > top;) {
		struct bounded_path *path = &r->replaced[level].left;
		const void *right = r->replaced[level].right;

		for (;;) {
			void *node = path->nodes.node[level];
			bool last = node == right;

			if (!last)
				(void)path_next(path, level);
			mt_retire(r->mt, level == r->left.nodes.height - 1U ? leaf_kind(node) : POOL_INNER,
				node);
			if (last)
				break;
		}
	}
}

/* One old child is replaced by one new one of the same bounds: nothing above need change but the gap. */
static bool can_publish_here(const struct rebuild *r, unsigned int level)
{
	return r->made.nr == 1 && r->left.nodes.node[level] == r->right.nodes.node[level] &&
	       r->left.nodes.offset[level] == r->right.nodes.offset[level];
}

void mt_store_rebuild(struct mt_store *store)
{
	struct rebuild r;
	unsigned int level;

	r.mt = store->mt;
	r.mas = store->mas;
	path_to(&r.left, store->mt, store->first);
	path_to(&r.right, store->mt, store->last);
	level = r.left.nodes.height - 1U;
	if (!store->entry && store->last == r.right.max[level])
		(void)path_next(&r.right, level);
	gather_leaves(&r, store);
	make_leaves(&r);
	replaces(&r, level);
	while (level > 0) {
		level--;
		if (can_publish_here(&r, level)) {
			mt_publish(&path_inner(&r.left.nodes, level)->slot[r.left.nodes.offset[level]],
				r.made.node[0]);
			if (r.mt->ma_flags & MT_FLAGS_ALLOC_RANGE)
				mt_update_gaps(&r.left.nodes, level + 1, r.made.gap[0]);
			retire_levels(&r, level + 1);
			return;
		}
		gather_children(&r, level);
		make_inners(&r);
		replaces(&r, level);
	}
	publish_root(&r);
	retire_levels(&r, 0);
}
