/* SPDX-License-Identifier: MIT */
/*
 * Corners of the address space that neither a recorded program nor the oracle reaches here: what kernels within reach
 * are not built for (anonymous names), what needs devices or pools of huge pages, and what is this library's own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/merge.h>

#include "one_mm.h"

#define HUGE_2M (2UL << 20)
#define RW_VM   (VM_READ | VM_WRITE | VM_MAY_FLAGS)

static struct vm_area_struct *insert(
	unsigned long page, unsigned long pages, vm_flags_t flags, struct vm_file *file)
{
	struct area_spec spec = {
		.start = at(page), .end = at(page + pages), .vm_flags = flags, .file = file, .pgoff = page
	};

	assert_int_equal(mm_insert_area(&mm, &spec), 0);
	return vma_lookup(&mm, at(page));
}

/* --- reasons not to merge ------------------------------------------------------------------------------------ */

/* The only reason between pages 0 and 1. */
static void only(enum vma_merge_blocker blocker)
{
	assert_int_equal(vma_merge_blockers(vma_lookup(&mm, at(0)), vma_lookup(&mm, at(1))), blocker);
	(void)mm_munmap(&mm, at(0), 4 * PAGE);
}

static void test_each_reason_not_to_merge_alone(void **state)
{
	static const char policy, context;
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };
	static struct vm_file other = { .refs = 1, .readable = true, .writable = true };
	static struct vm_file closing = {
		.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true, .has_close = true
	};

	insert(0, 1, RW_VM, NULL);
	insert(1, 1, RW_VM, NULL);
	only(0);
	insert(0, 1, RW_VM | VM_DONTEXPAND, NULL);
	insert(1, 1, RW_VM | VM_DONTEXPAND, NULL);
	only(VMA_BLOCK_SPECIAL);
	insert(0, 1, RW_VM, NULL);
	insert(1, 1, RW_VM & ~VM_WRITE, NULL);
	only(VMA_BLOCK_FLAGS);
	insert(0, 1, RW_VM, NULL);
	insert(1, 1, RW_VM | VM_SOFTDIRTY, NULL);
	only(0);
	insert(0, 1, RW_VM, &file);
	insert(1, 1, RW_VM, &other);
	only(VMA_BLOCK_FILE);
	insert(0, 1, RW_VM, &file);
	insert(1, 1, RW_VM, &file)->vm_pgoff = 7;
	only(VMA_BLOCK_OFFSET);
	for (unsigned long page = 0; page < 2; page++) {
		struct area_spec written = {
			.start = at(page), .end = at(page + 1), .vm_flags = RW_VM, .touched = true
		};

		assert_int_equal(mm_insert_area(&mm, &written), 0);
	}
	only(VMA_BLOCK_ANON_VMA);
	insert(0, 2, RW_VM, NULL);
	assert_int_equal(mm_userfaultfd(&mm, at(1), PAGE, &context, VM_UFFD_WP), 0);
	vma_lookup(&mm, at(0))->vm_flags |= VM_UFFD_WP;
	only(VMA_BLOCK_UFFD);
	insert(0, 2, RW_VM, NULL);
	assert_int_equal(mm_mbind(&mm, at(1), PAGE, &policy), 0);
	only(VMA_BLOCK_POLICY);
	insert(0, 2, RW_VM, NULL);
	assert_int_equal(mm_set_anon_name(&mm, at(1), PAGE, "one"), 0);
	only(VMA_BLOCK_NAME);
	insert(0, 1, RW_VM, &closing);
	insert(1, 1, RW_VM, &closing);
	only(VMA_BLOCK_CLOSE);
	insert(0, 1, RW_VM, &file);
	insert(5, 1, RW_VM, &file)->vm_pgoff = 1;
	assert_int_equal(mm_fault(&mm, at(5), MM_FAULT_WRITE), 0);
	assert_int_equal(mm_mremap(&mm, &(struct mremap_request){ at(5), PAGE, PAGE, 3, at(1) }), at(1));
	only(VMA_BLOCK_MOVED);
	insert(0, 1, RW_VM, NULL);
	insert(2, 1, RW_VM, NULL);
	assert_int_equal(vma_merge_blockers(vma_lookup(&mm, at(0)), vma_lookup(&mm, at(2))) & VMA_BLOCK_GAP,
		VMA_BLOCK_GAP);
}

static void test_each_reason_has_words_of_its_own(void **state)
{
	for (int i = 0; i <= 11; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				vma_merge_blocker_name(1 << i), vma_merge_blocker_name(1 << j));
	assert_string_equal(vma_merge_blocker_name(VMA_BLOCK_ANON_VMA), "anon_vmas are not compatible");
	assert_string_equal(vma_merge_blocker_name(1 << 12), "unknown");
}

/* --- names --------------------------------------------------------------------------------------------------- */

static void is_called(unsigned long page, const char *name)
{
	char buf[64];

	assert_string_equal(vma_name(vma_lookup(&mm, at(page)), buf, sizeof(buf)), name);
}

/* mm/madvise.c: files are EBADF, holes ENOMEM when the rest is done, shared anonymous memory has names of its own. */
static void test_anonymous_names(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true, .name = "/file" };

	map(0, 4);
	assert_int_equal(mm_set_anon_name(&mm, at(1), 2 * PAGE, "heap of mine"), 0);
	assert_int_equal(mm.map_count, 3);
	is_called(0, "");
	is_called(1, "[anon:heap of mine]");
	assert_int_equal(mm_set_anon_name(&mm, at(0), 6 * PAGE, "heap of mine"), -ENOMEM);
	assert_int_equal(mm.map_count, 1);
	is_called(3, "[anon:heap of mine]");
	map(4, 1);
	assert_int_equal(mm.map_count, 2);
	assert_int_equal(mm_set_anon_name(&mm, at(4), PAGE, "heap of mine"), 0);
	assert_int_equal(mm.map_count, 1);
	assert_int_equal(mm_set_anon_name(&mm, at(0), 5 * PAGE, NULL), 0);
	is_called(2, "");
	assert_int_equal(map_as(8, 1, RW, MAP_SHARED, NULL), at(8));
	assert_int_equal(mm_set_anon_name(&mm, at(8), PAGE, "shared"), 0);
	is_called(8, "[anon_shmem:shared]");
	assert_int_equal(map_as(9, 1, RW, MAP_PRIVATE, &file), at(9));
	assert_int_equal(mm_set_anon_name(&mm, at(8), 2 * PAGE, "both"), -EBADF);
	is_called(8, "[anon_shmem:both]");
	is_called(9, "/file");
	assert_int_equal(mm_set_anon_name(&mm, at(0) + 1, PAGE, "x"), -EINVAL);
	assert_int_equal(mm_set_anon_name(&mm, at(0), ~0UL, "x"), -EINVAL);
	assert_int_equal(mm_set_anon_name(&mm, at(0), 0, "x"), 0);
	is_called(0, "");
}

/* --- areas of devices ---------------------------------------------------------------------------------------- */

static void test_special_areas(void **state)
{
	static struct vm_file device = { .refs = 1,
		.readable = true,
		.writable = true,
		.vm_flags = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP };
	static const char policy;
	struct mremap_request grow = { at(0), 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, 0 };
	struct mremap_request leave = { at(0), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4, 0 };
	struct vm_area_struct *vma;

	assert_int_equal(map_as(0, 2, RW, MAP_SHARED, &device), at(0));
	vma = vma_lookup(&mm, at(0));
	assert_true(vma->vm_flags & VM_PFNMAP);
	assert_int_equal((long)mm_mremap(&mm, &grow), -EFAULT);
	assert_int_equal((long)mm_mremap(&mm, &leave), -EINVAL);
	assert_int_equal(mm_mlock(&mm, at(0), 2 * PAGE, 0), 0);
	assert_false(vma->vm_flags & VM_LOCKED);
	assert_int_equal(mm.locked_vm, 0);
	assert_int_equal(mm_madvise(&mm, at(0), PAGE, MADV_DOFORK), -EINVAL);
	assert_int_equal(mm_madvise(&mm, at(0), PAGE, MADV_DODUMP), -EINVAL);
	assert_int_equal(mm_madvise(&mm, at(0), PAGE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(mm_madvise(&mm, at(0), PAGE, 22 /* MADV_POPULATE_READ */), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &policy, VM_UFFD_WP), -EINVAL);
	/* A policy is accepted, for a part of it, too: mm/mempolicy.c, mbind_range(). */
	assert_int_equal(mm_mbind(&mm, at(0), PAGE, &policy), 0);
	assert_ptr_equal(vma_lookup(&mm, at(0))->policy, &policy);
	assert_int_equal(mm.map_count, 2);
	assert_int_equal(map_as(2, 2, RW, MAP_SHARED, &device), at(2));
	assert_int_equal(mm.map_count, 3);
	assert_int_equal(map_as(4, 1, RW, MAP_SHARED | MAP_LOCKED, &device), at(4));
	assert_int_equal(mm.locked_vm, 0);
}

/* --- offsets, gaps and marks --------------------------------------------------------------------------------- */

/* Of a file of devices, whose offsets are what the driver says: mm/mremap.c refuses where the last would wrap. */
static void test_growth_ends_where_offsets_do(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };
	struct area_spec spec = {
		.start = at(0), .end = at(2), .vm_flags = RW_VM, .file = &file, .pgoff = ~0UL - 3
	};
	struct mremap_request in_place = { at(0), 2 * PAGE, 3 * PAGE, 0, 0 };
	struct mremap_request too_far = { at(0), 3 * PAGE, 5 * PAGE, MREMAP_MAYMOVE, 0 };

	assert_int_equal(mm_insert_area(&mm, &spec), 0);
	assert_int_equal(mm_mremap(&mm, &in_place), at(0));
	assert_int_equal((long)mm_mremap(&mm, &too_far), -EINVAL);
	assert_int_equal(vma_lookup(&mm, at(0))->vm_end, at(3));
	assert_int_equal(mm.map_count, 1);
}

/* mm/mmap.c, ksys_mmap_pgoff(): before all else, even before it is seen that nothing is asked for. */
static void test_huge_pages_are_asked_for_of_files_that_have_them(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };
	struct mmap_request request = { .addr = at(0),
		.len = PAGE,
		.prot = PROT_READ,
		.flags = MAP_SHARED | MAP_HUGETLB,
		.file = &file };

	map(0, 1);
	assert_int_equal((long)mm_mmap(&mm, &request), -EINVAL);
	request.flags |= MAP_FIXED;
	assert_int_equal((long)mm_mmap(&mm, &request), -EINVAL);
	assert_null(vma_lookup(&mm, at(0))->vm_file);
	file.kind = VM_FILE_SHMEM;
	assert_int_equal((long)mm_mmap(&mm, &request), -EINVAL);
}

static void assert_gap(const struct mm_gap *gap, unsigned long start, unsigned long end)
{
	assert_int_equal(gap->start, start);
	assert_int_equal(gap->end, end);
}

/* Below and above all areas, and of 2, 6 and 3 pages between them. */
static void test_the_largest_gaps_come_first(void **state)
{
	struct mm_gap gaps[8];

	assert_int_equal(mm_largest_gaps(&mm, gaps, 0), 0);
	assert_int_equal(mm_largest_gaps(&mm, gaps, 8), 1);
	assert_gap(&gaps[0], 0, mm.task_size);
	map(0, 1);
	map(3, 1);
	map(10, 1);
	map(14, 1);
	assert_int_equal(mm_largest_gaps(&mm, gaps, 8), 5);
	assert_gap(&gaps[0], 0, at(0));
	assert_gap(&gaps[1], at(15), mm.task_size);
	assert_gap(&gaps[2], at(4), at(10));
	assert_gap(&gaps[3], at(11), at(14));
	assert_gap(&gaps[4], at(1), at(3));
	memset(gaps, 0, sizeof(gaps));
	assert_int_equal(mm_largest_gaps(&mm, gaps, 3), 3);
	assert_gap(&gaps[2], at(4), at(10));
	assert_gap(&gaps[3], 0, 0);
	assert_int_equal(mm_largest_gaps(&mm, gaps, 1), 1);
	assert_gap(&gaps[0], 0, at(0));
}

/* mm/mmap.c: a hint is taken where all of the mapping lies below the end of the space, right up to it. */
static void test_a_hint_may_reach_to_the_end(void **state)
{
	struct mmap_request req = { .len = 2 * PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS };

	req.addr = mm.task_size - PAGE;
	assert_int_not_equal(mm_mmap(&mm, &req), mm.task_size - PAGE);
	req.addr = mm.task_size - 2 * PAGE;
	assert_int_equal(mm_mmap(&mm, &req), req.addr);
}

/* fs/proc/task_mmu.c: by where the program's heap and stack are said to be, to the last byte. */
static void test_heap_and_stack_are_named_by_their_marks(void **state)
{
	map(0, 2);
	map(4, 2);
	mm.start_stack = at(1) + 64;
	is_called(0, "[stack]");
	is_called(4, "");
	mm.start_stack = at(0) - 1;
	is_called(0, "");
	mm.start_stack = at(2) + 1;
	is_called(0, "");
	mm.start_stack = 0;
	mm.start_brk = at(4);
	mm.brk = at(4);
	is_called(4, "");
	mm.brk = at(4) + 1;
	is_called(4, "[heap]");
	is_called(0, "");
	mm.start_brk = at(6) - 1;
	mm.brk = at(6);
	is_called(4, "[heap]");
	mm.start_brk = at(6);
	is_called(4, "");
	mm.start_brk = mm.brk = 0;
}

/* --- huge page files ----------------------------------------------------------------------------------------- */

static void test_huge_page_files(void **state)
{
	static const char context;
	static struct vm_file file = { .refs = 1,
		.kind = VM_FILE_HUGETLB,
		.readable = true,
		.writable = true,
		.map_align = HUGE_2M,
		.vm_flags = VM_HUGETLB | VM_DONTEXPAND };
	struct mmap_request req = {
		.len = PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_HUGETLB, .file = &file
	};
	unsigned long addr;

	mm.mmap_base -= 7 * PAGE;
	addr = mm_mmap(&mm, &req);
	assert_int_equal(addr % HUGE_2M, 0);
	assert_int_equal(mm.total_vm, HUGE_2M / PAGE);
	assert_int_equal(sys.committed, 0); /* the pool is reserved, not memory */
	assert_int_equal(mm_mlock(&mm, addr, HUGE_2M, 0), 0);
	assert_int_equal(mm.locked_vm, 0);
	assert_int_equal(mm_madvise(&mm, addr, HUGE_2M, MADV_DODUMP), 0);
	assert_int_equal(mm_madvise(&mm, addr, HUGE_2M, MADV_FREE), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, addr + PAGE, PAGE, &context, VM_UFFD_MISSING), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, addr, PAGE, &context, VM_UFFD_MISSING), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, addr, HUGE_2M, &context, VM_UFFD_MINOR), 0);
	assert_int_equal(mm_userfaultfd(&mm, addr, HUGE_2M, &file, VM_UFFD_MINOR), -EBUSY);
	req.flags |= MAP_NORESERVE;
	sys.overcommit_memory = 2;
	addr = mm_mmap(&mm, &req);
	assert_true(vma_lookup(&mm, addr)->vm_flags & VM_NORESERVE);
	req.flags = MAP_PRIVATE | MAP_FIXED;
	req.addr = at(0) + PAGE;
	assert_int_equal((long)mm_mmap(&mm, &req), -EINVAL);
	req.addr = BASE;
	req.offset = PAGE;
	assert_int_equal((long)mm_mmap(&mm, &req), -EINVAL);
	req.offset = HUGE_2M;
	req.len = 2 * HUGE_2M;
	assert_int_equal(mm_mmap(&mm, &req), BASE);
	assert_int_equal(mm_munmap(&mm, at(1), HUGE_2M), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, BASE, PAGE, PROT_READ, -1), -EINVAL);
	assert_int_equal(mm_mprotect(&mm, BASE, HUGE_2M, PROT_READ, -1), 0);
	assert_int_equal(mm_munmap(&mm, BASE, HUGE_2M), 0);
}

/* --- userfaultfd --------------------------------------------------------------------------------------------- */

/*
 * include/linux/userfaultfd_k.h, vma_can_userfault(): who only watches writes, by itself, may watch
 * those to any memory.
 */
static void test_writes_to_any_memory_are_watched(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true };
	static const char context;

	assert_int_equal(map_as(0, 2, RW, MAP_PRIVATE, &file), at(0));
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &context, VM_UFFD_WP), -EINVAL);
	assert_int_equal(
		mm_userfaultfd(&mm, at(0), PAGE, &context, VM_UFFD_MISSING | MM_UFFD_WP_ASYNC), -EINVAL);
	assert_int_equal(mm_userfaultfd(&mm, at(0), PAGE, &context, VM_UFFD_WP | MM_UFFD_WP_ASYNC), 0);
	assert_int_equal(vma_lookup(&mm, at(0))->vm_end, at(1));
	assert_int_equal(vma_lookup(&mm, at(0))->vm_flags & VM_UFFD_FLAGS, VM_UFFD_WP);
}

/* --- the library's own --------------------------------------------------------------------------------------- */

static void test_areas_are_inserted_as_they_are_or_not_at_all(void **state)
{
	struct area_spec spec = { .start = at(0), .end = at(2), .vm_flags = RW_VM | VM_LOCKED | VM_ACCOUNT };

	assert_int_equal(mm_insert_area(&mm, &spec), 0);
	assert_int_equal(mm.locked_vm, 2);
	assert_int_equal(sys.committed, 2);
	spec.start = at(1);
	spec.end = at(3);
	assert_int_equal(mm_insert_area(&mm, &spec), -EEXIST);
	spec.start = at(3);
	assert_int_equal(mm_insert_area(&mm, &spec), -EINVAL);
	spec.end = at(4) + 1;
	assert_int_equal(mm_insert_area(&mm, &spec), -EINVAL);
	sys.overcommit_memory = 2;
	sys.commit_limit = 2;
	spec.end = at(4);
	assert_int_equal(mm_insert_area(&mm, &spec), -ENOMEM);
	assert_int_equal(mm.map_count, 1);
	assert_int_equal(mm.total_vm, 2);
}

static void test_lookups_agree(void **state)
{
	for (unsigned long i = 0; i < 40; i += 1 + i % 4)
		assert_int_equal(map_as(i, 1, i % 3 ? RW : PROT_READ, MAP_PRIVATE, NULL), at(i));
	for (unsigned long i = 0; i < 44; i++) {
		struct vm_area_struct *prev, *vma = find_vma_prev(&mm, at(i), &prev), *below = NULL,
					     *above = NULL;

		for (unsigned long j = 0; j < 44; j++) {
			struct vm_area_struct *here = vma_lookup(&mm, at(j));

			if (here && here->vm_end <= at(i))
				below = here;
			if (here && here->vm_end > at(i) && !above)
				above = here;
		}
		assert_ptr_equal(vma, above);
		assert_ptr_equal(prev, below);
		assert_ptr_equal(find_vma(&mm, at(i)), above);
	}
	assert_null(find_vma_intersection(&mm, at(3), at(3)));
}

/* --- a part of an area that goes at once ---------------------------------------------------------------------- */

/*
 * mmap over one end of an area, or over its middle, cuts it, and is refused then: by RLIMIT_AS, or by the file.  The cuts
 * stay, as on Linux; what the file has refused is a hole.
 */
static void test_an_mmap_that_is_refused_leaves_its_cuts(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true };
	static struct vm_file other = {
		.refs = 1, .kind = VM_FILE_SECRET, .readable = true, .writable = true
	};
	static const struct {
		unsigned long page, pages;
		int areas;
	} part[] = { { 0, 2, 2 }, { 6, 2, 2 }, { 3, 2, 3 } };

	for (unsigned int i = 0; i < 3; i++) {
		unsigned long splits = mm.counters.splits, page = part[i].page, pages = part[i].pages;

		assert_int_equal(map_as(0, 8, PROT_READ, MAP_PRIVATE, &file), at(0));
		mm.limits.as = PAGE;
		assert_int_equal(map_as(page, pages, RW, MAP_PRIVATE, &file), -ENOMEM);
		mm.limits.as = MM_UNLIMITED;
		assert_int_equal(mm.map_count, part[i].areas);
		assert_int_equal(mm.counters.splits - splits, part[i].areas - 1);
		assert_int_equal(vma_lookup(&mm, at(page))->vm_start, at(page));
		assert_int_equal(vma_lookup(&mm, at(page))->vm_end, at(page + pages));
		assert_int_equal(mm_munmap(&mm, at(0), 8 * PAGE), 0);

		assert_int_equal(map_as(0, 8, PROT_READ, MAP_PRIVATE, &file), at(0));
		assert_int_equal(map_as(page, pages, PROT_READ, MAP_PRIVATE, &other), -EINVAL);
		assert_int_equal(mm.map_count, part[i].areas - 1);
		assert_null(vma_lookup(&mm, at(page)));
		assert_int_equal(mm.total_vm, 8 - pages);
		assert_int_equal(mm_munmap(&mm, at(0), 8 * PAGE), 0);

		assert_int_equal(map_as(0, 8, PROT_READ, MAP_PRIVATE, &file), at(0));
		assert_int_equal(map_as(page, pages, RW, MAP_PRIVATE, &file), at(page));
		assert_int_equal(mm.map_count, part[i].areas);
		assert_int_equal(mm.total_vm, 8);
		assert_int_equal(at(vma_lookup(&mm, at(7))->vm_pgoff), vma_lookup(&mm, at(7))->vm_start);
		assert_int_equal(mm_munmap(&mm, at(0), 8 * PAGE), 0);
	}
}

/* What is replaced counts: its charge, where all that may be charged is, and its number, where there are as many as there may be. */
static void test_an_mmap_over_a_part_needs_what_it_adds(void **state)
{
	map(0, 8);
	mm.sys->overcommit_memory = 2;
	mm.sys->commit_limit = mm.sys->committed;
	assert_int_equal(map_as(6, 2, RW | PROT_EXEC, MAP_PRIVATE, NULL), at(6));
	assert_int_equal(map_as(2, 2, RW | PROT_EXEC, MAP_PRIVATE, NULL), at(2));
	assert_int_equal(mm.map_count, 4);
	assert_int_equal(mm_system_committed(mm.sys), 8);
	mm.sys->overcommit_memory = 0;

	mm.sys->max_map_count = 4;
	assert_int_equal(map_as(0, 1, PROT_READ, MAP_PRIVATE, NULL),
		at(0)); /* Linux asks for one more in the middle alone */
	assert_int_equal(mm.map_count, 5);
	mm.sys->max_map_count = 5;
	assert_int_equal(map_as(4, 2, RW, MAP_PRIVATE, NULL), at(4));
	assert_int_equal(mm_munmap(&mm, at(4), 2 * PAGE), 0);
	map(4, 3);
	assert_int_equal(mm.map_count, 5);
	assert_int_equal(map_as(5, 1, PROT_READ, MAP_PRIVATE, NULL), -ENOMEM);
	assert_int_equal(mm.map_count, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_each_reason_not_to_merge_alone, one_mm_setup, one_mm_teardown),
		cmocka_unit_test(test_each_reason_has_words_of_its_own),
		cmocka_unit_test_setup_teardown(test_anonymous_names, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(test_special_areas, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_largest_gaps_come_first, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_hint_may_reach_to_the_end, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_heap_and_stack_are_named_by_their_marks, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_growth_ends_where_offsets_do, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_huge_pages_are_asked_for_of_files_that_have_them, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(test_huge_page_files, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_writes_to_any_memory_are_watched, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_areas_are_inserted_as_they_are_or_not_at_all, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_an_mmap_that_is_refused_leaves_its_cuts, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(
			test_an_mmap_over_a_part_needs_what_it_adds, one_mm_setup, one_mm_teardown),
		cmocka_unit_test_setup_teardown(test_lookups_agree, one_mm_setup, one_mm_teardown),
	};

	return cmocka_run_group_tests_name("corners of an address space", tests, NULL, NULL);
}
