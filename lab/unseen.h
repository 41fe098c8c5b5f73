/* SPDX-License-Identifier: MIT */
/*
 * What somebody else has named can hold characters that steer a terminal, or turn what is read behind them. Whoever writes text
 * asks here which ones these are, and writes them in the manner of its form: as \ooo for a person, as \uHHHH in JSON and in
 * markup.
 */
#ifndef LAB_UNSEEN_H
#define LAB_UNSEEN_H

#include <stddef.h>

/*
 * The character of UTF-8 at @s, if it is not seen, but changes how what follows is read: controls, and marks that turn the
 * direction of text.  0: it is another.  @len: its bytes; 1, too, of what is no character, or of more bytes than any of these has.
 */
static inline unsigned int unseen_character(const unsigned char *s, size_t *len)
{
	unsigned int c;

	*len = 1;
	if (s[0] < ' ' || s[0] == 0x7f)
		return s[0];
	if (s[0] < 0xc2 || s[0] >= 0xf0 || (s[1] & 0xc0) != 0x80 || (s[0] >= 0xe0 && (s[2] & 0xc0) != 0x80))
		return 0;
	*len = s[0] < 0xe0 ? 2 : 3;
	c = *len == 2 ? (s[0] & 31u) << 6 | (s[1] & 63u)
		      : (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
	if (c >= 0x80 && c < 0xa0)
		return c;
	if (c == 0x61c || c == 0x200e || c == 0x200f)
		return c;
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ? c : 0;
}

#endif /* LAB_UNSEEN_H */
