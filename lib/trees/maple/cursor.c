/* SPDX-License-Identifier: MIT */
/*
 * Cursors: theory of operation
 *
 * 1. Position.  A cursor is on the range [index, last]: an area with an entry, or a hole.  It also remembers the leaf
 *    and its place there, the way the leaf hangs in its parent, and the tree's write count at the time.  The
 *    place is 2i + 1 on area i, and 2i in the hole behind the i-th area, where erased areas do not count: the hole
 *    before the first has place 0.  The memory is trusted only while the count is the same and the leaf still
 *    says [index, last]; otherwise the cursor goes down from the root again.  So a cursor may be edited by hand
 *    between calls, and the tree may be changed through another.  Forwards `last` alone says where to go on.
 * 2. Steps.  To the next entry of the same leaf costs some thirty instructions in the caller's loop, where the next
 *    place is not erased: mas_step_in_leaf() in <vmaple/maple_step.h>, which `step` says may be tried.
 *    To the next range of the leaf otherwise some more; past its end, a step through the parent; past the end of that,
 *    one walk from the root to the index after it.  In RCU mode the old leaf, and the old parent, stay whole until
 *    the reader's section ends, and show the tree as it was when the cursor came to them.
 * 3. Prefetching.  A leaf in order is left behind in less time than the next one takes to come from memory: two ahead
 *    are asked for.
 */
#include "cursor.h"

/* The place of area @i, and of the hole behind the first @i areas. */
static inline unsigned int area_place(unsigned int i)
{
	return 2 * i + 1;
}

static inline unsigned int hole_place(unsigned int i)
{
	return 2 * i;
}

static inline bool is_area_place(unsigned int place)
{
	return place & 1;
}

static inline unsigned int mas_place(const struct ma_state *mas)
{
	return (uintptr_t)mas->node & 63;
}

static inline void set_place(struct ma_state *mas, const struct mt_leaf *leaf, unsigned int place)
{
	mas->node = (struct maple_enode *)((const char *)leaf + place);
}

/* Onto area @i of @leaf. */
static inline void on_area(struct ma_state *mas, const struct mt_leaf *leaf, unsigned int i)
{
	unsigned long layout = leaf->base;

	mas->index = layout_start(leaf, layout, i);
	mas->last = mas->here = layout_end(leaf, layout, i);
	mas->step = mas->gen;
	set_place(mas, leaf, area_place(i));
}

/*
 * Onto the range of @leaf that holds @index; @i areas end below it. @return its entry.  A slot that reads as NULL is
 * part of the hole from then on, even if a writer fills it while the ends of the hole are looked for.
 */
static inline void *on_index(
	struct ma_state *mas, const struct mt_leaf *leaf, unsigned long index, unsigned int i)
{
	bool covered = i < leaf->nr && leaf_start(leaf, i) <= index;
	void *entry = covered ? leaf_entry(leaf, i) : NULL;
	unsigned int before;

	if (entry) {
		on_area(mas, leaf, i);
		return entry;
	}
	before = leaf_live_before(leaf, i);
	mas->index = hole_first(leaf, before, mas->min);
	mas->last = mas->here = hole_last(leaf, leaf_live_from(leaf, i + covered), mas->max);
	mas->step = MT_NO_STEP;
	set_place(mas, leaf, hole_place(before));
	return NULL;
}

void *mas_descend(struct ma_state *mas, unsigned long index)
{
	unsigned long gen = __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE);
	void *root = mt_root(mas->tree);
	struct mt_position pos;

	mas_forget(mas);
	if (!mt_root_is_node(root)) {
		mas->index = root && index ? 1 : 0;
		mas->last = root && !index ? 0 : ULONG_MAX;
		mas->status = root && !index ? ma_root : ma_none;
		return mas->status == ma_root ? root : NULL;
	}
	mt_walk_position(root, index, &pos);
	mas->parent = pos.parent;
	mas->child = (unsigned char)pos.child;
	mas->min = pos.min;
	mas->max = pos.max;
	mas->gen = gen;
	mas->status = ma_active;
	return on_index(mas, pos.leaf, index, pos.area);
}

/* Has no write begun since the position was taken? */
static inline bool is_fresh(const struct ma_state *mas)
{
	return mas->node && mas->gen == __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE);
}

/* Is the remembered position still that of [index, last]? */
static bool remembered(const struct ma_state *mas)
{
	const struct mt_leaf *leaf = mas_leaf(mas);
	unsigned int i = mas_place(mas) / 2;

	if (!is_fresh(mas))
		return false;
	if (is_area_place(mas_place(mas)))
		return i < leaf->nr && mas->index == leaf_start(leaf, i) && mas->last == leaf_end(leaf, i);
	return i <= leaf->nr && mas->index == hole_first(leaf, i, mas->min) &&
	       mas->last == hole_last(leaf, leaf_live_from(leaf, i), mas->max);
}

bool mas_replace(struct ma_state *mas, void *entry, void **old)
{
	const struct mt_leaf *leaf = mas_leaf(mas);
	void **slot;

	if (!leaf || !is_area_place(mas_place(mas)) || !remembered(mas))
		return false;
	slot = (void **)&leaf->slot[mas_place(mas) / 2];
	if (old)
		*old = *slot;
	mt_publish(slot, entry);
	mas->status = ma_active; /* a limit may have stopped it here */
	return true;
}

void *mas_walk(struct ma_state *mas)
{
	return mas_descend(mas, mas->index);
}

/* Load what the steps through child @i of @parent will read, if there is one. */
static inline void prefetch_child(const struct mt_inner *parent, unsigned int i)
{
	if (i < parent->nr)
		leaf_prefetch_all(mt_child(parent, i));
}

/* The leaf after the one where the cursor is, if the parent knows it and its end. NULL: the way is by the root. */
static inline const struct mt_leaf *leaf_after(const struct ma_state *mas)
{
	const struct mt_inner *parent = mas->parent;
	unsigned int child = mas->child + 1U;

	return parent && child + 1 < parent->nr ? mt_child(parent, child) : NULL;
}

static inline const struct mt_leaf *leaf_before(const struct ma_state *mas)
{
	return mas->parent && mas->child >= 2 ? mt_child(mas->parent, mas->child - 1U) : NULL;
}

/* The cursor goes into that leaf: its bounds. */
static inline void enter_leaf_after(struct ma_state *mas)
{
	const struct mt_inner *parent = mas->parent;

	mas->child++;
	mas->min = mas->max + 1;
	mas->max = parent->pivot[mas->child];
	prefetch_child(parent, mas->child + 2U);
}

static inline void enter_leaf_before(struct ma_state *mas)
{
	const struct mt_inner *parent = mas->parent;

	mas->child--;
	mas->max = mas->min - 1;
	mas->min = parent->pivot[mas->child - 1] + 1;
	prefetch_child(parent, mas->child - 2U);
}

void *mas_step_forward(struct ma_state *mas)
{
	unsigned int i = (mas_place(mas) + 1U) / 2;
	unsigned long index = mas->last + 1;
	const struct mt_leaf *leaf = mas_leaf(mas);

	if (!remembered(mas)) {
		PROBE3(maple_restart, mas->tree, index, leaf);
		return mas_descend(mas, index);
	}
	if (mas->last == mas->max) {
		leaf = leaf_after(mas);
		if (!leaf)
			return mas_descend(mas, index);
		enter_leaf_after(mas);
		i = 0;
	}
	while (i < leaf->nr && leaf_end(leaf, i) < index)
		i++;
	return on_index(mas, leaf, index, i);
}

void *mas_step_back(struct ma_state *mas)
{
	unsigned int i = mas_place(mas) / 2;
	unsigned long index = mas->index - 1;
	const struct mt_leaf *leaf = mas_leaf(mas);

	if (!remembered(mas)) {
		PROBE3(maple_restart, mas->tree, index, leaf);
		return mas_descend(mas, index);
	}
	if (mas->index == mas->min) {
		leaf = leaf_before(mas);
		if (!leaf)
			return mas_descend(mas, index);
		enter_leaf_before(mas);
		i = leaf->nr;
	}
	while (i && leaf_end(leaf, i - 1) >= index)
		i--;
	return on_index(mas, leaf, index, i);
}

void *mas_step_to_next_leaf(struct ma_state *mas, unsigned long max)
{
	const struct mt_leaf *leaf;
	void *entry;

	if (!is_fresh(mas) || mas->last != mas->here || mas->last != mas->max)
		return NULL;
	leaf = leaf_after(mas);
	entry = leaf ? leaf_entry(leaf, 0) : NULL;
	if (!entry || leaf_start(leaf, 0) > max)
		return NULL;
	enter_leaf_after(mas);
	on_area(mas, leaf, 0);
	return entry;
}

void mas_pause(struct ma_state *mas)
{
	mas->status = ma_pause;
	mas_forget(mas);
}
