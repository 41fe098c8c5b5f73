/* SPDX-License-Identifier: MIT */
/*
 * Every set and erasure of every small range map, after every look: what is beside the last look goes a way of its own. The
 * same of every range of maps that are about one piece, or two. And the last indexes that addresses of so many bits have.
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

/* The map cannot know that it is the same. */
static bool equal(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	return range_map_equal(ctx, left, right);
}
static const struct range_map_ops ask_for_equals = { .may_merge = equal };

static bool range_begins(const struct cells *c, unsigned int i)
{
	return c->bits[i] && (i == 0 || c->bits[i - 1] != c->bits[i] || c->cut == i);
}

static void make(struct range_map *map, const struct range_map_ops *ops, const struct cells *c, uint64_t base)
{
	range_map_init(map, ops, NULL);
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

/* Nothing is left in [first, last]; elsewhere a cut stays one. */
static struct cells after_erase(struct cells c, unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last; i++)
		c.bits[i] = 0;
	return c;
}

/* Where the look says that there is something there is, as both looks say. */
static void look_at(const struct range_map *map, const struct cells *c, uint64_t base, unsigned int look)
{
	const struct range_map_range *at = range_map_at(map, base + look);
	struct range_map_range range;

	assert_int_equal(at != NULL, c->bits[look] != 0);
	assert_int_equal(range_map_find(map, base + look, &range), c->bits[look] != 0);
	if (at)
		assert_memory_equal(at, &range, sizeof(range));
}

static int change(
	struct range_map *map, uint64_t base, unsigned int first, unsigned int last, unsigned int bits)
{
	return bits ? range_map_set(map, base + first, base + last, NULL, bits)
		    : range_map_erase(map, base + first, base + last);
}

/* @look: CELLS for none. @bits: 0 is an erasure. Whichever way it goes, the same cuts and joins are counted. */
static void change_once(
	const struct cells *c, uint64_t base, unsigned int look, unsigned int first, unsigned int last)
{
	for (unsigned int bits = 0; bits <= 2; bits++) {
		struct range_map map, asks;
		struct cells then = *c;
		struct range_map_counters counted, counted_asking;

		make(&map, &join_equals, c, base);
		make(&asks, &ask_for_equals, c, base);
		if (look < CELLS)
			look_at(&map, c, base, look);
		assert_int_equal(change(&map, base, first, last, bits), first > last ? -EINVAL : 0);
		assert_int_equal(change(&asks, base, first, last, bits), first > last ? -EINVAL : 0);
		if (first <= last)
			then = bits ? after_set(*c, first, last, bits) : after_erase(*c, first, last);
		check(&map, &then, base);
		check(&asks, &then, base);
		counted = range_map_count(&map);
		counted_asking = range_map_count(&asks);
		assert_memory_equal(&counted, &counted_asking, sizeof(counted));
		range_map_destroy(&map);
		range_map_destroy(&asks);
	}
}

static void change_all(const struct cells *c, uint64_t base)
{
	for (unsigned int look = 0; look <= CELLS; look++)
		for (unsigned int first = 0; first < CELLS; first++)
			for (unsigned int last = 0; last < CELLS; last++)
				change_once(c, base, look, first, last);
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
		change_all(&c, base);
		for (c.cut = 1; c.cut < CELLS; c.cut++)
			if (c.bits[c.cut] && c.bits[c.cut] == c.bits[c.cut - 1])
				change_all(&c, base);
	}
}

static void test_every_change_of_a_small_map_at_the_beginning(void **state)
{
	(void)state;
	try_maps_at(0);
}

static void test_every_change_of_a_small_map_at_the_end(void **state)
{
	(void)state;
	try_maps_at(UINT64_MAX - CELLS + 1);
}

#define WIDE  6 /* a range of 4, and a hole of 2 */
#define WIDES 130

/* [first, last] of range @i changes, as does the array. */
static void change_wide(
	struct range_map *map, unsigned int *cells, uint64_t first, uint64_t last, unsigned int bits)
{
	assert_int_equal(
		bits ? range_map_set(map, first, last, NULL, bits) : range_map_erase(map, first, last), 0);
	for (uint64_t i = first; i <= last; i++)
		cells[i] = bits;
}

static void check_wide(const struct range_map *map, const unsigned int *cells, unsigned int nr)
{
	const char *reason;

	assert_true(range_map_validate(map, &reason));
	for (unsigned int i = 0; i < nr * WIDE; i++) {
		const struct range_map_range *range = range_map_at(map, i);

		assert_int_equal(range ? range->bits : 0, cells[i]);
	}
}

/* [@from, @to] of the @i-th of @nr ranges, after a look there. */
static void change_one_of(unsigned int nr, unsigned int i, uint64_t from, uint64_t to, unsigned int bits)
{
	unsigned int cells[WIDES * WIDE] = { 0 };
	struct range_map map;

	range_map_init(&map, &join_equals, NULL);
	for (unsigned int k = 0; k < nr; k++)
		change_wide(&map, cells, k * WIDE, k * WIDE + 3, 1 + k % 2);
	assert_non_null(range_map_at(&map, i * WIDE));
	assert_int_equal(range_map_set(&map, i * WIDE, i * WIDE, NULL, RANGE_MAP_TOMBSTONE), -EINVAL);
	change_wide(&map, cells, i * WIDE + from, i * WIDE + to, bits);
	check_wide(&map, cells, nr);
	range_map_destroy(&map);
}

static void test_every_range_of_maps_of_about_a_piece(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 61, 62, 63, 64, 65, 128, 129, WIDES };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (unsigned int i = 0; i < sizes[s]; i++)
			for (unsigned int from = 0; from < WIDE; from++)
				for (unsigned int to = from; to < WIDE; to++)
					change_one_of(sizes[s], i, from, to, (from + to) % 3 ? 3 : 0);
}

/*
 * Where the @i-th of @nr ranges begins is moved down and up and down again, each time after a look at it, or at one that is
 * @away from it. Before each lie @hole indexes in no range, or those of its neighbour. @raced: that look and one of another
 * thread have stored what is recent at once, the slot of one with the piece of the other.
 */
static void move_beginning_of(
	unsigned int nr, unsigned int i, unsigned int hole, unsigned int away, bool raced)
{
	unsigned int cells[WIDES * WIDE] = { 0 }, own = 1 + i % 2, other = hole ? 0 : 3 - own;
	uint64_t first = (uint64_t)i * WIDE + hole;
	struct range_map map;

	range_map_init(&map, &join_equals, NULL);
	for (unsigned int k = 0; k < nr; k++)
		change_wide(&map, cells, k * WIDE + hole, k * WIDE + WIDE - 1, 1 + k % 2);
	for (unsigned int down = 0; down < 3; down++) {
		assert_non_null(range_map_at(&map, away ? (i + away) % nr * WIDE + WIDE - 1 : first));
		if (raced)
			map.recent_piece = map.recent_piece ? 0 : 1;
		if (down % 2 == 0)
			change_wide(&map, cells, first - 1, first - 1, own);
		else
			change_wide(&map, cells, first, first, other);
		check_wide(&map, cells, nr);
		first = down % 2 ? first + 1 : first - 1;
	}
	range_map_destroy(&map);
}

static void test_every_range_of_a_piece_begins_elsewhere(void **state)
{
	static const unsigned int sizes[] = { 2, 9, 63, 64, 65, WIDES };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (unsigned int i = 1; i < sizes[s]; i++)
			for (unsigned int hole = 0; hole < 3; hole += 2) {
				move_beginning_of(sizes[s], i, hole, 0, false);
				move_beginning_of(sizes[s], i, hole, 0, true);
				move_beginning_of(sizes[s], i, hole, sizes[s] / 2, false);
			}
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
		cmocka_unit_test(test_every_change_of_a_small_map_at_the_beginning),
		cmocka_unit_test(test_every_change_of_a_small_map_at_the_end),
		cmocka_unit_test(test_every_range_of_maps_of_about_a_piece),
		cmocka_unit_test(test_every_range_of_a_piece_begins_elsewhere),
		cmocka_unit_test(test_what_so_many_bits_of_address_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
