/* SPDX-License-Identifier: MIT */
/*
 * vmaple top where a look succeeds and there is no memory to arrange what it has found: nothing is drawn, for the
 * old order points into what the look has freed.
 *
 * cli/top.c is included, with everything that it calls in its place, and asked for its loop alone, without a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "top.c"

static int looks, arranged, drawn, fails_at;

int watch_look(struct watch *w)
{
	(void)w;
	looks++;
	return 0;
}

int top_arrange(struct top *t)
{
	(void)t;
	return ++arranged == fails_at ? -ENOMEM : 0;
}

void top_draw_list(struct top *t)
{
	(void)t;
	drawn++;
}

/* Each time a second later, so that every turn of the loop looks. */
uint64_t clock_ns(void)
{
	static uint64_t now;

	return now += 1000000000;
}

int watch_open(struct watch *w)
{
	(void)w;
	return -ENOSYS;
}

void watch_close(struct watch *w)
{
	(void)w;
}

void top_draw_process(struct top *t)
{
	(void)t;
}

void top_leave_process(struct top *t)
{
	(void)t;
}

void top_read_process(struct top *t, double now)
{
	(void)t;
	(void)now;
}

void top_look_at_seen(struct top *t, double now)
{
	(void)t;
	(void)now;
}

bool top_process_key(struct top *t, int key)
{
	(void)t;
	(void)key;
	return false;
}

bool parse_pid(const char *text, uint64_t *pid)
{
	(void)text;
	(void)pid;
	return false;
}

int usage_error(const char *command, const char *what, const char *arg)
{
	(void)command;
	(void)what;
	(void)arg;
	return STATUS_USAGE;
}

void complain(const char *command, const char *format, ...)
{
	(void)command;
	(void)format;
}

static void test_nothing_is_drawn_behind_an_order_without_memory(void **state)
{
	(void)state;
	LINES = 24;
	COLS = 80;
	for (fails_at = 1; fails_at <= 3; fails_at++) {
		struct top t = { .interval_ms = 1 };

		looks = arranged = drawn = 0;
		assert_int_equal(loop(&t), -ENOMEM);
		assert_int_equal(looks, fails_at);
		assert_int_equal(drawn, fails_at - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_drawn_behind_an_order_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
