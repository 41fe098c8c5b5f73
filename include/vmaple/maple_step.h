/* SPDX-License-Identifier: MIT */
/**
 * @file maple_step.h
 * The step of a loop over a maple tree, inline: part of <vmaple/maple_tree.h>.
 *
 * From one entry to the next of the same leaf is a dozen loads and no call. All that a loop must ask on the way is
 * here: is the cursor where it was left, has the tree been written, does the next place hold an entry, does it begin at
 * or below the limit?  Where any answer is no, mas_find() finds out.  The layout of a leaf is the library's own affair
 * (lib/trees/maple/leaf.h), and stands here only so that the step can be compiled into the loop.
 */
#include <vmaple/maple_tree.h> /* which has this header in its midst: whoever comes first */

#ifndef VMAPLE_MAPLE_STEP_H
#define VMAPLE_MAPLE_STEP_H

#define MT_LEAF_AREAS  30
#define MT_LEAF_LAYOUT 63UL /* the low bits of a leaf's base: the shift of its units, or MT_LEAF_WIDE */
#define MT_LEAF_WIDE   63UL

/** What a leaf of each layout has of its areas. Private. */
struct mt_leaf_narrow {
	int end[MT_LEAF_AREAS], start[MT_LEAF_AREAS];
};
struct mt_leaf_wide {
	unsigned long end[MT_LEAF_AREAS];
};

/** A leaf. Private. */
struct mt_leaf {
	unsigned long base; /* and the layout: MT_LEAF_LAYOUT */
	union {
		struct mt_leaf_narrow narrow;
		struct mt_leaf_wide wide;
	};
	int after;              /* as an unused bound: where narrow.start[MT_LEAF_AREAS] would be */
	unsigned char nr, live; /* areas, and how many of them have an entry */
	unsigned char unused[2];
	void *slot[MT_LEAF_AREAS + 2]; /* the last two are NULL: a step needs no count */
};

/** Where a wide leaf begins its areas: behind what a narrow one is. Private. */
static inline const unsigned long *mt_leaf_wide_start(const struct mt_leaf *leaf)
{
	return (const unsigned long *)(leaf + 1);
}

/**
 * From an entry to the next of the same leaf, where that is the next place and begins at or below @p max. Private.
 * @return it; NULL: the cursor is as it was, and mas_find() knows more.
 *
 * A leaf that readers can reach changes only in its slots, by one store each (docs/maple-tree.md, 6); the acquire, on
 * x86 a plain load, makes what an entry points to visible, as in mas_find().
 */
static inline void *mas_step_in_leaf(struct ma_state *mas, unsigned long max)
{
	uintptr_t place = (uintptr_t)mas->node;
	const struct mt_leaf *leaf = (const struct mt_leaf *)(place & ~(uintptr_t)63);
	unsigned long next = place % 64 / 2 + 1, first, base, layout, last;
	void *entry;

	if (mas->status != ma_active || mas->last != mas->here ||
		mas->step != __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE))
		return NULL;
	entry = __atomic_load_n(&leaf->slot[next], __ATOMIC_ACQUIRE);
	if (!entry)
		return NULL;
	layout = leaf->base & MT_LEAF_LAYOUT;
	if (layout ==
		MT_LEAF_WIDE) { /* as most leaves of a small process are: its heap lies far from the rest */
		first = mt_leaf_wide_start(leaf)[next];
		last = leaf->wide.end[next];
	} else {
		base = leaf->base & ~MT_LEAF_LAYOUT;
		first = base + ((unsigned long)leaf->narrow.start[next] << layout);
		last = base + (((unsigned long)leaf->narrow.end[next] + 1) << layout) - 1;
	}
	if (first > max)
		return NULL;
	mas->index = first;
	mas->last = mas->here = last;
	mas->node = (struct maple_enode *)(place + 2);
	return entry;
}

/** As mas_find(); what mas_for_each() calls. */
static inline void *mas_find_step(struct ma_state *mas, unsigned long max)
{
	void *entry = mas_step_in_leaf(mas, max);

	return entry ? entry : mas_find(mas, max);
}

/**
 * As mas_walk() to @p index, for who keeps a cursor and asks again and again about the same areas, as faults and samples do:
 * where @p index lies in the entry that the cursor is on, and nothing has been stored since it came there, without a way down.
 *
 * The cursor is as the last call left it, its index and last too. Between two calls the lock is kept or, in RCU mode, the
 * read-side section; mas_reset() comes before the first call in another one. Beside a writer the entry is one that was there
 * during the section. Cost: some ten instructions in the caller's loop, or those of mas_walk().
 */
static inline void *mas_look_near(struct ma_state *mas, unsigned long index)
{
	uintptr_t place = (uintptr_t)mas->node;
	const struct mt_leaf *leaf = (const struct mt_leaf *)(place & ~(uintptr_t)63);
	void *entry;

	if (mas->status == ma_active && index - mas->index <= mas->last - mas->index &&
		mas->step == __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE)) {
		entry = __atomic_load_n(&leaf->slot[place % 64 / 2], __ATOMIC_ACQUIRE);
		if (entry)
			return entry;
	}
	mas_set(mas, index);
	return mas_walk(mas);
}

/**
 * The entry at the place where the writer's last look or store ended, and what stands beside it in its leaf. Private.
 * @return it; NULL: there is no such place, or it has no entry, or one side is another leaf's or an erased area's.
 *
 * The places behind a leaf's areas are NULL.
 */
static inline void *mt_writer_place(const struct maple_tree *mt, void **before, void **after)
{
	const struct mt_path *path = &mt->ma_path;
	const struct mt_leaf *leaf;
	unsigned int i;

	if (!path->height)
		return NULL;
	leaf = (const struct mt_leaf *)path->node[path->height - 1];
	i = path->offset[path->height - 1];
	if (!i || !leaf->slot[i - 1] || !leaf->slot[i + 1])
		return NULL;
	*before = leaf->slot[i - 1];
	*after = leaf->slot[i + 1];
	return leaf->slot[i];
}

/** As mt_writer_look(): mostly the last look or store has been for the same index. */
static inline void *mt_writer_look_step(
	struct maple_tree *mt, unsigned long index, void **before, void **after)
{
	void *entry = mt->ma_path.index == index ? mt_writer_place(mt, before, after) : NULL;

	return entry ? entry : mt_writer_look(mt, index, before, after);
}

/**
 * The first entry at or above @p index that stands in its leaf: a look for who asks for nothing else. Private.
 * @return it; NULL: mt_writer_look() knows more.
 */
static inline void *mt_writer_next(struct maple_tree *mt, unsigned long index)
{
	const struct mt_path *path = &mt->ma_path;
	unsigned int level;

	if (path->index != index || !path->height)
		mt_writer_seek(mt, index);
	if (!path->height)
		return NULL;
	level = path->height - 1U;
	return ((const struct mt_leaf *)path->node[level])->slot[path->offset[level]];
}

/** mt_writer_look_step() for an @p entry that is nowhere else in the tree, and begins at @p index. */
static inline void mt_writer_beside(
	struct maple_tree *mt, unsigned long index, const void *entry, void **before, void **after)
{
	if (mt_writer_place(mt, before, after) != entry)
		(void)mt_writer_look(mt, index, before, after);
}

/**
 * For the writer, whose next call is about @p index: it lies in the area whose entry is @p after, or, where @p before is
 * not NULL, in the hole between the two. No other area has either. If they stand where the last call was, or beside
 * that, the next one need not search: a dozen instructions instead of 70 (callgrind).
 */
static inline void mt_writer_near(
	struct maple_tree *mt, unsigned long index, const void *before, const void *after)
{
	struct mt_path *path = &mt->ma_path;
	unsigned int level = path->height - 1U, i;
	const struct mt_leaf *leaf;

	if (!path->height)
		return;
	leaf = (const struct mt_leaf *)path->node[level];
	i = path->offset[level];
	if (leaf->slot[i] != after) {
		if (leaf->slot[i + 1] == after)
			i++;
		else if (i && leaf->slot[i - 1] == after)
			i--;
		else
			return;
	}
	if (before && (!i || leaf->slot[i - 1] != before))
		return;
	path->offset[level] = (unsigned char)i;
	path->index = index;
}

/**
 * The writer's leaf, and the place there of the area at @p index, if the last call was about that index. Private.
 * @return NULL: it was not.
 */
static inline struct mt_leaf *mt_known_place(
	const struct maple_tree *mt, unsigned long index, unsigned int *i)
{
	const struct mt_path *path = &mt->ma_path;

	if (!path->height || path->index != index)
		return NULL;
	*i = path->offset[path->height - 1];
	return (struct mt_leaf *)path->node[path->height - 1];
}

/** The same where areas are changed where they are. Private. */
static inline struct mt_leaf *mt_known_place_to_change(
	const struct maple_tree *mt, unsigned long index, unsigned int *i)
{
#ifdef VMAPLE_SMALL
	const bool small = true;
#else
	const bool small = false;
#endif
	return small || mt_in_rcu(mt) ? NULL : mt_known_place(mt, index, i);
}

/** The writer has changed its leaf: place @p i is that of @p index. Private. */
static inline void mt_place_changed(struct maple_tree *mt, unsigned long index, unsigned int i)
{
	__atomic_store_n(&mt->ma_gen, mt->ma_gen + 1, __ATOMIC_RELEASE);
	mt->ma_tail = NULL;
	mt->ma_path.index = index;
	mt->ma_path.offset[mt->ma_path.height - 1] = (unsigned char)i;
}

/** Can an area of the leaf begin at @p index, which lies within its areas? Private. */
static inline bool mt_leaf_may_begin(const struct mt_leaf *leaf, unsigned long index)
{
	unsigned long shift = leaf->base & MT_LEAF_LAYOUT;

	return shift == MT_LEAF_WIDE || !(index & ((1UL << shift) - 1));
}

/** mt_can_cut(), of the area at place i of the leaf. Private. */
static inline bool mt_leaf_takes_cut(const struct mt_leaf *leaf, unsigned long at)
{
	return leaf->nr < MT_LEAF_AREAS && mt_leaf_may_begin(leaf, at);
}

/** As mt_can_cut(), without a call where mt_writer_near() has found the place: as all that follow. Private. */
static inline int mt_can_cut_step(struct maple_tree *mt, unsigned long at)
{
	unsigned int i;
	const struct mt_leaf *leaf = mt_known_place_to_change(mt, at, &i);

	return leaf ? mt_leaf_takes_cut(leaf, at) : mt_can_cut(mt, at);
}

/** mt_can_move_border(), of that between places i - 1 and i. Private. */
static inline bool mt_leaf_has_border(
	const struct mt_leaf *leaf, unsigned int i, const void *left, const void *right, unsigned long border)
{
	return i && leaf->slot[i - 1] == left && leaf->slot[i] == right && mt_leaf_may_begin(leaf, border);
}

/** It moves there. Private. */
static inline void mt_leaf_move_border(struct mt_leaf *leaf, unsigned int i, unsigned long border)
{
	unsigned long layout = leaf->base & MT_LEAF_LAYOUT;

	if (layout == MT_LEAF_WIDE) {
		leaf->wide.end[i - 1] = border - 1;
		((unsigned long *)(leaf + 1))[i] = border;
	} else {
		int unit = (int)((border - (leaf->base & ~MT_LEAF_LAYOUT)) >> layout);

		leaf->narrow.end[i - 1] = unit - 1;
		leaf->narrow.start[i] = unit;
	}
}

/** As mt_can_move_border(). Private. */
static inline bool mt_can_move_border_step(
	struct maple_tree *mt, const void *left, const void *right, unsigned long from, unsigned long border)
{
	unsigned int i;
	const struct mt_leaf *leaf = mt_known_place_to_change(mt, from, &i);

	return leaf ? mt_leaf_has_border(leaf, i, left, right, border)
		    : mt_can_move_border(mt, left, right, from, border);
}

/** As mt_move_border(). Private. */
static inline void mt_move_border_step(struct maple_tree *mt, unsigned long from, unsigned long border)
{
	unsigned int i;
	struct mt_leaf *leaf = mt_known_place_to_change(mt, from, &i);

	if (leaf) {
		mt_place_changed(mt, border, i);
		mt_leaf_move_border(leaf, i, border);
	} else {
		mt_move_border(mt, from, border);
	}
}

/**
 * For the writer: @p entry takes the place of @p gone, which begins at @p index, if that is where the last call was. Beside
 * readers, too: one slot. Private.
 */
static inline bool mt_put_over(struct maple_tree *mt, unsigned long index, const void *gone, void *entry)
{
	unsigned int i;
	struct mt_leaf *leaf = mt_known_place(mt, index, &i);

	if (!leaf || leaf->slot[i] != gone)
		return false;
	mt_place_changed(mt, index, i);
	__atomic_store_n(&leaf->slot[i], entry, __ATOMIC_RELEASE);
	return true;
}

#endif /* VMAPLE_MAPLE_STEP_H */
