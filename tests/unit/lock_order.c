/* SPDX-License-Identifier: MIT */
/* Locks taken out of order are found, and both are named: lib/base/lock.c with its check, and a host of our own. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include <vmaple/lock.h>

#include "alloc.h"

static jmp_buf panicked;
static char text[400];

void port_panic(const char *line)
{
	strncpy(text, line, sizeof(text) - 1);
	longjmp(panicked, 1);
}

void port_relax(void)
{
}

static struct rw_lock mapping = RW_LOCK_INIT(LOCK_I_MMAP), family = RW_LOCK_INIT(LOCK_ANON),
		      leaf = RW_LOCK_INIT(LOCK_PTE), other_leaf = RW_LOCK_INIT(LOCK_PTE);

static void test_locks_in_their_order_are_fine(void **state)
{
	rw_write_lock(&mapping);
	rw_read_lock(&family);
	rw_write_lock(&leaf);
	rw_write_lock_nested(&other_leaf);
	rw_write_unlock(&other_leaf);
	rw_write_unlock(&leaf);
	/* Given back in any order. */
	rw_write_unlock(&mapping);
	rw_read_unlock(&family);
	assert_false(rw_write_locked(&mapping));
}

static void test_a_try_may_be_out_of_order(void **state)
{
	rw_write_lock(&leaf);
	assert_true(rw_write_trylock(&family));
	assert_false(rw_write_trylock(&family));
	rw_write_unlock(&family);
	rw_write_unlock(&leaf);
}

static void test_an_inversion_is_found_and_both_are_named(void **state)
{
	rw_write_lock(&leaf);
	if (!setjmp(panicked)) {
		rw_read_lock(&family);
		fail();
	}
	assert_non_null(strstr(text, "anon_vma lock"));
	assert_non_null(strstr(text, "page table lock"));
	assert_non_null(strstr(text, "lock_order.c:"));
	assert_non_null(strstr(strstr(text, "lock_order.c:") + 1, "lock_order.c:"));
	rw_write_unlock(&leaf);
}

static void test_a_second_lock_of_one_rank_is_found(void **state)
{
	rw_write_lock(&leaf);
	if (!setjmp(panicked)) {
		rw_write_lock(&other_leaf);
		fail();
	}
	rw_write_unlock(&leaf);
}

static void test_a_lock_that_is_not_held_is_not_given_back(void **state)
{
	if (!setjmp(panicked)) {
		rw_write_unlock(&mapping);
		fail();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locks_in_their_order_are_fine),
		cmocka_unit_test(test_a_try_may_be_out_of_order),
		cmocka_unit_test(test_an_inversion_is_found_and_both_are_named),
		cmocka_unit_test(test_a_second_lock_of_one_rank_is_found),
		cmocka_unit_test(test_a_lock_that_is_not_held_is_not_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
