/* SPDX-License-Identifier: MIT */
/*
 * The red-black tree as readers without a lock may see it: after every single store to a child pointer, whatever can
 * be reached from the root is walked.
 *
 * 1. RL1 of <vmaple/rbtree.h>: no way down leads back to a node on it.  A loop, even one that lasts for one store,
 *    makes a way down longer than there are nodes.
 * 2. RL2: the balancing code is compiled here once more, with a store that looks at the tree, in program order; release
 *    order carries that over to other threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include <vmaple/rbtree.h>

#include "random.h"

static void store_and_look(struct rb_node **link, struct rb_node *child);

#define rb_set_child_rcu store_and_look
#include "rbtree.c" // NOLINT(bugprone-suspicious-include): so that its stores are ours

#define ITEMS 40

struct item {
	struct rb_node rb;
	unsigned long key;
	bool in_tree;
};

static struct rb_root root;
static struct item item[ITEMS];
static unsigned long stores;

static void look(const struct rb_node *node, unsigned int depth)
{
	if (!node)
		return;
	assert_true(depth < ITEMS);
	look(node->rb_left, depth + 1);
	look(node->rb_right, depth + 1);
}

static void store_and_look(struct rb_node **link, struct rb_node *child)
{
	*link = child;
	look(root.rb_node, 0);
	stores++;
}

static struct item *item_of(const struct rb_node *node)
{
	return rb_entry(node, struct item, rb);
}

static bool keys_ascend(const struct rb_node *earlier, const struct rb_node *later)
{
	return item_of(earlier)->key <= item_of(later)->key;
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static void test_no_store_makes_a_loop(void **state)
{
	static const struct rb_checks checks = { keys_ascend, NULL };
	struct random random = { random_seed() };
	uint64_t operations = test_operations(200000);
	const char *reason;

	(void)state;
	for (uint64_t i = 0; i < operations; i++) {
		struct item *one = &item[random_below(&random, ITEMS)];

		if (one->in_tree) {
			rb_erase(&one->rb, &root);
		} else {
			one->key = random_below(&random, 1000);
			rb_add(&one->rb, &root, less);
		}
		one->in_tree = !one->in_tree;
		if (!rb_validate(&root, &checks, &reason))
			fail_msg("%s", reason);
	}
	assert_true(stores > operations);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_store_makes_a_loop),
	};

	return cmocka_run_group_tests_name("red-black tree, store by store", tests, NULL, NULL);
}
