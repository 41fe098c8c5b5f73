/* SPDX-License-Identifier: MIT */
/*
 * Members of a kernel's profile that advice, seals, locks, userfaultfds and huge pages show: see kernel_profile.c.
 */
#include "kernel_profile.h"

static void test_a_stack_has_no_huge_pages(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12" };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(kernels[i]);
		assert_int_equal(map_as(0, 1, PROT_READ, MAP_PRIVATE | MAP_STACK, NULL), at(0));
		assert_int_equal(!!(vma_lookup(&mm, at(0))->vm_flags & VM_NOHUGEPAGE), i);
		one_mm_end();
	}
}

static void test_placement_on_the_border_of_a_huge_page(void **state)
{
	static const struct {
		const char *kernel;
		bool anon, zero;
	} cases[] = { { "6.1", false, false }, { "6.12", true, false }, { "6.18", true, true } };
	struct vm_file zero = { .refs = 1, .kind = VM_FILE_ZERO, .readable = true, .writable = true };

	for (int i = 0; i < 3; i++) {
		struct mmap_request req = { .len = 4UL << 20, .flags = MAP_PRIVATE | MAP_ANONYMOUS };

		one_mm_begin(cases[i].kernel);
		mm.mmap_base -= PAGE;
		assert_int_equal(mm_mmap(&mm, &req) % sys.pmd_size == 0, cases[i].anon);
		req.flags = MAP_PRIVATE;
		req.file = &zero;
		mm_exit(&mm);
		mm_init(&mm, &sys);
		mm.mmap_base -= PAGE;
		assert_int_equal(mm_mmap(&mm, &req) % sys.pmd_size == 0, cases[i].zero);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 7 1 w; madvise 3 9 populate_read */
static void test_populate_over_a_hole(void **state)
{
	static const struct {
		const char *kernel;
		int err;
	} cases[] = { { "6.1", -EINVAL }, { "6.12", -ENOMEM } };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(cases[i].kernel);
		assert_int_equal(map_as(7, 1, PROT_WRITE, MAP_PRIVATE, NULL), at(7));
		assert_int_equal(mm_madvise(&mm, at(3), 9 * PAGE, POPULATE_READ), cases[i].err);
		one_mm_end();
	}
}

static void test_seals_and_zero(void **state)
{
	struct vm_file zero = { .refs = 1, .kind = VM_FILE_ZERO, .readable = true, .writable = true };

	one_mm_begin("6.1");
	map(0, 1);
	assert_int_equal(mm_mseal(&mm, at(0), PAGE, 0), -ENOSYS);
	one_mm_end();
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "6.12");
		assert_int_equal(map_as(0, 1, PROT_READ, MAP_PRIVATE, &zero), at(0));
		assert_int_equal(mm_mseal(&mm, at(0), PAGE, 0), 0);
		assert_int_equal(mm_madvise(&mm, at(0), PAGE, MADV_DONTFORK), i ? -EPERM : 0);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 19 2 r,w private,anonymous; mmap 20 1 r,w shared_validate,fixed sealed */
static void test_a_sealed_memfd_in_the_place_of_something(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct vm_file sealed = { .refs = 1,
			.kind = VM_FILE_SHMEM,
			.readable = true,
			.writable = true,
			.vm_flags_off = VM_MAYWRITE };

		one_mm_begin(i ? "6.12" : "6.1");
		map(0, 2);
		assert_int_equal(map_as(1, 1, PROT_READ | PROT_WRITE, MAP_SHARED, &sealed), -EPERM);
		is_area(0, 0, i ? 2 : 1);
		assert_int_equal(mm.total_vm, i ? 2 : 1);
		assert_int_equal(map_as(1, 1, PROT_READ, MAP_SHARED, &sealed), at(1));
		assert_int_equal(mm_mprotect(&mm, at(1), PAGE, PROT_READ | PROT_WRITE, -1), -EACCES);
		one_mm_end();
	}
}

/* kernel-oracle: mlockall future; mmap 38 1 droppable */
static void test_droppable_memory_and_locks_to_come(void **state)
{
	static const char *const kernels[][2] = { { "6.12.0", "6.12.86" }, { "6.18.0", "6.18.27" },
		{ "6.19", "7.0" } };

	for (int i = 0; i < 6; i++) {
		one_mm_begin(kernels[i / 2][i % 2]);
		mm.limits.cap_ipc_lock = true;
		assert_int_equal(mm_mlockall(&mm, MCL_FUTURE), 0);
		assert_int_equal(map_as(0, 1, RW, DROPPABLE, NULL), at(0));
		assert_int_equal(!(vma_lookup(&mm, at(0))->vm_flags & VM_LOCKED), i % 2);
		assert_int_equal(mm.locked_vm, !(i % 2));
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0 4; madvise 0 1 guard_install; mmap 4 1 */
static void test_guard_pages_mark_what_they_are_joined_with(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "6.18.27");
		map(0, 4);
		assert_int_equal(mm_madvise(&mm, at(0), PAGE, GUARD_INSTALL), 0);
		assert_int_equal(!!(vma_lookup(&mm, at(3))->vm_flags & VM_MAYBE_GUARD), i);
		/* Between the marked one and one that is not: they are no reason to stay apart. */
		map(5, 1);
		map(4, 1);
		is_area(5, 0, 6);
		protect(5, 1, PROT_READ);
		assert_int_equal(!!(vma_lookup(&mm, at(5))->vm_flags & VM_MAYBE_GUARD), i);
		map(6, 1);
		touch(6);
		protect(6, 1, PROT_READ);
		is_area(6, 5, 7);
		assert_int_equal(!!(vma_lookup(&mm, at(6))->vm_flags & VM_MAYBE_GUARD), i);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 62 38 shared; madvise 66 1 guard_install; mprotect 67 1 -; mprotect 62 18 r */
static void test_guard_pages_in_shared_memory(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct vm_file file = {
			.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true
		};

		one_mm_begin(i ? "6.18" : "6.17");
		assert_int_equal(map_as(0, 4, RW, MAP_SHARED, &file), at(0));
		assert_int_equal(mm_madvise(&mm, at(0), PAGE, GUARD_INSTALL), 0);
		assert_int_equal(!vma_lookup(&mm, at(0))->anon_vma, i);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 38 13; mseal 44 1; mseal 43 3 */
static void test_mseal_behind_what_is_sealed(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "6.17");
		map(0, 12);
		assert_int_equal(mm_mseal(&mm, at(6), PAGE, 0), 0);
		assert_int_equal(mm_mseal(&mm, at(5), 3 * PAGE, 0), 0);
		is_area(5, 5, i ? 8 : 7);
		is_area(7, i ? 5 : 7, 8);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 52 16; madvise 39 26 mergeable; mseal 62 1; madvise 61 29 unmergeable */
static void test_unmergeable_and_the_seal(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.17" : "6.16");
		map(0, 4);
		assert_int_equal(mm_madvise(&mm, at(0), 4 * PAGE, MADV_MERGEABLE), 0);
		assert_int_equal(mm_mseal(&mm, at(1), PAGE, 0), 0);
		assert_int_equal(mm_madvise(&mm, at(0), 4 * PAGE, MADV_UNMERGEABLE), 0);
		assert_int_equal(!!(vma_lookup(&mm, at(1))->vm_flags & VM_SEALED), i);
		one_mm_end();
	}
}

/* kernel-oracle: room 12; ...; madvise 16 1 sequential */
static void test_advice_in_a_full_map(void **state)
{
	static const struct {
		const char *kernel;
		int err;
	} cases[] = { { "5.10", -ENOMEM }, { "5.15", -ENOMEM }, { "6.1", -EAGAIN }, { "7.3", -EAGAIN } };

	for (int i = 0; i < 4; i++) {
		one_mm_begin(cases[i].kernel);
		map(0, 3);
		sys.max_map_count = 2;
		assert_int_equal(mm_madvise(&mm, at(1), PAGE, MADV_SEQUENTIAL), cases[i].err);
		is_area(1, 1, 3);
		sys.max_map_count = 3;
		assert_int_equal(mm_madvise(&mm, at(1), PAGE, MADV_SEQUENTIAL), 0);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 32 12 shared; mprotect 36 25 x; mlock 40 1 onfault */
static void test_memory_that_cannot_be_read_is_locked_on_fault(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.1" : "5.10");
		mm.limits.cap_ipc_lock = true;
		map(0, 1);
		protect(0, 1, PROT_NONE);
		assert_int_equal(mm_mlock(&mm, at(0), PAGE, MLOCK_ONFAULT), i ? 0 : -ENOMEM);
		assert_true(vma_lookup(&mm, at(0))->vm_flags & VM_LOCKONFAULT);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0 1 droppable; userfaultfd 0 1 wp */
static void test_droppable_memory_and_a_userfaultfd(void **state)
{
	static const char context;

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "6.12");
		assert_int_equal(map_as(0, 1, PROT_READ | PROT_WRITE, DROPPABLE, NULL), at(0));
		assert_int_equal(
			mm_userfaultfd(&mm, at(0), PAGE, &context, VM_UFFD_MISSING), i ? -EINVAL : 0);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 24 1; userfaultfd 24 1 wp; userfaultfd 24 1 missing */
static void test_a_userfaultfd_that_protects_is_not_registered_without(void **state)
{
	static const char context;

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "7.3" : "7.2");
		map(24, 1);
		assert_int_equal(mm_userfaultfd(&mm, at(24), PAGE, &context, VM_UFFD_WP), 0);
		assert_int_equal(
			mm_userfaultfd(&mm, at(24), PAGE, &context, VM_UFFD_MISSING), i ? -EBUSY : 0);
		assert_int_equal(
			mm_userfaultfd(&mm, at(24), PAGE, &context, VM_UFFD_MISSING | VM_UFFD_WP), 0);
		assert_int_equal(mm_userfaultfd(&mm, at(24), PAGE, NULL, 0), 0);
		assert_int_equal(mm_userfaultfd(&mm, at(24), PAGE, &context, VM_UFFD_MISSING), 0);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0 8; userfaultfd 4 4 wp; userfaultfd 2 2 wp; and the same from an area's beginning on */
static void test_a_userfaultfd_for_a_part_of_an_area(void **state)
{
	static const struct {
		const char *kernel;
		unsigned long end; /* of the area that begins with page 2 */
	} cases[] = { { "6.1", 4 }, { "6.12", 8 }, { "6.18", 8 } };
	static const char context;

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cases[i].kernel);
		map(0, 8);
		assert_int_equal(mm_userfaultfd(&mm, at(4), 4 * PAGE, &context, VM_UFFD_WP), 0);
		assert_int_equal(mm_userfaultfd(&mm, at(2), 2 * PAGE, &context, VM_UFFD_WP), 0);
		is_area(2, 2, cases[i].end);
		assert_int_equal(mm_userfaultfd(&mm, at(0), 2 * PAGE, &context, VM_UFFD_WP), 0);
		is_area(0, 0, cases[i].end);
		one_mm_end();
	}
}

static struct vm_file huge_file = { .refs = 1,
	.kind = VM_FILE_HUGETLB,
	.readable = true,
	.writable = true,
	.map_align = 2UL << 20,
	.vm_flags = VM_HUGETLB | VM_DONTEXPAND };

/* kernel-oracle: mmap 256 1 noreserve,hugetlb */
static void test_the_hint_for_a_huge_page_file(void **state)
{
	const struct mmap_request req = {
		.addr = at(256), .len = PAGE, .flags = MAP_PRIVATE, .file = &huge_file
	};

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "6.12");
		assert_int_equal(mm_mmap(&mm, &req), at(i ? 512 : 0));
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0x1000 1 private,hugetlb, as root */
static void test_a_hint_in_the_first_huge_page(void **state)
{
	struct mmap_request req = {
		.addr = PAGE, .len = 2UL << 20, .flags = MAP_PRIVATE, .file = &huge_file
	};

	for (int i = 0; i < 2; i++) {
		unsigned long place = i ? 2UL << 20 : 0;

		one_mm_begin(i ? "6.18" : "6.12");
		sys.mmap_min_addr = PAGE;
		mm.limits.cap_sys_rawio = true;
		assert_int_equal(mm_mmap(&mm, &req), place);
		/* What is there by now is not moved: a place is searched for. */
		assert_int_equal(mm_mmap(&mm, &req) > at(0), 1);
		mm.limits.cap_sys_rawio = false;
		assert_int_equal(mm_munmap(&mm, place, req.len), 0);
		assert_int_equal((long)mm_mmap(&mm, &req), i ? (long)place : -EPERM);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0 1536 private,32bit,hugetlb */
static void test_huge_pages_in_the_second_gigabyte(void **state)
{
	const struct mmap_request req = {
		.len = 6UL << 20, .flags = MAP_PRIVATE | VMAPLE_MAP_32BIT, .file = &huge_file
	};

	for (int i = 0; i < 2; i++) {
		unsigned long addr;

		one_mm_begin(i ? "6.18" : "6.12");
		addr = mm_mmap(&mm, &req);
		assert_int_equal(addr % huge_file.map_align, 0);
		assert_int_equal(addr >= 1UL << 30 && addr < 2UL << 30, i);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 512 1 noreserve,hugetlb; mmap 512 1 fixed */
static void test_a_mapping_over_a_part_of_a_huge_page(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.12" : "6.1");
		assert_int_equal(map_as(0, 1, PROT_READ, MAP_PRIVATE, &huge_file), at(0));
		assert_int_equal(map_as(0, 1, PROT_READ, MAP_PRIVATE, NULL), i ? -EINVAL : -ENOMEM);
		is_area(0, 0, 512);
		one_mm_end();
	}
}

static void test_memory_that_may_be_merged_from_the_start(void **state)
{
	static const struct {
		const char *kernel;
		bool known, joins;
	} cases[] = { { "6.1", false, false }, { "6.12", true, false }, { "6.16", true, false },
		{ "6.17", true, true }, { "7.3", true, true } };

	for (int i = 0; i < 5; i++) {
		one_mm_begin(cases[i].kernel);
		map(0, 2);
		assert_int_equal(mm_set_memory_merge(&mm, true), cases[i].known ? 0 : -EINVAL);
		map(2, 2);
		assert_int_equal(!!(vma_lookup(&mm, at(0))->vm_flags & VM_MERGEABLE), cases[i].known);
		is_area(2, cases[i].joins || !cases[i].known ? 0 : 2, 4);
		/* What is alike by now stays two. */
		assert_int_equal(mm_set_memory_merge(&mm, false), cases[i].known ? 0 : -EINVAL);
		assert_false(vma_lookup(&mm, at(2))->vm_flags & VM_MERGEABLE);
		is_area(2, cases[i].joins || !cases[i].known ? 0 : 2, 4);
		one_mm_end();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stack_has_no_huge_pages),
		cmocka_unit_test(test_placement_on_the_border_of_a_huge_page),
		cmocka_unit_test(test_populate_over_a_hole),
		cmocka_unit_test(test_seals_and_zero),
		cmocka_unit_test(test_a_sealed_memfd_in_the_place_of_something),
		cmocka_unit_test(test_droppable_memory_and_locks_to_come),
		cmocka_unit_test(test_guard_pages_in_shared_memory),
		cmocka_unit_test(test_mseal_behind_what_is_sealed),
		cmocka_unit_test(test_unmergeable_and_the_seal),
		cmocka_unit_test(test_advice_in_a_full_map),
		cmocka_unit_test(test_memory_that_cannot_be_read_is_locked_on_fault),
		cmocka_unit_test(test_guard_pages_mark_what_they_are_joined_with),
		cmocka_unit_test(test_droppable_memory_and_a_userfaultfd),
		cmocka_unit_test(test_a_userfaultfd_that_protects_is_not_registered_without),
		cmocka_unit_test(test_a_userfaultfd_for_a_part_of_an_area),
		cmocka_unit_test(test_the_hint_for_a_huge_page_file),
		cmocka_unit_test(test_a_hint_in_the_first_huge_page),
		cmocka_unit_test(test_huge_pages_in_the_second_gigabyte),
		cmocka_unit_test(test_a_mapping_over_a_part_of_a_huge_page),
		cmocka_unit_test(test_memory_that_may_be_merged_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
