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
	STORE_SPLIT,
	STORE_LEAVES,
	STORE_REBUILD
};

struct plan {
	enum store_kind kind;
	unsigned int exact; /* the area, for STORE_EXACT */
	struct mt_splice splice;
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
/* edit.c: the leaf of @path, whose gap is known, has been changed by @store; @hole as explained there. */
void mt_gap_changed(struct mt_path *path, const struct mt_store *store, unsigned long hole);

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
/* quick.c: is it one of them? */
bool mt_is_quick(const struct mt_store *store, const struct mt_path *path);

/* edit.c: carry out a planned store; the path's leaf may be another one afterwards. */
void mt_store_in_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s);
/* edit.c: the same, of one slot. */
void mt_store_exactly(struct mt_store *store, struct mt_path *path, unsigned int i);
void mt_append_leaf(struct mt_store *store, struct mt_path *path);
/* edit.c: the layout of the leaf that mt_append_leaf() makes. */
unsigned long mt_appended_layout(const struct mt_store *store, const struct mt_path *path);

/* split.c: may the full leaf of @path be cut in two where it is? */
bool mt_can_split(const struct mt_store *store, const struct mt_path *path);
/* split.c: carry out a store into it, as planned for one leaf; the path is no more. */
void mt_split_leaf(struct mt_store *store, struct mt_path *path, struct mt_splice *s);

#endif /* MAPLE_WRITE_H */
