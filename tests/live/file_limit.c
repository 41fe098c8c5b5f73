/* SPDX-License-Identifier: MIT */
/* Recordings one after the other in one process: each program has the limit of open files that its host has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <vmaple/live.h>

static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	return 0;
}

/* The program's exit status: 0 where its limits are @soft and @hard. */
static int record(rlim_t soft, rlim_t hard)
{
	char script[128], *argv[] = { "sh", "-c", script, NULL };
	const struct live_options options = { .argv = argv };
	struct trace_sink sink = { .event = on_event };
	struct live *live;
	char error[256];
	int status = 0;

	snprintf(script, sizeof(script), "test $(ulimit -Sn) = %llu && test $(ulimit -Hn) = %llu",
		(unsigned long long)soft, (unsigned long long)hard);
	if (live_start(&live, &options, error, sizeof(error))) {
		print_message("# %s\n", error);
		skip();
	}
	assert_int_equal(live_run(live, &sink, &status), 0);
	live_free(live);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_each_program_has_the_limit_of_its_host(void **state)
{
	struct rlimit limit, after;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max > 4000)
		limit.rlim_max = 4000;
	limit.rlim_cur = limit.rlim_max / 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(record(limit.rlim_cur, limit.rlim_max), 0);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
		assert_int_equal(after.rlim_cur, limit.rlim_cur);
		assert_int_equal(after.rlim_max, limit.rlim_max);
	}
	/* The host's own change counts for the next. */
	limit.rlim_cur /= 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(record(limit.rlim_cur, limit.rlim_max), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_program_has_the_limit_of_its_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
