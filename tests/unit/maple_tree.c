/* SPDX-License-Identifier: MIT */
/*
 * The edges of the maple tree's interface: what is refused, what comes back, in which state a cursor is left, which lock
 * is held meanwhile, what validation says about a tree that was damaged by hand, and how a dump looks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <vmaple/maple_tree.h>
#include <vmaple/port.h>
#include <vmaple/rcu.h>

#include "leaf.h"

#define A xa_mk_value(1)
#define B xa_mk_value(2)
#define C xa_mk_value(3)

static void store(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry)
{
	const char *reason;

	assert_int_equal(mtree_store_range(mt, first, last, entry, GFP_KERNEL), 0);
	if (!mt_check(mt, &reason))
		fail_msg("%s", reason);
}

/* Entries 0, 10, 20 ... [10 i, 10 i + 4]. */
static void fill(struct maple_tree *mt, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		store(mt, 10 * i, 10 * i + 4, xa_mk_value(i));
}

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
	for (int form = 0; form < 3; form++) {
		for (unsigned long i = 0; form == 2 && i < 240; i++)
			store(&mt, 3 * i, 3 * i + 2, xa_mk_value(i)); /* no NULL between them */
		if (form < 2)
			fill(&mt, 70);
		if (form == 1)
			store(&mt, 0, 9, A); /* the leaves begin at another range */
		for (unsigned long first = 0; first < 720; first++)
			for (unsigned long length = 1; length < 13; length++) {
				try_store(&mt, first, first + length - 1, A);
				try_store(&mt, first, first + length - 1, NULL);
			}
		mtree_destroy(&mt);
	}
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
	WALK_STEPS(&mt, next);
	WALK_STEPS(&mt, range);
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

static void test_statistics_count_what_is_there(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_stats s;

	(void)state;
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries + s.gaps + s.leaves + s.inner_nodes + s.bytes + s.height, 0);
	store(&mt, 0, 0, A);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.bytes, 0);
	fill(&mt, 100);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 100);
	assert_int_equal(s.gaps, 100);
	store(&mt, 5, 9, A);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 101);
	assert_int_equal(s.gaps, 99);
	assert_int_equal(s.height, mt_height(&mt));
	assert_int_equal(s.inner_nodes, 1);
	assert_int_equal(s.bytes, s.leaves * 512 + s.inner_nodes * 768);
	mtree_destroy(&mt);
}

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

static void test_only_searches_that_the_cpu_has_can_be_chosen(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);

	(void)state;
	fill(&mt, 500);
	assert_false(mt_search_select((enum mt_search_kind)99));
	assert_true(mt_search_select(MT_SEARCH_SCALAR));
	for (unsigned long i = 0; i < 5000; i++)
		assert_ptr_equal(mtree_load(&mt, i), i % 10 < 5 ? xa_mk_value(i / 10) : NULL);
	for (int kind = MT_SEARCH_SSE2; kind <= MT_SEARCH_AVX512; kind++)
		for (unsigned long i = 0; mt_search_select((enum mt_search_kind)kind) && i < 5000; i++)
			assert_ptr_equal(mtree_load(&mt, i), i % 10 < 5 ? xa_mk_value(i / 10) : NULL);
	mtree_destroy(&mt);
}

/* Damage @word, see what mt_check() calls it, and mend it. */
static void damage(struct maple_tree *mt, unsigned long *word, unsigned long value, const char *rule)
{
	unsigned long whole = *word;
	const char *reason = NULL;

	*word = value;
	assert_false(mt_check(mt, &reason));
	*word = whole;
	if (strncmp(reason, rule, 2))
		fail_msg("%s was broken, but was called %s", rule, reason);
	assert_true(mt_check(mt, &reason));
	assert_null(reason);
}

/* The same for an int and a byte. */
static void damage_int(struct maple_tree *mt, int *number, int value, const char *rule)
{
	int whole = *number;
	const char *reason = NULL;

	*number = value;
	assert_false(mt_check(mt, &reason));
	*number = whole;
	if (strncmp(reason, rule, 2))
		fail_msg("%s was broken, but was called %s", rule, reason);
}

static void damage_byte(struct maple_tree *mt, unsigned char *byte, unsigned char value, const char *rule)
{
	unsigned char whole = *byte;
	const char *reason = NULL;

	*byte = value;
	assert_false(mt_check(mt, &reason));
	*byte = whole;
	if (strncmp(reason, rule, 2))
		fail_msg("%s was broken, but was called %s", rule, reason);
}

/* A tree of a root and leaves, the second of which is neither full nor small. */
static struct mt_inner *fill_for_damage(struct maple_tree *mt, unsigned long step)
{
	for (unsigned long i = 0; i < 200; i++)
		store(mt, 10 * i * step, (10 * i + 4) * step, xa_mk_value(i));
	for (unsigned long i = 31; i < 39; i++)
		store(mt, 10 * i * step, (10 * i + 4) * step, NULL);
	assert_int_equal(mt_height(mt), 2);
	return mt_root_node(mt->ma_root);
}

static void test_validation_names_the_rule_that_is_broken(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct mt_inner *root;
	struct mt_leaf *leaf, *last;

	(void)state;
	root = fill_for_damage(&mt, 1);
	leaf = root->slot[1];
	last = root->slot[root->nr - 1];
	assert_int_equal(leaf->nr, LEAF_AREAS);
	assert_int_equal(leaf->live, LEAF_AREAS - 8);
	assert_true(last->nr < LEAF_AREAS && root->nr < MT_SLOTS);
	damage(&mt, &root->nr, 0, "M1");
	damage(&mt, &root->nr, 33, "M1");
	damage(&mt, &root->pivot[2], root->pivot[1], "M1");
	damage(&mt, &root->pivot[root->nr - 2], ULONG_MAX, "M1");
	damage(&mt, &root->pivot[root->nr - 1], 5000, "M2");
	damage(&mt, &root->pivot[MT_PIVOTS - 1], 5000, "M2");
	damage_byte(&mt, &leaf->nr, LEAF_AREAS + 1, "M3");
	damage_byte(&mt, &last->nr, (unsigned char)(last->nr + 1), "M3");
	damage_byte(&mt, &last->nr, (unsigned char)(last->nr - 1), "M3");
	damage_byte(&mt, &leaf->live, leaf->nr, "M3");
	damage_int(&mt, &leaf->narrow.start[1], leaf->narrow.end[0], "M3");
	damage_int(&mt, &leaf->narrow.start[1], leaf->narrow.end[1] + 1, "M3");
	damage_int(&mt, &leaf->narrow.start[0], -1, "M3");
	damage_int(&mt, &leaf->narrow.end[LEAF_AREAS - 1], leaf->narrow.end[LEAF_AREAS - 1] + 1, "M3");
	damage_int(&mt, &leaf->after, 7, "M3");
	damage_int(&mt, &last->narrow.end[LEAF_AREAS - 1], 5000, "M3");
	damage_int(&mt, &last->narrow.start[LEAF_AREAS - 1], 5000, "M3");
	damage(&mt, (unsigned long *)&last->slot[LEAF_AREAS - 1], 1, "M3");
	damage_int(&mt, &leaf->narrow.end[LEAF_AREAS - 1], leaf->narrow.end[LEAF_AREAS - 1] - 1, "M4");
	damage(&mt, (unsigned long *)&root->slot[1], 0, "M5");
	damage(&mt, &root->gap[1], mt_gap(root, 1) + 1, "M7");
	damage(&mt, &root->gap[root->nr - 1], 0, "M7");
	damage(&mt, &root->gap[MT_SLOTS - 1], 1, "M7");
	store(&mt, 305, 305, xa_mk_value(1));
	assert_int_equal(mt.ma_way.height, 2);
	damage(&mt, (unsigned long *)&mt.ma_way.node[0], (unsigned long)leaf, "M8");
	damage(&mt, (unsigned long *)&mt.ma_way.node[1], (unsigned long)last, "M8");
	damage(&mt, &mt.ma_way.min, mt.ma_way.min + 1, "M8");
	damage(&mt, &mt.ma_way.max, mt.ma_way.max + 1, "M8");
	damage_byte(&mt, &mt.ma_way.offset[0], 32, "M8");
	damage_byte(&mt, &mt.ma_way.height, 1, "M8");
	mtree_destroy(&mt);
	assert_true(mt_check(&mt, NULL));
	mt.ma_way.height = 1;
	assert_false(mt_check(&mt, NULL));
	mt.ma_way.height = 0;
	mtree_destroy(&mt);
}

/* Leaves with fewer than eight entries, and with an erased area at the end, put together by hand. */
static void test_validation_names_small_leaves_and_crossing_gaps(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_leaf *leaf;
	const char *reason;
	void *entry;

	(void)state;
	leaf = fill_for_damage(&mt, 1)->slot[1];
	entry = leaf->slot[LEAF_AREAS - 1];
	leaf->slot[LEAF_AREAS - 1] = NULL;
	leaf->live--;
	assert_false(mt_check(&mt, &reason));
	assert_int_equal(strncmp(reason, "M4", 2), 0);
	leaf->slot[LEAF_AREAS - 1] = entry;
	leaf->live++;
	for (unsigned int i = 9; i < LEAF_AREAS - LEAF_MIN + 1; i++)
		leaf->slot[i] = NULL;
	leaf->slot[0] = NULL;
	leaf->live = LEAF_MIN - 1;
	assert_false(mt_check(&mt, &reason));
	assert_int_equal(strncmp(reason, "M6", 2), 0);
	mtree_destroy(&mt);
}

static void expect_form(struct maple_tree *mt, unsigned long index, unsigned int shift, unsigned long wide)
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

/* A leaf takes the form that its areas ask for, and another when it can no longer hold what comes. */
static void test_leaves_are_as_narrow_as_they_can(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long page = 4096, units = 1UL << 31;

	(void)state;
	store(&mt, 7 * page, 9 * page - 1, A);
	expect_form(&mt, 7 * page, 12, 0);
	store(&mt, page, 2 * page - 1, B); /* below the first */
	expect_form(&mt, 7 * page, 12, 0);
	store(&mt, 20 * page, 20 * page, C); /* no page */
	expect_form(&mt, 7 * page, 0, 0);
	store(&mt, units - 100, units, A);
	expect_form(&mt, 7 * page, 0, 0);
	store(&mt, units + 2 * page, units + 3 * page, B); /* farther than 2^31 indices from the first */
	expect_form(&mt, 7 * page, LEAF_WIDE, 1);
	assert_ptr_equal(mtree_load(&mt, 20 * page), C);
	assert_ptr_equal(mtree_load(&mt, units + 2 * page), B);
	mtree_destroy(&mt);
	store(&mt, 0, page - 1, A);
	store(&mt, (units - 70) * page, (units - 69) * page - 1, B); /* 8 TiB above */
	expect_form(&mt, 0, 12, 0);
	store(&mt, (units + 9) * page, (units + 10) * page - 1, C);
	expect_form(&mt, 0, LEAF_WIDE, 1);
	for (unsigned long i = 0; i < 40; i++)
		store(&mt, (units + 20 + 2 * i) * page, (units + 21 + 2 * i) * page - 1, A);
	expect_form(&mt, (units + 98) * page, 12, 1); /* the leaf behind it lies near together again */
	store(&mt, 0, 0, NULL);
	store(&mt, 0, ULONG_MAX - 5, A);
	expect_form(&mt, 0, LEAF_WIDE, 1);
	store(&mt, 0, ULONG_MAX - page, NULL);
	store(&mt, ULONG_MAX - 4 * page, ULONG_MAX, B);
	assert_ptr_equal(mtree_load(&mt, ULONG_MAX), B);
	assert_null(mtree_load(&mt, ULONG_MAX - 4 * page - 1));
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

struct text {
	size_t used;
	unsigned int lines;
	char bytes[1000000];
};

static void collect(void *ctx, const char *line)
{
	struct text *t = ctx;

	assert_null(strchr(line, '\n'));
	t->used += (size_t)snprintf(t->bytes + t->used, sizeof(t->bytes) - t->used, "%s\n", line);
	t->lines++;
}

static void test_a_dump_shows_every_range(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	static struct text t;

	(void)state;
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_string_equal(t.bytes, "maple tree: height 0, 0 entries, 0 leaves, 0 inner nodes, flags 0x1\n");
	store(&mt, 0, 0, A);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_string_equal(t.bytes, "maple tree: height 0, 1 entries, 0 leaves, 0 inner nodes, flags 0x1\n"
				     "  0: value 1\n");
	store(&mt, 16, 31, XA_ZERO_ENTRY);
	store(&mt, 255, 255, (void *)0x1000UL);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_hex, collect, &t);
	assert_string_equal(t.bytes,
		"maple tree: height 1, 3 entries, 1 leaves, 0 inner nodes, flags 0x1\n"
		"  0x0-0xffffffffffffffff: leaf, 3 areas of indices, longest gap 0xffffffffffffff00\n"
		"    0x0: value 0x1\n"
		"    0x1-0xf: NULL\n"
		"    0x10-0x1f: zero\n"
		"    0x20-0xfe: NULL\n"
		"    0xff: 0x1000\n"
		"    0x100-0xffffffffffffffff: NULL\n");
	mtree_destroy(&mt);
	fill(&mt, 100);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	assert_non_null(strstr(t.bytes, "  0-18446744073709551615: inner node, 4 children, longest gap "
					"18446744073709550621\n"));
	assert_non_null(strstr(t.bytes, ": leaf, 30 areas of indices, longest gap 5\n"));
	assert_non_null(strstr(t.bytes, "      990-994: value 99\n"));
	mtree_destroy(&mt);
}

static void test_a_drawing_has_a_record_for_each_node(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	static struct text t;
	unsigned long below_root = 0;
	struct mt_stats s;
	char head[120];

	(void)state;
	memset(&t, 0, sizeof(t));
	store(&mt, 0, 0, A);
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	assert_non_null(strstr(t.bytes, "n0 [label=\"0: value 1\"];"));
	mtree_destroy(&mt);
	store(&mt, 5, 9, A);
	memset(&t, 0, sizeof(t));
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	assert_non_null(
		strstr(t.bytes, "n0 [label=\"{0-18446744073709551615|{<s0> 0-4\\nNULL|<s1> 5-9\\nvalue 1|"));
	mtree_destroy(&mt);
	fill(&mt, 6000);
	mt_statistics(&mt, &s);
	memset(&t, 0, sizeof(t));
	mt_dump_text(&mt, mt_dump_dec, collect, &t);
	snprintf(head, sizeof(head),
		"maple tree: height 3, 6000 entries, %lu leaves, %lu inner nodes, flags 0x1\n", s.leaves,
		s.inner_nodes);
	assert_true(s.inner_nodes > 7);
	assert_int_equal(strncmp(t.bytes, head, strlen(head)), 0);
	for (const char *at = t.bytes; (at = strstr(at, "\n    ")) != NULL; at++)
		if (at[5] != ' ')
			below_root++;
	assert_int_equal(below_root, s.inner_nodes - 1); /* as deep as each other */
	memset(&t, 0, sizeof(t));
	mt_dump_dot(&mt, mt_dump_dec, collect, &t);
	/* a record for each node, an edge to each but the root; two lines before and one after */
	assert_int_equal(t.lines, 3 + 2 * (s.leaves + s.inner_nodes) - 1);
	assert_non_null(strstr(t.bytes, "\tn0:s0 -> n1;\n"));
	for (unsigned long i = 1; i < s.leaves + s.inner_nodes; i++) {
		char edge[64];

		snprintf(edge, sizeof(edge), " -> n%lu;\n\tn%lu [label", i, i);
		assert_non_null(strstr(t.bytes, edge));
	}
	assert_non_null(strstr(t.bytes, "gap 5"));
	assert_non_null(strstr(t.bytes, "|<s31> "));
	assert_non_null(strstr(t.bytes, ":s31 -> "));
	mtree_destroy(&mt);
}

static struct text logged;

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	collect(&logged, line);
}

static void test_a_dump_goes_to_the_log(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct vmaple_port port = *vmaple_get_port(), before = port;

	(void)state;
	port.log = log_line;
	vmaple_set_port(&port);
	store(&mt, 3, 4, A);
	mt_dump(&mt, mt_dump_dec);
	vmaple_set_port(&before);
	assert_non_null(strstr(logged.bytes, "    3-4: value 1\n"));
	mt_validate(&mt);
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_entries_occupy_and_are_hidden),
		cmocka_unit_test(test_bad_arguments_are_refused_and_change_nothing),
		cmocka_unit_test(test_windows_that_cannot_hold_the_run_are_refused),
		cmocka_unit_test(test_cyclic_allocation_tells_of_a_wrap_once),
		cmocka_unit_test(test_a_store_returns_what_was_at_its_index),
		cmocka_unit_test(test_a_store_may_span_everything),
		cmocka_unit_test(test_the_only_entry_at_0_is_erased_again),
		cmocka_unit_test(test_every_short_store_in_a_full_tree),
		cmocka_unit_test(test_a_duplicate_is_equal_and_its_own),
		cmocka_unit_test(test_destroying_keeps_the_flags),
		cmocka_unit_test(test_states_at_the_ends_of_a_tree_without_nodes),
		cmocka_unit_test(test_a_cursor_that_was_set_and_stopped_has_no_place),
		cmocka_unit_test(test_a_step_of_a_loop_is_a_find),
		cmocka_unit_test(test_a_loop_goes_from_leaf_to_leaf_up_to_its_limit),
		cmocka_unit_test(test_states_going_up),
		cmocka_unit_test(test_states_going_down),
		cmocka_unit_test(test_a_cursor_moved_by_hand_goes_on_from_there),
		cmocka_unit_test(test_a_loop_meets_every_entry_once),
		cmocka_unit_test(test_readers_leave_their_sections),
		cmocka_unit_test(test_a_cursor_gives_back_what_it_did_not_need),
		cmocka_unit_test(test_the_normal_interface_works_under_the_lock),
		cmocka_unit_test(test_statistics_count_what_is_there),
		cmocka_unit_test(test_a_gap_that_vanishes_is_forgotten_at_every_level),
		cmocka_unit_test(test_appending_fills_the_leaves),
		cmocka_unit_test(test_only_searches_that_the_cpu_has_can_be_chosen),
		cmocka_unit_test(test_validation_names_the_rule_that_is_broken),
		cmocka_unit_test(test_validation_names_small_leaves_and_crossing_gaps),
		cmocka_unit_test(test_leaves_are_as_narrow_as_they_can),
		cmocka_unit_test(test_areas_may_come_in_descending_order),
		cmocka_unit_test(test_erased_areas_are_part_of_the_hole),
		cmocka_unit_test(test_a_leaf_has_room_at_both_ends),
		cmocka_unit_test(test_every_write_is_counted),
		cmocka_unit_test(test_an_erase_tells_of_a_hole_over_two_leaves),
		cmocka_unit_test(test_a_hole_at_the_edge_of_a_leaf_is_found),
		cmocka_unit_test(test_a_full_leaf_drops_what_was_erased),
		cmocka_unit_test(test_a_dump_shows_every_range),
		cmocka_unit_test(test_a_drawing_has_a_record_for_each_node),
		cmocka_unit_test(test_a_dump_goes_to_the_log),
	};
	int failed;

	vmaple_rcu_register_thread();
	failed = cmocka_run_group_tests_name("the maple tree's interface", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
