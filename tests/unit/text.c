/* SPDX-License-Identifier: MIT */
/*
 * Text without a C library, against the C library's snprintf(): at each size of the buffer, the same bytes and the same
 * length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static int at_line;

#define same(...)                                                                                          \
	for (size_t size = 0; size < 80; size++) {                                                         \
		char wanted[80], is[80];                                                                   \
                                                                                                           \
		at_line = __LINE__;                                                                        \
		memset(wanted, '#', sizeof(wanted));                                                       \
		memset(is, '#', sizeof(is));                                                               \
		judge(snprintf(wanted, size, __VA_ARGS__), text_format(is, size, __VA_ARGS__), wanted, is, \
			size);                                                                             \
	}

static void judge(int wanted_length, int length, const char *wanted, const char *is, size_t size)
{
	size_t used = size ? strnlen(wanted, size - 1) + 1 : 0;

	if (length != wanted_length || memcmp(wanted, is, used) != 0)
		fail_msg("line %d, %zu bytes: %d \"%.*s\", not %d \"%.*s\"", at_line, size, length, (int)used,
			is, wanted_length, (int)used, wanted);
	for (size_t i = size; i < 80; i++)
		assert_int_equal(is[i], '#');
}

static void test_as_snprintf(void **state)
{
	(void)state;
	same("nothing");
	same("%s", "");
	same("%s and %s", "one", "another");
	same("%-9s|%9s|%2s|%-2s|", "left", "right", "wide", "wide");
	same("%c%c%c", 'a', '%', ' ');
	same("%3c|%-3c|", 'a', 'b');
	same("%lx %lx %lx", 0UL, 0xabcUL, ~0UL);
	same("%08lx-%08lx %02lx:%02lx", 0x1000UL, 0x7fff12345678UL, 8UL, 259UL);
	same("%lu %lu %5lu|%-5lu|%05lu", 0UL, ~0UL, 7UL, 7UL, 7UL);
	same("100%% of %p", (void *)&at_line);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_as_snprintf) };

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
