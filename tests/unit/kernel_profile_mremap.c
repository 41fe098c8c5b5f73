/* SPDX-License-Identifier: MIT */
/*
 * Members of a kernel's profile that mremap shows: see kernel_profile.c.
 */
#include "kernel_profile.h"

static void test_mremap_of_several_areas(void **state)
{
	one_mm_begin("6.12");
	map(0, 2);
	protect(1, 1, PROT_READ);
	assert_int_equal(remap(0, 2, MREMAP_FIXED, 8), -EFAULT);
	is_area(0, 0, 1);
	one_mm_end();
	one_mm_begin("6.18");
	map(0, 2);
	protect(1, 1, PROT_READ);
	assert_int_equal(remap(0, 2, MREMAP_FIXED, 8), at(8));
	assert_null(vma_lookup(&mm, at(0)));
	is_area(8, 8, 9);
	is_area(9, 9, 10);
	one_mm_end();
}

/* Nothing is at the old address, and the new one is not aligned. */
static void test_mremap_looks_at_the_new_address_before_the_area(void **state)
{
	static const struct {
		const char *kernel;
		int err;
	} cases[] = { { "6.12", -EFAULT }, { "6.16", -EINVAL }, { "6.18", -EINVAL } };
	struct mremap_request req = { at(0), PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(8) + 1 };

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cases[i].kernel);
		map(4, 1);
		assert_int_equal((long)mm_mremap(&mm, &req), cases[i].err);
		/* kernel-oracle: room 4; mremap 2 6 6 maymove,fixed,dontunmap 10 */
		sys.max_map_count = 5;
		assert_int_equal(remap(0, 1, MREMAP_FIXED | DONTUNMAP, 8), i ? -ENOMEM : -EFAULT);
		one_mm_end();
	}
}

/* The area at the old address is too short: up to 6.16 that is found out when the target is unmapped already. */
static void test_mremap_unmaps_the_target_before_it_fails(void **state)
{
	struct mremap_request req = { at(0), 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(8) };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.16" : "6.12");
		map(0, 1);
		map(8, 1);
		assert_int_equal((long)mm_mremap(&mm, &req), -EFAULT);
		assert_null(vma_lookup(&mm, at(8)));
		one_mm_end();
	}
	one_mm_begin("6.18");
	map(0, 1);
	map(8, 1);
	assert_int_equal((long)mm_mremap(&mm, &req), -EFAULT);
	assert_non_null(vma_lookup(&mm, at(8)));
	one_mm_end();
}

/* kernel-oracle: mmap 236 149; mremap 238 2 2 maymove,fixed,dontunmap 242, with a hole at the target's place */
static void test_what_dontunmap_leaves_is_not_joined_with_its_copy(void **state)
{
	static const struct {
		const char *kernel;
		unsigned long first, end; /* of the area with the copy */
	} cases[] = { { "6.1.0", 236, 385 }, { "6.1", 242, 244 }, { "6.12.86", 236, 385 },
		{ "6.12.114", 242, 385 }, { "6.12", 242, 385 }, { "6.18", 236, 385 }, { "7.1", 236, 385 },
		{ "7.2.0", 236, 385 }, { "7.2", 242, 385 }, { "7.3", 242, 385 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		one_mm_begin(cases[i].kernel);
		map(236, 149);
		assert_int_equal(remap(238, 2, MREMAP_FIXED | DONTUNMAP, 242), at(242));
		is_area(242, cases[i].first, cases[i].end);
		one_mm_end();
	}
}

static void test_what_dontunmap_leaves_of_a_locked_area_is_cut_out(void **state)
{
	static const char *const cutting[] = { "6.12", "7.2", "7.3" };

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cutting[i]);
		map(0, 8);
		assert_int_equal(mm_mlock(&mm, at(0), 8 * PAGE, 0), 0);
		assert_int_equal(remap(2, 2, DONTUNMAP | MREMAP_FIXED, 20), at(20));
		is_area(2, 2, 4);
		assert_int_equal(mm.locked_vm, 8);
		one_mm_end();
	}
	one_mm_begin("6.18");
	map(0, 8);
	assert_int_equal(mm_mlock(&mm, at(0), 8 * PAGE, 0), 0);
	assert_int_equal(remap(2, 2, DONTUNMAP | MREMAP_FIXED, 20), at(20));
	is_area(2, 0, 8);
	assert_int_equal(mm.locked_vm, 10);
	one_mm_end();
}

/* Linux 5.15 and 6.6, mm/mremap.c: what is moved is locked there, and VmLck stays as it was */
static void test_dontunmap_of_locked_memory_before_it_was_cut_out(void **state)
{
	static const char *const kernels[] = { "5.15", "6.1.0", "6.6", "6.12.0", "6.12.86" };

	for (int i = 0; i < 5; i++) {
		one_mm_begin(kernels[i]);
		map(0, 8);
		assert_int_equal(mm_mlock(&mm, at(0), 8 * PAGE, 0), 0);
		assert_int_equal(remap(2, 2, DONTUNMAP | MREMAP_FIXED, 20), at(20));
		is_area(2, 0, 8);
		assert_false(vma_lookup(&mm, at(0))->vm_flags & VM_LOCKED);
		assert_true(vma_lookup(&mm, at(20))->vm_flags & VM_LOCKED);
		assert_int_equal(mm.locked_vm, 8);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 380 270; mremap 506 12 12 maymove,dontunmap 480 */
static void test_dontunmap_of_a_part_and_the_charge_of_the_whole(void **state)
{
	struct mremap_request req = { at(2), PAGE, PAGE, MREMAP_MAYMOVE | DONTUNMAP, 0 };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.16" : "6.12");
		map(0, 8);
		assert_false(IS_ERR_VALUE(mm_mremap(&mm, &req)));
		assert_int_equal(!(vma_lookup(&mm, at(0))->vm_flags & VM_ACCOUNT), i);
		/* What is not marked is never given back: Linux 6.16 lost it, too. */
		sys.committed -= i ? 8 : 0;
		one_mm_end();
	}
}

/* kernel-oracle: mmap 16 12; userfaultfd 12 8 missing; mremap 16 1 2 maymove,fixed 14 */
static void test_what_a_userfaultfd_serves_moves_beside_itself(void **state)
{
	static const char *const kernels[] = { "7.2", "7.3", "7.3.0", "7.3", "6.12.114", "6.12" };
	static const char context;
	struct mremap_request req = { at(16), PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(14) };

	for (int i = 0; i < 6; i++) {
		one_mm_begin(kernels[i]);
		map(16, 12);
		assert_int_equal(mm_userfaultfd(&mm, at(16), 4 * PAGE, &context, VM_UFFD_MISSING), 0);
		assert_int_equal((long)mm_mremap(&mm, &req), at(14));
		/* What is left of the old area has lost the userfaultfd too, if the two were one in between. */
		assert_int_equal(!!(vma_lookup(&mm, at(18))->vm_flags & VM_UFFD_MISSING), i % 2);
		assert_false(vma_lookup(&mm, at(14))->vm_flags & VM_UFFD_MISSING);
		one_mm_end();
	}
}

/* kernel-oracle, a full map: mremap 30 14 14 maymove,fixed,dontunmap 51, of nothing; and as much room as is asked for */
static void test_mremap_in_a_full_map(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "7.1" : "7.0");
		map(0, 1);
		map(2, 1);
		map(4, 1);
		sys.max_map_count = 8;
		assert_int_equal(remap(30, 1, MREMAP_FIXED | DONTUNMAP, 40), i ? -EFAULT : -ENOMEM);
		assert_int_equal(remap(4, 1, MREMAP_FIXED, 40), i ? (long)at(40) : -ENOMEM);
		sys.max_map_count = 7;
		assert_int_equal(remap(30, 1, MREMAP_FIXED | DONTUNMAP, 50), i ? -EFAULT : -ENOMEM);
		one_mm_end();
		one_mm_begin("7.2");
		sys.max_map_count = 7;
		map(0, 1);
		map(2, 1);
		map(4, 1);
		assert_int_equal(remap(30, 1, MREMAP_FIXED | DONTUNMAP, 50), -ENOMEM);
		assert_int_equal(remap(30, 1, MREMAP_FIXED, 50), -EFAULT);
		one_mm_end();
		one_mm_begin(i ? "7.1" : "7.0");
		map(0, 1);
		map(2, 1);
		map(4, 1);
		sys.max_map_count = 6;
		/* Nothing is cut, and nothing new comes. */
		assert_int_equal(remap(0, 1, 0, 0), i ? -ENOMEM : (long)at(0));
		one_mm_end();
	}
}

/* kernel-oracle: mmap 28 1 r; mmap 14 12; mremap 20 4 4 maymove,dontunmap 44 */
static void test_dontunmap_and_the_area_behind(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.1" : "5.10");
		map_as(28, 1, PROT_READ, MAP_PRIVATE, NULL);
		map(14, 12);
		assert_int_equal(remap(20, 4, DONTUNMAP | MREMAP_FIXED, 44), at(44));
		assert_int_equal(!(vma_lookup(&mm, at(28))->vm_flags & VM_ACCOUNT), i);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 0 1; mlock 0 1; mremap 0 1 1 maymove,dontunmap 8 */
static void test_dontunmap_and_the_count_of_locks(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.18" : "5.10");
		mm.limits.cap_ipc_lock = true;
		map(0, 1);
		assert_int_equal(mm_mlock(&mm, at(0), PAGE, 0), 0);
		touch(0);
		assert_int_equal(remap(0, 1, DONTUNMAP, 8), at(8));
		assert_true(vma_lookup(&mm, at(8))->vm_flags & VM_LOCKED);
		assert_int_equal(!vma_lookup(&mm, at(0))->anon_vma, i);
		assert_int_equal(mm.locked_vm, i + 1);
		one_mm_end();
	}
}

/* kernel-oracle: mremap 2 1 1 maymove 12; what 5.10 does with no area is told by the request alone */
static void test_mremap_where_nothing_is(void **state)
{
	struct mremap_request same = { at(2), PAGE, PAGE, MREMAP_MAYMOVE, 0 };
	struct mremap_request overlaps = { at(2), PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(1) };

	one_mm_begin("5.10");
	map(0, 1);
	assert_int_equal((long)mm_mremap(&mm, &same), at(2));
	assert_int_equal((long)mm_mremap(&mm, &overlaps), -EINVAL);
	one_mm_end();
	one_mm_begin("6.1");
	map(0, 1);
	assert_int_equal((long)mm_mremap(&mm, &same), -EFAULT);
	assert_int_equal((long)mm_mremap(&mm, &overlaps), -EFAULT);
	one_mm_end();
}

/* Linux 5.10, mm/mremap.c: vma_adjust() in place of vma_merge(), and vma_to_resize() */
static void test_mremap_grows_beside_what_it_could_join(void **state)
{
	struct mremap_request grow = { at(0), PAGE, 2 * PAGE, 0, 0 };

	for (int i = 0; i < 2; i++) {
		static struct vm_file file = {
			.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true
		};

		one_mm_begin(i ? "6.1" : "5.10");
		map(0, 1);
		map(2, 1);
		assert_int_equal((long)mm_mremap(&mm, &grow), at(0));
		is_area(0, 0, i ? 3 : 2);
		assert_int_equal(map_as(8, 1, RW, MAP_SHARED, &file), at(8));
		assert_int_equal(IS_ERR_VALUE(remap(8, 1, DONTUNMAP, 0)), !i);
		one_mm_end();
	}
}

/* What is left behind, empty, is where it would be written. */
static void test_what_dontunmap_leaves_of_moved_pages(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };

	one_mm_begin("7.3");
	assert_int_equal(map_as(0, 2, RW, MAP_PRIVATE, &file), at(0));
	touch(0);
	assert_int_equal(remap(0, 2, MREMAP_FIXED, 8), at(8));
	assert_int_equal(remap(8, 2, MREMAP_FIXED | DONTUNMAP, 20), at(20));
	assert_int_equal(map_as(2, 2, RW, MAP_PRIVATE, &file), at(2));
	assert_int_equal(remap(2, 2, MREMAP_FIXED, 10), at(10));
	is_area(8, 8, 12);
	one_mm_end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mremap_of_several_areas),
		cmocka_unit_test(test_mremap_looks_at_the_new_address_before_the_area),
		cmocka_unit_test(test_mremap_unmaps_the_target_before_it_fails),
		cmocka_unit_test(test_what_dontunmap_leaves_is_not_joined_with_its_copy),
		cmocka_unit_test(test_what_dontunmap_leaves_of_a_locked_area_is_cut_out),
		cmocka_unit_test(test_dontunmap_of_locked_memory_before_it_was_cut_out),
		cmocka_unit_test(test_dontunmap_of_a_part_and_the_charge_of_the_whole),
		cmocka_unit_test(test_mremap_in_a_full_map),
		cmocka_unit_test(test_dontunmap_and_the_count_of_locks),
		cmocka_unit_test(test_dontunmap_and_the_area_behind),
		cmocka_unit_test(test_mremap_where_nothing_is),
		cmocka_unit_test(test_mremap_grows_beside_what_it_could_join),
		cmocka_unit_test(test_what_a_userfaultfd_serves_moves_beside_itself),
		cmocka_unit_test(test_what_dontunmap_leaves_of_moved_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
