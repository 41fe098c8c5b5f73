/* SPDX-License-Identifier: MIT */
/*
 * A range map of more than 4,096 ranges, so of more than 64 pieces, against an array with a word for each index: the table of
 * pieces is searched, which the small maps of range_map_model.c have no need of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vmaple/range_map.h>

#include "random.h"

#define SPACE  20000UL
#define MOST   6
#define LOOKS  16
#define RANGES 4096

static uint64_t model[SPACE]; /* the bits of the range there; 0: a hole */

static void set(struct range_map *map, uint64_t first, uint64_t last, uint64_t bits)
{
	assert_int_equal(range_map_set(map, first, last, NULL, bits), 0);
	for (uint64_t i = first; i <= last; i++)
		model[i] = bits;
}

static void erase(struct range_map *map, uint64_t first, uint64_t last)
{
	assert_int_equal(range_map_erase(map, first, last), 0);
	for (uint64_t i = first; i <= last; i++)
		model[i] = 0;
}

static void look(const struct range_map *map, uint64_t at)
{
	struct range_map_range range;
	bool found = range_map_find(map, at, &range);

	assert_int_equal(found, model[at] != 0);
	if (!found)
		return;
	assert_in_range(at, range.first, range.last);
	assert_int_equal(range.bits, model[at]);
	for (uint64_t i = range.first; i <= range.last; i++)
		assert_int_equal(model[i], range.bits);
}

static void look_first(const struct range_map *map, uint64_t at)
{
	struct range_map_range range;
	uint64_t first = at;

	while (first < SPACE && !model[first])
		first++;
	assert_int_equal(range_map_first(map, at, &range), first < SPACE);
	if (first < SPACE)
		assert_in_range(first, range.first, range.last);
}

/* Each index is a range of its own at first: neighbours have other bits. */
static void fill(struct range_map *map)
{
	memset(model, 0, sizeof(model));
	for (uint64_t i = 0; i < SPACE; i += 2)
		set(map, i, i, i + 1);
}

static void change(struct range_map *map, struct random *r, uint64_t bits)
{
	uint64_t first = random_below(r, SPACE - MOST), last = first + random_below(r, MOST);

	/* Short ones and many, so that they stay as many. */
	switch (random_below(r, 8)) {
	case 0:
		erase(map, first, last);
		break;
	case 1:
		set(map, first, last, bits);
		break;
	case 2:
		set(map, first, first + 1, bits);
		break;
	default:
		set(map, first, first, bits);
	}
}

static void test_many_pieces_say_what_an_array_says(void **state)
{
	struct random r = { random_seed() };
	const uint64_t rounds = test_operations(40000);
	const char *reason = NULL;
	struct range_map map;

	range_map_init(&map, NULL, NULL);
	fill(&map);
	for (uint64_t i = 0; i < rounds; i++) {
		change(&map, &r, SPACE + i);
		for (int j = 0; j < LOOKS; j++)
			look(&map, random_below(&r, SPACE));
		look_first(&map, random_below(&r, SPACE));
		assert_true(range_map_count(&map).ranges > RANGES);
	}
	assert_true(range_map_validate(&map, &reason));
	for (uint64_t at = 0; at < SPACE; at++)
		look(&map, at);
	range_map_destroy(&map);
}

/* All of [base, base + 500), no two beside each other one after the other: none is found where the last one was. */
static void look_scattered(const struct range_map *map, uint64_t base)
{
	for (uint64_t i = 0; i < 500; i++)
		look(map, base + i * 37 % 500);
}

/* A burst of ranges in one place moves all others of its pieces on; looks come afterwards, everywhere in them. */
static void test_ranges_that_came_before_others_move_them(void **state)
{
	struct range_map map;

	range_map_init(&map, NULL, NULL);
	fill(&map);
	for (uint64_t base = 0; base < SPACE; base += 500) {
		look_scattered(&map, base);
		for (uint64_t at = base + 1; at < base + 40; at += 2)
			set(&map, at, at, at + 1);
		look_scattered(&map, base);
		erase(&map, base, base + 30);
		look_scattered(&map, base);
	}
	assert_true(range_map_count(&map).ranges > RANGES);
	range_map_destroy(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_pieces_say_what_an_array_says),
		cmocka_unit_test(test_ranges_that_came_before_others_move_them),
	};

	return cmocka_run_group_tests_name("range map of many pieces", tests, NULL, NULL);
}
