/* SPDX-License-Identifier: MIT */
/*
 * Names and commands of recorded programs as a person may see them: a control character would move the cursor, change
 * colours or write elsewhere, so each of its bytes is written as \ooo, as /proc/PID/maps writes a newline.
 *
 * So are the marks that turn the direction of text, with which a name can look like another one (../lab/unseen.h), and bytes
 * that are no part of UTF-8.
 *
 * Reversible only by eye: a name that has "\012" in it as four characters looks the same as one with a
 * newline. JSON is for who needs the bytes back (json.c).
 */
#include <string.h>

#include "../lab/unseen.h"
#include "cli.h"
#include "utf8.h"

#define SHOWN_MAX 16 /* of one character: each of at most four bytes by four */

/*
 * The next character as it is shown. @return how many of its bytes these are. @left is at least 1. A NUL
 * would be shown as nothing; no text here has one.
 */
static size_t next_shown(const unsigned char *s, size_t left, char shown[SHOWN_MAX + 1])
{
	size_t len = utf8_length(s, left), unseen;

	if (len && !unseen_character(s, &unseen)) {
		memcpy(shown, s, len);
		shown[len] = '\0';
		return len;
	}
	/*
	 * A byte that begins nothing is shown alone, and reading goes on behind it: what follows may be a
	 * character again.
	 */
	len = len ? len : 1;
	for (size_t i = 0; i < len; i++)
		snprintf(shown + 4 * i, 5, "\\%03o", s[i]);
	return len;
}

/* Errors of @out are its own to remember (ferror()). */
void print_quoted(FILE *out, const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + size;
	char shown[SHOWN_MAX + 1];

	while (s < end) {
		s += next_shown(s, (size_t)(end - s), shown);
		fputs(shown, out);
	}
}

/* @size is at least 1. */
char *quoted_text(const char *text, char *buf, size_t size)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + strlen(text);
	char shown[SHOWN_MAX + 1];
	size_t n = 0;

	while (s < end) {
		s += next_shown(s, (size_t)(end - s), shown);
		if (n + strlen(shown) >= size)
			break;
		memcpy(buf + n, shown, strlen(shown));
		n += strlen(shown);
	}
	buf[n] = '\0';
	return buf;
}

void print_quoted_line(FILE *out, const char *line)
{
	size_t len = strlen(line);
	bool ends = len && line[len - 1] == '\n';

	print_quoted(out, line, len - ends);
	if (ends)
		fputc('\n', out);
}
