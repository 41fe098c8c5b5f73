/* SPDX-License-Identifier: MIT */
/*
 * A full leaf becomes two where it is, without RCU: see write.c, 2.
 *
 *      parent   [ .. | k | .. ]                       [ ..  | k | k' | .. ]       one child more, in place; or a root
 *                      |                                      |   |               above the two
 *      leaf     [ 30 areas ]                          [ 15 areas ][ 15 areas ]    and then the store, into one of them
 *
 * A process has 30 to 1,000 areas: its tree is one leaf, or one inner node, and grows by this.  A rebuild of the leaf,
 * with nodes set aside for its worst case, took 3,100 instructions; a split takes 700.  Each half of a wide leaf gets the
 * layout that suits it: where that of the lower is narrow, a new leaf takes the place of the old.
 */
#include "write.h"

/* The layout that areas [from, to) of the full, wide @leaf would have by themselves, in a leaf that begins at @min. */
static unsigned long layout_of(
	const struct mt_leaf *leaf, unsigned int from, unsigned int to, unsigned long min)
{
	const unsigned long *start = leaf_wide(leaf)->start, *end = leaf->wide.end;
	unsigned long bits = 0;

	for (unsigned int i = from; i < to; i++)
		bits |= start[i] | (end[i] + 1);
	return leaf_layout_of(bits, start[from], end[to - 1], min);
}

bool mt_can_split(const struct mt_store *store, const struct mt_path *path)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int level = path->height - 1U;

	/* Behind the last area of all leaves stay full. */
	if (path->max == ULONG_MAX && path_area(path) == LEAF_AREAS)
		return false;
	if (mt_stores_copy(store->mt) || leaf->nr != LEAF_AREAS || leaf_live(leaf) != LEAF_AREAS ||
		!leaf_fits(leaf, store->first, store->last))
		return false;
	return !level || path_inner(path, level - 1)->nr < MT_SLOTS;
}

/* The layout of areas [from, to) of the full @leaf in a leaf that begins at @min, and that @store goes into, if @into. */
static unsigned long part_layout(const struct mt_store *store, const struct mt_leaf *leaf, unsigned int from,
	unsigned int to, unsigned long min, bool into)
{
	unsigned long layout = leaf->base;

	if (!leaf_is_wide(leaf))
		return layout;
	layout = layout_of(leaf, from, to, min);
	return into && !layout_fits(layout, store->first, store->last) ? LEAF_WIDE : layout;
}

/* The full @leaf keeps its first @nr areas: @return where they are, in a new leaf if there is a layout that suits them better. */
static struct mt_leaf *lower_part(
	struct mt_store *store, struct mt_leaf *leaf, unsigned int nr, unsigned long layout)
{
	struct mt_leaf *part = leaf;

	if (layout == leaf->base) {
		leaf_set_unused(leaf, nr, LEAF_AREAS);
		leaf->nr = leaf->live = (unsigned char)nr;
	} else {
		part = mas_take(store->mas, leaf_layout_kind(layout));
		leaf_take_part(part, layout, leaf, 0, nr);
		mt_retire(store->mt, leaf_kind(leaf), leaf);
	}
	return part;
}

/* A root of the two, for @left is the root. */
static void grow(struct mt_store *store, struct mt_leaf *left, struct mt_leaf *right, unsigned long last)
{
	struct mt_inner *root = mas_take(store->mas, POOL_INNER);

	for (unsigned int i = 1; i < MT_PIVOTS; i++)
		root->pivot[i] = ULONG_MAX;
	memset(root->gap, 0, sizeof(root->gap));
	root->gap[0] = root->gap[1] = ULONG_MAX;
	root->pivot[0] = last;
	root->slot[0] = left;
	root->slot[1] = right;
	root->nr = 2;
	mt_publish(&store->mt->ma_root, mt_root_word(root, 2));
}

/*
 * @left and @right become the child at @child and the one after it; the first ends at @last. Neither has a longer gap than the
 * one had: which they have is left to the next search (gap.c, 3).
 */
static void hang(struct mt_inner *parent, unsigned int child, struct mt_leaf *left, struct mt_leaf *right,
	unsigned long last)
{
	unsigned int nr = (unsigned int)parent->nr;

	for (unsigned int i = nr; i > child + 1; i--) {
		parent->slot[i] = parent->slot[i - 1];
		parent->gap[i] = parent->gap[i - 1];
		parent->pivot[i - 1] = parent->pivot[i - 2];
	}
	parent->pivot[child] = last;
	parent->slot[child] = left;
	parent->slot[child + 1] = right;
	parent->gap[child + 1] = parent->gap[child];
	parent->nr = nr + 1;
}

/* MT7: a hole has been cut out of an area, in the child at @child. */
static void hole_is_made(const struct mt_store *store, struct mt_path *path, unsigned int child)
{
	unsigned int level = path->height - 1U;
	unsigned long hole = mt_length(store->first, store->last);

	path->offset[level - 1] = (unsigned char)child;
	if ((store->mt->ma_flags & MT_FLAGS_ALLOC_RANGE) && hole > mt_gap(path_inner(path, level - 1), child))
		mt_update_gaps(path, level, hole);
}

/* What a full leaf has become. */
struct halves {
	struct mt_leaf *left, *right;
};

/* Their layouts, where the first has @cut areas, and the one @below, or the other, is to hold @store. */
struct layouts {
	unsigned long lower, upper;
};

static struct layouts layouts_of_halves(
	const struct mt_store *store, const struct mt_path *path, unsigned int cut, bool below)
{
	const struct mt_leaf *leaf = path_leaf(path);

	return (struct layouts){ part_layout(store, leaf, 0, cut, path->min, below),
		part_layout(store, leaf, cut, LEAF_AREAS, leaf_end(leaf, cut - 1) + 1, !below) };
}

/* The leaf of @path becomes two. */
static struct halves halve(
	struct mt_store *store, const struct mt_path *path, unsigned int cut, const struct layouts *layouts)
{
	struct mt_leaf *leaf = path_leaf(path);
	struct halves h;

	h.right = mas_take(store->mas, leaf_layout_kind(layouts->upper));
	leaf_take_part(h.right, layouts->upper, leaf, cut, LEAF_AREAS - cut);
	h.left = lower_part(store, leaf, cut, layouts->lower);
	return h;
}

/* They take the place of the leaf of @path, in the nodes above. */
static void put_up(struct mt_store *store, struct mt_path *path, const struct halves *h)
{
	unsigned int level = path->height - 1U;
	unsigned long last = leaf_end(h->left, h->left->nr - 1U);

	if (level)
		hang(path_inner(path, level - 1), path->offset[level - 1], h->left, h->right, last);
	else
		grow(store, h->left, h->right, last);
}

int mt_reserve_split(struct ma_state *mas, const struct mt_path *path, gfp_t gfp)
{
	unsigned int wide = leaf_is_wide(path_leaf(path));

	/* Of an old one that is wide, both may be narrow, and the upper wide. */
	return mas_reserve(mas, 1 + wide, (path->height == 1) + wide, gfp);
}

void mt_split_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s)
{
	unsigned int level = path->height - 1U, child = level ? path->offset[level - 1] : 0;
	/* Not in the midst of what the store covers. */
	unsigned int half = LEAF_AREAS / 2, cut = s->from < half && s->to > half ? s->to : half;
	bool below = s->from < cut;
	struct layouts layouts = layouts_of_halves(store, path, cut, below);
	struct halves h = halve(store, path, cut, &layouts);

	if (!below) {
		s->from -= cut;
		s->to -= cut;
	}
	s->live -= below ? LEAF_AREAS - cut : cut;
	s->nr = s->live;
	leaf_splice(below ? h.left : h.right, s, store);
	put_up(store, path, &h);
	if (level && !store->entry)
		hole_is_made(store, path, child + !below);
}

/* @path led to the leaf that has become @h: now to that which has the area where it led. */
static void lead_into(struct maple_tree *mt, struct mt_path *path, const struct halves *h)
{
	unsigned int level = path->height - 1U, i = path->offset[level], cut = h->left->nr;
	unsigned long last = leaf_end(h->left, cut - 1);
	bool below = i < cut;

	if (!level) {
		path->node[0] = mt_root_node(mt->ma_root);
		path->offset[0] = 0;
		path->height = 2;
		level = 1;
	}
	path->offset[level - 1] = (unsigned char)(path->offset[level - 1] + !below);
	path->offset[level] = (unsigned char)(below ? i : i - cut);
	path->node[level] = below ? h->left : h->right;
	if (below)
		path->max = last;
	else
		path->min = last + 1;
}

int mt_split_ahead(struct maple_tree *mt, unsigned long first, unsigned long last, gfp_t gfp)
{
	struct ma_state mas = mas_at(mt, first, last);
	struct mt_store store = { .mt = mt, .mas = &mas, .first = first, .last = last, .entry = NULL };
	struct mt_path *path = mt_writer_path(mt, first);
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int half = LEAF_AREAS / 2, leaves, inners;
	struct layouts layouts;
	struct halves h;

	if (!mt_can_split(&store, path))
		return 0;
	layouts = layouts_of_halves(&store, path, half, path_area(path) < half);
	leaves = (leaf_layout_kind(layouts.upper) == POOL_LEAF) + (layouts.lower != leaf->base);
	inners = (leaf_layout_kind(layouts.upper) == POOL_INNER) + (path->height == 1);
	if (mas_reserve(&mas, leaves, inners, gfp) < 0)
		return -ENOMEM;
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
	h = halve(&store, path, half, &layouts);
	put_up(&store, path, &h);
	lead_into(mt, path, &h);
	return 1;
}
