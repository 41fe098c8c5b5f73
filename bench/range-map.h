/* SPDX-License-Identifier: MIT */
/*
 * Contenders of the question `range-map`: trackers of ranges with bits, in which equal neighbours become one.
 * Operations in batches, as in contender.h.
 */
#ifndef BENCH_RANGE_MAP_H
#define BENCH_RANGE_MAP_H

#include <stddef.h>

#include "contender.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [first, last] gets these bits, which are not 0. */
struct tracker_set {
	unsigned long first, last, bits;
};

struct tracker_ops {
	void *(*create)(void);
	void (*destroy)(void *tracker);
	/* One by one, as a recorded program asks. */
	void (*set_one)(void *tracker, unsigned long first, unsigned long last, unsigned long bits);
	void (*erase_one)(void *tracker, unsigned long first, unsigned long last);
	unsigned long (*find_one)(void *tracker, unsigned long at);
	/* Many. */
	void (*set)(void *tracker, const struct tracker_set *set, size_t nr);
	/* Nothing is left in [first, last]. */
	void (*erase)(void *tracker, const struct tracker_set *range, size_t nr);
	unsigned long (*find)(void *tracker, const unsigned long *at, size_t nr);
	/* The first free run of @size from @min on. */
	unsigned long (*room)(
		void *tracker, const struct tracker_set *query, size_t nr); /* first: min, last: size */
};

/* set(), erase() and find() of many, as set_all, erase_all and find_all, by the functions of this name that do one. */
#define TRACKER_BATCHES(set_one, erase_one, find_one)                                    \
	static void set_all(void *tracker, const struct tracker_set *set, size_t nr)     \
	{                                                                                \
		for (size_t i = 0; i < nr; i++)                                          \
			set_one(tracker, set[i].first, set[i].last, set[i].bits);        \
	}                                                                                \
	static void erase_all(void *tracker, const struct tracker_set *range, size_t nr) \
	{                                                                                \
		for (size_t i = 0; i < nr; i++)                                          \
			erase_one(tracker, range[i].first, range[i].last);               \
	}                                                                                \
	static unsigned long find_all(void *tracker, const unsigned long *at, size_t nr) \
	{                                                                                \
		unsigned long sum = 0;                                                   \
                                                                                         \
		for (size_t i = 0; i < nr; i++)                                          \
			sum += find_one(tracker, at[i]);                                 \
		return sum;                                                              \
	}

extern const struct tracker_ops range_map_tracker, shared_map_tracker, maple_tracker, rbtree_tracker,
	std_map_tracker, absl_btree_tracker, boost_icl_tracker, sorted_array_tracker;

/* Those that take part: whose ops are a struct tracker_ops. */
extern const struct contender trackers[];
extern const size_t nr_trackers;

#ifdef __cplusplus
}
#endif
#endif /* BENCH_RANGE_MAP_H */
