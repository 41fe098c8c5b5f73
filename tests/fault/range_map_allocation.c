/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every call on a range map fails in turn, and so does every split and copy that an owner may
 * refuse. After a failure the map must be valid and differ in nothing from what it was, with as many payloads alive;
 * all memory and all payloads come back in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "failing_port.h"
#include "random.h"
#include "range_map_world.h"

#define SPACE 4000UL

static struct world world;
static unsigned long failures; /* of allocations, that a call reported */

struct call {
	unsigned int kind;
	uint64_t first, last, bits;
};

static int set(const struct call *call, bool where_empty)
{
	struct payload *payload = payload_new(&world);
	int err = (where_empty ? range_map_set_empty : range_map_set)(
		&world.map, call->first, call->last, payload, call->bits);

	if (err)
		payload_end(&world, payload);
	return err;
}

static int copy(void)
{
	struct range_map other;
	int err;

	range_map_init(&other, &world_ops, &world);
	err = range_map_copy(&other, &world.map);
	if (!err)
		assert_int_equal(range_map_count(&other).ranges, range_map_count(&world.map).ranges);
	range_map_destroy(&other);
	return err;
}

static int snapshot(void)
{
	struct range_map_snapshot taken;
	int err = range_map_snapshot(&world.map, &taken);

	range_map_snapshot_free(&taken);
	return err;
}

/* In a shared map the second half may fail, too; it is tried again. */
static int unmap(const struct call *call)
{
	int err = range_map_unmap_begin(&world.map, call->first, call->last);

	while (!err && range_map_unmap_finish(&world.map, call->first, call->last) == -ENOMEM)
		failures++;
	return err;
}

static int make(const struct call *call)
{
	world.nr_events = 0;
	switch (call->kind) {
	case 0 ... 4:
		return set(call, false);
	case 5:
		return set(call, true);
	case 6 ... 7:
		return range_map_erase(&world.map, call->first, call->last);
	case 8:
		return range_map_update(&world.map, call->first, call->last, call->bits, 3);
	case 9:
		return range_map_isolate(&world.map, call->first, call->last);
	case 10:
		return range_map_split(&world.map, call->first);
	case 11:
		return copy();
	case 13:
		return unmap(call);
	default:
		return snapshot();
	}
}

static void no_difference(void *ctx, uint64_t first, uint64_t last, const struct range_map_range *before,
	const struct range_map_range *after)
{
	fail_msg("a call that failed has changed [%llu, %llu]", (unsigned long long)first,
		(unsigned long long)last);
}

static void check_untouched(const struct range_map_snapshot *before, uint64_t live)
{
	struct range_map_snapshot now;
	const char *reason;

	if (!range_map_validate(&world.map, &reason))
		fail_msg("broken: %s", reason);
	assert_int_equal(range_map_snapshot(&world.map, &now), 0);
	assert_int_equal(now.nr, before->nr);
	if (now.nr)
		assert_memory_equal(now.ranges, before->ranges, now.nr * sizeof(now.ranges[0]));
	range_map_difference(before, &now, no_difference, NULL);
	range_map_snapshot_free(&now);
	assert_int_equal(world.live, live);
}

static void try_all_failures(const struct call *call)
{
	struct range_map_snapshot before;
	uint64_t live = world.live;
	int err;

	assert_int_equal(range_map_snapshot(&world.map, &before), 0);
	for (int n = 1;; n++) {
		world.refuse = n;
		err = call->kind == 12 ? 0 : make(call);
		if (err != -EPERM)
			break;
		check_untouched(&before, live);
	}
	world.refuse = 0;
	range_map_snapshot_free(&before);
	if (err && err != -EEXIST && err != -ENOENT)
		fail_msg("%d", err);
}

static void try_all_allocations(const struct call *call)
{
	struct range_map_snapshot before;
	uint64_t live = world.live;
	int err;

	assert_int_equal(range_map_snapshot(&world.map, &before), 0);
	for (long n = 1;; n++) {
		fail_after(n);
		err = make(call);
		fail_after(-1);
		if (err != -ENOMEM)
			break;
		failures++;
		check_untouched(&before, live);
	}
	range_map_snapshot_free(&before);
	assert_true(err == 0 || err == -EEXIST || err == -ENOENT);
}

static void share(void)
{
	long n = 1;

	do
		fail_after(n++);
	while (range_map_share(&world.map) == -ENOMEM);
	fail_after(-1);
	assert_true(n > 2);
}

static void run(bool shared)
{
	struct random random = { random_seed() };
	uint64_t operations = test_operations(20000) / 2;

	failures = 0;
	memset(&world, 0, sizeof(world));
	range_map_init(&world.map, &world_ops, &world);
	if (shared)
		share();
	for (uint64_t i = 0; i < operations; i++) {
		bool sweep = i % 4000 > 3900;
		unsigned long first = random_below(&random, SPACE),
			      length = random_below(&random, sweep ? SPACE : 5);
		struct call call = { (unsigned int)random_below(&random, random_below(&random, 20) ? 11 : 14),
			first, first + length, random_below(&random, 4) };

		if (random_below(&random, 2))
			try_all_allocations(&call);
		else
			try_all_failures(&call);
	}
	range_map_destroy(&world.map);
	assert_int_equal(world.live, 0);
	empty_caches();
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
	assert_true(failures > operations / 1000);
}

static void test_each_allocation_and_each_split_may_fail(void **state)
{
	run(false);
}

static void test_the_same_in_a_map_with_readers(void **state)
{
	run(true);
}

static struct {
	unsigned int nr;
	uint64_t first[8], last[8];
	bool was[8], is[8];
} told;

static void write_down(void *ctx, uint64_t first, uint64_t last, const struct range_map_range *before,
	const struct range_map_range *after)
{
	told.first[told.nr] = first;
	told.last[told.nr] = last;
	told.was[told.nr] = before != NULL;
	told.is[told.nr++] = after != NULL;
}

static void test_a_difference_is_told_of_in_order_and_a_cut_is_none(void **state)
{
	struct range_map_snapshot before, after;
	struct range_map map;

	range_map_init(&map, NULL, NULL);
	assert_int_equal(range_map_set(&map, 0, 9, NULL, 1), 0);
	assert_int_equal(range_map_set(&map, 20, 29, NULL, 1), 0);
	assert_int_equal(range_map_set(&map, UINT64_MAX - 9, UINT64_MAX, NULL, 1), 0);
	assert_int_equal(range_map_snapshot(&map, &before), 0);
	assert_int_equal(range_map_split(&map, 5), 0);
	assert_int_equal(range_map_update(&map, 20, 24, 2, 0), 0);
	assert_int_equal(range_map_set(&map, 40, 49, NULL, 0), 0);
	assert_int_equal(range_map_erase(&map, UINT64_MAX - 1, UINT64_MAX), 0);
	assert_int_equal(range_map_snapshot(&map, &after), 0);
	assert_int_equal(range_map_difference(&before, &after, write_down, NULL), 3);
	assert_true(told.first[0] == 20 && told.last[0] == 24 && told.was[0] && told.is[0]);
	assert_true(told.first[1] == 40 && told.last[1] == 49 && !told.was[1] && told.is[1]);
	assert_true(
		told.first[2] == UINT64_MAX - 1 && told.last[2] == UINT64_MAX && told.was[2] && !told.is[2]);
	range_map_snapshot_free(&before);
	range_map_snapshot_free(&after);
	range_map_destroy(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_difference_is_told_of_in_order_and_a_cut_is_none),
		cmocka_unit_test(test_each_allocation_and_each_split_may_fail),
		cmocka_unit_test(test_the_same_in_a_map_with_readers),
	};

	failing_port_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
