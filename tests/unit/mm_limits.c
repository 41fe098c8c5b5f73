/* SPDX-License-Identifier: MIT */
/*
 * What an address space is charged for, and where its limits are: resource limits, what may be locked, and overcommitting, of
 * which another setting of the machine is out of the oracle's reach.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "one_mm.h"

static void test_what_is_locked_is_counted_once(void **state)
{
	map(0, 8);
	assert_int_equal(mm_mlock(&mm, at(0), 4 * PAGE, MLOCK_ONFAULT), 0);
	assert_int_equal(mm.locked_vm, 4);
	assert_int_equal(mm_mlock(&mm, at(0), 4 * PAGE, MLOCK_ONFAULT), 0);
	assert_int_equal(mm.locked_vm, 4);
	assert_int_equal(mm_mlock(&mm, at(2), 4 * PAGE, 0), 0);
	assert_int_equal(mm.locked_vm, 6);
	assert_int_equal(mm_mlock(&mm, at(0), 8 * PAGE, MLOCK_ONFAULT), 0);
	assert_int_equal(mm.locked_vm, 8);
	assert_int_equal(mm_mlockall(&mm, MCL_CURRENT), 0);
	assert_int_equal(mm.locked_vm, 8);
	assert_int_equal(mm_munlock(&mm, at(1), 2 * PAGE), 0);
	assert_int_equal(mm_munlock(&mm, at(0), 3 * PAGE), 0);
	assert_int_equal(mm.locked_vm, 5);
	assert_int_equal(mm_munlockall(&mm), 0);
	assert_int_equal(mm.locked_vm, 0);
}

/* mm/shmem.c: shared memory with MAP_NORESERVE is charged for by its pages, not by its length. */
static void test_shared_memory_without_reserve_is_not_charged(void **state)
{
	assert_int_equal(map_as(0, 8, RW, MAP_SHARED, NULL), at(0));
	assert_int_equal(sys.committed, 8);
	assert_int_equal(map_as(8, 8, RW, MAP_SHARED | MAP_NORESERVE, NULL), at(8));
	assert_int_equal(sys.committed, 8);
	assert_int_equal(mm_munmap(&mm, at(0), 16 * PAGE), 0);
	assert_int_equal(sys.committed, 0);
}

static void test_overcommit(void **state)
{
	static const struct {
		unsigned int mode;
		long pages_11, pages_6_and_6, noreserve_11;
		bool shows_noreserve;
	} cases[] = {
		{ 0, -ENOMEM, 0, 0, true },              /* one request that is larger than all is refused */
		{ 1, 0, 0, 0, true },                    /* none */
		{ 2, -ENOMEM, -ENOMEM, -ENOMEM, false }, /* the sum counts, and MAP_NORESERVE does not */
	};

	sys.commit_limit = 10;
	for (int i = 0; i < 3; i++) {
		unsigned long noreserve = MAP_PRIVATE | MAP_NORESERVE;

		sys.overcommit_memory = cases[i].mode;
		assert_int_equal(map_as(0, 11, RW, MAP_PRIVATE, NULL) < 0 ? -ENOMEM : 0, cases[i].pages_11);
		(void)mm_munmap(&mm, at(0), 16 * PAGE);
		map(0, 6);
		assert_int_equal(
			map_as(6, 6, RW, MAP_PRIVATE, NULL) < 0 ? -ENOMEM : 0, cases[i].pages_6_and_6);
		(void)mm_munmap(&mm, at(0), 16 * PAGE);
		assert_int_equal(map_as(0, 11, RW, noreserve, NULL) < 0 ? -ENOMEM : 0, cases[i].noreserve_11);
		(void)mm_munmap(&mm, at(0), 16 * PAGE);
		assert_int_equal(map_as(0, 1, RW, noreserve, NULL), at(0));
		assert_int_equal(
			!!(vma_lookup(&mm, at(0))->vm_flags & VM_NORESERVE), cases[i].shows_noreserve);
		assert_int_equal(map_as(1, 11, PROT_READ, MAP_PRIVATE, NULL), at(1));
		assert_int_equal(mm_mprotect(&mm, at(1), 11 * PAGE, RW, -1), cases[i].pages_11);
		(void)mm_munmap(&mm, at(0), 16 * PAGE);
		assert_int_equal(sys.committed, 0);
	}
}

/* mm/util.c: less than the limit, by what the user is to have left. */
static void test_never_overcommitted_is_less_than_the_limit(void **state)
{
	sys.overcommit_memory = 2;
	sys.commit_limit = 10;
	assert_int_equal(map_as(0, 10, RW, MAP_PRIVATE, NULL), -ENOMEM);
	map(0, 9);
	assert_int_equal(map_as(9, 1, RW, MAP_PRIVATE, NULL), -ENOMEM);
	assert_int_equal(map_as(9, 55, PROT_READ, MAP_PRIVATE, NULL), at(9));
	assert_int_equal(mm.total_vm, 64);
	sys.commit_limit = 13;
	sys.user_reserve = 5;
	assert_int_equal(mm_mprotect(&mm, at(9), 2 * PAGE, RW, -1), -ENOMEM); /* 9 + 2 + 64 / 32 */
	assert_int_equal(mm_mprotect(&mm, at(9), PAGE, RW, -1), 0);
	sys.user_reserve = 1;
	assert_int_equal(mm_mprotect(&mm, at(10), PAGE, RW, -1), 0);
	assert_int_equal(mm_mprotect(&mm, at(11), PAGE, RW, -1), -ENOMEM); /* 11 + 1 + 1 */
}

/* mm/mlock.c, mm/vma.c: a limit may be met, and no page more. */
static void test_limits_are_met_and_not_passed(void **state)
{
	mm.limits.as = 10 * PAGE;
	map(0, 10);
	assert_int_equal(map_as(10, 1, PROT_READ, MAP_PRIVATE, NULL), -ENOMEM);
	mm.limits.as = MM_UNLIMITED;
	mm.limits.data = 12 * PAGE;
	map(10, 2);
	assert_int_equal(map_as(12, 1, RW, MAP_PRIVATE, NULL), -ENOMEM);
	assert_int_equal(map_as(12, 1, PROT_READ, MAP_PRIVATE, NULL), at(12));
	mm.limits.data = MM_UNLIMITED;
	mm.limits.cap_ipc_lock = false;
	mm.limits.memlock = 12 * PAGE;
	assert_int_equal(mm_mlockall(&mm, MCL_CURRENT), -ENOMEM);
	assert_int_equal(mm_mlock(&mm, at(0), 13 * PAGE, 0), -ENOMEM);
	assert_int_equal(mm_mlock(&mm, at(0), 11 * PAGE, 0), 0);
	assert_int_equal(map_as(20, 2, RW, MAP_PRIVATE | MAP_LOCKED, NULL), -EAGAIN);
	assert_int_equal(map_as(20, 1, RW, MAP_PRIVATE | MAP_LOCKED, NULL), at(20));
	assert_int_equal(mm.locked_vm, 12);
	mm.limits.memlock = 14 * PAGE;
	assert_int_equal(mm_mlockall(&mm, MCL_CURRENT), 0);
	assert_int_equal(mm.locked_vm, 14);
}

static void test_a_stack_grows_as_far_as_there_is_to_charge(void **state)
{
	assert_int_equal(map_as(10, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN, NULL), at(10));
	sys.overcommit_memory = 2;
	sys.commit_limit = 4;
	assert_int_equal(mm_fault(&mm, at(6), MM_FAULT_WRITE), -EFAULT);
	assert_int_equal(mm.total_vm, 1);
	assert_int_equal(sys.committed, 1);
	assert_int_equal(mm_fault(&mm, at(8), MM_FAULT_WRITE), 0);
	assert_int_equal(vma_lookup(&mm, at(8))->vm_end, at(11));
	assert_int_equal(sys.committed, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_locked_is_counted_once, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_shared_memory_without_reserve_is_not_charged, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(test_overcommit, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_never_overcommitted_is_less_than_the_limit, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_limits_are_met_and_not_passed, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_stack_grows_as_far_as_there_is_to_charge, one_mm_setup, one_mm_teardown),
	};

	return cmocka_run_group_tests_name("limits of an address space", tests, NULL, NULL);
}
