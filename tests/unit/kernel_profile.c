/* SPDX-License-Identifier: MIT */
/*
 * Each member of a kernel's profile: what the kernels answered, asked by kernel-oracle, is what the engine answers when
 * it is to be them.  Here: which release has which profile, and mappings; mremap and pages have files of their own.
 */
#include "kernel_profile.h"

static void is_profile_of(const char *release, const char *name)
{
	const struct kernel_profile *profile = kernel_profile_for(release);

	assert_non_null(profile);
	assert_string_equal(profile->name, name);
}

static void test_a_release_has_the_profile_of_its_series_or_of_the_one_before(void **state)
{
	is_profile_of("6.16.12", "6.16");
	is_profile_of("6.17.3", "6.17");
	is_profile_of("6.18", "6.18");
	is_profile_of("7.0-rc1", "7.0");
	is_profile_of("7.3.4+deb13-cloud-amd64", "7.3");
	is_profile_of("8.0.1", "7.3");
	is_profile_of("5.15.0-130-generic", "5.15");
	is_profile_of("5.14.21", "5.10");
	is_profile_of("6.0.9", "5.15");
	is_profile_of("6.6.87.2-microsoft-standard-WSL2", "6.6");
	is_profile_of("6.8.0", "6.6");
	is_profile_of("5.4.0", "5.10");
	assert_null(kernel_profile_for("unknown"));
	assert_null(kernel_profile_for("6"));
	assert_null(kernel_profile_for(""));
	assert_ptr_equal(kernel_profile_at(0), kernel_profile_for("5.10"));
	assert_null(kernel_profile_at(1000));
}

/* A stable kernel takes over fixes: before, it is as the series was. */
static void test_a_release_is_as_its_series_was_then(void **state)
{
	is_profile_of("6.1.190", "6.1.0");
	is_profile_of("6.1.191", "6.1");
	is_profile_of("6.12.0", "6.12.0");
	is_profile_of("6.12.85", "6.12.0");
	is_profile_of("6.12.86", "6.12.86");
	is_profile_of("6.12.113+deb13-cloud-amd64", "6.12.86");
	is_profile_of("6.12.117+deb12-cloud-amd64", "6.12.114");
	is_profile_of("6.12.118", "6.12");
	is_profile_of("6.12.300", "6.12");
	is_profile_of("6.18.15+deb13-cloud-amd64", "6.18.0");
	is_profile_of("6.18.36", "6.18.27");
	is_profile_of("6.18.44", "6.18");
	is_profile_of("7.2.10", "7.2.0");
	is_profile_of("7.2.11", "7.2");
	is_profile_of("7.3.0-rc7", "7.3.0");
	/* One between two series has what the older had taken over when it was new: nothing. */
	is_profile_of("6.5.13", "6.1.0");
	is_profile_of("6.15.2", "6.12.0");
	/* Newer than all. */
	is_profile_of("7.4.0-rc1", "7.3");
}

/* What a distribution counts there is not the patch level: the newest of the series is taken. */
static void test_a_release_that_does_not_say_its_patch_level_is_the_newest_of_its_series(void **state)
{
	is_profile_of("6.1", "6.1");
	is_profile_of("6.1.0-56-cloud-amd64", "6.1");
	is_profile_of("6.12.0-55.el10_0.x86_64", "6.12");
	is_profile_of("6.12-custom", "6.12");
}

/* By name each profile is found, and the last of a series, which has its name, is so from the latest release on. */
static void test_profiles_of_a_series_are_in_the_order_of_their_releases(void **state)
{
	const struct kernel_profile *before = NULL, *p;

	for (unsigned int i = 0; (p = kernel_profile_at(i)) != NULL; before = p, i++) {
		bool same = before && before->major == p->major && before->minor == p->minor;

		assert_ptr_equal(kernel_profile_for(p->name), p);
		assert_true(same ? p->patch > before->patch : p->patch == 0);
	}
	assert_ptr_equal(before, kernel_profile_default);
}

/* kernel-oracle: mmap 15 9; write 21; mprotect 15 1 r; mmap 12 3; mprotect 15 1 r,w */
static void test_an_untouched_area_takes_in_a_touched_one(void **state)
{
	static const struct {
		const char *kernel;
		unsigned long end;
	} cases[] = { { "6.1", 15 }, { "6.12", 15 }, { "6.18", 24 } };

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cases[i].kernel);
		map(15, 9);
		touch(21);
		protect(15, 1, PROT_READ);
		map(12, 3);
		protect(15, 1, PROT_READ | PROT_WRITE);
		is_area(12, 12, cases[i].end);
		one_mm_end();
	}
}

/* kernel-oracle: mmap 5 11; limit data 0; mmap 14 1 fixed: not cut on 6.1 */
static void test_a_mapping_beyond_the_limit_cuts_what_is_in_its_way(void **state)
{
	one_mm_begin("6.1");
	map(5, 11);
	mm.limits.data = PAGE;
	assert_int_equal(map_as(14, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL), -ENOMEM);
	is_area(14, 5, 16);
	one_mm_end();
	one_mm_begin("6.12");
	map(5, 11);
	mm.limits.data = PAGE;
	assert_int_equal(map_as(14, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL), -ENOMEM);
	is_area(14, 14, 15);
	one_mm_end();
}

/* kernel-oracle: mmap 14 26; limit data 7; mmap 0x0 1: no kernel passes over a limit where the place is searched for */
static void test_a_limit_holds_where_the_place_is_searched_for(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12", "6.18" };
	struct mmap_request req = {
		.len = PAGE, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};

	for (int i = 0; i < 3; i++) {
		one_mm_begin(kernels[i]);
		map(14, 26);
		mm.limits.data = 26 * PAGE;
		assert_int_equal((long)mm_mmap(&mm, &req), -ENOMEM);
		mm.limits.data = 27 * PAGE;
		assert_false(IS_ERR_VALUE(mm_mmap(&mm, &req)));
		one_mm_end();
	}
}

/* What cannot be charged leaves a hole on 6.1. */
static void test_a_mapping_that_cannot_be_charged_leaves_what_was_there(void **state)
{
	one_mm_begin("6.1");
	map(0, 1);
	sys.overcommit_memory = 2;
	sys.commit_limit = 1;
	assert_int_equal(map_as(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL), -ENOMEM);
	assert_null(vma_lookup(&mm, at(0)));
	one_mm_end();
	one_mm_begin("6.12");
	map(0, 1);
	sys.overcommit_memory = 2;
	sys.commit_limit = 1;
	assert_int_equal(map_as(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL), -ENOMEM);
	is_area(0, 0, 1);
	one_mm_end();
}

/* An untouched area, a hole, a touched one; the hole is filled. */
static void test_mmap_between_an_untouched_and_a_touched_area(void **state)
{
	one_mm_begin("6.1");
	map(0, 1);
	map(2, 1);
	touch(2);
	map(1, 1);
	is_area(1, 1, 3);
	one_mm_end();
	one_mm_begin("6.12");
	map(0, 1);
	map(2, 1);
	touch(2);
	map(1, 1);
	is_area(1, 0, 3);
	one_mm_end();
}

static void test_an_area_with_a_close_operation_may_take_others_in(void **state)
{
	struct vm_file segment = {
		.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true, .has_close = true
	};

	one_mm_begin("6.1");
	assert_int_equal(map_as(0, 4, PROT_READ, MAP_SHARED, &segment), at(0));
	protect(1, 1, PROT_READ | PROT_WRITE);
	protect(1, 1, PROT_READ);
	is_area(1, 1, 2);
	one_mm_end();
	one_mm_begin("6.12");
	assert_int_equal(map_as(0, 4, PROT_READ, MAP_SHARED, &segment), at(0));
	protect(1, 3, PROT_READ | PROT_WRITE);
	protect(1, 1, PROT_READ);
	is_area(1, 0, 2);
	one_mm_end();
}

/* Linux 6.6, mm/mmap.c: one with such an operation is no target of a join from below */
static void test_an_area_with_a_close_operation_and_what_lies_below_it(void **state)
{
	static const struct {
		const char *kernel;
		bool above, below;
	} cases[] = { { "6.1", false, false }, { "6.6", true, false }, { "6.12", true, true } };

	for (int i = 0; i < 3; i++) {
		struct vm_file segment = { .refs = 1,
			.kind = VM_FILE_SHMEM,
			.readable = true,
			.writable = true,
			.has_close = true };

		one_mm_begin(cases[i].kernel);
		assert_int_equal(map_as(0, 6, PROT_READ, MAP_SHARED, &segment), at(0));
		protect(2, 4, RW);
		protect(2, 1, PROT_READ);
		is_area(2, cases[i].above ? 0 : 2, 3);
		protect(2, 1, RW);
		is_area(2, 2, cases[i].below ? 6 : 3);
		one_mm_end();
	}
}

/* Read off the sources of Linux 5.15.100 and 6.6.87, by the functions that docs/kernel-versions.md names. */
static void test_series_of_which_no_kernel_was_asked(void **state)
{
	const struct kernel_profile *old = kernel_profile_for("5.10"), *k5 = kernel_profile_for("5.15"),
				    *k6 = kernel_profile_for("6.6");

	assert_null(k5->asked);
	assert_null(k6->asked);
	assert_true(k5->populates && k5->uffd_minor && k5->dontunmap_files && k5->special_whole);
	assert_true(k5->mmap_joins_before && k5->dontunmap_uncounted && old->dontunmap_uncounted);
	assert_false(k5->dontneed_locked || k5->collapses || k5->uffd_protects_files || k5->mremap_looks);
	assert_false(k5->growth_joins || k5->brk_minds_heap || k5->onfault_unasked || k5->dontunmap_cuts);
	assert_false(k5->dontunmap_keeps_anon || k5->dontunmap_marks_next || k5->memory_merge);
	assert_true(k6->dontneed_locked && k6->collapses && k6->mremap_looks && k6->growth_joins);
	assert_true(k6->above4g && k6->memory_merge && k6->shows_onfault && k6->served_part_joins);
	assert_false(
		k6->mmap_gathers || k6->mmap_joins_before || k6->uncharges_untouched || k6->stack_not_huge);
	assert_false(k6->anon_huge_aligned || k6->populate_ends_at_hole || k6->key_before_place);
	assert_false(
		k6->seals_first || k6->mseal || k6->droppable || k6->mergeable_joins || k6->dontunmap_cuts);
}

/* fs/proc/task_mmu.c of 6.1, vma_is_initial_heap() of 6.12. */
static void test_what_meets_the_heap_is_called_heap(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12" };
	char buf[64];

	for (int i = 0; i < 2; i++) {
		const char *meets = i ? "" : "[heap]";

		one_mm_begin(kernels[i]);
		map(0, 4);
		protect(1, 1, PROT_READ);
		protect(3, 1, PROT_NONE);
		mm.start_brk = at(1);
		mm.brk = at(2);
		assert_string_equal(vma_name(vma_lookup(&mm, at(0)), buf, sizeof(buf)), meets);
		assert_string_equal(vma_name(vma_lookup(&mm, at(1)), buf, sizeof(buf)), "[heap]");
		assert_string_equal(vma_name(vma_lookup(&mm, at(2)), buf, sizeof(buf)), meets);
		assert_string_equal(vma_name(vma_lookup(&mm, at(3)), buf, sizeof(buf)), "");
		one_mm_end();
	}
}

static void test_untouched_memory_made_unwritable_is_not_charged(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12" };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(kernels[i]);
		map(0, 2);
		protect(0, 2, PROT_NONE);
		assert_int_equal(!(vma_lookup(&mm, at(0))->vm_flags & VM_ACCOUNT), i);
		assert_int_equal(sys.committed, i ? 0 : 2);
		one_mm_end();
	}
}

/* kernel-oracle: kernels 0 0; mprotect 3 1 - */
static void test_the_kernels_own_areas_are_cut(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct vm_file file = { .refs = 1,
			.kind = VM_FILE_SPECIAL,
			.no_split = true,
			.size = 4 * PAGE,
			.name = "[vdso]" };
		struct area_spec spec = { .start = at(0),
			.end = at(4),
			.vm_flags = VM_READ | VM_EXEC | VM_MAY_FLAGS | VM_DONTEXPAND,
			.file = &file };

		one_mm_begin(i ? "6.1" : "5.10");
		assert_int_equal(mm_insert_area(&mm, &spec), 0);
		assert_int_equal(mm_mprotect(&mm, at(3), PAGE, PROT_READ, -1), i ? -EINVAL : 0);
		assert_int_equal(remap(1, 1, MREMAP_FIXED, 8), -EINVAL);
		one_mm_end();
	}
}

/* kernel-oracle: kernels 0 0; munmap 3 1; mremap 0 3 3 maymove,fixed 8; another that is whole moves */
static void test_what_is_left_of_the_kernels_own_areas_stays(void **state)
{
	struct vm_file file = {
		.refs = 1, .kind = VM_FILE_SPECIAL, .no_split = true, .size = 4 * PAGE, .name = "[vdso]"
	};
	struct area_spec spec = { .start = at(0),
		.end = at(4),
		.vm_flags = VM_READ | VM_EXEC | VM_MAY_FLAGS | VM_DONTEXPAND,
		.file = &file };

	one_mm_begin("5.10");
	assert_int_equal(mm_insert_area(&mm, &spec), 0);
	assert_int_equal(remap(0, 4, MREMAP_FIXED, 8), at(8));
	assert_int_equal(mm_munmap(&mm, at(11), PAGE), 0);
	map(0, 3);
	assert_int_equal(remap(8, 3, MREMAP_FIXED, 0), -EINVAL);
	assert_null(vma_lookup(&mm, at(0)));
	is_area(8, 8, 11);
	one_mm_end();
}

/* kernel-oracle: break_at 2; brk 8; munmap 4 6; brk 4 */
static void test_brk_over_a_hole(void **state)
{
	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "6.1" : "5.10");
		mm.start_brk = mm.brk = at(2);
		mm.start_data = mm.end_data = at(0);
		map(0, 2);
		assert_int_equal(mm_brk(&mm, at(8)), at(8));
		is_area(1, 0, i ? 2 : 8);
		assert_int_equal(mm_munmap(&mm, at(4), 6 * PAGE), 0);
		assert_int_equal(mm_brk(&mm, at(4)), i ? at(8) : at(4));
		one_mm_end();
	}
}

/* Linux 5.10: mm/madvise.c, madvise_behavior_valid(); fs/userfaultfd.c, vma_can_userfault() */
static void test_what_came_after_5_10(void **state)
{
	static const int advices[] = { POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED };
	static const char context;

	for (int i = 0; i < 2; i++) {
		static struct vm_file file = {
			.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true
		};

		one_mm_begin(i ? "6.1" : "5.10");
		map(0, 1);
		for (int j = 0; j < 3; j++)
			assert_int_equal(mm_madvise(&mm, at(0), PAGE, advices[j]), i ? 0 : -EINVAL);
		assert_int_equal(mm_madvise(&mm, at(1), PAGE, VMAPLE_MADV_COLLAPSE), i ? -ENOMEM : -EINVAL);
		assert_int_equal(map_as(1, 1, RW, MAP_SHARED, &file), at(1));
		assert_int_equal(mm_userfaultfd(&mm, at(1), PAGE, &context, VM_UFFD_MINOR), i ? 0 : -EINVAL);
		assert_int_equal(mm_userfaultfd(&mm, at(1), PAGE, &context, VM_UFFD_WP), i ? 0 : -EINVAL);
		one_mm_end();
	}
}

/* kernel-oracle: the kernel's own pages, which cannot grow; madvise 5 1 dofork */
static void test_what_cannot_grow_is_not_forked_on_demand(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct vm_file file = {
			.refs = 1, .readable = true, .writable = true, .vm_flags = VM_DONTEXPAND
		};

		one_mm_begin(i ? "7.0" : "6.19");
		assert_int_equal(map_as(5, 1, RW, MAP_SHARED, &file), at(5));
		assert_int_equal(mm_madvise(&mm, at(5), PAGE, MADV_DOFORK), i ? -EINVAL : 0);
		one_mm_end();
	}
}

static void test_calls_that_came_later(void **state)
{
	static const struct {
		const char *kernel;
		bool droppable, guards;
	} cases[] = { { "6.1", false, false }, { "6.12", true, false }, { "6.18", true, true } };

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cases[i].kernel);
		assert_int_equal(
			map_as(0, 1, PROT_READ, DROPPABLE, NULL), cases[i].droppable ? (long)at(0) : -EINVAL);
		map(0, 1);
		assert_int_equal(mm_madvise(&mm, at(0), PAGE, GUARD_INSTALL), cases[i].guards ? 0 : -EINVAL);
		one_mm_end();
	}
}

/* MAP_SHARED_VALIDATE refuses what is not known; nobody else looks. */
static void test_above_four_gigabytes(void **state)
{
	static const struct {
		const char *kernel;
		bool known;
	} cases[] = { { "6.1", false }, { "6.12", true }, { "6.18", true } };
	static struct vm_file file = { .refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true };

	for (int i = 0; i < 3; i++) {
		one_mm_begin(cases[i].kernel);
		assert_int_equal(map_as(0, 1, RW, MAP_SHARED_VALIDATE | VMAPLE_MAP_ABOVE4G, &file),
			cases[i].known ? (long)at(0) : -EOPNOTSUPP);
		assert_int_equal(map_as(1, 1, RW, MAP_PRIVATE | VMAPLE_MAP_ABOVE4G, &file), at(1));
		one_mm_end();
	}
}

/* kernel-oracle, tests/oracle/cases/own_pages_adjoin.case */
static void test_written_pages_of_a_file_and_where_they_were_written(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };

	for (int i = 0; i < 2; i++) {
		one_mm_begin(i ? "7.3" : "7.2");
		assert_int_equal(map_as(0, 4, RW, MAP_PRIVATE, &file), at(0));
		protect(2, 2, PROT_READ);
		touch(0);
		assert_int_equal(remap(0, 2, MREMAP_FIXED, 8), at(8));
		protect(2, 2, RW);
		assert_int_equal(remap(2, 2, MREMAP_FIXED, 10), at(10));
		is_area(8, 8, i ? 10 : 12);
		/* Cut, moved and moved back, it stays apart; where it was written it is one with what was not. */
		assert_int_equal(remap(8, 1, MREMAP_FIXED, 20), at(20));
		assert_int_equal(remap(20, 1, MREMAP_FIXED, 8), at(8));
		is_area(8, 8, i ? 10 : 12);
		assert_int_equal(mm_munmap(&mm, at(10), 2 * PAGE), 0);
		assert_int_equal(map_as(2, 2, RW, MAP_PRIVATE, &file), at(2));
		assert_int_equal(remap(8, 2, MREMAP_FIXED, 0), at(0));
		is_area(0, 0, 4);
		one_mm_end();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_release_has_the_profile_of_its_series_or_of_the_one_before),
		cmocka_unit_test(test_a_release_is_as_its_series_was_then),
		cmocka_unit_test(
			test_a_release_that_does_not_say_its_patch_level_is_the_newest_of_its_series),
		cmocka_unit_test(test_profiles_of_a_series_are_in_the_order_of_their_releases),
		cmocka_unit_test(test_an_untouched_area_takes_in_a_touched_one),
		cmocka_unit_test(test_a_mapping_beyond_the_limit_cuts_what_is_in_its_way),
		cmocka_unit_test(test_a_limit_holds_where_the_place_is_searched_for),
		cmocka_unit_test(test_a_mapping_that_cannot_be_charged_leaves_what_was_there),
		cmocka_unit_test(test_mmap_between_an_untouched_and_a_touched_area),
		cmocka_unit_test(test_an_area_with_a_close_operation_may_take_others_in),
		cmocka_unit_test(test_an_area_with_a_close_operation_and_what_lies_below_it),
		cmocka_unit_test(test_series_of_which_no_kernel_was_asked),
		cmocka_unit_test(test_untouched_memory_made_unwritable_is_not_charged),
		cmocka_unit_test(test_what_meets_the_heap_is_called_heap),
		cmocka_unit_test(test_the_kernels_own_areas_are_cut),
		cmocka_unit_test(test_what_is_left_of_the_kernels_own_areas_stays),
		cmocka_unit_test(test_brk_over_a_hole),
		cmocka_unit_test(test_what_came_after_5_10),
		cmocka_unit_test(test_what_cannot_grow_is_not_forked_on_demand),
		cmocka_unit_test(test_calls_that_came_later),
		cmocka_unit_test(test_above_four_gigabytes),
		cmocka_unit_test(test_written_pages_of_a_file_and_where_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
