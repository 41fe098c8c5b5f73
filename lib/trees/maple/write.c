/* SPDX-License-Identifier: MIT */
/*
 * Stores: theory of operation
 *
 * 1. One operation.  Insert, overwrite, trim and erase are all "store this entry over [first, last]"; erasing
 *    stores NULL, and then the range is first widened over the NULL ranges beside it (M3).
 *
 * 2. Three ways, cheapest first.
 *
 *        exact     the range is exactly one that is there: one slot is replaced, in both modes.
 *
 *        leaf      the range lies in one leaf, and the leaf can take the result:
 *
 *            before   |  a  |     b     |  c  |
 *            store          . . |=e=| .
 *            after    |  a  | b | e | b |  c  |        at most two ranges more
 *
 *                  Without RCU the leaf is edited where it is. In RCU mode a new leaf is made and published by
 *                  one store into the parent's slot, or the root.
 *
 *        rebuild   everything else: the leaf overflows or runs low, the range spans leaves, or a NULL would
 *                  end a leaf (M4).  See rebuild.c.
 *
 * 3. Failure.  All memory is reserved before the first change: what mas_reserve() put aside is enough for any
 *    way that the store can take, so that nothing fails half way.
 */
#include "node.h"

#include <errno.h>
#include <string.h>

/*
 * Spare nodes hang in a list through their first slot.
 */
static int reserve(struct mt_node **list, enum pool_kind kind, unsigned int count, gfp_t gfp)
{
	unsigned int have = 0;

	for (struct mt_node *n = *list; n; n = n->slot[0])
		have++;
	for (; have < count; have++) {
		struct mt_node *node = pool_alloc(kind, gfp);

		if (!node)
			return -ENOMEM;
		node->slot[0] = *list;
		*list = node;
	}
	return 0;
}

static void release(struct mt_node **list, enum pool_kind kind)
{
	while (*list) {
		struct mt_node *node = *list;

		*list = node->slot[0];
		pool_free(kind, node);
	}
}

void mas_destroy(struct ma_state *mas)
{
	release(&mas->spare_leaf, POOL_LEAF);
	release(&mas->spare_inner, POOL_INNER);
}

int mas_reserve(struct ma_state *mas, unsigned int leaves, unsigned int inners, gfp_t gfp)
{
	if (reserve(&mas->spare_leaf, POOL_LEAF, leaves, gfp) == 0 &&
		reserve(&mas->spare_inner, POOL_INNER, inners, gfp) == 0)
		return 0;
	mas_destroy(mas);
	return -ENOMEM;
}

struct mt_node *mas_take(struct ma_state *mas, enum pool_kind kind)
{
	struct mt_node **list = kind == POOL_LEAF ? &mas->spare_leaf : &mas->spare_inner;
	struct mt_node *node = *list;

	if (!node)
		port_panic("maple tree: a store needs more nodes than its worst case");
	*list = node->slot[0];
	return node;
}

/* @node has been replaced: readers may still be in it. */
void mt_retire(struct maple_tree *mt, enum pool_kind kind, struct mt_node *node)
{
	if (BREAK_GRACE)
		port_free(node, kind == POOL_LEAF ? POOL_LEAF_SIZE : POOL_INNER_SIZE);
	else if (mt_in_rcu(mt))
		pool_retire(kind, node);
	else
		pool_free(kind, node);
}

/* The child at path->offset[level - 1] has now the largest gap @gap: tell the nodes above. */
void mt_update_gaps(struct mt_path *path, unsigned int level, unsigned long gap)
{
	while (level-- > 0) {
		struct mt_inner *inner = mt_inner(path->node[level]);
		unsigned long *place = &inner->gap[path->offset[level]];

		if (*place == gap)
			return;
		__atomic_store_n(place, gap, __ATOMIC_RELAXED);
		if (level)
			gap = mt_inner_gap(&inner->node);
	}
}

/* The part of a leaf that a store replaces, and what comes in its place. */
struct splice {
	unsigned int from, to; /* offsets of the first and last range that the store touches */
	unsigned int nr;       /* ranges that replace them: 1 to 3 */
	unsigned long last[3];
	void *slot[3];
};

static void splice_init(struct splice *s, const struct mt_store *store, const struct mt_path *path)
{
	unsigned int level = path->height - 1;
	const struct mt_node *leaf = path->node[level];
	unsigned long begin, end;

	s->from = path->offset[level];
	s->to = s->from;
	while (mt_end(leaf, s->to, path->max[level]) < store->last)
		s->to++;
	begin = mt_begin(leaf, s->from, path->min[level]);
	end = mt_end(leaf, s->to, path->max[level]);
	s->nr = 0;
	if (begin < store->first) {
		s->last[s->nr] = store->first - 1;
		s->slot[s->nr++] = leaf->slot[s->from];
	}
	s->last[s->nr] = store->last;
	s->slot[s->nr++] = store->entry;
	if (store->last < end) {
		s->last[s->nr] = end;
		s->slot[s->nr++] = leaf->slot[s->to];
	}
}

/* Carry out @s from @from into @to, which may be the same leaf. */
static void splice_leaf(const struct splice *s, const struct mt_node *from, struct mt_node *to)
{
	unsigned int old = (unsigned int)from->nr, tail = old - s->to - 1;
	unsigned int at = s->from + s->nr, nr = at + tail, used;

	if (from != to) {
		memcpy(to->pivot, from->pivot, s->from * sizeof(to->pivot[0]));
		memcpy(to->slot, from->slot, s->from * sizeof(to->slot[0]));
	}
	if (tail) {
		memmove(&to->slot[at], &from->slot[s->to + 1], tail * sizeof(to->slot[0]));
		break_rest();
		memmove(&to->pivot[at], &from->pivot[s->to + 1], (tail - 1) * sizeof(to->pivot[0]));
	}
	for (unsigned int i = 0; i < s->nr; i++) {
		to->slot[s->from + i] = s->slot[i];
		if (s->from + i < MT_PIVOTS)
			to->pivot[s->from + i] = s->last[i];
	}
	used = from != to ? MT_PIVOTS : old > nr ? old : nr;
	for (unsigned int i = nr - 1; i < MT_PIVOTS && i < used; i++)
		to->pivot[i] = ULONG_MAX;
	to->nr = nr;
}

/* Put @leaf where the path's leaf is. */
static void replace_leaf(struct mt_store *store, struct mt_path *path, struct mt_node *leaf)
{
	unsigned int level = path->height - 1;
	struct mt_node *old = path->node[level];

	if (level)
		mt_publish(&path->node[level - 1]->slot[path->offset[level - 1]], leaf);
	else
		mt_publish(&store->mt->ma_root, mt_root_word(leaf, 1));
	path->node[level] = leaf;
	mt_retire(store->mt, POOL_LEAF, old);
}

/* The longest run of NULL among the ranges that the splice takes away, and among those it puts there. */
static unsigned long gap_lost(const struct splice *s, const struct mt_path *path)
{
	unsigned int level = path->height - 1;
	const struct mt_node *leaf = path->node[level];
	unsigned long longest = 0, begin = mt_begin(leaf, s->from, path->min[level]);

	for (unsigned int i = s->from; i <= s->to; i++) {
		unsigned long end = mt_end(leaf, i, path->max[level]);

		if (!leaf->slot[i] && mt_length(begin, end) > longest)
			longest = mt_length(begin, end);
		begin = end + 1;
	}
	return longest;
}

static unsigned long gap_gained(const struct splice *s, const struct mt_path *path)
{
	unsigned int level = path->height - 1;
	unsigned long longest = 0, begin = mt_begin(path->node[level], s->from, path->min[level]);

	for (unsigned int i = 0; i < s->nr; i++) {
		if (!s->slot[i] && mt_length(begin, s->last[i]) > longest)
			longest = mt_length(begin, s->last[i]);
		begin = s->last[i] + 1;
	}
	return longest;
}

/*
 * The leaf of @path has been spliced: @lost and @gained are the longest gaps that went and came.  The whole leaf
 * is looked at only when its longest gap may have gone.
 */
static void gap_changed(struct mt_path *path, unsigned long lost, unsigned long gained)
{
	unsigned int level = path->height - 1;
	unsigned long known = mt_gap(path->node[level - 1], path->offset[level - 1]);

	if (gained >= known)
		mt_update_gaps(path, level, gained);
	else if (lost >= known)
		mt_update_gaps(
			path, level, mt_leaf_gap(path->node[level], path->min[level], path->max[level]));
}

/* May a store that lies in the path's leaf be done there? */
static bool leaf_can_take(const struct mt_store *store, const struct mt_path *path, const struct splice *s)
{
	unsigned int level = path->height - 1;
	unsigned long old = path->node[level]->nr, max = path->max[level];
	unsigned long nr = old - (s->to - s->from + 1) + s->nr;

	if (!store->entry && store->last == max && max != ULONG_MAX)
		return false; /* M4 */
	if (nr > MT_SLOTS)
		return false;
	return nr >= MT_MIN || nr >= old || level == 0 || max == ULONG_MAX; /* M6 */
}

/* A tree of one leaf that holds nothing is an empty tree. */
static void drop_empty_root(struct maple_tree *mt)
{
	struct mt_node *leaf = mt_root_node(mt->ma_root);

	if (mt_root_height(mt->ma_root) != 1 || leaf->nr != 1 || leaf->slot[0])
		return;
	mt_publish(&mt->ma_root, NULL);
	mt_retire(mt, POOL_LEAF, leaf);
}

/* Which way a store takes (theory, 2), found out before anything changes. */
enum way { WAY_NOTHING, WAY_EXACT, WAY_LEAF, WAY_REBUILD };

static enum way choose_way(const struct mt_store *store, const struct mt_path *path, struct splice *s)
{
	if (store->last > path->max[path->height - 1])
		return WAY_REBUILD;
	splice_init(s, store, path);
	if (!leaf_can_take(store, path, s))
		return WAY_REBUILD;
	return s->nr == 1 && s->from == s->to ? WAY_EXACT : WAY_LEAF;
}

static void store_in_leaf(struct mt_store *store, struct mt_path *path, const struct splice *s)
{
	unsigned int level = path->height - 1;
	struct mt_node *leaf = path->node[level];
	bool gaps = (store->mt->ma_flags & MT_FLAGS_ALLOC_RANGE) && level;
	unsigned long lost = gaps ? gap_lost(s, path) : 0, gained = gaps ? gap_gained(s, path) : 0;

	if (mt_in_rcu(store->mt) && !BREAK_COPY) {
		struct mt_node *new = mas_take(store->mas, POOL_LEAF);

		if (BREAK_ORDER)
			replace_leaf(store, path, new);
		splice_leaf(s, leaf, new);
		if (!BREAK_ORDER)
			replace_leaf(store, path, new);
	} else {
		splice_leaf(s, leaf, leaf);
	}
	if (gaps)
		gap_changed(path, lost, gained);
}

static void store_exactly(struct mt_store *store, struct mt_path *path, const struct splice *s)
{
	unsigned int level = path->height - 1;
	void **place = &path->node[level]->slot[s->from];
	bool gaps = (store->mt->ma_flags & MT_FLAGS_ALLOC_RANGE) && level && !*place != !store->entry;
	unsigned long lost = gaps ? gap_lost(s, path) : 0, gained = gaps ? gap_gained(s, path) : 0;

	mt_publish(place, store->entry);
	if (gaps)
		gap_changed(path, lost, gained);
}

/* The store when the root word is NULL or an entry at [0, 0]: make the first leaf, if one is needed. */
static void store_in_root(struct mt_store *store)
{
	struct maple_tree *mt = store->mt;
	void *old = mt->ma_root;
	struct mt_node *leaf;
	unsigned int nr = 0;

	if (store->first == 0 && store->last == 0 && mt_fits_root(store->entry)) {
		mt_publish(&mt->ma_root, store->entry);
		return;
	}
	if (!store->entry) {
		if (store->first == 0)
			mt_publish(&mt->ma_root, NULL);
		return;
	}
	leaf = mas_take(store->mas, POOL_LEAF);
	for (unsigned int i = 0; i < MT_PIVOTS; i++)
		leaf->pivot[i] = ULONG_MAX;
	if (store->first > 0) {
		leaf->slot[nr] = old;
		leaf->pivot[nr++] = old ? 0 : store->first - 1;
		if (old && store->first > 1) {
			leaf->slot[nr] = NULL;
			leaf->pivot[nr++] = store->first - 1;
		}
	}
	leaf->slot[nr] = store->entry;
	leaf->pivot[nr++] = store->last;
	if (store->last < ULONG_MAX)
		leaf->slot[nr++] = NULL;
	leaf->nr = nr;
	mt_publish(&mt->ma_root, mt_root_word(leaf, 1));
}

/* Widen a store of NULL over the NULL ranges at both its ends (M3, M4), in a tree without nodes. */
static void widen_null_in_root(struct mt_store *store)
{
	const void *root = store->mt->ma_root;

	if (store->first == 0 && root)
		return;
	store->first = root ? 1 : 0;
	store->last = ULONG_MAX;
}

/* The end of the NULL range at @index in the leaf of @path, or @otherwise where there is an entry. */
static unsigned long null_until(const struct mt_path *path, unsigned long index, unsigned long otherwise)
{
	unsigned int level = path->height - 1, offset = path->offset[level];
	const struct mt_node *leaf = path->node[level];

	while (mt_end(leaf, offset, path->max[level]) < index)
		offset++;
	return leaf->slot[offset] ? otherwise : mt_end(leaf, offset, path->max[level]);
}

/*
 * The same in a tree with nodes; @path leads to the store's first index, and still does so afterwards.  By M4 the
 * range before the first of a leaf is no NULL.
 */
static void widen_null(struct mt_store *store, struct mt_path *path)
{
	unsigned int level = path->height - 1, *offset = &path->offset[level];
	const struct mt_node *leaf = path->node[level];
	struct mt_path right;

	if (leaf->slot[*offset] && *offset && !leaf->slot[*offset - 1] &&
		mt_begin(leaf, *offset, path->min[level]) == store->first)
		--*offset;
	if (!leaf->slot[*offset])
		store->first = mt_begin(leaf, *offset, path->min[level]);
	if (store->last < path->max[level]) {
		/* A NULL range that holds the next index begins there, or holds ours too. */
		store->last = null_until(path, store->last + 1, store->last);
	} else if (store->last < ULONG_MAX) {
		mt_path_to(store->mt->ma_root, store->last + 1, &right);
		store->last = null_until(&right, store->last + 1, store->last);
	}
}

/* Does [first, last], widened, cover nothing but one NULL range? Then storing NULL changes nothing. */
static bool is_null_already(const struct mt_store *store, const struct mt_path *path)
{
	unsigned int level = path->height - 1, offset = path->offset[level];
	const struct mt_node *leaf = path->node[level];

	return !leaf->slot[offset] && mt_end(leaf, offset, path->max[level]) == store->last;
}

/* The way of a store whose path leads to its first index; a store of NULL is widened on the way. */
static enum way plan(struct mt_store *store, struct mt_path *path, struct splice *s)
{
	if (!store->entry) {
		widen_null(store, path);
		if (is_null_already(store, path))
			return WAY_NOTHING;
	}
	return choose_way(store, path, s);
}

static int reserve_worst(struct ma_state *mas, gfp_t gfp)
{
	const void *root = mas->tree->ma_root;

	if (!mt_root_is_node(root))
		return mas_reserve(mas, 1, 0, gfp);
	return mas_reserve(mas, MT_WORST_LEAVES, MT_WORST_INNERS(mt_root_height(root)), gfp);
}

/*
 * Reserve for the way that the store will take: nothing for an exact one or an edit in place, one leaf for a
 * copy of it, the worst case for the rest.
 */
static int reserve_for(struct ma_state *mas, enum way way, gfp_t gfp)
{
	if (way == WAY_REBUILD)
		return reserve_worst(mas, gfp);
	return way == WAY_LEAF && mt_in_rcu(mas->tree) ? mas_reserve(mas, 1, 0, gfp) : 0;
}

/* What is remembered about the tree's nodes is no longer to be trusted. */
static void new_generation(struct maple_tree *mt)
{
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
}

/* The store when the tree has nodes; @path leads to its first index. @return 0 or -ENOMEM, nothing changed. */
static int store_in_nodes(struct mt_store *store, struct mt_path *path, gfp_t gfp, bool prepared)
{
	struct splice s;
	enum way way = plan(store, path, &s);

	if (way == WAY_NOTHING)
		return 0;
	if (!prepared && reserve_for(store->mas, way, gfp) < 0)
		return -ENOMEM;
	new_generation(store->mt);
	if (way == WAY_EXACT)
		store_exactly(store, path, &s);
	else if (way == WAY_LEAF)
		store_in_leaf(store, path, &s);
	else
		mt_store_rebuild(store);
	if (!store->entry)
		drop_empty_root(store->mt);
	return 0;
}

/* The store when there is at most an entry at [0, 0]. @return 0 or -ENOMEM, nothing changed. */
static int store_without_nodes(struct mt_store *store, gfp_t gfp, bool prepared)
{
	if (!store->entry) {
		widen_null_in_root(store);
		if (!store->mt->ma_root || store->first > 0)
			return 0;
	}
	if (!prepared && mas_reserve(store->mas, 1, 0, gfp) < 0)
		return -ENOMEM;
	new_generation(store->mt);
	store_in_root(store);
	return 0;
}

/* A store has succeeded: the cursor is on what it wrote, and holds nothing any more. */
static int finish(struct ma_state *mas, const struct mt_store *store)
{
	mas->index = store->first;
	mas->last = store->last;
	mas->status = ma_active;
	mas->leaf = NULL;
	mas_destroy(mas);
	return 0;
}

/* The whole of a store. @return 0 or -ENOMEM, nothing changed. */
static int mas_wr_store(struct ma_state *mas, void *entry, gfp_t gfp, bool prepared)
{
	struct mt_store store = {
		.mt = mas->tree, .mas = mas, .first = mas->index, .last = mas->last, .entry = entry
	};
	struct mt_path path;
	int ret;

	if (mt_root_is_node(store.mt->ma_root)) {
		mt_path_to(store.mt->ma_root, store.first, &path);
		ret = store_in_nodes(&store, &path, gfp, prepared);
	} else {
		ret = store_without_nodes(&store, gfp, prepared);
	}
	return ret < 0 ? ret : finish(mas, &store);
}

static void mas_fail(struct ma_state *mas, int error)
{
	mas->status = ma_error;
	mas->error = error;
}

void *mas_store(struct ma_state *mas, void *entry)
{
	struct ma_state at = { .tree = mas->tree, .index = mas->index, .last = mas->index };
	void *old = mas_walk(&at);

	if (mas->index > mas->last)
		mas_fail(mas, -EINVAL);
	else if (mas_wr_store(mas, entry, GFP_NOWAIT, false) < 0)
		mas_fail(mas, -ENOMEM);
	return old;
}

int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp)
{
	if (mas->index > mas->last)
		return -EINVAL;
	return mas_wr_store(mas, entry, gfp, false);
}

int mas_preallocate(struct ma_state *mas, void *entry, gfp_t gfp)
{
	struct mt_store store = {
		.mt = mas->tree, .mas = mas, .first = mas->index, .last = mas->last, .entry = entry
	};
	struct mt_path path;
	struct splice s;

	if (!mt_root_is_node(store.mt->ma_root))
		return mas_reserve(mas, 1, 0, gfp);
	mt_path_to(store.mt->ma_root, store.first, &path);
	return reserve_for(mas, plan(&store, &path, &s), gfp);
}

void mas_store_prealloc(struct ma_state *mas, void *entry)
{
	(void)mas_wr_store(mas, entry, GFP_NOWAIT, true);
}

void *mas_erase(struct ma_state *mas)
{
	struct ma_state at = { .tree = mas->tree, .index = mas->index, .last = mas->index };
	void *old = mas_walk(&at);

	if (!old)
		return NULL;
	mas->index = at.index;
	mas->last = at.last;
	if (mas_wr_store(mas, NULL, GFP_KERNEL, false) == 0)
		return old;
	mas_fail(mas, -ENOMEM);
	return NULL;
}

bool mas_nomem(struct ma_state *mas, gfp_t gfp)
{
	if (mas->status != ma_error || mas->error != -ENOMEM)
		return false;
	if (reserve_worst(mas, gfp) < 0)
		return false;
	mas->status = ma_start;
	return true;
}

int mas_expected_entries(struct ma_state *mas, unsigned long nr_entries)
{
	(void)nr_entries; /* appends fill leaves whole (rebuild.c, 3): there is nothing to prepare */
	(void)mas;
	return 0;
}
