/* SPDX-License-Identifier: MIT */
/*
 * The hole that lib/mm remembers against brute force: whatever is mapped and unmapped between two searches, the place
 * is the one that a search of all pages finds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "page_world.h"

/* Some area, whole; and its neighbour now and then. */
static struct call some_areas(void)
{
	struct vm_area_struct *vma = find_vma(&w.mm, at(random_below(&w.r, PAGES)));
	struct call c = { .kind = MUNMAP, .from = LOW, .len = 1 };

	if (!vma)
		return c;
	c.from = page_of(vma->vm_start);
	c.len = page_of(vma->vm_end) - c.from;
	vma = vma_lookup(&w.mm, vma->vm_end);
	if (vma && random_below(&w.r, 4) == 0)
		c.len = page_of(vma->vm_end) - c.from;
	return c;
}

static void step(void)
{
	struct call c = { .kind = PLACED, .len = 1 + random_below(&w.r, random_below(&w.r, 4) ? 6 : 60) };
	unsigned long what = random_below(&w.r, 100);
	const char *reason;
	long result;

	/* Areas of two kinds, so that not all merge. */
	c.prot = what & 1 ? PROT_READ : PROT_NONE;
	if (what < 40)
		c = some_areas();
	else if (what < 43)
		c = (struct call){ STACK, random_below(&w.r, BASE), 1 + random_below(&w.r, 3), 0, PROT_READ };
	else if (what < 46)
		w.mm.mmap_base = at(w.base = BASE - 64 * random_below(&w.r, 3));
	else if (what < 49)
		w.sys.mmap_min_addr = at(w.low = LOW + 64 * random_below(&w.r, 3));
	if (c.kind == STACK && c.from < w.low)
		return;
	result = c.kind == PLACED ? place(c.len) : c.kind == STACK ? (long)c.from : 0;
	assert_int_equal(make(&c), result);
	if (result >= 0)
		model(&c, result);
	check_want(&c, "done");
	if (!mm_validate(&w.mm, &reason))
		fail_msg("%s", reason);
}

static void test_the_remembered_hole_is_the_one_that_is_found(void **state)
{
	unsigned long steps = test_operations(10000) * 4, kept = 0, two = 0;

	world_begin(12, random_seed());
	w.sys.pmd_size = 0;
	w.mm.mmap_base = at(BASE);
	for (unsigned long i = 0; i < steps; i++) {
		step();
		kept += w.mm.hole.start < w.mm.hole.end;
		two += w.mm.hole_above.start < w.mm.hole_above.end;
	}
	print_message(
		"# a hole was known after %lu of %lu steps, and one above after %lu\n", kept, steps, two);
	assert_true(kept > steps / 4);
	assert_true(two > steps / 16);
	mm_exit(&w.mm);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_remembered_hole_is_the_one_that_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
