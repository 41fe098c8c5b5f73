/* SPDX-License-Identifier: MIT */
/* Contenders `range-map`, `shared-map` (readers may be beside) and `maple-tree` of the question `range-map`. */
#include <stdlib.h>

#include <vmaple/maple_tree.h>
#include <vmaple/range_map.h>

#include "../bench.h"
#include "../range-map.h"

static const struct range_map_ops equal_merge = { .may_merge = range_map_equal };

static void *map_create(void)
{
	struct range_map *map = bench_alloc(1, sizeof(*map));

	range_map_init(map, &equal_merge, NULL);
	return map;
}

static void map_destroy(void *tracker)
{
	range_map_destroy(tracker);
	free(tracker);
}

static void map_set_one(void *tracker, unsigned long first, unsigned long last, unsigned long bits)
{
	if (range_map_set(tracker, first, last, NULL, bits) != 0)
		exit(1);
}

static void map_set(void *tracker, const struct tracker_set *set, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		map_set_one(tracker, set[i].first, set[i].last, set[i].bits);
}

static void map_erase_one(void *tracker, unsigned long first, unsigned long last)
{
	if (range_map_erase(tracker, first, last) != 0)
		exit(1);
}

static void map_erase(void *tracker, const struct tracker_set *range, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		map_erase_one(tracker, range[i].first, range[i].last);
}

static unsigned long map_find_one(void *tracker, unsigned long at)
{
	const struct range_map_range *range = range_map_at(tracker, at);

	return range ? range->last + range->bits : 0;
}

static unsigned long map_find(void *tracker, const unsigned long *at, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += map_find_one(tracker, at[i]);
	return sum;
}

static unsigned long map_room(void *tracker, const struct tracker_set *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		struct range_map_room room = { query[i].last, 0, query[i].first, UINT64_MAX };
		uint64_t at = 0;

		if (range_map_lowest(tracker, &room, &at) != 0)
			exit(1);
		sum += at;
	}
	return sum;
}

const struct tracker_ops range_map_tracker = { map_create, map_destroy, map_set_one, map_erase_one,
	map_find_one, map_set, map_erase, map_find, map_room };

static void *shared_create(void)
{
	struct range_map *map = map_create();

	if (range_map_share(map) != 0)
		exit(1);
	return map;
}

static unsigned long shared_find_one(void *tracker, unsigned long at)
{
	struct range_map_range range;

	return range_map_lookup(tracker, at, &range) ? range.last + range.bits : 0;
}

static unsigned long shared_find(void *tracker, const unsigned long *at, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += shared_find_one(tracker, at[i]);
	return sum;
}

const struct tracker_ops shared_map_tracker = { shared_create, map_destroy, map_set_one, map_erase_one,
	shared_find_one, map_set, map_erase, shared_find, map_room };

static void *maple_create(void)
{
	struct maple_tree *mt = bench_alloc(1, sizeof(*mt));

	mt_init_flags(mt, MT_FLAGS_ALLOC_RANGE);
	return mt;
}

static void maple_destroy(void *tracker)
{
	__mt_destroy(tracker);
	free(tracker);
}

/* Neighbours with the same bits are looked for on both sides first. */
static void maple_set_one(void *tracker, unsigned long first, unsigned long last, unsigned long bits)
{
	struct ma_state left = mas_at(tracker, first - 1, first - 1);
	struct ma_state right = mas_at(tracker, last + 1, last + 1);
	struct ma_state mas = mas_at(tracker, first, last);
	void *entry = xa_mk_value(bits);

	if (mas_walk(&left) == entry)
		mas.index = left.index;
	if (mas_walk(&right) == entry)
		mas.last = right.last;
	if (mas_store_gfp(&mas, entry, GFP_KERNEL) != 0)
		exit(1);
}

static void maple_set(void *tracker, const struct tracker_set *set, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		maple_set_one(tracker, set[i].first, set[i].last, set[i].bits);
}

static void maple_erase_one(void *tracker, unsigned long first, unsigned long last)
{
	struct ma_state mas = mas_at(tracker, first, last);

	if (mas_store_gfp(&mas, NULL, GFP_KERNEL) != 0)
		exit(1);
}

static void maple_erase(void *tracker, const struct tracker_set *range, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		maple_erase_one(tracker, range[i].first, range[i].last);
}

static unsigned long maple_find_one(void *tracker, unsigned long at)
{
	struct ma_state mas = mas_at(tracker, at, at);
	void *entry = mas_walk(&mas);

	return entry ? mas.last + xa_to_value(entry) : 0;
}

static unsigned long maple_find(void *tracker, const unsigned long *at, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += maple_find_one(tracker, at[i]);
	return sum;
}

static unsigned long maple_room(void *tracker, const struct tracker_set *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		struct ma_state mas = mas_at(tracker, 0, 0);

		if (mas_empty_area(&mas, query[i].first, ~0UL, query[i].last) != 0)
			exit(1);
		sum += mas.index;
	}
	return sum;
}

const struct tracker_ops maple_tracker = { maple_create, maple_destroy, maple_set_one, maple_erase_one,
	maple_find_one, maple_set, maple_erase, maple_find, maple_room };
