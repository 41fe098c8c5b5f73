/* SPDX-License-Identifier: MIT */
/*
 * Cursors and iteration: theory of operation
 *
 * 1. Position.  A cursor is on the range [index, last]: an area with an entry, or a hole.  It also remembers the leaf
 *    and its place there, the way the leaf hangs in its parent, and the tree's write count at the time.  The
 *    place is 2i + 1 on area i, and 2i in the hole behind the i-th area, where erased areas do not count: the hole
 *    before the first has place 0.  The memory is trusted only while the count is the same and the leaf still
 *    says [index, last]; otherwise the cursor goes down from the root again.  So a cursor may be edited by hand
 *    between calls, and the tree may be changed through another.
 * 2. Steps.  To the next range of the same leaf costs a few instructions; past its end, a step through the parent;
 *    past the end of that, one walk from the root to the index after it.  In RCU mode the old leaf, and the old
 *    parent, stay whole until the reader's section ends, and show the tree as it was when the cursor came to them.
 * 3. States.  What happens at both ends, and how iteration is taken up again, is the kernel's documented
 *    behaviour: enum maple_status.
 */
#include "leaf.h"

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

/* Names the place in the remembered leaf for users: nodes lie 64 bytes apart at least. */
static inline void set_place(struct ma_state *mas, unsigned int place)
{
	mas->offset = (unsigned char)place;
	mas->node = (struct maple_enode *)((const char *)mas->leaf + place);
}

/* Onto area @i of the remembered leaf. */
static inline void on_area(struct ma_state *mas, unsigned int i)
{
	mas->index = leaf_start(mas->leaf, i);
	mas->last = leaf_end(mas->leaf, i);
	set_place(mas, area_place(i));
}

/*
 * Onto the range of the remembered leaf that holds @index; @i areas end below it. @return its entry.  A slot that reads
 * as NULL is part of the hole from then on, even if a writer fills it while the ends of the hole are looked for.
 */
static inline void *on_index(struct ma_state *mas, unsigned long index, unsigned int i)
{
	const struct mt_leaf *leaf = mas->leaf;
	bool covered = i < leaf->nr && leaf_start(leaf, i) <= index;
	void *entry = covered ? leaf_entry(leaf, i) : NULL;
	unsigned int before;

	if (entry) {
		on_area(mas, i);
		return entry;
	}
	before = leaf_live_before(leaf, i);
	mas->index = hole_first(leaf, before, mas->min);
	mas->last = hole_last(leaf, leaf_live_from(leaf, i + covered), mas->max);
	set_place(mas, hole_place(before));
	return NULL;
}

void *mas_descend(struct ma_state *mas, unsigned long index)
{
	unsigned long gen = __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE);
	void *root = mt_root(mas->tree);
	struct mt_position pos;

	mas->leaf = NULL;
	if (!mt_root_is_node(root)) {
		mas->index = root && index ? 1 : 0;
		mas->last = root && !index ? 0 : ULONG_MAX;
		mas->status = root && !index ? ma_root : ma_none;
		return mas->status == ma_root ? root : NULL;
	}
	mt_walk_position(root, index, &pos);
	mas->leaf = pos.leaf;
	mas->parent = pos.parent;
	mas->child = (unsigned char)pos.child;
	mas->min = pos.min;
	mas->max = pos.max;
	mas->gen = gen;
	mas->status = ma_active;
	return on_index(mas, index, pos.area);
}

/* Has no write begun since the position was taken? */
static inline bool is_fresh(const struct ma_state *mas)
{
	return mas->leaf && mas->gen == __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE);
}

/* Is the remembered position still that of [index, last]? */
static bool remembered(const struct ma_state *mas)
{
	const struct mt_leaf *leaf = mas->leaf;
	unsigned int i = mas->offset / 2;

	if (!is_fresh(mas))
		return false;
	if (is_area_place(mas->offset))
		return i < leaf->nr && mas->index == leaf_start(leaf, i) && mas->last == leaf_end(leaf, i);
	return i <= leaf->nr && mas->index == hole_first(leaf, i, mas->min) &&
	       mas->last == hole_last(leaf, leaf_live_from(leaf, i), mas->max);
}

void *mas_walk(struct ma_state *mas)
{
	return mas_descend(mas, mas->index);
}

/* Load what the next steps will read. */
static inline void prefetch_leaf(const void *leaf)
{
	for (unsigned int line = 0; line < POOL_LEAF_SIZE; line += 64)
		__builtin_prefetch((const char *)leaf + line);
}

/*
 * Into the leaf after the remembered one, if the parent knows it and where it ends. @return false when the way is by
 * the root.
 */
static inline bool enter_next_leaf(struct ma_state *mas)
{
	const struct mt_inner *parent = mas->parent;
	unsigned int child = mas->child + 1U;

	if (!parent || child + 1 >= parent->nr)
		return false;
	mas->leaf = mt_child(parent, child);
	mas->child = (unsigned char)child;
	mas->min = mas->max + 1;
	mas->max = parent->pivot[child];
	prefetch_leaf(mt_child(parent, child + 1));
	return true;
}

static inline bool enter_leaf_before(struct ma_state *mas)
{
	const struct mt_inner *parent = mas->parent;
	unsigned int child = mas->child - 1U;

	if (!parent || mas->child < 2)
		return false;
	mas->leaf = mt_child(parent, child);
	mas->child = (unsigned char)child;
	mas->max = mas->min - 1;
	mas->min = parent->pivot[child - 1] + 1;
	prefetch_leaf(mt_child(parent, child - 1));
	return true;
}

/* To the range after [index, last]; the caller knows that there is one. */
static void *step_forward(struct ma_state *mas)
{
	unsigned int i = (mas->offset + 1U) / 2;
	unsigned long index = mas->last + 1;
	const struct mt_leaf *leaf;

	if (!remembered(mas)) {
		PROBE3(maple_restart, mas->tree, index, mas->leaf);
		return mas_descend(mas, index);
	}
	if (mas->last == mas->max) {
		if (!enter_next_leaf(mas))
			return mas_descend(mas, index);
		i = 0;
	}
	leaf = mas->leaf;
	while (i < leaf->nr && leaf_end(leaf, i) < index)
		i++;
	return on_index(mas, index, i);
}

static void *step_back(struct ma_state *mas)
{
	unsigned int i = mas->offset / 2;
	unsigned long index = mas->index - 1;
	const struct mt_leaf *leaf = mas->leaf;

	if (!remembered(mas)) {
		PROBE3(maple_restart, mas->tree, index, mas->leaf);
		return mas_descend(mas, index);
	}
	if (mas->index == mas->min) {
		if (!enter_leaf_before(mas))
			return mas_descend(mas, index);
		leaf = mas->leaf;
		i = leaf->nr;
	}
	while (i && leaf_end(leaf, i - 1) >= index)
		i--;
	return on_index(mas, index, i);
}

/*
 * From an area to the next entry of the same leaf, if that begins at or below @max; otherwise the cursor stays. This is the step of a loop over a tree: it calls nothing, and loads the form of the leaf once.
 */
static inline __attribute__((always_inline)) void *next_in_leaf(struct ma_state *mas, unsigned long max)
{
	const struct mt_leaf *leaf = mas->leaf;
	unsigned int i = mas->offset / 2;
	unsigned long form, start;
	void *entry = NULL;

	if (!is_fresh(mas) || !is_area_place(mas->offset))
		return NULL;
	form = leaf->base;
	if (mas->index != form_start(leaf, form, i) || mas->last != form_end(leaf, form, i))
		return NULL;
	while (!entry && ++i < leaf->nr)
		entry = leaf_entry(leaf, i);
	if (!entry)
		return NULL;
	start = form_start(leaf, form, i);
	if (start > max)
		return NULL;
	mas->index = start;
	mas->last = form_end(leaf, form, i);
	set_place(mas, area_place(i));
	return entry;
}

/* The same from the last area of a leaf to the first entry of the next one. */
static void *first_in_next_leaf(struct ma_state *mas, unsigned long max)
{
	struct ma_state next = { .leaf = mas->leaf,
		.parent = mas->parent,
		.child = mas->child,
		.min = mas->min,
		.max = mas->max };
	unsigned int i;
	void *entry;

	if (mas->last != mas->max || !remembered(mas) || !enter_next_leaf(&next))
		return NULL;
	i = leaf_live_from(next.leaf, 0);
	entry = i < ((const struct mt_leaf *)next.leaf)->nr ? leaf_entry(next.leaf, i) : NULL;
	if (!entry || leaf_start(next.leaf, i) > max)
		return NULL;
	mas->leaf = next.leaf;
	mas->child = next.child;
	mas->min = next.min;
	mas->max = next.max;
	on_area(mas, i);
	return entry;
}

/* Go on to the next entry, or with @empty to the next range, that begins at or below @max. */
static void *next_slot(struct ma_state *mas, unsigned long max, bool empty)
{
	for (;;) {
		void *entry = empty ? NULL : next_in_leaf(mas, max);

		if (entry)
			return entry;
		if (mas->last >= max) {
			mas->status = ma_overflow;
			return NULL;
		}
		entry = step_forward(mas);
		if (entry || empty || !mas_is_active(mas))
			return entry;
	}
}

static void *prev_slot(struct ma_state *mas, unsigned long min, bool empty)
{
	for (;;) {
		void *entry;

		if (mas->index <= min) {
			mas->status = ma_underflow;
			return NULL;
		}
		entry = step_back(mas);
		if (entry || empty || !mas_is_active(mas))
			return entry;
	}
}

/* The cursor is beyond the only entry, [0, 0]. */
static void past_root(struct ma_state *mas)
{
	mas->index = 1;
	mas->last = ULONG_MAX;
	mas->status = ma_none;
}

/* Before a next: bring the cursor onto a range. @return true when @entry is already the answer. */
static bool next_setup(struct ma_state *mas, unsigned long max, void **entry)
{
	bool was_none = mas->status == ma_none;

	if (mas->last >= max) {
		mas->status = ma_overflow;
		return true;
	}
	switch (mas->status) {
	case ma_active:
		return false;
	case ma_none:
	case ma_pause:
	case ma_start:
		(void)mas_walk(mas);
		break;
	case ma_overflow: /* there is more room now */
		mas->status = ma_active;
		break;
	case ma_underflow: /* the cursor stands before what it is on */
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		break;
	case ma_root:
		break;
	case ma_error:
		return true;
	}
	if (mas->status == ma_root) {
		if (!was_none || mas->index)
			past_root(mas);
		return true;
	}
	return mas->status == ma_none;
}

void *mas_next(struct ma_state *mas, unsigned long max)
{
	void *entry = NULL;

	return next_setup(mas, max, &entry) ? entry : next_slot(mas, max, false);
}

void *mas_next_range(struct ma_state *mas, unsigned long max)
{
	void *entry = NULL;

	return next_setup(mas, max, &entry) ? entry : next_slot(mas, max, true);
}

/*
 * The cursor has come down to index 0 of a tree without nodes: on its entry, if there is one. In RCU mode the tree
 * may have got nodes since the cursor came by; the entry is then in one of them.
 */
static void *at_root(struct ma_state *mas)
{
	void *root = mt_root(mas->tree);

	if (mt_root_is_node(root))
		return mas_descend(mas, 0);
	mas->index = mas->last = 0;
	mas->status = ma_root;
	return root;
}

static bool prev_setup(struct ma_state *mas, unsigned long min, void **entry)
{
	if (mas->index <= min) {
		mas->status = ma_underflow;
		return true;
	}
	switch (mas->status) {
	case ma_active:
		return false;
	case ma_none:
	case ma_pause:
	case ma_start:
		(void)mas_walk(mas);
		break;
	case ma_underflow: /* there is more room now */
		mas->status = ma_active;
		break;
	case ma_overflow: /* the cursor stands after what it is on */
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		break;
	case ma_root:
		break;
	case ma_error:
		return true;
	}
	if (mas_is_active(mas))
		return false;
	if (mas->index) /* beyond the only entry, [0, 0] */
		*entry = at_root(mas);
	return true;
}

void *mas_prev(struct ma_state *mas, unsigned long min)
{
	void *entry = NULL;

	return prev_setup(mas, min, &entry) ? entry : prev_slot(mas, min, false);
}

void *mas_prev_range(struct ma_state *mas, unsigned long min)
{
	void *entry = NULL;

	return prev_setup(mas, min, &entry) ? entry : prev_slot(mas, min, true);
}

/* Before a find: true when the search ends here, with @entry. */
static bool find_setup(struct ma_state *mas, unsigned long max, void **entry)
{
	switch (mas->status) {
	case ma_active:
		return mas->last >= max;
	case ma_start:
		break;
	case ma_pause:
		if (mas->last >= max)
			return true;
		mas->index = ++mas->last;
		mas->status = ma_start;
		break;
	case ma_none:
		if (mas->last >= max)
			return true;
		mas->index = mas->last;
		mas->status = ma_start;
		break;
	case ma_underflow:
		if (mas->index >= max) {
			mas->status = ma_overflow;
			return true;
		}
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		break;
	case ma_overflow:
		if (mas->last >= max)
			return true;
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		break;
	case ma_root:
		break;
	case ma_error:
		return true;
	}
	if (mas->status == ma_start) {
		if (mas->index > max)
			return true;
		*entry = mas_walk(mas);
		if (*entry)
			return true;
	}
	if (mas->status == ma_root) {
		past_root(mas);
		return true;
	}
	return mas->status == ma_none || mas->index == max;
}

static __attribute__((noinline)) void *find_from_setup(struct ma_state *mas, unsigned long max)
{
	void *entry = NULL;

	if (mas_is_active(mas))
		entry = first_in_next_leaf(mas, max);
	if (entry || find_setup(mas, max, &entry))
		return entry;
	entry = next_slot(mas, max, false);
	mas->status = ma_active;
	return entry;
}

void *mas_find(struct ma_state *mas, unsigned long max)
{
	void *entry = mas_is_active(mas) ? next_in_leaf(mas, max) : NULL;

	return entry ? entry : find_from_setup(mas, max);
}

void *mas_find_range(struct ma_state *mas, unsigned long max)
{
	void *entry = NULL;

	return find_setup(mas, max, &entry) ? entry : next_slot(mas, max, true);
}

static bool find_rev_setup(struct ma_state *mas, unsigned long min, void **entry)
{
	switch (mas->status) {
	case ma_active:
		return mas->index < min;
	case ma_start:
		break;
	case ma_pause:
		if (mas->index <= min) {
			mas->status = ma_underflow;
			return true;
		}
		mas->last = --mas->index;
		mas->status = ma_start;
		break;
	case ma_none:
		if (mas->index <= min)
			return true;
		mas->last = mas->index;
		mas->status = ma_start;
		break;
	case ma_overflow:
		if (mas->index <= min) {
			mas->status = ma_underflow;
			return true;
		}
		mas->status = ma_active;
		break;
	case ma_underflow:
		if (mas->index <= min)
			return true;
		mas->status = ma_active;
		break;
	case ma_root:
		break;
	case ma_error:
		return true;
	}
	if (mas->status == ma_start) {
		if (mas->index < min)
			return true;
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		if (mas->status == ma_none) {
			*entry = at_root(mas);
			return true;
		}
	}
	if (mas->status == ma_root) {
		mas->status = ma_none;
		return true;
	}
	return mas->index < min;
}

void *mas_find_rev(struct ma_state *mas, unsigned long min)
{
	void *entry = NULL;

	return find_rev_setup(mas, min, &entry) ? entry : prev_slot(mas, min, false);
}

void *mas_find_range_rev(struct ma_state *mas, unsigned long min)
{
	void *entry = NULL;

	return find_rev_setup(mas, min, &entry) ? entry : prev_slot(mas, min, true);
}

void mas_pause(struct ma_state *mas)
{
	mas->status = ma_pause;
	mas->leaf = NULL;
}
