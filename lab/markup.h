/* SPDX-License-Identifier: MIT */
/*
 * Text in SVG and HTML, between tags or within a quoted attribute.
 */
#ifndef LAB_MARKUP_H
#define LAB_MARKUP_H

#include <stdio.h>

#include "unseen.h"

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
