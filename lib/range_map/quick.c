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

/* May @left and @right, which meet, become one? Then their owner is told so. */
static bool join(struct range_map *map, struct range_map_range left, struct range_map_range right)
{
	if (((left.bits | right.bits) & RANGE_MAP_TOMBSTONE) || !map->ops->may_merge(map->ctx, &left, &right))
		return false;
	if (map->ops->merge)
		map->ops->merge(map->ctx, &left, &right);
	map->counters.merges++;
	return true;
}

/* Slots from @from on move to @to. */
static void move_slots(struct range_map_piece *piece, unsigned int to, unsigned int from)
{
	unsigned int nr = piece->nr - from;

	piece->nr = to + nr;
	if (to == from || nr == 0)
		return;
	memmove(piece->first + to, piece->first + from, nr * sizeof(piece->first[0]));
	memmove(piece->last + to, piece->last + from, nr * sizeof(piece->last[0]));
	memmove(piece->load + to, piece->load + from, nr * sizeof(piece->load[0]));
}

static inline void write_slot(struct range_map_piece *piece, unsigned int at, uint64_t first, uint64_t last,
	void *value, uint64_t bits)
{
	piece->first[at] = first;
	piece->last[at] = last;
	piece->load[at].value = value;
	piece->load[at].bits = bits;
}

/* How much of [first, last] the slots [i, j) cover. */
static inline uint64_t covered_by(
	const struct range_map_piece *piece, unsigned int i, unsigned int j, uint64_t first, uint64_t last)
{
	uint64_t covered = 0;

	for (; i < j; i++)
		covered += (piece->last[i] < last ? piece->last[i] : last) -
			   (piece->first[i] > first ? piece->first[i] : first) + 1;
	return covered;
}

/* [first, last] overlaps the slots [i, j) of piece @p, which has room for two more. */
static void set_slots(struct range_map *map, unsigned int p, unsigned int i, unsigned int j,
	const struct range_map_range *range)
{
	struct range_map_piece *piece = piece_own(map, p);
	uint64_t first = range->first, last = range->last, bits = range->bits, high_last = last;
	bool lower = i < j && piece->first[i] < first, upper = i < j && piece->last[j - 1] > last;
	unsigned int from = i + lower, to = j, nr = piece->nr, at = from - 1;
	void *value = range->value, *high_value = NULL;
	uint64_t high_bits = 0;

	map->counters.covered += last - first + 1 - covered_by(piece, i, j, first, last);
	map->counters.splits += lower + upper;
	if (upper) {
		high_last = piece->last[j - 1];
		high_value = piece->load[j - 1].value;
		high_bits = piece->load[j - 1].bits;
	}
	if (map->ops && map->ops->may_merge) {
		if ((lower || (i && piece->last[at] + 1 == first)) &&
			join(map,
				(struct range_map_range){ piece->first[at], first - 1, piece->load[at].value,
					piece->load[at].bits },
				*range)) {
			from = at;
			first = piece->first[at];
			value = piece->load[at].value;
			bits = piece->load[at].bits;
			lower = false;
		}
		at = upper ? j - 1 : j;
		if ((upper || (at < nr && last + 1 == piece->first[at])) &&
			join(map, (struct range_map_range){ first, last, value, bits },
				(struct range_map_range){ last + 1, piece->last[at], piece->load[at].value,
					piece->load[at].bits })) {
			to = at + 1;
			last = piece->last[at];
			upper = false;
		}
	}
	if (lower)
		piece->last[i] = first - 1;
	move_slots(piece, from + 1 + upper, to);
	write_slot(piece, from, first, last, value, bits);
	if (upper)
		write_slot(piece, from + 1, last + 1, high_last, high_value, high_bits);
	map->counters.ranges += (uint64_t)piece->nr - nr;
	piece_refresh(map, p, from, piece->nr < nr);
}

bool quick_set(struct range_map *map, const struct range_map_range *range, int *err)
{
	const struct range_map_piece *piece;
	unsigned int p, i, j;

	if (!map->plain || map->nr_pieces == 0 || map->counters.tombstones)
		return false;
	p = piece_of(map, range->first);
	piece = map->pieces[p];
	i = count_up_to(piece->first, piece->nr, range->first);
	for (j = i; j < piece->nr && piece->first[j] <= range->last; j++)
		;
	if (i && piece->last[i - 1] >= range->first)
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
