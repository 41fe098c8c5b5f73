/* SPDX-License-Identifier: MIT */
/*
 * Where mappings go: each policy by its rule, and mmap_base by the kernel that runs here.  Built once for each index.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/linux_abi.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#include "random.h"
#include "skipped.h"

#define PAGE  4096UL
#define MB    (1UL << 20)
#define GB    (1UL << 30)
#define HUGE  (2 * MB)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define GUARD (256 * PAGE)

static struct mm_system sys;
static struct mm_struct mm;
static struct vm_file file;

static int begin(void **state)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .name = "file" };
	return 0;
}

static int end(void **state)
{
	mm_exit(&mm);
	return file.refs == 1 ? 0 : -1;
}

static unsigned long map(unsigned long addr, unsigned long len, unsigned long flags)
{
	const struct mmap_request req = { .addr = addr, .len = len, .prot = PROT_READ, .flags = flags };

	return mm_mmap(&mm, &req);
}

static unsigned long map_file(unsigned long len, unsigned long offset)
{
	const struct mmap_request req = {
		.len = len, .prot = PROT_READ, .flags = MAP_SHARED, .offset = offset, .file = &file
	};

	return mm_mmap(&mm, &req);
}

static void take(unsigned long start, unsigned long end)
{
	assert_int_equal(map(start, end - start, ANON | MAP_FIXED | MAP_NORESERVE), start);
}

static void test_downwards_from_mmap_base(void **state)
{
	assert_int_equal(map(0, 3 * PAGE, ANON), mm.mmap_base - 3 * PAGE);
	take(mm.mmap_base - 8 * PAGE, mm.mmap_base - 5 * PAGE);
	assert_int_equal(map(0, 3 * PAGE, ANON), mm.mmap_base - 11 * PAGE);
	assert_int_equal(map(0, 2 * PAGE, ANON), mm.mmap_base - 5 * PAGE);
}

static void test_where_nothing_is_free_below_the_base_it_goes_upwards(void **state)
{
	take(sys.mmap_min_addr, mm.mmap_base);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base + PAGE);
	take(mm.mmap_base, mm.task_size);
	assert_int_equal(map(0, PAGE, ANON), -ENOMEM);
}

static void test_upwards_from_the_legacy_base(void **state)
{
	mm.topdown = false;
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_legacy_base);
	take(mm.mmap_legacy_base + 2 * PAGE, mm.mmap_legacy_base + 3 * PAGE);
	assert_int_equal(map(0, 2 * PAGE, ANON), mm.mmap_legacy_base + 3 * PAGE);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_legacy_base + PAGE);
}

static void test_a_hint_is_taken_where_it_is_free(void **state)
{
	const unsigned long hint = 0x10000000;

	assert_int_equal(map(hint + 5, PAGE, ANON), hint);
	assert_int_equal(map(hint, PAGE, ANON), mm.mmap_base - PAGE);
	assert_int_equal(map(hint + PAGE, 2 * PAGE, ANON), hint + PAGE);
	mm.topdown = false;
	assert_int_equal(map(hint + 16 * PAGE + 5, PAGE, ANON), hint + 16 * PAGE);
}

static void test_32_bit_lies_in_the_second_gigabyte(void **state)
{
	assert_int_equal(map(0, PAGE, ANON | VMAPLE_MAP_32BIT), GB);
	assert_int_equal(map(0, PAGE, ANON | VMAPLE_MAP_32BIT), GB + PAGE);
	take(GB, 2 * GB - PAGE);
	assert_int_equal(map(0, PAGE, ANON | VMAPLE_MAP_32BIT), 2 * GB - PAGE);
	assert_int_equal(map(0, PAGE, ANON | VMAPLE_MAP_32BIT), -ENOMEM);
}

static void test_above_47_bits_only_for_those_who_ask(void **state)
{
	const unsigned long far = 1UL << 50;

	mm.task_size = (1UL << 56) - PAGE;
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base - PAGE);
	assert_int_equal(map(far, PAGE, ANON), far);
	/* Taken already: as high as there is room, the gap for the stack left out again. */
	assert_int_equal(map(far, PAGE, ANON), mm.mmap_base + (mm.task_size - mm.mmap_window) - PAGE);
	/* Across the border it is no hint. */
	assert_int_equal(map(mm.mmap_window - PAGE, 2 * PAGE, ANON), mm.mmap_base - 3 * PAGE);
	take(sys.mmap_min_addr, mm.mmap_window);
	assert_int_equal(map(0, PAGE, ANON), -ENOMEM);
}

static void test_huge_pages_fit(void **state)
{
	unsigned long addr = map(0, PAGE, ANON);

	addr = map(0, 2 * HUGE, ANON);
	assert_int_equal(addr % HUGE, 0);
	assert_true(addr > mm.mmap_base - 4 * HUGE);
	addr = map(0, HUGE + PAGE, ANON);
	assert_int_equal(addr % HUGE, HUGE - PAGE); /* not a multiple of a huge page: just below the last */
	file.map_align = HUGE;
	addr = map_file(4 * HUGE, 7 * PAGE);
	assert_int_equal(addr % HUGE, 7 * PAGE);
	assert_int_equal(map_file(PAGE, 9 * PAGE), mm.mmap_base - 2 * PAGE); /* too short for one */
	/* As Linux does it: the next border is 2^63, a negative offset, and so there is room for many. */
	assert_int_equal(map_file(PAGE, (1UL << 63) - MB) % HUGE, HUGE - MB);
	assert_int_equal(map_file(PAGE, (1UL << 63) - HUGE - PAGE), mm.mmap_base - 3 * PAGE);
}

static unsigned long map_other(struct vm_file *other, unsigned long flags)
{
	const struct mmap_request req = { .len = HUGE, .prot = PROT_READ, .flags = flags, .file = other };

	return mm_mmap(&mm, &req);
}

static void test_a_file_that_needs_no_alignment_goes_where_anonymous_memory_would(void **state)
{
	unsigned long addr = map(0, PAGE, ANON);

	assert_int_equal(addr, mm.mmap_base - PAGE);
	assert_int_equal(map_file(3 * PAGE, 5 * PAGE), addr - 3 * PAGE);
	file.map_align = HUGE;
	assert_int_equal(map_file(2 * PAGE, 99 * PAGE), addr - 5 * PAGE);
	assert_int_equal(map_file(HUGE, HUGE) % HUGE, 0);
}

/* Each where a page has been taken from above. */
static void test_a_file_that_needs_an_alignment_has_it(void **state)
{
	static struct vm_file huge, zero;

	huge = (struct vm_file){ .refs = 1, .readable = true, .kind = VM_FILE_HUGETLB, .map_align = HUGE };
	zero = (struct vm_file){ .refs = 1, .readable = true, .kind = VM_FILE_ZERO };
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base - PAGE);
	assert_true(sys.kernel->zero_huge_aligned);
	assert_int_equal(map_other(&zero, MAP_PRIVATE) % HUGE, 0);
	assert_int_equal(mm_munmap(&mm, 0, mm.mmap_base), 0);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base - PAGE);
	assert_int_equal(map_other(&huge, MAP_SHARED) % HUGE, 0);
	assert_int_equal(mm_munmap(&mm, 0, mm.mmap_base), 0);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base - PAGE);
	sys.va_align_mask = 0x7000;
	assert_int_equal(map_file(PAGE, 0x3000) & 0x7000, 0x3000);
}

static void test_a_stack_keeps_its_guard_gap(void **state)
{
	unsigned long stack = mm.mmap_base - 64 * MB;

	assert_int_equal(map(stack, PAGE, ANON | MAP_GROWSDOWN | MAP_FIXED), stack);
	take(stack + PAGE, mm.mmap_base);
	assert_int_equal(map(0, PAGE, ANON), stack - GUARD - PAGE);
	mm.topdown = false;
	mm.mmap_legacy_base = stack - 2 * GUARD;
	take(stack - 2 * GUARD, stack - GUARD - PAGE);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base);
}

/* --- colour -------------------------------------------------------------------------------------------------- */

#define MASK 0x7000UL
#define BITS 0x3000UL
#define LOW  (1UL << 32)
#define TOP  (LOW + 2048 * PAGE)

/* The address in a hole of @len + MASK at [start, end), from the side that is searched first; 0: too small. */
static unsigned long place_in(unsigned long start, unsigned long end, unsigned long len, unsigned long colour)
{
	unsigned long addr;

	start = start > LOW ? start : LOW;
	end = end < TOP ? end : TOP;
	if (end <= start || end - start < len + MASK)
		return 0;
	addr = mm.topdown ? end - len : start;
	while ((addr & MASK) != colour)
		addr += mm.topdown ? -PAGE : PAGE;
	return addr;
}

/* By looking at all holes. */
static unsigned long place_by_force(unsigned long len, unsigned long colour)
{
	unsigned long before = 0, found = 0, addr;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &mm, 0);

	for_each_vma (vmi, vma) {
		addr = place_in(before, vma->vm_start, len, colour);
		before = vma->vm_end;
		if (addr && (mm.topdown || !found))
			found = addr;
	}
	addr = place_in(before, ~0UL, len, colour);
	return addr && (mm.topdown || !found) ? addr : found;
}

static void coloured_calls(struct random *r, bool topdown)
{
	unsigned long in_vain = 0, offset, len, want, got;

	mm.topdown = topdown;
	mm.mmap_base = TOP;
	mm.mmap_legacy_base = LOW;
	mm.mmap_window = TOP; /* nothing beyond */
	take(sys.mmap_min_addr, LOW);
	for (int i = 0; i < 20000; i++) {
		offset = random_below(r, 64) * PAGE;
		len = (1 + random_below(r, 12)) * PAGE;
		want = place_by_force(len, (offset + BITS) & MASK);
		got = map_file(len, offset);
		assert_int_equal(got, want ? want : (unsigned long)-ENOMEM);
		in_vain += !want;
		for (int k = 0; k < 3 && (!want || random_below(r, 3)); k++)
			assert_int_equal(mm_munmap(&mm, LOW + random_below(r, 2040) * PAGE, 8 * PAGE), 0);
	}
	assert_true(in_vain > 10 && in_vain < 15000);
}

static void test_files_have_colours(void **state)
{
	struct random r = { random_seed() };

	sys.va_align_mask = MASK;
	sys.va_align_bits = BITS;
	assert_int_equal(map_file(PAGE, 0) & MASK, BITS);
	assert_int_equal(map_file(PAGE, 6 * PAGE) & MASK, (BITS + 6 * PAGE) & MASK);
	assert_int_equal(mm_munmap(&mm, 0, mm.task_size), 0);
	assert_int_equal(map(0, PAGE, ANON), mm.mmap_base - PAGE); /* memory without a file has none */
	assert_int_equal(mm_munmap(&mm, 0, mm.task_size), 0);
	coloured_calls(&r, true);
	assert_int_equal(mm_munmap(&mm, 0, mm.task_size), 0);
	coloured_calls(&r, false);
}

static void test_without_a_mask_files_have_none(void **state)
{
	assert_int_equal(map_file(PAGE, 3 * PAGE), mm.mmap_base - PAGE);
	assert_int_equal(map_file(PAGE, 9 * PAGE), mm.mmap_base - 2 * PAGE);
}

/* --- mmap_base ----------------------------------------------------------------------------------------------- */

/* The kernel maps the dynamic linker first, directly below mmap_base. */
static int print_linker_end(void)
{
	unsigned long start, end, last = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "ld-linux") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			last = end;
	printf("%lx\n", last);
	return 0;
}

/* mmap_base of a program that is started with this stack limit; 0: it cannot be. */
static unsigned long kernels_base(unsigned long stack_limit, bool randomised)
{
	const struct rlimit limit = { (rlim_t)stack_limit, RLIM_INFINITY };
	unsigned long base = 0;
	char text[32] = "";
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		if (setrlimit(RLIMIT_STACK, &limit))
			_exit(1);
		personality(randomised ? 0 : ADDR_NO_RANDOMIZE);
		dup2(fds[1], 1);
		execl("/proc/self/exe", "unmapped_area", "--linker-end", NULL);
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], text, sizeof(text) - 1) > 0)
		(void)sscanf(text, "%lx", &base);
	close(fds[0]);
	waitpid(child, &status, 0);
	return base;
}

static void test_mmap_base_is_the_kernels(void **state)
{
	static const unsigned long limits[] = { MB, 8 * MB, 128 * MB, GB, 200 * GB, 1UL << 46, MM_UNLIMITED };
	unsigned long low, high, base;
	int asked = 0;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		base = kernels_base(limits[i], false);
		asked += base != 0;
		assert_int_equal(mm_set_mmap_base(&mm, limits[i], false, 0), 0);
		if (base && base != mm.mmap_base)
			fail_msg("stack limit %lx: %lx, the kernel has %lx", limits[i], mm.mmap_base, base);
		for (int k = 0; base && k < 4; k++) {
			assert_int_equal(mm_set_mmap_base(&mm, limits[i], true, (1UL << 32) - 1), 0);
			low = mm.mmap_base;
			assert_int_equal(mm_set_mmap_base(&mm, limits[i], true, 0), 0);
			high = mm.mmap_base;
			base = kernels_base(limits[i], true);
			if (base < low || base > high)
				fail_msg("stack limit %lx: the kernel has %lx, not within %lx-%lx", limits[i],
					base, low, high);
		}
	}
	if (!asked) {
		skipped("no program could be asked");
		return;
	}
	assert_int_equal(mm_set_mmap_base(&mm, 8 * MB, true, 12345), 0);
	low = mm.mmap_base;
	assert_int_equal(mm_set_mmap_base(&mm, 8 * MB, true, 12344), 0);
	assert_int_equal(mm.mmap_base - low, PAGE);
}

#define COMPAT (ANON | MM_IN_32BIT)

static void test_32_bit_calls_of_a_64_bit_program_have_bases_of_their_own(void **state)
{
	const unsigned long end = 0xffffe000, base = end - 128 * MB;
	unsigned long at, moved;

	assert_int_equal(mm.compat_task_size, end);
	assert_int_equal(map(0, 3 * PAGE, COMPAT), base - 3 * PAGE);
	assert_int_equal(map(0, 3 * PAGE, ANON), mm.mmap_base - 3 * PAGE);
	assert_int_equal(map(0, PAGE, COMPAT), base - 4 * PAGE);
	/* What is about 64 bits says nothing, and huge pages are not placed for. */
	assert_int_equal(map(0, PAGE, COMPAT | VMAPLE_MAP_32BIT), base - 5 * PAGE);
	assert_int_equal(map(0, PAGE, COMPAT | VMAPLE_MAP_ABOVE4G), base - 6 * PAGE);
	assert_int_equal(map(0, HUGE, COMPAT), base - 6 * PAGE - HUGE);
	at = map(0, 2 * PAGE, ANON);
	assert_true(at > end);
	assert_int_equal(map(0, PAGE, ANON), at - PAGE);
	moved = mm_mremap(
		&mm, &(struct mremap_request){ at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0 });
	assert_true(moved > end);
	moved = mm_mremap(&mm, &(struct mremap_request){
				       at, PAGE, PAGE, MM_IN_32BIT | MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0 });
	assert_int_equal(moved, base - 7 * PAGE - HUGE);
}

static void test_32_bit_calls_end_where_their_space_does(void **state)
{
	const unsigned long end = 0xffffe000, base = end - 128 * MB;

	take(sys.mmap_min_addr, base);
	/* Then upwards from a third of it, beyond the base, until its end and not a page more. */
	assert_int_equal(map(0, 64 * MB, COMPAT), base);
	assert_int_equal(map(0, 64 * MB + PAGE, COMPAT), (unsigned long)-ENOMEM);
	assert_int_equal(map(0, 64 * MB, COMPAT), base + 64 * MB);
	assert_int_equal(map(0, PAGE, COMPAT), (unsigned long)-ENOMEM);
	assert_true(map(0, PAGE, ANON) > end);
	/* ADDR_LIMIT_3GB, a stack of 1 GiB, and 17 pages that were drawn. */
	assert_int_equal(mm_munmap(&mm, sys.mmap_min_addr, end - sys.mmap_min_addr), 0);
	assert_int_equal(mm_set_mmap_compat_base(&mm, 3 * GB, GB, false, 17), 0);
	assert_int_equal(map(0, PAGE, COMPAT), 2 * GB - GUARD - 18 * PAGE);
	mm.topdown = false;
	assert_int_equal(map(0, PAGE, COMPAT), GB + 17 * PAGE);
	assert_int_equal(mm_set_mmap_compat_base(&mm, 3 * GB, GB, false, GB / PAGE), -EINVAL);
	assert_int_equal(mm_set_mmap_compat_base(&mm, GB + 1, GB, false, 0), -EINVAL);
}

/* A 32-bit program's personality(2) while it runs: TASK_SIZE is 3 GiB, all else is as it was drawn. */
static void test_in_a_small_space_calls_end_where_the_task_says(void **state)
{
	const unsigned long end = 0xffffe000, base = end - 128 * MB, high = 0xd0000000, gone = -ENOMEM;
	struct vm_area_struct *vma;

	assert_int_equal(mm_set_task_size(&mm, end), 0);
	assert_int_equal(mm.compat_task_size, end);
	assert_int_equal(map(0, 2 * PAGE, ANON), base - 2 * PAGE);
	assert_int_equal(map(high, 4 * PAGE, ANON | MAP_FIXED), high);
	mm.compat_task_size = 3 * GB;
	/* What a search from mmap_base finds is beyond, and no other is made. */
	assert_int_equal(map(0, PAGE, ANON), gone);
	assert_int_equal(map(high + 8 * PAGE, PAGE, ANON), gone);
	assert_int_equal(map(high + 8 * PAGE, PAGE, ANON | MAP_FIXED), gone);
	assert_int_equal(map(3 * GB - PAGE, 2 * PAGE, ANON | MAP_FIXED), gone);
	assert_int_equal(map(3 * GB - PAGE, PAGE, ANON), 3 * GB - PAGE);
	assert_int_equal(mm_munmap(&mm, high, PAGE), -EINVAL);
	assert_int_equal(mm_munmap(&mm, 3 * GB - PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(mm_munmap(&mm, 3 * GB - PAGE, PAGE), 0);
	assert_int_equal(mm_mprotect(&mm, high + PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, -1), 0);
	assert_true(vma_lookup(&mm, high + PAGE)->vm_flags & VM_ACCOUNT);
	assert_int_equal(
		mm_mremap(&mm, &(struct mremap_request){ high + PAGE, 2 * PAGE, PAGE, 0, 0 }), -EINVAL);
	assert_int_equal(
		mm_mremap(&mm, &(struct mremap_request){ high + 3 * PAGE, PAGE, 2 * PAGE, 1, 0 }), gone);
	/* It moves, and what was there stays, not charged for: it is like no area beside it. */
	assert_int_equal(mm_mremap(&mm, &(struct mremap_request){ high + 2 * PAGE, PAGE, PAGE, 3, GB }), GB);
	vma = vma_lookup(&mm, high + 2 * PAGE);
	assert_true(vma && vma->vm_start == high + PAGE && vma->vm_end == high + 4 * PAGE);
	assert_false(vma->vm_flags & VM_ACCOUNT);
	/* Bottom-up it ends there. */
	mm.topdown = false;
	take(mm.mmap_legacy_base, 3 * GB);
	assert_int_equal(map(0, PAGE, ANON), gone);
	mm.compat_task_size = end;
	assert_int_equal(map(0, PAGE, ANON), 3 * GB);
	assert_int_equal(mm_munmap(&mm, high, 4 * PAGE), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_downwards_from_mmap_base, begin, end),
		cmocka_unit_test_setup_teardown(
			test_where_nothing_is_free_below_the_base_it_goes_upwards, begin, end),
		cmocka_unit_test_setup_teardown(test_upwards_from_the_legacy_base, begin, end),
		cmocka_unit_test_setup_teardown(test_a_hint_is_taken_where_it_is_free, begin, end),
		cmocka_unit_test_setup_teardown(test_32_bit_lies_in_the_second_gigabyte, begin, end),
		cmocka_unit_test_setup_teardown(
			test_32_bit_calls_of_a_64_bit_program_have_bases_of_their_own, begin, end),
		cmocka_unit_test_setup_teardown(test_32_bit_calls_end_where_their_space_does, begin, end),
		cmocka_unit_test_setup_teardown(
			test_in_a_small_space_calls_end_where_the_task_says, begin, end),
		cmocka_unit_test_setup_teardown(test_above_47_bits_only_for_those_who_ask, begin, end),
		cmocka_unit_test_setup_teardown(test_huge_pages_fit, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_needs_no_alignment_goes_where_anonymous_memory_would, begin, end),
		cmocka_unit_test_setup_teardown(test_a_file_that_needs_an_alignment_has_it, begin, end),
		cmocka_unit_test_setup_teardown(test_a_stack_keeps_its_guard_gap, begin, end),
		cmocka_unit_test_setup_teardown(test_files_have_colours, begin, end),
		cmocka_unit_test_setup_teardown(test_without_a_mask_files_have_none, begin, end),
		cmocka_unit_test_setup_teardown(test_mmap_base_is_the_kernels, begin, end),
	};

	if (argc > 1 && strcmp(argv[1], "--linker-end") == 0)
		return print_linker_end();
	return cmocka_run_group_tests_name("where mappings go", tests, NULL, NULL);
}
