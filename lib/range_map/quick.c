/* SPDX-License-Identifier: MIT */
/*
 * Setting a range where most are set: in a map whose owner wants to know of no cut and no end, within one piece.
 * What change.c does with ranges is done here with slots of the piece, and with numbers in registers: nothing but what
 * a callback is told has an address.
 *
 *      slots     i-1      i                 j-1        j
 *             |-----|   |-- A --| ... |---- B ----|  |----|
 *      range                |==========|                       lower: A reaches out of it; upper: B does
 *      left is i if lower, else i - 1; right is j - 1 if upper, else j
 */
#include "piece.h"

#include "bytes.h"

/* Slots from @from on move to @to. */
static inline void move_slots(struct range_map_piece *piece, unsigned int to, unsigned int from)
{
	unsigned int nr = piece->nr - from;

	if (to == from)
		return;
	memmove(piece->slots + to, piece->slots + from, nr * sizeof(piece->slots[0]));
	piece_set_nr(piece, to + nr);
}

/* What the slots [i, j) cover. */
static inline uint64_t covered_by(const struct range_map_piece *piece, unsigned int i, unsigned int j)
{
	uint64_t covered = 0;

	for (; i < j; i++)
		covered += piece->slots[i].last - piece->slots[i].first + 1;
	return covered;
}

/* They meet. May they become one? Then their owner is told so. */
static inline bool join(
	struct range_map *map, const struct range_map_range *left, const struct range_map_range *right)
{
	if (!map->ops->may_merge(map->ctx, left, right))
		return false;
	if (map->ops->merge)
		map->ops->merge(map->ctx, left, right);
	map->counters.merges++;
	return true;
}

/* What of slot @at lies before @range becomes its beginning, if it may. */
static inline bool join_lower(struct range_map *map, const struct range_map_piece *piece, unsigned int at,
	struct range_map_range *range)
{
	struct range_map_range left = piece->slots[at];

	left.last = range->first - 1;
	if (!join(map, &left, range))
		return false;
	left.last = range->last;
	*range = left;
	return true;
}

/* What of slot @at lies after @range. */
static inline struct range_map_range above(
	const struct range_map_piece *piece, unsigned int at, const struct range_map_range *range)
{
	struct range_map_range rest = piece->slots[at];

	rest.first = range->last + 1;
	return rest;
}

/* @range overlaps the slots [i, j) of piece @p, which has room for two more. */
static void set_slots(
	struct range_map *map, unsigned int p, unsigned int i, unsigned int j, struct range_map_range *range)
{
	struct range_map_piece *piece = piece_own(map, p);
	unsigned int from = i, to = j, nr = piece->nr;
	bool merges = map->merges, lower = false, upper = false;
	uint64_t covered = range->last - range->first + 1;
	struct range_map_range right = { 0 };

	if (i < j) {
		covered -= covered_by(piece, i, j);
		if (piece->slots[i].first < range->first) {
			lower = true;
			from++;
			covered += range->first - piece->slots[i].first;
			map->counters.splits++;
		}
		if (piece->slots[j - 1].last > range->last) {
			upper = true;
			right = above(piece, j - 1, range);
			covered += right.last - range->last;
			map->counters.splits++;
		}
	}
	map->counters.covered += covered;
	if (merges && (lower || (i && piece->slots[i - 1].last + 1 == range->first)) &&
		join_lower(map, piece, from - 1, range)) {
		from--;
		lower = false;
	}
	if (merges && !upper && j < nr && range->last + 1 == piece->slots[j].first) {
		right = above(piece, j, range);
		if (join(map, range, &right)) {
			range->last = right.last;
			to++;
		}
	} else if (merges && upper && join(map, range, &right)) {
		range->last = right.last;
		upper = false;
	}
	if (lower)
		piece->slots[i].last = range->first - 1;
	move_slots(piece, from + 1 + upper, to);
	piece->slots[from] = *range;
	if (upper)
		piece->slots[from + 1] = right;
	map->counters.ranges += (uint64_t)piece->nr - nr;
	map->firsts[p] = piece->slots[0].first;
	/* Holes before ranges get no longer, but that the last range may be one that had none before it. */
	if (to == nr)
		piece_learn_hole(map, (struct place){ p, from });
	if (piece->nr < nr && map->nr_pieces > 1)
		pieces_join_around(map, p);
}

bool quick_set(struct range_map *map, struct range_map_range *range, int *err)
{
	const struct range_map_piece *piece;
	unsigned int p, i, j;

	if (!map->plain || map->nr_pieces == 0 || map->counters.tombstones)
		return false;
	p = piece_of(map, range->first);
	piece = map->pieces[p];
	i = slots_up_to(piece, range->first);
	for (j = i; j < piece->nr && piece->slots[j].first <= range->last; j++)
		;
	if (i && piece->slots[i - 1].last >= range->first)
		i--;
	/* It, or a neighbour, may be in another piece; or this one may get too full. */
	if (piece->nr + 2 > PIECE || (i == 0 && p) || (j == piece->nr && p + 1 < map->nr_pieces))
		return false;
	*err = map->view ? pieces_reserve(map, 0, REPLACE_CHANGES) : 0;
	if (*err)
		return true;
	set_slots(map, p, i, j, range);
	change_ends(map);
	return true;
}
