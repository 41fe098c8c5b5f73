/* SPDX-License-Identifier: MIT */
/*
 * Text in SVG and HTML, between tags or within a quoted attribute.
 */
#ifndef LAB_MARKUP_H
#define LAB_MARKUP_H

#include <stdio.h>

/*
 * A character of UTF-8 that is not seen, but changes how what follows is read: controls, and marks that turn the direction of
 * text. 0: it is another.
 */
static inline unsigned int unseen_character(const unsigned char *s, size_t *len)
{
	unsigned int c = 0;

	*len = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : 3;
	if (s[0] < ' ' || s[0] == 0x7f)
		return s[0];
	if (s[0] < 0xc2 || !s[1] || (*len == 3 && !s[2]))
		return 0;
	c = *len == 2 ? (s[0] & 31u) << 6 | (s[1] & 63u)
		      : (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
	if ((c >= 0x80 && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f)
		return c;
	return (s[0] == 0xe2 && ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))) ? c : 0;
}

/* What markup means something by is escaped; what is not seen is written as \uHHHH. */
static inline void put_markup(FILE *out, const char *text)
{
	for (; *text; text++) {
		size_t len;
		unsigned int unseen = unseen_character((const unsigned char *)text, &len);

		if (unseen) {
			fprintf(out, "\\u%04x", unseen);
			text += len - 1;
			continue;
		}
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

#endif /* LAB_MARKUP_H */
