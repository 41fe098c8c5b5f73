/* SPDX-License-Identifier: MIT */
/*
 * What a maple tree should hold, as plainly as can be: an array of (last, entry), ascending, that covers 0 to
 * ULONG_MAX, without two NULL neighbours.
 */
#ifndef TESTS_RANGE_MODEL_H
#define TESTS_RANGE_MODEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 200000

struct range {
	unsigned long last;
	void *entry;
};

struct model {
	unsigned int nr;
	struct range range[MODEL_MAX];
};

static struct model model;

static inline void model_init(void)
{
	model.nr = 1;
	model.range[0] = (struct range){ ULONG_MAX, NULL };
}

/* Offset of the range that holds @index. */
static inline unsigned int model_at(unsigned long index)
{
	unsigned int low = 0, high = model.nr - 1;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (model.range[mid].last < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static inline unsigned long model_begin(unsigned int i)
{
	return i ? model.range[i - 1].last + 1 : 0;
}

static inline void model_store(unsigned long first, unsigned long last, void *entry)
{
	unsigned int from = model_at(first), to = model_at(last), nr = 0;
	struct range put[3];

	if (!entry && from && model_begin(from) == first && !model.range[from - 1].entry)
		from--;
	if (!entry && to + 1 < model.nr && model.range[to].last == last && !model.range[to + 1].entry)
		to++;
	if (!entry && !model.range[from].entry)
		first = model_begin(from);
	if (!entry && !model.range[to].entry)
		last = model.range[to].last;
	if (model_begin(from) < first)
		put[nr++] = (struct range){ first - 1, model.range[from].entry };
	put[nr++] = (struct range){ last, entry };
	if (last < model.range[to].last)
		put[nr++] = model.range[to];
	memmove(&model.range[from + nr], &model.range[to + 1], (model.nr - to - 1) * sizeof(put[0]));
	memcpy(&model.range[from], put, nr * sizeof(put[0]));
	model.nr = model.nr - (to - from + 1) + nr;
	if (model.nr >= MODEL_MAX - 4) {
		fprintf(stderr, "the model has no room for more ranges\n");
		abort();
	}
}

/* First (or last) index of a run of @size NULLs in [min, max]. @return 0 or -EBUSY. */
static inline int model_gap(
	unsigned long min, unsigned long max, unsigned long size, bool highest, unsigned long *found)
{
	unsigned int low = model_at(min), high = model_at(max);

	for (unsigned int n = 0; n <= high - low; n++) {
		unsigned int i = highest ? high - n : low + n;
		unsigned long begin = model_begin(i) > min ? model_begin(i) : min;
		unsigned long end = model.range[i].last < max ? model.range[i].last : max;

		if (model.range[i].entry || end - begin < size - 1)
			continue;
		*found = highest ? end - (size - 1) : begin;
		return 0;
	}
	return -EBUSY;
}

#endif /* TESTS_RANGE_MODEL_H */
