/* SPDX-License-Identifier: MIT */
/*
 * Changes.  Each has two parts: what may fail (memory, split()), and what may not (free(), merge(), piece_replace()).
 *
 *      before   |---- A ----|  |-- X --|  |----- B -----|
 *      range            |======================|
 *      cut      |-- A --|-A'|  |-- X --|  |-- B -|- B' -|
 *      set      |-- A --|=========== new ======|- B' -|        A', X, B end
 */
#include "piece.h"

#include <stddef.h>

/* What [first, last] cuts. */
struct cuts {
	bool lower, upper;
	struct range_map_range low;  /* what becomes of the range cut at first, from there on */
	struct range_map_range high; /* what becomes of the range cut after last, from there on */
};

static void end_value(const struct range_map *map, const struct range_map_range *range)
{
	if (map->ops && map->ops->free)
		map->ops->free(map->ctx, range);
}

static int ask_split(
	const struct range_map *map, const struct range_map_range *whole, uint64_t at, void **right)
{
	if (!map->ops || !map->ops->split)
		return 0;
	return map->ops->split(map->ctx, whole, at, right);
}

static bool mergeable(
	const struct range_map *map, const struct range_map_range *left, const struct range_map_range *right)
{
	return map->ops && map->ops->may_merge && left->last + 1 == right->first && right->first != 0 &&
	       map->ops->may_merge(map->ctx, left, right);
}

static void tell_merge(
	struct range_map *map, const struct range_map_range *left, const struct range_map_range *right)
{
	if (map->ops->merge)
		map->ops->merge(map->ctx, left, right);
	map->counters.merges++;
}

/* The ranges that overlap [first, last] are [*from, *to). */
static void overlap(
	const struct range_map *map, uint64_t first, uint64_t last, struct place *from, struct place *to)
{
	*from = *to = place_of(map, first);
	while (!place_is_end(map, *to) && map->pieces[to->piece]->first[to->slot] <= last)
		*to = place_next(map, *to);
}

/* Asks the owner of what is cut; nothing has changed yet. [from, to) is not empty. */
static int plan_cuts(const struct range_map *map, struct place from, struct place to, uint64_t first,
	uint64_t last, struct cuts *cuts)
{
	struct range_map_range whole = place_range(map, from);
	struct place end = to;
	int err = 0;

	cuts->low = whole;
	cuts->low.first = first;
	if (cuts->lower)
		err = ask_split(map, &whole, first, &cuts->low.value);
	if (err || !cuts->upper)
		return err;
	place_step_back(map, &end);
	if (end.piece != from.piece || end.slot != from.slot)
		whole = place_range(map, end);
	else if (cuts->lower)
		whole = cuts->low;
	cuts->high = whole;
	cuts->high.first = last + 1;
	err = ask_split(map, &whole, last + 1, &cuts->high.value);
	if (err && cuts->lower && map->ops->split)
		end_value(map, &cuts->low);
	return err;
}

/* What reaches out of [first, last]? */
static void see_cuts(const struct range_map *map, struct place from, struct place to, uint64_t first,
	uint64_t last, struct cuts *cuts)
{
	cuts->lower = cuts->upper = false;
	if (from.piece == to.piece && from.slot == to.slot)
		return;
	cuts->lower = map->pieces[from.piece]->first[from.slot] < first;
	place_step_back(map, &to);
	cuts->upper = map->pieces[to.piece]->last[to.slot] > last;
}

/* The parts of [from, to) that lie in [first, last] end. */
static void end_values(struct range_map *map, struct place from, struct place to, uint64_t first,
	uint64_t last, const struct cuts *cuts)
{
	bool lowest = true;

	for (; from.piece != to.piece || from.slot != to.slot; from = place_next(map, from)) {
		struct range_map_range range = place_range(map, from);

		if (lowest && cuts->lower)
			range = cuts->low;
		lowest = false;
		if (range.last > last)
			range.last = last;
		map->counters.covered -= range.last - range.first + 1;
		map->counters.ranges--;
		end_value(map, &range);
	}
	/* What is left of ranges that were cut are ranges too. */
	map->counters.ranges += cuts->lower + cuts->upper;
	map->counters.splits += cuts->lower + cuts->upper;
}

static void join_lower(struct range_map *map, struct range_map_range *range, struct place *from,
	struct cuts *cuts, const struct range_map_range *rest)
{
	struct place at = *from;
	struct range_map_range left;

	if (cuts->lower)
		left = *rest;
	else if (place_step_back(map, &at))
		left = place_range(map, at);
	else
		return;
	if (!mergeable(map, &left, range))
		return;
	tell_merge(map, &left, range);
	left.last = range->last;
	*range = left;
	*from = at;
	cuts->lower = false;
	map->counters.ranges--;
}

static void join_upper(
	struct range_map *map, struct range_map_range *range, struct place *to, struct cuts *cuts)
{
	struct range_map_range right;

	if (cuts->upper)
		right = cuts->high;
	else if (!place_is_end(map, *to))
		right = place_range(map, *to);
	else
		return;
	if (!mergeable(map, range, &right))
		return;
	tell_merge(map, range, &right);
	range->last = right.last;
	if (!cuts->upper)
		*to = place_next(map, *to);
	cuts->upper = false;
	map->counters.ranges--;
}

/* [from, to) overlaps @range. */
static int put(struct range_map *map, struct place from, struct place to, struct range_map_range range)
{
	struct range_map_range ranges[3], rest = range;
	struct cuts cuts;
	unsigned int nr = 0;
	int err = pieces_reserve(map, pieces_needed(map, from));

	see_cuts(map, from, to, range.first, range.last, &cuts);
	if (!err && (cuts.lower || cuts.upper))
		err = plan_cuts(map, from, to, range.first, range.last, &cuts);
	if (err)
		return err;
	if (cuts.lower) {
		rest = place_range(map, from);
		rest.last = range.first - 1;
	}
	end_values(map, from, to, range.first, range.last, &cuts);
	map->counters.covered += range.last - range.first + 1;
	map->counters.ranges++;
	if (map->ops && map->ops->may_merge) {
		join_lower(map, &range, &from, &cuts, &rest);
		join_upper(map, &range, &to, &cuts);
	}
	if (cuts.lower)
		ranges[nr++] = rest;
	ranges[nr++] = range;
	if (cuts.upper)
		ranges[nr++] = cuts.high;
	piece_replace(map, from, to, ranges, nr);
	return 0;
}

int range_map_set(struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct place from, to;

	if (first > last)
		return -EINVAL;
	overlap(map, first, last, &from, &to);
	return put(map, from, to, (struct range_map_range){ first, last, value, bits });
}

int range_map_set_empty(struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct place at = place_of(map, first);

	if (first > last)
		return -EINVAL;
	if (!place_is_end(map, at) && map->pieces[at.piece]->first[at.slot] <= last)
		return -EEXIST;
	return put(map, at, at, (struct range_map_range){ first, last, value, bits });
}

int range_map_erase(struct range_map *map, uint64_t first, uint64_t last)
{
	struct range_map_range ranges[2];
	struct place from, to;
	struct cuts cuts;
	unsigned int nr = 0;
	int err = 0;

	if (first > last)
		return -EINVAL;
	overlap(map, first, last, &from, &to);
	if (from.piece == to.piece && from.slot == to.slot)
		return 0;
	see_cuts(map, from, to, first, last, &cuts);
	if (cuts.lower && cuts.upper) /* else no piece has more than before */
		err = pieces_reserve(map, pieces_needed(map, from));
	if (!err && (cuts.lower || cuts.upper))
		err = plan_cuts(map, from, to, first, last, &cuts);
	if (err)
		return err;
	if (cuts.lower) {
		ranges[nr] = place_range(map, from);
		ranges[nr++].last = first - 1;
	}
	if (cuts.upper)
		ranges[nr++] = cuts.high;
	end_values(map, from, to, first, last, &cuts);
	piece_replace(map, from, to, ranges, nr);
	return 0;
}

/* The range at @at ends where @right, its other part, begins. */
static void cut(struct range_map *map, struct place at, const struct range_map_range *right)
{
	struct range_map_range ranges[2] = { place_range(map, at), *right };
	struct place next = at;

	ranges[0].last = right->first - 1;
	next.slot++; /* may be the end of its piece: still a place in it */
	piece_replace(map, at, next, ranges, 2);
	map->counters.splits++;
	map->counters.ranges++;
}

/* Cuts that cuts->lower and upper ask for. */
static int make_cuts(struct range_map *map, struct place from, struct place to, uint64_t first, uint64_t last,
	struct cuts *cuts)
{
	struct place end = to;
	int err;

	if (!cuts->lower && !cuts->upper)
		return 0;
	place_step_back(map, &end);
	err = pieces_reserve(map, pieces_needed(map, from) + pieces_needed(map, end));
	if (!err)
		err = plan_cuts(map, from, to, first, last, cuts);
	if (err)
		return err;
	if (cuts->lower)
		cut(map, from, &cuts->low);
	if (cuts->upper)
		cut(map, place_of(map, last), &cuts->high);
	return 0;
}

int range_map_isolate(struct range_map *map, uint64_t first, uint64_t last)
{
	struct place from, to;
	struct cuts cuts;

	if (first > last)
		return -EINVAL;
	overlap(map, first, last, &from, &to);
	see_cuts(map, from, to, first, last, &cuts);
	return make_cuts(map, from, to, first, last, &cuts);
}

int range_map_split(struct range_map *map, uint64_t at)
{
	struct place from = place_of(map, at);
	struct cuts cuts = { .lower = true, .upper = false };

	if (place_is_end(map, from) || map->pieces[from.piece]->first[from.slot] > at)
		return -ENOENT;
	if (map->pieces[from.piece]->first[from.slot] == at)
		return 0;
	return make_cuts(map, from, place_next(map, from), at, at, &cuts);
}

/* Neighbours that meet at @first, after @last or between merge where they may. */
static void join_all(struct range_map *map, uint64_t first, uint64_t last)
{
	struct place at = place_of(map, first), next;

	if (map->pieces[at.piece]->first[at.slot] >= first) /* there is one: the call has met it */
		place_step_back(map, &at);
	while (!place_is_end(map, at)) {
		struct range_map_range left = place_range(map, at), right;

		next = place_next(map, at);
		if (place_is_end(map, next) || left.last > last)
			return;
		right = place_range(map, next);
		if (!mergeable(map, &left, &right)) {
			at = next;
			continue;
		}
		tell_merge(map, &left, &right);
		map->counters.ranges--;
		left.last = right.last;
		map->pieces[at.piece]->last[at.slot] = left.last;
		piece_replace(map, next, (struct place){ next.piece, next.slot + 1 }, NULL, 0);
		at = place_of(map, left.first);
	}
}

int range_map_update(struct range_map *map, uint64_t first, uint64_t last, uint64_t set, uint64_t clear)
{
	struct range_map_range low, high;
	struct place from, to, end;
	struct cuts cuts;
	int err;

	if (first > last)
		return -EINVAL;
	overlap(map, first, last, &from, &to);
	if (from.piece == to.piece && from.slot == to.slot)
		return 0;
	end = to;
	place_step_back(map, &end);
	low = place_range(map, from);
	high = place_range(map, end);
	cuts.lower = low.first < first && ((low.bits & ~clear) | set) != low.bits;
	cuts.upper = high.last > last && ((high.bits & ~clear) | set) != high.bits;
	err = make_cuts(map, from, to, first, last, &cuts);
	if (err)
		return err;
	for (from = place_of(map, first); !place_is_end(map, from); from = place_next(map, from)) {
		struct range_map_piece *piece = map->pieces[from.piece];

		if (piece->first[from.slot] > last)
			break;
		piece->load[from.slot].bits = (piece->load[from.slot].bits & ~clear) | set;
	}
	if (map->ops && map->ops->may_merge)
		join_all(map, first, last);
	return 0;
}
