/* SPDX-License-Identifier: MIT */
/*
 * Interval trees against brute force: random intervals come and go, and what a search finds is compared, in order,
 * with what overlaps among all of them.  The tree is validated after every step.
 *
 * Two trees at once: the ready-made one, and one that the template makes for another type of index, signed, whose
 * intervals are stored as first and length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include <vmaple/interval_tree.h>

#include "random.h"

#define ITEMS 800

struct view {
	long end;
	int first, length;
	struct rb_node node;
};

static int view_start(const struct view *v)
{
	return v->first;
}
static int view_last(const struct view *v)
{
	return v->first + v->length - 1;
}
INTERVAL_TREE_DEFINE(struct view, node, int, end, view_start, view_last, static, view_tree)

struct item {
	struct interval_tree_node interval;
	struct view view;
	bool in_tree;
	unsigned long came; /* when it was inserted: equal starts are in this order */
};

/* What a run is about. */
struct shape {
	const char *name;
	unsigned int items;
	unsigned long space, longest;
};

static const struct shape shapes[] = {
	{ "tiny", 3, 10, 4 },
	{ "small", 10, 30, 12 },
	{ "short in a wide space", 300, 1UL << 30, 1UL << 22 },
	{ "of all lengths", 300, 1UL << 30, 1UL << 30 },
	{ "single indexes", 100, 60, 1 },
	{ "crowded", 200, 40, 20 },
	{ "disjoint mostly", 500, 100000, 30 },
};

static struct run {
	struct random random;
	const struct shape *shape;
	struct rb_root_cached root, views;
	struct item item[ITEMS];
	unsigned long clock;
} run;

static struct item *of_interval(struct interval_tree_node *node)
{
	return rb_entry_safe(node, struct item, interval);
}

static struct item *of_view(struct view *view)
{
	return rb_entry_safe(view, struct item, view);
}

/* The tree's order. */
static bool before(const struct item *a, const struct item *b)
{
	if (a->interval.start != b->interval.start)
		return a->interval.start < b->interval.start;
	return a->came < b->came;
}

/* Brute force: the first item after @after (NULL: of all) in the tree's order that overlaps [start, last]. */
static struct item *model_next(const struct item *after, unsigned long start, unsigned long last)
{
	struct item *best = NULL;

	for (struct item *i = run.item; i < run.item + run.shape->items; i++)
		if (i->in_tree && i->interval.start <= last && i->interval.last >= start &&
			(!after || before(after, i)) && (!best || before(i, best)))
			best = i;
	return best;
}

static void random_range(unsigned long *start, unsigned long *last)
{
	unsigned long length =
		1 + (random_u64(&run.random) & 1 ? random_below(&run.random, run.shape->longest)
						 : random_below(&run.random, 1 + run.shape->longest / 64));

	*start = random_below(&run.random, run.shape->space);
	*last = *start + length - 1;
}

static void do_insert(struct item *item)
{
	random_range(&item->interval.start, &item->interval.last);
	item->view.first = (int)((long)item->interval.start - (1L << 29)); /* negative ones too */
	item->view.length = (int)(item->interval.last - item->interval.start + 1);
	item->in_tree = true;
	item->came = ++run.clock;
	interval_tree_insert(&item->interval, &run.root);
	view_tree_insert(&item->view, &run.views);
}

static void do_remove(struct item *item)
{
	item->in_tree = false;
	interval_tree_remove(&item->interval, &run.root);
	view_tree_remove(&item->view, &run.views);
}

/* The walk finds what the iterator finds, and stops where it is told to. */
struct expected {
	unsigned long start, last;
	struct item *item;
	unsigned int stop_after;
};

static bool visit_interval(struct interval_tree_node *node, void *arg)
{
	struct expected *e = arg;

	assert_ptr_equal(of_interval(node), e->item);
	e->item = model_next(e->item, e->start, e->last);
	return !--e->stop_after;
}

static bool visit_view(struct view *view, void *arg)
{
	struct expected *e = arg;

	assert_ptr_equal(of_view(view), e->item);
	e->item = model_next(e->item, e->start, e->last);
	return !--e->stop_after;
}

static void do_walk(unsigned int hits)
{
	struct expected e = { .stop_after = hits }, f;
	unsigned int more;

	random_range(&e.start, &e.last);
	e.item = model_next(NULL, e.start, e.last);
	f = e;
	more = interval_tree_walk(&run.root, e.start, e.last, visit_interval, &e) != NULL;
	assert_int_equal(more, !e.stop_after);
	if (!more)
		assert_null(e.item);
	more = view_tree_walk(&run.views, (int)((long)f.start - (1L << 29)), (int)((long)f.last - (1L << 29)),
		       visit_view, &f) != NULL;
	assert_int_equal(more, !f.stop_after);
	assert_ptr_equal(e.item, f.item);
}

static void do_search(unsigned int hits)
{
	unsigned long start, last;
	struct interval_tree_node *interval;
	struct view *view;
	struct item *expected;
	int first, end;

	random_range(&start, &last);
	first = (int)((long)start - (1L << 29));
	end = (int)((long)last - (1L << 29));
	interval = interval_tree_iter_first(&run.root, start, last);
	view = view_tree_iter_first(&run.views, first, end);
	expected = model_next(NULL, start, last);
	while (hits--) {
		assert_ptr_equal(of_interval(interval), expected);
		assert_ptr_equal(of_view(view), expected);
		if (!expected)
			return;
		interval = interval_tree_iter_next(interval, start, last);
		view = view_tree_iter_next(view, first, end);
		expected = model_next(expected, start, last);
	}
}

static void check(void)
{
	const char *reason;

	if (!interval_tree_validate(&run.root, &reason))
		fail_msg("%s: %s", run.shape->name, reason);
	if (!view_tree_validate(&run.views, &reason))
		fail_msg("%s, views: %s", run.shape->name, reason);
}

static void start(uint64_t seed, const struct shape *shape)
{
	memset(&run, 0, sizeof(run));
	run.random.state = seed;
	run.shape = shape;
	run.root = run.views = RB_ROOT_CACHED;
}

#define NR_MODELS (sizeof(shapes) / sizeof(shapes[0]))

static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	const struct shape *shape = &shapes[which];
	unsigned int fill = 60;

	start(seed, shape);
	for (uint64_t i = 0; i < steps && random_lasts(); i++) {
		struct item *item = &run.item[random_below(&run.random, shape->items)];

		if (i % (4 * shape->items) == 0)
			fill = 20 + (unsigned int)random_below(&run.random, 70);
		if (random_below(&run.random, 3) == 0)
			do_search(random_below(&run.random, 10) ? 8 : UINT32_MAX);
		else if (random_below(&run.random, 4) == 0)
			do_walk(random_below(&run.random, 10) ? 8 : UINT32_MAX);
		else if (random_below(&run.random, 100) < fill && !item->in_tree)
			do_insert(item);
		else if (item->in_tree)
			do_remove(item);
		check();
	}
}

static void test_searches_find_what_overlaps_in_order(void **state)
{
	uint64_t seed = random_seed(), operations = test_operations(120000);

	(void)state;
	for (size_t s = 0; s < NR_MODELS; s++)
		run_model(s, seed + s, operations / NR_MODELS);
}

static void test_the_ends_of_the_index_space_are_indexes(void **state)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct interval_tree_node all = { .start = 0, .last = ULONG_MAX },
				  top = { .start = ULONG_MAX, .last = ULONG_MAX };

	(void)state;
	assert_null(interval_tree_iter_first(&root, 0, ULONG_MAX));
	interval_tree_insert(&all, &root);
	interval_tree_insert(&top, &root);
	assert_ptr_equal(interval_tree_iter_first(&root, ULONG_MAX, ULONG_MAX), &all);
	assert_ptr_equal(interval_tree_iter_next(&all, ULONG_MAX, ULONG_MAX), &top);
	assert_ptr_equal(interval_tree_iter_first(&root, 0, 0), &all);
	assert_null(interval_tree_iter_next(&all, 0, 0));
}

/* The picture of docs/trees.md: which intervals overlap [14, 15]? */
static void test_the_picture_is_true(void **state)
{
	static struct interval_tree_node node[] = {
		{ .start = 12, .last = 20 },
		{ .start = 5, .last = 9 },
		{ .start = 18, .last = 30 },
		{ .start = 2, .last = 8 },
		{ .start = 7, .last = 16 },
		{ .start = 13, .last = 14 },
		{ .start = 22, .last = 25 },
	};
	static const unsigned long largest[] = { 30, 16, 30, 8, 16, 14, 25 };
	struct rb_root_cached root = RB_ROOT_CACHED;

	(void)state;
	for (unsigned int i = 0; i < 7; i++)
		interval_tree_insert(&node[i], &root);
	assert_ptr_equal(root.rb_root.rb_node, &node[0].rb);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(node[i].__subtree_last, largest[i]);
	assert_ptr_equal(interval_tree_iter_first(&root, 14, 15), &node[4]);
	assert_ptr_equal(interval_tree_iter_next(&node[4], 14, 15), &node[0]);
	assert_ptr_equal(interval_tree_iter_next(&node[0], 14, 15), &node[5]);
	assert_null(interval_tree_iter_next(&node[5], 14, 15));
}

static void expect(const char *rule)
{
	const char *reason = "none";

	assert_false(interval_tree_validate(&run.root, &reason));
	assert_memory_equal(reason, rule, 2);
}

static void test_a_stale_interval_is_found(void **state)
{
	static const struct shape shape = { "stale", 100, 10000, 50 };
	struct item *first;

	(void)state;
	start(1, &shape);
	for (unsigned int i = 0; i < shape.items; i++)
		do_insert(&run.item[i]);
	check();
	first = model_next(NULL, 0, ULONG_MAX);

	first->interval.last += 20000; /* its area grew behind the tree's back */
	expect("RB7");
	first->interval.last -= 20000;

	first->interval.start += 20000;
	expect("RB5");
	first->interval.start -= 20000;

	first = &run.item[7];
	first->interval.__subtree_last++;
	expect("RB7");
	first->interval.__subtree_last--;

	start(2, &shape);
	do_insert(&run.item[0]);
	run.item[0].interval.start = run.item[0].interval.last + 1;
	expect("IT1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches_find_what_overlaps_in_order),
		cmocka_unit_test(test_the_ends_of_the_index_space_are_indexes),
		cmocka_unit_test(test_the_picture_is_true),
		cmocka_unit_test(test_a_stale_interval_is_found),
	};

	return cmocka_run_group_tests_name("interval trees against brute force", tests, NULL, NULL);
}
