/* SPDX-License-Identifier: MIT */
/*
 * An address space of arm64 where it is not as one of x86-64: its size, where searches begin, which bits mean something.
 * As arch/arm64 of Linux and generic_get_unmapped_area_topdown() have it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vmaple/linux_abi.h>

#include "one_mm.h"

#define MB     (1UL << 20)
#define WINDOW (1UL << 48)
#define BTI    VMAPLE_PROT_BTI
#define MTE    VMAPLE_PROT_MTE

static struct vm_file file = {
	.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true, .name = ""
};

static int begin(void **state)
{
	mm_system_init(&sys, &anon_vma_rmap);
	sys.machine = MM_MACHINE_ARM64;
	sys.branch_targets = true;
	mm_init(&mm, &sys);
	return 0;
}

static int end(void **state)
{
	one_mm_end();
	return file.refs == 1 ? 0 : -1;
}

static long anywhere(unsigned long hint, unsigned long len, unsigned long flags)
{
	const struct mmap_request req = {
		.addr = hint, .len = len, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS | flags
	};

	return (long)mm_mmap(&mm, &req);
}

static vm_flags_t flags_at(unsigned long page)
{
	return find_vma(&mm, at(page))->vm_flags;
}

static void test_searches_begin_below_48_bits(void **state)
{
	assert_int_equal(mm.task_size, WINDOW);
	assert_int_equal(anywhere(0, PAGE, 0), WINDOW - 128 * MB - PAGE);
}

static void test_searches_upwards_begin_at_a_quarter(void **state)
{
	mm.topdown = false;
	assert_int_equal(anywhere(0, PAGE, 0), WINDOW / 4);
}

/* What lies downwards is full: from a quarter on, whatever exec has drawn. */
static void test_what_finds_nothing_downwards_goes_up_from_a_quarter(void **state)
{
	assert_int_equal(mm_set_mmap_base(&mm, 8 * MB, false, 0x1234), 0);
	mm.mmap_base = 4 * MB;
	assert_int_equal(anywhere(0, 5 * MB, 0), WINDOW / 4);
}

static void test_hints_beyond_the_window_are_taken_where_there_is_more(void **state)
{
	const unsigned long beyond = 1UL << 50;

	assert_true((unsigned long)anywhere(beyond, PAGE, 0) < WINDOW);
	mm.task_size = 1UL << 52;
	assert_int_equal(anywhere(beyond, PAGE, 0), beyond);
	assert_true((unsigned long)anywhere(0, PAGE, 0) < WINDOW);
}

static void test_the_least_address_counts_in_what_is_longest(void **state)
{
	assert_int_equal(anywhere(0, WINDOW, MAP_FIXED), -ENOMEM);
	assert_int_equal(anywhere(0, WINDOW - sys.mmap_min_addr + PAGE, MAP_FIXED), -ENOMEM);
}

static void test_the_lowest_gigabytes_are_nothing_special(void **state)
{
	struct mmap_request req = {
		.len = PAGE, .prot = PROT_READ, .flags = MAP_SHARED_VALIDATE | VMAPLE_MAP_32BIT, .file = &file
	};

	assert_true(anywhere(0, PAGE, VMAPLE_MAP_32BIT | VMAPLE_MAP_ABOVE4G) > 1L << 47);
	assert_int_equal((long)mm_mmap(&mm, &req), -EOPNOTSUPP);
	req.flags = MAP_SHARED_VALIDATE | VMAPLE_MAP_ABOVE4G;
	assert_int_equal((long)mm_mmap(&mm, &req), -EOPNOTSUPP);
}

static void test_branch_targets_are_a_right_of_their_own(void **state)
{
	char text[64];

	assert_int_equal(map_as(0, 2, PROT_READ | PROT_EXEC | BTI, MAP_PRIVATE, NULL), at(0));
	assert_int_equal(map_as(2, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, NULL), at(2));
	assert_int_equal(mm.map_count, 2);
	assert_non_null(strstr(vm_flags_format(flags_at(0), text, sizeof(text)), "bt"));
	assert_true(vm_flags_parse("rd ex bt") == (VM_READ | VM_EXEC | VM_ARM64_BTI));
	/* mprotect gives it anew, or not. */
	assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_READ | PROT_EXEC, -1), 0);
	assert_false(flags_at(1) & VM_ARM64_BTI);
	assert_int_equal(find_vma(&mm, at(1))->vm_end, at(3));
	assert_int_equal(mm_mprotect(&mm, at(1), 2 * PAGE, PROT_READ | PROT_EXEC | BTI, -1), 0);
	assert_int_equal(mm.map_count, 1);
}

static void test_without_them_the_bit_means_nothing(void **state)
{
	sys.branch_targets = false;
	assert_int_equal(map_as(0, 1, PROT_READ | BTI, MAP_PRIVATE, NULL), at(0));
	assert_false(flags_at(0) & VM_ARM64_BTI);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ | BTI, -1), -EINVAL);
}

/* Bit 55 tells whose address it is: what lies above it is the program's, and mmap alone minds it. */
static void test_what_is_mapped_is_found_whatever_its_tag(void **state)
{
	const unsigned long tag = 0xa5UL << 56;
	struct mremap_request move = { .addr = at(1) | tag, .old_len = PAGE, .new_len = PAGE };

	map(0, 4);
	assert_int_equal(mm_mprotect(&mm, at(1) | tag, PAGE, PROT_READ, -1), 0);
	assert_int_equal(mm_madvise(&mm, at(2) | tag, PAGE, VMAPLE_MADV_DONTFORK), 0);
	assert_int_equal(mm_mlock(&mm, at(3) | tag, PAGE, 0), 0);
	assert_int_equal(mm.map_count, 4);
	assert_int_equal(mm_munlock(&mm, at(3) | tag, PAGE), 0);
	assert_int_equal(mm_mremap(&mm, &move), at(1));
	assert_int_equal(mm_mseal(&mm, at(0) | tag, PAGE, 0), 0);
	assert_int_equal(mm_munmap(&mm, at(1) | tag, PAGE), 0);
	assert_int_equal(mm_munmap(&mm, at(0) | 1UL << 55, PAGE), -EINVAL);
	assert_int_equal(anywhere(at(1) | tag, PAGE, MAP_FIXED), -ENOMEM);
}

/* VM_DATA_DEFAULT_FLAGS has VM_MTE_ALLOWED, mmap only where the processor has tags. */
static void test_a_heap_joins_what_mmap_made_only_where_memory_has_tags(void **state)
{
	mm.start_brk = mm.brk = at(0);
	assert_int_equal(mm_brk(&mm, at(2)), at(2));
	map(2, 1);
	assert_int_equal(mm.map_count, 2);
	sys.memory_tags = true;
	map(2, 1);
	assert_int_equal(mm.map_count, 1);
}

static void test_what_may_be_tagged_is_by_prot_mte_and_stays_so(void **state)
{
	char text[128];

	sys.memory_tags = true;
	assert_int_equal(map_as(0, 2, RW | MTE, MAP_PRIVATE, NULL), at(0));
	assert_non_null(strstr(vm_flags_format(flags_at(0), text, sizeof(text)), "mt"));
	assert_true(vm_flags_parse("rd mt") == (VM_READ | VM_MTE));
	map(2, 1);
	assert_int_equal(mm.map_count, 2);
	assert_int_equal(mm_mprotect(&mm, at(2), PAGE, RW | MTE, -1), 0);
	assert_int_equal(mm.map_count, 1);
	assert_int_equal(mm_mprotect(&mm, at(0), 3 * PAGE, PROT_READ, -1), 0);
	assert_int_equal(mm.map_count, 1);
	assert_true(flags_at(0) & VM_MTE);
}

static void test_files_are_not_tagged_but_for_shared_memory(void **state)
{
	static struct vm_file disk = {
		.refs = 1, .kind = VM_FILE_REGULAR, .readable = true, .writable = true, .name = ""
	};

	sys.memory_tags = true;
	map(0, 2);
	/* What is in the way stays. */
	assert_int_equal(map_as(1, 1, RW | MTE, MAP_PRIVATE, &disk), -EINVAL);
	assert_int_equal(mm.total_vm, 2);
	assert_int_equal(map_as(1, 1, RW, MAP_PRIVATE, &disk), at(1));
	assert_int_equal(mm_mprotect(&mm, at(0), 2 * PAGE, PROT_READ | MTE, -1), -EINVAL);
	/* What lies before it has been changed. */
	assert_true((flags_at(0) & (VM_MTE | VM_ACCESS_FLAGS)) == (VM_MTE | VM_READ));
	assert_int_equal(map_as(2, 1, RW | MTE, MAP_SHARED, &file), at(2));
	assert_true(flags_at(2) & VM_MTE);
}

static struct vm_file huge = { .refs = 1,
	.kind = VM_FILE_HUGETLB,
	.readable = true,
	.writable = true,
	.map_align = 2 * MB,
	.name = "" };

static void test_huge_pages_are_tagged_since_6_13(void **state)
{
	const struct mmap_request req = {
		.len = 2 * MB, .prot = RW | MTE, .flags = MAP_PRIVATE, .file = &huge
	};

	sys.memory_tags = true;
	sys.kernel = kernel_profile_for("6.12");
	assert_int_equal((long)mm_mmap(&mm, &req), -EINVAL);
	sys.kernel = kernel_profile_for("6.18");
	assert_false(IS_ERR_VALUE(mm_mmap(&mm, &req)));
}

static void test_without_tags_mprotect_does_not_know_prot_mte(void **state)
{
	assert_int_equal(map_as(0, 1, RW | MTE, MAP_PRIVATE, NULL), at(0));
	assert_false(flags_at(0) & VM_MTE);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ | MTE, -1), -EINVAL);
}

static void test_key_0_is_allocated_though_there_are_no_keys(void **state)
{
	map(0, 1);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ, 0), 0);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ, 1), -EINVAL);
	assert_int_equal(mm_pkey_alloc(&mm), -ENOSPC);
	sys.kernel = kernel_profile_for("6.1");
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, PROT_READ, 0), -ENOSYS);
	assert_int_equal(mm_pkey_alloc(&mm), -ENOSYS);
	assert_int_equal(mm_mprotect(&mm, at(0), PAGE, RW, -1), 0);
}

static void test_memory_is_not_protected_by_userfaultfds_before_6_10(void **state)
{
	map(0, 1);
	sys.kernel = kernel_profile_for("6.1");
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &sys, VM_UFFD_WP), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &sys, VM_UFFD_MISSING), 0);
	sys.kernel = kernel_profile_for("6.12");
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &sys, VM_UFFD_WP), 0);
}

static void test_huge_page_files_are_placed_as_others_on_every_kernel(void **state)
{
	const struct mmap_request req = {
		.addr = PAGE, .len = 2 * MB, .prot = RW, .flags = MAP_PRIVATE, .file = &huge
	};

	sys.kernel = kernel_profile_for("6.12");
	assert_int_equal((long)mm_mmap(&mm, &req), 2 * MB);
}

/* generic_hugetlb_get_unmapped_area() of 6.1 and 6.6: rounded up, it wraps to 0, which is free. */
static void test_a_huge_hint_in_the_last_page_was_address_0_before_6_12(void **state)
{
	struct mmap_request req = {
		.addr = -PAGE, .len = 2 * MB, .prot = RW, .flags = MAP_PRIVATE, .file = &huge
	};

	sys.kernel = kernel_profile_for("6.12");
	assert_int_equal((long)mm_mmap(&mm, &req), WINDOW - 128 * MB - 2 * MB);
	sys.kernel = kernel_profile_for("6.1");
	assert_int_equal((long)mm_mmap(&mm, &req), -EPERM);
	mm.limits.cap_sys_rawio = true;
	assert_int_equal((long)mm_mmap(&mm, &req), 0);
	assert_int_equal((long)mm_mmap(&mm, &req), WINDOW - 128 * MB - 4 * MB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_searches_begin_below_48_bits, begin, end),
		cmocka_unit_test_setup_teardown(test_searches_upwards_begin_at_a_quarter, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_finds_nothing_downwards_goes_up_from_a_quarter, begin, end),
		cmocka_unit_test_setup_teardown(
			test_hints_beyond_the_window_are_taken_where_there_is_more, begin, end),
		cmocka_unit_test_setup_teardown(test_the_least_address_counts_in_what_is_longest, begin, end),
		cmocka_unit_test_setup_teardown(test_the_lowest_gigabytes_are_nothing_special, begin, end),
		cmocka_unit_test_setup_teardown(test_branch_targets_are_a_right_of_their_own, begin, end),
		cmocka_unit_test_setup_teardown(test_without_them_the_bit_means_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_mapped_is_found_whatever_its_tag, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_heap_joins_what_mmap_made_only_where_memory_has_tags, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_may_be_tagged_is_by_prot_mte_and_stays_so, begin, end),
		cmocka_unit_test_setup_teardown(test_files_are_not_tagged_but_for_shared_memory, begin, end),
		cmocka_unit_test_setup_teardown(test_huge_pages_are_tagged_since_6_13, begin, end),
		cmocka_unit_test_setup_teardown(
			test_without_tags_mprotect_does_not_know_prot_mte, begin, end),
		cmocka_unit_test_setup_teardown(test_key_0_is_allocated_though_there_are_no_keys, begin, end),
		cmocka_unit_test_setup_teardown(
			test_memory_is_not_protected_by_userfaultfds_before_6_10, begin, end),
		cmocka_unit_test_setup_teardown(
			test_huge_page_files_are_placed_as_others_on_every_kernel, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_huge_hint_in_the_last_page_was_address_0_before_6_12, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
