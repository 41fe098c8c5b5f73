/* SPDX-License-Identifier: MIT */
/* Leaves of the maple tree: their layout, the areas erased in them, and the gaps that are known of them. */
#include "maple_tree.h"

#include <errno.h>

#include "leaf.h"

/* A tree without gaps gets one, and then a store that spans leaves, and now and then their parents, fills it. */
static void test_a_gap_that_vanishes_is_forgotten_at_every_level(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	for (unsigned long i = 0; i < 6000; i++)
		assert_int_equal(mtree_store(&mt, i, xa_mk_value(i), GFP_KERNEL), 0);
	assert_int_equal(mt_height(&mt), 3);
	for (unsigned long i = 60; i < 5900; i += 61) {
		store(&mt, i, i + 7, NULL);
		assert_int_equal(mas_empty_area(&mas, 0, 5999, 8), 0);
		assert_int_equal(mas.index, i);
		assert_true(mas_is_active(&mas));
		store(&mt, i - 21, i + 23, xa_mk_value(i));
		assert_int_equal(mas_empty_area(&mas, 0, 5999, 1), -EBUSY);
	}
	mtree_destroy(&mt);
}

static void expect_layout(struct maple_tree *mt, unsigned long index, unsigned int shift, unsigned long wide)
{
	struct mt_position pos;
	struct mt_stats s;

	mt_walk_position(mt->ma_root, index, &pos);
	if (leaf_shift(pos.leaf) != shift)
		fail_msg("the leaf of %lu has the shift %u and not %u", index, leaf_shift(pos.leaf), shift);
	mt_statistics(mt, &s);
	assert_int_equal(s.wide_leaves, wide);
	assert_int_equal(s.bytes, (s.leaves - wide) * 512 + (wide + s.inner_nodes) * 768);
}

/* A leaf takes the layout that its areas ask for, and another when it can no longer hold what comes. */
static void test_leaves_are_as_narrow_as_they_can(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long page = 4096, units = 1UL << 31;

	(void)state;
	store(&mt, 7 * page, 9 * page - 1, A);
	expect_layout(&mt, 7 * page, 12, 0);
	store(&mt, page, 2 * page - 1, B); /* below the first */
	expect_layout(&mt, 7 * page, 12, 0);
	store(&mt, 20 * page, 20 * page, C); /* no page */
	expect_layout(&mt, 7 * page, 0, 0);
	store(&mt, units - 100, units, A);
	expect_layout(&mt, 7 * page, 0, 0);
	store(&mt, units + 2 * page, units + 3 * page, B); /* farther than 2^31 indices from the first */
	expect_layout(&mt, 7 * page, LEAF_WIDE, 1);
	assert_ptr_equal(mtree_load(&mt, 20 * page), C);
	assert_ptr_equal(mtree_load(&mt, units + 2 * page), B);
	mtree_destroy(&mt);
	store(&mt, 0, page - 1, A);
	store(&mt, (units - 70) * page, (units - 69) * page - 1, B); /* 8 TiB above */
	expect_layout(&mt, 0, 12, 0);
	store(&mt, (units + 9) * page, (units + 10) * page - 1, C);
	expect_layout(&mt, 0, LEAF_WIDE, 1);
	for (unsigned long i = 0; i < 40; i++)
		store(&mt, (units + 20 + 2 * i) * page, (units + 21 + 2 * i) * page - 1, A);
	expect_layout(&mt, (units + 98) * page, 12, 1); /* the leaf behind it lies near together again */
	store(&mt, 0, 0, NULL);
	store(&mt, 0, ULONG_MAX - 5, A);
	expect_layout(&mt, 0, LEAF_WIDE, 1);
	store(&mt, 0, ULONG_MAX - page, NULL);
	store(&mt, ULONG_MAX - 4 * page, ULONG_MAX, B);
	assert_ptr_equal(mtree_load(&mt, ULONG_MAX), B);
	assert_null(mtree_load(&mt, ULONG_MAX - 4 * page - 1));
	mtree_destroy(&mt);
}

static void test_an_appended_leaf_counts_from_where_it_begins(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_position pos;

	(void)state;
	for (unsigned long i = 0; i <= 2 * LEAF_AREAS; i++)
		store(&mt, 1024 * i, 1024 * i + 63, xa_mk_value(i));
	mt_walk_position(mt.ma_root, ULONG_MAX, &pos);
	assert_int_equal(pos.leaf->nr, 1);
	assert_int_equal(pos.min, 1024 * (2 * LEAF_AREAS - 1) + 64);
	assert_int_equal(leaf_base(pos.leaf), pos.min);
	mtree_destroy(&mt);
}

/* The one right before it, or right behind; where the leaf is full but for erased areas, all go. */
static void test_erased_areas_give_their_places_to_what_is_stored_beside_them(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	const struct mt_leaf *leaf;

	(void)state;
	fill(&mt, 20);
	leaf = mt_root_node(mt.ma_root);
	for (unsigned long i = 5; i < 10; i++)
		(void)mtree_erase(&mt, 10 * i);
	assert_int_equal(leaf->nr, 20);
	store(&mt, 97, 98, A); /* behind the five */
	assert_int_equal(leaf->nr, 20);
	assert_ptr_equal(leaf->slot[9], A);
	(void)mtree_erase(&mt, 150);
	store(&mt, 147, 148, B); /* before the one */
	assert_int_equal(leaf->nr, 20);
	assert_ptr_equal(leaf->slot[15], B);
	store(&mt, 17, 18, A); /* beside none */
	assert_int_equal(leaf->nr, 21);
	for (unsigned long i = 0; leaf->nr < LEAF_AREAS - 1; i++)
		store(&mt, 300 + 10 * i, 305 + 10 * i, A);
	store(&mt, 167, 168, A);
	assert_int_equal(leaf->nr, LEAF_AREAS - 1 - 4 + 1); /* the other four went */
	mtree_destroy(&mt);
}

/* Areas that come from above, each lower than all: the first leaf has room below. */
static void test_areas_may_come_in_descending_order(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long top = 0x7ffffffff000UL;
	struct mt_stats s;

	(void)state;
	store(&mt, 0x555555554000UL, 0x555555554fffUL, A);
	for (unsigned long i = 1; i <= 1000; i++)
		store(&mt, top - i * 8192, top - i * 8192 + 4095, xa_mk_value(i));
	for (unsigned long i = 1; i <= 1000; i++)
		assert_ptr_equal(mtree_load(&mt, top - i * 8192 + 77), xa_mk_value(i));
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 1001);
	assert_int_equal(s.wide_leaves, 1); /* the one that the lone area far below is in */
	mtree_destroy(&mt);
}

/* Erasing is one store into a slot: the hole is there for all, and what is stored there next takes its place. */
static void test_erased_areas_are_part_of_the_hole(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
	MA_STATE(mas, &mt, 0, 0);
	const struct mt_leaf *leaf;

	(void)state;
	fill(&mt, 20);
	leaf = mt_root_node(mt.ma_root);
	for (unsigned long i = 5; i < 9; i++)
		store(&mt, 10 * i, 10 * i + 4, NULL);
	assert_ptr_equal(mt_root_node(mt.ma_root), leaf);
	assert_int_equal(leaf->nr, 20);
	assert_int_equal(leaf->live, 16);
	mas_set(&mas, 62);
	assert_null(mas_walk(&mas));
	assert_int_equal(mas.index, 45);
	assert_int_equal(mas.last, 89);
	assert_ptr_equal(mas_next_range(&mas, ULONG_MAX), xa_mk_value(9));
	assert_null(mas_prev_range(&mas, 0));
	assert_int_equal(mas.index, 45);
	assert_int_equal(mas.last, 89);
	assert_ptr_equal(mas_prev_range(&mas, 0), xa_mk_value(4));
	assert_null(mas_next_range(&mas, ULONG_MAX));
	assert_int_equal(mas.last, 89);
	mas_set(&mas, 47);
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(9));
	assert_ptr_equal(mas_find_rev(&mas, 0), xa_mk_value(4));
	assert_int_equal(mas_empty_area(&mas, 0, 1000, 45), 0);
	assert_int_equal(mas.index, 45);
	store(&mt, 60, 64, C); /* as it was: one slot again */
	assert_ptr_equal(mt_root_node(mt.ma_root), leaf);
	assert_ptr_equal(mtree_load(&mt, 63), C);
	assert_int_equal(leaf->live, 17);
	mas_set_range(&mas, 70, 74);
	assert_int_equal(mas_store_gfp(&mas, NULL, GFP_KERNEL), 0);
	assert_int_equal(mas.index, 65);
	assert_int_equal(mas.last, 89);
	store(&mt, 66, 67, B); /* not as it was: the leaf is made anew, without the erased areas beside it */
	leaf = mt_root_node(mt.ma_root);
	assert_int_equal(leaf->live, 18);
	assert_int_equal(leaf->nr, 19);
	mtree_destroy(&mt);
}

/* A leaf far from index 0 takes areas on both sides of its first where it is, up to half of what 31 bits can say. */
static void test_a_leaf_has_room_at_both_ends(void **state)
{
	unsigned long page = 4096, first = 1UL << 52, far = 9 * (1UL << 30) / 10 * page;

	(void)state;
	for (int above = 0; above < 2; above++) {
		struct maple_tree mt = MTREE_INIT(mt, 0);
		unsigned long second = above ? first + far : first - far;
		const struct mt_leaf *leaf;

		store(&mt, first, first + page - 1, A);
		leaf = mt_root_node(mt.ma_root);
		store(&mt, second, second + page - 1, B);
		assert_ptr_equal(mt_root_node(mt.ma_root), leaf);
		assert_false(leaf_is_wide(leaf));
		assert_ptr_equal(mtree_load(&mt, second), B);
		mtree_destroy(&mt);
	}
}

/* The window ends at the first index of a leaf, which is the only free one. */
static void test_a_hole_at_the_edge_of_a_leaf_is_found(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	for (unsigned long i = 0; i < 100; i++)
		store(&mt, i, i, xa_mk_value(i));
	for (unsigned long i = 1; i < 99; i++) {
		store(&mt, i, i, NULL);
		assert_int_equal(mas_empty_area(&mas, 0, i, 1), 0);
		assert_int_equal(mas.index, i);
		assert_int_equal(mas_empty_area_rev(&mas, i, 99, 1), 0);
		assert_int_equal(mas.index, i);
		assert_int_equal(mas_empty_area(&mas, 0, i - 1, 1), -EBUSY);
		assert_int_equal(mas_empty_area_rev(&mas, i + 1, 99, 1), -EBUSY);
		store(&mt, i, i, A);
	}
	mtree_destroy(&mt);
}

/* Erased areas give way when the leaf is full. */
static void test_a_full_leaf_drops_what_was_erased(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct mt_stats s;

	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		unsigned long step = wide ? 1UL << 40 : 1;

		for (unsigned long i = 0; i < LEAF_AREAS; i++)
			store(&mt, 10 * i * step, 10 * i * step, xa_mk_value(i));
		for (unsigned long i = 0; i < LEAF_AREAS; i += 3)
			store(&mt, 10 * i * step, 10 * i * step, NULL);
		for (unsigned long i = 1; i < LEAF_AREAS; i += 3)
			store(&mt, (10 * i + 5) * step, (10 * i + 5) * step, A);
		mt_statistics(&mt, &s);
		assert_int_equal(s.leaves, 1);
		assert_int_equal(s.wide_leaves, wide);
		assert_int_equal(s.entries, LEAF_AREAS);
		for (unsigned long i = 0; i < LEAF_AREAS; i++) {
			assert_ptr_equal(mtree_load(&mt, 10 * i * step), i % 3 ? xa_mk_value(i) : NULL);
			assert_ptr_equal(mtree_load(&mt, (10 * i + 5) * step), i % 3 == 1 ? A : NULL);
		}
		mtree_destroy(&mt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_gap_that_vanishes_is_forgotten_at_every_level),
		cmocka_unit_test(test_leaves_are_as_narrow_as_they_can),
		cmocka_unit_test(test_an_appended_leaf_counts_from_where_it_begins),
		cmocka_unit_test(test_erased_areas_give_their_places_to_what_is_stored_beside_them),
		cmocka_unit_test(test_areas_may_come_in_descending_order),
		cmocka_unit_test(test_erased_areas_are_part_of_the_hole),
		cmocka_unit_test(test_a_leaf_has_room_at_both_ends),
		cmocka_unit_test(test_a_hole_at_the_edge_of_a_leaf_is_found),
		cmocka_unit_test(test_a_full_leaf_drops_what_was_erased),
	};

	return RUN_MAPLE_TESTS("leaves of a maple tree", tests);
}
