/* SPDX-License-Identifier: MIT */
/*
 * Leaves: layout of areas
 *
 * 1. Meaning.  A leaf holds up to 30 areas in ascending order, and none of them overlap. An index that no area covers
 *    is NULL. An area whose slot is NULL has been erased: it is part of the hole around it.
 *
 * 2. Narrow and wide.  Bounds are kept as 32-bit numbers of units above a base that the leaf has; a unit is one index,
 *    or a page of 4096 when every area begins and ends at a page. Areas that lie too far apart for that are kept in a
 *    wide leaf, with bounds of 64 bits.  The layout is chosen when a leaf is made from its areas; a store that does not
 *    fit the layout makes the leaf anew.
 *
 *      cache line   0        1     |    2        3     |  4        5        6        7  |   8 to 11
 *      narrow     base, end[30]    |  start[30], nr    |  slot[30]                      |                512 bytes
 *      wide       base, end[30]                 , nr   |  slot[30]                      |  start[30]     768 bytes
 *
 *    The low six bits of the base word are the shift of a unit, 0 or 12, or LEAF_WIDE: the base itself is a multiple
 *    of 64. So a search has all that it needs in the two lines of the ends: how many of them are below the index?
 *    The area after those holds the index if it begins at or below it.  Unused bounds are the largest number:
 *    never below anything, never at or below anything. No count is read.
 *
 * 3. The base is the leaf's first index where that is near enough.  Where it is not (the first leaf, or one after
 *    a large hole) it lies as far below the first area as there will be room left above the last, so that areas may be
 *    added at both ends.
 */
#ifndef MAPLE_LEAF_H
#define MAPLE_LEAF_H

#include "bytes.h"
#include "node.h"

#define LEAF_AREAS MT_LEAF_AREAS
#define LEAF_MIN   8

#define LEAF_CODE       MT_LEAF_LAYOUT
#define LEAF_WIDE       MT_LEAF_WIDE
#define LEAF_PAGE_SHIFT 12

#define NARROW_UNUSED INT_MAX
#define NARROW_KEY    (INT_MAX - 1) /* the unit of an index that lies above all areas */
#define NARROW_LAST   (INT_MAX - 2) /* the last unit that an area may have */

struct mt_wide_leaf {
	struct mt_leaf leaf;
	unsigned long start[LEAF_AREAS + 2]; /* the last two unused */
};

_Static_assert(offsetof(struct mt_wide_leaf, start) == sizeof(struct mt_leaf), "where a step looks for them");
#if ULONG_MAX > UINT_MAX
_Static_assert(sizeof(struct mt_leaf) == POOL_LEAF_SIZE, "a leaf is eight cache lines");
_Static_assert(sizeof(struct mt_wide_leaf) == POOL_INNER_SIZE, "a wide one twelve, as an inner node");
_Static_assert(offsetof(struct mt_leaf, narrow.start) == 128, "ends fill two cache lines with the base");
_Static_assert(offsetof(struct mt_leaf, slot) == 256, "and starts the next two");
#else /* words of 32 bits: nodes are smaller than their blocks */
_Static_assert(sizeof(struct mt_leaf) <= POOL_LEAF_SIZE, "a leaf has its block");
_Static_assert(sizeof(struct mt_wide_leaf) <= POOL_INNER_SIZE, "and a wide one that of an inner node");
#endif

struct mt_area {
	unsigned long first, last;
	void *entry;
};

static inline bool leaf_is_wide(const struct mt_leaf *leaf)
{
	return (leaf->base & LEAF_CODE) == LEAF_WIDE;
}

static inline enum pool_kind leaf_kind(const struct mt_leaf *leaf)
{
	return leaf_is_wide(leaf) ? POOL_INNER : POOL_LEAF;
}

static inline unsigned int leaf_shift(const struct mt_leaf *leaf)
{
	return leaf->base & LEAF_CODE;
}

static inline unsigned long leaf_base(const struct mt_leaf *leaf)
{
	return leaf->base & ~LEAF_CODE;
}

/* Units of a narrow leaf in indices, and back: two shifts that the compiler knows are faster than one it does not. */
static inline unsigned long layout_indices(unsigned long layout, unsigned long units)
{
	return layout & LEAF_CODE ? units << LEAF_PAGE_SHIFT : units;
}

static inline unsigned long layout_units(unsigned long layout, unsigned long indices)
{
	return layout & LEAF_CODE ? indices >> LEAF_PAGE_SHIFT : indices;
}

static inline const struct mt_wide_leaf *leaf_wide(const struct mt_leaf *leaf)
{
	return (const struct mt_wide_leaf *)leaf;
}

/* The bounds of area @i, of a leaf whose base word is @layout: for who reads several and loads it once. */
static inline unsigned long layout_start(const struct mt_leaf *leaf, unsigned long layout, unsigned int i)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		return leaf_wide(leaf)->start[i];
	return (layout & ~LEAF_CODE) + layout_indices(layout, (unsigned long)leaf->narrow.start[i]);
}

static inline unsigned long layout_end(const struct mt_leaf *leaf, unsigned long layout, unsigned int i)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		return leaf->wide.end[i];
	return (layout & ~LEAF_CODE) + layout_indices(layout, (unsigned long)leaf->narrow.end[i] + 1) - 1;
}

static inline unsigned long leaf_start(const struct mt_leaf *leaf, unsigned int i)
{
	return layout_start(leaf, leaf->base, i);
}

static inline unsigned long leaf_end(const struct mt_leaf *leaf, unsigned int i)
{
	return layout_end(leaf, leaf->base, i);
}

static inline void *leaf_entry(const struct mt_leaf *leaf, unsigned int i)
{
	return mt_load_slot(&leaf->slot[i]);
}

/* How many areas have an entry: exact for a writer, for a reader in RCU mode a hint. */
static inline unsigned int leaf_live(const struct mt_leaf *leaf)
{
	return __atomic_load_n(&leaf->live, __ATOMIC_RELAXED);
}

static inline void leaf_set_live(struct mt_leaf *leaf, unsigned int live)
{
	__atomic_store_n(&leaf->live, (unsigned char)live, __ATOMIC_RELAXED);
}

/* Load what a lookup will read when it knows the area: the start, and the slot, whichever they are. */
static inline void leaf_prefetch(const struct mt_leaf *leaf)
{
	__builtin_prefetch(leaf->narrow.start);
	__builtin_prefetch(leaf->slot);
	__builtin_prefetch(&leaf->slot[LEAF_AREAS / 2 + 1]);
}

/* Load what a search reads of a narrow leaf, and half of it of a wide one. */
static inline void leaf_prefetch_ends(const struct mt_leaf *leaf)
{
	__builtin_prefetch(leaf);
	__builtin_prefetch((const char *)leaf + 64);
}

/* And what a lookup reads then: the start of the area that was found, and its slot. */
static inline void leaf_prefetch_area(const struct mt_leaf *leaf, unsigned int i)
{
	if (leaf_is_wide(leaf))
		__builtin_prefetch(&leaf_wide(leaf)->start[i]);
	else
		__builtin_prefetch((const char *)leaf->narrow.start + i * sizeof(int));
	__builtin_prefetch(&leaf->slot[i]);
}

/* Load what a step through all areas, or a store, will read. */
static inline void leaf_prefetch_all(const struct mt_leaf *leaf)
{
	UNROLL
	for (unsigned int line = 0; line < sizeof(*leaf); line += 64)
		__builtin_prefetch((const char *)leaf + line);
}

/* @index in the units of a narrow leaf: -1 below the base, NARROW_KEY above all that an area can have. */
static inline int narrow_key(const struct mt_leaf *leaf, unsigned long index)
{
	unsigned long base = leaf_base(leaf), units = layout_units(leaf->base, index - base);
	int key = units > NARROW_KEY ? NARROW_KEY : (int)units;

	return index < base ? -1 : key;
}

/* The start of area @i, which may be LEAF_AREAS. */
static inline int narrow_start(const struct mt_leaf *leaf, unsigned int i)
{
	return ((const int *)((const char *)leaf + offsetof(struct mt_leaf, narrow.start)))[i];
}

/* What is at @index, where @i areas end below it. */
static inline void *leaf_entry_at(const struct mt_leaf *leaf, unsigned int i, unsigned long index)
{
	if (leaf_is_wide(leaf))
		return i < leaf->nr && leaf_wide(leaf)->start[i] <= index ? leaf_entry(leaf, i) : NULL;
	return narrow_start(leaf, i) <= narrow_key(leaf, index) ? leaf_entry(leaf, i) : NULL;
}

/* The first area at or after @i that has an entry, or nr. */
static inline unsigned int leaf_live_from(const struct mt_leaf *leaf, unsigned int i)
{
	while (i < leaf->nr && !leaf_entry(leaf, i))
		i++;
	return i;
}

/* One more than the last area before @i that has an entry; 0 when there is none. */
static inline unsigned int leaf_live_before(const struct mt_leaf *leaf, unsigned int i)
{
	while (i && !leaf_entry(leaf, i - 1))
		i--;
	return i;
}

/* The first entry of areas [*i, nr), whose place is *i then: each slot is read once, beside a writer it may change. */
static inline void *leaf_first_entry(const struct mt_leaf *leaf, unsigned int *i)
{
	for (; *i < leaf->nr; (*i)++) {
		void *entry = leaf_entry(leaf, *i);

		if (entry)
			return entry;
	}
	return NULL;
}

/* The last entry of areas [0, i). */
static inline void *leaf_last_entry(const struct mt_leaf *leaf, unsigned int i)
{
	void *entry = NULL;

	while (i && !entry)
		entry = leaf_entry(leaf, --i);
	return entry;
}

/* Of the hole between areas @before - 1 and @after, which have entries or are not there: its first and last index. */
static inline unsigned long hole_first(const struct mt_leaf *leaf, unsigned int before, unsigned long min)
{
	return before ? leaf_end(leaf, before - 1) + 1 : min;
}

static inline unsigned long hole_last(const struct mt_leaf *leaf, unsigned int after, unsigned long max)
{
	return after < leaf->nr ? leaf_start(leaf, after) - 1 : max;
}

/*
 * What a store does to a leaf: it covers areas [from, to), and something may be left over of the first and the last.
 *
 *      before   | a |      b      | c |        from is b, to is c: left and right are both of b
 *      store            |= e =|
 *      after    | a | b |  e  | b | c |
 */
struct mt_splice {
	unsigned int from, to;
	unsigned int nr, live; /* areas and entries of the leaf afterwards */
	bool left, right;      /* something is left over of area from, of area to - 1 */
	bool solid;            /* nothing of what the store covers is NULL */
};

/* A free-area search (gap.c). */
struct mt_gap_search {
	unsigned long min, max, size; /* the window, and what must fit */
	bool highest;
	unsigned long found; /* first index of the run */
};

/* Does [begin, end], clipped to the window, hold the run? */
static inline bool mt_gap_fits(struct mt_gap_search *s, unsigned long begin, unsigned long end)
{
	unsigned long first = begin > s->min ? begin : s->min;
	unsigned long last = end < s->max ? end : s->max;

	if (first > last || last - first < s->size - 1)
		return false;
	s->found = s->highest ? last - (s->size - 1) : first;
	return true;
}

/* The first bit of @mask in the direction of the search. */
static inline unsigned int mt_first_bit(const struct mt_gap_search *s, unsigned int mask)
{
	return (unsigned int)(s->highest ? 31 - __builtin_clz(mask) : __builtin_ctz(mask));
}

/* A node on the path down: where it lies, and which of its children is being looked into, with its bounds. */
struct mt_gap_level {
	const struct mt_inner *node;
	unsigned long min, max, begin, end;
	unsigned int i;
};

/* gap.c: @path becomes the one to @index, in @leaf below the nodes of @level_at. */
void mt_gap_path(const struct mt_gap_level *level_at, unsigned int levels, const struct mt_leaf *leaf,
	unsigned long index, struct mt_path *path);
/*
 * gap.c: the gap of a leaf that lies in the window, and has no run that is long enough, was that of a time before
 * something was stored there (MT7).
 */
void mt_mend_gap(const struct mt_gap_search *s, const struct mt_gap_level *level_at, unsigned int levels,
	const struct mt_leaf *leaf, struct mt_path *path);

/* gap.c: the search in a leaf of either layout, with erased areas in it. */
bool mt_gap_in_leaf(
	struct mt_gap_search *s, const struct mt_leaf *leaf, unsigned long min, unsigned long max);

/* gap.c: the longest run of NULL in such a leaf. */
unsigned long mt_any_leaf_gap(const struct mt_leaf *leaf, unsigned long min, unsigned long max);

/* Can [first, last] be an area of the leaf, whose base word is @layout, as it is? */
static inline bool layout_fits(unsigned long layout, unsigned long first, unsigned long last)
{
	unsigned long base = layout & ~LEAF_CODE, within = layout_indices(layout, 1) - 1;

	if ((layout & LEAF_CODE) == LEAF_WIDE)
		return true;
	return ((first | (last + 1)) & within) == 0 && first >= base &&
	       layout_units(layout, last - base) <= NARROW_LAST;
}
static inline bool leaf_fits(const struct mt_leaf *leaf, unsigned long first, unsigned long last)
{
	return layout_fits(leaf->base, first, last);
}
/*
 * The base word of the leaf that is to hold these areas, in a leaf that begins at @min; or areas from @first to @last,
 * where @bits is what any of their bounds has.
 */
unsigned long leaf_layout_of(unsigned long bits, unsigned long first, unsigned long last, unsigned long min);
unsigned long leaf_layout(const struct mt_area *areas, unsigned int nr, unsigned long min);
static inline enum pool_kind leaf_layout_kind(unsigned long layout)
{
	return (layout & LEAF_CODE) == LEAF_WIDE ? POOL_INNER : POOL_LEAF;
}
/*
 * @call(..., layout) for the leaf's own, of which the compiler knows the code: it makes a copy of an inlined @call for each;
 * where small code is asked for, one for all.
 */
#ifdef __OPTIMIZE_SIZE__
#define LEAF_BY_LAYOUT(leaf, call, ...) call(__VA_ARGS__, (leaf)->base)
#else
#define LEAF_BY_LAYOUT(leaf, call, ...)                                                   \
	(leaf_is_wide(leaf)        ? call(__VA_ARGS__, LEAF_WIDE)                         \
		: leaf_shift(leaf) ? call(__VA_ARGS__, leaf_base(leaf) | LEAF_PAGE_SHIFT) \
				   : call(__VA_ARGS__, leaf_base(leaf)))
#endif
/* Fill a leaf of that layout. */
void leaf_fill(struct mt_leaf *leaf, unsigned long layout, const struct mt_area *areas, unsigned int nr);
static inline void leaf_set_start(
	struct mt_leaf *leaf, unsigned long layout, unsigned int i, unsigned long first)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		((struct mt_wide_leaf *)leaf)->start[i] = first;
	else
		leaf->narrow.start[i] = (int)layout_units(layout, first - (layout & ~LEAF_CODE));
}

static inline void leaf_set_end(
	struct mt_leaf *leaf, unsigned long layout, unsigned int i, unsigned long last)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		leaf->wide.end[i] = last;
	else
		leaf->narrow.end[i] = (int)layout_units(layout, last - (layout & ~LEAF_CODE));
}

/*
 * Bounds in the units that the leaf keeps them in, for who compares several of them with those of one area: no shift and
 * no base for each.  Of a wide leaf they are the indices themselves.
 */
static inline unsigned long layout_unit(unsigned long layout, unsigned long index)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		return index;
	return layout_units(layout, index - (layout & ~LEAF_CODE));
}

static inline unsigned long leaf_unit_start(const struct mt_leaf *leaf, unsigned long layout, unsigned int i)
{
	return (layout & LEAF_CODE) == LEAF_WIDE ? leaf_wide(leaf)->start[i]
						 : (unsigned int)leaf->narrow.start[i];
}

static inline unsigned long leaf_unit_end(const struct mt_leaf *leaf, unsigned long layout, unsigned int i)
{
	return (layout & LEAF_CODE) == LEAF_WIDE ? leaf->wide.end[i] : (unsigned int)leaf->narrow.end[i];
}

static inline void leaf_set_unit_start(
	struct mt_leaf *leaf, unsigned long layout, unsigned int i, unsigned long unit)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		((struct mt_wide_leaf *)leaf)->start[i] = unit;
	else
		leaf->narrow.start[i] = (int)unit;
}

static inline void leaf_set_unit_end(
	struct mt_leaf *leaf, unsigned long layout, unsigned int i, unsigned long unit)
{
	if ((layout & LEAF_CODE) == LEAF_WIDE)
		leaf->wide.end[i] = unit;
	else
		leaf->narrow.end[i] = (int)unit;
}

static inline void leaf_set_area(struct mt_leaf *leaf, unsigned long layout, unsigned int i,
	unsigned long first, unsigned long last, void *entry)
{
	leaf_set_start(leaf, layout, i, first);
	leaf_set_end(leaf, layout, i, last);
	leaf->slot[i] = entry;
}

/* Two words of @size bytes each, which overlap with where they go. */
static inline __attribute__((always_inline)) void move_two(void *to, const void *from, size_t size)
{
	unsigned char two[2 * sizeof(unsigned long)];

	memcpy(two, from, 2 * size);
	memcpy(to, two, 2 * size);
}

#if defined(__OPTIMIZE_SIZE__) || defined(VMAPLE_SMALL)
#define LEAF_MOVES_UP false
#else
#define LEAF_MOVES_UP true
#endif

/*
 * Places [from, nr) move up by one, two at a time from the top: a leaf of a process has a dozen areas there, for which three
 * calls of memmove() take 105 instructions and this 77 (callgrind, on recordings of five programs).
 */
static inline void leaf_move_up(
	struct mt_leaf *leaf, unsigned long layout, unsigned int from, unsigned int nr)
{
	unsigned long *start = ((struct mt_wide_leaf *)leaf)->start;
	size_t i = nr, last = from;

	if ((i - last) & 1) {
		i--;
		leaf->slot[i + 1] = leaf->slot[i];
		leaf_set_unit_end(
			leaf, layout, (unsigned int)i + 1, leaf_unit_end(leaf, layout, (unsigned int)i));
		leaf_set_unit_start(
			leaf, layout, (unsigned int)i + 1, leaf_unit_start(leaf, layout, (unsigned int)i));
	}
	while (i > last) {
		i -= 2;
		move_two(&leaf->slot[i + 1], &leaf->slot[i], sizeof(leaf->slot[0]));
		if ((layout & LEAF_CODE) == LEAF_WIDE) {
			move_two(&leaf->wide.end[i + 1], &leaf->wide.end[i], sizeof(leaf->wide.end[0]));
			move_two(&start[i + 1], &start[i], sizeof(start[0]));
		} else {
			move_two(&leaf->narrow.end[i + 1], &leaf->narrow.end[i], sizeof(int));
			move_two(&leaf->narrow.start[i + 1], &leaf->narrow.start[i], sizeof(int));
		}
	}
}

/* Move the areas from @from on, @count of them, to @to. */
static inline void leaf_move(
	struct mt_leaf *leaf, unsigned long layout, unsigned int to, unsigned int from, unsigned int count)
{
	unsigned long *start = ((struct mt_wide_leaf *)leaf)->start;

	if (LEAF_MOVES_UP && to == from + 1) {
		leaf_move_up(leaf, layout, from, from + count);
		return;
	}
	memmove(&leaf->slot[to], &leaf->slot[from], count * sizeof(leaf->slot[0]));
	if ((layout & LEAF_CODE) == LEAF_WIDE) {
		memmove(&leaf->wide.end[to], &leaf->wide.end[from], count * sizeof(leaf->wide.end[0]));
		memmove(&start[to], &start[from], count * sizeof(start[0]));
	} else {
		memmove(&leaf->narrow.end[to], &leaf->narrow.end[from], count * sizeof(int));
		memmove(&leaf->narrow.start[to], &leaf->narrow.start[from], count * sizeof(int));
	}
}

/* Erased areas give up their places. */
void leaf_squeeze(struct mt_leaf *leaf);
/* Areas [from, to) are not there any more. */
void leaf_set_unused(struct mt_leaf *leaf, unsigned int from, unsigned int to);
/* Add an area behind the last, for which there is room. */
void leaf_append(struct mt_leaf *leaf, const struct mt_area *area);
/*
 * @part, which is not yet anything, becomes a leaf of that layout with @nr areas of @leaf, from @from on, none of them erased.
 * It is @leaf's own layout, or a narrow one where that is wide.
 */
void leaf_take_part(struct mt_leaf *part, unsigned long layout, const struct mt_leaf *leaf, unsigned int from,
	unsigned int nr);
void leaf_copy(struct mt_leaf *to, const struct mt_leaf *from);
/* Carry out @store, as @s says, on a leaf that nobody else sees. */
void leaf_splice(struct mt_leaf *leaf, struct mt_splice *s, const struct mt_store *store);

#endif /* MAPLE_LEAF_H */
