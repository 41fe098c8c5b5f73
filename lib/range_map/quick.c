/* SPDX-License-Identifier: MIT */
/*
 * Setting and erasing where most is set and erased: in a map whose owner wants to know of no cut and no end, within one
 * piece. Of that again most lies in one range or hole, and ends none, mostly near the last look: range_map_set() begins
 * with it. What change.c does with ranges is done here with slots of the piece, and with numbers in registers: nothing
 * but what a callback is told has an address, and range_map_equal() is no callback.
 *
 *      slots     i-1      i                 j-1        j
 *             |-----|   |-- A --| ... |---- B ----|  |----|
 *      range                |==========|                       lower: A reaches out of it; upper: B does
 *      left is i if lower, else i - 1; right is j - 1 if upper, else j
 */
#include "piece.h"

#include "bytes.h"

/* What of piece @p a call meets: the slots [i, j). */
struct stretch {
	struct range_map_piece *piece;
	unsigned int p, i, j;
	bool lower, upper;
};

/* False: what @first to @last meet may lie in more than one piece. */
static inline bool stretch_of(
	const struct range_map *map, uint64_t first, uint64_t last, struct stretch *stretch)
{
	struct range_map_piece *piece;
	struct place at;
	unsigned int j;

	if (!map->plain || map->nr_pieces == 0 || map->counters.tombstones)
		return false;
	if (!place_near(map, first, &at)) {
		at.piece = piece_of(map, first);
		at.slot = slots_up_to(map->pieces[at.piece], first);
		at.slot -= at.slot && map->pieces[at.piece]->slots[at.slot - 1].last >= first;
	}
	piece = map->pieces[at.piece];
	for (j = at.slot; j < piece->nr && piece->slots[j].first <= last; j++)
		;
	*stretch = (struct stretch){ piece, at.piece, at.slot, j,
		j > at.slot && piece->slots[at.slot].first<first, j> at.slot &&
			piece->slots[j - 1].last > last };
	return j < piece->nr || at.piece + 1 == map->nr_pieces;
}

/* Slots from @from on move to @to. */
static inline void move_slots(struct range_map_piece *piece, unsigned int to, unsigned int from)
{
	unsigned int nr = piece->nr - from;

	if (to == from)
		return;
	memmove(piece->slots + to, piece->slots + from, nr * sizeof(piece->slots[0]));
	piece_set_nr(piece, to + nr);
}

/* Slots [at, to) were written, those behind them came from @from. */
static inline void learn_stretch(
	struct range_map_piece *piece, unsigned int at, unsigned int to, unsigned int from)
{
	if (to != from)
		piece_learn_heads(piece, at);
	else
		for (; at < to; at++)
			piece_learn_head(piece, at);
}

/* What the slots of @s cover within [first, last]. */
static inline uint64_t covered_by(const struct stretch *s, uint64_t first, uint64_t last)
{
	const struct range_map_range *slots = s->piece->slots;
	uint64_t covered = 0;

	for (unsigned int i = s->i; i < s->j; i++)
		covered += slots[i].last - slots[i].first + 1;
	if (s->lower)
		covered -= first - slots[s->i].first;
	if (s->upper)
		covered -= slots[s->j - 1].last - last;
	return covered;
}

/* They meet. May they become one? Then their owner is told so. */
static inline bool join(struct range_map *map, const struct range_map_range *left,
	const struct range_map_range *right, bool equals)
{
	if (!(equals ? left->bits == right->bits && left->value == right->value
		     : map->ops->may_merge(map->ctx, left, right)))
		return false;
	if (!equals && map->ops->merge)
		map->ops->merge(map->ctx, left, right);
	map->counters.merges++;
	return true;
}

/* What of slot @at lies before @range becomes its beginning, if it may. */
static inline bool join_lower(struct range_map *map, const struct range_map_piece *piece, unsigned int at,
	struct range_map_range *range, bool equals)
{
	struct range_map_range left = piece->slots[at];

	left.last = range->first - 1;
	if (!join(map, &left, range, equals))
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

/* Piece @p, which had @nr ranges, has changed at slot @at and behind it. */
static inline void stretch_ends(struct range_map *map, unsigned int p, unsigned int nr, unsigned int at)
{
	const struct range_map_piece *piece = map->pieces[p];

	map->counters.ranges += (uint64_t)piece->nr - nr;
	map->firsts[p] = piece->slots[0].first;
	place_remember(map, (struct place){ p, at });
	if (piece->nr < nr && map->nr_pieces > 1)
		pieces_join_around(map, p);
	change_ends(map);
}

static inline __attribute__((always_inline)) void set_slots(
	struct range_map *map, const struct stretch *s, struct range_map_range range, bool equals)
{
	struct range_map_piece *piece = piece_own(map, s->p);
	unsigned int from = s->i + s->lower, to = s->j, nr = piece->nr;
	bool merges = map->merges, lower = s->lower, upper = s->upper;
	struct range_map_range right = { 0 };

	map->counters.covered += range.last - range.first + 1 - covered_by(s, range.first, range.last);
	map->counters.splits += lower + upper;
	if (upper)
		right = above(piece, to - 1, &range);
	if (merges && (lower || (from && piece->slots[from - 1].last + 1 == range.first)) &&
		join_lower(map, piece, from - 1, &range, equals)) {
		from--;
		lower = false;
	}
	if (merges && !upper && to < nr && range.last + 1 == piece->slots[to].first) {
		right = above(piece, to, &range);
		if (join(map, &range, &right, equals)) {
			range.last = right.last;
			to++;
		}
	} else if (merges && upper && join(map, &range, &right, equals)) {
		range.last = right.last;
		upper = false;
	}
	if (lower)
		piece->slots[s->i].last = range.first - 1;
	move_slots(piece, from + 1 + upper, to);
	piece->slots[from] = range;
	if (upper)
		piece->slots[from + 1] = right;
	learn_stretch(piece, from, from + 1 + upper, to);
	/* Holes before ranges get no longer, but that the last range may be one that had none before it. */
	if (to == nr)
		piece_learn_hole(map, (struct place){ s->p, from });
	stretch_ends(map, s->p, nr, from);
}

static void set_telling(struct range_map *map, const struct stretch *s, const struct range_map_range *range)
{
	set_slots(map, s, *range, false);
}

static void set_equals(struct range_map *map, const struct stretch *s, const struct range_map_range *range)
{
	set_slots(map, s, *range, true);
}

static inline void learn_one(struct range_map_piece *piece, const struct range_map_range *s)
{
	piece_learn_head(piece, (size_t)(s - piece->slots));
}

static inline bool is_so(const struct range_map_range *a, const void *value, uint64_t bits)
{
	return (a->bits == bits) & (a->value == value);
}

static inline bool happened(struct range_map *map, unsigned int splits, unsigned int merges)
{
	map->counters.splits += splits;
	map->counters.merges += merges;
	return true;
}

/* Room for @by more slots in front of @s; true: there is. */
static inline __attribute__((always_inline)) bool open_slots(
	struct range_map *map, struct range_map_piece *piece, struct range_map_range *s, unsigned int by)
{
	if (piece->nr + by > PIECE)
		return false;
	memmove(s + by, s, (uintptr_t)(piece->slots + piece->nr) - (uintptr_t)s);
	piece->nr += by;
	map->counters.ranges += by;
	remember_slots(map, s - (s != piece->slots));
	return true;
}

/* After open_slots() in front of @s, and what has filled them. */
static inline void learn_opened(struct range_map_piece *piece, const struct range_map_range *s)
{
	piece_learn_heads(piece, (size_t)(s - piece->slots));
}

static inline void fill(struct range_map_range *s, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	s->first = first;
	s->last = last;
	s->value = value;
	s->bits = bits;
}

/* [first, last] lies inside @a, which reaches out of it on both sides: one becomes three, if they are not alike. */
static inline bool set_inside(struct range_map *map, struct range_map_piece *piece, struct range_map_range *a,
	uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	if (is_so(a, value, bits))
		return happened(map, 2, 2);
	if (!open_slots(map, piece, a + 1, 2))
		return false;
	fill(a + 2, last + 1, a->last, a->value, a->bits);
	fill(a + 1, first, last, value, bits);
	a->last = first - 1;
	learn_opened(piece, a + 1);
	return happened(map, 2, 0);
}

/*
 * [first, last] lies within @a, to one of its ends or both. A heap's reserved room gets its rights bit by bit:
 *
 *      before   |- left -|------ A -------|
 *      set               |======|                 alike left
 *      after    |---- left -----|-- A ----|
 */
static inline bool set_within(struct range_map *map, struct range_map_piece *piece, struct range_map_range *a,
	uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	bool lower = a->first < first, upper = last < a->last, alike = is_so(a, value, bits);
	bool left =
		lower ? alike : a != piece->slots && (a[-1].last + 1 == first) & is_so(a - 1, value, bits);
	bool right =
		upper ? alike : (last + 1 == a[1].first) & is_so(a + 1, value, bits) && slot_is_used(a + 1);

	if (!lower && !upper) {
		if (left | right)
			return false;
		a->bits = bits;
		a->value = value;
		return true;
	}
	if (alike) { /* it is what it was, but neighbours that were kept apart may become one */
		if ((left && !lower) || (right && !upper))
			return false;
	} else if (left && upper) {
		a[-1].last = last;
		a->first = last + 1;
		learn_one(piece, a);
	} else if (right && lower) {
		a->last = first - 1;
		a[1].first = first;
		learn_one(piece, a + 1);
	} else if (left || right) {
		return false;
	} else if (lower) {
		if (!open_slots(map, piece, a + 1, 1))
			return false;
		a->last = first - 1;
		fill(a + 1, first, last, value, bits);
		learn_opened(piece, a + 1);
	} else {
		if (!open_slots(map, piece, a, 1))
			return false;
		a[1].first = last + 1;
		fill(a, first, last, value, bits);
		learn_opened(piece, a);
	}
	return happened(map, lower + upper, left + right);
}

/* [first, last] lies in the hole in front of @a, where @left ends; NULL: nothing is before it. */
static inline bool set_in_hole(struct range_map *map, struct range_map_piece *piece,
	struct range_map_range *left, struct range_map_range *a, uint64_t first, uint64_t last, void *value,
	uint64_t bits)
{
	bool joins_left = left && left->last + 1 == first && is_so(left, value, bits);
	bool joins_right = last + 1 == a->first && is_so(a, value, bits);

	if (last >= a->first || (joins_left && joins_right))
		return false;
	if (joins_left)
		left->last = last;
	else if (joins_right)
		a->first = first;
	else if (open_slots(map, piece, a, 1))
		fill(a, first, last, value, bits);
	else
		return false;
	if (!joins_left)
		joins_right ? learn_one(piece, a) : learn_opened(piece, a);
	if (!left)
		map->firsts[0] = first;
	map->counters.covered += last - first + 1;
	return happened(map, 0, joins_left + joins_right);
}

/* The slot that @at is in, or behind, or the first of all. The next look begins there. The map is not empty. */
static __attribute__((noinline)) struct range_map_range *slot_far(struct range_map *map, uint64_t at)
{
	unsigned int p = piece_of(map, at), slot = slots_up_to(map->pieces[p], at);

	slot -= !!slot;
	map->recent = map->pieces[p]->slots + slot - !!slot;
	map->recent_piece = p;
	return map->pieces[p]->slots + slot;
}

/* The same, which may be one of those beside the last look, and its piece. */
static inline struct range_map_range *slot_of(
	struct range_map *map, uint64_t at, struct range_map_piece **piece)
{
	const struct range_map_range *three = recent_slots(map), *s = slot_of_three(three, at);
	unsigned int p = map->recent_piece;

	if ((!as_one(slot_covers(s, at)) && !in_hole_behind(s, three, at)) || p >= map->nr_pieces ||
		slot_in_piece(map, p, s) >= PIECE)
		s = slot_far(map, at);
	*piece = map->pieces[map->recent_piece];
	return (struct range_map_range *)s;
}

/* What ends no range. False: nothing was done, but that the next look begins there. */
static inline bool set_beside(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct range_map_piece *piece;
	struct range_map_range *s;
	unsigned int p;

	if (map->nr_pieces == 0)
		return false;
	s = slot_of(map, first, &piece);
	p = map->recent_piece;
	if (s->first < first && last < s->last)
		return set_inside(map, piece, s, first, last, value, bits);
	/* A neighbour may be in the piece before or behind. */
	if ((s + 1 == piece->slots + piece->nr && p + 1 < map->nr_pieces) || (s == piece->slots && p))
		return false;
	if (first < s->first)
		return s == piece->slots && set_in_hole(map, piece, NULL, s, first, last, value, bits);
	if (last <= s->last)
		return set_within(map, piece, s, first, last, value, bits);
	return s->last < first && slot_is_used(s + 1) &&
	       set_in_hole(map, piece, s, s + 1, first, last, value, bits);
}

/* The same for an erasure: a part of one range. */
static inline bool erase_beside(struct range_map *map, uint64_t first, uint64_t last)
{
	struct range_map_range *s = (struct range_map_range *)slot_of_three(recent_slots(map), first);
	unsigned int p = map->recent_piece;
	struct range_map_piece *piece;
	bool lower, upper;

	if (!as_one((s->first <= first) & (last <= s->last)) || p >= map->nr_pieces ||
		slot_in_piece(map, p, s) >= PIECE)
		return false;
	piece = map->pieces[p];
	lower = s->first < first;
	upper = last < s->last;
	if (lower && upper) {
		if (!open_slots(map, piece, s + 1, 1))
			return false;
		fill(s + 1, last + 1, s->last, s->value, s->bits);
		s->last = first - 1;
		learn_opened(piece, s + 1);
	} else if (lower) {
		s->last = first - 1;
	} else if (upper) {
		s->first = last + 1;
		learn_one(piece, s);
		map->firsts[p] = piece->slots[0].first;
	} else {
		return false;
	}
	if (lower && s + 1 == piece->slots + piece->nr)
		piece_learn_hole(map, (struct place){ p + 1, 0 });
	else
		piece_learn_hole(map, (struct place){ p, (unsigned int)(s - piece->slots) + lower });
	map->counters.covered -= last - first + 1;
	return happened(map, lower + upper, 0);
}

/* Apart, so that what comes first in range_map_set() needs few registers. */
static __attribute__((noinline)) int set_near(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	if (!(bits & RANGE_MAP_TOMBSTONE) && set_beside(map, first, last, value, bits))
		return 0;
	return set_anywhere(map, first, last, value, bits);
}

/* Slot @s begins elsewhere, and looks of several threads have left what is recent of one with the piece of another. */
static __attribute__((noinline)) void begins_elsewhere_far(
	struct range_map *map, const struct range_map_range *s)
{
	learn_one(map->pieces[piece_of(map, s->last)], s);
}

/* Slot @s, which is not the first of its piece, begins elsewhere. */
static inline void begins_elsewhere(struct range_map *map, const struct range_map_range *s)
{
	unsigned int p = map->recent_piece;
	size_t slot = p < map->nr_pieces ? slot_in_piece(map, p, s) : PIECE;

	if (slot < PIECE)
		piece_learn_head(map->pieces[p], slot);
	else
		begins_elsewhere_far(map, s);
}

/*
 * Most sets move the boundary between two of the three slots beside the last look. These are of one piece, whichever
 * that is, and the boundary is not where it begins; no hole gets longer: two words change, or one.
 *
 *      before   |- s[-1] -|------- s -------|        |-- s --|   [first, last]  |- s[1] -|
 *      range              |=====|                            |====|        or |====|
 *      after    |--- s[-1] -----|---- s ----|        |---- s -----|      or |-- s[1] --|
 */
int range_map_set(struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits)
{
	struct range_map_range *three = (struct range_map_range *)recent_slots(map);
	struct range_map_range *s = (struct range_map_range *)slot_of_three(three, first);

	if (!map->direct || first > last)
		return set_anywhere(map, first, last, value, bits);
	if (s->first == first && last < s->last && s != three) {
		if (s[-1].last + 1 != first || !is_so(s - 1, value, bits) || is_so(s, value, bits))
			return set_near(map, first, last, value, bits);
		s[-1].last = last;
		s->first = last + 1;
		begins_elsewhere(map, s);
		map->counters.splits++;
	} else if (in_hole_behind(s, three, first) && last < s[1].first) {
		bool left = s->last + 1 == first && is_so(s, value, bits);

		if (left == (last + 1 == s[1].first && is_so(s + 1, value, bits)))
			return set_near(map, first, last, value, bits);
		if (left) {
			s->last = last;
		} else {
			s[1].first = first;
			begins_elsewhere(map, s + 1);
		}
		map->counters.covered += last - first + 1;
	} else {
		return set_near(map, first, last, value, bits);
	}
	map->counters.merges++;
	return 0;
}

bool quick_set(struct range_map *map, const struct range_map_range *range, int *err)
{
	struct stretch s;

	*err = 0;
	/* A neighbour may be in the piece before. */
	if (!stretch_of(map, range->first, range->last, &s) || (s.i == 0 && s.p))
		return false;
	if (s.piece->nr - (s.j - s.i) + 1 + s.lower + s.upper > PIECE)
		return false;
	*err = map->view ? pieces_reserve(map, 0, REPLACE_CHANGES) : 0;
	if (*err)
		return true;
	if (map->equals)
		set_equals(map, &s, range);
	else
		set_telling(map, &s, range);
	return true;
}

bool quick_erase(struct range_map *map, uint64_t first, uint64_t last, int *err)
{
	struct range_map_piece *piece;
	unsigned int nr, from, to;
	struct stretch s;
	uint64_t high;

	*err = 0;
	if (map->direct && erase_beside(map, first, last))
		return true;
	if (!stretch_of(map, first, last, &s))
		return false;
	if (s.i == s.j)
		return true;
	nr = s.piece->nr;
	if (nr - (s.j - s.i) + s.lower + s.upper - 1 >= PIECE) /* too many, or none at all */
		return false;
	*err = map->view ? pieces_reserve(map, 0, REPLACE_CHANGES) : 0;
	if (*err)
		return true;
	map->counters.covered -= covered_by(&s, first, last);
	map->counters.splits += s.lower + s.upper;
	piece = piece_own(map, s.p);
	high = piece->slots[s.j - 1].last;
	to = s.i + s.lower;
	from = s.j - s.upper;
	if (s.lower && s.upper && s.j == to) /* one becomes two */
		from = s.i;
	move_slots(piece, to, from);
	if (s.lower)
		piece->slots[s.i].last = first - 1;
	if (s.upper) {
		piece->slots[to].first = last + 1;
		piece->slots[to].last = high;
	}
	learn_stretch(piece, to, to + s.upper, from + s.upper);
	if (to < piece->nr)
		piece_learn_hole(map, (struct place){ s.p, to });
	else
		piece_learn_hole(map, (struct place){ s.p + 1, 0 });
	stretch_ends(map, s.p, nr, to < piece->nr ? to : s.i - !!s.i);
	return true;
}
