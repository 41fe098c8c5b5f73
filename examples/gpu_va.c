/* SPDX-License-Identifier: MIT */
/*
 * A range map as the allocator of a device's addresses (GPU or IOMMU): buffers get ranges of a 47-bit space, small ones
 * of the 32 bits that the device's old units reach, never in what the firmware keeps, and a range that was given back
 * is nobody's until the device has flushed its caches: a tombstone.
 *
 * Addresses are counted in pages of 4 KiB.  At the end each buffer is compared with a table of its own.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmaple/range_map.h>

#define BUFFERS             400
#define TURNS               20000
#define PAGES_OF_BITS(bits) ((1ULL << ((bits)-12)) - 1)

struct buffer {
	uint64_t at, pages; /* pages 0: none */
	bool flushing;
};

static struct range_map space;
static struct buffer buffers[BUFFERS];
static unsigned long turned_down;

/* What the firmware has, and the page at 0, at which a null pointer of a shader is to fault. */
static const struct range_map_window kept[] = { { 0, 0 }, { 0xfee00, 0xfeeff }, { 0x100000, 0x1fffff } };

static int allocate(struct buffer *buffer, uint64_t pages, bool reachable_by_32_bits, uint64_t align)
{
	const struct range_map_window low = { 0, PAGES_OF_BITS(32) }, all = { 0, PAGES_OF_BITS(47) };
	/* What needs no low address shall not take any, unless nothing else is left. */
	struct range_map_window high = { low.max + 1, all.max };
	struct range_map_window windows[2] = { high, low };
	struct range_map_search search = { .size = pages,
		.align = align,
		.order = RANGE_MAP_LOWEST,
		.windows = reachable_by_32_bits ? &low : windows,
		.nr_windows = reachable_by_32_bits ? 1 : 2,
		.excluded = kept,
		.nr_excluded = sizeof(kept) / sizeof(kept[0]) };
	uint64_t at;
	int err = range_map_search(&space, &search, &at);

	if (!err)
		err = range_map_set_empty(&space, at, at + pages - 1, buffer, reachable_by_32_bits);
	if (!err)
		*buffer = (struct buffer){ at, pages, false };
	return err;
}

/* The buffer is gone for everyone, its addresses are not free yet. */
static int begin_free(struct buffer *buffer)
{
	buffer->flushing = true;
	return range_map_unmap_begin(&space, buffer->at, buffer->at + buffer->pages - 1);
}

static int flushed(struct buffer *buffer)
{
	int err = range_map_unmap_finish(&space, buffer->at, buffer->at + buffer->pages - 1);

	*buffer = (struct buffer){ 0, 0, false };
	return err;
}

/* While it is being flushed nobody gets it, not even by its address. */
static bool is_out_of_reach(const struct buffer *buffer)
{
	struct range_map_range range;

	turned_down++;
	return !range_map_find(&space, buffer->at, &range) &&
	       range_map_set(&space, buffer->at, buffer->at, NULL, 0) == -EBUSY;
}

static bool is_where_it_should(const struct buffer *buffer)
{
	struct range_map_range range;

	if (buffer->pages == 0 || buffer->flushing)
		return true;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (buffer->at <= kept[i].max && kept[i].min <= buffer->at + buffer->pages - 1)
			return false;
	return range_map_find(&space, buffer->at + buffer->pages / 2, &range) && range.first == buffer->at &&
	       range.last == buffer->at + buffer->pages - 1 && range.value == buffer;
}

int main(void)
{
	uint64_t state = 1;
	const char *reason;

	range_map_init(&space, NULL, NULL);
	for (unsigned int i = 0; i < TURNS; i++) {
		struct buffer *buffer;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		buffer = &buffers[(state >> 33) % BUFFERS];
		if (buffer->flushing ? !is_out_of_reach(buffer) || flushed(buffer) : 0)
			return 1;
		if (buffer->pages ? begin_free(buffer)
				  : allocate(buffer, 1 + (state >> 50 & 511), state >> 20 & 1,
					    1ULL << (state >> 60)))
			return 1;
	}
	for (unsigned int i = 0; i < BUFFERS; i++)
		if (!is_where_it_should(&buffers[i]))
			return 1;
	if (!range_map_validate(&space, &reason))
		return 1;
	printf("%d turns: %lu buffers now, %lu being flushed; %lu times nobody got what was\n", TURNS,
		(unsigned long)range_map_count(&space).ranges,
		(unsigned long)range_map_count(&space).tombstones, turned_down);
	range_map_destroy(&space);
	return 0;
}
