/* SPDX-License-Identifier: MIT */
/*
 * Maps as streams of bytes. All numbers are 64 bits, the lowest byte first.
 *
 *      "vmaprng1"  number of ranges  { first  last  bits  size of the value  the value's bytes } ...  sum
 *
 * The sum is FNV-1a of all bytes before it: it tells of a stream that was cut or damaged, not of an adversary. What
 * a stream says is believed only as far as it can be checked: order, no overlap, sizes.
 */
#include "piece.h"

#include "bytes.h"

#define MAGIC      0x31676e7270616d76ULL /* "vmaprng1" */
#define FNV_BASIS  0xcbf29ce484222325ULL
#define FNV_PRIME  0x100000001b3ULL
#define NR_NUMBERS 4

struct traffic {
	const struct range_map_stream *stream;
	uint64_t sum;
};

static void sum_bytes(struct traffic *t, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		t->sum = (t->sum ^ bytes[i]) * FNV_PRIME;
}

static int put_bytes(struct traffic *t, const unsigned char *bytes, size_t size)
{
	sum_bytes(t, bytes, size);
	return size ? t->stream->write(t->stream->ctx, bytes, size) : 0;
}

static int put_numbers(struct traffic *t, const uint64_t *numbers, unsigned int nr)
{
	unsigned char bytes[NR_NUMBERS * 8];

	for (unsigned int i = 0; i < nr * 8; i++)
		bytes[i] = (unsigned char)(numbers[i / 8] >> (i % 8 * 8));
	return put_bytes(t, bytes, (size_t)nr * 8);
}

static int get_bytes(struct traffic *t, unsigned char *bytes, size_t size)
{
	int err = size ? t->stream->read(t->stream->ctx, bytes, size) : 0;

	if (!err)
		sum_bytes(t, bytes, size);
	return err;
}

static int get_numbers(struct traffic *t, uint64_t *numbers, unsigned int nr)
{
	unsigned char bytes[NR_NUMBERS * 8];
	int err = get_bytes(t, bytes, (size_t)nr * 8);

	memset(numbers, 0, nr * sizeof(numbers[0]));
	for (unsigned int i = 0; !err && i < nr * 8; i++)
		numbers[i / 8] |= (uint64_t)bytes[i] << (i % 8 * 8);
	return err;
}

static int save_range(struct traffic *t, const struct range_map_range *range)
{
	unsigned char bytes[RANGE_MAP_ENCODED];
	int size = t->stream->encode ? t->stream->encode(t->stream->ctx, range, bytes, sizeof(bytes)) : 0,
	    err;

	if (size < 0)
		return size;
	if (size > RANGE_MAP_ENCODED)
		return -EINVAL;
	err = put_numbers(
		t, (uint64_t[]){ range->first, range->last, range->bits, (uint64_t)size }, NR_NUMBERS);
	return err ? err : put_bytes(t, bytes, (size_t)size);
}

int range_map_save(const struct range_map *map, const struct range_map_stream *stream)
{
	struct traffic t = { stream, FNV_BASIS };
	int err = put_numbers(&t, (uint64_t[]){ MAGIC, map->counters.ranges }, 2);

	for (struct place at = { 0, 0 }; !err && !place_is_end(map, at); at = place_next(map, at)) {
		struct range_map_range range = place_range(map, at);

		if (!range_is_tombstone(&range))
			err = save_range(&t, &range);
	}
	return err ? err : put_numbers(&t, &t.sum, 1);
}

/* @next: what no range has come up to; 0 with @nr > 0: nothing can follow. */
static int load_range(struct range_map *map, struct traffic *t, uint64_t *next, bool begun)
{
	unsigned char bytes[RANGE_MAP_ENCODED];
	uint64_t numbers[NR_NUMBERS];
	struct range_map_range range;
	int err = get_numbers(t, numbers, NR_NUMBERS);

	if (err)
		return err;
	range = (struct range_map_range){ numbers[0], numbers[1], NULL, numbers[2] };
	if (range.first > range.last || range.first < *next || (begun && *next == 0) ||
		range_is_tombstone(&range) || numbers[3] > RANGE_MAP_ENCODED)
		return -EBADMSG;
	if ((map->most_ranges && map->counters.ranges >= map->most_ranges) ||
		(map->most_covered &&
			map->counters.covered + (range.last - range.first + 1) > map->most_covered))
		return -ENOSPC;
	err = get_bytes(t, bytes, numbers[3]);
	if (!err)
		err = pieces_reserve(map, 1, REPLACE_CHANGES);
	if (!err && t->stream->decode)
		err = t->stream->decode(t->stream->ctx, &range, bytes, numbers[3]);
	if (err)
		return err;
	*next = range.last + 1;
	range.first = numbers[0]; /* decode() gives a value and no more */
	range.last = numbers[1];
	range.bits = numbers[2];
	return range_map_append(map, &range);
}

int range_map_load(struct range_map *map, const struct range_map_stream *stream)
{
	struct traffic t = { stream, FNV_BASIS };
	uint64_t head[2] = { 0, 0 }, next = 0, sum, said;
	int err;

	if (map->nr_pieces || map->view)
		return -EINVAL;
	err = get_numbers(&t, head, 2);
	if (!err && head[0] != MAGIC)
		err = -EBADMSG;
	for (uint64_t i = 0; !err && i < head[1]; i++)
		err = load_range(map, &t, &next, i > 0);
	sum = t.sum;
	if (!err)
		err = get_numbers(&t, &said, 1);
	if (!err && said != sum)
		err = -EBADMSG;
	if (err)
		range_map_destroy(map);
	return err;
}
