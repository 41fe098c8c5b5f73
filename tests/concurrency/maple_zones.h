/* SPDX-License-Identifier: MIT */
/*
 * The tree of maple_torture.c: its zones, which of their entries are stable, and what an entry says of itself (1 and 2
 * there).
 */
#ifndef TESTS_MAPLE_ZONES_H
#define TESTS_MAPLE_ZONES_H

#include <stdatomic.h>

#include <vmaple/maple_tree.h>

#include "random.h"

#define ZONE    2048UL
#define ZONES   8UL
#define END     (ZONE * ZONES)
#define CROWDED 496UL /* offset of a zone's last stable entry */
#define STEP    16UL

struct torture {
	struct maple_tree mt;
	_Atomic unsigned int epoch;
	struct random r; /* the writer's */
	unsigned long serial, writes, cyclic;
	bool draining;
};

static inline bool is_stable(unsigned long index)
{
	return index < END && index % ZONE <= CROWDED && index % STEP == 0;
}

/* The last stable index at or below @index. */
static inline unsigned long stable_before(unsigned long index)
{
	unsigned long zone, offset;

	if (index >= END)
		index = END - 1;
	zone = index - index % ZONE;
	offset = index % ZONE;
	return zone + (offset > CROWDED ? CROWDED : offset - offset % STEP);
}

/* The first stable index at or above @index; END when there is none. */
static inline unsigned long stable_after(unsigned long index)
{
	unsigned long zone = index - index % ZONE, offset = index % ZONE;

	return offset > CROWDED ? zone + ZONE : zone + (offset + STEP - 1) / STEP * STEP;
}

/* value: first 20 bits, last 20, exact 1, serial 20 */
static inline void *encode(unsigned long first, unsigned long last, bool exact, unsigned long serial)
{
	return xa_mk_value(first << 41 | last << 21 | (unsigned long)exact << 20 | (serial & 0xfffff));
}

static inline unsigned long entry_first(const void *entry)
{
	return xa_to_value(entry) >> 41;
}

static inline unsigned long entry_last(const void *entry)
{
	return xa_to_value(entry) >> 21 & 0xfffff;
}

static inline bool entry_is_exact(const void *entry)
{
	return xa_to_value(entry) >> 20 & 1;
}

#endif /* TESTS_MAPLE_ZONES_H */
