/* SPDX-License-Identifier: MIT */
/* Corners of pages and of the reverse map that random steps meet seldom. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vmaple/paging.h>

#include "one_mm.h"

static struct paging *paging;
static struct vm_file a_file, *file = &a_file;

static void begin_pages(const struct rmap_ops *ops, int swap_fd)
{
	const struct paging_options options = { .frames = 256, .swap_pages = 64, .swap_fd = swap_fd };

	mm_system_init(&sys, ops);
	mm_init(&mm, &sys);
	assert_int_equal(paging_new(&paging, &sys, &options), 0);
	assert_int_equal(paging_attach(&mm), 0);
}

static void end_pages(void)
{
	const char *reason = "";

	if (!paging_validate(paging, &reason))
		fail_msg("%s", reason);
	mm_exit(&mm);
	paging_free(paging);
}

static void fork_to(struct mm_struct *child, struct mm_struct *parent)
{
	const char *reason = "";

	assert_int_equal(mm_fork(child, parent), 0);
	if (!mm_validate(child, &reason))
		fail_msg("%s", reason);
}

/* --- in which order walks meet areas --------------------------------------------------------------------------- */

struct meeting {
	struct vm_area_struct *area[16];
	unsigned int nr;
};

static enum rmap_found note(struct page *page, struct mm_struct *of, struct vm_area_struct *vma,
	unsigned long addr, bool try_lock, void *arg)
{
	struct meeting *m = arg;

	assert_true(m->nr < 16);
	m->area[m->nr++] = vma;
	return RMAP_GO_ON;
}

static int place_in(const struct meeting *m, const struct vm_area_struct *vma)
{
	for (unsigned int i = 0; i < m->nr; i++)
		if (m->area[i] == vma)
			return (int)i;
	return -1;
}

static struct vm_area_struct *map_file(unsigned long page, unsigned long pages, unsigned long pgoff)
{
	struct mmap_request req = { .addr = at(page),
		.len = pages * PAGE,
		.prot = RW,
		.flags = MAP_SHARED | MAP_FIXED,
		.offset = pgoff * PAGE,
		.file = file };

	assert_int_equal(mm_mmap(&mm, &req), at(page));
	return vma_lookup(&mm, at(page));
}

/* A walk meets both: not the other way round than is claimed. */
static void assert_order(const struct rmap_ops *ops, struct vm_area_struct *first,
	struct vm_area_struct *then, bool fresh, pgoff_t index)
{
	struct page page = { .mapping = (uintptr_t)file->mapping, .index = index };
	struct meeting met = { .nr = 0 };
	struct rmap_walk walk = { .visit = note, .arg = &met };

	rmap_walk(ops, &page, &walk);
	assert_int_equal(walk.areas, met.nr);
	assert_true(place_in(&met, first) >= 0 && place_in(&met, then) >= 0);
	if (ops->in_order(first, then, fresh))
		assert_true(place_in(&met, first) < place_in(&met, then));
}

static void meet(const struct rmap_ops *ops)
{
	struct vm_area_struct *old, *above, *same, *below, *last;

	a_file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .size = 16 * PAGE };
	old = map_file(0, 4, 4);
	above = map_file(10, 4, 5);
	same = map_file(20, 4, 4);
	below = map_file(30, 4, 3);
	last = map_file(40, 4, 4);
	assert_order(ops, old, above, true, 5);
	assert_order(ops, old, same, true, 5);
	assert_order(ops, old, below, true, 5);
	assert_order(ops, same, last, true, 5);
	assert_order(ops, above, below, true, 6);
	/* Those that are not fresh, in either direction. */
	assert_order(ops, same, old, false, 5);
	assert_order(ops, old, same, false, 5);
	assert_order(ops, below, old, false, 5);
	/* A fresh area of the same or a later index needs no lock: docs/reverse-mapping.md. */
	if (ops->i_mmap != I_MMAP_PRIO && !ops->file_chains) {
		assert_true(ops->in_order(old, above, true));
		assert_true(ops->in_order(old, same, true));
	}
}

static void test_walks_meet_areas_in_the_order_that_is_claimed(void **state)
{
	for (unsigned int i = 0; rmap_designs[i]; i++) {
		if (rmap_designs[i]->file_chains)
			continue;
		begin_pages(rmap_designs[i], -1);
		meet(rmap_designs[i]);
		assert_int_equal(mm_munmap(&mm, at(0), 50 * PAGE), 0);
		vm_file_put(file);
		end_pages();
	}
}

/* --- whose anon_vma a child takes ------------------------------------------------------------------------------ */

static void visit_nothing(struct mm_struct *of, unsigned long addr, void *arg)
{
}

/* How many places a page is found at. */
static long places(struct mm_struct *of)
{
	return paging_walk(of, at(0), visit_nothing, NULL);
}

static struct anon_vma *owner(struct mm_struct *of)
{
	return vma_lookup(of, at(0))->anon_vma;
}

/*
 * Linux takes an ancestor's that nobody owns and that has less than two children, so that a line of forks does not grow
 * a chain, and a walk from a child's page does not meet all of a family.
 *
 *      mm ── parent (its own) ─┬─ one ── grandchild
 *                              └─ two
 */
static void reuse(const struct rmap_ops *ops)
{
	struct mm_struct parent, one, two, grandchild;
	const struct anon_vma *of_parent;
	uint64_t stamp;

	begin_pages(ops, -1);
	map(0, 2);
	assert_int_equal(paging_write(&mm, at(0), 1), 0);
	assert_int_equal(paging_read(&mm, at(1), &stamp), 0); /* the zero page: nobody's */
	assert_int_equal(stamp, 0);
	fork_to(&parent, &mm);
	of_parent = owner(&parent);
	assert_ptr_not_equal(of_parent, owner(&mm));
	fork_to(&one, &parent);
	fork_to(&two, &parent);
	assert_ptr_not_equal(owner(&one), of_parent);
	assert_int_equal(places(&mm), 4);
	mm_exit(&parent);
	assert_int_equal(places(&two), 3);
	fork_to(&grandchild, &one);
	assert_ptr_not_equal(owner(&grandchild), of_parent); /* two children */
	mm_exit(&grandchild);
	mm_exit(&two);
	fork_to(&grandchild, &one);
	assert_ptr_equal(owner(&grandchild), of_parent); /* one child */
	fork_to(&two, &one);
	assert_ptr_not_equal(owner(&two), of_parent); /* is owned again */
	mm_exit(&two);
	mm_exit(&grandchild);
	mm_exit(&one);
	end_pages();
}

static void test_a_child_takes_what_nobody_owns_and_few_descend_from(void **state)
{
	reuse(&anon_vma_rmap);
	reuse(&anon_vma_chain_rmap);
}

/* --- swap ------------------------------------------------------------------------------------------------------ */

/*
 * A page that could not be written to swap is the only copy of what two processes have there: it is not for one of
 * them to take.
 */
static void keep_for_the_other(const struct rmap_ops *ops)
{
	int cannot_be_written = open("/proc/self/exe", O_RDONLY);
	struct mm_struct child;
	uint64_t stamp = 0;

	assert_true(cannot_be_written >= 0);
	begin_pages(ops, cannot_be_written);
	map(0, 1);
	assert_int_equal(paging_write(&mm, at(0), 11), 0);
	fork_to(&child, &mm);
	(void)paging_reclaim(paging, 1);
	assert_true(paging_statistics(paging).swapped_out > 0);
	assert_int_equal(paging_statistics(paging).reclaimed, 0);
	assert_int_equal(mm_mlock(&mm, at(0), PAGE, 0), 0);
	assert_int_equal(paging_read(&mm, at(0), &stamp), 0);
	assert_int_equal(stamp, 11);
	assert_int_equal(paging_write(&mm, at(0), 22), 0);
	assert_int_equal(paging_read(&child, at(0), &stamp), 0);
	assert_int_equal(stamp, 11);
	assert_int_equal(paging_read(&mm, at(0), &stamp), 0);
	assert_int_equal(stamp, 22);
	mm_exit(&child);
	end_pages();
	close(cannot_be_written);
}

static void test_a_page_in_swap_is_not_taken_from_others(void **state)
{
	for (unsigned int i = 0; rmap_designs[i]; i++)
		keep_for_the_other(rmap_designs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_meet_areas_in_the_order_that_is_claimed),
		cmocka_unit_test(test_a_child_takes_what_nobody_owns_and_few_descend_from),
		cmocka_unit_test(test_a_page_in_swap_is_not_taken_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
