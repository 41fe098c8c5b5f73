/* SPDX-License-Identifier: MIT */
/* Loops over a maple tree: each step is a find, in a leaf, from leaf to leaf, and beside changes. */
#include "maple_tree.h"

#include "leaf.h"

/* The step inside a leaf, and what it leaves to mas_find(): erased areas, the limit, writes, places set by hand. */
static void test_a_step_of_a_loop_is_a_find(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 20);
	assert_null(mas_step_in_leaf(&mas, ULONG_MAX)); /* not yet anywhere */
	assert_ptr_equal(mas_find_step(&mas, ULONG_MAX), xa_mk_value(0));
	assert_null(mas_step_in_leaf(&mas, 9)); /* the next begins at 10 */
	assert_int_equal(mas.index, 0);
	assert_ptr_equal(mas_step_in_leaf(&mas, 10), xa_mk_value(1));
	assert_int_equal(mas.index, 10);
	assert_ptr_equal(mas_step_in_leaf(&mas, ULONG_MAX), xa_mk_value(2));
	assert_non_null(mtree_erase(&mt, 30));
	assert_null(mas_step_in_leaf(&mas, ULONG_MAX)); /* written since */
	assert_ptr_equal(mas_find_step(&mas, ULONG_MAX), xa_mk_value(4));
	assert_int_equal(mas.index, 40);
	mas.last = 57;
	assert_null(mas_step_in_leaf(&mas, ULONG_MAX));
	assert_ptr_equal(mas_find_step(&mas, ULONG_MAX), xa_mk_value(6));
	mas_pause(&mas);
	assert_null(mas_step_in_leaf(&mas, ULONG_MAX));
	mtree_destroy(&mt);
}

/* A loop up to @max meets the entries of fill() that begin there or below, but every @gone-th. */
static void expect_loop(struct maple_tree *mt, unsigned long max, unsigned long gone)
{
	MA_STATE(mas, mt, 0, 0);
	unsigned long next = 1;
	void *entry;

	mas_for_each (&mas, entry, max) {
		next += next % gone == 0;
		assert_ptr_equal(entry, xa_mk_value(next));
		assert_int_equal(mas.index, 10 * next);
		assert_int_equal(mas.last, 10 * next + 4);
		next++;
	}
	next += next % gone == 0;
	assert_true(10 * next > max);
}

static void test_a_loop_goes_from_leaf_to_leaf_up_to_its_limit(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	fill(&mt, 203);
	for (unsigned long gone = 6; gone < 203; gone += 28) {
		for (unsigned long i = 0; i < 203; i += gone)
			(void)mtree_erase(&mt, 10 * i);
		for (unsigned long max = 9; max < 2000; max += max % 10 == 9 ? 1 : 9)
			expect_loop(&mt, max, gone);
		mtree_destroy(&mt);
		fill(&mt, 203);
	}
	mtree_destroy(&mt);
}

static void test_a_loop_meets_every_entry_once(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	unsigned long index = 0, count = 0;
	void *entry;

	(void)state;
	fill(&mt, 200);
	mt_for_each (&mt, entry, index, ULONG_MAX)
		assert_ptr_equal(entry, xa_mk_value(count++));
	assert_int_equal(count, 200);
	index = 47;
	mt_for_each (&mt, entry, index, 60)
		count++;
	assert_int_equal(count, 202);
	assert_int_equal(index, 65);
	store(&mt, 1995, ULONG_MAX, A);
	index = 1990;
	count = 0;
	mt_for_each (&mt, entry, index, ULONG_MAX)
		count++;
	assert_int_equal(count, 2);
	mtree_destroy(&mt);
}

/* The leaf that comes next, as the cursor's parent knows it, is there no more. */
static void test_a_loop_whose_next_leaf_has_gone_walks_again(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 100);
	for (unsigned long i = 0; i < LEAF_AREAS; i++)
		assert_ptr_equal(mas_find_step(&mas, ULONG_MAX), xa_mk_value(i));
	assert_int_equal(mas.last, mas.max);
	store(&mt, 10 * LEAF_AREAS, 20 * LEAF_AREAS - 1, NULL);
	assert_ptr_equal(mas_find_step(&mas, ULONG_MAX), xa_mk_value(2 * LEAF_AREAS));
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_step_of_a_loop_is_a_find),
		cmocka_unit_test(test_a_loop_goes_from_leaf_to_leaf_up_to_its_limit),
		cmocka_unit_test(test_a_loop_meets_every_entry_once),
		cmocka_unit_test(test_a_loop_whose_next_leaf_has_gone_walks_again),
	};

	return RUN_MAPLE_TESTS("loops over a maple tree", tests);
}
