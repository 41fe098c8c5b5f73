/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a report ends after a while, is told of the first child that has one, interrupts nothing else, and leaves
 * SIGCHLD as it was.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"

#define EVERY_NS 5000000

static volatile sig_atomic_t told;

static void of_the_host(int sig)
{
	told++;
}

/* A host with a handler of its own; SIGCHLD is blocked, as by live_start(). */
static int begin(void **state)
{
	static struct sigaction before;
	const struct sigaction action = { .sa_handler = of_the_host };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGCHLD, &action, NULL);
	told = 0;
	alarm_begin(EVERY_NS, &before);
	*state = &before;
	return 0;
}

static int end(void **state)
{
	struct sigaction now;
	sigset_t set;

	alarm_end(*state);
	sigaction(SIGCHLD, NULL, &now);
	assert_ptr_equal(now.sa_handler, of_the_host);
	/* None is left for it. */
	sigpending(&set);
	assert_int_equal(sigismember(&set, SIGCHLD), 0);
	assert_int_equal(told, 0);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static pid_t sleeping_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static pid_t next_report(int *status)
{
	pid_t pid;

	do
		pid = wait_awhile(status);
	while (!pid);
	return pid;
}

static void end_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(next_report(&status), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_a_wait_without_a_report_ends(void **state)
{
	pid_t pid = sleeping_child();
	int status;

	for (int i = 0; i < 3; i++)
		assert_int_equal(wait_awhile(&status), 0);
	end_child(pid);
}

static void test_who_has_no_children_is_told_so(void **state)
{
	int status;

	end_child(sleeping_child());
	assert_int_equal(next_report(&status), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_a_task_that_stops_is_a_report(void **state)
{
	pid_t pid = sleeping_child();
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	assert_int_equal(next_report(&status), pid);
	assert_true(WIFSTOPPED(status));
	end_child(pid);
}

static void test_no_other_call_is_interrupted(void **state)
{
	const struct timespec ticks = { .tv_nsec = 6 * EVERY_NS };

	assert_int_equal(nanosleep(&ticks, NULL), 0);
}

/* A timer is a signal that is queued, and of those there may be a limit. */
static void test_without_a_timer_a_wait_ends_too(void **state)
{
	struct rlimit before, none;
	struct sigaction mine;
	pid_t pid = sleeping_child();
	int status;

	getrlimit(RLIMIT_SIGPENDING, &before);
	none = before;
	none.rlim_cur = 0;
	alarm_end(*state);
	setrlimit(RLIMIT_SIGPENDING, &none);
	alarm_begin(EVERY_NS, &mine);
	setrlimit(RLIMIT_SIGPENDING, &before);
	assert_int_equal(wait_awhile(&status), 0);
	end_child(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_wait_without_a_report_ends, begin, end),
		cmocka_unit_test_setup_teardown(test_who_has_no_children_is_told_so, begin, end),
		cmocka_unit_test_setup_teardown(test_a_task_that_stops_is_a_report, begin, end),
		cmocka_unit_test_setup_teardown(test_no_other_call_is_interrupted, begin, end),
		cmocka_unit_test_setup_teardown(test_without_a_timer_a_wait_ends_too, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
