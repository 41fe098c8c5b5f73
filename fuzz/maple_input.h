/* SPDX-License-Identifier: MIT */
/*
 * What the bytes of an input mean to the target of the maple tree: numbers, keys, ranges and entries.
 *
 * How the keys are spread over the space is chosen once, by the first bytes (maple.c).  Bytes that are missing at the
 * end are 0.
 */
#ifndef FUZZ_MAPLE_INPUT_H
#define FUZZ_MAPLE_INPUT_H

#include <limits.h>
#include <stdint.h>

#include <vmaple/maple_tree.h>

enum keys { DENSE, PAGES, SPARSE, TOP, HIGH_PAGES, REGIONS, UNEVEN, STRIDES, KEYS };

struct fuzz {
	const uint8_t *at, *end;
	enum keys keys;
	struct maple_tree mt;
	unsigned long value, cyclic;
	unsigned int armed; /* the allocation of the next operation that fails; 0: none */
};

static inline unsigned int byte(struct fuzz *f)
{
	return f->at < f->end ? *f->at++ : 0;
}

static inline unsigned int word(struct fuzz *f)
{
	unsigned int low = byte(f);

	return low | byte(f) << 8;
}

static inline unsigned long key_of(const struct fuzz *f, unsigned long k)
{
	switch (f->keys) {
	case PAGES:
		return k << 12;
	case SPARSE:
		return k * 0x123456789abUL;
	case TOP:
		return ULONG_MAX - k;
	case HIGH_PAGES:
		return 0x7f0000000000UL + (k << 12);
	case REGIONS:
		return (k >> 8 & 15) << 60 | (k & 255);
	case UNEVEN:
		return (k << 12) + (k % 7 == 0);
	case STRIDES:
		return k << 24;
	default:
		return k;
	}
}

static inline unsigned long key(struct fuzz *f)
{
	unsigned int k = word(f);

	return k >= 0xfffe ? (k & 1 ? ULONG_MAX : 0) : key_of(f, k >> 1);
}

/* How many indices: few mostly, sometimes up to the end of the space. */
static inline unsigned long length(struct fuzz *f)
{
	unsigned int n = byte(f);
	unsigned long unit = f->keys == TOP ? 1 : key_of(f, 8) - key_of(f, 7);

	return n < 200 ? (1 + n / 4) * unit : n < 255 ? (n - 199) * 64 * unit : ULONG_MAX;
}

static inline void range(struct fuzz *f, unsigned long *first, unsigned long *last)
{
	unsigned long n;

	*first = key(f);
	n = length(f);
	*last = ULONG_MAX - *first < n - 1 ? ULONG_MAX : *first + n - 1;
}

static inline void *new_entry(struct fuzz *f, unsigned int kind)
{
	f->value++;
	switch (kind % 16) {
	case 0 ... 3:
		return NULL;
	case 4:
		return XA_ZERO_ENTRY;
	case 5:
		return (void *)(f->value << 12 | 2); /* an entry that the root word cannot hold */
	case 6:
		return (void *)(f->value << 12);
	default:
		return xa_mk_value(f->value);
	}
}

#endif /* FUZZ_MAPLE_INPUT_H */
