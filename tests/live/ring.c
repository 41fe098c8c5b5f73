/* SPDX-License-Identifier: MIT */
/*
 * Records come out of the ring as they were put in, each once and in their order: around its end, past those that were
 * taken back or are not whole, and when they are put aside because too many wait.  The kernel's side is played with a file
 * that is mapped as the kernel maps the ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/bpf.h>

#include "ring.h"

#define BYTES (8u << 20)

static struct ring ring;
static uint8_t *file; /* the reader's position, the writer's, the data, and a second copy of it */
static size_t page;

static uint64_t *written(void)
{
	return (uint64_t *)(file + page);
}

static uint64_t released(void)
{
	return *(uint64_t *)file;
}

static void put_bytes(uint64_t at, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = ((const uint8_t *)bytes)[i];

		file[2 * page + ((at + i) & (BYTES - 1))] = byte;
		file[2 * page + BYTES + ((at + i) & (BYTES - 1))] = byte;
	}
}

/* One more record of @len bytes, all of them @what. Where it lies. */
static uint64_t put(uint32_t len, uint8_t what, uint32_t flags)
{
	uint64_t at = *written();
	uint32_t head[2] = { len | flags, 0 };
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	assert_true(at + len + 16 - released() <= BYTES);
	memset(bytes, what, len);
	put_bytes(at, head, sizeof(head));
	put_bytes(at + sizeof(head), bytes, len);
	*written() = at + ((len + sizeof(head) + 7) & ~7ul);
	free(bytes);
	return at;
}

static void assert_next(uint32_t len, uint8_t what)
{
	size_t size = 0;
	const uint8_t *record = ring_next(&ring, &size);

	assert_non_null(record);
	assert_int_equal(size, len);
	assert_int_equal(record[0], what);
	assert_int_equal(record[len - 1], what);
}

static void assert_none(void)
{
	size_t size;

	assert_null(ring_next(&ring, &size));
}

static int open_ring(void **state)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	page = (size_t)sysconf(_SC_PAGESIZE);
	if (fd < 0 || ftruncate(fd, (off_t)(2 * page + 2 * BYTES)))
		return -1;
	file = mmap(NULL, 2 * page + 2 * BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED || ring_open(&ring, fd, BYTES))
		return -1;
	return close(fd);
}

static int close_ring(void **state)
{
	ring_close(&ring);
	return munmap(file, 2 * page + 2 * BYTES);
}

static void test_records_come_in_order_and_are_given_back(void **state)
{
	assert_none();
	put(1, 1, 0);
	put(40, 2, 0);
	assert_next(1, 1);
	assert_next(40, 2);
	assert_none();
	assert_int_equal(released(), *written());
}

static void test_one_that_was_taken_back_is_passed_over(void **state)
{
	put(24, 1, BPF_RINGBUF_DISCARD_BIT);
	put(25, 2, 0);
	assert_next(25, 2);
	assert_none();
}

static void test_one_that_is_not_whole_is_waited_for(void **state)
{
	uint64_t at = put(16, 1, BPF_RINGBUF_BUSY_BIT);
	uint32_t whole = 16;

	put(16, 2, 0);
	assert_none();
	put_bytes(at, &whole, sizeof(whole));
	assert_next(16, 1);
	assert_next(16, 2);
	assert_none();
}

static void test_they_go_around_the_end(void **state)
{
	for (uint32_t i = 0; i < 3 * BYTES / 1000; i++) {
		put(1000, (uint8_t)i, 0);
		put(1, (uint8_t)(i + 1), 0);
		assert_next(1000, (uint8_t)i);
		assert_next(1, (uint8_t)(i + 1));
	}
	assert_none();
}

static void test_what_is_being_read_is_not_given_back(void **state)
{
	uint64_t at;

	for (int i = 0; i < 2000; i++)
		put(100, (uint8_t)i, 0);
	at = *written();
	for (int i = 0; i < 2000; i++) {
		assert_next(100, (uint8_t)i);
		assert_true(released() <= at - (uint64_t)(2000 - i) * 112);
	}
	assert_none();
}

/* A reader that stops where the writers were when it began is not kept by what they write meanwhile; and gives back all of it. */
static void test_how_far_it_was_read_is_known(void **state)
{
	uint64_t end;

	put(100, 1, 0);
	put(100, 2, BPF_RINGBUF_DISCARD_BIT);
	put(100, 3, 0);
	end = ring_written(&ring);
	assert_int_equal(end, *written());
	assert_next(100, 1);
	assert_true(ring_told(&ring) < end);
	put(100, 4, 0);
	assert_next(100, 3);
	assert_int_equal(ring_told(&ring), end);
	assert_true(released() < end);
	ring_release(&ring);
	assert_int_equal(released(), end);
	assert_next(100, 4);
	assert_none();
}

static void put_nth(uint32_t n)
{
	put(500 + n % 7, (uint8_t)n, 0);
}

static void assert_nth(uint32_t n)
{
	assert_next(500 + n % 7, (uint8_t)n);
}

/* Many more than the ring has room for, while only a few are read. */
static void test_too_many_are_put_aside_and_none_is_lost(void **state)
{
	uint32_t in = 0, out = 0;

	while (in < 40000) {
		for (int i = 0; i < 100; i++)
			put_nth(in++);
		for (int i = 0; i < 64; i++)
			ring_make_room(&ring);
		assert_true(*written() - released() <= (4u << 20));
		for (int i = 0; i < 10; i++)
			assert_nth(out++);
		assert_true(ring_told(&ring) < ring_written(&ring));
	}
	while (out < in)
		assert_nth(out++);
	assert_none();
	assert_int_equal(released(), *written());
}

static void test_what_is_not_whole_is_not_put_aside(void **state)
{
	uint64_t at;
	uint32_t whole = 8;

	for (int i = 0; i < 4000; i++)
		put(1000, 3, 0);
	at = put(8, 4, BPF_RINGBUF_BUSY_BIT);
	put(8, 5, 0);
	for (int i = 0; i < 64; i++)
		ring_make_room(&ring);
	for (int i = 0; i < 4000; i++)
		assert_next(1000, 3);
	assert_none();
	put_bytes(at, &whole, sizeof(whole));
	assert_next(8, 4);
	assert_next(8, 5);
	assert_none();
}

#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, open_ring, close_ring)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(test_records_come_in_order_and_are_given_back),
		RING_TEST(test_one_that_was_taken_back_is_passed_over),
		RING_TEST(test_one_that_is_not_whole_is_waited_for),
		RING_TEST(test_they_go_around_the_end),
		RING_TEST(test_what_is_being_read_is_not_given_back),
		RING_TEST(test_how_far_it_was_read_is_known),
		RING_TEST(test_too_many_are_put_aside_and_none_is_lost),
		RING_TEST(test_what_is_not_whole_is_not_put_aside),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
