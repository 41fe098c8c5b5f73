/* SPDX-License-Identifier: MIT */
/*
 * Recordings as files: what is written is read back, and no damage goes unnoticed.
 *
 * A small recording is cut at every byte and has every byte flipped in turn; each time the reader must deliver only
 * events that were written, in order, and end with one sentence.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "values.h" /* before what makes macros of its names */

#include <cmocka.h>

#include "recording.h"
#include "skipped.h"

static char path[] = "/tmp/vmaple-format.XXXXXX";
static unsigned char *whole;
static size_t size;
static uint64_t events;

/* A sink that keeps what matters of each event. */
struct digest {
	struct trace_sink sink;
	uint64_t n, sums[64];
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ULL + (h >> 29);
}

static uint64_t digest_of(const struct trace_event *e)
{
	uint64_t h = mix(mix(mix(e->type, e->step), e->time_ns), mix(e->pid, e->mm));

	if (e->type == TRACE_EVENT_CALL)
		for (int i = 0; i < 6; i++)
			h = mix(h, e->call.args[i] + (uint64_t)e->call.result);
	if (e->type == TRACE_EVENT_FAULT)
		h = mix(h, e->fault.addr + e->fault.write);
	if (e->type == TRACE_EVENT_MAP)
		for (uint32_t i = 0; i < e->map.count; i++)
			h = mix(h, e->map.areas[i].start + e->map.areas[i].end * 3 + e->map.areas[i].prot);
	return h;
}

static int digest_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct digest *d = (struct digest *)sink;

	d->sums[d->n++] = digest_of(e);
	return 0;
}

static struct digest truth = { .sink.event = digest_event };

static void write_file(const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int make_recording(void **state)
{
	struct trace_writer *w;
	struct recording rec, again;
	FILE *f;

	close(mkstemp(path));
	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	rec = (struct recording){ .sink = trace_writer_sink(w) };
	rec_story(&rec);
	events = rec.step;
	assert_int_equal(rec.error, 0);
	assert_int_equal(trace_writer_close(w), 0);
	again = (struct recording){ .sink = &truth.sink };
	rec_story(&again);
	f = fopen(path, "rb");
	assert_non_null(f);
	whole = malloc(1 << 20);
	size = fread(whole, 1, 1 << 20, f);
	fclose(f);
	return 0;
}

static int remove_recording(void **state)
{
	unlink(path);
	free(whole);
	return 0;
}

/* Read what there is: every event must be one that was written. @return 0, or the error that ended it. */
static int read_back(uint64_t *n, char *error, size_t error_size)
{
	struct trace_reader *r;
	struct trace_event e;
	int got = trace_reader_open(&r, path, error, error_size);

	*n = 0;
	if (got)
		return got;
	while ((got = trace_reader_next(r, &e)) > 0) {
		assert_true(*n < truth.n);
		assert_int_equal(digest_of(&e), truth.sums[*n]);
		++*n;
	}
	snprintf(error, error_size, "%s", trace_reader_error(r));
	trace_reader_close(r);
	return got;
}

static void assert_one_sentence(const char *error)
{
	assert_non_null(strstr(error, path));
	assert_null(strchr(error, '\n'));
	assert_true(strlen(error) > strlen(path) + 20);
}

static void test_what_is_written_is_read_back(void **state)
{
	char error[512];
	uint64_t n;

	write_file(whole, size);
	assert_int_equal(read_back(&n, error, sizeof(error)), 0);
	assert_int_equal(n, events);
	assert_string_equal(error, "");
}

/* Seven bits a byte: each length, its least and its greatest number. */
static void test_numbers_of_every_length_are_read_back(void **state)
{
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_event e;
	char error[512];

	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	for (int bits = 0; bits < 64; bits++)
		for (int below = 0; below < 2; below++) {
			e = (struct trace_event){ .type = TRACE_EVENT_LOST,
				.step = (uint64_t)(2 * bits + below + 1),
				.lost = { (1ull << bits) - (uint64_t)below, "records" } };
			assert_int_equal(trace_writer_sink(w)->event(trace_writer_sink(w), &e), 0);
		}
	assert_int_equal(trace_writer_close(w), 0);
	assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
	for (int bits = 0; bits < 64; bits++)
		for (int below = 0; below < 2; below++) {
			assert_int_equal(trace_reader_next(r, &e), 1);
			assert_int_equal(e.lost.count, (1ull << bits) - (uint64_t)below);
		}
	assert_int_equal(trace_reader_next(r, &e), 0);
	trace_reader_close(r);
}

/* Whatever becomes of the writer: so many are read of the file as it is then. */
static void test_a_writer_knows_how_many_events_are_in_the_file(void **state)
{
	struct trace_event e = { .type = TRACE_EVENT_LOST, .lost = { 1, "records" } };
	struct trace_writer *w;
	struct trace_reader *r;
	uint64_t in_file, n = 0;
	char error[512];

	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	while (!trace_writer_events(w) && e.step < 1 << 20) {
		e.step++;
		assert_int_equal(trace_writer_sink(w)->event(trace_writer_sink(w), &e), 0);
	}
	in_file = trace_writer_events(w);
	assert_int_equal(in_file, e.step);
	e.step++;
	assert_int_equal(trace_writer_sink(w)->event(trace_writer_sink(w), &e), 0);
	assert_int_equal(trace_writer_events(w), in_file);
	assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
	while (trace_reader_next(r, &e) > 0)
		n++;
	assert_int_equal(n, in_file);
	trace_reader_close(r);
	assert_int_equal(trace_writer_close(w), 0);
}

static void test_a_number_of_more_than_ten_bytes_is_damage(void **state)
{
	uint8_t bytes[12];
	struct codec c = { .buf = bytes, .end = sizeof(bytes) };

	(void)state;
	memset(bytes, 0x80, sizeof(bytes));
	assert_int_equal(get_varint(&c), 0);
	assert_true(c.failed);
	/* Ten that end are a number. */
	c = (struct codec){ .buf = bytes, .end = sizeof(bytes) };
	bytes[9] = 1;
	assert_true(get_varint(&c) == 1ull << 63 && !c.failed && c.pos == 10);
	/* The last one is missing. */
	c = (struct codec){ .buf = bytes, .end = 9 };
	assert_int_equal(get_varint(&c), 0);
	assert_true(c.failed);
}

static void test_the_words_of_the_header_are_read_back(void **state)
{
	const struct trace_header *h;
	struct trace_reader *r;
	struct trace_event e;
	char error[256];

	write_file(whole, size);
	assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
	while (trace_reader_next(r, &e) > 0)
		;
	h = trace_reader_header(r);
	assert_string_equal(h->kernel, rec_header.kernel);
	assert_string_equal(h->machine, rec_header.machine);
	assert_string_equal(h->command, rec_header.command);
	trace_reader_close(r);
}

static void test_a_recording_cut_at_any_byte_says_so(void **state)
{
	char error[512];
	uint64_t n;

	for (size_t cut = 0; cut < size; cut++) {
		write_file(whole, cut);
		if (read_back(&n, error, sizeof(error)) == 0)
			fail_msg("cut at byte %zu of %zu went unnoticed", cut, size);
		assert_one_sentence(error);
	}
}

static void test_a_flipped_byte_anywhere_is_noticed(void **state)
{
	char error[512];
	uint64_t n;

	for (size_t at = 0; at < size; at++) {
		whole[at] ^= 0x55;
		write_file(whole, size);
		whole[at] ^= 0x55;
		if (read_back(&n, error, sizeof(error)) == 0)
			fail_msg("the flipped byte %zu went unnoticed", at);
		assert_one_sentence(error);
	}
}

static void test_whole_blocks_before_the_damage_are_delivered(void **state)
{
	char error[512];
	uint64_t n;

	/* The end mark is the last block: 32 bytes of head and what zstd makes of nothing. */
	write_file(whole, size - 33);
	assert_int_not_equal(read_back(&n, error, sizeof(error)), 0);
	assert_int_equal(n, events);
	assert_non_null(strstr(error, "what was read is whole"));
}

static void test_a_file_that_is_no_recording_is_named(void **state)
{
	char error[512];
	uint64_t n;

	write_file("#!/bin/sh\necho hello, I am a script and not a recording\n", 56);
	assert_int_not_equal(read_back(&n, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "not a vmaple recording"));
}

static void test_a_newer_version_asks_for_a_newer_vmaple(void **state)
{
	struct trace_header header = rec_header;
	struct trace_writer *w;
	char error[512];
	uint64_t n;

	header.version = TRACE_FORMAT_VERSION + 1;
	assert_int_equal(trace_writer_open(&w, path, &header), 0);
	assert_int_equal(trace_writer_close(w), 0);
	assert_int_not_equal(read_back(&n, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "use a newer vmaple"));
}

/* The SPACE event comes first; what version 1 did not say is what all machines were then. */
static void test_version_1_is_read_and_filled_in(void **state)
{
	struct trace_header header = rec_header;
	struct recording rec = { 0 };
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_event e;
	char error[512];

	for (uint32_t version = 1; version <= 2; version++) {
		header.version = version;
		header.no_zero_page = true;
		header.dac_mmap_min_addr = 4096;
		assert_int_equal(trace_writer_open(&w, path, &header), 0);
		rec = (struct recording){ .sink = trace_writer_sink(w) };
		rec_story(&rec);
		assert_int_equal(trace_writer_close(w), 0);
		assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
		assert_int_equal(trace_reader_header(r)->no_zero_page, version == 2);
		assert_int_equal(trace_reader_header(r)->dac_mmap_min_addr, version == 2 ? 4096 : 65536);
		assert_int_equal(trace_reader_next(r, &e), 1);
		assert_int_equal(e.type, TRACE_EVENT_SPACE);
		assert_true(e.space.limits[TRACE_LIMIT_DATA_HARD] == UINT64_MAX);
		assert_int_equal(e.space.start_stack, 0x7ffffffde000);
		trace_reader_close(r);
	}
}

static void test_branch_targets_came_with_version_5(void **state)
{
	struct trace_header header = rec_header;
	struct trace_writer *w;
	struct trace_reader *r;
	char error[512];

	header.branch_targets = true;
	for (header.version = 4; header.version <= 5; header.version++) {
		assert_int_equal(trace_writer_open(&w, path, &header), 0);
		assert_int_equal(trace_writer_close(w), 0);
		assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
		assert_int_equal(trace_reader_header(r)->branch_targets, header.version == 5);
		assert_string_equal(trace_reader_header(r)->kernel, header.kernel);
		trace_reader_close(r);
	}
}

static void test_a_full_disk_is_reported_by_the_writer(void **state)
{
	struct trace_writer *w;

	if (access("/dev/full", W_OK)) {
		skipped("there is no /dev/full");
		return;
	}
	assert_int_equal(trace_writer_open(&w, "/dev/full", &rec_header), -ENOSPC);
	assert_int_equal(trace_writer_open(&w, "/nonexistent/x.vmt", &rec_header), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read_back),
		cmocka_unit_test(test_numbers_of_every_length_are_read_back),
		cmocka_unit_test(test_a_writer_knows_how_many_events_are_in_the_file),
		cmocka_unit_test(test_a_number_of_more_than_ten_bytes_is_damage),
		cmocka_unit_test(test_the_words_of_the_header_are_read_back),
		cmocka_unit_test(test_a_recording_cut_at_any_byte_says_so),
		cmocka_unit_test(test_a_flipped_byte_anywhere_is_noticed),
		cmocka_unit_test(test_whole_blocks_before_the_damage_are_delivered),
		cmocka_unit_test(test_a_file_that_is_no_recording_is_named),
		cmocka_unit_test(test_a_newer_version_asks_for_a_newer_vmaple),
		cmocka_unit_test(test_version_1_is_read_and_filled_in),
		cmocka_unit_test(test_branch_targets_came_with_version_5),
		cmocka_unit_test(test_a_full_disk_is_reported_by_the_writer),
	};

	return cmocka_run_group_tests_name("format", tests, make_recording, remove_recording);
}
