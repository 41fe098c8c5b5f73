/* SPDX-License-Identifier: MIT */
/* Stores into a maple tree: what they return, what they leave beside them, and what a cursor is told. */
#include "maple_tree.h"

#include "leaf.h"
#include "skipped.h"

static void test_a_store_returns_what_was_at_its_index(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 2, 7);

	(void)state;
	assert_null(mas_store(&mas, A));
	mas_set_range(&mas, 5, 9);
	assert_ptr_equal(mas_store(&mas, B), A);
	mas_set_range(&mas, 8, 8);
	assert_ptr_equal(mas_store(&mas, NULL), B);
	assert_int_equal(mas.index, 8);
	assert_int_equal(mas.last, 8);
	mas_set(&mas, 9);
	assert_ptr_equal(mas_erase(&mas), B);
	assert_int_equal(mas.index, 8); /* the hole has taken in its neighbours */
	assert_int_equal(mas.last, ULONG_MAX);
	assert_true(mas_is_active(&mas));
	mas_set(&mas, 9);
	assert_null(mas_erase(&mas));
	mtree_destroy(&mt);
}

static void test_a_store_may_span_everything(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);

	(void)state;
	for (unsigned long i = 0; i < 300000; i++)
		assert_int_equal(mtree_store(&mt, i, xa_mk_value(i), GFP_KERNEL), 0);
	assert_true(mt_height(&mt) >= 4);
	store(&mt, 5, 299990, A);
	for (unsigned long i = 0; i < 300000; i++)
		assert_ptr_equal(mtree_load(&mt, i), i < 5 || i > 299990 ? xa_mk_value(i) : A);
	assert_true(mt_height(&mt) <= 2);
	store(&mt, 0, ULONG_MAX, B);
	assert_ptr_equal(mtree_load(&mt, ULONG_MAX), B);
	store(&mt, 0, ULONG_MAX, NULL);
	assert_true(mtree_empty(&mt));
	store(&mt, 5, ULONG_MAX, A);
	assert_ptr_equal(mtree_load(&mt, ULONG_MAX), A);
	mtree_destroy(&mt);
	store(&mt, 0, ULONG_MAX, A);
	mtree_destroy(&mt);
	store(&mt, 0, 0, A);
	store(&mt, 1, ULONG_MAX, B);
	assert_ptr_equal(mtree_load(&mt, 0), A);
	mtree_destroy(&mt);
}

/* From every index on, whether or not the last call was about it; only what is another leaf's may be passed over. */
static void test_the_next_entry_that_stands_in_a_leaf(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long found = 0;

	(void)state;
	assert_null(mt_writer_next(&mt, 5));
	for (unsigned long i = 0; i < 500; i++)
		store(&mt, i * 16 + 4, i * 16 + 11, xa_mk_value(i));
	assert_true(mt_height(&mt) > 1);
	for (unsigned long index = 0; index < 500 * 16; index++) {
		unsigned long at = index;
		void *next = mt_find(&mt, &at, ULONG_MAX), *here = mt_writer_next(&mt, index);

		assert_true(!here || here == next);
		assert_ptr_equal(mt_writer_next(&mt, index), here);
		found += here != NULL;
	}
	assert_true(found > 500 * 16 / 8 * 7);
	mtree_destroy(&mt);
}

static void test_the_only_entry_at_0_is_erased_again(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	store(&mt, 0, 0, A);
	assert_int_equal(mt_height(&mt), 0);
	assert_null(mtree_load(&mt, 1));
	store(&mt, 1, ULONG_MAX, NULL);
	assert_ptr_equal(mtree_erase(&mt, 0), A);
	assert_true(mtree_empty(&mt));
	store(&mt, 0, 0, A);
	store(&mt, 0, 5, NULL);
	assert_true(mtree_empty(&mt));
	assert_null(mtree_erase(&mt, 0));
	assert_null(mtree_erase(&mt, 9));
	MA_STATE(mas, &mt, 3, 4);
	assert_null(mas_store(&mas, NULL));
	assert_int_equal(mas.index, 0);
	assert_int_equal(mas.last, ULONG_MAX);
	store(&mt, 0, 0, A);
	mas_set_range(&mas, 3, 4);
	assert_null(mas_store(&mas, NULL));
	assert_int_equal(mas.index, 1);
	assert_int_equal(mas.last, ULONG_MAX);
	store(&mt, 0, 0, A);
	store(&mt, 3, 3, B);
	assert_ptr_equal(mtree_erase(&mt, 0), A);
	assert_ptr_equal(mtree_erase(&mt, 3), B);
	assert_true(mtree_empty(&mt));
}

static void try_store(const struct maple_tree *mt, unsigned long first, unsigned long last, void *entry)
{
	struct maple_tree copy = MTREE_INIT(copy, mt->ma_flags);
	const char *reason;

	assert_int_equal(__mt_dup((struct maple_tree *)mt, &copy, GFP_KERNEL), 0);
	assert_int_equal(mtree_store_range(&copy, first, last, entry, GFP_KERNEL), 0);
	if (!mt_check(&copy, &reason))
		fail_msg("[%lu, %lu]: %s", first, last, reason);
	assert_ptr_equal(mtree_load(&copy, first), entry);
	assert_ptr_equal(mtree_load(&copy, last), entry);
	if (first)
		assert_ptr_equal(
			mtree_load(&copy, first - 1), mtree_load((struct maple_tree *)mt, first - 1));
	assert_ptr_equal(mtree_load(&copy, last + 1), mtree_load((struct maple_tree *)mt, last + 1));
	mtree_destroy(&copy);
}

/* Every number of ranges that a store can leave over on both sides of the end of a full leaf. */
static void test_every_short_store_in_a_full_tree(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);

	(void)state;
	for (int layout = 0; layout < 3; layout++) {
		for (unsigned long i = 0; layout == 2 && i < 240; i++)
			store(&mt, 3 * i, 3 * i + 2, xa_mk_value(i)); /* no NULL between them */
		if (layout < 2)
			fill(&mt, 70);
		if (layout == 1)
			store(&mt, 0, 9, A); /* the leaves begin at another range */
		for (unsigned long first = 0; first < 720; first++)
			for (unsigned long length = 1; length < 13; length++) {
				try_store(&mt, first, first + length - 1, A);
				try_store(&mt, first, first + length - 1, NULL);
			}
		mtree_destroy(&mt);
	}
}

/* What a cursor with a preallocation holds goes back. The pool is LIFO, so the count in use is what a walk finds. */
static void test_a_cursor_gives_back_what_it_did_not_need(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 5, 700); /* over several leaves, so that nodes are rebuilt */

	(void)state;
	fill(&mt, 100);
	assert_int_equal(mas_preallocate(&mas, A, GFP_KERNEL), 0);
	assert_non_null(mas.spare_leaf);
	assert_non_null(mas.spare_inner);
	mas_store_prealloc(&mas, A);
	assert_null(mas.spare_leaf);
	assert_null(mas.spare_inner);
	mas_set_range(&mas, 5, 700);
	assert_int_equal(mas_preallocate(&mas, A, GFP_KERNEL), 0);
	assert_null(mas.spare_leaf);
	mas_set_range(&mas, 5, 900);
	assert_int_equal(mas_preallocate(&mas, A, GFP_KERNEL), 0);
	assert_non_null(mas.spare_leaf);
	mas_destroy(&mas);
	assert_null(mas.spare_leaf);
	assert_null(mas.spare_inner);
	assert_int_equal(mas_expected_entries(&mas, 10), 0);
	mtree_destroy(&mt);
}

static void test_appending_fills_the_leaves(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_stats s;

	(void)state;
	for (unsigned long i = 0; i < 3200; i++)
		store(&mt, i, i, xa_mk_value(i));
	mt_statistics(&mt, &s);
	assert_true(s.leaves <= 108);
	assert_true(s.inner_nodes <= 5);
	mtree_destroy(&mt);
}

static struct vmaple_cache_stats cached(enum pool_kind kind)
{
	struct vmaple_cache_stats stats;

	assert_true(vmaple_cache_stats(kind, &stats));
	return stats;
}

/* What a rebuild would do too, but with four nodes more. */
static void test_an_append_takes_one_leaf(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	unsigned long leaves, inners;

	(void)state;
	for (unsigned long i = 0; i < 2 * LEAF_AREAS; i++)
		store(&mt, i, i, xa_mk_value(i));
	leaves = cached(POOL_LEAF).allocated;
	inners = cached(POOL_INNER).allocated;
	store(&mt, 2 * LEAF_AREAS, 2 * LEAF_AREAS, A);
	assert_int_equal(cached(POOL_LEAF).allocated, leaves + 1);
	assert_int_equal(cached(POOL_INNER).allocated, inners);
	mtree_destroy(&mt);
}

/* Of one area, with the hole around it or without, in RCU mode too. */
static void test_an_erase_takes_no_node(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_USE_RCU | MT_FLAGS_ALLOC_RANGE);
	unsigned long leaves, inners;

	(void)state;
	fill(&mt, 100);
	leaves = cached(POOL_LEAF).allocated;
	inners = cached(POOL_INNER).allocated;
	store(&mt, 8, 16, NULL);
	store(&mt, 30, 34, NULL);
	store(&mt, 47, 54, NULL);
	assert_int_equal(cached(POOL_LEAF).allocated, leaves);
	assert_int_equal(cached(POOL_INNER).allocated, inners);
	assert_null(mtree_load(&mt, 10));
	assert_null(mtree_load(&mt, 30));
	assert_null(mtree_load(&mt, 50));
	mtree_destroy(&mt);
}

/* Down to LEAF_MIN entries. */
static void test_a_leaf_is_rebuilt_when_it_holds_too_little(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_USE_RCU);
	unsigned long leaves;

	(void)state;
	fill(&mt, 100);
	leaves = cached(POOL_LEAF).allocated;
	for (unsigned long i = 0; i < LEAF_AREAS - LEAF_MIN; i++)
		store(&mt, 10 * i, 10 * i + 4, NULL);
	assert_int_equal(cached(POOL_LEAF).allocated, leaves);
	store(&mt, 10 * (LEAF_AREAS - LEAF_MIN), 10 * (LEAF_AREAS - LEAF_MIN) + 4, NULL);
	assert_in_range(cached(POOL_LEAF).allocated, leaves + 1, ULONG_MAX);
	mtree_destroy(&mt);
}

static void test_what_was_set_aside_is_not_set_aside_again(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 3, 500);
	unsigned long leaves, inners;

	(void)state;
	fill(&mt, 100);
	assert_int_equal(mas_preallocate(&mas, A, GFP_KERNEL), 0);
	leaves = cached(POOL_LEAF).allocated;
	inners = cached(POOL_INNER).allocated;
	assert_int_equal(mas_preallocate(&mas, A, GFP_KERNEL), 0);
	assert_int_equal(cached(POOL_LEAF).allocated, leaves);
	assert_int_equal(cached(POOL_INNER).allocated, inners);
	mas_store_prealloc(&mas, A);
	assert_ptr_equal(mtree_load(&mt, 400), A);
	mtree_destroy(&mt);
}

/* A leaf that a store replaces: only where readers may be in it. */
static void test_replaced_nodes_wait_in_rcu_mode_alone(void **state)
{
	struct maple_tree plain = MTREE_INIT(plain, 0), rcu = MTREE_INIT(rcu, MT_FLAGS_USE_RCU);
	unsigned long waiting;

	(void)state;
#ifdef VMAPLE_RCU_NONE
	skipped("nothing waits where there are no readers");
	return;
#endif
	fill(&plain, 100);
	fill(&rcu, 10);
	vmaple_rcu_barrier();
	waiting = cached(POOL_LEAF).retired;
	store(&plain, 3, 500, A);
	mtree_destroy(&plain);
	assert_int_equal(cached(POOL_LEAF).retired, waiting);
	store(&rcu, 5, 6, A);
	assert_int_equal(cached(POOL_LEAF).retired, waiting + 1);
	mtree_destroy(&rcu);
	assert_int_equal(cached(POOL_LEAF).retired, waiting + 2);
}

/* In whatever way a store is done, the tree's count of writes goes up, and by one. */
static void test_every_write_is_counted(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long writes = 0;

	(void)state;
	for (unsigned long i = 0; i < 100; i++) {
		store(&mt, 10 * i, 10 * i + 4, xa_mk_value(i));
		assert_int_equal(mt.ma_gen, ++writes);
	}
	store(&mt, 500, 504, A);
	assert_int_equal(mt.ma_gen, ++writes);
	store(&mt, 502, 503, B);
	assert_int_equal(mt.ma_gen, ++writes);
	store(&mt, 100, 900, NULL);
	assert_int_equal(mt.ma_gen, ++writes);
	store(&mt, 200, 800, NULL); /* nothing is there */
	assert_int_equal(mt.ma_gen, writes);
	mtree_destroy(&mt);
	assert_int_equal(mt.ma_gen, ++writes);
}

/* Erasing the last area of a leaf makes nodes anew, and the cursor is told of the hole that goes on into the next. */
static void test_an_erase_tells_of_a_hole_over_two_leaves(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 100);
	for (unsigned long i = 29; i < 31; i++) { /* the last of the first leaf, the first of the second */
		mas_set(&mas, 10 * i + 2);
		assert_ptr_equal(mas_erase(&mas), xa_mk_value(i));
		assert_int_equal(mas.index, 285);
		assert_int_equal(mas.last, 10 * i + 9);
		assert_true(mt_check(&mt, NULL));
	}
	mtree_destroy(&mt);
}

/* An area grows into the holes on both sides, as far as they go, and no further; the last one as far as its leaf has units. */
static void test_areas_grow_into_holes(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	for (unsigned long i = 1; i <= 20; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0x3fff, xa_mk_value(i));
	assert_true(mt_can_grow(&mt, 0x50000, 0x50000, 0x5ffff));
	assert_false(mt_can_grow(&mt, 0x50000, 0x50000, 0x60fff));
	assert_true(mt_can_grow(&mt, 0x50000, 0x44000, 0x53fff));
	assert_false(mt_can_grow(&mt, 0x50000, 0x43000, 0x53fff));
	assert_true(mt_can_grow(&mt, 0x10000, 0, 0x13fff));
	assert_true(mt_can_grow(&mt, 0x140000, 0x140000, 0x14ffff));

	assert_true(mt_can_grow(&mt, 0x50000, 0x44000, 0x5ffff));
	mt_grow(&mt, 0x50000, 0x44000, 0x5ffff);
	assert_ptr_equal(mtree_load(&mt, 0x43fff), xa_mk_value(4));
	assert_ptr_equal(mtree_load(&mt, 0x44000), xa_mk_value(5));
	assert_ptr_equal(mtree_load(&mt, 0x5ffff), xa_mk_value(5));
	assert_ptr_equal(mtree_load(&mt, 0x60000), xa_mk_value(6));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

/* The longest hole below the root's child that holds @index is found: a search for it, and for one index more. */
static void expect_longest_hole(struct maple_tree *mt, unsigned long first, unsigned long length)
{
	MA_STATE(mas, mt, 0, 0);

	assert_int_equal(mas_empty_area(&mas, 0, 0x3fffff, length), 0);
	assert_int_equal(mas.index, first);
	mas_reset(&mas);
	assert_int_equal(mas_empty_area(&mas, 0, 0x3fffff, length + 1), -EBUSY);
}

/*
 * Areas lose one end, what they lose is hole, and a search finds it: in a leaf with others beside it, a leaf that would end with
 * a hole keeps its last area as it is.
 */
static void test_areas_get_shorter(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned int refused = 0;

	(void)state;
	for (unsigned long i = 0; i < 64; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0xffff, xa_mk_value(i + 1));
	assert_int_equal(mt_height(&mt), 2);
	for (unsigned long i = 0; i < 63; i++)
		refused += !mt_can_shorten(&mt, 0x10000 * i, 0x10000 * i, 0x10000 * i + 0xefff);
	assert_int_equal(refused, 2); /* MT4: of three leaves all but the last */
	assert_true(mt_can_shorten(&mt, 0x50000, 0x54000, 0x5ffff));
	mt_shorten(&mt, 0x50000, 0x54000, 0x5ffff);
	mt_validate(&mt);
	assert_null(mtree_load(&mt, 0x53fff));
	assert_ptr_equal(mtree_load(&mt, 0x54000), xa_mk_value(6));
	expect_longest_hole(&mt, 0x50000, 0x4000);
	assert_true(mt_can_shorten(&mt, 0x40000, 0x40000, 0x4bfff));
	mt_shorten(&mt, 0x40000, 0x40000, 0x4bfff);
	mt_validate(&mt);
	assert_ptr_equal(mtree_load(&mt, 0x4bfff), xa_mk_value(5));
	assert_null(mtree_load(&mt, 0x4c000));
	expect_longest_hole(&mt, 0x4c000, 0x8000);
	mtree_destroy(&mt);
}

/* Areas become one, with the holes around them and where others have been; none becomes a part of it. */
static void test_areas_become_one(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	for (unsigned long i = 1; i <= 20; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0x3fff, xa_mk_value(i));
	assert_true(mt_can_join(&mt, 0x50000, 0x50000, 0x63fff));
	assert_true(mt_can_join(&mt, 0x50000, 0x44000, 0x6ffff));
	assert_true(mt_can_join(&mt, 0x10000, 0, 0x14ffff)); /* all of the last leaf */
	assert_false(mt_can_join(&mt, 0x50000, 0x43000, 0x63fff));
	assert_false(mt_can_join(&mt, 0x50000, 0x50000, 0x70fff));
	assert_false(mt_can_join(&mt, 0x50000, 0x50000, 0x62fff));
	assert_false(mt_can_join(&mt, 0x50000, 0x51000, 0x63fff));
	assert_false(mt_can_join(&mt, 0x50000, 0x44001, 0x63fff)); /* in a leaf of pages */
	assert_true(mt_drop(&mt, 0x30000));
	assert_true(mt_drop(&mt, 0x40000));
	assert_true(mt_drop(&mt, 0x70000));
	assert_false(mt_can_join(&mt, 0x50000, 0x23000, 0x63fff));
	assert_false(mt_can_join(&mt, 0x50000, 0x50000, 0x80fff));
	assert_true(mt_can_join(&mt, 0x50000, 0x43000, 0x63fff));
	assert_true(mt_can_join(&mt, 0x50000, 0x32000, 0x71fff));
	mt_join(&mt, 0x50000, 0x32000, 0x71fff, xa_mk_value(50));
	for (unsigned long at = 0x32000; at < 0x72000; at += 0x1000)
		assert_ptr_equal(mtree_load(&mt, at), xa_mk_value(50));
	assert_null(mtree_load(&mt, 0x31fff));
	assert_null(mtree_load(&mt, 0x72000));
	assert_ptr_equal(mtree_load(&mt, 0x23fff), xa_mk_value(2));
	assert_ptr_equal(mtree_load(&mt, 0x80000), xa_mk_value(8));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

/* A leaf that is not the last keeps LEAF_MIN entries, and what is joined lies in it. */
static void test_areas_become_one_in_their_leaf(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	unsigned long last = 10 * (LEAF_AREAS - LEAF_MIN) + 4;

	(void)state;
	for (unsigned long i = 0; i < 3 * LEAF_AREAS; i++)
		store(&mt, 10 * i, 10 * i + 4, xa_mk_value(i));
	assert_true(mt_can_join(&mt, 0, 0, last));
	assert_false(mt_can_join(&mt, 0, 0, last + 10));
	assert_true(mt_can_join(&mt, 10 * LEAF_AREAS, 10 * LEAF_AREAS - 5, 10 * LEAF_AREAS + 14));
	assert_true(mt_can_join(&mt, 10 * LEAF_AREAS - 10, 10 * LEAF_AREAS - 12, 10 * LEAF_AREAS - 6));
	assert_false(mt_can_join(&mt, 10 * LEAF_AREAS - 20, 10 * LEAF_AREAS - 20, 10 * LEAF_AREAS + 4));
	mt_join(&mt, 0, 0, last, xa_mk_value(1000));
	assert_ptr_equal(mtree_load(&mt, last), xa_mk_value(1000));
	assert_null(mtree_load(&mt, last + 1));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

/* All areas of the last leaf go where they are, but the last of them: the tree is empty then, which is a store's affair. */
static void test_the_last_area_does_not_go(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	for (unsigned long i = 1; i <= 3; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0x3fff, xa_mk_value(i));
	assert_true(mt_drop(&mt, 0x10000));
	assert_true(mt_drop(&mt, 0x30000));
	assert_false(mt_drop(&mt, 0x20000));
	assert_null(mtree_load(&mt, 0x10000));
	assert_ptr_equal(mtree_load(&mt, 0x20000), xa_mk_value(2));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

/* An area is cut, a border moved, an area goes, where the writer looked or beside; cursors notice. */
static void test_areas_change_where_the_writer_is(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	void *before, *after, *part = xa_mk_value(100);
	unsigned long writes;
	MA_STATE(mas, &mt, 0x50000, 0x50000);

	(void)state;
	for (unsigned long i = 0; i < 20; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0xffff, xa_mk_value(i));
	assert_ptr_equal(mt_writer_look(&mt, 0x50000, &before, &after), xa_mk_value(5));
	for (unsigned long i = 0; i < 20; i++)
		assert_int_equal(mt_can_cut(&mt, 0x10000 * i + 0x3000), 1);
	assert_int_equal(mt_can_cut(&mt, 0x53001), 0); /* in a leaf of pages */
	assert_int_equal(mt_can_cut(&mt, 0x53000), 1);

	assert_ptr_equal(mas_walk(&mas), xa_mk_value(5));
	mt_cut(&mt, 0x53000, xa_mk_value(5), part);
	assert_ptr_equal(mas_next(&mas, ULONG_MAX), xa_mk_value(6)); /* it was on all of the area */
	assert_int_equal(mas.index, 0x60000);
	assert_int_equal(mas.last, 0x6ffff);

	assert_false(mt_can_move_border(&mt, xa_mk_value(4), part, 0x53000, 0x58000));
	assert_true(mt_can_move_border(&mt, xa_mk_value(5), part, 0x53000, 0x58000));
	mt_move_border(&mt, 0x53000, 0x58000);
	assert_ptr_equal(mtree_load(&mt, 0x57fff), xa_mk_value(5));
	assert_ptr_equal(mtree_load(&mt, 0x58000), part);
	writes = mt.ma_gen;
	assert_true(mt_drop(&mt, 0x58000));
	assert_int_not_equal(mt.ma_gen, writes);
	assert_null(mtree_load(&mt, 0x58000));
	assert_ptr_equal(mtree_load(&mt, 0x60000), xa_mk_value(6));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

/* In a leaf that is full an area is cut all the same: the leaf becomes two first, or erased areas give up their places. */
static void cut_in_full_leaf(unsigned int cut, unsigned int erased, unsigned long leaves)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long used = cached(POOL_LEAF).used, at = 0x10000UL * cut + 0x1000;
	struct mt_stats stats;
	MA_STATE(mas, &mt, 0x10000UL * cut, 0x10000UL * cut);

	for (unsigned long i = 0; i < 30; i++)
		store(&mt, 0x10000 * i, 0x10000 * i + 0x3fff, xa_mk_value(i));
	for (unsigned long i = 0; i < erased; i++)
		assert_true(mt_drop(&mt, 0x10000 * i));
	assert_int_equal(mt_can_cut(&mt, at + 1), 0); /* in a leaf of pages */
	assert_ptr_equal(mas_walk(&mas), xa_mk_value(cut));
	assert_int_equal(mt_can_cut(&mt, at), 1);
	mt_validate(&mt);
	mt_cut(&mt, at, xa_mk_value(cut), xa_mk_value(99));
	mt_validate(&mt);
	mt_statistics(&mt, &stats);
	assert_int_equal(stats.leaves, leaves);
	assert_ptr_equal(
		mas_next(&mas, ULONG_MAX), cut < 29 ? xa_mk_value(cut + 1) : NULL); /* it was on all of it */
	for (unsigned long i = erased; i < 30; i++)
		assert_ptr_equal(mtree_load(&mt, 0x10000 * i), xa_mk_value(i));
	assert_ptr_equal(mtree_load(&mt, at - 1), xa_mk_value(cut));
	assert_ptr_equal(mtree_load(&mt, at), xa_mk_value(99));
	assert_ptr_equal(mtree_load(&mt, at + 0x2fff), xa_mk_value(99));
	assert_null(mtree_load(&mt, at + 0x3000));
	/* And on, where the leaf is not the root. */
	for (unsigned long i = erased; i < 60; i++) {
		unsigned long next = 0x10000 * (i % 30) + (i < 30 ? 0x2000 : 0x3000);
		void *entry = mtree_load(&mt, next);

		if (!entry)
			continue;
		assert_int_equal(mt_can_cut(&mt, next), 1);
		mt_cut(&mt, next, entry, xa_mk_value(100 + i));
		assert_ptr_equal(mtree_load(&mt, next - 1), entry);
		assert_ptr_equal(mtree_load(&mt, next), xa_mk_value(100 + i));
		mt_validate(&mt);
	}
	mtree_destroy(&mt);
	assert_int_equal(cached(POOL_LEAF).used, used);
}

static void test_an_area_of_a_full_leaf_is_cut(void **state)
{
	(void)state;
	cut_in_full_leaf(0, 0, 2);
	cut_in_full_leaf(14, 0, 2);
	cut_in_full_leaf(15, 0, 2);
	cut_in_full_leaf(29, 0, 2);
	cut_in_full_leaf(29, 2, 1);
}

#if ULONG_MAX > UINT32_MAX /* else each leaf is a narrow one */
/*
 * A full wide leaf, 15 areas of pages at each end of an address space, takes one more, at @first: its halves are narrow, but
 * for the one that the store goes into, if that does not fit.
 */
static void split_wide_leaf(unsigned long first, unsigned long last, unsigned long wide_leaves)
{
	const unsigned long low = 0x550000000000, high = 0x7f0000000000;
	unsigned long used = cached(POOL_INNER).used;
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct mt_stats stats;

	for (unsigned long i = 0; i < 15; i++) {
		store(&mt, low + 0x10000 * i, low + 0x10000 * i + 0x3fff, xa_mk_value(i));
		store(&mt, high + 0x10000 * i, high + 0x10000 * i + 0x3fff, xa_mk_value(15 + i));
	}
	mt_statistics(&mt, &stats);
	assert_int_equal(stats.leaves, 1);
	assert_int_equal(stats.wide_leaves, 1);
	store(&mt, first, last, xa_mk_value(99));
	mt_statistics(&mt, &stats);
	assert_int_equal(stats.leaves, 2);
	assert_int_equal(stats.wide_leaves, wide_leaves);
	mt_validate(&mt);
	assert_ptr_equal(mtree_load(&mt, first), xa_mk_value(99));
	assert_ptr_equal(mtree_load(&mt, last), xa_mk_value(99));
	assert_null(mtree_load(&mt, first - 1));
	assert_null(mtree_load(&mt, last + 1));
	for (unsigned long i = 0; i < 15; i++) {
		assert_ptr_equal(mtree_load(&mt, low + 0x10000 * i), xa_mk_value(i));
		assert_ptr_equal(mtree_load(&mt, high + 0x10000 * i + 0x3fff), xa_mk_value(15 + i));
	}
	mtree_destroy(&mt);
	assert_int_equal(cached(POOL_INNER).used, used);
}

static void test_a_wide_leaf_is_cut_into_what_suits_its_halves(void **state)
{
	(void)state;
	split_wide_leaf(0x550000028000, 0x550000028fff, 0);
	split_wide_leaf(0x7f0000028000, 0x7f0000028fff, 0);
	split_wide_leaf(0x550000028001, 0x550000028010, 1); /* no pages */
	split_wide_leaf(0x7f0000028001, 0x7f0000028010, 1);
	split_wide_leaf(0x1000, 0x1fff, 1); /* too far from the lower half */
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_store_returns_what_was_at_its_index),
		cmocka_unit_test(test_a_store_may_span_everything),
		cmocka_unit_test(test_the_next_entry_that_stands_in_a_leaf),
		cmocka_unit_test(test_the_only_entry_at_0_is_erased_again),
		cmocka_unit_test(test_every_short_store_in_a_full_tree),
		cmocka_unit_test(test_a_cursor_gives_back_what_it_did_not_need),
		cmocka_unit_test(test_appending_fills_the_leaves),
		cmocka_unit_test(test_an_append_takes_one_leaf),
		cmocka_unit_test(test_what_was_set_aside_is_not_set_aside_again),
		cmocka_unit_test(test_an_erase_takes_no_node),
		cmocka_unit_test(test_a_leaf_is_rebuilt_when_it_holds_too_little),
		cmocka_unit_test(test_replaced_nodes_wait_in_rcu_mode_alone),
		cmocka_unit_test(test_every_write_is_counted),
		cmocka_unit_test(test_an_erase_tells_of_a_hole_over_two_leaves),
		cmocka_unit_test(test_areas_grow_into_holes),
		cmocka_unit_test(test_areas_get_shorter),
		cmocka_unit_test(test_areas_become_one),
		cmocka_unit_test(test_areas_become_one_in_their_leaf),
		cmocka_unit_test(test_the_last_area_does_not_go),
		cmocka_unit_test(test_areas_change_where_the_writer_is),
		cmocka_unit_test(test_an_area_of_a_full_leaf_is_cut),
#if ULONG_MAX > UINT32_MAX
		cmocka_unit_test(test_a_wide_leaf_is_cut_into_what_suits_its_halves),
#endif
	};

	return RUN_MAPLE_TESTS("stores into a maple tree", tests);
}
