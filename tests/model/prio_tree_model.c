/* SPDX-License-Identifier: MIT */
/*
 * The radix priority search tree against brute force: random intervals come and go, and what a search finds is
 * compared, as a set, with what overlaps among all of them.  The tree is validated after every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include <vmaple/prio_tree.h>

#include "random.h"

#define ITEMS 800

struct item {
	struct prio_tree_node node;
	bool in_tree;
	unsigned long found; /* number of the search that found it last */
};

/* What a run is about. */
struct shape {
	const char *name;
	unsigned int items;
	unsigned int starts; /* so many different ones, multiples of 1 << shift */
	unsigned int shift;
	unsigned long longest;
	bool growing; /* small indexes are likelier, so that index_bits grows step by step */
};

static const struct shape shapes[] = {
	{ "tiny", 3, 8, 0, 4, false },
	{ "the document's: 8 pages", 64, 8, 0, 8, false },
	{ "one start: overflow subtrees alone", 200, 1, 0, 1UL << BY_WORD(40, 24), false },
	{ "few starts, many sizes", 300, 4, 10, 5000, false },
	{ "few starts, few sizes: lists", 300, 5, 0, 4, false },
	{ "short in a wide space", 300, 1U << 30, 4, 1UL << 22, false },
	{ "of all lengths, all bits", 300, 1U << 31, BY_WORD(32, 0), ULONG_MAX, false },
	{ "growing", 120, 1U << 31, BY_WORD(30, 0), 1UL << BY_WORD(60, 30), true },
	{ "disjoint mostly", 500, 100000, 0, 30, false },
};

static struct run {
	struct random random;
	const struct shape *shape;
	struct prio_tree_root root;
	struct item item[ITEMS];
	unsigned long searches;
} run;

static void random_range(unsigned long *start, unsigned long *last)
{
	unsigned long length = 1 + random_below(&run.random, run.shape->longest);

	*start = (unsigned long)random_below(&run.random, run.shape->starts) << run.shape->shift;
	if (run.shape->growing) {
		unsigned int less = (unsigned int)random_below(&run.random, 61);

		*start >>= less;
		length = 1 + (length >> less);
	}
	*last = ULONG_MAX - *start < length - 1 ? ULONG_MAX : *start + length - 1;
}

static void do_insert(struct item *item)
{
	random_range(&item->node.start, &item->node.last);
	item->in_tree = true;
	prio_tree_insert(&run.root, &item->node);
}

static void do_remove(struct item *item)
{
	item->in_tree = false;
	prio_tree_remove(&run.root, &item->node);
}

static bool overlaps(const struct item *item, unsigned long start, unsigned long last)
{
	return item->in_tree && item->node.start <= last && item->node.last >= start;
}

static void search(unsigned long start, unsigned long last)
{
	struct prio_tree_iter iter;
	struct prio_tree_node *node;
	struct item *item;

	run.searches++;
	prio_tree_iter_init(&iter, &run.root, start, last);
	while ((node = prio_tree_next(&iter))) {
		item = (struct item *)((char *)node - offsetof(struct item, node));
		assert_true(overlaps(item, start, last));
		assert_int_not_equal(item->found, run.searches);
		item->found = run.searches;
	}
	for (item = run.item; item < run.item + run.shape->items; item++)
		assert_int_equal(overlaps(item, start, last), item->found == run.searches);
}

static void do_search(void)
{
	unsigned long start, last;

	random_range(&start, &last);
	if (random_below(&run.random, 3) == 0)
		last = start;
	search(start, last);
}

static void check(void)
{
	const char *reason;

	if (!prio_tree_validate(&run.root, &reason))
		fail_msg("%s: %s", run.shape->name, reason);
}

static void start(uint64_t seed, const struct shape *shape)
{
	memset(&run, 0, sizeof(run));
	run.random.state = seed;
	run.shape = shape;
	prio_tree_root_init(&run.root);
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
			fill = (unsigned int)random_below(&run.random, 100);
		if (random_below(&run.random, 3) == 0)
			do_search();
		else if (random_below(&run.random, 100) < fill && !item->in_tree)
			do_insert(item);
		else if (item->in_tree)
			do_remove(item);
		check();
	}
	search(0, ULONG_MAX);
	for (struct item *i = run.item; i < run.item + shape->items; i++)
		if (i->in_tree)
			do_remove(i), check();
	assert_true(prio_tree_empty(&run.root));
	assert_int_equal(run.root.index_bits, 0);
}

static void test_searches_find_what_overlaps(void **state)
{
	uint64_t seed = random_seed(), operations = test_operations(180000);

	(void)state;
	for (size_t s = 0; s < NR_MODELS; s++)
		run_model(s, seed + s, operations / NR_MODELS);
}

/*
 * All 36 intervals of a file of 8 pages, as Linux's own description of the tree draws them, and the
 * most crowded start.
 */
static void test_all_intervals_of_a_small_file(void **state)
{
	static const struct shape shape = { "8 pages", 36, 8, 0, 8, false };
	unsigned int nr = 0;

	(void)state;
	start(0, &shape);
	for (unsigned long first = 0; first < 8; first++)
		for (unsigned long last = first; last < 8; last++) {
			run.item[nr].node.start = first;
			run.item[nr].node.last = last;
			run.item[nr].in_tree = true;
			prio_tree_insert(&run.root, &run.item[nr++].node);
			check();
		}
	assert_int_equal(run.root.index_bits, 3);
	for (unsigned long first = 0; first < 9; first++)
		for (unsigned long last = first; last < 9; last++)
			search(first, last);
}

static void insert_at(unsigned int i, unsigned long first, unsigned long last)
{
	run.item[i].node.start = first;
	run.item[i].node.last = last;
	prio_tree_insert(&run.root, &run.item[i].node);
	check();
}

static void assert_children(unsigned int i, int left, int right)
{
	assert_ptr_equal(run.item[i].node.left, left < 0 ? NULL : &run.item[left].node);
	assert_ptr_equal(run.item[i].node.right, right < 0 ? NULL : &run.item[right].node);
}

/* Both pictures in lib/trees/prio_tree/internal.h. */
static void test_the_pictures_are_true(void **state)
{
	enum { a, b, c, d, e, f, g, none = -1 };
	static const struct shape shape = { "pictures", 7, 8, 0, 8, false };

	(void)state;
	start(0, &shape);
	insert_at(f, 5, 5);
	insert_at(e, 2, 3);
	insert_at(d, 2, 5);
	insert_at(c, 1, 5);
	insert_at(b, 4, 7);
	insert_at(a, 0, 7);
	assert_ptr_equal(run.root.prio_tree_node, &run.item[a].node);
	assert_children(a, c, b);
	assert_children(b, f, none);
	assert_children(c, none, d);
	assert_children(d, e, none);

	insert_at(g, 31, 31); /* takes the top, and gives it back */
	prio_tree_remove(&run.root, &run.item[g].node);
	check();
	assert_int_equal(run.root.index_bits, 5);
	assert_ptr_equal(run.root.prio_tree_node, &run.item[a].node);
	assert_children(a, b, none);
	assert_children(b, c, none);
	assert_children(c, d, f);
	assert_children(d, none, e);
}

static void expect(const char *rule)
{
	const char *reason = "none";

	assert_false(prio_tree_validate(&run.root, &reason));
	assert_memory_equal(reason, rule, 2);
}

static void test_each_broken_rule_is_named(void **state)
{
	static const struct shape shape = { "broken", 300, 1000, 0, 3, false };
	struct prio_tree_node *top, *left, *right, *first, saved;

	(void)state;
	start(1, &shape);
	for (unsigned int i = 0; i < shape.items; i++)
		do_insert(&run.item[i]);
	check();
	top = run.root.prio_tree_node;
	left = top->left;
	right = top->right;
	assert_non_null(left);
	assert_non_null(right);

	saved = *left;
	left->last = left->start = top->last + 1;
	expect("PR1");
	*left = saved;

	top->left = right; /* to the wrong side */
	top->right = left;
	expect("PR2");
	top->left = left;
	top->right = right;

	left->parent = right;
	expect("PR3");
	*left = saved;

	for (first = top; !first->equal;)
		first = &run.item[random_below(&run.random, shape.items)].node;
	first->equal->start++;
	expect("PR4");
	first->equal->start--;

	run.root.index_bits = 3;
	expect("PR5");
	run.root.index_bits = 10;

	left->start = left->last + 1;
	expect("PR6");
	*left = saved;
	check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches_find_what_overlaps),
		cmocka_unit_test(test_all_intervals_of_a_small_file),
		cmocka_unit_test(test_the_pictures_are_true),
		cmocka_unit_test(test_each_broken_rule_is_named),
	};

	return cmocka_run_group_tests_name(
		"radix priority search tree against brute force", tests, NULL, NULL);
}
