/* SPDX-License-Identifier: MIT */
/*
 * Values and bytes: varints, booleans, strings, written or read as the codec's direction is.  docs/format.md has the form of each.
 *
 * Most of what a recording has are numbers of one byte and addresses of seven: these two lengths are written without a loop.
 * After a failure, writing writes nothing and reading gives 0 or "".
 *
 * do_X() is what codec.c writes its descriptions in; put_ and get_ are the two directions of it. They are
 * inline, for a recording is read and written event by event and most of the time goes here.
 */
#ifndef TRACE_VALUES_H
#define TRACE_VALUES_H

#include "codec.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Nothing takes it back: a codec that has failed is of no further use. */
static inline void fail(struct codec *c)
{
	c->failed = true;
}

#define VARINT_MAX 10 /* bytes */

/*
 * Room for @n more bytes when writing. False: failed is set, and the caller just returns.
 *
 * Doubles, so that growing costs O(1) a byte; the block is kept for the next one, and never shrinks.
 */
static inline bool reserve(struct codec *c, size_t n)
{
	size_t want = c->end ? c->end : 4096;
	uint8_t *grown;

	if (c->failed)
		return false;
	if (c->pos + n <= c->end)
		return true;
	while (want < c->pos + n)
		want *= 2;
	grown = realloc(c->buf, want);
	if (!grown) {
		c->no_memory = true;
		fail(c);
		return false;
	}
	c->buf = grown;
	c->end = want;
	return true;
}

/*
 * Seven bits of @v, less than 2^56, into each of eight bytes. By halves, then quarters, then eighths: 28
 * bits to 32, 14 to 16, 7 to 8 at each step.
 */
static inline uint64_t spread(uint64_t v)
{
	v = (v & 0x000000000fffffff) | (v & 0x00fffffff0000000) << 4;
	v = (v & 0x00003fff00003fff) | (v & 0x0fffc0000fffc000) << 2;
	return (v & 0x007f007f007f007f) | (v & 0x3f803f803f803f80) << 1;
}

/*
 * Most are one byte, or addresses of seven, whose length no branch has to guess. Where it ends; bytes
 * behind that, up to VARINT_MAX from @to, may be written over: callers have reserved them, and the next
 * value takes their place.
 */
static inline uint8_t *varint_at(uint8_t *to, uint64_t v)
{
	if (v < 0x80) {
		*to = (uint8_t)v;
		return to + 1;
	}
	if (v >> 56 == 0) {
		unsigned int more = (63 - (unsigned int)__builtin_clzll(v)) / 7;
		uint64_t bytes = htole64(spread(v) | 0x8080808080808080 >> (64 - 8 * more));

		memcpy(to, &bytes, sizeof(bytes));
		return to + more + 1;
	}
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to = (uint8_t)v;
	return to + 1;
}

static inline void put_varint(struct codec *c, uint64_t v)
{
	if (c->pos + VARINT_MAX > c->end && !reserve(c, VARINT_MAX))
		return;
	c->pos = (size_t)(varint_at(c->buf + c->pos, v) - c->buf);
}

/* @n of them in a row. */
static inline void put_varints(struct codec *c, const uint64_t *v, size_t n)
{
	uint8_t *to;

	if (c->pos + n * VARINT_MAX > c->end && !reserve(c, n * VARINT_MAX))
		return;
	to = c->buf + c->pos;
	for (size_t i = 0; i < n; i++)
		to = varint_at(to, v[i]);
	c->pos = (size_t)(to - c->buf);
}

/*
 * Longer forms of a value are taken as well (0x80 0x00 is 0), and of a tenth byte only the lowest bit
 * counts: no writer makes them, and no reader need refuse them.
 *
 * At the end of the block, or after a failure, left is 0: the loop is passed over and the codec has
 * failed.
 */
static inline uint64_t get_varint(struct codec *c)
{
	const uint8_t *at = c->buf + c->pos;
	size_t left = c->failed ? 0 : c->end - c->pos;
	unsigned int most = left < 10 ? (unsigned int)left : 10;
	uint64_t v = 0;

	for (unsigned int i = 0; i < most; i++) {
		v |= (uint64_t)(at[i] & 0x7f) << (7 * i);
		if (!(at[i] & 0x80)) {
			c->pos += i + 1;
			return v;
		}
	}
	fail(c);
	return 0;
}

static inline void do_u64(struct codec *c, uint64_t *v)
{
	if (c->writing)
		put_varint(c, *v);
	else
		*v = get_varint(c);
}

/* @n of them in a row. */
static inline void do_u64s(struct codec *c, uint64_t *v, size_t n)
{
	if (c->writing)
		put_varints(c, v, n);
	for (size_t i = 0; !c->writing && i < n; i++)
		v[i] = get_varint(c);
}

/*
 * Reading, a value that is too wide fails the codec; what is left in *@v is its lower half, for nobody to
 * use.
 */
static inline void do_u32(struct codec *c, uint32_t *v)
{
	uint64_t wide;

	if (c->writing) {
		put_varint(c, *v);
		return;
	}
	wide = get_varint(c);
	if (wide > UINT32_MAX)
		fail(c);
	*v = (uint32_t)wide;
}

/*
 * Small either side of 0: zigzag. Zigzag: 0, -1, 1, -2 become 0, 1, 2, 3. In reading, value is 0 and the
 * first line of no use.
 */
static inline void do_i64(struct codec *c, int64_t *v)
{
	int64_t value = c->writing ? *v : 0;
	uint64_t zigzag = (uint64_t)value << 1 ^ -(uint64_t)(value < 0);

	do_u64(c, &zigzag);
	*v = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
}

/* Reading cuts what is wider: a wait status is all that there is of this kind, and has 32 bits. */
static inline void do_i32(struct codec *c, int32_t *v)
{
	int64_t wide = c->writing ? *v : 0;

	do_i64(c, &wide);
	*v = (int32_t)wide;
}

/* Two and more are damage, for no writer makes them. */
static inline void do_bool(struct codec *c, bool *v)
{
	uint64_t wide;

	if (c->writing) {
		put_varint(c, *v);
		return;
	}
	wide = get_varint(c);
	if (wide > 1)
		fail(c);
	*v = wide == 1;
}

/* Reading, *@data points into the block: it is not aligned, and dead when the next block is read. */
static inline void do_bytes(struct codec *c, const void **data, uint32_t *len)
{
	do_u32(c, len);
	if (c->writing) {
		if (*len && reserve(c, *len)) {
			memcpy(c->buf + c->pos, *data, *len);
			c->pos += *len;
		}
		return;
	}
	if (c->failed || *len > c->end - c->pos) {
		fail(c);
		*data = NULL;
		*len = 0;
		return;
	}
	*data = *len ? c->buf + c->pos : NULL;
	c->pos += *len;
}

/* The NUL is in the file, so that reading needs no copy: *@s points into the block. */
static inline void do_string(struct codec *c, const char **s)
{
	uint32_t len = c->writing ? (uint32_t)strlen(*s) + 1 : 0;
	const void *data = *s;

	do_bytes(c, &data, &len);
	if (c->writing)
		return;
	if (c->failed || !len || ((const char *)data)[len - 1] != '\0') {
		fail(c);
		*s = "";
		return;
	}
	*s = data;
}

#endif /* TRACE_VALUES_H */
