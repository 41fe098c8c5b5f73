/* SPDX-License-Identifier: MIT */
/* Making and changing leaves: see leaf.h. */
#include "leaf.h"
#include "bytes.h"

#define UNITS_OF_ROUNDING 63 /* a base is rounded down to a multiple of 64 indices */

bool leaf_fits(const struct mt_leaf *leaf, unsigned long first, unsigned long last)
{
	unsigned int shift = leaf_shift(leaf);
	unsigned long base = leaf_base(leaf), within = (1UL << shift) - 1;

	if (leaf_is_wide(leaf))
		return true;
	return ((first | (last + 1)) & within) == 0 && first >= base && (last - base) >> shift <= NARROW_LAST;
}

unsigned long leaf_layout(const struct mt_area *areas, unsigned int nr, unsigned long min)
{
	unsigned long bits = 0, first, units, below, room;
	unsigned int shift;

	if (!nr)
		return 0;
	for (unsigned int i = 0; i < nr; i++)
		bits |= areas[i].first | (areas[i].last + 1);
	shift = bits & ((1UL << LEAF_PAGE_SHIFT) - 1) ? 0 : LEAF_PAGE_SHIFT;
	first = areas[0].first;
	units = (areas[nr - 1].last - first) >> shift;
	if (units > NARROW_LAST - UNITS_OF_ROUNDING)
		return LEAF_WIDE;
	below = (first - min) >> shift;
	room = (NARROW_LAST - UNITS_OF_ROUNDING - units) / 2;
	first -= (below < room ? below : room) << shift;
	return (first & ~LEAF_CODE) | shift;
}

static inline void set_bounds(struct mt_leaf *leaf, unsigned int i, unsigned long first, unsigned long last)
{
	if (leaf_is_wide(leaf)) {
		leaf->wide.end[i] = last;
		((struct mt_wide_leaf *)leaf)->start[i] = first;
	} else {
		leaf->narrow.end[i] = (int)layout_units(leaf->base, last - leaf_base(leaf));
		leaf->narrow.start[i] = (int)layout_units(leaf->base, first - leaf_base(leaf));
	}
}

/* Areas [from, to) are not there any more. */
static void set_unused(struct mt_leaf *leaf, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		if (leaf_is_wide(leaf)) {
			leaf->wide.end[i] = ULONG_MAX;
			((struct mt_wide_leaf *)leaf)->start[i] = ULONG_MAX;
		} else {
			leaf->narrow.end[i] = NARROW_UNUSED;
			leaf->narrow.start[i] = NARROW_UNUSED;
		}
		leaf->slot[i] = NULL;
	}
}

void leaf_fill(struct mt_leaf *leaf, unsigned long layout, const struct mt_area *areas, unsigned int nr)
{
	leaf->base = layout;
	leaf->after = NARROW_UNUSED;
	for (unsigned int i = 0; i < nr; i++) {
		set_bounds(leaf, i, areas[i].first, areas[i].last);
		leaf->slot[i] = areas[i].entry;
	}
	set_unused(leaf, nr, LEAF_AREAS);
	leaf->slot[LEAF_AREAS] = leaf->slot[LEAF_AREAS + 1] = NULL;
	leaf->nr = (unsigned char)nr;
	leaf->live = (unsigned char)nr;
}

void leaf_append(struct mt_leaf *leaf, const struct mt_area *area)
{
	unsigned int nr = leaf->nr;

	set_bounds(leaf, nr, area->first, area->last);
	leaf->slot[nr] = area->entry;
	leaf->nr++;
	leaf->live++;
}

void leaf_copy(struct mt_leaf *to, const struct mt_leaf *from)
{
	/* Of constant size, so that it needs no call. */
	memcpy(to, from, sizeof(*to));
	if (leaf_is_wide(from))
		memcpy(((struct mt_wide_leaf *)to)->start, leaf_wide(from)->start,
			sizeof(leaf_wide(from)->start));
}

/* Move the areas from @from on, @count of them, to @to. */
static void move(struct mt_leaf *leaf, unsigned int to, unsigned int from, unsigned int count)
{
	memmove(&leaf->slot[to], &leaf->slot[from], count * sizeof(leaf->slot[0]));
	break_rest();
	if (leaf_is_wide(leaf)) {
		unsigned long *start = ((struct mt_wide_leaf *)leaf)->start;

		memmove(&leaf->wide.end[to], &leaf->wide.end[from], count * sizeof(leaf->wide.end[0]));
		memmove(&start[to], &start[from], count * sizeof(start[0]));
	} else {
		memmove(&leaf->narrow.end[to], &leaf->narrow.end[from], count * sizeof(int));
		memmove(&leaf->narrow.start[to], &leaf->narrow.start[from], count * sizeof(int));
	}
}

/* Drop the erased areas, so that @s finds room. */
static void compact(struct mt_leaf *leaf, struct mt_splice *s)
{
	unsigned int nr = leaf->nr, at = 0, from = s->from, to = s->to;

	for (unsigned int i = 0; i < nr; i++) {
		if (i == from)
			s->from = at;
		if (i == to)
			s->to = at;
		if (!leaf->slot[i])
			continue;
		if (at != i)
			move(leaf, at, i, 1);
		at++;
	}
	s->from = from == nr ? at : s->from;
	s->to = to == nr ? at : s->to;
	set_unused(leaf, at, nr);
	leaf->nr = (unsigned char)at;
	s->nr = at - (s->to - s->from) + s->put_nr;
}

void leaf_splice(struct mt_leaf *leaf, struct mt_splice *s)
{
	unsigned int old;

	if (s->nr > LEAF_AREAS)
		compact(leaf, s);
	old = leaf->nr;
	if (s->to - s->from != s->put_nr)
		move(leaf, s->from + s->put_nr, s->to, old - s->to);
	for (unsigned int i = 0; i < s->put_nr; i++) {
		set_bounds(leaf, s->from + i, s->put[i].first, s->put[i].last);
		leaf->slot[s->from + i] = s->put[i].entry;
	}
	set_unused(leaf, s->nr, old);
	leaf->nr = (unsigned char)s->nr;
	leaf_set_live(leaf, s->live);
}
