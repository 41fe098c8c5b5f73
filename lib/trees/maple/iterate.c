/* SPDX-License-Identifier: MIT */
/*
 * Cursors and iteration: theory of operation
 *
 * 1. Position.  A cursor is on the range [index, last].  It also remembers the leaf and offset where it found
 *    that range, and the tree's write count at the time.  The memory is trusted only while the count is the
 *    same and the leaf still says [index, last]; otherwise the cursor goes down from the root again.  So a
 *    cursor may be edited by hand between calls, and the tree may be changed through another.
 * 2. Steps.  To the next range of the same leaf costs a few instructions; past its end, one walk from the root
 *    to the index after it.  In RCU mode the old leaf stays whole until the reader's section ends, and shows
 *    the tree as it was when the cursor came to it.
 * 3. States.  What happens at both ends, and how iteration is taken up again, is the kernel's documented
 *    behaviour: enum maple_status.
 */
#include "node.h"

static void remember(struct ma_state *mas, const struct mt_position *pos, unsigned long gen)
{
	mas->leaf = pos->leaf;
	mas->offset = (unsigned char)pos->offset;
	mas->min = pos->min;
	mas->max = pos->max;
	mas->gen = gen;
	mas->node = (struct maple_enode *)&pos->leaf->slot[pos->offset];
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
	remember(mas, &pos, gen);
	mas->index = mt_begin(pos.leaf, pos.offset, pos.min);
	mas->last = mt_end(pos.leaf, pos.offset, pos.max);
	mas->status = ma_active;
	return mt_slot(pos.leaf, pos.offset);
}

/* Is the remembered position still that of [index, last]? */
static inline bool remembered(const struct ma_state *mas)
{
	const struct mt_node *leaf = mas->leaf;

	return leaf && mas->gen == __atomic_load_n(&mas->tree->ma_gen, __ATOMIC_ACQUIRE) &&
	       mas->offset < leaf->nr && mas->index == mt_begin(leaf, mas->offset, mas->min) &&
	       mas->last == mt_end(leaf, mas->offset, mas->max);
}

void *mas_walk(struct ma_state *mas)
{
	return mas_descend(mas, mas->index);
}

/* To the range after [index, last]; the caller knows that there is one. */
static inline void *step_forward(struct ma_state *mas)
{
	const struct mt_node *leaf = mas->leaf;

	if (!remembered(mas) || mas->offset + 1U >= leaf->nr)
		return mas_descend(mas, mas->last + 1);
	mas->index = mas->last + 1;
	mas->offset++;
	mas->last = mt_end(leaf, mas->offset, mas->max);
	mas->node = (struct maple_enode *)&leaf->slot[mas->offset];
	return mt_slot(leaf, mas->offset);
}

static inline void *step_back(struct ma_state *mas)
{
	const struct mt_node *leaf = mas->leaf;

	if (!remembered(mas) || mas->offset == 0)
		return mas_descend(mas, mas->index - 1);
	mas->last = mas->index - 1;
	mas->offset--;
	mas->index = mt_begin(leaf, mas->offset, mas->min);
	mas->node = (struct maple_enode *)&leaf->slot[mas->offset];
	return mt_slot(leaf, mas->offset);
}

/*
 * To the next entry of the remembered leaf, if it has one that begins at or below @max; the cursor ends there, or on
 * the last range that was looked at. The position is checked once, not once a range.
 */
static inline void *next_in_leaf(struct ma_state *mas, unsigned long max)
{
	const struct mt_node *leaf = mas->leaf;
	unsigned int offset = mas->offset, from = offset;
	unsigned long index = mas->index, last = mas->last;
	void *entry = NULL;

	if (!remembered(mas))
		return NULL;
	while (!entry && last < max && offset + 1 < leaf->nr) {
		index = last + 1;
		last = mt_end(leaf, ++offset, mas->max);
		entry = mt_slot(leaf, offset);
	}
	if (offset == from)
		return NULL;
	mas->index = index;
	mas->last = last;
	mas->offset = (unsigned char)offset;
	mas->node = (struct maple_enode *)&leaf->slot[offset];
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

void *mas_find(struct ma_state *mas, unsigned long max)
{
	void *entry = mas_is_active(mas) ? next_in_leaf(mas, max) : NULL;

	if (entry)
		return entry; /* nearly always, in a loop over a tree */
	if (find_setup(mas, max, &entry))
		return entry;
	entry = next_slot(mas, max, false);
	mas->status = ma_active;
	return entry;
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
