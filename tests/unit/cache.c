/* SPDX-License-Identifier: MIT */
/*
 * The object cache: objects are apart from each other, come back last in first out, wait for readers when they are
 * retired, also when there is no memory, and all go back to the host.  Forks, the ends of threads, strangers.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/cache.h>
#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "failing_port.h"
#include "panic.h"
#include "pool.h"

#define MANY 1000

static const size_t sizes[POOL_KINDS] = { POOL_LEAF_SIZE, POOL_INNER_SIZE, POOL_AREA_SIZE,
	POOL_LINKED_AREA_SIZE, POOL_SMALL_SIZE, POOL_MIDDLE_SIZE, POOL_LARGE_SIZE, POOL_PIECE_SIZE };

static unsigned long retired(enum pool_kind kind)
{
	struct vmaple_cache_stats stats;

	assert_true(vmaple_cache_stats(kind, &stats));
	return stats.retired;
}

static unsigned long used(enum pool_kind kind)
{
	struct vmaple_cache_stats stats;

	assert_true(vmaple_cache_stats(kind, &stats));
	return stats.used;
}

static void test_objects_do_not_overlap(void **state)
{
	static unsigned char *object[MANY];

	(void)state;
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		for (unsigned int i = 0; i < MANY; i++) {
			object[i] = pool_alloc((enum pool_kind)kind, GFP_KERNEL);
			assert_non_null(object[i]);
			assert_int_equal((uintptr_t)object[i] % (sizes[kind] % 64 ? 32 : 64), 0);
			memset(object[i], (int)i & 0xff, sizes[kind]);
		}
		assert_int_equal(used((enum pool_kind)kind), MANY);
		for (unsigned int i = 0; i < MANY; i++) {
			for (size_t at = 0; at < sizes[kind]; at++)
				assert_int_equal(object[i][at], i & 0xff);
			pool_free((enum pool_kind)kind, object[i]);
		}
		assert_int_equal(used((enum pool_kind)kind), 0);
	}
	empty_caches();
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
}

static void test_the_last_one_freed_is_the_next_one_handed_out(void **state)
{
	void *a = pool_alloc(POOL_AREA, GFP_KERNEL), *b = pool_alloc(POOL_AREA, GFP_KERNEL);

	(void)state;
	pool_free(POOL_AREA, a);
	pool_free(POOL_AREA, b);
	assert_ptr_equal(pool_alloc(POOL_AREA, GFP_KERNEL), b);
	assert_ptr_equal(pool_alloc(POOL_AREA, GFP_KERNEL), a);
	pool_free(POOL_AREA, b);
	pool_free(POOL_AREA, a);
}

static void test_statistics_tell_what_happened(void **state)
{
	struct vmaple_cache_stats before, after;
	void *object[2];

	(void)state;
	empty_caches();
	assert_true(vmaple_cache_stats(POOL_INNER, &before));
	assert_int_equal(before.slabs, 0);
	for (int i = 0; i < 2; i++)
		object[i] = pool_alloc(POOL_INNER, GFP_KERNEL);
	assert_true(vmaple_cache_stats(POOL_INNER, &after));
	assert_int_equal(after.object_size, 768);
	assert_int_equal(after.slabs, 1);
	assert_in_range(after.objects, 16, 16384 / 768);
	assert_int_equal(after.allocated - before.allocated, 2);
	assert_int_equal(after.missed - before.missed, 1);
	for (int i = 0; i < 2; i++)
		pool_free(POOL_INNER, object[i]);
	assert_false(vmaple_cache_stats(POOL_KINDS, &after));
}

static void test_what_was_prepared_needs_no_memory(void **state)
{
	void *object[3];

	(void)state;
	empty_caches();
	fail_after(1);
	assert_int_equal(pool_prefill(POOL_AREA, 3), -ENOMEM);
	assert_int_equal(pool_prefill(POOL_AREA, 3), 0);
	failing_allocations = 0;
	for (int i = 0; i < 3; i++)
		assert_non_null(object[i] = pool_alloc(POOL_AREA, GFP_KERNEL));
	for (int i = 0; i < 3; i++)
		pool_retire(POOL_AREA, object[i]);
	assert_int_equal(failing_allocations, 0);
	vmaple_rcu_barrier();
}

/* --- Grace periods ---------------------------------------------------------------------------------------- */

struct reader {
	bool registered, inside, leave;
	pthread_t thread;
	struct vmaple_cache_stats
		before; /* it left: an assertion would jump out of the other thread's frames */
};

static void *read_until_told(void *arg)
{
	struct reader *r = arg;

	if (r->registered)
		vmaple_rcu_register_thread();
	vmaple_rcu_read_lock();
	vmaple_rcu_read_lock();
	vmaple_rcu_read_unlock();
	__atomic_store_n(&r->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&r->leave, __ATOMIC_ACQUIRE))
		usleep(100);
	vmaple_rcu_read_unlock();
	return NULL;
}

static void *leave_soon(void *arg)
{
	struct reader *r = arg;

	usleep(50000);
	(void)vmaple_cache_stats(POOL_LEAF, &r->before);
	__atomic_store_n(&r->leave, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Retire more than the reclaimer waits for, beside a reader: nothing comes back before it leaves, all after. */
static void retire_beside_reader(bool registered)
{
	static void *object[MANY];
	struct reader r = { .registered = registered };
	pthread_t other;

	for (int i = 0; i < MANY; i++)
		object[i] = pool_alloc(POOL_LEAF, GFP_KERNEL);
	assert_int_equal(pthread_create(&r.thread, NULL, read_until_told, &r), 0);
	while (!__atomic_load_n(&r.inside, __ATOMIC_ACQUIRE))
		usleep(100);
	for (int i = 0; i < MANY; i++)
		pool_retire(POOL_LEAF, object[i]);
	usleep(20000);
	assert_int_equal(retired(POOL_LEAF), MANY);
	assert_int_equal(pthread_create(&other, NULL, leave_soon, &r), 0);
	vmaple_rcu_barrier();
	assert_true(__atomic_load_n(&r.leave, __ATOMIC_ACQUIRE));
	assert_int_equal(retired(POOL_LEAF), 0);
	pthread_join(other, NULL);
	pthread_join(r.thread, NULL);
	assert_int_not_equal(r.before.retired, 0);
}

static void test_retired_objects_wait_for_a_reader(void **state)
{
	retire_beside_reader(true);
}

static void test_retired_objects_wait_for_a_stranger(void **state)
{
	retire_beside_reader(false);
}

/* Without a barrier, nor any further call. */
static void test_the_reclaimer_comes_by_itself(void **state)
{
	void *object[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		object[i] = pool_alloc(POOL_LEAF, GFP_KERNEL);
	for (int i = 0; i < MANY; i++)
		pool_retire(POOL_LEAF, object[i]);
	for (int tries = 0; tries < 5000 && retired(POOL_LEAF) > 496; tries++)
		usleep(1000);
	assert_in_range(retired(POOL_LEAF), 0, 496);
	vmaple_rcu_barrier();
}

/* A section of its own does not block a writer, nor does having no memory for a magazine. */
static void test_retiring_without_memory_inside_a_section(void **state)
{
	static void *object[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		object[i] = pool_alloc(POOL_AREA, GFP_KERNEL);
	empty_caches();
	fail_all(true);
	vmaple_rcu_read_lock();
	for (int i = 0; i < MANY; i++)
		pool_retire(POOL_AREA, object[i]);
	assert_int_equal(retired(POOL_AREA), MANY);
	vmaple_rcu_read_unlock();
	vmaple_rcu_barrier();
	vmaple_rcu_barrier(); /* what was marked while the reclaimer waited for the first ones */
	assert_int_equal(retired(POOL_AREA), 0);
	fail_all(false);
	empty_caches();
	assert_int_equal(live_blocks, 0);
}

/* --- Threads and processes -------------------------------------------------------------------------------- */

static void *allocate_and_end(void *arg)
{
	void *object = pool_alloc(POOL_AREA, GFP_KERNEL), *other = pool_alloc(POOL_AREA, GFP_KERNEL);

	if (arg)
		vmaple_rcu_register_thread();
	pool_retire(POOL_AREA, other);
	pool_free(POOL_AREA, object);
	return NULL;
}

static void test_a_thread_that_ends_gives_back_what_it_has(void **state)
{
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, allocate_and_end, i % 2 ? &thread : NULL), 0);
		pthread_join(thread, NULL);
	}
	empty_caches();
	assert_int_equal(live_blocks, 0);
}

static void *writes_and_reads(void *arg)
{
	struct maple_tree *mt = arg;

	vmaple_rcu_register_thread();
	for (unsigned long i = 0; i < 3000; i++) {
		if (mtree_store(mt, i % 500, xa_mk_value(i), GFP_KERNEL))
			_exit(2);
		if (mtree_load(mt, i % 500) != xa_mk_value(i))
			_exit(3);
	}
	return NULL;
}

/* The child of a fork beside a reader: its own threads read and write, and grace periods pass. */
static int child_lives_on(struct maple_tree *mt)
{
	pthread_t thread;

	alarm(20);
	if (mtree_load(mt, 7) != xa_mk_value(7))
		return 4;
	writes_and_reads(mt);
	if (pthread_create(&thread, NULL, writes_and_reads, mt) || pthread_join(thread, NULL))
		return 5;
	vmaple_rcu_barrier();
	return retired(POOL_LEAF) > 3 * 248 ? 6 : 0;
}

static void test_a_child_needs_no_reader_of_its_parent(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_USE_RCU);
	struct reader r[2] = { { .registered = true }, { .registered = false } };
	int status = -1;
	pid_t pid;

	(void)state;
	writes_and_reads(&mt);
	assert_int_equal(mtree_store(&mt, 7, xa_mk_value(7), GFP_KERNEL), 0);
#ifdef VMAPLE_RCU_BP
	vmaple_rcu_barrier(); /* here fork waits for the period under way, which waits for the readers */
#endif
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&r[i].thread, NULL, read_until_told, &r[i]), 0);
		while (!__atomic_load_n(&r[i].inside, __ATOMIC_ACQUIRE))
			usleep(100);
	}
	vmaple_rcu_register_thread();
	pid = fork();
	if (pid == 0)
		_exit(child_lives_on(&mt));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&r[i].leave, true, __ATOMIC_RELEASE);
		pthread_join(r[i].thread, NULL);
	}
	assert_int_equal(status, 0);
	mtree_destroy(&mt);
	vmaple_rcu_barrier();
}

/* --- Checks ----------------------------------------------------------------------------------------------- */

#ifdef VMAPLE_CHECKS
static void free_twice(void)
{
	void *object = pool_alloc(POOL_AREA, GFP_KERNEL);

	pool_free(POOL_AREA, object);
	pool_free(POOL_AREA, object);
}

/* AddressSanitizer would speak first. */
__attribute__((no_sanitize("address"))) static void write_at(char *object, size_t at)
{
	((volatile char *)object)[at]++;
}

static void write_after_free(void)
{
	char *object = pool_alloc(POOL_AREA, GFP_KERNEL);

	pool_free(POOL_AREA, object);
	write_at(object, 60);
	(void)!pool_alloc(POOL_AREA, GFP_KERNEL);
}

static void write_beyond_end(void)
{
	char *object = pool_alloc(POOL_AREA, GFP_KERNEL);

	write_at(object, POOL_AREA_SIZE + 3);
	pool_free(POOL_AREA, object);
}

static void retire_what_is_free(void)
{
	char *object = pool_alloc(POOL_AREA, GFP_KERNEL);

	pool_free(POOL_AREA, object);
	pool_retire(POOL_AREA, object);
}

static void test_misuse_panics(void **state)
{
	static void (*const misuse[])(
		void) = { free_twice, write_after_free, write_beyond_end, retire_what_is_free };

	(void)state;
	for (size_t i = 0; i < sizeof(misuse) / sizeof(misuse[0]); i++)
		assert_non_null(strstr(panic_of(misuse[i]), "object cache: area: "));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_do_not_overlap),
		cmocka_unit_test(test_the_last_one_freed_is_the_next_one_handed_out),
		cmocka_unit_test(test_statistics_tell_what_happened),
		cmocka_unit_test(test_what_was_prepared_needs_no_memory),
		cmocka_unit_test(test_retired_objects_wait_for_a_reader),
		cmocka_unit_test(test_retired_objects_wait_for_a_stranger),
		cmocka_unit_test(test_the_reclaimer_comes_by_itself),
		cmocka_unit_test(test_retiring_without_memory_inside_a_section),
		cmocka_unit_test(test_a_thread_that_ends_gives_back_what_it_has),
		cmocka_unit_test(test_a_child_needs_no_reader_of_its_parent),
#ifdef VMAPLE_CHECKS
		cmocka_unit_test(test_misuse_panics),
#endif
	};

	failing_port_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
