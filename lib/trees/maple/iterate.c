/* SPDX-License-Identifier: MIT */
/*
 * Iteration: what happens where it begins and ends, and how it is taken up again.
 *
 * The states are the kernel's documented behaviour (enum maple_status); how a cursor gets from range to range in
 * between is cursor.c.
 */
#include "cursor.h"

/* Go on to the next entry, or with @empty to the next range, that begins at or below @max. */
static void *next_slot(struct ma_state *mas, unsigned long max, bool empty)
{
	for (;;) {
		void *entry = empty ? NULL : mas_step_in_leaf(mas, max);

		if (entry)
			return entry;
		if (mas->last >= max) {
			mas->status = ma_overflow;
			return NULL;
		}
		entry = mas_step_forward(mas);
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
		entry = mas_step_back(mas);
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
		entry = mas_step_to_next_leaf(mas, max);
	if (entry || find_setup(mas, max, &entry))
		return entry;
	entry = next_slot(mas, max, false);
	mas->status = ma_active;
	return entry;
}

void *mas_find(struct ma_state *mas, unsigned long max)
{
	void *entry = mas_step_in_leaf(mas, max);

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
