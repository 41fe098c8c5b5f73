/* SPDX-License-Identifier: MIT */
/*
 * Text in SVG and HTML, between tags or within a quoted attribute.
 */
#ifndef LAB_MARKUP_H
#define LAB_MARKUP_H

#include <stdio.h>

/* What markup means something by is escaped; control characters, which it may not have, become spaces. */
static inline void put_markup(FILE *out, const char *text)
{
	for (; *text; text++) {
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
			fputc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, out);
		}
	}
}

#endif /* LAB_MARKUP_H */
