/* SPDX-License-Identifier: MIT */
/*
 * A range map whose payloads are counted: each range has one of its own, made and ended by callbacks that write down
 * what they were told. A payload that is lost, doubled, or used after its end is seen.
 */
#ifndef TESTS_RANGE_MAP_WORLD_H
#define TESTS_RANGE_MAP_WORLD_H

#include <errno.h>
#include <stdlib.h>

#include <vmaple/range_map.h>

#define ALIVE 0x11a5eedULL

struct payload {
	uint64_t alive;
	uint64_t id;
};

enum event_kind { SPLIT, MERGE, FREE, COPY };
struct event {
	enum event_kind kind;
	uint64_t first, last, at, id, other;
};
#define EVENTS 8192

struct world {
	struct range_map map;
	uint64_t next_id, live;
	int refuse; /* the split that is refused, from 1; 0: none */
	unsigned int nr_events;
	struct event events[EVENTS];
};

static inline struct payload *payload_new(struct world *w)
{
	struct payload *payload = malloc(sizeof(*payload));

	payload->alive = ALIVE;
	payload->id = ++w->next_id;
	w->live++;
	return payload;
}

static inline void payload_end(struct world *w, struct payload *payload)
{
	assert_int_equal(payload->alive, ALIVE);
	payload->alive = 0;
	w->live--;
	free(payload);
}

static inline uint64_t payload_id(const void *value)
{
	const struct payload *payload = value;

	assert_int_equal(payload->alive, ALIVE);
	return payload->id;
}

static inline void note(struct world *w, struct event event)
{
	assert_true(w->nr_events < EVENTS);
	w->events[w->nr_events++] = event;
}

static inline int world_split(void *ctx, const struct range_map_range *whole, uint64_t at, void **right)
{
	struct world *w = ctx;

	note(w, (struct event){ SPLIT, whole->first, whole->last, at, payload_id(whole->value), 0 });
	assert_true(*right == whole->value && whole->first < at && at <= whole->last);
	if (w->refuse && --w->refuse == 0)
		return -EPERM;
	*right = payload_new(w);
	return 0;
}

static inline bool bits_may_merge(uint64_t left, uint64_t right)
{
	return left == right && (left & 1);
}

static inline bool world_may_merge(
	void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	assert_true(left->last + 1 == right->first);
	payload_id(left->value);
	payload_id(right->value);
	return bits_may_merge(left->bits, right->bits);
}

static inline void world_merge(
	void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	struct world *w = ctx;

	note(w, (struct event){ MERGE, left->first, right->last, right->first, payload_id(left->value),
			payload_id(right->value) });
	payload_end(w, right->value);
}

static inline void world_free(void *ctx, const struct range_map_range *range)
{
	struct world *w = ctx;

	note(w, (struct event){ FREE, range->first, range->last, 0, payload_id(range->value), 0 });
	payload_end(w, range->value);
}

static inline int world_copy(void *ctx, const struct range_map_range *range, void **copy)
{
	struct world *w = ctx;

	payload_id(range->value);
	assert_true(*copy == range->value);
	if (w->refuse && --w->refuse == 0)
		return -EPERM;
	*copy = payload_new(w);
	return 0;
}

static inline unsigned int world_class_of(void *ctx, const struct range_map_range *range)
{
	payload_id(range->value);
	return (unsigned int)range->bits;
}

static const struct range_map_ops world_ops = {
	.split = world_split,
	.may_merge = world_may_merge,
	.merge = world_merge,
	.copy = world_copy,
	.free = world_free,
	.class_of = world_class_of,
};

/* Values that are numbers, and nobody who wants to know of cuts and ends. */
static inline bool plain_may_merge(
	void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	assert_true(left->last + 1 == right->first);
	return bits_may_merge(left->bits, right->bits);
}

static inline void plain_merge(
	void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	note(ctx, (struct event){ MERGE, left->first, right->last, right->first, (uintptr_t)left->value,
			  (uintptr_t)right->value });
}

static const struct range_map_ops plain_ops = { .may_merge = plain_may_merge, .merge = plain_merge };
/* Neighbours with the same number and the same bits are one, and nobody wants to know. */
static const struct range_map_ops equal_ops = { .may_merge = range_map_equal };

#endif /* TESTS_RANGE_MAP_WORLD_H */
