/* SPDX-License-Identifier: MIT */
/*
 * A maple tree of up to a million areas against brute force: an array that says, index by index, what is stored there.
 *
 * Every store puts an entry of its own over some neighbouring cells of a grid, or NULL, so that the bounds of a range
 * are where the array changes. Trees grow to a million areas, are stirred, and shrink again: cells of one index, of a
 * page, and so far apart that no leaf is narrow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "random.h"

#define CELLS  (1UL << 21)
#define WINDOW 4000 /* cells that a gap search, or a wide store, covers at most */

struct world {
	struct maple_tree mt;
	struct random r;
	unsigned long step, value, areas;
	void *at[CELLS];
};

static struct world w;

/* Cells [from, to]: as far as the array is the same, but not below @low or above @high. */
static unsigned long run_begin(unsigned long cell, unsigned long low)
{
	unsigned long from = cell;

	while (from > low && w.at[from - 1] == w.at[cell])
		from--;
	return from;
}

static unsigned long run_end(unsigned long cell, unsigned long high)
{
	unsigned long to = cell;

	while (to < high && w.at[to + 1] == w.at[cell])
		to++;
	return to;
}

/* Entries in [from, to], each counted where it begins. */
static unsigned long areas_in(unsigned long from, unsigned long to)
{
	unsigned long areas = 0;

	for (unsigned long i = from; i <= to; i++)
		areas += w.at[i] && (!i || w.at[i - 1] != w.at[i]);
	return areas;
}

static void store(unsigned long from, unsigned long to, void *entry)
{
	unsigned long end = to + 1 < CELLS ? to + 1 : to;

	w.areas -= areas_in(from, end);
	assert_int_equal(
		mtree_store_range(&w.mt, from * w.step, (to + 1) * w.step - 1, entry, GFP_KERNEL), 0);
	for (unsigned long i = from; i <= to; i++)
		w.at[i] = entry;
	w.areas += areas_in(from, end);
}

static unsigned long random_cell(void)
{
	return random_below(&w.r, CELLS);
}

static void store_somewhere(unsigned int erase_percent, unsigned long widest)
{
	unsigned long from = random_cell(), to = from + random_below(&w.r, widest);
	bool erase = random_below(&w.r, 100) < erase_percent;

	store(from, to < CELLS ? to : CELLS - 1, erase ? NULL : xa_mk_value(++w.value));
}

static void check_range(void)
{
	unsigned long cell = random_cell(), index = cell * w.step + random_below(&w.r, w.step);
	MA_STATE(mas, &w.mt, index, index);
	unsigned long from = run_begin(cell, 0), to = run_end(cell, CELLS - 1);

	assert_ptr_equal(mtree_load(&w.mt, index), w.at[cell]);
	assert_ptr_equal(mas_walk(&mas), w.at[cell]);
	assert_int_equal(mas.index, from * w.step);
	assert_true(mas.last == (to + 1) * w.step - 1 ||
		    (to == CELLS - 1 && !w.at[cell] && mas.last == ULONG_MAX));
}

static void check_iteration(void)
{
	unsigned long cell = random_cell();
	MA_STATE(mas, &w.mt, cell * w.step, cell * w.step);
	void *entry = mas_find(&mas, ULONG_MAX);

	for (unsigned int steps = 40; steps; steps--) {
		while (cell < CELLS && !w.at[cell])
			cell++;
		assert_ptr_equal(entry, cell < CELLS ? w.at[cell] : NULL);
		if (!entry)
			return;
		cell = run_end(cell, CELLS - 1) + 1;
		assert_int_equal(mas.last, cell * w.step - 1);
		entry = mas_next(&mas, ULONG_MAX);
	}
}

/* The lowest, or highest, run of @cells free ones within [from, to]. @return its first cell, or CELLS. */
static unsigned long free_run(unsigned long from, unsigned long to, unsigned long cells, bool highest)
{
	unsigned long run = 0, found = CELLS;

	for (unsigned long i = from; i <= to; i++) {
		run = w.at[i] ? 0 : run + 1;
		if (run < cells)
			continue;
		found = i - cells + 1;
		if (!highest)
			break;
	}
	return found;
}

static void check_gap(void)
{
	unsigned long from = random_cell(), to = from + WINDOW < CELLS ? from + WINDOW : CELLS - 1, found;
	unsigned long cells = 1 + random_below(&w.r, 12);
	bool highest = random_below(&w.r, 2);
	MA_STATE(mas, &w.mt, 0, 0);
	int ret;

	if (to - from + 1 < cells)
		return;
	found = free_run(from, to, cells, highest);
	ret = (highest ? mas_empty_area_rev : mas_empty_area)(
		&mas, from * w.step, (to + 1) * w.step - 1, cells * w.step);
	assert_int_equal(ret, found == CELLS ? -EBUSY : 0);
	if (!ret)
		assert_int_equal(mas.index, found * w.step);
}

static void check_tree(void)
{
	const char *reason;
	struct mt_stats stats;

	if (!mt_check(&w.mt, &reason))
		fail_msg("%s", reason);
	mt_statistics(&w.mt, &stats);
	assert_int_equal(stats.entries, w.areas);
}

static void phase(unsigned long operations, unsigned int erase_percent, unsigned long widest)
{
	for (unsigned long i = 0; i < operations; i++) {
		switch (random_below(&w.r, 8)) {
		case 0 ... 4:
			store_somewhere(erase_percent, random_below(&w.r, 20000) ? widest : WINDOW);
			break;
		case 5:
			check_range();
			break;
		case 6:
			check_iteration();
			break;
		default:
			check_gap();
		}
		if (i % 500000 == 0)
			check_tree();
	}
	check_tree();
}

static void run(unsigned int flags, unsigned long step)
{
	unsigned long operations = test_operations(300000) / 4;

	w.step = step;
	w.areas = 0;
	mt_init_flags(&w.mt, flags);
	for (unsigned long i = 0; i < CELLS; i++)
		w.at[i] = NULL;
	for (unsigned long i = 0; i < CELLS; i += 2)
		store(i, i, xa_mk_value(++w.value));
	assert_true(w.areas >= 1000000);
	phase(operations, 50, 2);
	phase(operations, 10, 1);
	phase(operations, 60, 8);
	phase(operations, 95, 60);
	mtree_destroy(&w.mt);
}

static void test_dense_indices(void **state)
{
	(void)state;
	w.r.state = random_seed();
	run(MT_FLAGS_ALLOC_RANGE, 1);
}

static void test_pages_in_rcu_mode(void **state)
{
	(void)state;
	w.r.state = random_seed();
	run(MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU, 4096);
}

static void test_areas_far_apart(void **state)
{
	(void)state;
	w.r.state = random_seed();
	run(MT_FLAGS_ALLOC_RANGE, 1UL << 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dense_indices),
		cmocka_unit_test(test_pages_in_rcu_mode),
		cmocka_unit_test(test_areas_far_apart),
	};
	int ret;

	vmaple_rcu_register_thread();
	ret = cmocka_run_group_tests_name("a maple tree of a million areas", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return ret;
}
