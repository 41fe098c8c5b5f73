/* SPDX-License-Identifier: MIT */
/* What pages hold, and where they may be, after reclaim, forks, truncation, guards and locks: one rule a test. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>

#include <vmaple/linux_abi.h>
#include <vmaple/paging.h>
#include <vmaple/rmap.h>

#include "one_mm.h"

#define PAGES 8

static struct paging *paging;
static struct vm_file a_file, *file = &a_file;

static int begin(void **state)
{
	const struct paging_options options = { .frames = 256, .swap_pages = 64, .swap_fd = -1 };

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	a_file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .size = PAGES * PAGE };
	return paging_new(&paging, &sys, &options) || paging_attach(&mm);
}

static void assert_valid(void)
{
	const char *reason = "";

	if (!paging_validate(paging, &reason) || !mm_validate(&mm, &reason))
		fail_msg("%s", reason);
}

static int end(void **state)
{
	assert_valid();
	mm_exit(&mm);
	vm_file_put(file);
	paging_free(paging);
	return 0;
}

static void map_at(unsigned long page, unsigned long pages, unsigned long flags, unsigned long pgoff)
{
	struct mmap_request req = {
		.addr = at(page), .len = pages * PAGE, .prot = RW, .flags = flags | MAP_FIXED
	};

	if (!(flags & MAP_ANONYMOUS)) {
		req.offset = pgoff * PAGE;
		req.file = file;
	}
	assert_int_equal(mm_mmap(&mm, &req), at(page));
}

static void map_shared(unsigned long page, unsigned long pages, unsigned long pgoff)
{
	map_at(page, pages, MAP_SHARED, pgoff);
}

static void map_anon(unsigned long page, unsigned long pages)
{
	map_at(page, pages, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

static void put(struct mm_struct *of, unsigned long page, uint64_t stamp)
{
	assert_int_equal(paging_write(of, at(page), stamp), 0);
}

static void assert_holds(struct mm_struct *of, unsigned long page, uint64_t expected)
{
	uint64_t stamp = ~expected;

	assert_int_equal(paging_read(of, at(page), &stamp), 0);
	assert_true(stamp == expected);
}

static void assert_refused(unsigned long page)
{
	uint64_t stamp;

	assert_int_equal(paging_read(&mm, at(page), &stamp), -EFAULT);
}

/* All that can go goes. */
static void reclaim_all(void)
{
	for (int i = 0; i < 4; i++)
		(void)paging_reclaim(paging, 256);
}

static void window(unsigned long page, unsigned long pgoff)
{
	assert_int_equal(paging_remap_file_pages(&mm, at(page), PAGE, pgoff, true), 0);
}

/* --- reclaim ---------------------------------------------------------------------------------------------------- */

static void test_memory_that_was_only_read_is_zero_when_it_comes_back(void **state)
{
	sys.no_zero_page = true;
	/* Every slot of the swap has held something else. */
	map_anon(0, 64);
	for (unsigned long i = 0; i < 64; i++)
		put(&mm, i, 99 + i);
	reclaim_all();
	assert_int_equal(mm_munmap(&mm, at(0), 64 * PAGE), 0);
	map_anon(0, 1);
	assert_holds(&mm, 0, 0);
	reclaim_all();
	assert_holds(&mm, 0, 0);
}

static void test_what_was_written_to_a_file_is_in_it_when_its_page_goes(void **state)
{
	map_shared(0, 4, 0);
	put(&mm, 1, 5);
	reclaim_all();
	assert_true(paging_statistics(paging).written_back > 0);
	assert_true(paging_file_read(file, 1) == 5);
	assert_holds(&mm, 1, 5);
}

static void test_what_was_written_to_a_file_is_in_it_when_its_mapping_went_before(void **state)
{
	map_shared(0, 4, 0);
	map_shared(10, 4, 0);
	put(&mm, 1, 5);
	assert_int_equal(mm_munmap(&mm, at(0), 4 * PAGE), 0);
	reclaim_all();
	assert_true(paging_file_read(file, 1) == 5);
	assert_holds(&mm, 11, 5);
	assert_valid();
}

static void test_nobody_loses_a_page_that_one_has_locked(void **state)
{
	map_shared(0, 1, 0);
	map_shared(10, 1, 0);
	put(&mm, 0, 5);
	assert_holds(&mm, 10, 5);
	assert_int_equal(mm_mlock(&mm, at(10), PAGE, 0), 0);
	assert_holds(&mm, 10, 5);
	reclaim_all();
	assert_int_equal(paging_statistics(paging).unmapped, 0);
}

static void test_a_locked_nonlinear_mapping_is_not_swept(void **state)
{
	map_shared(0, 4, 0);
	window(0, 6);
	put(&mm, 0, 5);
	assert_int_equal(mm_mlock(&mm, at(0), 4 * PAGE, 0), 0);
	assert_holds(&mm, 0, 5);
	reclaim_all();
	assert_int_equal(paging_statistics(paging).swept, 0);
	assert_holds(&mm, 0, 5);
}

/* --- sharing ---------------------------------------------------------------------------------------------------- */

static void test_a_write_to_a_shared_mapping_is_the_others_too(void **state)
{
	map_shared(0, 1, 3);
	map_shared(10, 1, 3);
	assert_holds(&mm, 10, paging_file_stamp(file, 3));
	put(&mm, 0, 5);
	assert_holds(&mm, 10, 5);
	assert_int_equal(paging_statistics(paging).copies, 0);
}

static void test_a_write_to_a_private_mapping_is_nobody_elses(void **state)
{
	map_shared(0, 1, 3);
	map_at(10, 1, MAP_PRIVATE, 3);
	assert_holds(&mm, 10, paging_file_stamp(file, 3));
	put(&mm, 10, 5);
	assert_holds(&mm, 0, paging_file_stamp(file, 3));
	assert_int_equal(paging_statistics(paging).copies, 1);
}

static void test_what_was_in_swap_at_a_fork_is_the_childs_too(void **state)
{
	struct mm_struct child;

	map_anon(0, 4);
	put(&mm, 0, 7);
	put(&mm, 3, 8);
	reclaim_all();
	assert_int_equal(mm_fork(&child, &mm), 0);
	assert_valid();
	put(&mm, 0, 9);
	assert_int_equal(mm_munmap(&mm, at(0), 4 * PAGE), 0);
	assert_holds(&child, 0, 7);
	assert_holds(&child, 3, 8);
	mm_exit(&child);
}

static void test_after_a_fork_shared_pages_stay_shared_and_private_ones_do_not(void **state)
{
	struct mm_struct child;

	map_shared(0, 1, 0);
	map_anon(10, 4);
	put(&mm, 0, 1);
	put(&mm, 13, 2);
	assert_int_equal(mm_fork(&child, &mm), 0);
	put(&mm, 0, 3);
	put(&mm, 13, 4);
	assert_holds(&child, 0, 3);
	assert_holds(&child, 13, 2);
	mm_exit(&child);
}

static void test_a_page_that_comes_from_swap_is_found_at_both_who_have_it(void **state)
{
	struct mm_struct child;

	map_anon(0, 1);
	put(&mm, 0, 7);
	assert_int_equal(mm_fork(&child, &mm), 0);
	reclaim_all();
	assert_holds(&child, 0, 7);
	assert_holds(&mm, 0, 7);
	assert_int_equal(paging_walk(&mm, at(0), NULL, NULL), 2);
	assert_valid();
	mm_exit(&child);
}

/* A walk meets the parent's area first: who moves pages from the child's to it has to lock. */
static void test_of_two_areas_of_one_index_no_order_is_claimed_but_for_a_fresh_one(void **state)
{
	struct vm_area_struct *parents, *childs;
	struct mm_struct child;

	map_anon(0, 1);
	put(&mm, 0, 7);
	assert_int_equal(mm_fork(&child, &mm), 0);
	parents = vma_lookup(&mm, at(0));
	childs = vma_lookup(&child, at(0));
	assert_int_equal(parents->vm_pgoff, childs->vm_pgoff);
	assert_false(anon_vma_rmap.in_order(childs, parents, false));
	assert_true(anon_vma_rmap.in_order(parents, childs, true));
	mm_exit(&child);
}

/* --- truncation ------------------------------------------------------------------------------------------------- */

static void test_a_page_of_which_a_part_is_left_stays(void **state)
{
	map_shared(0, PAGES, 0);
	put(&mm, 4, 5);
	put(&mm, 5, 6);
	assert_int_equal(paging_truncate(&sys, file, 4 * PAGE + 100), 0);
	assert_holds(&mm, 4, 5);
	assert_refused(5);
}

static void test_the_first_page_behind_the_end_goes_wherever_the_mapping_begins(void **state)
{
	map_shared(0, 4, 2); /* pages 2 to 5 of the file */
	put(&mm, 1, 5);
	put(&mm, 2, 6);
	assert_int_equal(paging_truncate(&sys, file, 4 * PAGE), 0);
	assert_holds(&mm, 1, 5);
	assert_refused(2);
	assert_int_equal(paging_truncate(&sys, file, PAGES * PAGE), 0);
	assert_holds(&mm, 2, 0);
}

static void test_a_nonlinear_page_goes_by_what_it_maps_and_not_by_where_it_is(void **state)
{
	map_shared(0, 4, 0);
	window(0, 4);
	window(1, 3);
	put(&mm, 0, 5);
	put(&mm, 1, 6);
	assert_int_equal(paging_truncate(&sys, file, 4 * PAGE), 0);
	assert_refused(0);
	assert_holds(&mm, 1, 6);
	/* And it still is what it maps. */
	assert_int_equal(paging_truncate(&sys, file, PAGES * PAGE), 0);
	assert_holds(&mm, 0, 0);
}

static void test_a_nonlinear_page_that_was_never_there_is_beyond_the_end_by_what_it_maps(void **state)
{
	map_shared(0, 4, 0);
	window(0, 6);
	assert_int_equal(paging_truncate(&sys, file, 4 * PAGE), 0);
	assert_refused(0);
}

/* --- guards and access ------------------------------------------------------------------------------------------- */

static void test_a_guard_stays_when_contents_go(void **state)
{
	map_anon(0, 4);
	put(&mm, 0, 5);
	put(&mm, 1, 6);
	assert_int_equal(mm_madvise(&mm, at(1), PAGE, VMAPLE_MADV_GUARD_INSTALL), 0);
	assert_refused(1);
	assert_int_equal(mm_madvise(&mm, at(0), 4 * PAGE, MADV_DONTNEED), 0);
	assert_holds(&mm, 0, 0);
	assert_refused(1);
	assert_int_equal(mm_madvise(&mm, at(0), 4 * PAGE, VMAPLE_MADV_GUARD_REMOVE), 0);
	assert_holds(&mm, 1, 0);
}

static void test_a_guard_of_a_file_stays_when_the_file_is_cut(void **state)
{
	map_shared(0, PAGES, 0);
	assert_int_equal(mm_madvise(&mm, at(6), PAGE, VMAPLE_MADV_GUARD_INSTALL), 0);
	assert_int_equal(paging_truncate(&sys, file, 4 * PAGE), 0);
	assert_int_equal(paging_truncate(&sys, file, PAGES * PAGE), 0);
	assert_refused(6);
	assert_holds(&mm, 7, 0);
}

static void test_a_page_may_not_do_more_than_its_area(void **state)
{
	map_anon(0, 1);
	put(&mm, 0, 5);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ, -1), 0);
	assert_valid();
	assert_int_equal(paging_write(&mm, at(0), 6), -EFAULT);
	assert_holds(&mm, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_memory_that_was_only_read_is_zero_when_it_comes_back, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_written_to_a_file_is_in_it_when_its_page_goes, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_written_to_a_file_is_in_it_when_its_mapping_went_before, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_loses_a_page_that_one_has_locked, begin, end),
		cmocka_unit_test_setup_teardown(test_a_locked_nonlinear_mapping_is_not_swept, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_write_to_a_shared_mapping_is_the_others_too, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_write_to_a_private_mapping_is_nobody_elses, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_in_swap_at_a_fork_is_the_childs_too, begin, end),
		cmocka_unit_test_setup_teardown(
			test_after_a_fork_shared_pages_stay_shared_and_private_ones_do_not, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_page_that_comes_from_swap_is_found_at_both_who_have_it, begin, end),
		cmocka_unit_test_setup_teardown(
			test_of_two_areas_of_one_index_no_order_is_claimed_but_for_a_fresh_one, begin, end),
		cmocka_unit_test_setup_teardown(test_a_page_of_which_a_part_is_left_stays, begin, end),
		cmocka_unit_test_setup_teardown(
			test_the_first_page_behind_the_end_goes_wherever_the_mapping_begins, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_nonlinear_page_goes_by_what_it_maps_and_not_by_where_it_is, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_nonlinear_page_that_was_never_there_is_beyond_the_end_by_what_it_maps, begin,
			end),
		cmocka_unit_test_setup_teardown(test_a_guard_stays_when_contents_go, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_guard_of_a_file_stays_when_the_file_is_cut, begin, end),
		cmocka_unit_test_setup_teardown(test_a_page_may_not_do_more_than_its_area, begin, end),
	};

	return cmocka_run_group_tests_name("contents of pages", tests, NULL, NULL);
}
