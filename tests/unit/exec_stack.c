/* SPDX-License-Identifier: MIT */
/*
 * exec's stack: written at the top of the space, moved to where it is to be, and read there; on every reverse map.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <vmaple/paging.h>

#include "failing_port.h"
#include "skipped.h"

#define PAGE 4096UL
#define TOP  ((1UL << 47) - PAGE)
#define ROOM (128UL << 10)

struct machine {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm;
	struct vm_area_struct *stack;
};

static void begin(struct machine *m, const struct rmap_ops *ops)
{
	const struct paging_options options = { .frames = 2048, .swap_pages = 512, .swap_fd = -1 };

	mm_system_init(&m->sys, ops);
	mm_init(&m->mm, &m->sys);
	m->sys.verify = MM_VERIFY_NEVER;
	assert_int_equal(paging_new(&m->paging, &m->sys, &options), 0);
	assert_int_equal(paging_attach(&m->mm), 0);
	assert_int_equal(mm_begin_stack(&m->mm), 0);
	m->stack = vma_lookup(&m->mm, TOP - 1);
	assert_non_null(m->stack);
	assert_true(vma_is_temporary_stack(m->stack));
}

static void end(struct machine *m)
{
	const char *reason = "";

	if (!paging_validate(m->paging, &reason))
		fail_msg("%s: %s", m->sys.rmap->name, reason);
	mm_exit(&m->mm);
	assert_int_equal(paging_statistics(m->paging).free_frames, 2047);
	paging_free(m->paging);
}

/* From the top down, but for each seventh page; some of it is swapped out, and some has come back. */
static void write_arguments(struct machine *m, unsigned long pages)
{
	uint64_t stamp;

	for (unsigned long i = 0; i < pages; i++)
		if (i % 7 != 5 || i == pages - 1)
			assert_int_equal(paging_write(&m->mm, TOP - (i + 1) * PAGE, 1000 + i), 0);
	assert_int_equal(m->stack->vm_start, TOP - pages * PAGE);
	(void)paging_reclaim(m->paging, pages / 2);
	if (pages > 3)
		assert_int_equal(paging_read(&m->mm, TOP - 3 * PAGE, &stamp), 0);
}

static void assert_arguments(struct machine *m, unsigned long top, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++) {
		uint64_t stamp = 0, written = i % 7 != 5 || i == pages - 1 ? 1000 + i : 0;

		assert_int_equal(paging_read(&m->mm, top - (i + 1) * PAGE, &stamp), 0);
		if (stamp != written)
			fail_msg("%s: page %lu below the top holds %lu", m->sys.rmap->name, i, stamp);
	}
}

static void assert_shifted(const struct rmap_ops *ops, unsigned long pages, unsigned long shift)
{
	unsigned long top = TOP - shift * PAGE, tables;
	struct machine m;
	uint64_t stamp;

	begin(&m, ops);
	write_arguments(&m, pages);
	m.mm.start_stack = TOP - 24;
	m.sys.verify = MM_VERIFY_PAGES;
	assert_int_equal(mm_setup_stack(&m.mm, top, EXSTACK_DISABLE_X), 0);
	m.sys.verify = MM_VERIFY_NEVER;
	assert_false(vma_is_temporary_stack(m.stack));
	assert_int_equal(m.mm.map_count, 1);
	assert_int_equal(m.stack->vm_end, top);
	assert_int_equal(m.stack->vm_start, top - pages * PAGE - ROOM);
	assert_int_equal(m.mm.start_stack, top - 24);
	assert_int_equal(m.mm.stack_vm, pages + 32);
	assert_int_equal(m.stack->vm_flags & VM_ACCESS_FLAGS, VM_READ | VM_WRITE);
	assert_arguments(&m, top, pages);
	if (shift)
		assert_int_equal(paging_read(&m.mm, TOP - 1, &stamp), -EFAULT);
	/* It is a stack as others: reclaimed, forked, grown. */
	(void)paging_reclaim(m.paging, pages);
	assert_int_equal(paging_write(&m.mm, m.stack->vm_start - PAGE, 5), 0);
	assert_arguments(&m, top, pages);
	tables = paging_statistics(m.paging).tables;
	if (shift % 512 == 0 && pages < 300)
		assert_int_equal(tables, 4); /* as before: those of the old place are gone */
	end(&m);
}

/* Less than the stack is long, the places overlap; more; by leaves, and by tables of leaves. */
static void test_contents_follow_the_stack(void **state)
{
	static const unsigned long shifts[] = { 0, 1, 3, 39, 40, 41, 511, 512, 513, 100000, 1 << 22 };

	for (int i = 0; rmap_designs[i]; i++)
		for (size_t s = 0; s < sizeof(shifts) / sizeof(shifts[0]); s++) {
			assert_shifted(rmap_designs[i], 40, shifts[s]);
			assert_shifted(rmap_designs[i], 1, shifts[s]);
		}
}

static void test_a_long_stack_spans_page_tables(void **state)
{
	for (int i = 0; rmap_designs[i]; i++) {
		assert_shifted(rmap_designs[i], 700, 2);
		assert_shifted(rmap_designs[i], 700, 600);
	}
}

/* No lock of the reverse map is taken but where pages are known by an address that changes. */
static void test_the_locks_of_the_reverse_map_are_skipped(void **state)
{
	for (int i = 0; rmap_designs[i]; i++) {
		bool locked = rmap_designs[i] == &anonmm_rmap;
		struct machine m;

		begin(&m, rmap_designs[i]);
		write_arguments(&m, 20);
		assert_int_equal(mm_setup_stack(&m.mm, TOP - 100 * PAGE, EXSTACK_DEFAULT), 0);
		assert_true(paging_statistics(m.paging).moved >= 17);
		assert_int_equal(paging_statistics(m.paging).move_locked != 0, locked);
		end(&m);
	}
}

static void test_flags_are_what_the_program_asks_for(void **state)
{
	static const struct {
		bool implies;
		enum exec_stack asked;
		bool executable;
	} cases[] = { { false, EXSTACK_DEFAULT, false }, { false, EXSTACK_ENABLE_X, true },
		{ false, EXSTACK_DISABLE_X, false }, { true, EXSTACK_DEFAULT, true },
		{ true, EXSTACK_DISABLE_X, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m;

		begin(&m, &anon_vma_rmap);
		m.mm.limits.read_implies_exec = cases[i].implies;
		assert_int_equal(mm_setup_stack(&m.mm, TOP - 10 * PAGE, cases[i].asked), 0);
		assert_int_equal(!!(m.stack->vm_flags & VM_EXEC), cases[i].executable);
		end(&m);
	}
}

static void test_what_cannot_be_is_refused(void **state)
{
	const struct mmap_request wall = { .addr = TOP - 200 * PAGE,
		.len = PAGE,
		.prot = PROT_READ,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
	struct machine m;

	begin(&m, &anon_vma_rmap);
	write_arguments(&m, 10);
	assert_int_equal(mm_setup_stack(&m.mm, TOP + PAGE, EXSTACK_DEFAULT), -EINVAL);
	assert_int_equal(mm_setup_stack(&m.mm, m.sys.mmap_min_addr - PAGE, EXSTACK_DEFAULT), -ENOMEM);
	assert_int_equal(mm_setup_stack(&m.mm, m.sys.mmap_min_addr + 10 * PAGE, EXSTACK_DEFAULT), -ENOMEM);
	assert_int_equal(mm_mmap(&m.mm, &wall), wall.addr);
	assert_int_equal(mm_setup_stack(&m.mm, TOP - 300 * PAGE, EXSTACK_DEFAULT), -EFAULT);
	/* Behind it there is room for what was written, and none to grow. */
	m.sys.stack_guard_gap = 0;
	assert_int_equal(mm_setup_stack(&m.mm, TOP - 185 * PAGE, EXSTACK_DEFAULT), -EFAULT);
	assert_arguments(&m, TOP - 185 * PAGE, 10);
	end(&m);
}

static void test_a_stack_grows_no_further_than_its_limit(void **state)
{
	struct machine m;

	begin(&m, &anon_vma_rmap);
	m.mm.limits.stack = 9 * PAGE + 5;
	write_arguments(&m, 4);
	assert_int_equal(mm_setup_stack(&m.mm, TOP - 50 * PAGE, EXSTACK_DEFAULT), 0);
	assert_int_equal(m.stack->vm_end - m.stack->vm_start, 9 * PAGE);
	end(&m);
}

/* The pages are all there, at the old place or at the new one, and the space is whole. */
static void assert_nothing_is_lost(struct machine *m, unsigned long shift)
{
	bool moved = m->mm.start_stack < TOP - shift * PAGE;
	uint64_t stamp = 0;

	if (m->stack->vm_end < TOP)
		moved = true;
	else if (!paging_read(&m->mm, TOP - PAGE, &stamp))
		moved = stamp != 1000;
	assert_arguments(m, moved ? TOP - shift * PAGE : TOP, 40);
}

#define HOLE_FROM 10 /* pages below the top that were not written, with a page table of their own */
#define HOLE_TO   1100

static bool is_written(unsigned long i)
{
	return i < HOLE_FROM || i >= HOLE_TO;
}

/* What has moved already, over its own old place, goes back whole when a table in the middle cannot be had. */
static void test_a_stack_with_a_hole_goes_back(void **state)
{
	unsigned long failures = 0, pages = HOLE_TO + 700, shift = 505;

	for (int i = 0; rmap_designs[i]; i++)
		for (long n = 1;; n++) {
			struct machine m;
			unsigned long top = TOP;
			uint64_t stamp;
			int err;

			begin(&m, rmap_designs[i]);
			for (unsigned long p = pages; p--;)
				if (is_written(p))
					assert_int_equal(paging_write(&m.mm, TOP - (p + 1) * PAGE, p), 0);
			fail_after(n);
			err = mm_setup_stack(&m.mm, TOP - shift * PAGE, EXSTACK_DEFAULT);
			fail_after(-1);
			/* Those that went back count twice. */
			if (paging_statistics(m.paging).moved == HOLE_FROM + pages - HOLE_TO)
				top -= shift * PAGE;
			failures += err != 0;
			for (unsigned long p = 0; p < pages; p++)
				if (is_written(p)) {
					assert_int_equal(paging_read(&m.mm, top - (p + 1) * PAGE, &stamp), 0);
					assert_int_equal(stamp, p);
				}
			end(&m);
			if (!err)
				break;
		}
	assert_true(failures > 6);
}

static void test_every_allocation_fails(void **state)
{
	static const unsigned long shifts[] = { 3, 600, 1 << 20 };

	for (int i = 0; rmap_designs[i]; i++)
		for (size_t s = 0; s < 3; s++)
			for (long n = 1;; n++) {
				struct machine m;
				int err;

				begin(&m, rmap_designs[i]);
				write_arguments(&m, 40);
				vmaple_cache_shrink();
				fail_after(n);
				err = mm_setup_stack(&m.mm, TOP - shifts[s] * PAGE, EXSTACK_DEFAULT);
				fail_after(-1);
				assert_true(n < 1000);
				if (err)
					assert_true(err == -ENOMEM || err == -EFAULT);
				assert_nothing_is_lost(&m, shifts[s]);
				end(&m);
				if (!err && !failing_hit)
					break;
			}
}

/* This program's own stack: where its arguments begin, and 128 KiB below, is what the kernel has given it. */
static void test_the_kernel_does_the_same(void **state)
{
	unsigned long start = 0, end_ = 0, arg_start = 0, pages, i;
	FILE *maps = fopen("/proc/self/maps", "r"), *stat = fopen("/proc/self/stat", "r");
	struct rlimit limit;
	char line[512];
	struct machine m;

	assert_true(maps && stat);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]"))
			assert_int_equal(sscanf(line, "%lx-%lx", &start, &end_), 2);
	assert_non_null(fgets(line, sizeof(line), stat));
	fclose(maps);
	fclose(stat);
	/* Field 48; the second, the name, has no blank. */
	for (char *field = strtok(line, " "), nr = 1; field; field = strtok(NULL, " "), nr++)
		if (nr == 48)
			arg_start = strtoul(field, NULL, 10);
	assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
	if (!arg_start || arg_start < start || arg_start >= end_) {
		skipped("where the arguments lie is not told");
		return;
	}

	pages = (end_ - (arg_start & ~(PAGE - 1))) / PAGE;
	begin(&m, &anon_vma_rmap);
	m.mm.limits.stack = limit.rlim_cur == RLIM_INFINITY ? MM_UNLIMITED : limit.rlim_cur;
	for (i = 0; i < pages; i++)
		assert_int_equal(paging_write(&m.mm, TOP - (i + 1) * PAGE, i), 0);
	assert_int_equal(mm_setup_stack(&m.mm, end_, EXSTACK_DISABLE_X), 0);
	assert_int_equal(m.stack->vm_end, end_);
	assert_int_equal(m.stack->vm_start, start);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents_follow_the_stack),
		cmocka_unit_test(test_a_long_stack_spans_page_tables),
		cmocka_unit_test(test_the_locks_of_the_reverse_map_are_skipped),
		cmocka_unit_test(test_flags_are_what_the_program_asks_for),
		cmocka_unit_test(test_what_cannot_be_is_refused),
		cmocka_unit_test(test_a_stack_grows_no_further_than_its_limit),
		cmocka_unit_test(test_a_stack_with_a_hole_goes_back),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_the_kernel_does_the_same),
	};

	failing_port_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
