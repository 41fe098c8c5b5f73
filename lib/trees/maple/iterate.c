/* SPDX-License-Identifier: MIT */
/*
 * Iteration: what happens where it begins and ends, and how it is taken up again.
 *
 * The states are the kernel's documented behaviour (enum maple_status); how a cursor gets from range to range in
 * between is cursor.c.  Both directions are one state machine: @forward is a constant where it is called, and the
 * limit is the last index of interest when going forward and the first when going back.  Where the kernel treats its
 * two directions differently, @forward is asked; the kernel's own test holds us to it.
 */
#include "cursor.h"

#define directed static inline __attribute__((always_inline))

/* What the cursor becomes when it meets the limit. */
directed enum maple_status beyond_limit(bool forward)
{
	return forward ? ma_overflow : ma_underflow;
}

directed bool at_limit(const struct ma_state *mas, unsigned long limit, bool forward)
{
	return forward ? mas->last >= limit : mas->index <= limit;
}

/* Go on to the next entry, or with @empty to the next range, that reaches to the near side of @limit. */
directed void *step(struct ma_state *mas, unsigned long limit, bool forward, bool empty)
{
	for (;;) {
		void *entry = forward && !empty ? mas_step_in_leaf(mas, limit) : NULL;

		if (entry)
			return entry;
		if (at_limit(mas, limit, forward)) {
			mas->status = beyond_limit(forward);
			return NULL;
		}
		entry = forward ? mas_step_forward(mas) : mas_step_back(mas);
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

/* Before a next or prev: bring the cursor onto a range. @return true when @entry is already the answer. */
directed bool step_setup(struct ma_state *mas, unsigned long limit, bool forward, void **entry)
{
	bool was_none = mas->status == ma_none;

	if (at_limit(mas, limit, forward)) {
		mas->status = beyond_limit(forward);
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
	case ma_overflow:
	case ma_underflow:
		if (mas->status == beyond_limit(forward)) { /* there is more room now */
			mas->status = ma_active;
			return false;
		}
		*entry = mas_walk(mas); /* the cursor stands on the other side of what it is on */
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
	if (!forward && mas->index)
		*entry = at_root(mas);
	if (forward && mas->status == ma_root && (!was_none || mas->index))
		past_root(mas);
	return true;
}

directed void *step_from(struct ma_state *mas, unsigned long limit, bool forward, bool empty)
{
	void *entry = NULL;

	return step_setup(mas, limit, forward, &entry) ? entry : step(mas, limit, forward, empty);
}

void *mas_next(struct ma_state *mas, unsigned long max)
{
	return step_from(mas, max, true, false);
}

void *mas_next_range(struct ma_state *mas, unsigned long max)
{
	return step_from(mas, max, true, true);
}

void *mas_prev(struct ma_state *mas, unsigned long min)
{
	return step_from(mas, min, false, false);
}

void *mas_prev_range(struct ma_state *mas, unsigned long min)
{
	return step_from(mas, min, false, true);
}

/* A find that was paused, or that has found nothing, starts again beside what the cursor has seen. */
directed void find_again(struct ma_state *mas, bool forward)
{
	unsigned long seen = mas->status == ma_pause;

	if (forward)
		mas->index = mas->last += seen;
	else
		mas->last = mas->index -= seen;
	mas->status = ma_start;
}

/* Before a find: true when the search ends here, with @entry. */
directed bool find_setup(struct ma_state *mas, unsigned long limit, bool forward, void **entry)
{
	switch (mas->status) {
	case ma_active:
		return forward ? mas->last >= limit : mas->index < limit;
	case ma_start:
	case ma_root:
		break;
	case ma_pause:
	case ma_none:
		if (at_limit(mas, limit, forward)) {
			if (!forward && mas->status == ma_pause)
				mas->status = ma_underflow;
			return true;
		}
		find_again(mas, forward);
		break;
	case ma_overflow:
	case ma_underflow:
		if (forward && mas->status == ma_underflow ? mas->index >= limit
							   : at_limit(mas, limit, forward)) {
			mas->status = beyond_limit(forward);
			return true;
		}
		if (!forward) {
			mas->status = ma_active;
			break;
		}
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		break;
	case ma_error:
		return true;
	}
	if (mas->status == ma_start) {
		if (forward ? mas->index > limit : mas->index < limit)
			return true;
		*entry = mas_walk(mas);
		if (*entry)
			return true;
		if (!forward && mas->status == ma_none) {
			*entry = at_root(mas);
			return true;
		}
	}
	if (mas->status == ma_root) {
		if (forward)
			past_root(mas);
		else
			mas->status = ma_none;
		return true;
	}
	return forward ? mas->status == ma_none || mas->index == limit : mas->index < limit;
}

static __attribute__((noinline)) void *find_from_setup(struct ma_state *mas, unsigned long max)
{
	void *entry = NULL;

	if (mas_is_active(mas))
		entry = mas_step_to_next_leaf(mas, max);
	if (entry || find_setup(mas, max, true, &entry))
		return entry;
	entry = step(mas, max, true, false);
	mas->status = ma_active;
	return entry;
}

void *mas_find(struct ma_state *mas, unsigned long max)
{
	void *entry = mas_step_in_leaf(mas, max);

	return entry ? entry : find_from_setup(mas, max);
}

directed void *find_from(struct ma_state *mas, unsigned long limit, bool forward, bool empty)
{
	void *entry = NULL;

	return find_setup(mas, limit, forward, &entry) ? entry : step(mas, limit, forward, empty);
}

void *mas_find_range(struct ma_state *mas, unsigned long max)
{
	return find_from(mas, max, true, true);
}

void *mas_find_rev(struct ma_state *mas, unsigned long min)
{
	return find_from(mas, min, false, false);
}

void *mas_find_range_rev(struct ma_state *mas, unsigned long min)
{
	return find_from(mas, min, false, true);
}
