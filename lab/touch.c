/* SPDX-License-Identifier: MIT */
/*
 * Counting cache lines: a hash table of line numbers, open addressing, made anew by a new generation.  One thread counts at
 * a time: the lab has one.
 */
#include "touch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define LINE  64
#define STACK (8UL << 20)

struct entry {
	uintptr_t line;
	uint64_t generation;
};

static struct {
	bool on, failed;
	uintptr_t frame; /* of who began: what lies within STACK of it is no memory of the index */
	uint64_t generation;
	struct entry *table;
	size_t size, nr; /* size is a power of two, or 0 */
} touched;

static bool add(struct entry *table, size_t size, uintptr_t line)
{
	size_t i = (line * 0x9e3779b97f4a7c15UL) >> 20;

	for (;; i++) {
		struct entry *e = &table[i & (size - 1)];

		if (e->generation != touched.generation) {
			*e = (struct entry){ line, touched.generation };
			return true;
		}
		if (e->line == line)
			return false;
	}
}

static void grow(void)
{
	size_t size = touched.size ? 2 * touched.size : 1024;
	struct entry *table = calloc(size, sizeof(*table));

	if (!table) {
		touched.failed = true;
		return;
	}
	for (size_t i = 0; i < touched.size; i++)
		if (touched.table[i].generation == touched.generation)
			(void)add(table, size, touched.table[i].line);
	free(touched.table);
	touched.table = table;
	touched.size = size;
}

void touch(uintptr_t addr, size_t size)
{
	if (!touched.on || addr - (touched.frame - STACK) < 2 * STACK)
		return;
	for (uintptr_t line = addr / LINE; line <= (addr + size - 1) / LINE; line++) {
		if (2 * touched.nr >= touched.size)
			grow();
		if (touched.failed)
			return;
		touched.nr += add(touched.table, touched.size, line);
	}
}

void touch_begin(void)
{
	touched.generation++;
	touched.nr = 0;
	touched.failed = false;
	touched.frame = (uintptr_t)__builtin_frame_address(0);
	touched.on = true;
}

long touch_end(void)
{
	touched.on = false;
	return touched.failed ? -1 : (long)touched.nr;
}
