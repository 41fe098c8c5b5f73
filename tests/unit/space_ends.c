/* SPDX-License-Identifier: MIT */
/*
 * Numbers at the ends: hints and lengths that overflow when they are rounded, limits of nothing, the least address, huge
 * page files.  Each is as Linux 6.18 answered.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "one_mm.h"

#define HUGE (2UL << 20)

static struct vm_file huge = {
	.refs = 1, .kind = VM_FILE_HUGETLB, .readable = true, .writable = true, .map_align = HUGE, .name = ""
};

static unsigned long map_at(unsigned long addr, unsigned long len, unsigned long flags, struct vm_file *file)
{
	struct mmap_request req = { .addr = addr,
		.len = len,
		.prot = RW,
		.flags = MAP_PRIVATE | flags | (file ? 0 : MAP_ANONYMOUS),
		.file = file };

	return mm_mmap(&mm, &req);
}

static void assert_placed_high(unsigned long addr)
{
	assert_false(IS_ERR_VALUE(addr));
	assert_true(addr > 1UL << 46);
	assert_int_equal(addr % HUGE, 0);
}

static void test_a_hint_in_the_last_huge_page_is_none(void **state)
{
	one_mm_begin(NULL);
	mm.limits.cap_sys_rawio = true;
	assert_placed_high(map_at(~0UL, HUGE, 0, &huge));
	assert_placed_high(map_at(-PAGE, HUGE, 0, &huge));
	assert_placed_high(map_at(1UL << 47, HUGE, 0, &huge));
	assert_int_equal(map_at(PAGE, HUGE, 0, &huge), HUGE);
	one_mm_end();
}

static void test_lengths_that_overflow(void **state)
{
	one_mm_begin(NULL);
	assert_int_equal(map_at(0, ~0UL, 0, &huge), -EINVAL);
	assert_int_equal(map_at(0, -HUGE, 0, &huge), -ENOMEM);
	assert_int_equal(map_at(0, ~0UL, 0, NULL), -ENOMEM);
	assert_int_equal(map_at(0, -PAGE, 0, NULL), -ENOMEM);
	one_mm_end();
}

/* mm/mmap.c, may_expand_vm(): "Workaround for Valgrind". */
static void test_a_data_limit_of_nothing_is_the_hard_one(void **state)
{
	one_mm_begin(NULL);
	mm.limits.data = 0;
	map(0, 8);
	mm.limits.data_hard = 10 * PAGE;
	map(8, 2);
	assert_int_equal(map_as(20, 1, RW, MAP_PRIVATE, NULL), -ENOMEM);
	mm.limits.data = 1;
	mm.limits.data_hard = MM_UNLIMITED;
	assert_int_equal(map_as(20, 1, RW, MAP_PRIVATE, NULL), -ENOMEM);
	/* The heap's limit is what it says. */
	mm.limits.data = 0;
	mm.start_brk = mm.brk = BASE - 100 * PAGE;
	assert_int_equal(mm_brk(&mm, mm.brk + 1), mm.start_brk);
	one_mm_end();
}

/* security/commoncap.c, cap_mmap_addr(): vm.mmap_min_addr alone; hints are rounded to what the kernel was built with. */
static void test_the_least_address_of_a_hint_is_not_that_of_a_fixed_mapping(void **state)
{
	one_mm_begin(NULL);
	sys.dac_mmap_min_addr = PAGE;
	assert_int_equal(map_at(0, PAGE, MAP_FIXED, NULL), -EPERM);
	assert_int_equal(map_at(PAGE, PAGE, MAP_FIXED, NULL), PAGE);
	assert_int_equal(map_at(2 * PAGE, PAGE, 0, NULL), 65536);
	sys.dac_mmap_min_addr = 65536;
	assert_int_equal(map_at(3 * PAGE, PAGE, MAP_FIXED, NULL), -EPERM);
	mm.limits.cap_sys_rawio = true;
	assert_int_equal(map_at(0, PAGE, MAP_FIXED, NULL), 0);
	one_mm_end();
}

/* fs/hugetlbfs/inode.c, hugetlbfs_file_mmap(): VM_HUGETLB | VM_DONTEXPAND, whoever describes the file. */
static void test_a_huge_page_file_is_one_whatever_else_is_said_of_it(void **state)
{
	struct mremap_request grow = { .old_len = 4 * HUGE, .new_len = 5 * HUGE, .flags = MREMAP_MAYMOVE };

	one_mm_begin(NULL);
	grow.addr = map_at(0, 4 * HUGE, 0, &huge);
	assert_placed_high(grow.addr);
	assert_int_equal(vma_lookup(&mm, grow.addr)->vm_flags & (VM_HUGETLB | VM_DONTEXPAND),
		VM_HUGETLB | VM_DONTEXPAND);
	assert_int_equal(mm_mremap(&mm, &grow), -EINVAL);
	assert_int_equal(mm_mlock(&mm, grow.addr, PAGE, MLOCK_ONFAULT), 0);
	assert_int_equal(mm.map_count, 1);
	assert_int_equal(mm.locked_vm, 0);
	assert_int_equal(mm_mprotect(&mm, grow.addr, PAGE, PROT_READ, -1), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, grow.addr, HUGE, PROT_READ, -1), 0);
	assert_int_equal(mm.map_count, 2);
	assert_int_equal(mm_mprotect(&mm, grow.addr, HUGE, RW, -1), 0);
	assert_int_equal(mm.map_count, 2); /* never merged again */
	one_mm_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hint_in_the_last_huge_page_is_none),
		cmocka_unit_test(test_lengths_that_overflow),
		cmocka_unit_test(test_a_data_limit_of_nothing_is_the_hard_one),
		cmocka_unit_test(test_the_least_address_of_a_hint_is_not_that_of_a_fixed_mapping),
		cmocka_unit_test(test_a_huge_page_file_is_one_whatever_else_is_said_of_it),
	};

	return cmocka_run_group_tests_name("ends of the space", tests, NULL, NULL);
}
