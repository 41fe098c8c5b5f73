/* SPDX-License-Identifier: MIT */
/* Free room: holes[] says which pieces are worth a look (RM4); one that was and had nothing is put right. */
#include "piece.h"

static bool room_is_sane(const struct range_map_room *room, uint64_t *mask)
{
	*mask = room->align ? room->align - 1 : 0;
	return room->size && room->min <= room->max && (room->align & *mask) == 0;
}

/* The part of [begin, end] that lies in the window. */
static bool clip(const struct range_map_room *room, uint64_t *begin, uint64_t *end)
{
	if (*begin < room->min)
		*begin = room->min;
	if (*end > room->max)
		*end = room->max;
	return *begin <= *end && *end - *begin >= room->size - 1;
}

static bool lowest_in(
	const struct range_map_room *room, uint64_t mask, uint64_t begin, uint64_t end, uint64_t *at)
{
	uint64_t start;

	if (!clip(room, &begin, &end))
		return false;
	start = (begin + mask) & ~mask;
	if (start < begin || start > end || end - start < room->size - 1)
		return false;
	*at = start;
	return true;
}

static bool highest_in(
	const struct range_map_room *room, uint64_t mask, uint64_t begin, uint64_t end, uint64_t *at)
{
	uint64_t start;

	if (!clip(room, &begin, &end))
		return false;
	start = (end - (room->size - 1)) & ~mask;
	if (start < begin)
		return false;
	*at = start;
	return true;
}

typedef bool fits_fn(
	const struct range_map_room *room, uint64_t mask, uint64_t begin, uint64_t end, uint64_t *at);

/* Does the hole before @at, in front of a range, have room? */
static bool hole_fits(const struct range_map *map, struct place place, const struct range_map_room *room,
	uint64_t mask, fits_fn *fits, uint64_t *at)
{
	uint64_t begin, first = map->pieces[place.piece]->slots[place.slot].first;

	hole_before(map, place, &begin);
	return begin < first && fits(room, mask, begin, first - 1, at);
}

static void learn_holes(struct range_map *map, unsigned int p)
{
	uint64_t longest = 0, begin;

	for (struct place at = { p, 0 }; at.slot < map->pieces[p]->nr; at.slot++) {
		hole_before(map, at, &begin);
		if (map->pieces[p]->slots[at.slot].first - begin > longest)
			longest = map->pieces[p]->slots[at.slot].first - begin;
	}
	map->holes[p] = longest;
}

/*
 * The first piece from @p on that may have a hole of @size. Only holes[] is read: with a look into each piece for its number
 * a search among 60,000 ranges missed the first cache 1,400 times (callgrind), once a piece, and does it once in five now.
 */
static unsigned int piece_with_hole(const struct range_map *map, unsigned int p, uint64_t size)
{
	while (p < map->nr_pieces && map->holes[p] < size)
		p++;
	return p;
}

int range_map_lowest(struct range_map *map, const struct range_map_room *room, uint64_t *at)
{
	struct place place = place_far(map, room->min);
	uint64_t mask, begin, size = room->size;

	if (!room_is_sane(room, &mask))
		return -EINVAL;
	for (;; place = (struct place){ place.piece + 1, 0 }) {
		unsigned int p = piece_with_hole(map, place.piece, size);
		const struct range_map_range *next, *end;
		bool long_enough = false; /* a hole is, but the window or the alignment is against it */

		if (p != place.piece)
			place = (struct place){ p, 0 };
		if (place_is_end(map, place))
			break;
		hole_before(map, place, &begin);
		next = place_slot(map, place);
		end = map->pieces[p]->slots + map->pieces[p]->nr;
		for (;; begin = next++->last + 1) {
			while (next < end && next->first - begin < size)
				begin = next++->last + 1;
			if (next == end)
				break;
			if (lowest_in(room, mask, begin, next->first - 1, at))
				return 0;
			if (next->first > room->max)
				return -ENOSPC;
			long_enough = true;
		}
		if (begin > room->max)
			return -ENOSPC;
		if (!long_enough)
			learn_holes(map, p);
	}
	if (!hole_before(map, place, &begin) && lowest_in(room, mask, begin, UINT64_MAX, at))
		return 0;
	return -ENOSPC;
}

int range_map_highest(struct range_map *map, const struct range_map_room *room, uint64_t *at)
{
	struct place place = place_of(map, room->max);
	uint64_t mask, begin;

	if (!room_is_sane(room, &mask))
		return -EINVAL;
	if (place_is_end(map, place)) {
		if (!hole_before(map, place, &begin) && highest_in(room, mask, begin, UINT64_MAX, at))
			return 0;
		if (!place_step_back(map, &place))
			return -ENOSPC;
	}
	for (;;) {
		if (map->holes[place.piece] >= room->size) {
			do {
				if (hole_fits(map, place, room, mask, highest_in, at))
					return 0;
				if (place_slot(map, place)->first <= room->min)
					return -ENOSPC;
			} while (place.slot--);
			learn_holes(map, place.piece);
		}
		do { /* as piece_with_hole() */
			if (place.piece == 0)
				return -ENOSPC;
			place.piece--;
		} while (map->holes[place.piece] < room->size);
		place.slot = map->pieces[place.piece]->nr - 1;
	}
}

/* --- Several windows, and what is excluded ----------------------------------------------------------------- */

/* An excluded range that [at, at + size) meets; NULL: none. */
static const struct range_map_window *in_the_way(const struct range_map_search *s, uint64_t at)
{
	for (size_t i = 0; i < s->nr_excluded; i++)
		if (s->excluded[i].min <= at + (s->size - 1) && at <= s->excluded[i].max)
			return &s->excluded[i];
	return NULL;
}

/* The lowest of @room that meets nothing excluded. Each turn leaves one excluded range behind. */
static int lowest_allowed(
	struct range_map *map, const struct range_map_search *s, struct range_map_room room, uint64_t *at)
{
	for (;;) {
		const struct range_map_window *excluded;
		uint64_t found;
		int err = range_map_lowest(map, &room, &found);

		if (err)
			return err;
		excluded = in_the_way(s, found);
		if (!excluded) {
			*at = found;
			return 0;
		}
		if (excluded->max >= room.max)
			return -ENOSPC;
		room.min = excluded->max + 1;
	}
}

static int highest_allowed(
	struct range_map *map, const struct range_map_search *s, struct range_map_room room, uint64_t *at)
{
	for (;;) {
		const struct range_map_window *excluded;
		uint64_t found;
		int err = range_map_highest(map, &room, &found);

		if (err)
			return err;
		excluded = in_the_way(s, found);
		if (!excluded) {
			*at = found;
			return 0;
		}
		if (excluded->min <= room.min)
			return -ENOSPC;
		room.max = excluded->min - 1;
	}
}

/* What begins at the hint or later is a lowest, what begins before it a highest. */
static int nearest_allowed(
	struct range_map *map, const struct range_map_search *s, struct range_map_room room, uint64_t *at)
{
	struct range_map_room above = room, below = room;
	uint64_t higher = 0, lower = 0, end = s->hint + (s->size - 1);
	int no_higher = -ENOSPC, no_lower = -ENOSPC;

	if (above.min < s->hint)
		above.min = s->hint;
	if (end >= s->hint && end < below.max)
		below.max = end;
	if (above.min <= above.max)
		no_higher = lowest_allowed(map, s, above, &higher);
	if (below.min <= below.max)
		no_lower = highest_allowed(map, s, below, &lower);
	if (no_lower && no_higher)
		return -ENOSPC;
	*at = no_lower || (!no_higher && higher - s->hint < s->hint - lower) ? higher : lower;
	return 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

static bool search_is_sane(const struct range_map_search *s)
{
	for (size_t i = 0; i < s->nr_windows; i++) {
		struct range_map_room room = { s->size, s->align, s->windows[i].min, s->windows[i].max };
		uint64_t mask;

		if (!room_is_sane(&room, &mask))
			return false;
	}
	return s->nr_windows > 0;
}

int range_map_search(struct range_map *map, const struct range_map_search *s, uint64_t *at)
{
	int none = -ENOSPC;

	if (!search_is_sane(s))
		return -EINVAL;
	for (size_t i = 0; i < s->nr_windows; i++) {
		struct range_map_room room = { s->size, s->align, s->windows[i].min, s->windows[i].max };
		uint64_t found;

		if (s->order == RANGE_MAP_NEAREST) {
			if (nearest_allowed(map, s, room, &found) != 0)
				continue;
			/* Of two that are as near, the lower one. */
			if (none || distance(found, s->hint) < distance(*at, s->hint) ||
				(distance(found, s->hint) == distance(*at, s->hint) && found < *at))
				*at = found;
			none = 0;
		} else if ((s->order == RANGE_MAP_LOWEST ? lowest_allowed : highest_allowed)(
				   map, s, room, at) == 0) {
			return 0;
		}
	}
	return none;
}

int range_map_nearest(struct range_map *map, const struct range_map_room *room, uint64_t hint, uint64_t *at)
{
	struct range_map_window window = { room->min, room->max };
	struct range_map_search search = { .size = room->size,
		.align = room->align,
		.order = RANGE_MAP_NEAREST,
		.hint = hint,
		.windows = &window,
		.nr_windows = 1 };

	return range_map_search(map, &search, at);
}
