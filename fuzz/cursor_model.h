/* SPDX-License-Identifier: MIT */
/*
 * What a cursor should do, as the kernel documents its own: range by range over range_model.h.
 *
 * It stands for a cursor in a tree with nodes that nobody writes to. After each step its status, the bounds of its
 * range and the entry returned are what the tree's must be.
 */
#ifndef FUZZ_CURSOR_MODEL_H
#define FUZZ_CURSOR_MODEL_H

#include <vmaple/maple_tree.h>

#include "range_model.h"

enum step { NEXT, NEXT_RANGE, PREV, PREV_RANGE, FIND, FIND_RANGE, FIND_REV, FIND_RANGE_REV, STEPS };

struct cursor {
	enum maple_status status; /* start, active, pause, overflow or underflow */
	unsigned long index, last;
};

static inline void *cursor_end(struct cursor *c, enum maple_status status)
{
	c->status = status;
	return NULL;
}

/* Onto the range that holds @index. @return its entry. */
static inline void *cursor_walk(struct cursor *c, unsigned long index)
{
	unsigned int at = model_at(index);

	*c = (struct cursor){ ma_active, model_begin(at), model.range[at].last };
	return model.range[at].entry;
}

static inline void *cursor_forward(struct cursor *c, unsigned long max, bool all)
{
	void *entry;

	c->status = ma_active;
	do {
		if (c->last >= max)
			return cursor_end(c, ma_overflow);
		entry = cursor_walk(c, c->last + 1);
	} while (!all && !entry);
	return entry;
}

static inline void *cursor_back(struct cursor *c, unsigned long min, bool all)
{
	void *entry;

	c->status = ma_active;
	do {
		if (c->index <= min)
			return cursor_end(c, ma_underflow);
		entry = cursor_walk(c, c->index - 1);
	} while (!all && !entry);
	return entry;
}

static inline bool cursor_is_loose(const struct cursor *c)
{
	return c->status == ma_start || c->status == ma_pause;
}

static inline void *cursor_next(struct cursor *c, unsigned long max, bool all)
{
	bool before = c->status == ma_underflow; /* it stands before what it is on */
	void *entry = NULL;

	if (c->last >= max)
		return cursor_end(c, ma_overflow);
	if (before || cursor_is_loose(c))
		entry = cursor_walk(c, c->index);
	return before && entry ? entry : cursor_forward(c, max, all);
}

static inline void *cursor_prev(struct cursor *c, unsigned long min, bool all)
{
	bool after = c->status == ma_overflow;
	void *entry = NULL;

	if (c->index <= min)
		return cursor_end(c, ma_underflow);
	if (after || cursor_is_loose(c))
		entry = cursor_walk(c, c->index);
	return after && entry ? entry : cursor_back(c, min, all);
}

static inline void *cursor_find(struct cursor *c, unsigned long max, bool all)
{
	enum maple_status was = c->status;
	void *entry;

	if (was == ma_start ? c->index > max : was != ma_underflow && c->last >= max)
		return NULL;
	if (was == ma_underflow && c->index >= max)
		return cursor_end(c, ma_overflow);
	if (was != ma_active) {
		entry = cursor_walk(c, was == ma_pause ? c->last + 1 : c->index);
		if (entry || c->index == max)
			return entry;
	}
	entry = cursor_forward(c, max, all);
	if (!all)
		c->status = ma_active;
	return entry;
}

static inline void *cursor_find_rev(struct cursor *c, unsigned long min, bool all)
{
	enum maple_status was = c->status;
	void *entry;

	if ((was == ma_start || was == ma_active) && c->index < min)
		return NULL;
	if (was != ma_start && was != ma_active && c->index <= min)
		return cursor_end(c, ma_underflow);
	if (cursor_is_loose(c)) {
		entry = cursor_walk(c, was == ma_pause ? c->index - 1 : c->index);
		if (entry || c->index < min)
			return entry;
	}
	return cursor_back(c, min, all);
}

static inline void *cursor_step(struct cursor *c, enum step step, unsigned long limit)
{
	switch (step) {
	case NEXT:
	case NEXT_RANGE:
		return cursor_next(c, limit, step == NEXT_RANGE);
	case PREV:
	case PREV_RANGE:
		return cursor_prev(c, limit, step == PREV_RANGE);
	case FIND:
	case FIND_RANGE:
		return cursor_find(c, limit, step == FIND_RANGE);
	default:
		return cursor_find_rev(c, limit, step == FIND_RANGE_REV);
	}
}

static inline void *mas_step(struct ma_state *mas, enum step step, unsigned long limit)
{
	switch (step) {
	case NEXT:
		return mas_next(mas, limit);
	case NEXT_RANGE:
		return mas_next_range(mas, limit);
	case PREV:
		return mas_prev(mas, limit);
	case PREV_RANGE:
		return mas_prev_range(mas, limit);
	case FIND:
		return mas_find(mas, limit);
	case FIND_RANGE:
		return mas_find_range(mas, limit);
	case FIND_REV:
		return mas_find_rev(mas, limit);
	default:
		return mas_find_range_rev(mas, limit);
	}
}

#endif /* FUZZ_CURSOR_MODEL_H */
