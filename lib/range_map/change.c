/* SPDX-License-Identifier: MIT */
/*
 * Changes.  Each has two parts: what may fail (memory, split()), and what may not (free(), merge(), piece_replace()).
 *
 *      before   |---- A ----|  |-- X --|  |----- B -----|
 *      range            |======================|
 *      cut      |-- A --|-A'|  |-- X --|  |-- B -|- B' -|
 *      set      |-- A --|=========== new ======|- B' -|        A', X, B end
 *
 * Where no owner wants to know of cuts and ends (map->plain), and all happens within one piece, quick.c does it.
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
	       !range_is_tombstone(left) && !range_is_tombstone(right) &&
	       map->ops->may_merge(map->ctx, left, right);
}

static void tell_merge(
	struct range_map *map, const struct range_map_range *left, const struct range_map_range *right)
{
	if (map->ops->merge)
		map->ops->merge(map->ctx, left, right);
	map->counters.merges++;
}

/* What a call meets: the ranges in [from, to). */
struct met {
	struct place from, to;
	uint64_t ranges;
	bool tombstone;
};

static struct met meet(const struct range_map *map, uint64_t first, uint64_t last)
{
	struct place at = place_of(map, first);
	struct met met = { at, at, 0, false };

	while (!place_is_end(map, met.to) && map->pieces[met.to.piece]->slots[met.to.slot].first <= last) {
		met.tombstone |= place_is_tombstone(map, met.to);
		met.ranges++;
		met.to = place_next(map, met.to);
	}
	return met;
}

/* Would @more ranges, and @covered indexes more, be too many? A call that leaves fewer than there are may always be. */
static bool beyond_limits(const struct range_map *map, uint64_t ranges, uint64_t covered)
{
	return (map->most_ranges && ranges > map->most_ranges && ranges > map->counters.ranges) ||
	       (map->most_covered && covered > map->most_covered && covered > map->counters.covered);
}

/* How much of [first, last] is covered. */
static uint64_t covered_in(const struct range_map *map, const struct met *met, uint64_t first, uint64_t last)
{
	uint64_t covered = 0;

	for (struct place at = met->from; at.piece != met->to.piece || at.slot != met->to.slot;
		at = place_next(map, at)) {
		struct range_map_range range = place_range(map, at);

		covered += (range.last < last ? range.last : last) -
			   (range.first > first ? range.first : first) + 1;
	}
	return covered;
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
	cuts->lower = map->pieces[from.piece]->slots[from.slot].first < first;
	place_step_back(map, &to);
	cuts->upper = map->pieces[to.piece]->slots[to.slot].last > last;
}

/* The parts of [from, to) that lie in [first, last] end. What is left of ranges that were cut are ranges too. */
static void end_values(struct range_map *map, struct place from, struct place to, uint64_t first,
	uint64_t last, const struct cuts *cuts)
{
	bool lowest = true;

	for (; from.piece != to.piece || from.slot != to.slot; from = place_next(map, from)) {
		struct range_map_range range = place_range(map, from);

		count_range(map, &range, -1);
		if (lowest && cuts->lower) {
			range.last = first - 1;
			count_range(map, &range, 1);
			range = cuts->low;
		}
		lowest = false;
		if (range.last > last)
			range.last = last;
		end_value(map, &range);
	}
	if (cuts->upper)
		count_range(map, &cuts->high, 1);
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
	count_range(map, &left, -1);
	tell_merge(map, &left, range);
	left.last = range->last;
	*range = left;
	*from = at;
	cuts->lower = false;
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
	count_range(map, &right, -1);
	tell_merge(map, range, &right);
	range->last = right.last;
	if (!cuts->upper)
		*to = place_next(map, *to);
	cuts->upper = false;
}

/* @range comes in the place of what @met says. */
static int put(struct range_map *map, const struct met *met, struct range_map_range range)
{
	struct range_map_range ranges[3], rest = range;
	struct place from = met->from, to = met->to;
	struct cuts cuts;
	unsigned int nr = 0;
	int err;

	see_cuts(map, from, to, range.first, range.last, &cuts);
	if (!range_is_tombstone(&range) &&
		beyond_limits(map, map->counters.ranges - met->ranges + cuts.lower + cuts.upper + 1,
			map->counters.covered - covered_in(map, met, range.first, range.last) +
				(range.last - range.first + 1)))
		return -ENOSPC;
	err = pieces_reserve(map, pieces_needed(map, from), REPLACE_CHANGES);
	if (!err && (cuts.lower || cuts.upper))
		err = plan_cuts(map, from, to, range.first, range.last, &cuts);
	if (err)
		return err;
	if (cuts.lower) {
		rest = place_range(map, from);
		rest.last = range.first - 1;
	}
	end_values(map, from, to, range.first, range.last, &cuts);
	if (map->ops && map->ops->may_merge) {
		join_lower(map, &range, &from, &cuts, &rest);
		join_upper(map, &range, &to, &cuts);
	}
	count_range(map, &range, 1);
	if (cuts.lower)
		ranges[nr++] = rest;
	ranges[nr++] = range;
	if (cuts.upper)
		ranges[nr++] = cuts.high;
	piece_replace(map, from, to, ranges, nr);
	change_ends(map);
	return 0;
}

__attribute__((noinline)) int set_anywhere(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct range_map_range range = { first, last, value, bits };
	struct met met;
	int err;

	if (first > last || (bits & RANGE_MAP_TOMBSTONE))
		return -EINVAL;
	if (quick_set(map, &range, &err))
		return err;
	met = meet(map, first, last);
	return met.tombstone ? -EBUSY : put(map, &met, range);
}

int range_map_set_empty(struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct place at = place_of(map, first);
	struct met met = { at, at, 0, false };

	if (first > last || (bits & RANGE_MAP_TOMBSTONE))
		return -EINVAL;
	if (!place_is_end(map, at) && map->pieces[at.piece]->slots[at.slot].first <= last)
		return -EEXIST;
	return put(map, &met, (struct range_map_range){ first, last, value, bits });
}

int range_map_unmap_begin(struct range_map *map, uint64_t first, uint64_t last)
{
	struct met met;

	if (first > last)
		return -EINVAL;
	met = meet(map, first, last);
	return met.tombstone
		       ? -EBUSY
		       : put(map, &met, (struct range_map_range){ first, last, NULL, RANGE_MAP_TOMBSTONE });
}

int range_map_unmap_finish(struct range_map *map, uint64_t first, uint64_t last)
{
	struct place at = place_of(map, first);
	struct range_map_range range;
	int err;

	if (first > last)
		return -EINVAL;
	if (place_is_end(map, at))
		return -ENOENT;
	range = place_range(map, at);
	if (!range_is_tombstone(&range) || range.first != first || range.last != last)
		return -ENOENT;
	err = pieces_reserve(map, 0, REPLACE_CHANGES);
	if (err)
		return err;
	count_range(map, &range, -1);
	piece_replace(map, at, (struct place){ at.piece, at.slot + 1 }, NULL, 0);
	change_ends(map);
	return 0;
}

int range_map_erase(struct range_map *map, uint64_t first, uint64_t last)
{
	struct range_map_range ranges[2];
	struct cuts cuts;
	struct met met;
	unsigned int nr = 0;
	int err;

	if (first > last)
		return -EINVAL;
	if (quick_erase(map, first, last, &err))
		return err;
	met = meet(map, first, last);
	if (met.tombstone)
		return -EBUSY;
	if (met.ranges == 0)
		return 0;
	see_cuts(map, met.from, met.to, first, last, &cuts);
	if (beyond_limits(map, map->counters.ranges - met.ranges + cuts.lower + cuts.upper, 0))
		return -ENOSPC;
	/* But where both ends cut no piece has more than before. */
	err = pieces_reserve(
		map, cuts.lower && cuts.upper ? pieces_needed(map, met.from) : 0, REPLACE_CHANGES);
	if (!err && (cuts.lower || cuts.upper))
		err = plan_cuts(map, met.from, met.to, first, last, &cuts);
	if (err)
		return err;
	if (cuts.lower) {
		ranges[nr] = place_range(map, met.from);
		ranges[nr++].last = first - 1;
	}
	if (cuts.upper)
		ranges[nr++] = cuts.high;
	end_values(map, met.from, met.to, first, last, &cuts);
	piece_replace(map, met.from, met.to, ranges, nr);
	change_ends(map);
	return 0;
}

/* The range at @at ends where @right, its other part, begins. */
static void cut(struct range_map *map, struct place at, const struct range_map_range *right)
{
	struct range_map_range ranges[2] = { place_range(map, at), *right };
	struct place next = at;

	count_range(map, &ranges[0], -1);
	ranges[0].last = right->first - 1;
	next.slot++; /* may be the end of its piece: still a place in it */
	count_range(map, &ranges[0], 1);
	count_range(map, right, 1);
	piece_replace(map, at, next, ranges, 2);
	map->counters.splits++;
}

/* Cuts that cuts->lower and upper ask for. @changes: pieces that the call changes besides. */
static int make_cuts(struct range_map *map, const struct met *met, uint64_t first, uint64_t last,
	struct cuts *cuts, unsigned int changes)
{
	struct place end = met->to;
	int err;

	if (!cuts->lower && !cuts->upper)
		return pieces_reserve(map, 0, changes);
	if (beyond_limits(map, map->counters.ranges + cuts->lower + cuts->upper, 0))
		return -ENOSPC;
	place_step_back(map, &end);
	err = pieces_reserve(
		map, pieces_needed(map, met->from) + pieces_needed(map, end), changes + 2 * REPLACE_CHANGES);
	if (!err)
		err = plan_cuts(map, met->from, met->to, first, last, cuts);
	if (err)
		return err;
	if (cuts->lower)
		cut(map, met->from, &cuts->low);
	if (cuts->upper)
		cut(map, place_of(map, last), &cuts->high);
	return 0;
}

int range_map_isolate(struct range_map *map, uint64_t first, uint64_t last)
{
	struct cuts cuts;
	struct met met;
	int err;

	if (first > last)
		return -EINVAL;
	met = meet(map, first, last);
	if (met.tombstone)
		return -EBUSY;
	see_cuts(map, met.from, met.to, first, last, &cuts);
	err = make_cuts(map, &met, first, last, &cuts, 0);
	change_ends(map);
	return err;
}

int range_map_split(struct range_map *map, uint64_t at)
{
	struct met met = meet(map, at, at);
	struct cuts cuts = { .lower = true, .upper = false };
	int err;

	if (met.ranges == 0 || met.tombstone)
		return -ENOENT;
	if (map->pieces[met.from.piece]->slots[met.from.slot].first == at)
		return 0;
	err = make_cuts(map, &met, at, at, &cuts, 0);
	change_ends(map);
	return err;
}

/* Neighbours that meet at @first, after @last or between merge where they may. */
static void join_all(struct range_map *map, uint64_t first, uint64_t last)
{
	struct place at = place_of(map, first), next;

	if (map->pieces[at.piece]->slots[at.slot].first >= first) /* there is one: the call has met it */
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
		count_range(map, &left, -1);
		count_range(map, &right, -1);
		tell_merge(map, &left, &right);
		left.last = right.last;
		count_range(map, &left, 1);
		piece_own(map, at.piece)->slots[at.slot].last = left.last;
		piece_replace(map, next, (struct place){ next.piece, next.slot + 1 }, NULL, 0);
		at = place_of(map, left.first);
	}
}

static void change_bits(struct range_map *map, uint64_t first, uint64_t last, uint64_t set, uint64_t clear)
{
	for (struct place at = place_of(map, first); !place_is_end(map, at); at = place_next(map, at)) {
		struct range_map_range range = place_range(map, at);

		if (range.first > last)
			return;
		count_range(map, &range, -1);
		range.bits = (range.bits & ~clear) | set;
		count_range(map, &range, 1);
		piece_own(map, at.piece)->slots[at.slot].bits = range.bits;
	}
}

int range_map_update(struct range_map *map, uint64_t first, uint64_t last, uint64_t set, uint64_t clear)
{
	struct range_map_range low, high;
	struct place end;
	struct cuts cuts;
	struct met met;
	int err;

	clear &= ~RANGE_MAP_TOMBSTONE;
	if (first > last || (set & RANGE_MAP_TOMBSTONE))
		return -EINVAL;
	met = meet(map, first, last);
	if (met.tombstone)
		return -EBUSY;
	if (met.ranges == 0)
		return 0;
	end = met.to;
	place_step_back(map, &end);
	low = place_range(map, met.from);
	high = place_range(map, end);
	cuts.lower = low.first < first && ((low.bits & ~clear) | set) != low.bits;
	cuts.upper = high.last > last && ((high.bits & ~clear) | set) != high.bits;
	/* Bits change in all pieces that are met; neighbours join in one more at either end. */
	err = make_cuts(map, &met, first, last, &cuts, end.piece - met.from.piece + 1 + REPLACE_CHANGES);
	if (err)
		return err;
	change_bits(map, first, last, set, clear);
	if (map->ops && map->ops->may_merge)
		join_all(map, first, last);
	change_ends(map);
	return 0;
}
