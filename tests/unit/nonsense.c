/* SPDX-License-Identifier: MIT */
/*
 * Recordings that are well-formed and make no sense: right checksums, values that no kernel has said.
 *
 * Each case is a good story with one event that is wrong.  The reader must deliver what stands before it, and then say at
 * which step it is damaged and why.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/prctl.h>

#include <cmocka.h>

#include "recording.h"

#define TASK_SIZE ((1UL << 47) - 4096)

static char path[] = "/tmp/vmaple-nonsense.XXXXXX";

static const uint64_t frames[TRACE_STACK_FRAMES + 1];
static const uint8_t build_id[TRACE_BUILD_ID_MAX + 1];

struct nonsense {
	const char *sentence; /* what has to be said, in part */
	struct trace_event event;
};

#define AREA(...) ((struct trace_area[]){ { .start = 0x10000, .end = 0x12000, .name = "", __VA_ARGS__ } })
#define AREAS(n, ...)                              \
	{                                          \
		.type = TRACE_EVENT_MAP, .mm = 1,  \
		.map = {.reason = TRACE_MAP_CHECK, \
			.hi = UINT64_MAX,          \
			.has_vm_flags = true,      \
			.count = (n),              \
			.areas = __VA_ARGS__ }     \
	}
#define ONE_AREA(...) AREAS(1, AREA(__VA_ARGS__))
#define CALL(...)                                                          \
	{                                                                  \
		.type = TRACE_EVENT_CALL, .mm = 1, .call = { __VA_ARGS__ } \
	}
#define FILE_EVENT(...)                                                                 \
	{                                                                               \
		.type = TRACE_EVENT_FILE, .file = {.id = 7, .path = "/f", __VA_ARGS__ } \
	}
#define STACK(...)                                                                            \
	{                                                                                     \
		.type = TRACE_EVENT_STACK, .mm = 1, .stack = {.frames = frames, __VA_ARGS__ } \
	}
#define MODULE(...)                                                                         \
	{                                                                                   \
		.type = TRACE_EVENT_MODULE, .mm = 1, .module = {.path = "/m", __VA_ARGS__ } \
	}
#define SPACE(...)                                             \
	{                                                      \
		.type = TRACE_EVENT_SPACE, .mm = 2, .space = { \
			.path = "/p",                          \
			.task_size = TASK_SIZE,                \
			__VA_ARGS__                            \
		}                                              \
	}

/* An override comes behind the default that it replaces. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
#define ANON(...)                                                                \
	{                                                                        \
		.type = TRACE_EVENT_ANON, .mm = 1, .anon = {                     \
			.count = 2,                                              \
			.areas = (const struct trace_anon_area[]){ __VA_ARGS__ } \
		}                                                                \
	}
static const struct nonsense nonsense[] = {
	/* anon_vmas */
	{ "anon_vmas of areas that do not ascend", ANON({ 0x2000, 1, 1 }, { 0x2000, 1, 1 }) },
	{ "anon_vmas of areas that do not ascend", ANON({ 0x2000, 1, 1 }, { 0x2001, 1, 1 }) },
	{ "an anon_vma at 0x3000 with a number that is none", ANON({ 0x2000, 1, 1 }, { 0x3000, 0, 1 }) },
	{ "an anon_vma at 0x3000 with a number that is none", ANON({ 0x2000, 1, 4 }, { 0x3000, 1, 5 }) },
	/* CK4: stacks and the code that they go through */
	{ "from stack 1, which has not been told", CALL(.nr = SYS_munmap, .stack = 1) },
	{ "stack 2, which is not the next", STACK(.id = 2, .count = 1) },
	{ "stack 0, which is not the next", STACK(.id = 0, .count = 1) },
	{ "without a frame", STACK(.id = 1, .count = 0) },
	{ "with no end", STACK(.id = 1, .count = 1, .end = 3) },
	{ "code at 0x1001 that is not of whole pages", MODULE(.start = 0x1001, .end = 0x2000) },
	{ "code at 0x1000 that is not of whole pages, or of none", MODULE(.start = 0x1000, .end = 0x1000) },
	{ "code at 0x1000 that is not of whole pages", MODULE(.start = 0x1000, .end = 0x2000, .offset = 1) },
	{ "beyond its address space", MODULE(.start = 0x1000, .end = 1ull << 47) },
	{ "a build-id of 65 bytes",
		MODULE(.start = 0x1000, .end = 0x2000, .build_id = build_id, .build_id_len = 65) },
	{ "a function at 0x5000 of no bytes",
		{ .type = TRACE_EVENT_CODE, .mm = 1, .code = { 0x5000, 0x5000, "f" } } },
	{ "a function at 0x5000", { .type = TRACE_EVENT_CODE, .mm = 1, .code = { 0x5000, ~0ull, "f" } } },
	/* CK1: numbers */
	{ "address space 1 begins", { .type = TRACE_EVENT_FORK, .mm = 1, .fork = { 101, 1 } } },
	{ "address space 0 begins", { .type = TRACE_EVENT_FORK, .mm = 1, .fork = { 101, 0 } } },
	{ "address space 1 begins",
		{ .type = TRACE_EVENT_SPACE, .mm = 1, .space = { .path = "", .task_size = TASK_SIZE } } },
	{ "address space 9, which has not begun", { .type = TRACE_EVENT_CALL, .mm = 9 } },
	{ "address space 9, which has not begun", { .type = TRACE_EVENT_TASK, .mm = 9 } },
	{ "begins twice", { .type = TRACE_EVENT_MAP, .mm = 1, .map = { .hi = UINT64_MAX } } },
	{ "process 4294967295", { .type = TRACE_EVENT_EXIT, .mm = 1, .pid = UINT32_MAX } },
	{ "process 4294967295", { .type = TRACE_EVENT_FORK, .mm = 1, .fork = { UINT32_MAX, 2 } } },
	{ "centuries", { .type = TRACE_EVENT_TASK, .mm = 1, .time_ns = 1ull << 63 } },
	/* CK2: areas */
	{ "not of whole pages", ONE_AREA(.start = 0x10001) },
	{ "not of whole pages", ONE_AREA(.end = 0x12fff) },
	{ "ends where it begins", ONE_AREA(.end = 0x10000) },
	{ "ends where it begins", ONE_AREA(.end = 0xf000) },
	{ "beyond its address space", ONE_AREA(.end = 1UL << 47) },
	{ "beyond what can be addressed", ONE_AREA(.end = 1UL << 63) },
	{ "an access that maps cannot show", ONE_AREA(.prot = 8) },
	{ "offset is not of whole pages", ONE_AREA(.offset = 512) },
	{ "contradict its access", ONE_AREA(.prot = PROT_READ) },
	{ "contradict its access", ONE_AREA(.shared = true) },
	{ "overlap", AREAS(2, (struct trace_area[]){ { .start = 0x10000, .end = 0x12000, .name = "" },
				      { .start = 0x11000, .end = 0x13000, .name = "" } }) },
	{ "do not ascend", AREAS(2, (struct trace_area[]){ { .start = 0x20000, .end = 0x22000, .name = "" },
					    { .start = 0x10000, .end = 0x12000, .name = "" } }) },
	{ "outside the window", { .type = TRACE_EVENT_MAP,
					.mm = 1,
					.map = { .reason = TRACE_MAP_CHECK,
						.lo = 0x20000,
						.hi = 0x30000,
						.count = 1,
						.areas = AREA(.prot = 0) } } },
	{ "a window that ends before", { .type = TRACE_EVENT_MAP,
					       .mm = 1,
					       .map = { .reason = TRACE_MAP_CHECK, .lo = 2, .hi = 1 } } },
	{ "for no reason", { .type = TRACE_EVENT_MAP, .mm = 1, .map = { .reason = 3, .hi = UINT64_MAX } } },
	/* CK3: calls, files, limits, the space itself */
	{ "where nothing can be mapped", CALL(.nr = SYS_mmap, .result = 0x10001) },
	{ "where nothing can be mapped", CALL(.nr = SYS_mremap, .result = 1L << 47) },
	{ "where nothing can be mapped", CALL(.nr = SYS_brk, .result = 1L << 60) },
	{ "no result and no error", CALL(.nr = SYS_munmap, .result = -4096) },
	{ "a part of the program moved",
		CALL(.nr = SYS_prctl, .args = { PR_SET_MM, PR_SET_MM_BRK, 1UL << 60 }) },
	{ "maps file 5", CALL(.nr = SYS_mmap, .file = 5) },
	{ "a name without an end",
		CALL(.nr = SYS_prctl, .args = { PR_SET_VMA }, .data = "xyz", .data_len = 3) },
	{ "without a number", FILE_EVENT(.id = 0) },
	{ "of no kind", FILE_EVENT(.kind = TRACE_FILE_SECRET + 1) },
	{ "asks to be aligned", FILE_EVENT(.map_align = 12288) },
	{ "a limit that there is not",
		{ .type = TRACE_EVENT_LIMIT, .mm = 1, .limit = { TRACE_LIMIT_COUNT, 0 } } },
	{ "an address space of 0 bytes", SPACE(.task_size = 0) },
	{ "an address space of 0xfff", SPACE(.task_size = 0xfff) },
	{ "an address space of", SPACE(.task_size = 1UL << 60) },
	{ "a search that begins at 0x7", SPACE(.mmap_base = 0x7fffffffffff) },
	{ "beyond its address space", SPACE(.start_brk = 1UL << 60) },
	{ "beyond its address space", SPACE(.start_code = 1UL << 60) },
	{ "beyond its address space", SPACE(.env_end = 1UL << 60) },
};
#pragma GCC diagnostic pop

static int begin(void **state)
{
	close(mkstemp(path));
	return 0;
}

static int finish(void **state)
{
	unlink(path);
	return 0;
}

static uint64_t write_story(const struct trace_event *wrong)
{
	struct trace_writer *w;
	struct recording rec;
	struct trace_event e = *wrong;

	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	rec = (struct recording){ .sink = trace_writer_sink(w) };
	rec_begin(&rec);
	rec_call(&rec, SYS_munmap, rec_at(0), REC_PAGE, 0, 0, 0);
	e.step = ++rec.step;
	e.pid = e.pid ? e.pid : 100;
	e.time_ns = e.time_ns ? e.time_ns : rec.step * 1000;
	assert_int_equal(rec.sink->event(rec.sink, &e), 0);
	rec_call(&rec, SYS_munmap, rec_at(0), REC_PAGE, 0, 0, 0);
	assert_int_equal(rec.error, 0);
	assert_int_equal(trace_writer_close(w), 0);
	return e.step;
}

static void test_what_no_kernel_says_is_damage_at_its_step(void **state)
{
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		uint64_t step = write_story(&nonsense[i].event), n = 0;
		struct trace_reader *r;
		struct trace_event e;
		char error[512], place[64];
		int got;

		assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
		while ((got = trace_reader_next(r, &e)) > 0)
			n++;
		snprintf(place, sizeof(place), "damaged at step %" PRIu64 ": ", step);
		if (got != -EBADMSG || n != step - 1 || !strstr(trace_reader_error(r), place) ||
			!strstr(trace_reader_error(r), nonsense[i].sentence))
			fail_msg("case %zu, \"%s\": %d after %" PRIu64 " events, \"%s\"", i,
				nonsense[i].sentence, got, n, trace_reader_error(r));
		assert_int_equal(trace_reader_next(r, &e), -EBADMSG);
		trace_reader_close(r);
	}
}

static void test_what_a_lost_event_may_have_announced_is_no_damage(void **state)
{
	struct trace_writer *w;
	struct trace_reader *r;
	struct recording rec;
	struct trace_event e, lost = { .type = TRACE_EVENT_LOST, .mm = 1, .lost = { 1, "a fork" } },
			      call = { .type = TRACE_EVENT_CALL, .mm = 9, .call = { .nr = SYS_brk } };
	char error[512];

	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	rec = (struct recording){ .sink = trace_writer_sink(w) };
	rec_begin(&rec);
	rec_event(&rec, lost);
	call.step = rec.step + 1;
	assert_int_equal(rec.sink->event(rec.sink, &call), 0);
	assert_int_equal(trace_writer_close(w), 0);
	assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), 0);
	for (uint64_t i = 0; i < call.step; i++)
		assert_int_equal(trace_reader_next(r, &e), 1);
	assert_int_equal(trace_reader_next(r, &e), 0);
	trace_reader_close(r);
}

static void test_a_machine_that_cannot_be_is_damage_in_the_header(void **state)
{
	for (int i = 0; i < 6; i++) {
		struct trace_header h = rec_header;
		struct trace_writer *w;
		struct trace_reader *r;
		char error[512] = "";

		*(i == 0         ? &h.page_size
			: i == 1 ? &h.thp_enabled
			: i == 2 ? &h.overcommit_memory
				 : &h.fault_source) = 4;
		h.max_map_count = i == 4 ? 1UL << 31 : 65530;
		h.total_ram = i == 5 ? UINT64_MAX - 4095 : 0;
		if (i > 3)
			h.fault_source = 0;
		assert_int_equal(trace_writer_open(&w, path, &h), 0);
		assert_int_equal(trace_writer_close(w), 0);
		assert_int_equal(trace_reader_open(&r, path, error, sizeof(error)), -EBADMSG);
		assert_non_null(strstr(error, "damaged at step 0, in its header: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_no_kernel_says_is_damage_at_its_step),
		cmocka_unit_test(test_what_a_lost_event_may_have_announced_is_no_damage),
		cmocka_unit_test(test_a_machine_that_cannot_be_is_damage_in_the_header),
	};

	return cmocka_run_group_tests_name("well-formed nonsense", tests, begin, finish);
}
