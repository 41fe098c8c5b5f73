/* SPDX-License-Identifier: MIT */
/*
 * The normal interface: each call takes the lock or enters a read-side section, and is a few lines over a
 * cursor.  Here too is the life of a whole tree.
 */
#include "leaf.h"

#include "rcu.h"

/* The next *next of mtree_alloc_cyclic() has wrapped: the following call reports it. */
#define MT_FLAGS_ALLOC_WRAPPED 0x800

unsigned int mt_height(const struct maple_tree *mt)
{
	const void *root = mt_root(mt);

	return mt_root_is_node(root) ? mt_root_height(root) : 0;
}

void mt_free_nodes(void *node, unsigned int height)
{
	struct mt_inner *inner = node;

	if (height == 1) {
		pool_free(leaf_kind(node), node);
		return;
	}
	for (unsigned int i = 0; i < inner->nr; i++)
		mt_free_nodes(inner->slot[i], height - 1);
	pool_free(POOL_INNER, node);
}

static void retire_nodes(struct maple_tree *mt, void *node, unsigned int height)
{
	struct mt_inner *inner = node;

	if (height == 1) {
		mt_retire(mt, leaf_kind(node), node);
		return;
	}
	for (unsigned int i = 0; i < inner->nr; i++)
		retire_nodes(mt, inner->slot[i], height - 1);
	mt_retire(mt, POOL_INNER, node);
}

void __mt_destroy(struct maple_tree *mt)
{
	void *root = mt->ma_root;

	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
	mt_forget_path(mt);
	mt_publish(&mt->ma_root, NULL);
	if (mt_root_is_node(root))
		retire_nodes(mt, mt_root_node(root), mt_root_height(root));
}

void mtree_destroy(struct maple_tree *mt)
{
	mtree_lock(mt);
	__mt_destroy(mt);
	mtree_unlock(mt);
}

/* One writer at a time; readers look at the flags beside it. */
static void change_flags(struct maple_tree *mt, unsigned int clear, unsigned int set)
{
	__atomic_store_n(&mt->ma_flags, (mt->ma_flags & ~clear) | set, __ATOMIC_RELAXED);
}

void mt_set_in_rcu(struct maple_tree *mt)
{
	mt->ma_tail = NULL; /* leaves are no longer edited in place */
	change_flags(mt, 0, MT_FLAGS_USE_RCU);
}

void mt_clear_in_rcu(struct maple_tree *mt)
{
	change_flags(mt, MT_FLAGS_USE_RCU, 0);
}

/*
 * Readers enter a section in RCU mode and take the lock otherwise: without RCU, writers edit nodes in place.
 */
static void read_begin(struct maple_tree *mt)
{
	if (mt_in_rcu(mt))
		port_rcu_read_lock();
	else if (!mt_external_lock(mt))
		mtree_lock(mt);
}

static void read_end(struct maple_tree *mt)
{
	if (mt_in_rcu(mt))
		port_rcu_read_unlock();
	else if (!mt_external_lock(mt))
		mtree_unlock(mt);
}

void *mtree_load(struct maple_tree *mt, unsigned long index)
{
	void *root, *entry;

	read_begin(mt);
	root = mt_root(mt);
	if (mt_root_is_node(root))
		entry = mt_walk_load(root, index);
	else
		entry = index ? NULL : root;
	read_end(mt);
	return xa_is_zero(entry) ? NULL : entry;
}

void mtree_load_many(struct maple_tree *mt, const unsigned long *index, void **entry, unsigned int nr)
{
	void *root;

	read_begin(mt);
	root = mt_root(mt);
	if (mt_root_is_node(root)) {
		for (unsigned int i = 0; i < nr; i += MT_BATCH)
			mt_walk_load_many(root, index + i, entry + i, nr - i < MT_BATCH ? nr - i : MT_BATCH);
	} else {
		for (unsigned int i = 0; i < nr; i++)
			entry[i] = index[i] ? NULL : root;
	}
	read_end(mt);
	for (unsigned int i = 0; i < nr; i++)
		entry[i] = xa_is_zero(entry[i]) ? NULL : entry[i];
}

int mtree_store_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	int ret;

	if (first > last || (mt_is_reserved(entry) && !xa_is_zero(entry)))
		return -EINVAL;
	mtree_lock(mt);
	ret = mt_put(mt, first, last, entry, gfp);
	mtree_unlock(mt);
	return ret;
}

int mtree_store(struct maple_tree *mt, unsigned long index, void *entry, gfp_t gfp)
{
	return mtree_store_range(mt, index, index, entry, gfp);
}

static int insert_locked(
	struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	MA_STATE(mas, mt, first, first);

	if (mas_walk(&mas) || mas.last < last)
		return -EEXIST;
	mas_set_range(&mas, first, last);
	return mas_store_gfp(&mas, entry, gfp);
}

int mtree_insert_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	int ret;

	if (first > last || (mt_is_reserved(entry) && !xa_is_zero(entry)))
		return -EINVAL;
	mtree_lock(mt);
	ret = insert_locked(mt, first, last, entry, gfp);
	mtree_unlock(mt);
	return ret;
}

int mtree_insert(struct maple_tree *mt, unsigned long index, void *entry, gfp_t gfp)
{
	return mtree_insert_range(mt, index, index, entry, gfp);
}

void *mtree_erase(struct maple_tree *mt, unsigned long index)
{
	MA_STATE(mas, mt, index, index);
	void *entry;

	mtree_lock(mt);
	entry = mas_erase(&mas);
	mtree_unlock(mt);
	return entry;
}

static int alloc_run(struct ma_state *mas, unsigned long *startp, void *entry, gfp_t gfp)
{
	int ret = mas_store_gfp(mas, entry, gfp);

	if (ret == 0)
		*startp = mas->index;
	return ret;
}

typedef int find_gap_fn(struct ma_state *mas, unsigned long min, unsigned long max, unsigned long size);

/* What is to be allocated, and where. */
struct allocation {
	void *entry;
	unsigned long size, min, max;
	gfp_t gfp;
};

static int alloc_where(
	struct maple_tree *mt, unsigned long *startp, const struct allocation *a, find_gap_fn *find)
{
	MA_STATE(mas, mt, 0, 0);
	int ret;

	if (mt_is_reserved(a->entry))
		return -EINVAL;
	mtree_lock(mt);
	ret = find(&mas, a->min, a->max, a->size);
	if (ret == 0)
		ret = alloc_run(&mas, startp, a->entry, a->gfp);
	mtree_unlock(mt);
	return ret;
}

int mtree_alloc_range(struct maple_tree *mt, unsigned long *startp, void *entry, unsigned long size,
	unsigned long min, unsigned long max, gfp_t gfp)
{
	return alloc_where(mt, startp, &(struct allocation){ entry, size, min, max, gfp }, mas_empty_area);
}

int mtree_alloc_rrange(struct maple_tree *mt, unsigned long *startp, void *entry, unsigned long size,
	unsigned long min, unsigned long max, gfp_t gfp)
{
	return alloc_where(
		mt, startp, &(struct allocation){ entry, size, min, max, gfp }, mas_empty_area_rev);
}

int mas_alloc_cyclic(struct ma_state *mas, unsigned long *startp, void *entry, unsigned long lo,
	unsigned long hi, unsigned long *next, gfp_t gfp)
{
	struct maple_tree *mt = mas->tree;
	unsigned long from = *next > lo ? *next : lo;
	int wrapped = 0, ret;

	if (mt_is_reserved(entry))
		return -EINVAL;
	ret = mas_empty_area(mas, from, hi, 1);
	if (ret < 0 && from > lo) {
		wrapped = 1;
		ret = mas_empty_area(mas, lo, hi, 1);
	}
	if (ret == 0)
		ret = alloc_run(mas, startp, entry, gfp);
	if (ret < 0)
		return ret;
	if (mt->ma_flags & MT_FLAGS_ALLOC_WRAPPED)
		wrapped = 1;
	*next = *startp + 1;
	change_flags(mt, MT_FLAGS_ALLOC_WRAPPED, *next == 0 ? MT_FLAGS_ALLOC_WRAPPED : 0);
	return wrapped;
}

int mtree_alloc_cyclic(struct maple_tree *mt, unsigned long *startp, void *entry, unsigned long lo,
	unsigned long hi, unsigned long *next, gfp_t gfp)
{
	MA_STATE(mas, mt, 0, 0);
	int ret;

	mtree_lock(mt);
	ret = mas_alloc_cyclic(&mas, startp, entry, lo, hi, next, gfp);
	mtree_unlock(mt);
	return ret;
}

void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	MA_STATE(mas, mt, *index, *index);
	void *entry;

	if (*index > max)
		return NULL;
	read_begin(mt);
	entry = mas_find(&mas, max);
	while (xa_is_zero(entry))
		entry = mas_find(&mas, max);
	read_end(mt);
	if (entry)
		*index = mas.last + 1;
	return entry;
}

void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	return *index ? mt_find(mt, index, max) : NULL;
}

void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max)
{
	MA_STATE(mas, mt, index, index);
	void *entry;

	read_begin(mt);
	entry = mas_next(&mas, max);
	read_end(mt);
	return xa_is_zero(entry) ? NULL : entry;
}

void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min)
{
	MA_STATE(mas, mt, index, index);
	void *entry;

	read_begin(mt);
	entry = mas_prev(&mas, min);
	read_end(mt);
	return xa_is_zero(entry) ? NULL : entry;
}
