/* SPDX-License-Identifier: MIT */
/*
 * The flavour of RCU is the program's choice until a thread has registered; a program that polls gets no thread from the
 * library and loses no memory.  One order of events in one process: the tests build on each other.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <vmaple/cache.h>
#include <vmaple/rcu.h>

#include "pool.h"

#define MANY 1000 /* 16 full magazines: more than the reclaimer would be woken for */

#ifdef VMAPLE_RCU_OWN
#define HAS_LIBURCU false
#else
#define HAS_LIBURCU true
#endif

static unsigned int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned int nr = 0;

	if (!tasks)
		return 0;
	while (readdir(tasks))
		nr++;
	closedir(tasks);
	return nr - 2; /* . and .. */
}

static unsigned long retired(void)
{
	struct vmaple_cache_stats stats;

	assert_true(vmaple_cache_stats(POOL_LEAF, &stats));
	return stats.retired;
}

static void test_no_thread_has_registered_and_either_can_be_chosen(void **state)
{
	(void)state;
	assert_int_equal(vmaple_rcu_choose((enum vmaple_rcu_flavour)2), -EINVAL);
	assert_int_equal(vmaple_rcu_choose((enum vmaple_rcu_flavour) - 1), -EINVAL);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), HAS_LIBURCU ? 0 : -EOPNOTSUPP);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_OWN), 0);
}

/* Polled first: neither retiring nor waiting starts a thread, and what was retired is used again. */
static void test_polling_reclaims_without_a_thread(void **state)
{
	static void *object[MANY];

	(void)state;
	vmaple_reclaim_poll();
	for (unsigned int i = 0; i < MANY; i++) {
		object[i] = pool_alloc(POOL_LEAF, GFP_KERNEL);
		assert_non_null(object[i]);
	}
	for (unsigned int i = 0; i < MANY; i++)
		pool_retire(POOL_LEAF, object[i]);
	assert_int_equal(retired(), MANY);
	if (threads())
		assert_int_equal(threads(), 1);
	vmaple_reclaim_poll();
	assert_in_range(retired(), 0, 61); /* a magazine that is not full is not given back */
}

struct reader {
	pthread_barrier_t inside, leave;
	bool registers;
};

static void *read_until_told(void *arg)
{
	struct reader *r = arg;

	if (r->registers)
		vmaple_rcu_register_thread();
	vmaple_rcu_read_lock();
	vmaple_rcu_read_lock();
	vmaple_rcu_read_unlock();
	pthread_barrier_wait(&r->inside);
	pthread_barrier_wait(&r->leave);
	vmaple_rcu_read_unlock();
	return NULL;
}

static bool polled;

static void *poll_once(void *unused)
{
	(void)unused;
	vmaple_reclaim_poll();
	__atomic_store_n(&polled, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Who polls waits for a section that is open, also behind a nested one that has ended; another's poll returns at once. */
static void poll_beside_reader(bool registers)
{
	const struct timespec rest = { .tv_nsec = 20000000 };
	struct reader r = { .registers = registers };
	pthread_t reader, poller;
	void *object[62];

	pthread_barrier_init(&r.inside, NULL, 2);
	pthread_barrier_init(&r.leave, NULL, 2);
	assert_int_equal(pthread_create(&reader, NULL, read_until_told, &r), 0);
	pthread_barrier_wait(&r.inside);
	for (unsigned int i = 0; i < 62; i++) {
		object[i] = pool_alloc(POOL_LEAF, GFP_KERNEL);
		assert_non_null(object[i]);
	}
	for (unsigned int i = 0; i < 62; i++)
		pool_retire(POOL_LEAF, object[i]);
	polled = false;
	assert_int_equal(pthread_create(&poller, NULL, poll_once, NULL), 0);
	nanosleep(&rest, NULL);
	assert_false(__atomic_load_n(&polled, __ATOMIC_ACQUIRE));
	assert_true(retired() >= 62);
	vmaple_reclaim_poll();
	pthread_barrier_wait(&r.leave);
	pthread_join(reader, NULL);
	pthread_join(poller, NULL);
	assert_in_range(retired(), 0, 61);
}

static void test_polling_waits_for_a_stranger(void **state)
{
	(void)state;
	poll_beside_reader(false);
}

static void test_polling_waits_for_a_reader(void **state)
{
	(void)state;
	poll_beside_reader(true);
}

static void test_the_choice_stays_once_a_thread_has_registered(void **state)
{
	(void)state;
	vmaple_rcu_register_thread();
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_OWN), 0);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), HAS_LIBURCU ? -EBUSY : -EOPNOTSUPP);
	vmaple_rcu_unregister_thread();
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), HAS_LIBURCU ? -EBUSY : -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_thread_has_registered_and_either_can_be_chosen),
		cmocka_unit_test(test_polling_reclaims_without_a_thread),
		cmocka_unit_test(test_polling_waits_for_a_stranger),
		cmocka_unit_test(test_polling_waits_for_a_reader),
		cmocka_unit_test(test_the_choice_stays_once_a_thread_has_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
