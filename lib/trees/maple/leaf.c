/* SPDX-License-Identifier: MIT */
/* Making and changing leaves: see leaf.h. */
#include "leaf.h"

#define UNITS_OF_ROUNDING 63 /* a base is rounded down to a multiple of 64 indices */

unsigned long leaf_layout_of(unsigned long bits, unsigned long first, unsigned long last, unsigned long min)
{
	unsigned int shift = bits & ((1UL << LEAF_PAGE_SHIFT) - 1) ? 0 : LEAF_PAGE_SHIFT;
	unsigned long units = (last - first) >> shift, below, room;

	if (units > NARROW_LAST - UNITS_OF_ROUNDING)
		return LEAF_WIDE;
	below = (first - min) >> shift;
	room = (NARROW_LAST - UNITS_OF_ROUNDING - units) / 2;
	first -= (below < room ? below : room) << shift;
	return (first & ~LEAF_CODE) | shift;
}

unsigned long leaf_layout(const struct mt_area *areas, unsigned int nr, unsigned long min)
{
	unsigned long bits = 0;

	for (unsigned int i = 0; i < nr; i++)
		bits |= areas[i].first | (areas[i].last + 1);
	return nr ? leaf_layout_of(bits, areas[0].first, areas[nr - 1].last, min) : 0;
}

void leaf_set_unused(struct mt_leaf *leaf, unsigned int from, unsigned int to)
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
		leaf_set_area(leaf, layout, i, areas[i].first, areas[i].last, areas[i].entry);
	}
	leaf_set_unused(leaf, nr, LEAF_AREAS);
	leaf->slot[LEAF_AREAS] = leaf->slot[LEAF_AREAS + 1] = NULL;
	leaf->nr = (unsigned char)nr;
	leaf->live = (unsigned char)nr;
}

void leaf_append(struct mt_leaf *leaf, const struct mt_area *area)
{
	leaf_set_area(leaf, leaf->base, leaf->nr, area->first, area->last, area->entry);
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

/* The bounds of @nr areas of a wide leaf, from @from on, in a narrow one of that layout, which can hold them. */
static void narrow_bounds(struct mt_leaf *narrow, unsigned long layout, const struct mt_leaf *wide,
	unsigned int from, unsigned int nr)
{
	const unsigned long *start = leaf_wide(wide)->start + from, *end = wide->wide.end + from;
	unsigned long base = layout & ~LEAF_CODE;
	unsigned int shift = layout & LEAF_CODE;

	for (unsigned int i = 0; i != nr; i++) {
		narrow->narrow.start[i] = (int)((start[i] - base) >> shift);
		narrow->narrow.end[i] = (int)((end[i] - base) >> shift);
	}
}

void leaf_take_part(struct mt_leaf *part, unsigned long layout, const struct mt_leaf *leaf, unsigned int from,
	unsigned int nr)
{
	part->base = layout;
	part->after = NARROW_UNUSED;
	if (layout != leaf->base) {
		narrow_bounds(part, layout, leaf, from, nr);
	} else if (layout == LEAF_WIDE) {
		memcpy(((struct mt_wide_leaf *)part)->start, leaf_wide(leaf)->start + from,
			nr * sizeof(leaf_wide(leaf)->start[0]));
		memcpy(part->wide.end, leaf->wide.end + from, nr * sizeof(leaf->wide.end[0]));
	} else {
		memcpy(part->narrow.start, leaf->narrow.start + from, nr * sizeof(leaf->narrow.start[0]));
		memcpy(part->narrow.end, leaf->narrow.end + from, nr * sizeof(leaf->narrow.end[0]));
	}
	memcpy(part->slot, leaf->slot + from, nr * sizeof(leaf->slot[0]));
	leaf_set_unused(part, nr, LEAF_AREAS);
	part->slot[LEAF_AREAS] = part->slot[LEAF_AREAS + 1] = NULL;
	part->nr = part->live = (unsigned char)nr;
}

static inline __attribute__((always_inline)) void squeeze(struct mt_leaf *leaf, unsigned long layout)
{
	unsigned int nr = leaf->nr, at = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (!leaf->slot[i])
			continue;
		leaf_set_unit_start(leaf, layout, at, leaf_unit_start(leaf, layout, i));
		leaf_set_unit_end(leaf, layout, at, leaf_unit_end(leaf, layout, i));
		leaf->slot[at++] = leaf->slot[i];
	}
	leaf_set_unused(leaf, at, nr);
	leaf->nr = (unsigned char)at;
}

void leaf_squeeze(struct mt_leaf *leaf)
{
	LEAF_BY_LAYOUT(leaf, squeeze, leaf);
}

/* How many of areas [0, i) have an entry. */
static unsigned int live_below(const struct mt_leaf *leaf, unsigned int i)
{
	unsigned int live = 0;

	while (i)
		live += leaf->slot[--i] != NULL;
	return live;
}

/* Drop the erased areas, so that @s finds room. */
static void compact(struct mt_leaf *leaf, struct mt_splice *s)
{
	unsigned int gone = leaf->nr - (s->to - s->from);

	s->from = live_below(leaf, s->from);
	s->to = live_below(leaf, s->to);
	leaf_squeeze(leaf);
	s->nr -= gone - (leaf->nr - (s->to - s->from));
}

/* leaf_splice() in a leaf of that layout: its callers know the code, so that the compiler has one form for each. */
static inline __attribute__((always_inline)) void splice(
	struct mt_leaf *leaf, const struct mt_splice *s, const struct mt_store *store, unsigned long layout)
{
	bool both = s->left && s->right && s->to == s->from + 1;
	/* What stays behind the store is moved, but that an area which is left over on both sides becomes two. */
	unsigned int at = s->from + s->left, tail = s->to - (s->right && !both);
	unsigned int behind = at + (store->entry != NULL) + both, old = leaf->nr;

	if (behind != tail && tail != old)
		leaf_move(leaf, layout, behind, tail, old - tail);
	if (both)
		leaf_set_area(leaf, layout, behind - 1, store->last + 1, layout_end(leaf, layout, s->from),
			leaf->slot[s->from]);
	else if (s->right)
		leaf_set_start(leaf, layout, behind, store->last + 1);
	if (s->left)
		leaf_set_end(leaf, layout, s->from, store->first - 1);
	if (store->entry)
		leaf_set_area(leaf, layout, at, store->first, store->last, store->entry);
	if (s->nr < old)
		leaf_set_unused(leaf, s->nr, old);
	leaf->nr = (unsigned char)s->nr;
	leaf_set_live(leaf, s->live);
}

void leaf_splice(struct mt_leaf *leaf, struct mt_splice *s, const struct mt_store *store)
{
	if (s->nr > LEAF_AREAS)
		compact(leaf, s);
	LEAF_BY_LAYOUT(leaf, splice, leaf, s, store);
}
