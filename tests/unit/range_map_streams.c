/* SPDX-License-Identifier: MIT */
/*
 * Range maps as streams: what is saved is loaded, on a machine of any byte order; each byte that is damaged, each place
 * at which the stream ends, and each write, read and payload that fails is told of, and leaves an empty map.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "random.h"
#include "range_map_world.h"

static unsigned char bytes[1 << 16];
static size_t nr_bytes, at_byte;
static long fail_in; /* calls until one fails; 0: none */
static struct world world, other;

static bool fails(void)
{
	return fail_in && --fail_in == 0;
}

static int write_bytes(void *ctx, const void *from, size_t size)
{
	assert_true(nr_bytes + size <= sizeof(bytes));
	if (fails())
		return -EIO;
	memcpy(bytes + nr_bytes, from, size);
	nr_bytes += size;
	return 0;
}

static int read_bytes(void *ctx, void *to, size_t size)
{
	if (fails() || at_byte + size > nr_bytes)
		return -EIO;
	memcpy(to, bytes + at_byte, size);
	at_byte += size;
	return 0;
}

static int encode(void *ctx, const struct range_map_range *range, unsigned char *to, size_t size)
{
	uint64_t id = payload_id(range->value);

	assert_int_equal(size, RANGE_MAP_ENCODED);
	if (fails())
		return -EPERM;
	to[0] = (unsigned char)id;
	to[1] = (unsigned char)(id >> 8);
	return 2;
}

static int decode(void *ctx, struct range_map_range *range, const unsigned char *from, size_t size)
{
	struct payload *payload;

	assert_null(range->value);
	if (size != 2)
		return -EBADMSG;
	if (fails())
		return -EPERM;
	payload = payload_new(&other);
	payload->id = from[0] | (uint64_t)from[1] << 8;
	range->value = payload;
	return 0;
}

static const struct range_map_stream stream = { write_bytes, read_bytes, NULL, encode, decode };

static int load(void)
{
	at_byte = 0;
	other.nr_events = 0;
	range_map_init(&other.map, &world_ops, &other);
	return range_map_load(&other.map, &stream);
}

static void make_world(unsigned long ranges)
{
	memset(&world, 0, sizeof(world));
	memset(&other, 0, sizeof(other));
	nr_bytes = 0;
	fail_in = 0;
	range_map_init(&world.map, &world_ops, &world);
	for (unsigned long i = 0; i < ranges; i++)
		assert_int_equal(
			range_map_set(&world.map, i * 10 + 1, i * 10 + 1 + i % 9, payload_new(&world), i % 4),
			0);
	assert_int_equal(range_map_set(&world.map, UINT64_MAX, UINT64_MAX, payload_new(&world), 1), 0);
	assert_int_equal(range_map_unmap_begin(&world.map, UINT64_MAX - 5, UINT64_MAX - 3), 0);
}

static void check_same(void)
{
	struct range_map_cursor a = range_map_from(0), b = range_map_from(0);
	struct range_map_range was, is;
	const char *reason;

	assert_true(range_map_validate(&other.map, &reason));
	while (range_map_next(&world.map, &a, &was)) {
		assert_true(range_map_next(&other.map, &b, &is));
		assert_true(was.first == is.first && was.last == is.last && was.bits == is.bits);
		assert_int_equal(payload_id(was.value), payload_id(is.value));
	}
	assert_false(range_map_next(&other.map, &b, &is));
	assert_int_equal(other.live, world.live);
}

static void test_what_is_saved_is_loaded_but_for_tombstones(void **state)
{
	make_world(500);
	assert_int_equal(range_map_save(&world.map, &stream), 0);
	assert_int_equal(load(), 0);
	check_same();
	assert_int_equal(range_map_count(&other.map).tombstones, 0);
	assert_int_equal(range_map_load(&other.map, &stream), -EINVAL); /* not empty */
	range_map_destroy(&other.map);
	range_map_destroy(&world.map);
	assert_int_equal(other.live, 0);
}

static void test_the_bytes_are_those_that_the_header_says(void **state)
{
	static const unsigned char head[] =
		"vmaprng1\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0\3\1\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1";

	make_world(0);
	assert_int_equal(range_map_unmap_finish(&world.map, UINT64_MAX - 5, UINT64_MAX - 3), 0);
	assert_int_equal(range_map_erase(&world.map, 0, UINT64_MAX), 0);
	world.next_id = 0;
	assert_int_equal(range_map_set(&world.map, 0x102, 0x103, payload_new(&world), 1), 0);
	assert_int_equal(range_map_save(&world.map, &stream), 0);
	assert_int_equal(nr_bytes, 16 + 32 + 2 + 8);
	assert_memory_equal(bytes, head, sizeof(head) - 1);
	range_map_destroy(&world.map);
}

static void check_empty(int err)
{
	assert_true(err < 0);
	assert_int_equal(range_map_count(&other.map).ranges, 0);
	assert_int_equal(other.live, 0);
	range_map_destroy(&other.map);
}

static void test_no_damage_is_taken_for_a_map(void **state)
{
	size_t whole;

	make_world(20);
	assert_int_equal(range_map_save(&world.map, &stream), 0);
	whole = nr_bytes;
	for (size_t i = 0; i < whole; i++) {
		bytes[i] ^= (unsigned char)(1 << i % 8);
		check_empty(load());
		bytes[i] ^= (unsigned char)(1 << i % 8);
	}
	for (nr_bytes = 0; nr_bytes < whole; nr_bytes++)
		check_empty(load());
	assert_int_equal(load(), 0);
	check_same();
	range_map_destroy(&other.map);
	range_map_destroy(&world.map);
}

static void test_whatever_fails_is_told_of(void **state)
{
	long n;
	int err;

	make_world(20);
	for (n = 1, err = -1; err; n++) {
		nr_bytes = 0;
		fail_in = n;
		err = range_map_save(&world.map, &stream);
		assert_true(err == 0 || err == -EIO || err == -EPERM);
	}
	assert_true(n > 60);
	for (n = 1, err = -1; err; n++) {
		fail_in = n;
		err = load();
		if (err)
			check_empty(err);
	}
	assert_true(n > 60);
	fail_in = 0;
	check_same();
	range_map_destroy(&other.map);
	range_map_init(&other.map, &world_ops, &other);
	range_map_limit(&other.map, 20, 0); /* one less than there are */
	at_byte = 0;
	assert_int_equal(range_map_load(&other.map, &stream), -ENOSPC);
	assert_int_equal(other.live, 0);
	range_map_destroy(&other.map);
	range_map_destroy(&world.map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_saved_is_loaded_but_for_tombstones),
		cmocka_unit_test(test_the_bytes_are_those_that_the_header_says),
		cmocka_unit_test(test_no_damage_is_taken_for_a_map),
		cmocka_unit_test(test_whatever_fails_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
