/* SPDX-License-Identifier: MIT */
/*
 * Protection keys on a CPU that has them and on one that has not: mm/mprotect.c, do_mprotect_pkey(), and
 * arch/x86/mm/pkeys.c of Linux.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "one_mm.h"

static void begin(bool keys)
{
	mm_system_init(&sys, &anon_vma_rmap);
	sys.pkeys = keys;
	mm_init(&mm, &sys);
	map(0, 8);
}

static int key_of(unsigned long page)
{
	return (int)(vma_lookup(&mm, at(page))->vm_flags >> VM_PKEY_SHIFT & 15);
}

static void test_without_keys_none_can_be_asked_for(void **state)
{
	begin(false);
	for (int key = -3; key < 18; key++)
		assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_READ, key), key == -1 ? 0 : -EINVAL);
	assert_int_equal(mm_pkey_alloc(&mm), -EINVAL);
	assert_int_equal(mm_pkey_alloc(&mm), -ENOSPC);
	assert_int_equal(mm_pkey_free(&mm, 0), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_READ, 0), -EINVAL);
	one_mm_end();
}

static void test_keys_are_looked_at_after_the_range_and_before_the_areas(void **state)
{
	begin(false);
	assert_int_equal(mm_mprotect(&mm, at(1), 0, PROT_READ, 0), 0);
	assert_int_equal(mm_mprotect(&mm, at(1), -2 * PAGE, PROT_READ, 0), -ENOMEM);
	assert_int_equal(mm_mprotect(&mm, at(20), PAGE, PROT_READ, 0), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, at(20), PAGE, PROT_READ, -1), -ENOMEM);
	one_mm_end();
}

static void test_only_allocated_keys_can_be_used(void **state)
{
	begin(true);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 1), -EINVAL);
	assert_int_equal(mm_pkey_alloc(&mm), 1);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 1), 0);
	assert_int_equal(key_of(1), 1);
	assert_int_equal(mm.map_count, 3);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 0), 0);
	assert_int_equal(mm.map_count, 1);
	assert_int_equal(mm_pkey_free(&mm, 1), 0);
	assert_int_equal(mm_pkey_free(&mm, 1), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 1), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 16), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, -2), -EINVAL);
	one_mm_end();
}

static void test_there_are_fifteen_keys_to_be_had(void **state)
{
	begin(true);
	for (int key = 1; key < 16; key++)
		assert_int_equal(mm_pkey_alloc(&mm), key);
	assert_int_equal(mm_pkey_alloc(&mm), -ENOSPC);
	/* Memory for execution alone does without. */
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_EXEC, -1), 0);
	assert_int_equal(key_of(1), 0);
	one_mm_end();
}

static void test_memory_for_execution_alone_has_a_key_of_the_kernels(void **state)
{
	begin(true);
	assert_int_equal(mm_pkey_alloc(&mm), 1);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_EXEC, -1), 0);
	assert_int_equal(key_of(1), 2);
	assert_int_equal(mm_mprotect(&mm, at(2), PAGE, RW, 2), -EINVAL);
	assert_int_equal(mm_pkey_free(&mm, 2), -EINVAL);
	assert_int_equal(mm_pkey_alloc(&mm), 3);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, -1), 0);
	assert_int_equal(key_of(1), 0);
	/* A key that the program chose stays. */
	assert_int_equal(mm_mprotect(&mm, at(3), PAGE, PROT_EXEC, 1), 0);
	assert_int_equal(mm_mprotect(&mm, at(3), PAGE, PROT_READ, -1), 0);
	assert_int_equal(key_of(3), 1);
	one_mm_end();
}

/* kernel-oracle: mmap 24 1 x; pkey_alloc; mmap 4 9; pkey_mprotect 5 12 x 2; read 12 */
static void test_execute_only_memory_with_a_key_of_the_programs_can_be_read(void **state)
{
	begin(true);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_EXEC, -1), 0);
	assert_int_equal(mm_fault(&mm, at(1), 0), -EFAULT);
	assert_int_equal(mm_pkey_alloc(&mm), 2);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_EXEC, 2), 0);
	assert_int_equal(mm_fault(&mm, at(1), 0), 0);
	one_mm_end();
}

static void test_a_child_has_its_parents_keys(void **state)
{
	struct mm_struct child;

	begin(true);
	assert_int_equal(mm_pkey_alloc(&mm), 1);
	assert_int_equal(mm_fork(&child, &mm), 0);
	assert_int_equal(mm_mprotect(&child, at(1), PAGE, RW, 1), 0);
	assert_int_equal(mm_pkey_free(&child, 1), 0);
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, RW, 1), 0);
	mm_exit(&child);
	one_mm_end();
}

/* The key of execute-only memory: taken, or not, by an mmap that finds something in its place. */
static int next_key_after_a_refusal(const char *release)
{
	struct mmap_request req = { .addr = at(0),
		.len = PAGE,
		.prot = PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE };
	int key;

	begin(true);
	sys.kernel = kernel_profile_for(release);
	assert_int_equal(mm_mmap(&mm, &req), -EEXIST);
	key = mm_pkey_alloc(&mm);
	one_mm_end();
	return key;
}

static void test_a_refused_mapping_keeps_its_key_since_it_is_taken_first(void **state)
{
	assert_int_equal(next_key_after_a_refusal("6.1"), 1);
	assert_int_equal(next_key_after_a_refusal("6.12"), 2);
	assert_int_equal(next_key_after_a_refusal("7.3"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_keys_none_can_be_asked_for),
		cmocka_unit_test(test_keys_are_looked_at_after_the_range_and_before_the_areas),
		cmocka_unit_test(test_only_allocated_keys_can_be_used),
		cmocka_unit_test(test_there_are_fifteen_keys_to_be_had),
		cmocka_unit_test(test_memory_for_execution_alone_has_a_key_of_the_kernels),
		cmocka_unit_test(test_execute_only_memory_with_a_key_of_the_programs_can_be_read),
		cmocka_unit_test(test_a_child_has_its_parents_keys),
		cmocka_unit_test(test_a_refused_mapping_keeps_its_key_since_it_is_taken_first),
	};

	return cmocka_run_group_tests_name("protection keys", tests, NULL, NULL);
}
