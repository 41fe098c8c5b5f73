/* SPDX-License-Identifier: MIT */
/*
 * The interval map against brute force: random intervals come and go, many with equal starts or equal in both ends, and
 * what a search finds, and in which order, is compared with what overlaps in a sorted array of all of them.  The
 * map is validated after every step of the first thousands; then, so that looking costs no more than changing, the rarer
 * the more there are.  Allocations fail now and then, and then nothing may have changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <vmaple/interval_map.h>

#include "failing_port.h"
#include "random.h"

#define MOST 4000

struct interval {
	unsigned long start, last;
	void *entry;
};

/* What a run is about. */
struct shape {
	const char *name;
	unsigned int most; /* intervals */
	unsigned long starts, shift, longest;
	unsigned long entries; /* so many different ones */
	bool ascending;
};

static const struct shape shapes[] = {
	{ "one leaf", 12, 8, 0, 4, 4, false },
	{ "two levels", 200, 1000, 0, 30, 1000, false },
	{ "one start", 900, 1, 0, 300, 1000, false },
	{ "all equal but for the entry", 700, 1, 0, 1, 100000, false },
	{ "few starts, few sizes", 800, 5, 10, 4, 400, false },
	{ "short in a wide space", 2000, 1U << 30, 4, 1UL << 12, 8, false },
	{ "of all lengths, all bits", 1500, 1U << 31, BY_WORD(32, 0), ULONG_MAX, 8, false },
	{ "each behind the one before", 3500, 1, 0, 9, 2, true },
};

static struct run {
	struct random random;
	const struct shape *shape;
	struct interval_map map;
	struct interval sorted[MOST];
	unsigned int nr;
	unsigned long next; /* start, in ascending order */
	unsigned long searches, failures;
} run;

static int compare(const struct interval *a, const struct interval *b)
{
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return (a->entry > b->entry) - (a->entry < b->entry);
}

/* Where @interval is in the array, or would be. */
static unsigned int place_of(const struct interval *interval)
{
	unsigned int low = 0, high = run.nr;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (compare(&run.sorted[middle], interval) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_there(unsigned int at, const struct interval *interval)
{
	return at < run.nr && !compare(&run.sorted[at], interval);
}

static struct interval random_interval(void)
{
	unsigned long length = 1 + random_below(&run.random, run.shape->longest);
	struct interval interval = { .start = (unsigned long)random_below(&run.random, run.shape->starts)
					      << run.shape->shift };

	if (run.shape->ascending)
		interval.start = run.next += random_below(&run.random, 5);
	interval.last = ULONG_MAX - interval.start < length - 1 ? ULONG_MAX : interval.start + length - 1;
	interval.entry = (void *)(uintptr_t)random_below(&run.random, run.shape->entries);
	return interval;
}

static void check(void)
{
	const char *reason = "none";

	if (!interval_map_validate(&run.map, &reason))
		fail_msg("%s: %s", run.shape->name, reason);
	assert_int_equal(run.map.nr, run.nr);
}

static void search(unsigned long start, unsigned long last)
{
	struct interval_map_iter iter;

	run.searches++;
	interval_map_iter_init(&iter, &run.map, start, last);
	for (unsigned int i = 0; i < run.nr; i++) {
		if (run.sorted[i].start > last || run.sorted[i].last < start)
			continue;
		assert_true(interval_map_next(&iter));
		assert_int_equal(iter.start, run.sorted[i].start);
		assert_int_equal(iter.last, run.sorted[i].last);
		assert_ptr_equal(iter.entry, run.sorted[i].entry);
	}
	assert_false(interval_map_next(&iter));
	assert_false(interval_map_next(&iter));
}

static void do_insert(void)
{
	struct interval interval = random_interval();
	unsigned int at = place_of(&interval);
	int error;

	fail_after(random_below(&run.random, 4) ? -1 : 1 + (long)random_below(&run.random, 3));
	error = interval_map_insert(&run.map, interval.start, interval.last, interval.entry);
	fail_after(-1);
	if (is_there(at, &interval)) {
		assert_int_equal(error, -EEXIST);
		return;
	}
	if (error) {
		assert_int_equal(error, -ENOMEM);
		run.failures++;
		check();
		error = interval_map_insert(&run.map, interval.start, interval.last, interval.entry);
	}
	assert_int_equal(error, 0);
	memmove(&run.sorted[at + 1], &run.sorted[at], (run.nr - at) * sizeof(interval));
	run.sorted[at] = interval;
	run.nr++;
}

static void erase_at(unsigned int at)
{
	struct interval interval = run.sorted[at];

	run.nr--;
	memmove(&run.sorted[at], &run.sorted[at + 1], (run.nr - at) * sizeof(interval));
	assert_int_equal(interval_map_erase(&run.map, interval.start, interval.last, interval.entry), 0);
}

static void do_erase(void)
{
	struct interval interval = random_interval();

	if (!is_there(place_of(&interval), &interval))
		assert_int_equal(
			interval_map_erase(&run.map, interval.start, interval.last, interval.entry), -ENOENT);
	if (run.nr)
		erase_at((unsigned int)random_below(&run.random, run.nr));
}

static void do_search(void)
{
	struct interval asked = random_interval();

	if (run.shape->ascending)
		asked.start = random_below(&run.random, run.next + 1), asked.last = asked.start + 40;
	if (random_below(&run.random, 3) == 0)
		asked.last = asked.start;
	search(asked.start, asked.last);
}

static void begin(uint64_t seed, const struct shape *shape)
{
	memset(&run, 0, sizeof(run));
	run.random.state = seed;
	run.shape = shape;
}

#define NR_MODELS    (sizeof(shapes) / sizeof(shapes[0]))
#define EVERY_STEP   30000
#define CHANGES_EACH 32

static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	const struct shape *shape = &shapes[which];
	unsigned int fill = 60;

	begin(seed, shape);
	for (uint64_t i = 0; i < steps && random_lasts(); i++) {
		if (i % (2UL * shape->most) == 0)
			fill = 30 + (unsigned int)random_below(&run.random, 65);
		if (random_below(&run.random, 8) == 0)
			do_search();
		else if (run.nr < shape->most && random_below(&run.random, 100) < fill)
			do_insert();
		else
			do_erase();
		if (i < EVERY_STEP || i % (1 + run.nr / CHANGES_EACH) == 0)
			check();
	}
	check();
	search(0, ULONG_MAX);
	while (run.nr && random_below(&run.random, 50))
		erase_at((unsigned int)random_below(&run.random, run.nr)), check();
	interval_map_clear(&run.map);
	assert_null(run.map.root);
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
}

static void test_searches_find_what_overlaps(void **state)
{
	uint64_t seed = random_seed(), operations = test_operations(80000);
	unsigned long failures = 0;

	(void)state;
	for (size_t s = 0; s < NR_MODELS; s++) {
		run_model(s, seed + s, operations / NR_MODELS);
		failures += run.failures;
	}
	assert_true(failures > 10);
}

static void test_the_last_one_takes_the_root_along(void **state)
{
	(void)state;
	begin(1, &shapes[1]);
	for (unsigned long i = 0; i < 5000; i++)
		assert_int_equal(interval_map_insert(&run.map, i, i + 9, NULL), 0);
	assert_true(run.map.height >= 2);
	/* In ascending order nodes are full. */
	assert_true(interval_map_bytes(&run.map) < 5000 * 27);
	for (unsigned long i = 0; i < 5000; i++)
		assert_int_equal(interval_map_erase(&run.map, i, i + 9, NULL), 0);
	check();
	assert_null(run.map.root);
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
}

static void test_arguments_that_cannot_be(void **state)
{
	(void)state;
	begin(1, &shapes[1]);
	assert_int_equal(interval_map_insert(&run.map, 5, 4, NULL), -EINVAL);
	assert_int_equal(interval_map_erase(&run.map, 5, 6, NULL), -ENOENT);
	search(0, ULONG_MAX);
	interval_map_clear(&run.map);
	check();
}

static void expect(const char *rule)
{
	const char *reason = "none";

	assert_false(interval_map_validate(&run.map, &reason));
	assert_memory_equal(reason, rule, 3);
}

static void test_each_broken_rule_is_named(void **state)
{
	struct interval_map_node *root, *leaf;
	unsigned long saved;

	(void)state;
	begin(1, &shapes[1]);
	for (unsigned long i = 0; i < 100; i++)
		assert_int_equal(interval_map_insert(&run.map, 10 * i, 10 * i + 5, NULL), 0), run.nr++;
	check();
	root = run.map.root;
	leaf = root->entry[0];
	assert_int_equal(run.map.height, 1);

	saved = leaf->last[3];
	leaf->last[3] = leaf->start[3] - 1;
	expect("IM1");
	leaf->last[3] = saved;

	saved = leaf->start[3];
	leaf->start[3] = leaf->start[2] - 1;
	expect("IM2");
	leaf->start[3] = saved;

	root->last[0]++;
	expect("IM3");
	root->last[0]--;
	root->start[1] = 0;
	expect("IM3");
	root->start[1] = ((struct interval_map_node *)root->entry[1])->start[0];

	saved = leaf->nr;
	leaf->nr = 2;
	expect("IM4");
	leaf->nr = saved;

	leaf = root->entry[root->nr - 1];
	assert_true(leaf->nr < INTERVAL_MAP_SLOTS);
	leaf->start[leaf->nr] = 7;
	expect("IM5");
	leaf->start[leaf->nr] = ULONG_MAX;

	run.map.nr++;
	expect("IM6");
	run.map.nr--;
	check();
	interval_map_clear(&run.map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches_find_what_overlaps),
		cmocka_unit_test(test_the_last_one_takes_the_root_along),
		cmocka_unit_test(test_arguments_that_cannot_be),
		cmocka_unit_test(test_each_broken_rule_is_named),
	};

	failing_port_install();
	return cmocka_run_group_tests_name("interval map against brute force", tests, NULL, NULL);
}
