/* SPDX-License-Identifier: MIT */
/*
 * All processes without memory: where one allocation fails, and each in its turn, the list is not opened, or it says why lines are
 * counted instead.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <vmaple/live_tasks.h>

static unsigned int made, fails; /* the number of the one that fails; 0: none */

void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);

void *__wrap_calloc(size_t nr, size_t size)
{
	if (++made == fails) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_calloc(nr, size);
}

static int open_without(unsigned int nr, struct live_tasks **tasks)
{
	int err;

	made = 0;
	fails = nr;
	err = live_tasks_open(tasks);
	fails = 0;
	return err;
}

static void test_it_says_why_lines_are_counted(void **state)
{
	struct live_tasks *tasks;
	unsigned int nr;

	assert_int_equal(open_without(0, &tasks), 0);
	if (*live_tasks_reason(tasks)) {
		print_message("# %s\n", live_tasks_reason(tasks));
		live_tasks_close(tasks);
		skip();
	}
	live_tasks_close(tasks);
	nr = made;
	assert_true(nr >= 2);
	for (unsigned int i = 1; i <= nr; i++) {
		int err = open_without(i, &tasks);

		if (err) {
			assert_int_equal(err, -ENOMEM);
			continue;
		}
		if (!*live_tasks_reason(tasks))
			fail_msg("allocation %u of %u fails, and it says nothing", i, nr);
		live_tasks_close(tasks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_says_why_lines_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
