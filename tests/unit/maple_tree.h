/* SPDX-License-Identifier: MIT */
/* What the unit tests of the maple tree share. */
#ifndef UNIT_MAPLE_TREE_H
#define UNIT_MAPLE_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#define A xa_mk_value(1)
#define B xa_mk_value(2)
#define C xa_mk_value(3)

static inline void store(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry)
{
	const char *reason;

	assert_int_equal(mtree_store_range(mt, first, last, entry, GFP_KERNEL), 0);
	if (!mt_check(mt, &reason))
		fail_msg("%s", reason);
}

/* Entries 0, 10, 20 ... [10 i, 10 i + 4]. */
static inline void fill(struct maple_tree *mt, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		store(mt, 10 * i, 10 * i + 4, xa_mk_value(i));
}

/* Run the group of @tests. */
#define RUN_MAPLE_TESTS(name, tests) \
	cmocka_run_group_tests_name(name, tests, begin_maple_tests, end_maple_tests)

static inline int begin_maple_tests(void **state)
{
	(void)state;
	vmaple_rcu_register_thread();
	return 0;
}

static inline int end_maple_tests(void **state)
{
	(void)state;
	vmaple_rcu_unregister_thread();
	return 0;
}

#endif /* UNIT_MAPLE_TREE_H */
