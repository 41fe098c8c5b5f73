/* SPDX-License-Identifier: MIT */
/*
 * Rules of docs/semantics.md, each by itself: what random programs meet, but only where the seed leads them.
 *
 * What is expected is what Linux answers; the same calls on the running kernel are asked by the oracle and by recordings.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <vmaple/linux_abi.h>

#include "one_mm.h"

static struct vm_area_struct *area(unsigned long page)
{
	return vma_lookup(&mm, at(page));
}

static void write_to(unsigned long page)
{
	assert_int_equal(mm_fault(&mm, at(page), MM_FAULT_WRITE), 0);
}

static int protect(unsigned long page, unsigned long pages, unsigned long prot)
{
	return mm_mprotect(&mm, at(page), pages * PAGE, prot, -1);
}

/* To @to, with the same size. */
static long move(unsigned long page, unsigned long pages, unsigned long to)
{
	struct mremap_request req = { at(page), pages * PAGE, pages * PAGE,
		VMAPLE_MREMAP_MAYMOVE | VMAPLE_MREMAP_FIXED, at(to) };

	return (long)mm_mremap(&mm, &req);
}

static void is(unsigned long page, unsigned long first, unsigned long behind)
{
	assert_non_null(area(page));
	assert_int_equal(area(page)->vm_start, at(first));
	assert_int_equal(area(page)->vm_end, at(behind));
}

static void test_the_first_write_gives_an_anon_vma_and_a_neighbour_that_differs_in_access_lends_its_own(
	void **state)
{
	(void)state;
	map(0, 2);
	assert_int_equal(map_as(2, 2, PROT_READ, MAP_PRIVATE, NULL), at(2));
	assert_null(area(0)->anon_vma);
	write_to(0);
	assert_non_null(area(0)->anon_vma);
	assert_int_equal(mm_fault(&mm, at(2), 0), 0);
	assert_int_equal(protect(2, 1, RW), 0);
	is(0, 0, 3);
	assert_int_equal(protect(1, 1, PROT_READ), 0);
	map(8, 1);
	write_to(8);
	assert_ptr_not_equal(area(8)->anon_vma, area(0)->anon_vma);
	/* One that was made beside it, was never written, and now is. */
	assert_int_equal(map_as(9, 1, RW | PROT_EXEC, MAP_PRIVATE, NULL), at(9));
	write_to(9);
	assert_ptr_equal(area(9)->anon_vma, area(8)->anon_vma);
}

static void test_a_childs_new_area_does_not_join_what_it_inherited_written(void **state)
{
	struct mm_struct child;
	struct mmap_request req = {
		.len = PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .addr = at(1)
	};

	(void)state;
	map(0, 1);
	map(4, 1);
	write_to(0);
	assert_int_equal(mm_fork(&child, &mm), 0);
	assert_int_equal(mm_mmap(&child, &req), at(1));
	assert_int_equal(mm_fault(&child, at(1), MM_FAULT_WRITE), 0);
	assert_int_equal(vma_lookup(&child, at(0))->vm_end, at(1));
	/* Beside what was inherited and not written it does. */
	req.addr = at(5);
	assert_int_equal(mm_mmap(&child, &req), at(5));
	assert_int_equal(vma_lookup(&child, at(4))->vm_end, at(6));
	mm_exit(&child);
}

static void test_what_was_not_written_takes_the_offset_of_its_new_place(void **state)
{
	unsigned long offset;

	(void)state;
	map(0, 1);
	offset = area(0)->vm_pgoff;
	assert_int_equal(move(0, 1, 20), at(20));
	assert_int_equal(area(20)->vm_pgoff, offset + 20);
	write_to(20);
	assert_int_equal(move(20, 1, 40), at(40));
	assert_int_equal(area(40)->vm_pgoff, offset + 20);
}

static void test_several_areas_move_with_the_holes_between_them(void **state)
{
	(void)state;
	map(0, 1);
	assert_int_equal(map_as(1, 1, PROT_READ, MAP_PRIVATE, NULL), at(1));
	map(4, 2);
	assert_int_equal(move(0, 6, 100), at(100));
	assert_int_equal(mm.map_count, 3);
	is(100, 100, 101);
	is(101, 101, 102);
	assert_null(area(102));
	is(104, 104, 106);
	/* Before Linux 6.17 it is one area or none. */
	sys.kernel = kernel_profile_for("6.12");
	assert_int_equal(move(100, 6, 0), -EFAULT);
	is(100, 100, 101);
}

static void test_a_userfaultfd_does_not_follow_what_moves(void **state)
{
	static const char context;

	(void)state;
	map(0, 2);
	assert_int_equal(mm_userfaultfd(&mm, at(0), 2 * PAGE, &context, VM_UFFD_MISSING), 0);
	assert_true(area(0)->vm_flags & VM_UFFD_MISSING);
	assert_int_equal(move(1, 1, 20), at(20));
	assert_false(area(20)->vm_flags & VM_UFFD_FLAGS);
	assert_true(area(0)->vm_flags & VM_UFFD_MISSING);
}

static void test_mprotect_over_a_hole_changes_what_lies_before_it(void **state)
{
	(void)state;
	map(0, 2);
	map(3, 1);
	assert_int_equal(protect(1, 3, PROT_READ), -ENOMEM);
	assert_true(area(0)->vm_flags & VM_WRITE);
	assert_false(area(1)->vm_flags & VM_WRITE);
	assert_true(area(3)->vm_flags & VM_WRITE);
	/* What begins in a hole changes nothing. */
	assert_int_equal(protect(2, 2, PROT_READ), -ENOMEM);
	assert_true(area(3)->vm_flags & VM_WRITE);
}

static void test_memory_that_can_be_written_is_charged_and_stays_so_once_it_was(void **state)
{
	(void)state;
	assert_int_equal(map_as(0, 4, PROT_READ, MAP_PRIVATE, NULL), at(0));
	assert_int_equal(sys.committed, 0);
	assert_int_equal(protect(0, 2, RW), 0);
	assert_int_equal(sys.committed, 2);
	write_to(0);
	assert_int_equal(protect(0, 2, PROT_READ), 0);
	assert_int_equal(sys.committed, 2);
	assert_true(area(0)->vm_flags & VM_ACCOUNT);
	assert_false(area(2)->vm_flags & VM_ACCOUNT);
	assert_int_equal(mm_munmap(&mm, at(0), 4 * PAGE), 0);
	assert_int_equal(sys.committed, 0);
}

/* Memory without access, where faults end. */
static void map_three(void)
{
	map(0, 1);
	assert_int_equal(map_as(1, 1, PROT_NONE, MAP_PRIVATE, NULL), at(1));
	map(2, 1);
}

static void test_mlock_faults_in_up_to_the_first_page_that_cannot_be(void **state)
{
	(void)state;
	map_three();
	assert_int_equal(mm_mlock(&mm, at(0), 3 * PAGE, 0), -ENOMEM);
	assert_non_null(area(0)->anon_vma);
	assert_null(area(2)->anon_vma);
	assert_true(area(2)->vm_flags & VM_LOCKED);
	assert_int_equal(mm_munmap(&mm, at(0), 3 * PAGE), 0);
	map_three();
	assert_int_equal(mm_mlock(&mm, at(0), 3 * PAGE, VMAPLE_MLOCK_ONFAULT), 0);
	assert_null(area(0)->anon_vma);
	assert_true(area(0)->vm_flags & VM_LOCKONFAULT);
}

static void test_a_guard_gives_an_anon_vma(void **state)
{
	(void)state;
	map(0, 2);
	assert_int_equal(mm_madvise(&mm, at(0), PAGE, VMAPLE_MADV_GUARD_INSTALL), 0);
	assert_non_null(area(0)->anon_vma);
	is(0, 0, 2);
}

static void test_brk_grows_only_the_area_that_it_extends(void **state)
{
	unsigned long heap = at(0);

	(void)state;
	mm.start_brk = mm.brk = heap;
	assert_int_equal(mm_brk(&mm, heap + 2 * PAGE), heap + 2 * PAGE);
	is(0, 0, 2);
	assert_int_equal(mm_brk(&mm, heap + 3 * PAGE), heap + 3 * PAGE);
	is(0, 0, 3);
	/* The end of the heap is another area now. */
	assert_int_equal(protect(2, 1, PROT_READ), 0);
	assert_int_equal(mm_brk(&mm, heap + 4 * PAGE), heap + 4 * PAGE);
	is(2, 2, 3);
	is(3, 3, 4);
}

#define RULE(name) cmocka_unit_test_setup_teardown(test_##name, one_mm_setup, one_mm_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(the_first_write_gives_an_anon_vma_and_a_neighbour_that_differs_in_access_lends_its_own),
		RULE(a_childs_new_area_does_not_join_what_it_inherited_written),
		RULE(what_was_not_written_takes_the_offset_of_its_new_place),
		RULE(several_areas_move_with_the_holes_between_them),
		RULE(a_userfaultfd_does_not_follow_what_moves),
		RULE(mprotect_over_a_hole_changes_what_lies_before_it),
		RULE(memory_that_can_be_written_is_charged_and_stays_so_once_it_was),
		RULE(mlock_faults_in_up_to_the_first_page_that_cannot_be),
		RULE(a_guard_gives_an_anon_vma),
		RULE(brk_grows_only_the_area_that_it_extends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
