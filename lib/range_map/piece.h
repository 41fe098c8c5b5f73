/* SPDX-License-Identifier: MIT */
/*
 * Range maps: theory of operation
 *
 * 1. Meaning.  All ranges in one sorted array would be best for the 30 to 200 that most maps hold: a search touches few
 *    cache lines, and a change moves a few hundred bytes. To stay good when maps grow, the array lies in
 *    pieces of up to PIECE ranges, and three arrays have a word for each piece.
 * 2. Invariants (range_map_validate() names the one that fails)
 *    RM1  a piece holds 1 to PIECE ranges.
 *    RM2  ranges ascend, do not overlap, and none ends before it begins.
 *    RM3  firsts[p] is where the first range of piece p begins.
 *    RM4  no hole before a range of piece p is longer than holes[p]. It may say more than is true: changes raise
 *        it only, and a search that was led astray puts it right.
 *    RM5  counters and classes are those of the ranges.
 *    RM6  of a shared map (share.c): between two calls the view says what firsts[] and pieces[] say.
 *    RM7  slots of a piece that hold no range begin at UINT64_MAX and end at 0: all can be counted, and none covers
 *        anything.
 *    RM8  map->recent is a slot of a piece of the map's, or nowhere.
 *    RM9  heads[k] of a piece is where the first slot of its block k + 1 begins: what a search reads lies in the line of
 *        nr, which it needs too, and in one block. It is put right with every change of one of these slots.
 * 3. Failure.  A change is one piece_replace() of up to three ranges, or a few of them; each needs at most one new
 *    piece, which pieces_reserve() has set aside when it returns 0.
 * 4. What comes next is mostly where the last look or change was, or beside it. So map->recent is the first of three
 *    slots that are looked at before all others; which of them it is, is counted and not branched on, since they take
 *    turns. It is a hint, compared with what is there before it is believed: a change has to think of it only where a
 *    piece is no longer the map's. recent_piece says which piece that slot should be in. Looks of several threads write
 *    both, which may then belong to different looks: who needs the piece compares.
 * 5. A tombstone is a range whose bits are RANGE_MAP_TOMBSTONE: here it is one like all others, but for the counters.
 */
#ifndef RANGE_MAP_PIECE_H
#define RANGE_MAP_PIECE_H

#include <vmaple/range_map.h>

#include "linux_names.h"

#define PIECE 64U
#define BLOCK 8U /* and as many of them are a piece */
#define LINE  64

struct range_map_piece {
	unsigned int nr;
	uint64_t heads[PIECE / BLOCK - 1]; /* so that a slot lies in one line, and a search reads one more */
	struct range_map_range slots[PIECE + 1]; /* the last never holds one */
	/* Readers look at none of these. */
	uint64_t change;              /* in which it was made */
	struct range_map_piece *next; /* among the spare ones, and among the replaced */
};

/* Three slots that hold no range: where the next look begins in a map that has had none. */
extern const struct range_map_range range_map_nowhere[3];

/* Where a range lies. The end of the map is { nr_pieces, 0 }. */
struct place {
	unsigned int piece, slot;
};

static inline bool place_is_end(const struct range_map *map, struct place at)
{
	return at.piece == map->nr_pieces;
}

static inline struct range_map_range place_range(const struct range_map *map, struct place at)
{
	return map->pieces[at.piece]->slots[at.slot];
}

static inline const struct range_map_range *place_slot(const struct range_map *map, struct place at)
{
	return &map->pieces[at.piece]->slots[at.slot];
}

#define FEW 12U

static inline uint64_t number_at(const uint64_t *number, bool beside)
{
	return beside ? __atomic_load_n(number, __ATOMIC_RELAXED) : *number;
}

/*
 * How many of @nr ascending numbers are @x or less. Without branches on them: which way it goes is not to be foretold. Of many,
 * seven that lie evenly say which eighth, by loads that do not wait for one another; of few all are asked. @beside: they may
 * be stored meanwhile.
 */
static inline __attribute__((always_inline)) unsigned int count_up_to(
	const uint64_t *numbers, unsigned int nr, uint64_t x, bool beside)
{
	const uint64_t *base = numbers;
	unsigned int count = 0;

	while (nr > FEW) {
		size_t eighth = nr / 8, below = 0;

#pragma GCC unroll 7
		for (size_t i = 1; i < 8; i++)
			below += number_at(base + i * eighth - 1, beside) <= x;
		base += below * eighth;
		nr -= 7 * (unsigned int)eighth;
	}
	for (unsigned int i = 0; i < nr; i++) {
		count += number_at(base + i, beside) <= x;
		__asm__("" : "+r"(count)); /* one by one: vectors of so few take longer */
	}
	return (unsigned int)(base - numbers) + count;
}

/*
 * How many ranges of @piece begin at @at or before. The heads say which block, its eight say which: 15 comparisons that wait
 * for two loads, of five lines, where a binary search waits for six.
 */
static inline unsigned int slots_up_to(const struct range_map_piece *piece, uint64_t at)
{
	const uint64_t *h = piece->heads;
	const struct range_map_range *s = piece->slots;
	unsigned int slots = BLOCK * ((h[0] <= at) + (h[1] <= at) + (h[2] <= at) + (h[3] <= at) +
					     (h[4] <= at) + (h[5] <= at) + (h[6] <= at));

	s += slots;
	slots += (s[0].first <= at) + (s[1].first <= at) + (s[2].first <= at) + (s[3].first <= at) +
		 (s[4].first <= at) + (s[5].first <= at) + (s[6].first <= at) + (s[7].first <= at);
	return slots < piece->nr ? slots : piece->nr; /* UINT64_MAX counts what is behind, too */
}

/* Ranges from @slot on begin elsewhere now: what the heads say of them (RM9). Mostly not worth a loop. */
static inline void piece_learn_heads(struct range_map_piece *piece, size_t slot)
{
	if (slot <= 3 * BLOCK) {
		piece->heads[0] = piece->slots[BLOCK].first;
		piece->heads[1] = piece->slots[2 * BLOCK].first;
		piece->heads[2] = piece->slots[3 * BLOCK].first;
	}
	piece->heads[3] = piece->slots[4 * BLOCK].first;
	piece->heads[4] = piece->slots[5 * BLOCK].first;
	piece->heads[5] = piece->slots[6 * BLOCK].first;
	piece->heads[6] = piece->slots[7 * BLOCK].first;
}

/* The same of @slot alone. */
static inline void piece_learn_head(struct range_map_piece *piece, size_t slot)
{
	if (slot % BLOCK == 0 && slot)
		piece->heads[slot / BLOCK - 1] = piece->slots[slot].first;
}

/*
 * *to = *from, a word at a time: a load of two would wait until one of them, which a change has just stored, is in the
 * cache.
 */
static inline void copy_range(struct range_map_range *to, const struct range_map_range *from)
{
	to->first = from->first;
	to->last = from->last;
	to->value = from->value;
	to->bits = from->bits;
}

/* A condition of several parts is one branch, which can be foretold where each of them cannot: for the compiler a number. */
static inline bool as_one(unsigned int condition)
{
	__asm__("" : "+r"(condition));
	return condition;
}

static inline bool slot_is_used(const struct range_map_range *s)
{
	return s->first <= s->last;
}

static inline bool slot_covers(const struct range_map_range *s, uint64_t at)
{
	return (s->first <= at) & (at <= s->last);
}

/* The range of @piece that covers @at. */
static inline bool piece_find(const struct range_map_piece *piece, uint64_t at, struct range_map_range *range)
{
	unsigned int slot = slots_up_to(piece, at);
	const struct range_map_range *s = &piece->slots[slot - !!slot];
	bool found = slot_covers(s, at) & !(s->bits & RANGE_MAP_TOMBSTONE);
	uintptr_t own = (uintptr_t)range;

	/* No branch: whether one is there is not to be foretold, and the caller asks next. Else *range is copied to itself. */
	copy_range(range, (const struct range_map_range *)(own ^ ((own ^ (uintptr_t)s) & -(uintptr_t)found)));
	return found;
}

static inline struct place place_next(const struct range_map *map, struct place at)
{
	if (++at.slot == map->pieces[at.piece]->nr)
		return (struct place){ at.piece + 1, 0 };
	return at;
}

/* Is there one before? Then it becomes *at. */
static inline bool place_step_back(const struct range_map *map, struct place *at)
{
	if (at->slot == 0) {
		if (at->piece == 0)
			return false;
		at->piece--;
		at->slot = map->pieces[at->piece]->nr;
	}
	at->slot--;
	return true;
}

/* The piece that @at belongs into. */
unsigned int piece_of_many(const struct range_map *map, uint64_t at);

#define FEW_PIECES 4U

/* Of few it is looked for one by one: a branch that was foretold leads on before the number is there. */
static inline unsigned int piece_of_few(const struct range_map *map, uint64_t at)
{
	unsigned int nr = 1;

	while (nr < map->nr_pieces && map->firsts[nr] <= at)
		nr++;
	return nr - 1;
}

/* The same of any number of them. 0 in an empty map. */
static inline unsigned int piece_of(const struct range_map *map, uint64_t at)
{
	return map->nr_pieces <= FEW_PIECES ? piece_of_few(map, at) : piece_of_many(map, at);
}

static inline const struct range_map_range *recent_slots(const struct range_map *map)
{
	return __atomic_load_n(&map->recent, __ATOMIC_RELAXED);
}

/* Here the next look begins. */
static inline void remember_slots(const struct range_map *map, const struct range_map_range *slots)
{
	__atomic_store_n((const struct range_map_range **)&map->recent, slots, __ATOMIC_RELAXED);
}

/* At @at, with the one before it and the one behind. */
static inline void place_remember(const struct range_map *map, struct place at)
{
	const struct range_map_range *slots;

	if (at.piece >= map->nr_pieces)
		return;
	slots = map->pieces[at.piece]->slots + at.slot - !!at.slot;
	if (recent_slots(map) == slots && __atomic_load_n(&map->recent_piece, __ATOMIC_RELAXED) == at.piece)
		return;
	remember_slots(map, slots);
	__atomic_store_n((unsigned int *)&map->recent_piece, at.piece, __ATOMIC_RELAXED);
}

/* Of three slots the last that begins at @at or before, or the first. */
static inline const struct range_map_range *slot_of_three(const struct range_map_range *three, uint64_t at)
{
	return three + (three[1].first <= at) + (three[2].first <= at);
}

/* Is @at, for which @s is slot_of_three(), in the hole behind it? */
static inline bool in_hole_behind(
	const struct range_map_range *s, const struct range_map_range *three, uint64_t at)
{
	return as_one((s->last < at) & (s != three + 2)) && slot_is_used(s + 1);
}

/* Where in piece @p @s is; PIECE or more: in another. */
static inline size_t slot_in_piece(
	const struct range_map *map, unsigned int p, const struct range_map_range *s)
{
	return ((uintptr_t)s - (uintptr_t)map->pieces[p]->slots) / sizeof(*s);
}

/* Is the first range that ends at @at or later one of those beside the last look? */
static inline bool place_near(const struct range_map *map, uint64_t at, struct place *place)
{
	const struct range_map_range *three = recent_slots(map), *s = slot_of_three(three, at);
	size_t slot;

	place->piece = __atomic_load_n(&map->recent_piece, __ATOMIC_RELAXED);
	if (place->piece >= map->nr_pieces ||
		(!as_one(slot_covers(s, at)) && !in_hole_behind(s++, three, at)))
		return false;
	slot = slot_in_piece(map, place->piece, s);
	place->slot = (unsigned int)slot;
	return slot < PIECE;
}

/* The first range that ends at @at or later, whatever the last look was. */
static inline struct place place_far(const struct range_map *map, uint64_t at)
{
	struct place place = { piece_of(map, at), 0 };
	const struct range_map_piece *piece;

	if (map->nr_pieces == 0)
		return place;
	piece = map->pieces[place.piece];
	place.slot = slots_up_to(piece, at);
	place.slot -= place.slot && piece->slots[place.slot - 1].last >= at;
	return place.slot == piece->nr ? (struct place){ place.piece + 1, 0 } : place;
}

/* The same, where the next look will begin. */
static inline struct place place_of(const struct range_map *map, uint64_t at)
{
	struct place place;

	if (!place_near(map, at, &place))
		place = place_far(map, at);
	place_remember(map, place);
	return place;
}

/* Where the hole before @at begins; true: there is no such index, a range ends at the very last one. */
static inline bool hole_before(const struct range_map *map, struct place at, uint64_t *begin)
{
	uint64_t last;

	*begin = 0;
	if (!place_step_back(map, &at))
		return false;
	last = map->pieces[at.piece]->slots[at.slot].last;
	*begin = last + 1;
	return last == UINT64_MAX;
}

static inline bool range_is_tombstone(const struct range_map_range *range)
{
	return range->bits & RANGE_MAP_TOMBSTONE;
}

static inline bool place_is_tombstone(const struct range_map *map, struct place at)
{
	return map->pieces[at.piece]->slots[at.slot].bits & RANGE_MAP_TOMBSTONE;
}

/* May a set begin beside the last look? To be seen again whenever one of these changes. */
static inline void see_direct(struct range_map *map)
{
	map->direct = map->equals && map->plain && !map->view && !map->counters.tombstones;
}

/* It has come (@sign 1) or goes (-1). */
static inline void count_range(struct range_map *map, const struct range_map_range *range, int sign)
{
	uint64_t length = range->last - range->first + 1;
	struct range_map_class *sum;

	if (range_is_tombstone(range)) {
		map->counters.tombstones += (uint64_t)sign;
		see_direct(map);
		return;
	}
	map->counters.ranges += (uint64_t)sign;
	map->counters.covered += (uint64_t)sign * length;
	if (!map->ops || !map->ops->class_of)
		return;
	sum = &map->classes[map->ops->class_of(map->ctx, range) % RANGE_MAP_CLASSES];
	sum->ranges += (uint64_t)sign;
	sum->covered += (uint64_t)sign * length;
}

/* One piece_replace() changes at most so many pieces: both ends, and two that it may join. */
#define REPLACE_CHANGES 4U
/* Set aside what makes @splits pieces more, and, in a shared map, changes @changes of those there are. */
int pieces_reserve(struct range_map *map, unsigned int splits, unsigned int changes) __must_check;
/* It has @nr ranges now: those behind are gone, or those in between were written. */
static inline void piece_set_nr(struct range_map_piece *piece, unsigned int nr)
{
	for (unsigned int i = nr; i < piece->nr; i++) {
		piece->slots[i].first = UINT64_MAX;
		piece->slots[i].last = 0;
	}
	for (unsigned int block = nr ? (nr + BLOCK - 1) / BLOCK : 1; BLOCK * block < piece->nr; block++)
		piece->heads[block - 1] = UINT64_MAX;
	piece->nr = nr;
}
/* The next of those set aside. */
struct range_map_piece *piece_take(struct range_map *map);
/* How many new pieces may a replace at @at need? */
static inline unsigned int pieces_needed(const struct range_map *map, struct place at)
{
	if (map->nr_pieces == 0)
		return 1;
	if (at.slot == 0 && at.piece) /* where piece_replace() would put it */
		return map->pieces[at.piece - 1]->nr + 3 > PIECE ||
		       (!place_is_end(map, at) && map->pieces[at.piece]->nr + 3 > PIECE);
	return map->pieces[at.piece]->nr + 3 > PIECE;
}
/* The ranges in [from, to) give way to @nr others, at most three, that fit there. Cannot fail. */
void piece_replace(struct range_map *map, struct place from, struct place to,
	const struct range_map_range *ranges, unsigned int nr);
/* The hole before @at may be longer than all that were before ranges of its piece. */
void piece_learn_hole(struct range_map *map, struct place at);
/* Piece @p has lost ranges: it and a neighbour become one, if they are half of one or less. */
void pieces_join_around(struct range_map *map, unsigned int p);
/* @range comes behind all others; after a pieces_reserve() for it, it cannot fail. */
int range_map_append(struct range_map *map, const struct range_map_range *range) __must_check;
/* All memory goes back; ranges are forgotten. */
void pieces_free(struct range_map *map);

/* --- the common case (quick.c) --- */

/* range_map_set() where nothing is known of the place (change.c). */
int set_anywhere(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits) __must_check;
/* range_map_set() and range_map_erase() within one piece of a plain map. False: nothing was done. */
bool quick_set(struct range_map *map, const struct range_map_range *range, int *err);
bool quick_erase(struct range_map *map, uint64_t first, uint64_t last, int *err);

/* --- readers (share.c) --- */

/* Room in a view for @nr pieces. */
int view_reserve(struct range_map *map, unsigned int nr) __must_check;
/* Instead of piece @p, which readers see, a copy that they do not. */
struct range_map_piece *piece_copy(struct range_map *map, unsigned int p);
/* Readers see what this call has done. */
void view_publish(struct range_map *map);
void view_free(struct range_map *map);
bool view_holds(const struct range_map *map);

/* Piece @p, to be written to. */
static inline struct range_map_piece *piece_own(struct range_map *map, unsigned int p)
{
	return __builtin_expect(map->view == NULL, 1) ? map->pieces[p] : piece_copy(map, p);
}
/* The end of each call that may have changed something. */
static inline void change_ends(struct range_map *map)
{
	if (__builtin_expect(map->view != NULL, 0))
		view_publish(map);
}

#endif /* RANGE_MAP_PIECE_H */
