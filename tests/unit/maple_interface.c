/* SPDX-License-Identifier: MIT */
/*
 * The edges of the maple tree's normal interface: what is refused and what comes back, what a tree keeps when it is
 * destroyed or duplicated, and which lock or section is held meanwhile.
 */
#include "maple_tree.h"

#include <errno.h>

#include <vmaple/port.h>

#include "leaf.h"

static void test_zero_entries_occupy_and_are_hidden(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	unsigned long index = 0;

	(void)state;
	store(&mt, 0, 0, XA_ZERO_ENTRY);
	assert_null(mtree_load(&mt, 0));
	assert_false(mtree_empty(&mt));
	assert_int_equal(mt_height(&mt), 1);
	store(&mt, 5, 5, XA_ZERO_ENTRY);
	store(&mt, 9, 9, A);
	assert_null(mtree_load(&mt, 5));
	assert_int_equal(mtree_insert(&mt, 5, A, GFP_KERNEL), -EEXIST);
	assert_ptr_equal(mt_find(&mt, &index, ULONG_MAX), A);
	assert_int_equal(index, 10);
	assert_null(mt_find(&mt, &index, ULONG_MAX));
	assert_int_equal(index, 10);
	index = 9;
	assert_null(mt_find(&mt, &index, 8));
	index = 0;
	assert_null(mt_find_after(&mt, &index, ULONG_MAX));
	assert_null(mt_next(&mt, 0, 8));
	assert_null(mt_prev(&mt, 9, 0));
	mtree_destroy(&mt);
}

static void test_bad_arguments_are_refused_and_change_nothing(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	unsigned long start = 77, next = 0;
	void *reserved = (void *)6UL;
	MA_STATE(mas, &mt, 9, 8);

	(void)state;
	store(&mt, 3, 3, A);
	assert_int_equal(mtree_store_range(&mt, 5, 4, B, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_insert_range(&mt, 5, 4, B, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_store(&mt, 5, reserved, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_insert(&mt, 5, reserved, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_range(&mt, &start, reserved, 1, 0, 9, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_rrange(&mt, &start, reserved, 1, 0, 9, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, reserved, 0, 9, &next, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_range(&mt, &start, B, 1, 0, 9, GFP_KERNEL), -EINVAL);
	assert_int_equal(mas_store_gfp(&mas, B, GFP_KERNEL), -EINVAL);
	(void)mas_store(&mas, B);
	assert_true(mas_is_err(&mas));
	assert_int_equal(mas.error, -EINVAL);
	assert_false(mas_nomem(&mas, GFP_KERNEL));
	assert_int_equal(start, 77);
	for (unsigned long i = 0; i < 12; i++)
		assert_ptr_equal(mtree_load(&mt, i), i == 3 ? A : NULL);
	mtree_destroy(&mt);
}

static void test_windows_that_cannot_hold_the_run_are_refused(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long start = 77;

	(void)state;
	assert_int_equal(mtree_alloc_range(&mt, &start, A, 0, 0, 9, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_range(&mt, &start, A, 11, 0, 9, GFP_KERNEL), -EINVAL);
	assert_int_equal(mtree_alloc_rrange(&mt, &start, A, 1, 9, 8, GFP_KERNEL), -EINVAL);
	assert_int_equal(start, 77);
	assert_int_equal(mtree_alloc_range(&mt, &start, A, 10, 0, 9, GFP_KERNEL), 0);
	assert_int_equal(start, 0);
	assert_int_equal(mtree_alloc_range(&mt, &start, B, 1, 0, 9, GFP_KERNEL), -EBUSY);
	assert_int_equal(mtree_alloc_rrange(&mt, &start, B, 1, 0, 9, GFP_KERNEL), -EBUSY);
	assert_int_equal(mtree_alloc_rrange(&mt, &start, B, 5, 0, ULONG_MAX, GFP_KERNEL), 0);
	assert_int_equal(start, ULONG_MAX - 4);
	mtree_destroy(&mt);
	store(&mt, 0, 0, A); /* in the root, without a node */
	assert_int_equal(mt_height(&mt), 0);
	assert_int_equal(mtree_alloc_range(&mt, &start, B, 1, 0, 0, GFP_KERNEL), -EBUSY);
	assert_int_equal(mtree_alloc_range(&mt, &start, B, 3, 0, ULONG_MAX, GFP_KERNEL), 0);
	assert_int_equal(start, 1);
	mtree_destroy(&mt);
}

static void test_cyclic_allocation_tells_of_a_wrap_once(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long start, next = 3;

	(void)state;
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, 4, &next, GFP_KERNEL), 0);
	assert_int_equal(start, 3);
	assert_int_equal(next, 4);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, 4, &next, GFP_KERNEL), 0);
	assert_int_equal(next, 5);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, 4, &next, GFP_KERNEL), 1);
	assert_int_equal(start, 2);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, 4, &next, GFP_KERNEL), -EBUSY);
	next = ULONG_MAX;
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, ULONG_MAX, &next, GFP_KERNEL), 0);
	assert_int_equal(next, 0);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, ULONG_MAX, &next, GFP_KERNEL), 1);
	assert_int_equal(start, 5);
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, ULONG_MAX, &next, GFP_KERNEL), 0);
	next = 2; /* from == lo: nothing to wrap to */
	assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 2, 4, &next, GFP_KERNEL), -EBUSY);
	mtree_destroy(&mt);
}

static void test_a_duplicate_is_equal_and_its_own(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0), copy = MTREE_INIT(copy, 0);
	struct maple_tree other = MTREE_INIT(other, MT_FLAGS_ALLOC_RANGE);

	(void)state;
	assert_int_equal(mtree_dup(&mt, &copy, GFP_KERNEL), 0);
	assert_true(mtree_empty(&copy));
	store(&mt, 0, 0, A);
	assert_int_equal(mtree_dup(&mt, &other, GFP_KERNEL), -EINVAL);
	assert_true(mtree_empty(&other));
	assert_int_equal(mtree_dup(&mt, &copy, GFP_KERNEL), 0);
	assert_ptr_equal(mtree_load(&copy, 0), A);
	assert_int_equal(mtree_dup(&mt, &copy, GFP_KERNEL), -EINVAL);
	mtree_destroy(&copy);
	fill(&mt, 1000);
	assert_int_equal(mtree_dup(&mt, &copy, GFP_KERNEL), 0);
	store(&mt, 0, 9999, NULL);
	for (unsigned long i = 0; i < 10000; i++)
		assert_ptr_equal(mtree_load(&copy, i), i % 10 < 5 ? xa_mk_value(i / 10) : NULL);
	mtree_destroy(&copy);
	mtree_destroy(&mt);
}

static void test_destroying_keeps_the_flags(void **state)
{
	struct maple_tree mt;

	(void)state;
	mt_init_flags(&mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	mt_set_in_rcu(&mt);
	assert_true(mt_in_rcu(&mt));
	mtree_destroy(&mt);
	assert_int_equal(mt.ma_flags, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN | MT_FLAGS_USE_RCU);
	mt_clear_in_rcu(&mt);
	assert_int_equal(mt.ma_flags, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	assert_true(mt_external_lock(&mt));
	assert_int_equal(mtree_store(&mt, 4, A, GFP_KERNEL), 0);
	mtree_destroy(&mt);
	assert_true(mtree_empty(&mt));
	assert_int_equal(mt_height(&mt), 0);
}

/* If one of them left its section open, the barrier would wait for ever. */
static void test_readers_leave_their_sections(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_USE_RCU);
	unsigned long index = 0;

	(void)state;
	fill(&mt, 100);
	assert_ptr_equal(mtree_load(&mt, 10), xa_mk_value(1));
	assert_ptr_equal(mt_find(&mt, &index, ULONG_MAX), xa_mk_value(0));
	assert_ptr_equal(mt_next(&mt, 10, ULONG_MAX), xa_mk_value(2));
	assert_ptr_equal(mt_prev(&mt, 10, 0), xa_mk_value(0));
	assert_false(mt.ma_lock.locked);
	mtree_destroy(&mt);
	vmaple_rcu_barrier();
}

/* The trees that must be locked whenever something is allocated. */
static const struct maple_tree *watched[2];
static unsigned int allocations;

static bool watching_refuse(void *ctx, size_t size)
{
	for (int i = 0; i < 2; i++)
		if (watched[i])
			assert_true(watched[i]->ma_lock.locked);
	allocations++;
	return false;
}

static void test_the_normal_interface_works_under_the_lock(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE),
			  copy = MTREE_INIT(copy, MT_FLAGS_ALLOC_RANGE);
	const struct vmaple_port real = *vmaple_get_port();
	struct vmaple_port port = real;
	unsigned long start, next = 0;

	(void)state;
	fill(&mt, 33);
	port.refuse = watching_refuse;
	vmaple_set_port(&port);
	watched[0] = &mt;
	assert_int_equal(mtree_store_range(&mt, 3, 160, A, GFP_KERNEL), 0);
	for (unsigned long i = 0; i < 40; i++)
		assert_int_equal(mtree_insert(&mt, 1000 + 2 * i, A, GFP_KERNEL), 0);
	for (int i = 0; i < 90; i++) {
		if (i % 3 == 0)
			assert_int_equal(mtree_alloc_range(&mt, &start, A, 1, 0, 9999, GFP_KERNEL), 0);
		else if (i % 3 == 1)
			assert_int_equal(mtree_alloc_rrange(&mt, &start, A, 1, 0, 9999, GFP_KERNEL), 0);
		else
			assert_int_equal(mtree_alloc_cyclic(&mt, &start, A, 0, 9999, &next, GFP_KERNEL), 0);
		assert_false(mt.ma_lock.locked);
	}
	for (unsigned long i = 0; i < 40; i++)
		assert_ptr_equal(mtree_erase(&mt, 1000 + 2 * i), A);
	watched[1] = &copy;
	assert_int_equal(mtree_dup(&mt, &copy, GFP_KERNEL), 0);
	assert_true(allocations > 20);
	vmaple_set_port(&real);
	mtree_destroy(&copy);
	mtree_destroy(&mt);
	assert_false(mt.ma_lock.locked);
}

static void test_only_searches_that_the_cpu_has_can_be_chosen(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	fill(&mt, 500);
	assert_false(mt_search_select((enum mt_search_kind)99));
	assert_true(mt_search_select(MT_SEARCH_SCALAR));
	for (unsigned long i = 0; i < 5000; i++)
		assert_ptr_equal(mtree_load(&mt, i), i % 10 < 5 ? xa_mk_value(i / 10) : NULL);
	for (int kind = MT_SEARCH_SSE2; kind <= MT_SEARCH_NEON; kind++)
		for (unsigned long i = 0; mt_search_select((enum mt_search_kind)kind) && i < 5000; i++)
			assert_ptr_equal(mtree_load(&mt, i), i % 10 < 5 ? xa_mk_value(i / 10) : NULL);
	mtree_destroy(&mt);
}

#define SEARCHES 7

static void note_searches(uintptr_t search[SEARCHES])
{
	search[0] = (uintptr_t)mt_walk_load;
	search[1] = (uintptr_t)mt_walk_position;
	search[2] = (uintptr_t)mt_area_at;
	search[3] = (uintptr_t)mt_path_to;
	search[4] = (uintptr_t)mt_find_gap;
	search[5] = (uintptr_t)mt_leaf_gap;
	search[6] = (uintptr_t)mt_inner_gap;
}

/* All that searches is chosen together: no two choices have one function in common. */
static void test_a_choice_of_search_is_one_of_everything(void **state)
{
	uintptr_t chosen[MT_SEARCH_NEON + 1][SEARCHES];
	int nr = 0;

	(void)state;
	for (int kind = MT_SEARCH_SCALAR; kind <= MT_SEARCH_NEON; kind++) {
		if (!mt_search_select((enum mt_search_kind)kind))
			continue;
		note_searches(chosen[nr]);
		for (int other = 0; other < nr; other++)
			for (int i = 0; i < SEARCHES; i++)
				assert_int_not_equal(chosen[other][i], chosen[nr][i]);
		nr++;
	}
	assert_in_range(nr, 1, MT_SEARCH_NEON + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_entries_occupy_and_are_hidden),
		cmocka_unit_test(test_bad_arguments_are_refused_and_change_nothing),
		cmocka_unit_test(test_windows_that_cannot_hold_the_run_are_refused),
		cmocka_unit_test(test_cyclic_allocation_tells_of_a_wrap_once),
		cmocka_unit_test(test_a_duplicate_is_equal_and_its_own),
		cmocka_unit_test(test_destroying_keeps_the_flags),
		cmocka_unit_test(test_readers_leave_their_sections),
		cmocka_unit_test(test_the_normal_interface_works_under_the_lock),
		cmocka_unit_test(test_only_searches_that_the_cpu_has_can_be_chosen),
		cmocka_unit_test(test_a_choice_of_search_is_one_of_everything),
	};

	return RUN_MAPLE_TESTS("the maple tree's normal interface", tests);
}
