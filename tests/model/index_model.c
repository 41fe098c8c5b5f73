/* SPDX-License-Identifier: MIT */
/*
 * Random calls on all indexes of areas at once.
 *
 * After every call: the same result; the same areas, counters; the same answer of every index to a search for a free
 * area, which brute force over the areas gives, too; and each index valid.  (Whole maps and validation: after every
 * call while the map is small, otherwise as often as that costs O(1) a call, see lab/run.c.)
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <lab.h>
#include <vmaple/linux_abi.h>
#include <vmaple/mm_types.h>

#include "random.h"

#define PAGE      4096UL
#define RW        (PROT_READ | PROT_WRITE)
#define LOW       0x10000UL
#define PAGES     1024UL
#define TOP       (LOW + PAGES * PAGE) /* mmap_base: what is searched is small, so that searches fail */
#define MIN_ADDR  65536UL
#define GUARD     (256 * PAGE)
#define HEAP      0x100000000UL
#define CHECK_ALL 64

struct world {
	struct lab_run run;
	struct vm_file file;
	struct random r;
};

static unsigned long below(struct world *w, unsigned long n)
{
	return random_below(&w->r, n);
}

static unsigned long any_page(struct world *w)
{
	return LOW + below(w, PAGES) * PAGE;
}

static unsigned long any_len(struct world *w)
{
	return (1 + below(w, below(w, 8) ? 8 : 200)) * PAGE;
}

static unsigned long any_prot(struct world *w)
{
	static const unsigned long prots[] = { RW, RW, PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC };

	return prots[below(w, 5)];
}

static struct lab_call random_mmap(struct world *w)
{
	static const unsigned long where[] = { 0, 0, 0, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE,
		VMAPLE_MAP_32BIT };
	static const unsigned long extra[] = { 0, 0, 0, MAP_NORESERVE, MAP_POPULATE, MAP_GROWSDOWN,
		MAP_LOCKED };
	struct lab_call c = { .kind = LAB_MMAP };
	unsigned long placed = where[below(w, 7)];
	bool file = below(w, 4) == 0;

	c.a[0] = placed & (MAP_FIXED | MAP_FIXED_NOREPLACE) || below(w, 3) == 0 ? any_page(w) : 0;
	c.a[1] = any_len(w);
	c.a[2] = any_prot(w);
	c.a[3] = placed | (below(w, 6) ? MAP_PRIVATE : MAP_SHARED) | (file ? 0 : MAP_ANONYMOUS);
	if (!file)
		c.a[3] |= extra[below(w, 7)];
	c.a[4] = file ? below(w, PAGES) * PAGE : 0;
	c.file = file ? &w->file : NULL;
	return c;
}

static struct lab_call random_mremap(struct world *w)
{
	static const unsigned long flags[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE,
		MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */ };
	struct lab_call c = { .kind = LAB_MREMAP,
		.a = { any_page(w), any_len(w), any_len(w), flags[below(w, 5)], any_page(w) } };

	if (below(w, 2))
		c.a[2] = c.a[1];
	return c;
}

static struct lab_call random_call(struct world *w)
{
	static const int advices[] = { MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP,
		MADV_DODUMP };

	switch (below(w, 16)) {
	case 0 ... 4:
		return random_mmap(w);
	case 5 ... 7:
		return (struct lab_call){ .kind = LAB_MUNMAP, .a = { any_page(w), any_len(w) } };
	case 8 ... 9:
		return (struct lab_call){ .kind = LAB_MPROTECT,
			.a = { any_page(w), any_len(w), any_prot(w) } };
	case 10 ... 11:
		return random_mremap(w);
	case 12:
		return (struct lab_call){ .kind = LAB_MADVISE,
			.a = { any_page(w), any_len(w), (unsigned long)advices[below(w, 5)] } };
	case 13:
		return (struct lab_call){ .kind = LAB_MLOCK, .a = { any_page(w), any_len(w), below(w, 2) } };
	case 14:
		return (struct lab_call){ .kind = LAB_FAULT, .a = { any_page(w), below(w, 4) } };
	default:
		return (struct lab_call){ .kind = LAB_BRK, .a = { HEAP + below(w, 64) * PAGE } };
	}
}

/* What may be used of the hole between areas[i - 1] and areas[i], below @high. */
static void hole_at(
	const struct lab_area *areas, int i, unsigned long high, unsigned long *start, unsigned long *end)
{
	*start = i ? areas[i - 1].end : 0;
	*start = *start > MIN_ADDR ? *start : MIN_ADDR;
	*end = areas[i].start < high ? areas[i].start : high;
	*end = *end > *start ? *end : *start;
}

/* All areas up to TOP, and one that ends the space. */
static int read_areas(struct world *w, struct lab_area *areas)
{
	unsigned long at = 0;
	int nr = 0;

	while (at < TOP && w->run.indexes[0]->area(w->run.mm[0], at, &areas[nr]))
		at = areas[nr++].end;
	areas[nr] = (struct lab_area){ .start = ~0UL };
	return nr;
}

static unsigned long guarded_start(const struct lab_area *a)
{
	if (!(a->flags & VM_GROWSDOWN))
		return a->start;
	return a->start > GUARD ? a->start - GUARD : 0;
}

/*
 * The highest free range of @len below TOP; 0: none.  A stack whose guard gap is in the way takes with it, as on
 * Linux, all that lies within its gap.
 */
static unsigned long highest_by_force(const struct lab_area *areas, int nr, unsigned long len)
{
	unsigned long high = TOP, start, end;

	for (int i = nr; i >= 0; i--) {
		hole_at(areas, i, high, &start, &end);
		if (end - start >= len && guarded_start(&areas[i]) < end) {
			high = guarded_start(&areas[i]);
			hole_at(areas, i, high, &start, &end);
		}
		if (end - start >= len)
			return end - len;
	}
	return 0;
}

/* The lowest, when it is below TOP; 0: none. */
static unsigned long lowest_by_force(const struct lab_area *areas, int nr, unsigned long len)
{
	unsigned long start, end;

	for (int i = 0; i <= nr; i++) {
		hole_at(areas, i, ~0UL, &start, &end);
		if (end - start >= len && guarded_start(&areas[i]) >= start + len - 1)
			return start < TOP ? start : 0;
	}
	return 0;
}

/* When nothing is free below TOP, the search goes on elsewhere. */
static void check_search(struct world *w, bool bottomup)
{
	struct lab_area areas[PAGES + 8];
	unsigned long len = any_len(w), want, got;
	int nr = read_areas(w, areas);

	want = bottomup ? lowest_by_force(areas, nr, len) : highest_by_force(areas, nr, len);
	got = (unsigned long)lab_do(
		&w->run, (struct lab_call){ .kind = LAB_SEARCH, .a = { 0, len, MAP_PRIVATE } });
	if (want ? got != want : got < TOP)
		fail_msg("%lx bytes: %lx is free, the search found %lx", len, want, got);
}

static void check(struct world *w, const struct lab_call *c)
{
	const char *reason;

	for (int i = 0; i < LAB_INDEXES && !w->run.failed; i++)
		if (!w->run.indexes[i]->validate(w->run.mm[i], &reason))
			fail_msg("call %lu, %s(%lx, %lx, %lx, %lx, %lx): %s: %s", (unsigned long)w->run.calls,
				lab_kind_name(c->kind), c->a[0], c->a[1], c->a[2], c->a[3], c->a[4],
				w->run.indexes[i]->name, reason);
	if (w->run.failed)
		fail_msg("%s", w->run.error);
}

/* What found no place below TOP lies elsewhere, out of reach of random calls: it would only grow. */
static void unmap_elsewhere(struct world *w)
{
	const unsigned long heap_end = HEAP + 64 * PAGE;

	lab_do(&w->run, (struct lab_call){ .kind = LAB_MUNMAP, .a = { TOP, HEAP - TOP } });
	lab_do(&w->run, (struct lab_call){ .kind = LAB_MUNMAP, .a = { heap_end, (1UL << 46) - heap_end } });
}

static void run_world(const struct lab_setup *setup, unsigned long rounds, uint64_t seed)
{
	static struct world w;

	w.file = (struct vm_file){ .refs = 1, .readable = true, .writable = true, .name = "file" };
	w.r.state = seed;
	assert_int_equal(lab_begin(&w.run, NULL, setup), 0);
	for (unsigned long i = 0; i < rounds; i++) {
		struct lab_call c = random_call(&w);

		lab_do(&w.run, c);
		check_search(&w, setup->bottomup);
		lab_do(&w.run, (struct lab_call){ .kind = LAB_FIND, .a = { any_page(&w) } });
		if (i % 1024 == 0)
			unmap_elsewhere(&w);
		if (i % CHECK_ALL == 0 || rounds < 10000 || w.run.failed)
			check(&w, &c);
	}
	lab_end(&w.run);
	if (w.run.failed)
		fail_msg("at the end: %s", w.run.error);
	assert_int_equal(w.file.refs, 1);
}

static void test_searches_from_the_top_in_a_small_space(void **state)
{
	const struct lab_setup setup = { .mmap_base = TOP, .brk = HEAP };

	run_world(&setup, 9000, random_seed());
	run_world(&setup, test_operations(120000), random_seed() + 1);
}

static void test_searches_from_the_bottom(void **state)
{
	const struct lab_setup setup = { .bottomup = true, .mmap_base = LOW, .brk = HEAP };

	run_world(&setup, test_operations(120000), random_seed());
}

static void test_few_areas_are_allowed(void **state)
{
	const struct lab_setup setup = { .mmap_base = TOP, .brk = HEAP, .max_map_count = 40 };

	run_world(&setup, test_operations(60000), random_seed());
}

static void test_the_index_is_verified_at_every_change(void **state)
{
	const struct lab_setup setup = { .mmap_base = TOP, .brk = HEAP, .verify = MM_VERIFY_ALWAYS };

	run_world(&setup, test_operations(6000) / 4, random_seed());
}

/* The lab's own workloads, small. */
static void test_workloads(void **state)
{
	for (int i = 0; i < lab_nr_workloads; i++) {
		struct lab_run run;

		assert_int_equal(lab_begin(&run, NULL, &lab_workloads[i].setup), 0);
		lab_workloads[i].run(&run, 150);
		lab_end(&run);
		if (run.failed)
			fail_msg("%s: %s", lab_workloads[i].name, run.error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches_from_the_top_in_a_small_space),
		cmocka_unit_test(test_searches_from_the_bottom),
		cmocka_unit_test(test_few_areas_are_allowed),
		cmocka_unit_test(test_the_index_is_verified_at_every_change),
		cmocka_unit_test(test_workloads),
	};

	return cmocka_run_group_tests_name("indexes of areas against each other", tests, NULL, NULL);
}
