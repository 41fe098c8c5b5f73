/* SPDX-License-Identifier: MIT */
/* Addresses as text: what is found in files, by a recording's modules, and what is said where nothing can be found. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <vmaple/symbols.h>

#include "recording.h"

__attribute__((noinline)) void known_function(void);
void known_function(void)
{
	__asm__ volatile("");
}

/* The area of this program's own code. */
static struct trace_area own_code(char name[4096])
{
	FILE *f = fopen("/proc/self/maps", "r");
	struct trace_area a = { .name = name };
	uint64_t at = (uintptr_t)known_function;
	char line[8192];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %4095s", &a.start, &a.end,
			    &a.offset, name) == 4 &&
			at >= a.start && at < a.end) {
			fclose(f);
			return a;
		}
	}
	fail_msg("this program is not in its own map");
	return a;
}

/* Whoever made the recording may have named a pipe, a terminal or another device: opening alone does something there. */
static void test_what_is_no_regular_file_is_not_opened(void **state)
{
	struct symbols *s = symbols_new();
	char folder[] = "/tmp/vmaple-symbols-XXXXXX", path[64], link[64], event[512];
	struct trace_module m = { .start = 0x1000, .end = 0x3000, .path = path };
	int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct symbol y;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_true(inotify_add_watch(opened, path, IN_OPEN) >= 0);
	assert_false(symbol_find(s, &m, 0, 0x2000, &y));
	m.path = link;
	assert_false(symbol_find(s, &m, 0, 0x2000, &y));
	assert_int_equal(read(opened, event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_non_null(symbols_note(s, 1));
	assert_non_null(strstr(symbols_note(s, 0), "It is no regular file"));
	/* Opened after all, to see that it would have been noticed. */
	close(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	assert_true(read(opened, event, sizeof(event)) > 0);
	unlink(link);
	unlink(path);
	rmdir(folder);
	close(opened);
	symbols_free(s);
}

static void test_a_function_is_found_in_the_file_of_an_area(void **state)
{
	struct symbols *s = symbols_new();
	char name[4096], text[256], want[256];
	struct trace_area a = own_code(name);
	struct trace_module m = symbol_module_of_area(&a);
	uint64_t addr = (uintptr_t)known_function;
	struct symbol y;

	assert_true(symbol_find(s, &m, 0, addr, &y));
	assert_string_equal(y.function, "known_function");
	assert_int_equal(y.offset, 0);
	snprintf(want, sizeof(want), "known_function+0 (%s)", strrchr(name, '/') + 1);
	assert_string_equal(symbol_text(&y, addr, text, sizeof(text)), want);
	assert_null(symbols_note(s, 0));
	symbols_free(s);
}

static void test_another_file_at_the_path_is_not_used_and_said(void **state)
{
	struct symbols *s = symbols_new();
	char name[4096], text[256];
	struct trace_area a = own_code(name);
	struct trace_module m = symbol_module_of_area(&a);
	const uint8_t id[20] = { 0xab, 0xcd };
	struct symbol y;

	m.build_id = id;
	m.build_id_len = sizeof(id);
	assert_false(symbol_find(s, &m, 0, (uintptr_t)known_function, &y));
	assert_null(y.function);
	assert_non_null(strstr(symbol_text(&y, 0, text, sizeof(text)), "symbols+0x"));
	assert_non_null(symbols_note(s, 0));
	assert_non_null(strstr(symbols_note(s, 0), "recorded was abcd"));
	assert_null(symbols_note(s, 1));
	symbols_free(s);
}

static void test_a_file_that_is_not_there_is_said(void **state)
{
	struct symbols *s = symbols_new();
	struct trace_module m = { .start = 0x1000, .end = 0x3000, .offset = 0x4000, .path = "/not/there.so" };
	struct symbol y;
	char text[64];

	assert_false(symbol_find(s, &m, 0, 0x1234, &y));
	assert_string_equal(symbol_text(&y, 0x1234, text, sizeof(text)), "there.so+0x4234");
	assert_non_null(strstr(symbols_note(s, 0), "/not/there.so cannot be opened"));
	symbols_free(s);
}

static void test_written_code_is_found_in_the_perf_map_of_its_process(void **state)
{
	struct symbols *s = symbols_new();
	char path[64], text[64];
	struct symbol y;
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	/* The first is overwritten by the second; nonsense is passed over. */
	fprintf(f, "5000 10 first\nnonsense\n5000 20 later name\n7000 ffffffffffffffff all\n\n6000");
	fclose(f);
	assert_true(symbol_find(s, NULL, (uint32_t)getpid(), 0x501f, &y));
	assert_string_equal(y.function, "later name");
	assert_int_equal(y.offset, 0x1f);
	assert_false(symbol_find(s, NULL, (uint32_t)getpid(), 0x5020, &y));
	assert_string_equal(symbol_text(&y, 0x5020, text, sizeof(text)), "0x5020");
	assert_false(symbol_find(s, NULL, 0, 0x501f, &y));
	unlink(path);
	symbols_free(s);
}

/* Told when its process ends, it is known from the beginning, and whatever file is here is not looked at. */
static void test_a_recording_has_its_own_names_of_written_code(void **state)
{
	char path[] = "/tmp/vmaple-symbols.XXXXXX", map[64];
	const struct trace_event events[] = {
		{ .type = TRACE_EVENT_CODE, .code = { 0x5000, 0x5010, "first" } },
		{ .type = TRACE_EVENT_CODE, .code = { 0x4000, 0x4010, "lower" } },
		{ .type = TRACE_EVENT_CODE, .code = { 0x5000, 0x5008, "again" } },
	};
	struct recording rec = { .pid = (uint32_t)getpid() };
	struct symbols *s = symbols_new();
	struct trace_writer *w;
	struct symbol y;
	FILE *f;

	snprintf(map, sizeof(map), "/tmp/perf-%d.map", getpid());
	f = fopen(map, "w");
	assert_non_null(f);
	fputs("5000 20 another's\n", f);
	fclose(f);
	close(mkstemp(path));
	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	rec.sink = trace_writer_sink(w);
	rec_begin(&rec);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		rec_event(&rec, events[i]);
	assert_int_equal(rec.error, 0);
	assert_int_equal(trace_writer_close(w), 0);
	assert_int_equal(symbols_recording(s, path), 0);
	assert_true(symbol_find(s, NULL, (uint32_t)getpid(), 0x5007, &y));
	assert_string_equal(y.function, "again");
	assert_true(symbol_find(s, NULL, (uint32_t)getpid(), 0x400f, &y));
	assert_string_equal(y.function, "lower");
	assert_false(symbol_find(s, NULL, (uint32_t)getpid(), 0x5010, &y));
	unlink(path);
	unlink(map);
	symbols_free(s);
}

static void event(struct symbols *s, struct trace_event e)
{
	assert_int_equal(symbols_event(s, &e), 0);
}

static const char *frame(struct symbols *s, uint32_t mm, uint64_t addr)
{
	static char text[64];
	struct symbol y;

	symbols_frame(s, mm, 0, addr, &y);
	return symbol_text(&y, addr, text, sizeof(text));
}

#define MODULE(nr, from, to, file)                                  \
	(struct trace_event)                                        \
	{                                                           \
		.type = TRACE_EVENT_MODULE, .mm = (nr), .module = { \
			.start = (from),                            \
			.end = (to),                                \
			.path = (file)                              \
		}                                                   \
	}

static void test_code_is_what_was_told_last_in_its_address_space(void **state)
{
	struct symbols *s = symbols_new();
	const uint64_t frames[] = { 0x1001, 0x2001 };

	event(s, MODULE(1, 0x1000, 0x3000, "/not/a.so"));
	assert_string_equal(frame(s, 1, 0x1001), "a.so+0x1");
	assert_string_equal(frame(s, 1, 0x3000), "a.so+0x2000");
	assert_string_equal(frame(s, 1, 0x3001), "0x3001");
	event(s, (struct trace_event){ .type = TRACE_EVENT_FORK, .mm = 1, .fork = { 7, 2 } });
	event(s, MODULE(1, 0x2000, 0x4000, "/not/b.so"));
	assert_string_equal(frame(s, 1, 0x2001), "b.so+0x1");
	assert_string_equal(frame(s, 1, 0x1001), "0x1001");
	assert_string_equal(frame(s, 2, 0x2001), "a.so+0x1001");
	event(s, (struct trace_event){ .type = TRACE_EVENT_EXIT, .mm = 2, .exit = { .last = true } });
	assert_string_equal(frame(s, 2, 0x2001), "0x2001");
	event(s, (struct trace_event){ .type = TRACE_EVENT_STACK, .mm = 1, .stack = { 1, 0, 2, frames } });
	assert_null(symbols_stack(s, 0));
	assert_null(symbols_stack(s, 2));
	assert_int_equal(symbols_stack(s, 1)->count, 2);
	assert_int_equal(symbols_stack(s, 1)->frames[1], 0x2001);
	symbols_free(s);
}

static void named(struct symbols *s, uint32_t tid, uint64_t step, const char *name)
{
	event(s,
		(struct trace_event){ .type = TRACE_EVENT_NAME, .tid = tid, .step = step, .name = { name } });
}

static void test_a_task_is_called_what_it_was_called_then(void **state)
{
	struct symbols *s = symbols_new();
	char name[16];

	assert_null(symbols_task(s, 7, 100));
	for (uint32_t tid = 1; tid <= 1000; tid++) {
		snprintf(name, sizeof(name), "task %u", tid);
		named(s, tid, 10, name);
	}
	named(s, 7, 20, "worker");
	named(s, 7, 30, "idle");
	assert_null(symbols_task(s, 7, 9));
	assert_string_equal(symbols_task(s, 7, 19), "task 7");
	assert_string_equal(symbols_task(s, 7, 20), "worker");
	assert_string_equal(symbols_task(s, 7, UINT64_MAX), "idle");
	for (uint32_t tid = 8; tid <= 1000; tid++) {
		snprintf(name, sizeof(name), "task %u", tid);
		assert_string_equal(symbols_task(s, tid, 11), name);
	}
	assert_null(symbols_task(s, 1001, 11));
	symbols_free(s);
}

/* Bytes of a copy of this program are changed: whatever they say, nothing but an answer may come of it. */
static void test_damaged_files_are_survived(void **state)
{
	const char *given = getenv("VMAPLE_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0) : (unsigned int)time(NULL);
	char name[4096], path[] = "/tmp/vmaple-symbols.XXXXXX", text[256];
	struct trace_area a = own_code(name);
	int fd = mkstemp(path);
	FILE *f = fopen("/proc/self/exe", "rb");
	unsigned char *own = malloc(16 << 20), *copy = malloc(16 << 20);
	size_t size = fread(own, 1, 16 << 20, f);

	fclose(f);
	print_message("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 60; round++) {
		struct symbols *s = symbols_new();
		struct trace_module m = symbol_module_of_area(&a);
		struct symbol y;

		memcpy(copy, own, size);
		for (int i = 0; i < 1 << round % 8; i++)
			copy[round & 1 ? (size_t)rand() % 1024 : size - 1 - (size_t)rand() % 4096] =
				(unsigned char)rand();
		assert_int_equal(pwrite(fd, copy, size, 0), size);
		m.path = path;
		symbol_find(s, &m, 0, (uintptr_t)known_function, &y);
		assert_non_null(symbol_text(&y, (uintptr_t)known_function, text, sizeof(text)));
		symbols_free(s);
	}
	free(own);
	free(copy);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_function_is_found_in_the_file_of_an_area),
		cmocka_unit_test(test_what_is_no_regular_file_is_not_opened),
		cmocka_unit_test(test_another_file_at_the_path_is_not_used_and_said),
		cmocka_unit_test(test_a_file_that_is_not_there_is_said),
		cmocka_unit_test(test_written_code_is_found_in_the_perf_map_of_its_process),
		cmocka_unit_test(test_code_is_what_was_told_last_in_its_address_space),
		cmocka_unit_test(test_a_recording_has_its_own_names_of_written_code),
		cmocka_unit_test(test_a_task_is_called_what_it_was_called_then),
		cmocka_unit_test(test_damaged_files_are_survived),
	};

	if (symbols_missing()) {
		printf("1..0 # SKIP %s\n", symbols_missing());
		return 0;
	}
	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
