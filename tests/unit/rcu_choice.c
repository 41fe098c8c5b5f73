/* SPDX-License-Identifier: MIT */
/*
 * The flavour of RCU is the program's choice until a thread has registered; a program that polls gets no thread from the
 * library and loses no memory.  One order of events in one process: the tests build on each other.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/cache.h>
#include <vmaple/rcu.h>

#include "pool.h"
#include "skipped.h"

#define MANY 1000 /* 16 full magazines: more than the reclaimer would be woken for */

/* What choosing liburcu's has to be: loaded where it is there and no filter is, or linked, or refused. */
static int liburcu_answers(void)
{
#ifdef VMAPLE_RCU_LOADED
	char line[200];
	unsigned int filtered = 0;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		(void)sscanf(line, "Seccomp: %u", &filtered);
	if (!status || filtered)
		return -EPERM;
	(void)fclose(status);
	return dlopen("liburcu-memb.so.8", RTLD_LAZY) ? 0 : -EOPNOTSUPP;
#elif defined(VMAPLE_RCU_OWN)
	return -EOPNOTSUPP;
#else
	return 0;
#endif
}

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

#ifdef VMAPLE_RCU_LOADED
struct filtered_thread {
	pthread_barrier_t filtered, leave;
	bool done;
};

/* A filter that forbids nothing, of this thread alone: it cannot be asked what it forbids. */
static void *filter_me(void *arg)
{
	struct sock_filter line = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &line };
	struct filtered_thread *t = arg;

	t->done = !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		  !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	pthread_barrier_wait(&t->filtered);
	pthread_barrier_wait(&t->leave);
	return NULL;
}
#endif

/* Nothing is loaded that calls what any thread's filter may kill for; our own flavour is there all the same. */
static void test_liburcu_is_refused_while_any_thread_has_a_filter(void **state)
{
#ifdef VMAPLE_RCU_LOADED
	struct filtered_thread t = { .done = false };
	pthread_t thread;
	int err;

	(void)state;
	pthread_barrier_init(&t.filtered, NULL, 2);
	pthread_barrier_init(&t.leave, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, filter_me, &t), 0);
	pthread_barrier_wait(&t.filtered);
	err = vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU);
	pthread_barrier_wait(&t.leave);
	pthread_join(thread, NULL);
	if (!t.done) {
		skipped("no filter can be set here");
		return;
	}
	assert_int_equal(err, -EPERM);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_OWN), 0);
#else
	(void)state;
	skipped("liburcu is not loaded by this build");
#endif
}

static void test_no_thread_has_registered_and_either_can_be_chosen(void **state)
{
	(void)state;
	assert_int_equal(vmaple_rcu_choose((enum vmaple_rcu_flavour)2), -EINVAL);
	assert_int_equal(vmaple_rcu_choose((enum vmaple_rcu_flavour) - 1), -EINVAL);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), liburcu_answers());
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
#if defined(VMAPLE_RCU_OWN) && !defined(VMAPLE_RCU_LOADED)
	const int busy = -EOPNOTSUPP;
#else
	const int busy = -EBUSY;
#endif

	(void)state;
	vmaple_rcu_register_thread();
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_OWN), 0);
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), busy);
	vmaple_rcu_unregister_thread();
	assert_int_equal(vmaple_rcu_choose(VMAPLE_RCU_FLAVOUR_LIBURCU), busy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liburcu_is_refused_while_any_thread_has_a_filter),
		cmocka_unit_test(test_no_thread_has_registered_and_either_can_be_chosen),
		cmocka_unit_test(test_polling_reclaims_without_a_thread),
		cmocka_unit_test(test_polling_waits_for_a_stranger),
		cmocka_unit_test(test_polling_waits_for_a_reader),
		cmocka_unit_test(test_the_choice_stays_once_a_thread_has_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
