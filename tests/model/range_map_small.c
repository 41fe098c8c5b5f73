/* SPDX-License-Identifier: MIT */
/*
 * Every set of every small range map, after every look: what is beside the last look goes a way of its own. And the last
 * indexes that addresses of so many bits have.
 *
 * A map is CELLS indexes, each in a hole or with one of two bits; where two neighbours are alike, one such place may be
 * a cut that range_map_split() has made.  It lies at the beginning of all indexes, and at their end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <vmaple/range_map.h>

#define CELLS 5

struct cells {
	unsigned int bits[CELLS]; /* 0: a hole */
	unsigned int cut;         /* a range ends before it; 0: none */
};

static const struct range_map_ops join_equals = { .may_merge = range_map_equal };

static bool range_begins(const struct cells *c, unsigned int i)
{
	return c->bits[i] && (i == 0 || c->bits[i - 1] != c->bits[i] || c->cut == i);
}

static void make(struct range_map *map, const struct cells *c, uint64_t base)
{
	range_map_init(map, &join_equals, NULL);
	for (unsigned int i = 0; i < CELLS; i++)
		if (c->bits[i])
			assert_int_equal(range_map_set(map, base + i, base + i, NULL, c->bits[i]), 0);
	if (c->cut)
		assert_int_equal(range_map_split(map, base + c->cut), 0);
}

static void check(const struct range_map *map, const struct cells *c, uint64_t base)
{
	struct range_map_cursor cursor = range_map_from(0);
	struct range_map_range range;
	const char *reason;

	assert_true(range_map_validate(map, &reason));
	for (unsigned int i = 0, end; i < CELLS; i++) {
		if (!range_begins(c, i))
			continue;
		for (end = i + 1; end < CELLS && c->bits[end] == c->bits[i] && !range_begins(c, end); end++)
			;
		assert_true(range_map_next(map, &cursor, &range));
		assert_int_equal(range.first, base + i);
		assert_int_equal(range.last, base + end - 1);
		assert_int_equal(range.bits, c->bits[i]);
	}
	assert_false(range_map_next(map, &cursor, &range));
}

/* [first, last] gets @bits, and joins what it meets. */
static struct cells after_set(struct cells c, unsigned int first, unsigned int last, unsigned int bits)
{
	for (unsigned int i = first; i <= last; i++)
		c.bits[i] = bits;
	if (c.cut >= first &&
		c.cut <= last + 1) /* between what are alike now it has gone; elsewhere it says nothing */
		c.cut = 0;
	return c;
}

/* @look: CELLS for none. */
static void set_once(
	const struct cells *c, uint64_t base, unsigned int look, unsigned int first, unsigned int last)
{
	for (unsigned int bits = 1; bits <= 2; bits++) {
		struct range_map_range range;
		struct range_map map;
		struct cells then = *c;

		make(&map, c, base);
		if (look < CELLS)
			assert_int_equal(range_map_find(&map, base + look, &range), c->bits[look] != 0);
		if (first > last) {
			assert_int_equal(range_map_set(&map, base + first, base + last, NULL, bits), -EINVAL);
		} else {
			assert_int_equal(range_map_set(&map, base + first, base + last, NULL, bits), 0);
			then = after_set(*c, first, last, bits);
		}
		check(&map, &then, base);
		range_map_destroy(&map);
	}
}

static void set_all(const struct cells *c, uint64_t base)
{
	for (unsigned int look = 0; look <= CELLS; look++)
		for (unsigned int first = 0; first < CELLS; first++)
			for (unsigned int last = 0; last < CELLS; last++)
				set_once(c, base, look, first, last);
}

static void try_maps_at(uint64_t base)
{
	unsigned int maps = 1;

	for (unsigned int i = 0; i < CELLS; i++)
		maps *= 3;
	for (unsigned int m = 0; m < maps; m++) {
		struct cells c = { .cut = 0 };

		for (unsigned int i = 0, rest = m; i < CELLS; i++, rest /= 3)
			c.bits[i] = rest % 3;
		set_all(&c, base);
		for (c.cut = 1; c.cut < CELLS; c.cut++)
			if (c.bits[c.cut] && c.bits[c.cut] == c.bits[c.cut - 1])
				set_all(&c, base);
	}
}

static void test_every_set_of_a_small_map_at_the_beginning(void **state)
{
	(void)state;
	try_maps_at(0);
}

static void test_every_set_of_a_small_map_at_the_end(void **state)
{
	(void)state;
	try_maps_at(UINT64_MAX - CELLS + 1);
}

static void test_what_so_many_bits_of_address_reach(void **state)
{
	static const unsigned int bits[] = { 31, 32, 47, 48, 64 };
	struct range_map map;
	uint64_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		struct range_map_window window = range_map_window_of_bits(bits[i], 1);
		uint64_t last = 2 * ((1ULL << (bits[i] - 1)) - 1) + 1; /* 64 bits, too */
		struct range_map_search search = { .size = 2, .windows = &window, .nr_windows = 1 };

		range_map_init(&map, NULL, NULL);
		assert_int_equal(range_map_set(&map, 1, last - 2, NULL, 0), 0);
		assert_int_equal(range_map_search(&map, &search, &at), 0);
		assert_int_equal(at, last - 1);
		search.size = 3; /* as much as there is, but behind the bits */
		assert_int_equal(range_map_search(&map, &search, &at), -ENOSPC);
		search.size = 1;
		window.min = last;
		assert_int_equal(range_map_search(&map, &search, &at), 0);
		assert_int_equal(at, last);
		range_map_destroy(&map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set_of_a_small_map_at_the_beginning),
		cmocka_unit_test(test_every_set_of_a_small_map_at_the_end),
		cmocka_unit_test(test_what_so_many_bits_of_address_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
