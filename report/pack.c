/* SPDX-License-Identifier: MIT */
/* See pack.h. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void add(struct pack *p, const void *bytes, size_t len)
{
	if (p->len + len > p->size) {
		size_t size = p->size ? p->size * 2 : 65536;
		unsigned char *grown = realloc(p->bytes, size);

		if (!grown) {
			p->no_memory = 1;
			return;
		}
		p->bytes = grown;
		p->size = size;
	}
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

void pack_f64(struct pack *p, double value)
{
	add(p, &value, sizeof(value));
}

void pack_u32(struct pack *p, uint32_t value)
{
	add(p, &value, sizeof(value));
}

void pack_u8(struct pack *p, uint8_t value)
{
	add(p, &value, sizeof(value));
}

static char *base64(const unsigned char *in, size_t n, size_t *len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((n + 2) / 3 * 4 + 1), *to = out;

	for (size_t i = 0; out && i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) |
			     (i + 2 < n ? in[i + 2] : 0);

		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*len = out ? (size_t)(to - out) : 0;
	return out;
}

char *pack_text(const struct pack *p, size_t *len)
{
	uLongf size = compressBound(p->len);
	unsigned char *out = p->no_memory ? NULL : malloc(size);
	char *text = NULL;

	if (out && compress2(out, &size, p->bytes, p->len, 6) == Z_OK)
		text = base64(out, size, len);
	free(out);
	return text;
}

void pack_free(struct pack *p)
{
	free(p->bytes);
	*p = (struct pack){ 0 };
}
