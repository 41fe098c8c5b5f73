/* SPDX-License-Identifier: MIT */
/* Looking: nothing here changes the map or allocates. */
#include "piece.h"

#include "bytes.h"

/* The range that covers @at, if piece @p is the one that it belongs into; the next look begins there. */
static inline __attribute__((always_inline)) const struct range_map_range *at_in_piece(
	const struct range_map *map, uint64_t at, unsigned int p)
{
	const struct range_map_piece *piece = map->pieces[p];
	unsigned int slot = slots_up_to(piece, at);
	const struct range_map_range *s;

	slot -= !!slot;
	s = piece->slots + slot;
	remember_slots(map, s - !!slot);
	__atomic_store_n((unsigned int *)&map->recent_piece, p, __ATOMIC_RELAXED);
	return slot_covers(s, at) && !range_is_tombstone(s) ? s : NULL;
}

/* Apart, so that the other way has no registers to save. */
static __attribute__((noinline)) const struct range_map_range *at_in_many(
	const struct range_map *map, uint64_t at)
{
	return at_in_piece(map, at, piece_of(map, at));
}

const struct range_map_range *range_map_at_far(
	const struct range_map *map, uint64_t at, const struct range_map_range *beside)
{
	if (in_hole_behind(beside, recent_slots(map), at) || map->nr_pieces == 0)
		return NULL;
	if (map->nr_pieces > FEW_PIECES)
		return at_in_many(map, at);
	return at_in_piece(map, at, piece_of_few(map, at));
}

bool range_map_find(const struct range_map *map, uint64_t at, struct range_map_range *range)
{
	const struct range_map_range *s = range_map_at(map, at);

	if (!s)
		return false;
	copy_range(range, s);
	return true;
}

bool range_map_first(const struct range_map *map, uint64_t at, struct range_map_range *range)
{
	struct place place = place_of(map, at);

	while (!place_is_end(map, place) && place_is_tombstone(map, place))
		place = place_next(map, place);
	if (place_is_end(map, place))
		return false;
	*range = place_range(map, place);
	return true;
}

bool range_map_previous(const struct range_map *map, uint64_t at, struct range_map_range *range)
{
	struct place place = place_of(map, at);

	do {
		if (!place_step_back(map, &place))
			return false;
	} while (place_is_tombstone(map, place));
	*range = place_range(map, place);
	return true;
}

bool range_map_covered(
	const struct range_map *map, uint64_t first, uint64_t last, uint64_t bits, uint64_t *where)
{
	uint64_t need = first; /* all before it is as it should be */
	struct place at = place_of(map, first);

	for (; first <= last && !place_is_end(map, at); at = place_next(map, at)) {
		const struct range_map_piece *piece = map->pieces[at.piece];

		if (piece->slots[at.slot].first > need || (piece->slots[at.slot].bits & bits) != bits ||
			place_is_tombstone(map, at))
			break;
		if (piece->slots[at.slot].last >= last)
			return true;
		need = piece->slots[at.slot].last + 1;
	}
	if (where)
		*where = need;
	return false;
}

bool range_map_next(
	const struct range_map *map, struct range_map_cursor *cursor, struct range_map_range *range)
{
	if (cursor->end || !range_map_first(map, cursor->next, range)) {
		cursor->end = true;
		return false;
	}
	cursor->end = range->last == UINT64_MAX;
	cursor->next = range->last + 1;
	return true;
}

struct range_map_counters range_map_count(const struct range_map *map)
{
	struct range_map_counters counters = map->counters;

	counters.pieces = map->nr_pieces;
	return counters;
}

struct range_map_class range_map_count_class(const struct range_map *map, unsigned int class_nr)
{
	if (class_nr == 0 && (!map->ops || !map->ops->class_of))
		return (struct range_map_class){ map->counters.ranges, map->counters.covered };
	return map->classes[class_nr];
}

static bool piece_holds(const struct range_map *map, unsigned int p, const char **reason)
{
	const struct range_map_piece *piece = map->pieces[p];
	uint64_t begin;

	*reason = "RM1";
	if (piece->nr == 0 || piece->nr > PIECE)
		return false;
	for (struct place at = { p, 0 }; at.slot < piece->nr; at.slot++) {
		bool full = hole_before(map, at, &begin);

		*reason = "RM2";
		if (full || piece->slots[at.slot].first < begin ||
			piece->slots[at.slot].last < piece->slots[at.slot].first)
			return false;
		*reason = "RM4";
		if (piece->slots[at.slot].first - begin > map->holes[p])
			return false;
	}
	*reason = "RM7";
	for (unsigned int i = piece->nr; i <= PIECE; i++)
		if (piece->slots[i].first != UINT64_MAX || piece->slots[i].last != 0)
			return false;
	*reason = "RM9";
	for (unsigned int block = 1; block < PIECE / BLOCK; block++)
		if (piece->heads[block - 1] != piece->slots[BLOCK * block].first)
			return false;
	*reason = "RM3";
	return map->firsts[p] == piece->slots[0].first;
}

static bool recent_holds(const struct range_map *map)
{
	bool holds = map->recent == range_map_nowhere;

	for (unsigned int p = 0; p < map->nr_pieces && !holds; p++)
		holds = slot_in_piece(map, p, map->recent) < PIECE;
	return holds;
}

/* What the counters should say. */
static void count_again(const struct range_map *map, struct range_map *sums)
{
	for (struct place at = { 0, 0 }; !place_is_end(map, at); at = place_next(map, at)) {
		struct range_map_range range = place_range(map, at);

		count_range(sums, &range, 1);
	}
}

bool range_map_validate(const struct range_map *map, const char **reason)
{
	struct range_map sums;

	for (unsigned int p = 0; p < map->nr_pieces; p++)
		if (!piece_holds(map, p, reason))
			return false;
	*reason = "RM8";
	if (!recent_holds(map))
		return false;
	range_map_init(&sums, map->ops, map->ctx);
	count_again(map, &sums);
	*reason = "RM5";
	if (sums.counters.ranges != map->counters.ranges || sums.counters.covered != map->counters.covered ||
		sums.counters.tombstones != map->counters.tombstones ||
		memcmp(sums.classes, map->classes, sizeof(sums.classes)) != 0)
		return false;
	*reason = "RM6";
	return view_holds(map);
}
