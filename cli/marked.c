/* SPDX-License-Identifier: MIT */
/*
 * Two texts of a few lines beside each other: `-` before a line that only the first has, `+` before one that only the
 * second has.  Of the lines that both have, only those beside a marked one are shown.
 *
 * The longest common subsequence of lines, by the table of lengths from the ends: O(n * m) for texts of at
 * most MAX_LINES, which is what a difference shows of a map. What is longer is cut off.
 */
#include <string.h>

#include "cli.h"

#define MAX_LINES 32

/* A part of the caller's text: no copy, no NUL. */
struct line {
	const char *text;
	size_t len;
	char mark;
};

/* How many; what is behind MAX_LINES is left out without a word, as a difference shows the first ones. */
static size_t split(const char *text, struct line *lines)
{
	size_t nr = 0;

	while (*text && nr < MAX_LINES) {
		size_t len = strcspn(text, "\n");

		lines[nr++] = (struct line){ text, len, ' ' };
		text += len + (text[len] == '\n');
	}
	return nr;
}

static bool equal(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* 1, so that counts add up where it is called. */
static size_t copy_marked(struct line *to, const struct line *from, char mark)
{
	*to = *from;
	to->mark = mark;
	return 1;
}

/*
 * The lines of both in order; what both have once, as many of these as can be.
 *
 * unsigned char holds MAX_LINES. Of two ways with equally many common lines the one that takes from the
 * first text first is taken: all `-` of a change stand before its `+`.
 */
static size_t merge(const struct line *a, size_t nr_a, const struct line *b, size_t nr_b, struct line *out)
{
	unsigned char common[MAX_LINES + 1][MAX_LINES + 1] = { { 0 } }; /* of the lines from here on */
	size_t i, j, nr = 0;

	for (i = nr_a; i-- > 0;) {
		for (j = nr_b; j-- > 0;) {
			unsigned char left_out =
				common[i + 1][j] > common[i][j + 1] ? common[i + 1][j] : common[i][j + 1];

			common[i][j] =
				equal(&a[i], &b[j]) ? (unsigned char)(common[i + 1][j + 1] + 1) : left_out;
		}
	}
	for (i = j = 0; i < nr_a || j < nr_b;) {
		if (i < nr_a && j < nr_b && equal(&a[i], &b[j])) {
			nr += copy_marked(&out[nr], &a[i], ' ');
			i++, j++;
		} else if (j == nr_b || (i < nr_a && common[i + 1][j] >= common[i][j + 1])) {
			nr += copy_marked(&out[nr], &a[i++], '-');
		} else {
			nr += copy_marked(&out[nr], &b[j++], '+');
		}
	}
	return nr;
}

/* Everything on the stack. Lines are quoted: names of a recording are in them. */
void print_marked(FILE *out, const char *first, const char *second)
{
	struct line a[MAX_LINES], b[MAX_LINES], both[2 * MAX_LINES];
	size_t nr_a = split(first, a), nr_b = split(second, b), nr = merge(a, nr_a, b, nr_b, both);

	for (size_t i = 0; i < nr; i++) {
		bool beside = (i && both[i - 1].mark != ' ') || (i + 1 < nr && both[i + 1].mark != ' ');

		if (both[i].mark == ' ' && !beside)
			continue;
		fprintf(out, "  %c ", both[i].mark);
		print_quoted(out, both[i].text, both[i].len);
		fputc('\n', out);
	}
}
