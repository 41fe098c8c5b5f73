/* SPDX-License-Identifier: MIT */
/*
 * Recordings of every version are read: one of version 1, made when that was the newest, and what later versions have more.
 *
 * usage: format_versions VERSION-1.VMT    (a program without a library: mmap of 8 pages, mprotect of the second, a write to
 * the first, munmap of the fifth, mprotect of the first)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "recording.h"

static const char *version_1;

static void test_a_recording_of_version_1_says_what_it_said_then(void **state)
{
	const uint32_t nr[] = { SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mprotect };
	const uint64_t page[] = { 0, 1, 4, 0 };
	struct trace_reader *r;
	struct trace_event e;
	char error[512];
	uint64_t base = 0;
	size_t calls = 0;
	int got;

	assert_int_equal(trace_reader_open(&r, version_1, error, sizeof(error)), 0);
	assert_int_equal(trace_reader_header(r)->version, 1);
	while ((got = trace_reader_next(r, &e)) > 0) {
		if (e.type != TRACE_EVENT_CALL)
			continue;
		assert_true(calls < 4);
		assert_int_equal(e.call.nr, nr[calls]);
		assert_int_equal(e.call.stack, 0);
		assert_int_equal(e.call.abi, TRACE_ABI_X86_64);
		if (!calls)
			base = (uint64_t)e.call.result;
		else
			assert_int_equal(e.call.args[0], base + page[calls] * REC_PAGE);
		calls++;
	}
	assert_int_equal(got, 0);
	assert_int_equal(calls, 4);
	trace_reader_close(r);
}

/* A recording that begins and has these events, written and opened again.  Its name is gone already. */
static struct trace_reader *written_and_opened(
	const struct trace_header *header, const struct trace_event *events, unsigned int nr)
{
	char path[] = "/tmp/vmaple-versions.XXXXXX", error[512];
	struct trace_writer *w;
	struct trace_reader *r;
	struct recording rec;

	close(mkstemp(path));
	assert_int_equal(trace_writer_open(&w, path, header), 0);
	rec = (struct recording){ .sink = trace_writer_sink(w) };
	rec_begin(&rec);
	for (unsigned int i = 0; i < nr; i++)
		rec_event(&rec, events[i]);
	assert_int_equal(rec.error, 0);
	assert_int_equal(trace_writer_close(w), 0);
	assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
	unlink(path);
	return r;
}

static void test_modules_and_stacks_are_read_back(void **state)
{
	const uint64_t frames[] = { 0x7f0000001234, 0x401000, 0x7f0000001000 };
	const uint8_t id[20] = { 1, 0, 0xff };
	const struct trace_event events[] = {
		{ .type = TRACE_EVENT_MODULE,
			.module = { 0x401000, 0x402000, 0x1000, 0x400000, true, id, sizeof(id),
				"/bin/by-hand" } },
		{ .type = TRACE_EVENT_STACK, .stack = { 1, TRACE_STACK_LOST, 3, frames } },
		{ .type = TRACE_EVENT_CALL, .call = { .nr = SYS_munmap, .stack = 1 } },
	};
	struct trace_reader *r = written_and_opened(&rec_header, events, 3);
	struct trace_event e;

	for (int i = 0; i < 3; i++)
		assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(e.module.start, 0x401000);
	assert_int_equal(e.module.end, 0x402000);
	assert_int_equal(e.module.offset, 0x1000);
	assert_true(e.module.has_bias);
	assert_int_equal(e.module.bias, 0x400000);
	assert_int_equal(e.module.build_id_len, sizeof(id));
	assert_memory_equal(e.module.build_id, id, sizeof(id));
	assert_string_equal(e.module.path, "/bin/by-hand");
	assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(e.stack.id, 1);
	assert_int_equal(e.stack.end, TRACE_STACK_LOST);
	assert_int_equal(e.stack.count, 3);
	assert_memory_equal(e.stack.frames, frames, sizeof(frames));
	assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(e.call.stack, 1);
	assert_int_equal(trace_reader_next(r, &e), 0);
	trace_reader_close(r);
}

/* What is written as version 2 says no table, and all that it says is read back. */
static void test_a_call_of_version_3_says_its_table(void **state)
{
	for (uint32_t version = 2; version <= 3; version++) {
		struct trace_header header = rec_header;
		const struct trace_event call = { .type = TRACE_EVENT_CALL,
			.call = {
				.nr = SYS_munmap, .args = { 0xf7fe0000, REC_PAGE }, .abi = TRACE_ABI_I386 } };
		const struct trace_event calls[] = { call, call };
		struct trace_reader *r;
		struct trace_event e;

		header.version = version;
		r = written_and_opened(&header, calls, 2);
		assert_int_equal(trace_reader_header(r)->version, version);
		do
			assert_int_equal(trace_reader_next(r, &e), 1);
		while (e.type != TRACE_EVENT_CALL);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(e.call.args[0], 0xf7fe0000);
			assert_int_equal(e.call.abi, version < 3 ? TRACE_ABI_X86_64 : TRACE_ABI_I386);
			assert_int_equal(trace_reader_next(r, &e), i == 0);
		}
		trace_reader_close(r);
	}
}

static void test_names_of_tasks_and_of_code_are_read_back(void **state)
{
	const struct trace_event events[] = {
		{ .type = TRACE_EVENT_NAME, .name = { "a thread" } },
		{ .type = TRACE_EVENT_CODE, .code = { 0x5001, 0x5003, "f(x) y" } },
	};
	struct trace_reader *r = written_and_opened(&rec_header, events, 2);
	struct trace_event e;

	for (int i = 0; i < 3; i++)
		assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(e.type, TRACE_EVENT_NAME);
	assert_string_equal(e.name.name, "a thread");
	assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(e.code.start, 0x5001);
	assert_int_equal(e.code.end, 0x5003);
	assert_string_equal(e.code.name, "f(x) y");
	assert_int_equal(trace_reader_next(r, &e), 0);
	trace_reader_close(r);
}

/* Before version 6 a map does not say whether calls were in the kernel beside it; what follows is read all the same. */
static void test_a_map_of_version_6_says_what_is_beside_it(void **state)
{
	const struct trace_area area = { .start = 0x401000, .end = 0x402000, .prot = 1, .name = "" };

	for (uint32_t version = 5; version <= 6; version++) {
		struct trace_header header = rec_header;
		const struct trace_event map = { .type = TRACE_EVENT_MAP,
			.map = { .reason = TRACE_MAP_CHECK,
				.hi = UINT64_MAX,
				.beside = true,
				.count = 1,
				.areas = &area } };
		const struct trace_event maps[] = { map, map };
		struct trace_reader *r;
		struct trace_event e;

		header.version = version;
		r = written_and_opened(&header, maps, 2);
		do
			assert_int_equal(trace_reader_next(r, &e), 1);
		while (e.type != TRACE_EVENT_MAP || e.map.reason != TRACE_MAP_CHECK);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(e.map.beside, version == 6);
			assert_int_equal(e.map.count, 1);
			assert_int_equal(e.map.areas[0].end, 0x402000);
			assert_int_equal(trace_reader_next(r, &e), i == 0);
		}
		trace_reader_close(r);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recording_of_version_1_says_what_it_said_then),
		cmocka_unit_test(test_modules_and_stacks_are_read_back),
		cmocka_unit_test(test_a_call_of_version_3_says_its_table),
		cmocka_unit_test(test_names_of_tasks_and_of_code_are_read_back),
		cmocka_unit_test(test_a_map_of_version_6_says_what_is_beside_it),
	};

	version_1 = argc > 1 ? argv[1] : "version-1.vmt";
	return cmocka_run_group_tests_name("versions of recordings", tests, NULL, NULL);
}
