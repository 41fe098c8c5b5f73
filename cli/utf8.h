/* SPDX-License-Identifier: MIT */
/*
 * What is a character of UTF-8, and what are only bytes.
 *
 * By RFC 3629. What is not a character is for each caller to show in its own way: quote.c as \ooo, json.c
 * as \xHH.
 */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <stddef.h>

/* Bytes of the character that begins at @s, of which @left are there; 0: none does. */
static inline size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be (a control character may be hidden so), a surrogate, or beyond Unicode. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

#endif /* CLI_UTF8_H */
