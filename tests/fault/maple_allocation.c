/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every operation of the maple tree fails in turn.
 *
 * Random operations are made on a tree and on a plain array of its indices. Each is first tried with its first
 * allocation failing, then its second, and so on until none is left to fail. After each failure the tree must be valid
 * and hold, range by range, what it held before; after the success, what the array says. A store after
 * mas_preallocate(), or that mt_prepare_put() spoke of, has to succeed while every allocation fails.
 *
 * In RCU mode nodes that earlier operations retired come back from other threads' grace periods, and a failing
 * allocation may be that of a batch of retired nodes, which must not be noticed: there an operation may succeed
 * although an allocation failed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "failing_port.h"
#include "random.h"

#define SPACE 3000UL

struct range {
	unsigned long first, last;
	void *entry;
};

struct picture {
	unsigned int nr;
	struct range range[SPACE + 2];
};

struct world {
	struct maple_tree mt;
	struct random r;
	void *at[SPACE];
	struct picture before, now;
	unsigned long value, failures, next;
	unsigned int widest, erase_percent;
	unsigned long easy; /* stores that needed nothing */
};

/* One operation, and what came of it. */
struct op {
	int kind;
	unsigned long first, last;
	void *entry;
	int error;
	void *old;
};

enum {
	STORE_RANGE,
	INSERT_RANGE,
	ERASE,
	ALLOC_LOW,
	ALLOC_HIGH,
	ALLOC_CYCLIC,
	DUP,
	MAS_STORE,
	MAS_STORE_NOMEM,
	MAS_STORE_GFP,
	MAS_ERASE,
	PREALLOCATED,
	PUT,
	KINDS
};

static void take_picture(struct world *w, struct picture *p)
{
	MA_STATE(mas, &w->mt, 0, 0);

	p->nr = 0;
	mas.last = 0;
	for (unsigned long index = 0;;) {
		mas_set(&mas, index);
		struct range r = { .entry = mas_walk(&mas) };

		r.first = mas.index;
		r.last = mas.last;
		assert_true(p->nr < SPACE + 2);
		p->range[p->nr++] = r;
		if (mas.last == ULONG_MAX)
			return;
		index = mas.last + 1;
	}
}

static void check_valid(struct world *w, const struct op *op)
{
	const char *reason;

	if (!mt_check(&w->mt, &reason))
		fail_msg("operation %d [%lu, %lu]: %s", op->kind, op->first, op->last, reason);
}

static void check_unchanged(struct world *w, const struct op *op)
{
	take_picture(w, &w->now);
	if (w->now.nr != w->before.nr ||
		memcmp(w->now.range, w->before.range, w->now.nr * sizeof(w->now.range[0])))
		fail_msg(
			"operation %d [%lu, %lu] failed and changed the tree", op->kind, op->first, op->last);
}

static void check_equals_array(struct world *w, const struct op *op)
{
	take_picture(w, &w->now);
	for (unsigned int i = 0; i < w->now.nr; i++) {
		const struct range *r = &w->now.range[i];

		for (unsigned long index = r->first; index <= r->last && index < SPACE; index++)
			if (w->at[index] != r->entry)
				fail_msg("operation %d [%lu, %lu]: index %lu is not as expected", op->kind,
					op->first, op->last, index);
		if (r->last >= SPACE)
			assert_null(r->entry);
	}
}

static void fill(struct world *w, unsigned long first, unsigned long last, void *entry)
{
	for (unsigned long i = first; i <= last; i++)
		w->at[i] = entry;
}

/* The range of equal entries in the array: entries are never stored twice, so it is the tree's. */
static void fill_whole_range(struct world *w, unsigned long index, void *entry)
{
	void *old = w->at[index];
	unsigned long first = index, last = index;

	while (first > 0 && w->at[first - 1] == old)
		first--;
	while (last + 1 < SPACE && w->at[last + 1] == old)
		last++;
	if (old)
		fill(w, first, last, entry);
}

static bool array_is_free(const struct world *w, const struct op *op)
{
	for (unsigned long i = op->first; i <= op->last; i++)
		if (w->at[i])
			return false;
	return true;
}

static struct op random_op(struct world *w)
{
	struct op op = { .kind = (int)random_below(&w->r, KINDS), .first = random_below(&w->r, SPACE) };
	unsigned long length = 1 + random_below(&w->r, w->widest);

	if (op.kind == DUP && random_below(&w->r, 16))
		op.kind = MAS_STORE; /* a duplicate makes as many allocations as there are nodes */
	if (random_below(&w->r, 20) == 0)
		length *= 20;
	op.last = op.first + length - 1 < SPACE ? op.first + length - 1 : SPACE - 1;
	op.entry = random_below(&w->r, 100) < w->erase_percent ? NULL : xa_mk_value(++w->value);
	if (op.kind >= INSERT_RANGE && op.kind <= ALLOC_CYCLIC && !op.entry)
		op.entry = xa_mk_value(++w->value);
	return op;
}

static int do_alloc(struct world *w, struct op *op)
{
	unsigned long size = op->last - op->first + 1, start = 0;
	int ret;

	if (op->kind == ALLOC_CYCLIC) {
		ret = mtree_alloc_cyclic(&w->mt, &start, op->entry, 0, SPACE - 1, &w->next, GFP_KERNEL);
		size = 1;
	} else if (op->kind == ALLOC_LOW) {
		ret = mtree_alloc_range(&w->mt, &start, op->entry, size, op->first, SPACE - 1, GFP_KERNEL);
	} else {
		ret = mtree_alloc_rrange(&w->mt, &start, op->entry, size, 0, op->last, GFP_KERNEL);
	}
	if (ret >= 0)
		fill(w, start, start + size - 1, op->entry);
	return ret > 0 ? 0 : ret;
}

static int do_dup(struct world *w)
{
	struct maple_tree copy = MTREE_INIT(copy, w->mt.ma_flags);
	const char *reason;
	int ret = mtree_dup(&w->mt, &copy, GFP_KERNEL);

	assert_true(mt_check(&copy, &reason));
	assert_true(ret == 0 || mtree_empty(&copy));
	mtree_destroy(&copy);
	return ret;
}

static int do_preallocated(struct world *w, struct ma_state *mas, struct op *op)
{
	int ret = mas_preallocate(mas, op->entry, GFP_KERNEL);

	if (ret)
		return ret;
	bool hit = failing_hit;

	fail_all(true);
	mas_store_prealloc(mas, op->entry);
	fail_all(false);
	failing_hit = hit;
	fill(w, op->first, op->last, op->entry);
	return 0;
}

static int do_put(struct world *w, struct op *op)
{
	struct mt_plan plan;
	bool nothing = mt_prepare_put(&w->mt, op->first, op->last, op->entry, &plan), hit = failing_hit;
	int ret = 0;

	if (!nothing)
		return mt_put(&w->mt, op->first, op->last, op->entry, GFP_KERNEL);
	fail_all(true);
	if (w->easy % 2)
		mt_commit_put(&w->mt, op->first, op->last, op->entry, &plan);
	else
		ret = mt_put(&w->mt, op->first, op->last, op->entry, GFP_KERNEL);
	fail_all(false);
	assert_int_equal(ret, 0);
	failing_hit = hit;
	w->easy++;
	return ret;
}

static int do_erase(struct world *w, struct ma_state *mas, struct op *op)
{
	void *old = w->at[op->first];
	void *got = op->kind == ERASE ? mtree_erase(&w->mt, op->first) : mas_erase(mas);

	if (got != old) {
		assert_null(got);
		assert_true(op->kind == ERASE || mas_is_err(mas));
		return -ENOMEM;
	}
	fill_whole_range(w, op->first, NULL);
	return 0;
}

/* mas_store(), and with MAS_STORE_NOMEM again and again until there is memory. */
static int do_mas_store(struct world *w, struct ma_state *mas, struct op *op)
{
	void *old = w->at[op->first];

	do {
		mas_set_range(mas, op->first, op->last);
		assert_ptr_equal(mas_store(mas, op->entry), old);
		if (mas_is_err(mas))
			check_unchanged(w, op);
	} while (op->kind == MAS_STORE_NOMEM && mas_nomem(mas, GFP_KERNEL));
	if (mas_is_err(mas)) {
		assert_int_equal(
			op->kind, MAS_STORE); /* one allocation fails: there is memory for another try */
		return mas->error;
	}
	fill(w, op->first, op->last, op->entry);
	return 0;
}

static int make(struct world *w, struct op *op)
{
	MA_STATE(mas, &w->mt, op->first, op->last);
	int ret;

	switch (op->kind) {
	case STORE_RANGE:
		ret = mtree_store_range(&w->mt, op->first, op->last, op->entry, GFP_KERNEL);
		break;
	case INSERT_RANGE:
		ret = mtree_insert_range(&w->mt, op->first, op->last, op->entry, GFP_KERNEL);
		if (!array_is_free(w, op))
			assert_int_equal(ret, -EEXIST);
		break;
	case MAS_STORE_GFP:
		ret = mas_store_gfp(&mas, op->entry, GFP_KERNEL);
		break;
	case ALLOC_LOW:
	case ALLOC_HIGH:
	case ALLOC_CYCLIC:
		return do_alloc(w, op);
	case DUP:
		return do_dup(w);
	case PUT:
		ret = do_put(w, op);
		break;
	case ERASE:
	case MAS_ERASE:
		return do_erase(w, &mas, op);
	case PREALLOCATED:
		return do_preallocated(w, &mas, op);
	default:
		return do_mas_store(w, &mas, op);
	}
	if (ret == 0)
		fill(w, op->first, op->last, op->entry);
	return ret;
}

/* With a retry, or with a batch of retired nodes that could not be had, an operation succeeds all the same. */
static bool may_hide_failure(const struct world *w, const struct op *op)
{
	return op->kind == MAS_STORE_NOMEM || mt_in_rcu(&w->mt);
}

static void try_with_failures(struct world *w, struct op *op)
{
	take_picture(w, &w->before);
	for (long n = 1;; n++) {
		int ret;
		bool hit;

		fail_after(n);
		ret = make(w, op);
		hit = failing_hit;
		failing_left = -1;
		check_valid(w, op);
		w->failures += hit;
		if (ret == 0 || ret == -EEXIST || ret == -EBUSY || ret == -EINVAL) {
			if (hit && !may_hide_failure(w, op))
				fail_msg("operation %d did not notice that it had no memory", op->kind);
			break;
		}
		assert_int_equal(ret, -ENOMEM);
		assert_true(hit);
		check_unchanged(w, op);
	}
	check_equals_array(w, op);
}

#ifdef VMAPLE_SMALL
#define SMALL true
#else
#define SMALL false
#endif

static void run(unsigned int flags, unsigned int widest, unsigned int erase_percent, unsigned long rounds)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.r.state = random_seed();
	w.widest = widest;
	w.erase_percent = erase_percent;
	mt_init_flags(&w.mt, flags);
	for (unsigned long i = 0; i < rounds; i++) {
		struct op op = random_op(&w);

		try_with_failures(&w, &op);
	}
	/* Most stores into few ranges edit a node in place and need no memory, where they do not go beside the old one. */
	assert_true(w.failures > rounds / 100);
	assert_true((w.easy > rounds / 100) == !(SMALL || flags & MT_FLAGS_USE_RCU));
	mtree_destroy(&w.mt);
	empty_caches();
	assert_int_equal(live_blocks, 0);
	assert_int_equal(live_bytes, 0);
}

static void test_each_allocation_may_fail_in_a_tree_with_gaps(void **state)
{
	(void)state;
	run(MT_FLAGS_ALLOC_RANGE, 6, 30, test_operations(4000));
}

static void test_each_allocation_may_fail_in_a_tree_of_single_indices(void **state)
{
	(void)state;
	run(MT_FLAGS_ALLOC_RANGE, 1, 5, test_operations(6000));
}

static void test_each_allocation_may_fail_in_a_tiny_tree(void **state)
{
	(void)state;
	run(MT_FLAGS_ALLOC_RANGE, 2500, 50, test_operations(4000));
}

static void test_each_allocation_may_fail_in_a_plain_tree(void **state)
{
	(void)state;
	run(0, 4, 20, test_operations(4000));
}

static void test_each_allocation_may_fail_in_rcu_mode(void **state)
{
	(void)state;
	run(MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU, 5, 25, test_operations(2000));
}

static void test_a_duplicate_of_a_high_tree_gives_back_all_that_it_made(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0), copy = MTREE_INIT(copy, 0);
	long blocks, bytes, n = 1;
	int ret;

	(void)state;
	for (unsigned long i = 0; i < 2500; i++)
		assert_int_equal(mtree_store(&mt, i, xa_mk_value(i), GFP_KERNEL), 0);
	assert_int_equal(mt_height(&mt), 3);
	empty_caches();
	blocks = live_blocks;
	bytes = live_bytes;
	for (;; n++) {
		fail_after(n);
		ret = mtree_dup(&mt, &copy, GFP_KERNEL);
		failing_left = -1;
		if (ret == 0)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_true(mtree_empty(&copy));
		empty_caches();
		assert_int_equal(live_blocks, blocks);
		assert_int_equal(live_bytes, bytes);
	}
	assert_true(n > 80);
	mtree_destroy(&copy);
	mtree_destroy(&mt);
}

/* The small tree cuts nothing in place. */
#ifndef VMAPLE_SMALL
#define AREA 0x10000UL

static int store_area(struct maple_tree *mt, unsigned long i)
{
	return mtree_store_range(mt, AREA * i, AREA * i + 0x3fff, xa_mk_value(i), GFP_KERNEL);
}

static void test_a_cut_in_a_full_leaf_says_that_it_had_no_memory(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	unsigned long cut = 0;
	long n = 1;
	int ret;

	(void)state;
	/* One leaf, as full as it gets in place. */
	for (; mt_height(&mt) <= 1; cut++)
		assert_int_equal(store_area(&mt, cut), 0);
	mtree_destroy(&mt);
	for (unsigned long i = 0; i + 1 < cut; i++)
		assert_int_equal(store_area(&mt, i), 0);
	assert_int_equal(mt_height(&mt), 1);
	for (;; n++) {
		fail_after(n);
		ret = mt_can_cut(&mt, AREA + 0x1000);
		failing_left = -1;
		mt_validate(&mt);
		assert_ptr_equal(mtree_load(&mt, AREA + 0x1000), xa_mk_value(1));
		if (ret != -ENOMEM)
			break;
	}
	assert_int_equal(ret, 1);
	assert_true(n > 2); /* leaves, and what is above them */
	mt_cut(&mt, AREA + 0x1000, xa_mk_value(1), xa_mk_value(99));
	mt_validate(&mt);
	assert_ptr_equal(mtree_load(&mt, AREA + 0x1000), xa_mk_value(99));
	mtree_destroy(&mt);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_may_fail_in_a_tree_with_gaps),
		cmocka_unit_test(test_each_allocation_may_fail_in_a_tree_of_single_indices),
		cmocka_unit_test(test_each_allocation_may_fail_in_a_tiny_tree),
		cmocka_unit_test(test_each_allocation_may_fail_in_a_plain_tree),
		cmocka_unit_test(test_each_allocation_may_fail_in_rcu_mode),
		cmocka_unit_test(test_a_duplicate_of_a_high_tree_gives_back_all_that_it_made),
#ifndef VMAPLE_SMALL
		cmocka_unit_test(test_a_cut_in_a_full_leaf_says_that_it_had_no_memory),
#endif
	};
	int failed;

	failing_port_install();
	vmaple_rcu_register_thread();
	failed = cmocka_run_group_tests_name("allocation failures in the maple tree", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return failed;
}
