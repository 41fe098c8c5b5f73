/* SPDX-License-Identifier: MIT */
/* brk at the limits: of its area's neighbours, of the address space, of arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#define PAGE 4096UL
#define HEAP 0x10000000UL

static struct mm_system sys;
static struct mm_struct mm;

static void begin(unsigned long task_size)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	assert_int_equal(mm_set_task_size(&mm, task_size), 0);
	mm.start_brk = mm.brk = HEAP;
}

static void map_page(unsigned long addr)
{
	struct mmap_request req = {
		.addr = addr, .len = PAGE, .prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
	};

	assert_int_equal(mm_mmap(&mm, &req), addr);
}

static void end(int areas)
{
	const char *reason;

	assert_int_equal(mm.map_count, areas);
	if (!mm_validate(&mm, &reason))
		fail_msg("%s", reason);
	mm_exit(&mm);
}

static void test_a_page_stays_free_below_the_next_area(void **state)
{
	begin(1UL << 47);
	map_page(HEAP + 10 * PAGE);
	assert_int_equal(mm_brk(&mm, HEAP + 10 * PAGE), HEAP);
	assert_int_equal(mm_brk(&mm, HEAP + 9 * PAGE), HEAP + 9 * PAGE);
	end(2);
}

static void test_the_last_page_of_all_addresses_overflows_nothing(void **state)
{
	begin(-PAGE);
	map_page(-9 * PAGE);
	assert_int_equal(mm_brk(&mm, -PAGE), HEAP);
	assert_int_equal(mm_brk(&mm, -1UL), HEAP);
	end(1);
}

/* A value that is rounded up to 0 is above the break all the same: nothing is unmapped. */
static void test_a_break_in_the_last_page_of_all_is_refused(void **state)
{
	begin((1UL << 47) - PAGE);
	map_page(HEAP - PAGE);
	assert_int_equal(mm_brk(&mm, HEAP + 2 * PAGE), HEAP + 2 * PAGE);
	for (unsigned long brk = ~0UL; brk >= -2 * PAGE; brk -= PAGE / 2 - 1)
		assert_int_equal(mm_brk(&mm, brk), HEAP + 2 * PAGE);
	assert_int_equal(mm_brk(&mm, HEAP), HEAP);
	assert_int_equal(mm_brk(&mm, ~0UL), HEAP);
	end(1);
}

/* include/linux/mm.h, check_data_rlimit(): heap and data together, in bytes; the limit may be met. */
static void test_the_data_limit_counts_bytes_of_heap_and_data(void **state)
{
	begin(1UL << 47);
	mm.start_data = HEAP - 8 * PAGE;
	mm.end_data = mm.start_data + 2 * PAGE;
	mm.limits.data = 10 * PAGE;
	assert_int_equal(mm_brk(&mm, HEAP + 8 * PAGE + 1), HEAP);
	assert_int_equal(mm_brk(&mm, HEAP + 8 * PAGE), HEAP + 8 * PAGE);
	assert_int_equal(mm_brk(&mm, HEAP + 8 * PAGE + 1), HEAP + 8 * PAGE);
	end(1);
}

/* mm/mmap.c, do_brk_flags(): what grows under MCL_FUTURE is locked, counted and there. */
static void test_under_future_locks_the_heap_is_locked(void **state)
{
	begin(1UL << 47);
	mm.limits.memlock = 4 * PAGE;
	mm.limits.cap_ipc_lock = false;
	assert_int_equal(mm_mlockall(&mm, MCL_FUTURE), 0);
	assert_int_equal(mm_brk(&mm, HEAP + 5 * PAGE), HEAP);
	assert_int_equal(mm_brk(&mm, HEAP + 4 * PAGE), HEAP + 4 * PAGE);
	assert_int_equal(mm.locked_vm, 4);
	assert_non_null(vma_lookup(&mm, HEAP)->anon_vma);
	end(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_page_stays_free_below_the_next_area),
		cmocka_unit_test(test_the_last_page_of_all_addresses_overflows_nothing),
		cmocka_unit_test(test_a_break_in_the_last_page_of_all_is_refused),
		cmocka_unit_test(test_the_data_limit_counts_bytes_of_heap_and_data),
		cmocka_unit_test(test_under_future_locks_the_heap_is_locked),
	};

	return cmocka_run_group_tests_name("brk", tests, NULL, NULL);
}
