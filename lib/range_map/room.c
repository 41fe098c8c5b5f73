/* SPDX-License-Identifier: MIT */
/* Free room: holes[] says which pieces are worth a look (P4); one that was and had nothing is put right. */
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
	uint64_t begin, first = map->pieces[place.piece]->first[place.slot];

	hole_before(map, place, &begin);
	return begin < first && fits(room, mask, begin, first - 1, at);
}

static void learn_holes(struct range_map *map, unsigned int p)
{
	uint64_t longest = 0, begin;

	for (struct place at = { p, 0 }; at.slot < map->pieces[p]->nr; at.slot++) {
		hole_before(map, at, &begin);
		if (map->pieces[p]->first[at.slot] - begin > longest)
			longest = map->pieces[p]->first[at.slot] - begin;
	}
	map->holes[p] = longest;
}

int range_map_lowest(struct range_map *map, const struct range_map_room *room, uint64_t *at)
{
	struct place place = place_of(map, room->min);
	uint64_t mask, begin;

	if (!room_is_sane(room, &mask))
		return -EINVAL;
	for (; place.piece < map->nr_pieces; place = (struct place){ place.piece + 1, 0 }) {
		const struct range_map_piece *piece = map->pieces[place.piece];

		if (map->holes[place.piece] < room->size)
			continue;
		for (; place.slot < piece->nr; place.slot++) {
			if (hole_fits(map, place, room, mask, lowest_in, at))
				return 0;
			if (piece->first[place.slot] > room->max)
				return -ENOSPC;
		}
		learn_holes(map, place.piece);
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
		const struct range_map_piece *piece = map->pieces[place.piece];

		if (map->holes[place.piece] >= room->size) {
			do {
				if (hole_fits(map, place, room, mask, highest_in, at))
					return 0;
				if (piece->first[place.slot] <= room->min)
					return -ENOSPC;
			} while (place.slot--);
			learn_holes(map, place.piece);
		}
		if (place.piece == 0)
			return -ENOSPC;
		place.piece--;
		place.slot = map->pieces[place.piece]->nr - 1;
	}
}

int range_map_nearest(struct range_map *map, const struct range_map_room *room, uint64_t hint, uint64_t *at)
{
	struct range_map_room above = *room, below = *room;
	uint64_t higher, lower, end = hint + (room->size - 1);
	int no_higher = -ENOSPC, no_lower = -ENOSPC;

	if (above.min < hint)
		above.min = hint;
	if (end >= hint && end < below.max) /* what begins at hint or before ends here or before */
		below.max = end;
	if (above.min <= above.max || room->min > room->max)
		no_higher = range_map_lowest(map, &above, &higher);
	if (no_higher == -EINVAL)
		return no_higher;
	if (below.min <= below.max)
		no_lower = range_map_highest(map, &below, &lower);
	if (no_lower == -EINVAL)
		return no_lower;
	if (no_lower && no_higher)
		return -ENOSPC;
	if (no_lower || (!no_higher && higher - hint < hint - lower))
		*at = higher;
	else
		*at = lower;
	return 0;
}
