/* SPDX-License-Identifier: MIT */
/*
 * The parts of a store: which kind it is (plan.c), how a leaf is edited (edit.c); the theory is in write.c.
 */
#ifndef MAPLE_WRITE_H
#define MAPLE_WRITE_H

#include "leaf.h"

/* Which kind of store it is (theory, 2), found out before anything changes. */
enum store_kind {
	STORE_NOTHING,
	STORE_EXACT,
	STORE_LEAF,
	STORE_APPEND,
	STORE_SHRINK,
	STORE_SPLIT,
	STORE_LEAVES,
	STORE_REBUILD
};

/* What a quick store does to its leaf (quick.c): it meets areas [from, to), erased ones among them. */
struct quick {
	unsigned char from, to;
	unsigned char gone; /* entries among them */
	unsigned char live; /* entries of the leaf afterwards */
	signed char more;   /* places that the leaf needs in addition */
	bool left, right;   /* something is left over of area from, of area to - 1 */
};

struct plan {
	enum store_kind kind;
	unsigned int exact; /* the area, for STORE_EXACT */
	struct mt_splice splice;
	struct quick quick; /* of mt_prepare_put(), which knows nothing of what stands above */
	/* Kept for later: where the path led, NULL when there was none, and when. */
	const struct mt_leaf *leaf;
	unsigned long gen;
};

_Static_assert(sizeof(struct plan) <= sizeof(struct mt_plan), "users have room for a plan");

/* plan.c: which kind it is, for a tree that has nodes; @path leads to the first index. Changes nothing. */
void mt_plan_store(struct plan *p, const struct mt_store *store, const struct mt_path *path);

/* Does anybody know the gap of the leaf of @path? (MT7) */
static inline bool mt_gap_is_known(const struct maple_tree *mt, const struct mt_path *path)
{
	return (mt->ma_flags & MT_FLAGS_ALLOC_RANGE) && path->height > 1 && path->max != ULONG_MAX;
}
/*
 * Are stores made as beside readers: in a node that nobody sees yet, or in one slot? With -DVMAPLE_SMALL in every tree, so
 * that there is one way for each store, and what is quicker without readers is not there at all.
 */
#ifdef VMAPLE_SMALL
#define MT_SMALL true
#else
#define MT_SMALL false
#endif
static inline bool mt_stores_copy(const struct maple_tree *mt)
{
	return MT_SMALL || mt_in_rcu(mt);
}
/* Are gaps that are too long left to the next search, which is the writer's then (gap.c, 3)? */
static inline bool mt_search_mends(const struct maple_tree *mt)
{
	return !mt_in_rcu(mt) || mt_external_lock(mt);
}
/* May @store, which is carried out in the leaf of @path, change what is known of its gap? (MT7) */
static inline bool mt_gap_may_change(const struct mt_store *store, const struct mt_path *path)
{
	return mt_gap_is_known(store->mt, path) && (!store->entry || !mt_search_mends(store->mt));
}
/* edit.c: the leaf of @path, whose gap is known, has been changed by @store; @hole as explained there. */
void mt_gap_changed(struct mt_path *path, const struct mt_store *store, unsigned long hole);

/* A path that is known leads through them. */
static inline bool mt_has_nodes(const struct maple_tree *mt)
{
	return mt->ma_path.height || mt_root_is_node(mt->ma_root);
}

/* Without RCU: is area @i of @leaf, to which @path leads, the last of all, and has been stored? The next may well follow. */
static inline bool mt_is_tail(
	const struct mt_store *store, const struct mt_path *path, const struct mt_leaf *leaf, unsigned int i)
{
	return path->max == ULONG_MAX && i + 1 == leaf->nr && store->entry;
}

/*
 * quick.c: the store, if it is one of those that need no plan. @path leads to its first index. Not in RCU mode.
 * @return false: it is not, and nothing has changed.
 */
bool mt_store_quickly(struct mt_store *store, struct mt_path *path);
/*
 * quick.c: of the leaf of @path, if it is full or nearly so, erased areas go; cursors have no place there any more.
 * @return false: there are none, and nothing has changed.
 */
bool mt_squeeze_full(struct maple_tree *mt, struct mt_path *path);
/* write.c: mt_put() of any store. */
int mt_put_any(struct mt_store *store, gfp_t gfp);

/* edit.c: carry out a planned store; the path's leaf may be another one afterwards. */
void mt_store_in_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s);
/* edit.c: the same, of one slot. */
void mt_store_exactly(struct mt_store *store, struct mt_path *path, unsigned int i);
/* edit.c: what the leaf ends with goes; the path is no more. */
void mt_shrink_leaf(struct mt_store *store, struct mt_path *path, const struct mt_splice *s);
void mt_append_leaf(struct mt_store *store, struct mt_path *path);
/* edit.c: the layout of the leaf that mt_append_leaf() makes. */
unsigned long mt_appended_layout(const struct mt_store *store, const struct mt_path *path);

/* split.c: may the full leaf of @path be cut in two where it is? */
bool mt_can_split(const struct mt_store *store, const struct mt_path *path);
/* split.c: set aside what that takes. 0 or -ENOMEM. */
int mt_reserve_split(struct ma_state *mas, const struct mt_path *path, gfp_t gfp) __must_check;
/* split.c: carry out a store into it, as planned for one leaf; the path is no more. */
void mt_split_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s);
/*
 * split.c: the same ahead of a change at the writer's place, @first, of which a leaf has bounds up to @last: the path leads
 * into the half that has the area there, and that leaf has room.  @return 1; 0: it cannot be; or -ENOMEM: nothing has changed.
 */
int mt_split_ahead(struct maple_tree *mt, unsigned long first, unsigned long last, gfp_t gfp) __must_check;

#endif /* MAPLE_WRITE_H */
