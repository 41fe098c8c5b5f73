/* SPDX-License-Identifier: MIT */
/*
 * vmaple top's follower of a process where there is no more thread: what it says, and that it joins none that is not there.
 *
 * It is built with cli/top_live.c alone.  Threads are counted on their way to the C library, and refused when the test says so.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "top_live.h"

static int begun, joined;
static bool refused;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	if (refused)
		return EAGAIN;
	begun++;
	return __real_pthread_create(thread, attr, run, arg);
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	joined++;
	assert_true(joined <= begun);
	return __real_pthread_join(thread, result);
}

/* Of the rest of the command, which is not asked here. */
uint64_t clock_ns(void)
{
	return 0;
}

int culprits_of(const struct explain_table *table, const struct code *code, struct culprits *c)
{
	return -ENOMEM;
}

static void test_a_thread_that_cannot_begin_anew_is_told_and_not_joined(void **state)
{
	struct top_numbers n;
	struct top_live *l;
	char name[80];

	/* No process has this number: whatever the kernel permits here, its thread ends by itself. */
	l = top_live_start(0x7fffffff);
	assert_non_null(l);
	refused = true;
	assert_true(top_live_freeze(l, name, sizeof(name)) < 0);
	assert_string_equal(top_live_error(l), strerror(EAGAIN));
	assert_int_equal(top_live_look(l, &n), -EAGAIN);
	assert_true(top_live_freeze(l, name, sizeof(name)) < 0);
	assert_int_equal(joined, 1);
	refused = false;
	/* Threads are to be had again. */
	assert_true(top_live_freeze(l, name, sizeof(name)) < 0);
	assert_int_equal(begun, 2);
	top_live_stop(l);
	assert_int_equal(joined, 2);
}

static void test_none_that_can_be_made_is_no_follower(void **state)
{
	refused = true;
	assert_null(top_live_start(1));
	refused = false;
}

/* Beside a reader that asks all the time: for the thread sanitizer. */
static void test_why_it_ended_is_read_while_it_is_written(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct top_live *l = top_live_start(0x7fffffff);

		assert_non_null(l);
		for (int tries = 0; !*top_live_error(l); tries++) {
			assert_true(tries < 100000);
			usleep(100);
		}
		assert_true(strlen(top_live_error(l)) > 0);
		top_live_stop(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thread_that_cannot_begin_anew_is_told_and_not_joined),
		cmocka_unit_test(test_none_that_can_be_made_is_no_follower),
		cmocka_unit_test(test_why_it_ended_is_read_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
