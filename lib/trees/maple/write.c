/* SPDX-License-Identifier: MIT */
/*
 * Stores: theory of operation
 *
 * 1. One operation.  Insert, overwrite, trim and erase are all "store this entry over [first, last]"; erasing
 *    stores NULL.
 *
 * 2. Ways, cheapest first.
 *
 *        tail      the tree is being filled in ascending order, without RCU: the last leaf is known from the store
 *                  before, and takes one area more. Nothing is searched.
 *
 *        quick     it lies in one leaf, meets one area at most, and needs no node, without RCU: no plan. See quick.c.
 *
 *        exact     the store has the bounds of one area that is there, or erases one and nothing else: one slot is
 *                  replaced, in both modes. Where the cursor is on that area already, nothing is searched.
 *
 *        leaf      the range lies in one leaf, and the leaf can take the result:
 *
 *            before   |  a  |     b     |  c  |
 *            store          . . |=e=| .
 *            after    |  a  | b | e | b |  c  |        at most two areas more
 *
 *                  Without RCU the leaf is edited where it is. In RCU mode a new leaf is made and published by
 *                  one store into the parent's slot, or the root.  Erased areas beside the store go.
 *
 *        shrink    NULL up to the end of a leaf, which keeps enough: it ends lower, and the hole becomes the next leaf's,
 *                  under the same parent, without RCU.
 *
 *        append    the last leaf of the tree is full, and the store lies behind all in it: a new leaf is hung behind
 *                  it, where the parent has room, without RCU.
 *
 *        split     the leaf is full, and the parent, if there is one, has room: without RCU it becomes two where it
 *                  is.  See split.c.
 *
 *        leaves    the leaf overflows or cannot hold the bounds in its layout, and the parent, if there is one, has
 *                  room: a rebuild for which few nodes are set aside.
 *
 *        rebuild   everything else: the leaf overflows or runs low, cannot hold the bounds in its layout, the range
 *                  spans leaves, or a leaf would end with NULL (MT4).  See rebuild.c.
 *
 * 3. Plans.  Which kind of store, and what the leaf becomes, is found out before the first change.  A store in two steps
 *    (mas_prepare(), mas_commit()) carries that over: to go down and find it out again took 350 of 1,150 instructions.
 *
 * 4. Failure.  All memory is reserved before the first change: what mas_reserve() put aside is enough for any
 *    kind that the store can be, so that nothing fails half way.
 */
#include "cursor.h"
#include "write.h"

/* A tree of one leaf that holds nothing is an empty tree. */
static void drop_empty_root(struct maple_tree *mt)
{
	struct mt_leaf *leaf = mt_root_node(mt->ma_root);

	if (mt_root_height(mt->ma_root) != 1 || leaf->live)
		return;
	mt_forget_path(mt);
	mt_publish(&mt->ma_root, NULL);
	mt_retire(mt, leaf_kind(leaf), leaf);
}

/*
 * Reserve for the kind of store that it will be: nothing for an exact one or an edit in place, one leaf for a
 * copy of it or a new one, the worst case for the rest.
 */
static int reserve_for(
	const struct mt_store *store, const struct mt_path *path, enum store_kind how, gfp_t gfp)
{
	enum pool_kind kind;

	switch (how) {
	case STORE_NOTHING:
	case STORE_EXACT:
	case STORE_SHRINK:
		return 0;
	case STORE_LEAF:
		if (!mt_stores_copy(store->mt))
			return 0;
		kind = leaf_kind(path_leaf(path));
		break;
	case STORE_APPEND:
		kind = leaf_layout_kind(mt_appended_layout(store, path));
		break;
	case STORE_SPLIT:
		return MT_SMALL ? -ENOMEM : mt_reserve_split(store->mas, path, gfp);
	case STORE_LEAVES:
		return mas_reserve(store->mas, MT_LEAVES_LEAVES, MT_LEAVES_INNERS, gfp);
	default:
		return mas_reserve(store->mas, MT_WORST_LEAVES, MT_WORST_INNERS(path->height), gfp);
	}
	return mas_reserve(store->mas, kind == POOL_LEAF, kind == POOL_INNER, gfp);
}

/* What is remembered about the tree's nodes is no longer to be trusted. */
static void new_generation(struct maple_tree *mt)
{
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
}

/*
 * Nothing was stored but NULL, at or around the path's index: the hole that is there now. @i is an area that the store
 * began at or behind.
 */
static void widen_to_hole(struct mt_store *store, const struct mt_path *path, unsigned int i)
{
	const struct mt_leaf *leaf = path_leaf(path);

	while (i < leaf->nr && leaf_end(leaf, i) < store->first)
		i++;
	store->first = hole_first(leaf, leaf_live_before(leaf, i), path->min);
	store->last = hole_last(leaf, leaf_live_from(leaf, i), path->max);
}

/* The same when nodes have been replaced all over. */
static void widen_to_hole_anew(struct mt_store *store)
{
	MA_STATE(mas, store->mt, store->first, store->first);

	(void)mas_descend(&mas, store->first);
	store->first = mas.index;
	store->last = mas.last;
}

static void carry_out(struct mt_store *store, struct mt_path *path, struct plan *p)
{
	if (p->kind == STORE_NOTHING)
		return;
	new_generation(store->mt);
	switch (p->kind) {
	case STORE_NOTHING:
		break;
	case STORE_EXACT:
		mt_store_exactly(store, path, p->exact);
		break;
	case STORE_LEAF:
		mt_store_in_leaf(store, path, &p->splice);
		if (!mt_stores_copy(store->mt) && mt_is_tail(store, path, path_leaf(path), path_area(path)))
			store->mt->ma_tail = path_leaf(path);
		break;
	case STORE_SHRINK:
		if (!MT_SMALL)
			mt_shrink_leaf(store, path, &p->splice);
		mt_forget_path(store->mt);
		break;
	case STORE_APPEND:
		if (!MT_SMALL)
			mt_append_leaf(store, path);
		mt_forget_path(store->mt);
		break;
	case STORE_SPLIT:
		if (!MT_SMALL)
			mt_split_leaf(store, path, &p->splice);
		mt_forget_path(store->mt);
		break;
	case STORE_LEAVES:
	case STORE_REBUILD:
		mt_store_rebuild(store);
		mt_forget_path(store->mt);
		break;
	}
}

/* The store as planned, for which there are nodes; of NULL it becomes one over the hole that there is now. */
static void complete(struct mt_store *store, struct mt_path *path, struct plan *p)
{
	carry_out(store, path, p);
	if (store->entry)
		return;
	if (p->kind >= STORE_SHRINK)
		widen_to_hole_anew(store);
	else
		widen_to_hole(store, path, path_area(path));
	drop_empty_root(store->mt);
}

/* The store when the tree has nodes; @path leads to its first index. @return 0 or -ENOMEM, nothing changed. */
static int store_in_nodes(struct mt_store *store, struct mt_path *path, gfp_t gfp, bool prepared)
{
	struct plan p;

	mt_plan_store(&p, store, path);
	if (!prepared && reserve_for(store, path, p.kind, gfp) < 0)
		return -ENOMEM;
	complete(store, path, &p);
	return 0;
}

/* A tree without nodes gets its first: the areas in it. */
static unsigned int root_areas(const struct mt_store *store, struct mt_area area[2])
{
	void *old = store->mt->ma_root;
	unsigned int nr = 0;

	if (old && store->first > 0)
		area[nr++] = (struct mt_area){ 0, 0, old };
	area[nr++] = (struct mt_area){ store->first, store->last, store->entry };
	return nr;
}

/* Does the store, into a tree without nodes, need one? */
static bool root_needs_leaf(const struct mt_store *store)
{
	return store->entry && (store->first || store->last || !mt_fits_root(store->entry));
}

static int reserve_root(const struct mt_store *store, gfp_t gfp)
{
	struct mt_area area[2];
	enum pool_kind kind;

	if (!root_needs_leaf(store))
		return 0;
	kind = leaf_layout_kind(leaf_layout(area, root_areas(store, area), 0));
	return mas_reserve(store->mas, kind == POOL_LEAF, kind == POOL_INNER, gfp);
}

/* The store when the root word is NULL or an entry at [0, 0]: make the first leaf, if one is needed. */
static void store_in_root(struct mt_store *store)
{
	struct maple_tree *mt = store->mt;
	struct mt_area area[2];
	struct mt_leaf *leaf;
	unsigned long layout;
	unsigned int nr;

	if (!root_needs_leaf(store)) {
		mt_publish(&mt->ma_root, store->entry);
		return;
	}
	nr = root_areas(store, area);
	layout = leaf_layout(area, nr, 0);
	leaf = mas_take(store->mas, leaf_layout_kind(layout));
	leaf_fill(leaf, layout, area, nr);
	mt_publish(&mt->ma_root, mt_root_word(leaf, 1));
}

/* @return 0 or -ENOMEM, nothing changed. */
static int store_without_nodes(struct mt_store *store, gfp_t gfp, bool prepared)
{
	bool nothing = !store->entry && (!store->mt->ma_root || store->first > 0);

	if (!nothing && !prepared && reserve_root(store, gfp) < 0)
		return -ENOMEM;
	if (!nothing) {
		new_generation(store->mt);
		store_in_root(store);
	}
	if (!store->entry) {
		store->first = store->mt->ma_root ? 1 : 0;
		store->last = ULONG_MAX;
	}
	return 0;
}

/* A store has succeeded: the cursor is on what it wrote, and holds nothing any more. */
static int finish(struct ma_state *mas, const struct mt_store *store)
{
	PROBE4(maple_store, store->mt, store->first, store->last, store->entry);
	mas->index = store->first;
	mas->last = store->last;
	mas->status = ma_active;
	mas_forget(mas);
	if (mas->spare_leaf || mas->spare_inner)
		mas_destroy(mas);
	return 0;
}

/* The kind "tail" (theory, 2). @return false when the store is not for it. */
static bool store_at_tail(struct mt_store *store)
{
	struct mt_leaf *leaf = store->mt->ma_tail;
	struct mt_path *path = &store->mt->ma_path;
	struct mt_area area = { store->first, store->last, store->entry };

	if (MT_SMALL || !leaf || !store->entry || leaf->nr == LEAF_AREAS ||
		store->first <= leaf_end(leaf, leaf->nr - 1U) || !leaf_fits(leaf, store->first, store->last))
		return false;
	__atomic_store_n(&store->mt->ma_gen, store->mt->ma_gen + 1, __ATOMIC_RELEASE);
	leaf_append(leaf, &area);
	if (path->height && path_leaf(path) == leaf)
		mt_path_leads(path, store->first, leaf->nr - 1U);
	return true;
}

/* What is at @index, to which @path leads. */
static void *entry_at(const struct mt_path *path, unsigned long index)
{
	const struct mt_leaf *leaf = path_leaf(path);
	unsigned int i = path_area(path);

	return i < leaf->nr && leaf_start(leaf, i) <= index ? leaf->slot[i] : NULL;
}

/* The whole of a store; @old, unless NULL, becomes what was at its first index. @return 0 or -ENOMEM. */
static int mas_wr_store(struct ma_state *mas, void *entry, gfp_t gfp, bool prepared, void **old)
{
	struct mt_store store = {
		.mt = mas->tree, .mas = mas, .first = mas->index, .last = mas->last, .entry = entry
	};
	struct mt_path *path;
	int ret;

	if (entry && !mas->spare_leaf && !mas->spare_inner && mas_replace(mas, entry, old)) {
		PROBE4(maple_store, store.mt, store.first, store.last, store.entry);
		return 0;
	}
	if (store_at_tail(&store))
		return finish(mas, &store);
	if (mt_root_is_node(store.mt->ma_root)) {
		path = mt_writer_path(store.mt, store.first);
		if (old)
			*old = entry_at(path, store.first);
		if (entry && !mt_stores_copy(store.mt) && mt_store_quickly(&store, path))
			return finish(mas, &store);
		ret = store_in_nodes(&store, path, gfp, prepared);
	} else {
		if (old && !store.first)
			*old = store.mt->ma_root;
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
	void *old = NULL;

	if (mas->index > mas->last)
		mas_fail(mas, -EINVAL);
	else if (mas_wr_store(mas, entry, GFP_NOWAIT, false, &old) < 0)
		mas_fail(mas, -ENOMEM);
	return old;
}

/* mt_put() where a node is needed. */
static __attribute__((noinline)) int put_with_nodes(
	struct mt_store *store, struct mt_path *path, struct plan *p, gfp_t gfp)
{
	MA_STATE(mas, store->mt, store->first, store->last);
	int err;

	store->mas = &mas;
	err = reserve_for(store, path, p->kind, gfp);
	if (err >= 0) {
		carry_out(store, path, p);
		if (!store->entry)
			drop_empty_root(store->mt);
	}
	mas_destroy(&mas);
	store->mas = NULL;
	return err < 0 ? -ENOMEM : 0;
}

/* Can the planned store be done with the nodes that are there? */
static inline bool needs_no_node(const struct maple_tree *mt, const struct plan *p)
{
	return p->kind <= STORE_EXACT || p->kind == STORE_SHRINK ||
	       (p->kind == STORE_LEAF && !mt_stores_copy(mt));
}

/* mt_put() where the store is not one of the quickest. */
static __attribute__((noinline)) int put_as_planned(struct mt_store *store, struct mt_path *path, gfp_t gfp)
{
	struct plan p;

	mt_plan_store(&p, store, path);
	if (!needs_no_node(store->mt, &p))
		return put_with_nodes(store, path, &p, gfp);
	carry_out(store, path, &p);
	if (!store->entry)
		drop_empty_root(store->mt);
	return 0;
}

/* mt_put() in a tree that has no nodes. */
static __attribute__((noinline)) int put_without_nodes(struct mt_store *store, gfp_t gfp)
{
	MA_STATE(mas, store->mt, store->first, store->last);

	return mas_store_gfp(&mas, store->entry, gfp);
}

int mt_put_any(struct mt_store *store, gfp_t gfp)
{
	struct maple_tree *mt = store->mt;
	struct mt_path *path;

	if (!mt_has_nodes(mt))
		return put_without_nodes(store, gfp);
	if (!mt->ma_tail || !store_at_tail(store)) {
		path = mt_writer_path(mt, store->first);
		if ((mt_stores_copy(mt) || !mt_store_quickly(store, path)) &&
			put_as_planned(store, path, gfp) < 0)
			return -ENOMEM;
	}
	PROBE4(maple_store, mt, store->first, store->last, store->entry);
	return 0;
}

int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp)
{
	if (mas->index > mas->last)
		return -EINVAL;
	return mas_wr_store(mas, entry, gfp, false, NULL);
}

int mas_prepare(struct ma_state *mas, void *entry, gfp_t gfp, struct mt_plan *plan)
{
	struct mt_store store = {
		.mt = mas->tree, .mas = mas, .first = mas->index, .last = mas->last, .entry = entry
	};
	struct plan *p = (struct plan *)plan;
	struct mt_path *path;

	p->leaf = NULL;
	if (!mt_root_is_node(store.mt->ma_root))
		return reserve_root(&store, gfp);
	path = mt_writer_path(store.mt, store.first);
	mt_plan_store(p, &store, path);
	p->leaf = path_leaf(path);
	p->gen = store.mt->ma_gen;
	return reserve_for(&store, path, p->kind, gfp);
}

int mas_preallocate(struct ma_state *mas, void *entry, gfp_t gfp)
{
	struct mt_plan plan;

	return mas_prepare(mas, entry, gfp, &plan);
}

void mas_store_prealloc(struct ma_state *mas, void *entry)
{
	(void)mas_wr_store(mas, entry, GFP_NOWAIT, true, NULL);
}

/* The writer's path is still where the plan was made, unless somebody has asked for another meanwhile. */
void mas_commit(struct ma_state *mas, void *entry, struct mt_plan *plan)
{
	struct mt_store store = {
		.mt = mas->tree, .mas = mas, .first = mas->index, .last = mas->last, .entry = entry
	};
	struct plan *p = (struct plan *)plan;
	struct mt_path *path = &store.mt->ma_path;

	if (!p->leaf || p->gen != store.mt->ma_gen || !path->height || path_leaf(path) != p->leaf) {
		mas_store_prealloc(mas, entry);
		return;
	}
	complete(&store, path, p);
	(void)finish(mas, &store);
}

/* The entry at the cursor's index, to which @path leads: @store becomes one of NULL over all of its area. */
static void *to_be_erased(const struct ma_state *mas, struct mt_store *store, const struct mt_path *path)
{
	void *entry = entry_at(path, mas->index);

	if (entry) {
		store->first = leaf_start(path_leaf(path), path_area(path));
		store->last = leaf_end(path_leaf(path), path_area(path));
	}
	return entry;
}

void *mas_erase(struct ma_state *mas)
{
	struct mt_store store = { .mt = mas->tree, .mas = mas };
	void *root = mas->tree->ma_root, *old;
	struct mt_path *path = mt_root_is_node(root) ? mt_writer_path(mas->tree, mas->index) : NULL;
	int ret;

	if (path)
		old = to_be_erased(mas, &store, path);
	else
		old = mas->index ? NULL : root; /* the tree's only entry, at 0 */
	if (!old)
		return NULL;
	mas->index = store.first;
	mas->last = store.last;
	ret = path ? store_in_nodes(&store, path, GFP_KERNEL, false)
		   : store_without_nodes(&store, GFP_KERNEL, false);
	if (ret == 0) {
		(void)finish(mas, &store);
		return old;
	}
	mas_fail(mas, ret);
	return NULL;
}

bool mas_nomem(struct ma_state *mas, gfp_t gfp)
{
	const void *root = mas->tree->ma_root;
	unsigned int height = mt_root_is_node(root) ? mt_root_height(root) : 1;

	if (mas->status != ma_error || mas->error != -ENOMEM)
		return false;
	if (mas_reserve(mas, MT_WORST_LEAVES, MT_WORST_INNERS(height), gfp) < 0)
		return false;
	mas->status = ma_start;
	return true;
}

int mas_expected_entries(struct ma_state *mas, unsigned long nr_entries)
{
	(void)nr_entries; /* stores in ascending order fill leaves whole, and find the last one by themselves */
	(void)mas;
	return 0;
}
