/* SPDX-License-Identifier: MIT */
/* Pieces: memory for them, and the one way in which what they hold changes. See piece.h. */
#include "piece.h"

#include "alloc.h"
#include "bytes.h"
#include "pool.h"

_Static_assert(sizeof(struct range_map_piece) <= POOL_PIECE_SIZE, "pieces are objects of the cache");
_Static_assert(offsetof(struct range_map_piece, slots) == LINE, "half a cache line each");

const struct range_map_range range_map_nowhere[3] = { { .first = UINT64_MAX }, { .first = UINT64_MAX },
	{ .first = UINT64_MAX } };

static size_t table_size(unsigned int capacity)
{
	return capacity * (2 * sizeof(uint64_t) + sizeof(struct range_map_piece *));
}

/* The three tables are one allocation, that firsts points to. */
static int grow_tables(struct range_map *map, unsigned int capacity)
{
	uint64_t *firsts = port_alloc(table_size(capacity), sizeof(uint64_t), GFP_KERNEL);
	uint64_t *holes;
	struct range_map_piece **pieces;

	if (!firsts)
		return -ENOMEM;
	holes = firsts + capacity;
	pieces = (void *)(holes + capacity);
	if (map->firsts) {
		memcpy(firsts, map->firsts, map->nr_pieces * sizeof(*firsts));
		memcpy(holes, map->holes, map->nr_pieces * sizeof(*holes));
		memcpy(pieces, map->pieces, map->nr_pieces * sizeof(struct range_map_piece *));
		port_free(map->firsts, table_size(map->capacity));
	}
	map->firsts = firsts;
	map->holes = holes;
	map->pieces = pieces;
	map->capacity = capacity;
	return 0;
}

/* Apart, so that who calls it needs few registers where there are few pieces. */
unsigned int piece_of_many(const struct range_map *map, uint64_t at)
{
	unsigned int nr = count_up_to(map->firsts, map->nr_pieces, at, false);

	return nr - !!nr;
}

int pieces_reserve(struct range_map *map, unsigned int splits, unsigned int changes)
{
	unsigned int nr = splits + (map->view ? changes : 0);

	if (map->nr_pieces + splits > map->capacity) {
		unsigned int capacity = map->capacity ? map->capacity * 2 : 4;

		if (grow_tables(map, capacity) != 0)
			return -ENOMEM;
	}
	while (map->nr_spare < nr) {
		struct range_map_piece *piece = pool_alloc(POOL_PIECE, GFP_KERNEL);

		if (!piece)
			return -ENOMEM;
		piece->next = map->spare;
		map->spare = piece;
		map->nr_spare++;
	}
	return map->view ? view_reserve(map, map->nr_pieces + splits) : 0;
}

struct range_map_piece *piece_take(struct range_map *map)
{
	struct range_map_piece *piece = map->spare;

	map->spare = piece->next;
	map->nr_spare--;
	piece->change = map->change;
	piece->slots[PIECE].first = UINT64_MAX;
	piece->slots[PIECE].last = 0;
	return piece;
}

static void give_back(struct range_map *map, struct range_map_piece *piece)
{
	map->recent = range_map_nowhere;
	if (map->view && piece->change != map->change) { /* readers may be in it */
		piece->next = map->replaced;
		map->replaced = piece;
	} else if (map->nr_spare < 2) {
		piece->next = map->spare;
		map->spare = piece;
		map->nr_spare++;
	} else {
		pool_free(POOL_PIECE, piece);
	}
}

void pieces_free(struct range_map *map)
{
	view_free(map);
	map->recent = range_map_nowhere;
	for (unsigned int p = 0; p < map->nr_pieces; p++)
		pool_free(POOL_PIECE, map->pieces[p]);
	while (map->nr_spare)
		pool_free(POOL_PIECE, piece_take(map));
	if (map->firsts)
		port_free(map->firsts, table_size(map->capacity));
	map->firsts = map->holes = NULL;
	map->pieces = NULL;
	map->nr_pieces = map->capacity = 0;
}

/* Entries of the tables from @from on move to @to. */
static void move_tables(struct range_map *map, unsigned int to, unsigned int from)
{
	size_t nr = map->nr_pieces - from;

	memmove(map->firsts + to, map->firsts + from, nr * sizeof(*map->firsts));
	memmove(map->holes + to, map->holes + from, nr * sizeof(*map->holes));
	memmove(map->pieces + to, map->pieces + from, nr * sizeof(struct range_map_piece *));
	map->reshaped = true;
	map->nr_pieces = to + (unsigned int)nr;
}

static void remove_pieces(struct range_map *map, unsigned int from, unsigned int to)
{
	if (from == to)
		return;
	for (unsigned int p = from; p < to; p++)
		give_back(map, map->pieces[p]);
	move_tables(map, from, to);
}

/* @nr ranges of @from, from @slot on, are copied to @at in @to. They may be the same piece. */
static void move_ranges(struct range_map_piece *to, unsigned int at, const struct range_map_piece *from,
	unsigned int slot, unsigned int nr)
{
	memmove(to->slots + at, from->slots + slot, nr * sizeof(to->slots[0]));
}

/* A new piece after @p takes its ranges from @slot on. */
static void split_piece(struct range_map *map, unsigned int p, unsigned int slot)
{
	struct range_map_piece *fresh = piece_take(map);
	struct range_map_piece *piece;

	fresh->nr = PIECE;
	piece_set_nr(fresh, 0);
	if (map->nr_pieces == 0) {
		map->reshaped = true;
		map->pieces[0] = fresh;
		map->holes[0] = 0;
		map->nr_pieces = 1;
		return;
	}
	piece = piece_own(map, p);
	fresh->nr = piece->nr - slot;
	move_ranges(fresh, 0, piece, slot, fresh->nr);
	piece_learn_heads(fresh, 0);
	piece_set_nr(piece, slot);
	move_tables(map, p + 2, p + 1);
	map->pieces[p + 1] = fresh;
	map->holes[p + 1] = map->holes[p];
	map->firsts[p + 1] = fresh->slots[0].first; /* of an empty one: set when it is filled */
}

/* @p and the one after it become one, if they are half of one or less. */
static bool join_pieces(struct range_map *map, unsigned int p)
{
	struct range_map_piece *piece, *next;

	if (p + 1 >= map->nr_pieces)
		return false;
	piece = map->pieces[p];
	next = map->pieces[p + 1];
	if (piece->nr + next->nr > PIECE / 2)
		return false;
	piece = piece_own(map, p);
	move_ranges(piece, piece->nr, next, 0, next->nr);
	piece->nr += next->nr;
	piece_learn_heads(piece, piece->nr - next->nr);
	if (map->holes[p + 1] > map->holes[p])
		map->holes[p] = map->holes[p + 1];
	remove_pieces(map, p + 1, p + 2);
	return true;
}

void piece_learn_hole(struct range_map *map, struct place at)
{
	uint64_t begin, length;

	if (place_is_end(map, at))
		return;
	hole_before(map, at, &begin);
	length = map->pieces[at.piece]->slots[at.slot].first - begin;
	if (length > map->holes[at.piece])
		map->holes[at.piece] = length;
}

/* What lies in [from, to) goes; pieces that only it was in go too, but not from's. Where it was is what comes back. */
static struct place remove_across(struct range_map *map, struct place from, struct place to)
{
	if (to.slot) {
		struct range_map_piece *piece = piece_own(map, to.piece);

		move_ranges(piece, 0, piece, to.slot, piece->nr - to.slot);
		piece_set_nr(piece, piece->nr - to.slot);
		piece_learn_heads(piece, 0);
		map->firsts[to.piece] = piece->slots[0].first;
	}
	piece_set_nr(piece_own(map, from.piece), from.slot);
	remove_pieces(map, from.piece + 1, to.piece);
	return from;
}

/* Room for @nr more at @at. A piece to which ranges are appended stays full. */
static struct place make_room(struct range_map *map, struct place at, unsigned int nr)
{
	unsigned int have, half;

	if (map->nr_pieces == 0) {
		split_piece(map, 0, 0);
		return (struct place){ 0, 0 };
	}
	have = map->pieces[at.piece]->nr;
	if (have + nr <= PIECE)
		return at;
	half = at.slot == have && at.piece + 1 == map->nr_pieces ? have : have / 2;
	split_piece(map, at.piece, half);
	if (at.slot > half || half == have)
		at = (struct place){ at.piece + 1, at.slot - half };
	return at;
}

static void write_ranges(struct range_map *map, struct place at, unsigned int gone,
	const struct range_map_range *ranges, unsigned int nr)
{
	struct range_map_piece *piece = piece_own(map, at.piece);

	if (gone != nr)
		move_ranges(piece, at.slot + nr, piece, at.slot + gone, piece->nr - at.slot - gone);
	piece_set_nr(piece, piece->nr + nr - gone);
	for (unsigned int i = 0; i < nr; i++)
		piece->slots[at.slot + i] = ranges[i];
	piece_learn_heads(piece, at.slot);
}

void pieces_join_around(struct range_map *map, unsigned int p)
{
	if (!join_pieces(map, p) && p)
		join_pieces(map, p - 1);
}

void piece_replace(struct range_map *map, struct place from, struct place to,
	const struct range_map_range *ranges, unsigned int nr)
{
	bool shrinks = to.piece != from.piece || to.slot - from.slot > nr;
	unsigned int gone = 0;

	if (to.piece != from.piece) {
		from = remove_across(map, from, to);
	} else if (to.slot != from.slot) {
		gone = to.slot - from.slot;
	} else if (from.slot == 0 &&
		   from.piece) { /* nothing goes: rather behind a piece than in front of one */
		from.piece--;
		from.slot = map->pieces[from.piece]->nr;
	}
	if (map->nr_pieces == 0 || map->pieces[from.piece]->nr + nr - gone > PIECE) {
		if (gone)
			write_ranges(map, from, gone, NULL, 0);
		gone = 0;
		from = make_room(map, from, nr);
	}
	write_ranges(map, from, gone, ranges, nr);
	if (map->pieces[from.piece]->nr == 0) {
		remove_pieces(map, from.piece, from.piece + 1);
		piece_learn_hole(map, (struct place){ from.piece, 0 });
		return;
	}
	map->firsts[from.piece] = map->pieces[from.piece]->slots[0].first;
	for (unsigned int i = 0; i < nr; i++)
		piece_learn_hole(map, (struct place){ from.piece, from.slot + i });
	if (from.slot + nr < map->pieces[from.piece]->nr)
		piece_learn_hole(map, (struct place){ from.piece, from.slot + nr });
	else
		piece_learn_hole(map, (struct place){ from.piece + 1, 0 });
	if (shrinks)
		pieces_join_around(map, from.piece);
}
