/* SPDX-License-Identifier: MIT */
/* Cursors of the maple tree: where each call leaves them, and in which state. */
#include "maple_tree.h"

#include "leaf.h"

/* One call on a cursor, and how it has to leave it. */
enum call {
	NEXT,
	PREV,
	FIND,
	FIND_REV,
	NEXT_RANGE,
	PREV_RANGE,
	FIND_RANGE,
	FIND_RANGE_REV,
	WALK,
	PAUSE,
	SET,
	NONE,
	UNDER
};
struct step {
	enum call call;
	unsigned long limit;
	void *entry;
	unsigned long index, last;
	enum maple_status status;
};

static void *make_step(struct ma_state *mas, const struct step *s)
{
	switch (s->call) {
	case NEXT:
		return mas_next(mas, s->limit);
	case PREV:
		return mas_prev(mas, s->limit);
	case FIND:
		return mas_find(mas, s->limit);
	case FIND_REV:
		return mas_find_rev(mas, s->limit);
	case NEXT_RANGE:
		return mas_next_range(mas, s->limit);
	case PREV_RANGE:
		return mas_prev_range(mas, s->limit);
	case FIND_RANGE:
		return mas_find_range(mas, s->limit);
	case FIND_RANGE_REV:
		return mas_find_range_rev(mas, s->limit);
	case WALK:
		return mas_walk(mas);
	case PAUSE:
		mas_pause(mas);
		return NULL;
	case NONE:
		mas->status = ma_none;
		return NULL;
	case UNDER:
		mas->status = ma_underflow;
		return NULL;
	default:
		mas_set(mas, s->limit);
		return NULL;
	}
}

static void walk_steps(struct maple_tree *mt, const char *name, const struct step *steps, size_t count)
{
	MA_STATE(mas, mt, 0, 0);

	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		void *entry = make_step(&mas, s);

		if (entry != s->entry || mas.index != s->index || mas.last != s->last ||
			mas.status != s->status)
			fail_msg("%s, step %zu: entry %p [%lu, %lu] status %d", name, i, entry, mas.index,
				mas.last, mas.status);
	}
}
#define WALK_STEPS(mt, steps) walk_steps(mt, #steps, steps, sizeof(steps) / sizeof((steps)[0]))
#define TOP                   ULONG_MAX

static void test_states_at_the_ends_of_a_tree_without_nodes(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0), empty = MTREE_INIT(empty, 0);
	static const struct step nothing[] = {
		{ WALK, 0, NULL, 0, TOP, ma_none },
		{ SET, 7, NULL, 7, 7, ma_start },
		{ FIND, TOP, NULL, 0, TOP, ma_none },
		{ SET, 7, NULL, 7, 7, ma_start },
		{ NEXT, TOP, NULL, 0, TOP, ma_none },
		{ SET, 7, NULL, 7, 7, ma_start },
		{ WALK, 0, NULL, 0, TOP, ma_none },
	};
	const struct step root[] = {
		{ WALK, 0, A, 0, 0, ma_root },
		{ NEXT, TOP, NULL, 1, TOP, ma_none },
		{ PREV, 0, A, 0, 0, ma_root },
		{ PREV, 0, NULL, 0, 0, ma_underflow },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ WALK, 0, NULL, 1, TOP, ma_none },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ NEXT, 5, NULL, 5, 5, ma_overflow },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ PREV, 5, NULL, 5, 5, ma_underflow },
		{ SET, 0, NULL, 0, 0, ma_start },
		{ FIND, TOP, A, 0, 0, ma_root },
		{ FIND, TOP, NULL, 1, TOP, ma_none },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ FIND, TOP, NULL, 1, TOP, ma_none },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ FIND_REV, 0, A, 0, 0, ma_root },
		{ FIND_REV, 0, NULL, 0, 0, ma_none },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ FIND_REV, 6, NULL, 5, 5, ma_start },
		{ SET, 5, NULL, 5, 5, ma_start },
		{ FIND, 4, NULL, 5, 5, ma_start },
		{ SET, 0, NULL, 0, 0, ma_start },
		{ NONE, 0, NULL, 0, 0, ma_none },
		{ NEXT, TOP, NULL, 0, 0, ma_root },
	};

	(void)state;
	store(&mt, 0, 0, A);
	WALK_STEPS(&empty, nothing);
	WALK_STEPS(&mt, root);
	mtree_destroy(&mt);
}

/* A limit stops the cursor before it has a place, and bounds and count are those of the place that it had. */
static void test_a_cursor_that_was_set_and_stopped_has_no_place(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 20);
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(0));
	mas_set_range(&mas, mas.index, mas.last);
	assert_null(mas_next(&mas, mas.last));
	assert_int_equal(mas.status, ma_overflow);
	assert_ptr_equal(mas_next(&mas, ULONG_MAX), xa_mk_value(1));
	mtree_destroy(&mt);
}

/* A: [10, 19], B: [30, 30], C: [40, 49] */
static void test_states_going_up(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	const struct step next[] = {
		{ NEXT, TOP, A, 10, 19, ma_active },
		{ NEXT, 25, NULL, 20, 29, ma_overflow },
		{ NEXT, 25, NULL, 20, 29, ma_overflow },
		{ NEXT, TOP, B, 30, 30, ma_active },
		{ NEXT, TOP, C, 40, 49, ma_active },
		{ NEXT, TOP, NULL, 50, TOP, ma_overflow },
		{ PREV, 0, C, 40, 49, ma_active },
		{ SET, 10, NULL, 10, 10, ma_start },
		{ NEXT, TOP, B, 30, 30, ma_active },
		{ NEXT, 30, NULL, 30, 30, ma_overflow },
	};
	const struct step range[] = {
		{ NEXT_RANGE, TOP, A, 10, 19, ma_active },
		{ NEXT_RANGE, TOP, NULL, 20, 29, ma_active },
		{ NEXT_RANGE, TOP, B, 30, 30, ma_active },
		{ NEXT_RANGE, 30, NULL, 30, 30, ma_overflow },
		{ SET, 20, NULL, 20, 20, ma_start },
		{ FIND_RANGE, TOP, B, 30, 30, ma_active },
		{ FIND_RANGE, TOP, NULL, 31, 39, ma_active },
		{ FIND_RANGE, 39, NULL, 31, 39, ma_active },
		{ FIND_RANGE, TOP, C, 40, 49, ma_active },
	};

	(void)state;
	store(&mt, 10, 19, A);
	store(&mt, 30, 30, B);
	store(&mt, 40, 49, C);
	WALK_STEPS(&mt, next);
	WALK_STEPS(&mt, range);
	mtree_destroy(&mt);
}

/* Likewise. */
static void test_states_of_finding_upwards(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	const struct step find[] = {
		{ FIND, TOP, A, 10, 19, ma_active },
		{ FIND, 25, NULL, 20, 29, ma_active },
		{ FIND, TOP, B, 30, 30, ma_active },
		{ PAUSE, 0, NULL, 30, 30, ma_pause },
		{ FIND, TOP, C, 40, 49, ma_active },
		{ PAUSE, 0, NULL, 40, 49, ma_pause },
		{ FIND, 49, NULL, 40, 49, ma_pause },
		{ FIND, TOP, NULL, 50, TOP, ma_active },
		{ SET, 15, NULL, 15, 15, ma_start },
		{ FIND, TOP, A, 10, 19, ma_active },
		{ NONE, 0, NULL, 10, 19, ma_none },
		{ FIND, 19, NULL, 10, 19, ma_none },
		{ FIND, TOP, A, 10, 19, ma_active },
		{ UNDER, 0, NULL, 10, 19, ma_underflow },
		{ FIND, 10, NULL, 10, 19, ma_overflow },
		{ UNDER, 0, NULL, 10, 19, ma_underflow },
		{ FIND, TOP, A, 10, 19, ma_active },
		{ NEXT, 19, NULL, 10, 19, ma_overflow },
		{ FIND, 19, NULL, 10, 19, ma_overflow },
		{ FIND, 20, A, 10, 19, ma_active },
		{ SET, 20, NULL, 20, 20, ma_start },
		{ FIND, 29, NULL, 20, 29, ma_active },
		{ SET, 20, NULL, 20, 20, ma_start },
		{ FIND, 20, NULL, 20, 29, ma_active },
		{ SET, 20, NULL, 20, 20, ma_start },
		{ FIND, 19, NULL, 20, 20, ma_start },
	};

	(void)state;
	store(&mt, 10, 19, A);
	store(&mt, 30, 30, B);
	store(&mt, 40, 49, C);
	WALK_STEPS(&mt, find);
	mtree_destroy(&mt);
}

static void test_states_going_down(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	const struct step prev[] = {
		{ SET, 60, NULL, 60, 60, ma_start },
		{ PREV, 0, C, 40, 49, ma_active },
		{ PREV, 35, NULL, 31, 39, ma_underflow },
		{ PREV, 35, NULL, 31, 39, ma_underflow },
		{ PREV, 0, B, 30, 30, ma_active },
		{ PREV, 0, A, 10, 19, ma_active },
		{ PREV, 0, NULL, 0, 9, ma_underflow },
		{ NEXT, TOP, A, 10, 19, ma_active },
		{ PREV, 10, NULL, 10, 19, ma_underflow },
		{ NEXT, 20, A, 10, 19, ma_active },
	};
	const struct step range[] = {
		{ SET, 45, NULL, 45, 45, ma_start },
		{ PREV_RANGE, 0, NULL, 31, 39, ma_active },
		{ PREV_RANGE, 0, B, 30, 30, ma_active },
		{ PREV_RANGE, 30, NULL, 30, 30, ma_underflow },
		{ SET, 45, NULL, 45, 45, ma_start },
		{ FIND_RANGE_REV, 0, C, 40, 49, ma_active },
		{ FIND_RANGE_REV, 0, NULL, 31, 39, ma_active },
		{ FIND_RANGE_REV, 0, B, 30, 30, ma_active },
	};
	const struct step find[] = {
		{ SET, 60, NULL, 60, 60, ma_start },
		{ FIND_REV, 0, C, 40, 49, ma_active },
		{ FIND_REV, 35, NULL, 31, 39, ma_underflow },
		{ FIND_REV, 31, NULL, 31, 39, ma_underflow },
		{ FIND_REV, 0, B, 30, 30, ma_active },
		{ PAUSE, 0, NULL, 30, 30, ma_pause },
		{ FIND_REV, 30, NULL, 30, 30, ma_underflow },
		{ PAUSE, 0, NULL, 30, 30, ma_pause },
		{ FIND_REV, 0, A, 10, 19, ma_active },
		{ FIND_REV, 0, NULL, 0, 9, ma_underflow },
		{ SET, 45, NULL, 45, 45, ma_start },
		{ FIND_REV, 46, NULL, 45, 45, ma_start },
		{ FIND_REV, 45, C, 40, 49, ma_active },
		{ NONE, 0, NULL, 40, 49, ma_none },
		{ FIND_REV, 40, NULL, 40, 49, ma_none },
		{ FIND_REV, 30, C, 40, 49, ma_active },
		{ NEXT, 49, NULL, 40, 49, ma_overflow },
		{ FIND_REV, 40, NULL, 40, 49, ma_underflow },
		{ NEXT, TOP, C, 40, 49, ma_active },
		{ NEXT, TOP, NULL, 50, TOP, ma_overflow },
		{ FIND_REV, 0, C, 40, 49, ma_active },
		{ FIND_REV, 41, NULL, 40, 49, ma_active },
		{ SET, 35, NULL, 35, 35, ma_start },
		{ FIND_REV, 33, NULL, 31, 39, ma_active },
	};

	(void)state;
	store(&mt, 10, 19, A);
	store(&mt, 30, 30, B);
	store(&mt, 40, 49, C);
	WALK_STEPS(&mt, prev);
	WALK_STEPS(&mt, range);
	WALK_STEPS(&mt, find);
	mtree_destroy(&mt);
}

static void test_a_cursor_moved_by_hand_goes_on_from_there(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 20);
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(0));
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(1));
	mas.index = mas.last = 57;
	assert_ptr_equal(mas_next(&mas, ULONG_MAX), xa_mk_value(6));
	mas.index = mas.last = 100;
	assert_ptr_equal(mas_prev(&mas, 0), xa_mk_value(9));
	mas.last = 57;
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(6));
	mas.index = 33;
	assert_ptr_equal(mas_prev(&mas, 0), xa_mk_value(3));
	assert_int_equal(mas.index, 30);
	mtree_destroy(&mt);
	assert_null(mas_next(&mas, ULONG_MAX)); /* the leaf that it was in is gone */
	fill(&mt, 20);
	mas_set(&mas, 30);
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(3));
	mtree_destroy(&mt);
	assert_null(mas_next(&mas, ULONG_MAX));
}

/* As after every store, whatever stopped the cursor there before. */
static void test_a_store_where_the_cursor_is_leaves_it_active(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 0, 0);

	(void)state;
	fill(&mt, 20);
	assert_ptr_equal(mas_find(&mas, ULONG_MAX), xa_mk_value(0));
	assert_null(mas_prev(&mas, 0));
	assert_int_equal(mas.status, ma_underflow);
	assert_ptr_equal(mas_store(&mas, A), xa_mk_value(0));
	assert_int_equal(mas.status, ma_active);
	assert_ptr_equal(mas_next(&mas, ULONG_MAX), xa_mk_value(1));
	assert_null(mas_next(&mas, mas.last));
	assert_int_equal(mas.status, ma_overflow);
	assert_int_equal(mas_store_gfp(&mas, B, GFP_KERNEL), 0);
	assert_int_equal(mas.status, ma_active);
	assert_ptr_equal(mtree_load(&mt, 12), B);
	mtree_destroy(&mt);
}

/* One of the two bounds of a hole, or the first index of an area: the place is no longer trusted. */
static void test_a_cursor_of_which_one_bound_was_moved_walks_again(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 57, 57);

	(void)state;
	fill(&mt, 20);
	assert_null(mas_walk(&mas));
	mas.last = 12;
	assert_ptr_equal(mas_next_range(&mas, ULONG_MAX), xa_mk_value(1));
	mas_set(&mas, 57);
	assert_null(mas_walk(&mas));
	mas.index = 98;
	assert_null(mas_prev_range(&mas, 0));
	assert_int_equal(mas.index, 95);
	mas_set(&mas, 52);
	assert_ptr_equal(mas_walk(&mas), xa_mk_value(5));
	mas.index = 98;
	assert_null(mas_prev_range(&mas, 0));
	assert_int_equal(mas.index, 95);
	mtree_destroy(&mt);
}

/* Step back over a range, and on again: the same ranges, also where leaves meet. */
static void test_ranges_are_the_same_from_either_side(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	MA_STATE(mas, &mt, 1990, 1990);

	(void)state;
	fill(&mt, 200);
	assert_ptr_equal(mas_walk(&mas), xa_mk_value(199));
	for (unsigned long i = 199; i-- > 0;) {
		assert_null(mas_prev_range(&mas, 0));
		assert_int_equal(mas.index, 10 * i + 5);
		assert_ptr_equal(mas_prev_range(&mas, 0), xa_mk_value(i));
		assert_int_equal(mas.last, 10 * i + 4);
		assert_null(mas_next_range(&mas, ULONG_MAX));
		assert_int_equal(mas.index, 10 * i + 5);
		assert_int_equal(mas.last, 10 * i + 9);
		assert_ptr_equal(mas_next_range(&mas, ULONG_MAX), xa_mk_value(i + 1));
		assert_null(mas_prev_range(&mas, 0));
		assert_int_equal(mas.last, 10 * i + 9);
		assert_ptr_equal(mas_prev_range(&mas, 0), xa_mk_value(i));
		assert_int_equal(mas.index, 10 * i);
	}
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_at_the_ends_of_a_tree_without_nodes),
		cmocka_unit_test(test_a_cursor_that_was_set_and_stopped_has_no_place),
		cmocka_unit_test(test_states_going_up),
		cmocka_unit_test(test_states_of_finding_upwards),
		cmocka_unit_test(test_states_going_down),
		cmocka_unit_test(test_a_cursor_moved_by_hand_goes_on_from_there),
		cmocka_unit_test(test_a_store_where_the_cursor_is_leaves_it_active),
		cmocka_unit_test(test_a_cursor_of_which_one_bound_was_moved_walks_again),
		cmocka_unit_test(test_ranges_are_the_same_from_either_side),
	};

	return RUN_MAPLE_TESTS("cursors of a maple tree", tests);
}
