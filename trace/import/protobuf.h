/* SPDX-License-Identifier: MIT */
/*
 * The wire format of protocol buffers, as far as CRIU's images need it: one field after the other.
 *
 * A message is (key, value) pairs; key = field number << 3 | wire type; a value is a varint (0), 8 bytes (1), a length
 * and as many bytes (2), or 4 bytes (5).  Nothing is copied: strings and inner messages lie in the buffer.
 *
 * All here is bounded by the buffer: a field that would reach beyond it sets damaged, and then nothing
 * more is given. Fields may come in any order, and those that nobody asks for are passed over.
 */
#ifndef IMPORT_PROTOBUF_H
#define IMPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	const uint8_t *at, *end;
	bool damaged; /* it ended, or went wrong, within a field */
};

struct protobuf_field {
	uint32_t number;
	uint64_t value;         /* of a varint or of fixed width; else 0 */
	struct protobuf inside; /* what a length was before; else empty */
};

/* Seven bits a byte, lowest first; ten bytes at most, of whose bits those beyond 64 are dropped. */
static inline bool protobuf_varint(struct protobuf *p, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; p->at < p->end && shift < 64; shift += 7) {
		uint8_t byte = *p->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	p->damaged = true;
	return false;
}

/* False: so many are not left. */
static inline bool protobuf_skip(struct protobuf *p, uint64_t len)
{
	p->damaged |= len > (uint64_t)(p->end - p->at);
	if (!p->damaged)
		p->at += len;
	return !p->damaged;
}

/* The next field. False: there is none, or the message is damaged. */
static inline bool protobuf_next(struct protobuf *p, struct protobuf_field *f)
{
	uint64_t key;

	*f = (struct protobuf_field){ 0 };
	if (p->damaged || p->at == p->end || !protobuf_varint(p, &key))
		return false;
	f->number = (uint32_t)(key >> 3);
	switch (key & 7) {
	case 0:
		return protobuf_varint(p, &f->value);
	case 1:
	case 5:
		for (unsigned int i = 0; i < ((key & 7) == 1 ? 8 : 4) && p->at + i < p->end; i++)
			f->value |= (uint64_t)p->at[i] << (8 * i);
		return protobuf_skip(p, (key & 7) == 1 ? 8 : 4);
	case 2:
		if (!protobuf_varint(p, &f->value))
			return false;
		f->inside.at = p->at;
		if (!protobuf_skip(p, f->value))
			return false;
		f->inside.end = p->at;
		f->value = 0;
		return true;
	default: /* groups, which proto2 has given up */
		p->damaged = true;
		return false;
	}
}

#endif /* IMPORT_PROTOBUF_H */
