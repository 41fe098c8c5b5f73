/* SPDX-License-Identifier: MIT */
/*
 * Memory that is only read: where there is a page of zeros to be shared, and where there is none (mm_forbids_zeropage()
 * of Linux: some s390 guests, and hypervisors that ask for it).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "one_mm.h"

static bool is_prepared(unsigned long page)
{
	return vma_lookup(&mm, at(page))->anon_vma != NULL;
}

/* Every way to read: a fault, MADV_POPULATE_READ, mlock() of what cannot be written. */
static void read_in_each_way(void)
{
	assert_int_equal(map_as(0, 2, PROT_READ, MAP_PRIVATE, NULL), at(0));
	assert_int_equal(map_as(4, 2, RW, MAP_PRIVATE, NULL), at(4));
	assert_int_equal(map_as(8, 2, PROT_READ, MAP_PRIVATE, NULL), at(8));
	assert_int_equal(map_as(12, 2, PROT_READ, MAP_PRIVATE | MAP_POPULATE, NULL), at(12));
	assert_int_equal(map_as(16, 2, PROT_READ, MAP_SHARED, NULL), at(16));
	assert_int_equal(mm_fault(&mm, at(0), MM_FAULT_SMALL), 0);
	assert_int_equal(mm_madvise(&mm, at(4), 2 * PAGE, MADV_POPULATE_READ), 0);
	assert_int_equal(mm_mlock(&mm, at(8), 2 * PAGE, 0), 0);
	assert_int_equal(mm_fault(&mm, at(16), 0), 0);
}

static void test_the_page_of_zeros_says_nothing_of_an_area(void **state)
{
	one_mm_begin(NULL);
	read_in_each_way();
	for (unsigned long page = 0; page <= 16; page += 4)
		assert_false(is_prepared(page));
	one_mm_end();
}

static void test_without_it_what_is_read_is_prepared(void **state)
{
	one_mm_begin(NULL);
	sys.no_zero_page = true;
	read_in_each_way();
	for (unsigned long page = 0; page < 16; page += 4)
		assert_true(is_prepared(page));
	assert_false(is_prepared(16));
	one_mm_end();
}

/* A page of zeros of the size of 16 prepares, where one is read: in [16, 32) of what begins at 8. */
static void test_a_read_that_reaches_a_huge_page_prepares(void **state)
{
	for (unsigned long end = 16; end <= 17; end++) {
		one_mm_begin(NULL);
		sys.pmd_size = 16 * PAGE;
		sys.thp_enabled = 2;
		map(8, 24);
		assert_int_equal(mm_madvise(&mm, at(8), (end - 8) * PAGE, MADV_POPULATE_READ), 0);
		assert_int_equal(is_prepared(8), end > 16);
		one_mm_end();
	}
	/* The next one does not fit either. */
	one_mm_begin(NULL);
	sys.pmd_size = 16 * PAGE;
	sys.thp_enabled = 2;
	map(8, 23);
	assert_int_equal(mm_madvise(&mm, at(8), 23 * PAGE, MADV_POPULATE_READ), 0);
	assert_false(is_prepared(8));
	one_mm_end();
}

/* mm/mprotect.c, mprotect_fixup(): what has an anon_vma stays charged. */
static void test_what_was_read_stays_charged_without_it(void **state)
{
	for (int without = 0; without < 2; without++) {
		one_mm_begin(NULL);
		sys.no_zero_page = without;
		map(0, 6);
		assert_int_equal(mm_fault(&mm, at(2), 0), 0);
		assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_NONE, -1), 0);
		assert_int_equal(!!(vma_lookup(&mm, at(0))->vm_flags & VM_ACCOUNT), without);
		one_mm_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_page_of_zeros_says_nothing_of_an_area),
		cmocka_unit_test(test_without_it_what_is_read_is_prepared),
		cmocka_unit_test(test_a_read_that_reaches_a_huge_page_prepares),
		cmocka_unit_test(test_what_was_read_stays_charged_without_it),
	};

	return cmocka_run_group_tests_name("the page of zeros", tests, NULL, NULL);
}
