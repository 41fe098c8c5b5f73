/* SPDX-License-Identifier: MIT */
/*
 * Each member of a kernel's profile: what the kernels answered, asked by kernel-oracle, is what the engine answers when
 * it is to be them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <vmaple/linux_abi.h>

#include "one_mm.h"

#define DONTUNMAP     4
#define DROPPABLE     8
#define POPULATE_READ 22
#define GUARD_INSTALL 102

static void protect(unsigned long page, unsigned long pages, unsigned long prot)
{
	assert_int_equal(mm_mprotect(&mm, at(page), pages * PAGE, prot, -1), 0);
}

static void touch(unsigned long page)
{
	assert_int_equal(mm_fault(&mm, at(page), MM_FAULT_WRITE), 0);
}

static long remap(unsigned long from, unsigned long pages, unsigned long flags, unsigned long to)
{
	struct mremap_request req = { at(from), pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | flags, at(to) };

	return (long)mm_mremap(&mm, &req);
}

static void is_area(unsigned long page, unsigned long first, unsigned long end)
{
	struct vm_area_struct *vma = vma_lookup(&mm, at(page));

	assert_non_null(vma);
	assert_int_equal((vma->vm_start - BASE) / PAGE, first);
	assert_int_equal((vma->vm_end - BASE) / PAGE, end);
}

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
		cmocka_unit_test(test_a_release_has_the_profile_of_its_series_or_of_the_one_before),
		cmocka_unit_test(test_a_release_is_as_its_series_was_then),
		cmocka_unit_test(
			test_a_release_that_does_not_say_its_patch_level_is_the_newest_of_its_series),
		cmocka_unit_test(test_profiles_of_a_series_are_in_the_order_of_their_releases),
		cmocka_unit_test(test_an_untouched_area_takes_in_a_touched_one),
		cmocka_unit_test(test_mremap_of_several_areas),
		cmocka_unit_test(test_mremap_looks_at_the_new_address_before_the_area),
		cmocka_unit_test(test_mremap_unmaps_the_target_before_it_fails),
		cmocka_unit_test(test_what_dontunmap_leaves_is_not_joined_with_its_copy),
		cmocka_unit_test(test_what_dontunmap_leaves_of_a_locked_area_is_cut_out),
		cmocka_unit_test(test_a_mapping_beyond_the_limit_cuts_what_is_in_its_way),
		cmocka_unit_test(test_a_limit_holds_where_the_place_is_searched_for),
		cmocka_unit_test(test_a_mapping_that_cannot_be_charged_leaves_what_was_there),
		cmocka_unit_test(test_mmap_between_an_untouched_and_a_touched_area),
		cmocka_unit_test(test_an_area_with_a_close_operation_may_take_others_in),
		cmocka_unit_test(test_an_area_with_a_close_operation_and_what_lies_below_it),
		cmocka_unit_test(test_series_of_which_no_kernel_was_asked),
		cmocka_unit_test(test_dontunmap_of_locked_memory_before_it_was_cut_out),
		cmocka_unit_test(test_untouched_memory_made_unwritable_is_not_charged),
		cmocka_unit_test(test_a_stack_has_no_huge_pages),
		cmocka_unit_test(test_placement_on_the_border_of_a_huge_page),
		cmocka_unit_test(test_populate_over_a_hole),
		cmocka_unit_test(test_seals_and_zero),
		cmocka_unit_test(test_a_sealed_memfd_in_the_place_of_something),
		cmocka_unit_test(test_dontunmap_of_a_part_and_the_charge_of_the_whole),
		cmocka_unit_test(test_droppable_memory_and_locks_to_come),
		cmocka_unit_test(test_guard_pages_in_shared_memory),
		cmocka_unit_test(test_mremap_in_a_full_map),
		cmocka_unit_test(test_dontunmap_and_the_count_of_locks),
		cmocka_unit_test(test_dontunmap_and_the_area_behind),
		cmocka_unit_test(test_mseal_behind_what_is_sealed),
		cmocka_unit_test(test_unmergeable_and_the_seal),
		cmocka_unit_test(test_mremap_where_nothing_is),
		cmocka_unit_test(test_mremap_grows_beside_what_it_could_join),
		cmocka_unit_test(test_the_kernels_own_areas_are_cut),
		cmocka_unit_test(test_what_is_left_of_the_kernels_own_areas_stays),
		cmocka_unit_test(test_advice_in_a_full_map),
		cmocka_unit_test(test_brk_over_a_hole),
		cmocka_unit_test(test_memory_that_cannot_be_read_is_locked_on_fault),
		cmocka_unit_test(test_what_came_after_5_10),
		cmocka_unit_test(test_what_a_userfaultfd_serves_moves_beside_itself),
		cmocka_unit_test(test_guard_pages_mark_what_they_are_joined_with),
		cmocka_unit_test(test_droppable_memory_and_a_userfaultfd),
		cmocka_unit_test(test_what_cannot_grow_is_not_forked_on_demand),
		cmocka_unit_test(test_a_userfaultfd_that_protects_is_not_registered_without),
		cmocka_unit_test(test_a_userfaultfd_for_a_part_of_an_area),
		cmocka_unit_test(test_the_hint_for_a_huge_page_file),
		cmocka_unit_test(test_a_hint_in_the_first_huge_page),
		cmocka_unit_test(test_huge_pages_in_the_second_gigabyte),
		cmocka_unit_test(test_a_mapping_over_a_part_of_a_huge_page),
		cmocka_unit_test(test_calls_that_came_later),
		cmocka_unit_test(test_above_four_gigabytes),
		cmocka_unit_test(test_memory_that_may_be_merged_from_the_start),
		cmocka_unit_test(test_written_pages_of_a_file_and_where_they_were_written),
		cmocka_unit_test(test_what_dontunmap_leaves_of_moved_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
