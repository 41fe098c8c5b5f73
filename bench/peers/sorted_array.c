/* SPDX-License-Identifier: MIT */
/*
 * Contender `sorted-array` of the question `range-map`: the ranges one after the other in one array, found by a binary search
 * without branches.  What lies inside one range is changed in place, else one memmove() makes room or closes it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"
#include "../range-map.h"

struct range {
	unsigned long first, last, bits;
};

struct array {
	struct range *ranges;
	size_t nr, room;
};

/* The first range that ends at @at or later. */
static size_t from(const struct array *a, unsigned long at)
{
	const struct range *base = a->ranges;
	size_t nr = a->nr;

	while (nr > 1) {
		size_t half = nr / 2;

		base += base[half - 1].last < at ? half : 0;
		nr -= half;
	}
	return (size_t)(base - a->ranges) + (nr && base->last < at);
}

/* Ranges [i, j) give way to @nr others. */
static void replace(struct array *a, size_t i, size_t j, const struct range *fresh, size_t nr)
{
	if (a->nr + nr > a->room) {
		a->room = 2 * (a->nr + nr);
		a->ranges = realloc(a->ranges, a->room * sizeof(*fresh));
		if (!a->ranges)
			abort();
	}
	if (nr != j - i)
		memmove(a->ranges + i + nr, a->ranges + j, (a->nr - j) * sizeof(*fresh));
	memcpy(a->ranges + i, fresh, nr * sizeof(*fresh));
	a->nr += nr - (j - i);
}

static void set_one(void *tracker, unsigned long first, unsigned long last, unsigned long bits)
{
	struct array *a = tracker;
	size_t i = from(a, first), j = i, nr = 0;
	struct range fresh[3], new = { first, last, bits };
	bool lower, upper;

	while (j < a->nr && a->ranges[j].first <= last)
		j++;
	lower = i < j && a->ranges[i].first < first;
	upper = i < j && a->ranges[j - 1].last > last;
	if (upper && a->ranges[j - 1].bits == bits)
		new.last = a->ranges[j - 1].last;
	else if (!upper && j < a->nr && a->ranges[j].first == last + 1 && a->ranges[j].bits == bits)
		new.last = a->ranges[j++].last;
	if (lower && a->ranges[i].bits == bits)
		new.first = a->ranges[i].first;
	else if (lower)
		fresh[nr++] = (struct range){ a->ranges[i].first, first - 1, a->ranges[i].bits };
	else if (i && a->ranges[i - 1].last + 1 == first && a->ranges[i - 1].bits == bits)
		new.first = a->ranges[--i].first;
	fresh[nr++] = new;
	if (upper && a->ranges[j - 1].bits != bits)
		fresh[nr++] = (struct range){ last + 1, a->ranges[j - 1].last, a->ranges[j - 1].bits };
	replace(a, i, j, fresh, nr);
}

static void erase_one(void *tracker, unsigned long first, unsigned long last)
{
	struct array *a = tracker;
	size_t i = from(a, first), j = i, nr = 0;
	struct range fresh[2];

	while (j < a->nr && a->ranges[j].first <= last)
		j++;
	if (i < j && a->ranges[i].first < first)
		fresh[nr++] = (struct range){ a->ranges[i].first, first - 1, a->ranges[i].bits };
	if (i < j && a->ranges[j - 1].last > last)
		fresh[nr++] = (struct range){ last + 1, a->ranges[j - 1].last, a->ranges[j - 1].bits };
	replace(a, i, j, fresh, nr);
}

static unsigned long find_one(void *tracker, unsigned long at)
{
	const struct array *a = tracker;
	size_t i = from(a, at);

	return i < a->nr && a->ranges[i].first <= at ? a->ranges[i].last + a->ranges[i].bits : 0;
}

static void *create(void)
{
	struct array *a = bench_alloc(1, sizeof(*a));

	a->room = 64;
	a->ranges = bench_alloc(a->room, sizeof(*a->ranges));
	return a;
}

static void destroy(void *tracker)
{
	struct array *a = tracker;

	free(a->ranges);
	free(a);
}

TRACKER_BATCHES(set_one, erase_one, find_one)

static unsigned long room(void *tracker, const struct tracker_set *query, size_t nr)
{
	const struct array *a = tracker;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		unsigned long at = query[i].first;

		for (size_t k = from(a, at); k < a->nr && a->ranges[k].first < at + query[i].last; k++)
			at = a->ranges[k].last + 1;
		sum += at;
	}
	return sum;
}

const struct tracker_ops sorted_array_tracker = { create, destroy, set_one, erase_one, find_one, set_all,
	erase_all, find_all, room };
