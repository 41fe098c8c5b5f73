/* SPDX-License-Identifier: MIT */
/*
 * vmaple metrics ends at once by a signal that comes right before it waits.
 *
 * It is built with cli/metrics.c alone; the signal is sent on the way to the C library, by whatever it waits with.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "metrics.h"
#include "output.h"

#define INTERVAL "8"
#define AT_ONCE  4 /* seconds: half of it */

static int sent, looks;

int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *time, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *time, const sigset_t *mask);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	kill(getpid(), sent);
	return __real_nanosleep(time, left);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *time, const sigset_t *mask)
{
	kill(getpid(), sent);
	return __real_ppoll(fds, nr, time, mask);
}

/* Of the rest of the command: looks that see nothing, files that take everything. */
int watch_open(struct watch *w)
{
	return 0;
}

int watch_look(struct watch *w)
{
	looks++;
	return 0;
}

void watch_close(struct watch *w)
{
}

const char *live_tasks_reason(const struct live_tasks *t)
{
	return "";
}

int metrics_write(FILE *out, const struct watch *w, const struct metrics_options *o)
{
	return 0;
}

int output_open(struct output *o, const char *command, const char *path)
{
	return 0;
}

int output_close(struct output *o, int err)
{
	return 0;
}

bool parse_number(const char *text, uint64_t *number)
{
	return parse_up_to(text, UINT64_MAX, number);
}

bool parse_up_to(const char *text, uint64_t most, uint64_t *number)
{
	*number = strtoull(text, NULL, 10);
	return true;
}

void complain(const char *command, const char *fmt, ...)
{
	fail_msg("%s", fmt);
}

int usage_error(const char *command, const char *what, const char *arg)
{
	fail_msg("%s", what);
	return STATUS_USAGE;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void test_no_signal_waits_for_an_interval(void **state)
{
	char *argv[] = { "metrics", "--textfile", "unused", "--interval", INTERVAL, NULL };
	time_t begun = now();

	/* One signal, for what ended stays so. */
	sent = SIGTERM;
	assert_int_equal(cmd_metrics(5, argv), 0);
	assert_int_equal(looks, 1);
	assert_true(now() - begun < AT_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_signal_waits_for_an_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
