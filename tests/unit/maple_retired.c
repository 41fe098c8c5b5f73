/* SPDX-License-Identifier: MIT */
/*
 * What a store has replaced is given back when no reader can come to it any more, not before: the linker puts
 * __wrap_pool_retire() between the tree and the pool, and it looks for the node in the tree as it then is.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "maple_tree.h"
#include "random.h"

#include "node.h"

/* One that no reader has ever seen is given back by pool_free(). */
void __real_pool_retire(enum pool_kind kind, void *object);
void __wrap_pool_retire(enum pool_kind kind, void *object);

static struct maple_tree tree;
static unsigned long retired;

static bool leads_to(const void *node, unsigned int height, const void *wanted)
{
	const struct mt_inner *inner = node;

	if (node == wanted)
		return true;
	for (unsigned int i = 0; height > 1 && i < inner->nr; i++)
		if (leads_to(mt_child(inner, i), height - 1, wanted))
			return true;
	return false;
}

void __wrap_pool_retire(enum pool_kind kind, void *object)
{
	const void *root = mt_root(&tree);

	retired++;
	if (mt_root_is_node(root) && leads_to(mt_root_node(root), mt_root_height(root), object))
		fail_msg("a node is retired while the tree leads to it");
	__real_pool_retire(kind, object);
}

static void test_nodes_are_replaced_before_they_are_retired(void **state)
{
	struct random r = { 2022 };

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
	for (unsigned long i = 0; i < 30000; i++) {
		bool erase = random_below(&r, 3) == (i / 5000 % 2); /* it grows and shrinks */
		unsigned long first = random_below(&r, 20000), span = i % 100 ? 4 : 2000;
		void *entry = erase ? NULL : xa_mk_value(i);

		assert_int_equal(
			mtree_store_range(&tree, first, first + random_below(&r, span), entry, GFP_KERNEL),
			0);
	}
	mtree_destroy(&tree);
	assert_true(retired > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_are_replaced_before_they_are_retired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
