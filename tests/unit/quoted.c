/* SPDX-License-Identifier: MIT */
/* What a person reads: control characters never arrive raw, and of two texts the lines that differ are marked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

/* What is printed to out is text once the stream is closed. */
struct printed {
	FILE *out;
	char *text;
	size_t size;
};

static void print_to_text(struct printed *p)
{
	p->out = open_memstream(&p->text, &p->size);
	assert_non_null(p->out);
}

static void expect_printed(struct printed *p, const char *want)
{
	fclose(p->out);
	assert_string_equal(p->text, want);
	free(p->text);
}

static void expect_quoted(const char *text, const char *want)
{
	struct printed p;

	print_to_text(&p);
	print_quoted_line(p.out, text);
	expect_printed(&p, want);
}

/* A character that begins before the end and ends behind it is none. */
static void test_nothing_behind_the_end_is_read(void **state)
{
	static const char text[] = "a\xf0\x9f\x8d\x81";
	static const char *const want[] = { "", "a", "a\\360", "a\\360\\237", "a\\360\\237\\215", text };

	for (size_t len = 0; len < sizeof(want) / sizeof(want[0]); len++) {
		struct printed p;

		print_to_text(&p);
		print_quoted(p.out, text, len);
		expect_printed(&p, want[len]);
	}
}

static void test_control_characters_and_bytes_that_are_no_text_are_octal(void **state)
{
	expect_quoted("plain \"text\" \\ stays\n", "plain \"text\" \\ stays\n");
	expect_quoted("\033[31mred\n", "\\033[31mred\n");
	expect_quoted("a\nb\tc\r\177", "a\\012b\\011c\\015\\177");
	expect_quoted("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\x81\n",
		"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\x81\n");
	expect_quoted("\xc2\x9b"
		      "31m",
		"\\302\\23331m"); /* CSI as one character */
	expect_quoted("\x9b"
		      "31m \xff \xc3",
		"\\23331m \\377 \\303");
	expect_quoted("\xe2\x82", "\\342\\202");
	/* Longer than need be: CSI and ESC; surrogates; beyond Unicode. And the characters beside these. */
	expect_quoted("\xe0\x82\x9b \xf0\x80\x80\x9b", "\\340\\202\\233 \\360\\200\\200\\233");
	expect_quoted("\xed\xa0\x80 \xf4\x90\x80\x80", "\\355\\240\\200 \\364\\220\\200\\200");
	expect_quoted("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
		"\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
}

static void test_marks_that_turn_the_text_behind_them_are_octal(void **state)
{
	expect_quoted("a\u202egpj.sh\n", "a\\342\\200\\256gpj.sh\n");
	expect_quoted("\u061c\u200e\u200f\u202a\u2066\u2069",
		"\\330\\234\\342\\200\\216\\342\\200\\217\\342\\200\\252\\342\\201\\246\\342\\201\\251");
	expect_quoted("\u2029 \u202f \u2065 \u206a \u05d0", "\u2029 \u202f \u2065 \u206a \u05d0");
}

static void expect_marked(const char *first, const char *second, const char *want)
{
	struct printed p;

	print_to_text(&p);
	print_marked(p.out, first, second);
	expect_printed(&p, want);
}

static void test_lines_that_differ_are_marked_and_equal_ones_are_left_out_but_beside_them(void **state)
{
	expect_marked("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n", "    b\n  - c\n  + X\n    d\n");
	expect_marked("a\nb\n", "a\nb\nc\n", "    b\n  + c\n");
	expect_marked("one\n", "two\n", "  - one\n  + two\n");
	expect_marked("a\nb\nc\nd\n", "b\nc\nd\nz\n", "  - a\n    b\n    d\n  + z\n");
	expect_marked("same\n", "same\n", "");
	expect_marked("(nothing)\n", "x\033\n", "  - (nothing)\n  + x\\033\n");
}

static void test_more_lines_than_a_person_reads_do_no_harm(void **state)
{
	char many[400] = "";
	struct printed p;

	for (int i = 0; i < 100; i++)
		strcat(many, i % 2 ? "y\n" : "x\n");
	print_to_text(&p);
	print_marked(p.out, many, "y\n");
	fclose(p.out);
	assert_non_null(strstr(p.text, "  - x\n    y\n"));
	free(p.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_behind_the_end_is_read),
		cmocka_unit_test(test_control_characters_and_bytes_that_are_no_text_are_octal),
		cmocka_unit_test(test_marks_that_turn_the_text_behind_them_are_octal),
		cmocka_unit_test(
			test_lines_that_differ_are_marked_and_equal_ones_are_left_out_but_beside_them),
		cmocka_unit_test(test_more_lines_than_a_person_reads_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
