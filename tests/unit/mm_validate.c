/* SPDX-License-Identifier: MIT */
/*
 * Damage of every kind is found, by the name of its rule and its field, and at its area.  Built once for each index.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#include "panic.h"

#define PAGE  4096UL
#define BASE  0x7e0000000000UL
#define AREAS 64UL

static struct mm_system sys;
static struct mm_struct mm;

static unsigned long place(unsigned long i)
{
	return BASE + i * (i + 3) * PAGE; /* holes of growing length */
}

static struct vm_area_struct *area(unsigned long i)
{
	return vma_lookup(&mm, place(i));
}

static int begin(void **state)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	for (unsigned long i = 0; i < AREAS; i++) {
		const struct mmap_request req = { .addr = place(i),
			.len = 2 * PAGE,
			.prot = PROT_READ | PROT_WRITE,
			.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

		if (mm_mmap(&mm, &req) != req.addr)
			return -1;
	}
	return 0;
}

static int end(void **state)
{
	mm_exit(&mm);
	return 0;
}

/* The damage is found as @rule, at @vma (NULL: at none). */
static void found(const char *rule, const struct vm_area_struct *vma)
{
	const char *reason = "nothing";
	char where[64] = "";

	if (vma)
		snprintf(where, sizeof(where), "(area %lx-%lx)", vma->vm_start, vma->vm_end);
	if (mm_validate(&mm, &reason) || !strstr(reason, rule) || !strstr(reason, where))
		fail_msg("wanted %s %s, found %s", rule, where, reason);
}

static void repaired(void)
{
	const char *reason = "";

	if (!mm_validate(&mm, &reason))
		fail_msg("not repaired: %s", reason);
}

/* Put @value into @field for as long as it takes to look. */
#define DAMAGE(field, value, rule, vma)                     \
	do {                                                \
		__typeof__(field) damage_was = (field);     \
		struct vm_area_struct *damage_area = (vma); \
		(field) = (value);                          \
		found((rule), damage_area);                 \
		(field) = damage_was;                       \
		repaired();                                 \
	} while (0)

static void test_counters(void **state)
{
	DAMAGE(mm.map_count, mm.map_count + 1, "map_count", NULL);
	DAMAGE(mm.total_vm, mm.total_vm - 1, "total_vm", NULL);
	DAMAGE(mm.data_vm, mm.data_vm + 1, "AC1: data_vm", NULL);
	DAMAGE(mm.exec_vm, mm.exec_vm + 1, "AC1: exec_vm", NULL);
	DAMAGE(mm.stack_vm, mm.stack_vm - 1, "AC1: stack_vm", NULL);
	DAMAGE(area(7)->vm_flags, area(7)->vm_flags | VM_LOCKED, "AC2: locked_vm", NULL);
	DAMAGE(sys.committed, 0, "AC3", NULL);
}

static void test_an_area_of_another_mm(void **state)
{
	static struct mm_struct other;

	DAMAGE(area(20)->vm_mm, &other, "VM2: vm_mm", area(20));
}

static unsigned long changes;

static void damage_and_change(void)
{
	area(20)->vm_end = area(20)->vm_start;
	for (unsigned long i = 0; i < changes; i++)
		if (mm_munmap(&mm, place(AREAS - 1 - i), PAGE))
			_exit(1);
}

/* Damage, then @nr changes elsewhere. @return what it said before it was ended; "" when it was not. */
static const char *said_of(unsigned int verify, unsigned long nr)
{
	unsigned int as_it_was = sys.verify;
	const char *said;

	sys.verify = verify;
	changes = nr;
	said = panic_of(damage_and_change);
	sys.verify = as_it_was;
	return said;
}

static void test_damage_is_found_at_the_next_change_when_asked_for(void **state)
{
	char where[64];

	snprintf(where, sizeof(where), "(area %lx-%lx)", place(20), place(20));
	assert_string_equal(said_of(MM_VERIFY_NEVER, 30), "");
	if (!strstr(said_of(MM_VERIFY_ALWAYS, 1), where))
		fail_msg("always: not at its area");
	mm.unverified = 0;
	assert_string_equal(said_of(MM_VERIFY_SOMETIMES, 1), "");
	mm.unverified = AREAS - 10;
	if (!strstr(said_of(MM_VERIFY_SOMETIMES, 30), where))
		fail_msg("sometimes: not after as many changes as there are areas");
}

#ifndef MM_INDEX_LINKED
/* The hole that was found last, if it were another one than the highest. */
static void test_remembered_hole(void **state)
{
	const struct mmap_request anywhere = { .len = PAGE, .flags = MAP_PRIVATE | MAP_ANONYMOUS };
	struct mm_hole lower = { .start = area(20)->vm_end,
		.end = place(21),
		.length = PAGE,
		.high = mm.mmap_base,
		.prev = area(20),
		.next = area(21) };
	unsigned long addr = mm_mmap(&mm, &anywhere);

	assert_int_equal(mm.hole.end, addr);
	DAMAGE(mm.hole.next, area(3), "HO1: an area that is not the next", vma_lookup(&mm, addr));
	DAMAGE(mm.hole.prev, area(3), "HO1: another area lies before", NULL);
	DAMAGE(mm.hole.start, place(3), "HO1: an area that is not the next", area(3));
	DAMAGE(mm.hole, lower, "HO1: there is a hole above", area(22));
	assert_int_equal(mm_munmap(&mm, addr, PAGE), 0);
	lower.length = 1UL << 40;
	DAMAGE(mm.hole, lower, "HO1: there is a hole at the top", NULL);
	DAMAGE(mm.hole_above, lower, "HO1: there is a hole at the top", NULL);
}

static void test_bounds(void **state)
{
	struct vm_area_struct *vma = area(20);

	DAMAGE(vma->vm_start, vma->vm_start - PAGE, "VM2: vm_start", NULL);
	DAMAGE(vma->vm_end, vma->vm_end + PAGE, "VM2: vm_start or vm_end", NULL);
	assert_int_equal(
		mtree_store_range(&mm.mm_mt, vma->vm_end, vma->vm_end + PAGE - 1, vma, GFP_KERNEL), 0);
	found("VM2: vm_start or vm_end", vma);
	assert_int_equal(
		mtree_store_range(&mm.mm_mt, vma->vm_end, vma->vm_end + PAGE - 1, NULL, GFP_KERNEL), 0);
	repaired();
}

static void test_what_was_found_last(void **state)
{
	struct vm_area_struct gone = *area(20);

	assert_ptr_equal(mm.found, area(20));
	DAMAGE(mm.found, &gone, "VM3", &gone);
}

static void test_links(void **state)
{
	struct vm_area_struct *vma = area(20), *last = area(AREAS - 1);

	DAMAGE(vma->vm_prev, area(18), "VM4: vm_prev is not", vma);
	DAMAGE(area(0)->vm_prev, vma, "VM4: vm_prev is not", area(0));
	DAMAGE(vma->vm_next, area(22), "VM4: vm_next is not", vma);
	DAMAGE(last->vm_next, vma, "VM4: vm_next leads on", last);
}
#else
static void test_order(void **state)
{
	struct vm_area_struct *vma = area(20);

	DAMAGE(vma->vm_start, area(19)->vm_end - PAGE, "LI2: vm_start is below", NULL);
	DAMAGE(vma->vm_end, vma->vm_start, "LI2: vm_end", NULL);
}

static void test_links(void **state)
{
	struct vm_area_struct *vma = area(20), *last = area(AREAS - 1);
	struct vm_area_struct stray = *vma;

	DAMAGE(vma->vm_next, area(22), "LI1: vm_next is not", vma);
	DAMAGE(vma->vm_next, NULL, "LI1: vm_next is not", vma);
	DAMAGE(vma->vm_prev, area(18), "LI1: vm_prev", vma);
	DAMAGE(last->vm_next, &stray, "LI1: vm_next leads on", last);
	DAMAGE(mm.mmap, area(1), "LI1: mm->mmap", area(0));
	DAMAGE(mm.mmap_cache, &stray, "LI4: mmap_cache", NULL);
}

/* Every node's colour, one after the other. */
static void test_colours(void **state)
{
	for (unsigned long i = 0; i < AREAS; i++) {
		struct rb_node *node = &area(i)->vm_rb;

		node->__rb_parent_color ^= RB_BLACK;
		found("LI3: vm_rb", NULL);
		node->__rb_parent_color ^= RB_BLACK;
		repaired();
	}
}

static void test_parents(void **state)
{
	struct rb_node *node = &area(20)->vm_rb;

	DAMAGE(node->__rb_parent_color, node->__rb_parent_color & 3, "RB4", area(20));
}
#endif

#ifdef MM_INDEX_AUGMENTED
static void test_gaps(void **state)
{
	for (unsigned long i = 0; i < AREAS; i++) {
		struct vm_area_struct *vma = area(i);

		/* The rule is broken at the area itself, or first at the one above that hides behind it. */
		DAMAGE(vma->rb_subtree_gap, vma->rb_subtree_gap + PAGE, "GA1: rb_subtree_gap", NULL);
		DAMAGE(vma->rb_subtree_gap, vma->rb_subtree_gap - PAGE, "GA1: rb_subtree_gap", NULL);
	}
	DAMAGE(area(0)->rb_subtree_gap, 0, "GA1: rb_subtree_gap", NULL);
	DAMAGE(mm.highest_vm_end, mm.highest_vm_end + PAGE, "GA2: highest_vm_end", area(AREAS - 1));
}
#endif

#ifdef MM_INDEX_CLASSIC
static void test_free_area_cache(void **state)
{
	unsigned long hole = place(21) - area(20)->vm_end;
	struct free_area_cache all = { .base = mm.mmap_base,
		.free_area_cache = place(21),
		.cached_hole_size = mm.mmap_base,
		.topdown = true };

	mm.free_area = all;
	repaired();
	mm.free_area.cached_hole_size = hole;
	found("FC1: cached_hole_size", NULL);
	mm.free_area = all;
	DAMAGE(mm.free_area.free_area_cache, area(20)->vm_end + PAGE, "FC2: free_area_cache", area(21));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counters, begin, end),
		cmocka_unit_test_setup_teardown(test_an_area_of_another_mm, begin, end),
		cmocka_unit_test_setup_teardown(
			test_damage_is_found_at_the_next_change_when_asked_for, begin, end),
#ifndef MM_INDEX_LINKED
		cmocka_unit_test_setup_teardown(test_remembered_hole, begin, end),
		cmocka_unit_test_setup_teardown(test_bounds, begin, end),
		cmocka_unit_test_setup_teardown(test_what_was_found_last, begin, end),
		cmocka_unit_test_setup_teardown(test_links, begin, end),
#else
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_links, begin, end),
		cmocka_unit_test_setup_teardown(test_colours, begin, end),
		cmocka_unit_test_setup_teardown(test_parents, begin, end),
#endif
#ifdef MM_INDEX_AUGMENTED
		cmocka_unit_test_setup_teardown(test_gaps, begin, end),
#endif
#ifdef MM_INDEX_CLASSIC
		cmocka_unit_test_setup_teardown(test_free_area_cache, begin, end),
#endif
	};

	return cmocka_run_group_tests_name("damage to an address space is found", tests, NULL, NULL);
}
