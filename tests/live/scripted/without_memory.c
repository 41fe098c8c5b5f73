/* SPDX-License-Identifier: MIT */
/*
 * The recorder without memory, on a scripted kernel: in each scenario allocation 1, 2, 3, ... fails, until none does.
 *
 * It ends each time, gives everything back, and says what it could not do: as an error, or as lost.  What it has written can
 * be read and mirrored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "scenarios.h"

/* In the recorder alone: what replays the recording has tests of its own. */
static void count(bool on)
{
	failing_counts = on;
	if (!on)
		failing_left = -1;
}

static long fail_each(const struct scenario *s)
{
	static struct outcome o;
	long n = 0;

	do {
		scr.lenient = true;
		failing_hit = false;
		n++;
		fail_after(n);
		scenario_run(s, &o, count);
		if (o.err == 0)
			assert_int_equal(o.stats.events > 0, *o.events != '\0');
	} while (failing_hit);
	scr.lenient = false;
	return n - 1;
}

static void test_table(void **state)
{
	long n = 0;

	for (const struct scenario *s = *state; s->name; s++)
		n += fail_each(s);
	print_message("# %ld allocations\n", n);
	assert_true(n > 0);
	empty_caches();
	assert_int_equal(live_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "calls", test_table, NULL, NULL, (void *)scenarios_of_calls },
		{ "calls that can only succeed", test_table, NULL, NULL, (void *)scenarios_of_certain_calls },
		{ "tasks", test_table, NULL, NULL, (void *)scenarios_of_tasks },
		{ "files", test_table, NULL, NULL, (void *)scenarios_of_files },
		{ "evidence", test_table, NULL, NULL, (void *)scenarios_of_evidence },
		{ "filters", test_table, NULL, NULL, (void *)scenarios_of_filters },
		{ "served", test_table, NULL, NULL, (void *)scenarios_of_served },
		{ "attached", test_table, NULL, NULL, (void *)scenarios_of_attached },
	};

	failing_malloc_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
