/* SPDX-License-Identifier: MIT */
/*
 * Names of code without memory: allocation 1, 2, 3, ... of the library's own fails, until none does.
 *
 * Each time it says -ENOMEM or NULL, or knows less than it could: a name that it does give is the right one.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/symbols.h>

#include "failing_malloc.h"

#define WRITTEN 0x5000 /* code without a file */

__attribute__((noinline)) void known_function(void);
void known_function(void)
{
	__asm__ volatile("");
}

/* What the story tells of: this program's code in address space 1, and a fork of it. */
static struct trace_event told[5];
static char perf_map[64];

static struct trace_event own_module(void)
{
	static char path[4096];
	struct trace_event e = { .type = TRACE_EVENT_MODULE, .mm = 1, .module = { .path = path } };
	FILE *f = fopen("/proc/self/maps", "r");
	uint64_t at = (uintptr_t)known_function;
	char line[8192];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %4095s", &e.module.start,
			    &e.module.end, &e.module.offset, path) == 4 &&
			at >= e.module.start && at < e.module.end)
			break;
	fclose(f);
	assert_in_range(at, e.module.start, e.module.end - 1);
	return e;
}

static int set_up(void **state)
{
	static const uint64_t frames[] = { 0x1001, 0x2001 };
	FILE *f;

	failing_malloc_install();
	told[0] = own_module();
	told[1] = (struct trace_event){ .type = TRACE_EVENT_FORK, .mm = 1, .fork = { 7, 2 } };
	told[2] = (struct trace_event){ .type = TRACE_EVENT_STACK, .mm = 1, .stack = { 1, 0, 2, frames } };
	told[3] = (struct trace_event){ .type = TRACE_EVENT_NAME, .tid = 7, .step = 3, .name = { "worker" } };
	told[4] = (struct trace_event){ .type = TRACE_EVENT_EXIT, .mm = 2, .exit = { .last = true } };
	snprintf(perf_map, sizeof(perf_map), "/tmp/perf-%d.map", getpid());
	f = fopen(perf_map, "w");
	assert_non_null(f);
	fprintf(f, "%x 10 written\n", WRITTEN);
	return fclose(f);
}

static int tear_down(void **state)
{
	return unlink(perf_map);
}

#define THINGS_TO_KNOW 4

/* How many of these are known. */
static unsigned int look_up(struct symbols *s)
{
	const struct trace_stack *stack = symbols_stack(s, 1);
	const char *task = symbols_task(s, 7, 10);
	uint64_t addr = (uintptr_t)known_function;
	struct symbol in_file, written;
	unsigned int known = 0;
	char text[128];

	if (symbols_frame(s, 1, 0, addr + 1, &in_file)) {
		assert_string_equal(in_file.function, "known_function");
		known++;
	}
	assert_non_null(symbol_text(&in_file, addr, text, sizeof(text)));
	if (symbol_find(s, NULL, (uint32_t)getpid(), WRITTEN + 1, &written)) {
		assert_string_equal(written.function, "written");
		known++;
	}
	if (stack) {
		assert_int_equal(stack->count, 2);
		assert_int_equal(stack->frames[1], 0x2001);
		known++;
	}
	if (task) {
		assert_string_equal(task, "worker");
		known++;
	}
	for (unsigned int i = 0; symbols_note(s, i); i++)
		assert_true(symbols_note(s, i)[0] != '\0');
	return known;
}

static unsigned int tell_and_look_up(void)
{
	unsigned int known = 0;
	struct symbols *s;
	int err = 0;

	failing_counts = true;
	s = symbols_new();
	for (size_t i = 0; s && !err && i < sizeof(told) / sizeof(told[0]); i++)
		err = symbols_event(s, &told[i]);
	failing_counts = false;
	assert_true(!err || err == -ENOMEM);
	assert_true((s && !err) || failing_hit);
	if (s) {
		failing_counts = true;
		known = look_up(s);
		failing_counts = false;
		/* What is missing is known to be missing for want of memory. */
		assert_true(err || known == THINGS_TO_KNOW || symbols_lacked_memory(s));
		assert_true(failing_hit || !symbols_lacked_memory(s));
		symbols_free(s);
	}
	return known;
}

static void test_what_is_named_is_named_rightly(void **state)
{
	unsigned int failures = 0, known;

	for (long i = 1;; i++) {
		fail_after(i);
		known = tell_and_look_up();
		failing_left = -1;
		if (!failing_hit)
			break;
		failures++;
	}
	assert_int_equal(known, THINGS_TO_KNOW);
	assert_in_range(failures, 8, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_named_is_named_rightly) };

	if (symbols_missing()) {
		printf("1..0 # SKIP %s\n", symbols_missing());
		return 0;
	}
	return cmocka_run_group_tests_name("symbols without memory", tests, set_up, tear_down);
}
