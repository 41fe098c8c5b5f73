/* SPDX-License-Identifier: MIT */
/*
 * The thread's one free area: the one freed is the next one handed out, in its own thread and in no other; it goes with
 * the thread.  After prepopulate_vma() calls need no memory of the host for areas and nodes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/recycle.h>
#include <vmaple/rmap.h>

#include "failing_port.h"

#define PAGE 4096UL
#define AT   (1UL << 32)

static struct mm_system sys;
static struct mm_struct mm;

static void map(unsigned long addr, unsigned long pages, unsigned long prot)
{
	struct mmap_request req = { .addr = addr,
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	assert_int_equal(mm_mmap(&mm, &req), addr);
}

static int begin(void **state)
{
	(void)state;
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	map(AT, 16, PROT_READ);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mm_exit(&mm);
	empty_caches();
	assert_int_equal(live_blocks, 0);
	return 0;
}

/* Cut in three: two areas more. Joined again: two are freed. */
static void test_an_area_that_merged_is_the_next_one_handed_out(void **state)
{
	struct vma_recycle_stats before, after;
	struct vm_area_struct *upper;

	(void)state;
	assert_int_equal(mm_mprotect(&mm, AT + 8 * PAGE, 8 * PAGE, PROT_NONE, -1), 0);
	upper = vma_lookup(&mm, AT + 8 * PAGE);
	assert_int_equal(mm_mprotect(&mm, AT + 8 * PAGE, 8 * PAGE, PROT_READ, -1), 0);
	assert_ptr_not_equal(vma_lookup(&mm, AT + 8 * PAGE), upper);
	vma_recycle_stats(&before);
	map(AT + 100 * PAGE, 1, PROT_NONE);
	assert_ptr_equal(vma_lookup(&mm, AT + 100 * PAGE), upper);
	vma_recycle_stats(&after);
	assert_int_equal(after.asked - before.asked, 1);
	assert_int_equal(after.recycled - before.recycled, 1);
	map(AT + 200 * PAGE, 1, PROT_NONE);
	vma_recycle_stats(&before);
	assert_int_equal(before.asked - after.asked, 1);
	assert_int_equal(before.recycled, after.recycled);
}

static void *map_elsewhere(void *arg)
{
	struct vma_recycle_stats stats;
	struct mm_struct own;
	struct mmap_request req = { .len = PAGE, .prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS };
	unsigned long addr;

	mm_init(&own, &sys);
	addr = mm_mmap(&own, &req);
	*(bool *)arg = !IS_ERR_VALUE(addr);
	vma_recycle_stats(&stats);
	*(bool *)arg &= stats.asked == 1 && stats.recycled == 0; /* what the other thread has is not ours */
	mm_exit(&own);
	return NULL;
}

static void test_each_thread_has_its_own_and_gives_it_back(void **state)
{
	bool fine[20];
	pthread_t thread;

	(void)state;
	assert_int_equal(mm_munmap(&mm, AT + PAGE, PAGE), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, map_elsewhere, &fine[i]), 0);
		pthread_join(thread, NULL);
		assert_true(fine[i]);
	}
}

static void test_prepared_calls_ask_the_host_for_nothing(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < 3000; i++) {
		unsigned long addr = AT + (i * 7919 % 4000) * PAGE;

		if (i % 500 == 0)
			empty_caches();
		assert_int_equal(prepopulate_vma(), 0);
		failing_allocations = 0;
		map(addr, 1 + i % 4, i % 3 ? PROT_READ : PROT_NONE);
		if (i % 5 == 0)
			assert_int_equal(mm_munmap(&mm, addr, PAGE), 0);
		assert_int_equal(failing_allocations, 0);
	}
	fail_all(true);
	assert_int_equal(prepopulate_vma(), -ENOMEM);
	fail_all(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_area_that_merged_is_the_next_one_handed_out, begin, end),
		cmocka_unit_test_setup_teardown(test_each_thread_has_its_own_and_gives_it_back, begin, end),
		cmocka_unit_test_setup_teardown(test_prepared_calls_ask_the_host_for_nothing, begin, end),
	};

	failing_port_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
