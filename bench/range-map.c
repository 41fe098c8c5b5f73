/* SPDX-License-Identifier: MIT */
/*
 * `range-map`: trackers of ranges with bits, at the sizes that emulators have and at larger ones.
 *
 * lookup     the range at an address
 * cut, join  the middle of a range gets other bits, and its own back: one becomes three, three become one
 * overwrite  a range gets other bits, whole
 * room       the first free run of 8 to 16 pages from the beginning of a range on
 * room, end  one that is only behind all ranges, from the lowest on
 */
#include <stdlib.h>

#include "bench.h"
#include "range-map.h"

#define OPERATIONS 20000
#define ENDS       50
#define ARRAY_MOST 10000

struct range_map_bench {
	struct areas areas;
	struct random random;
	struct tracker_set *sets; /* of one round */
	unsigned long *points;
	size_t nr;
	void (*fill)(struct range_map_bench *b);
	unsigned long (*ask)(struct range_map_bench *b, const struct tracker_ops *ops, void *tracker);
};

static unsigned long bits_of(const struct range_map_bench *b, const struct area *area)
{
	return 1 + (unsigned long)(area - b->areas.sorted) % 5;
}

static const struct area *any(struct range_map_bench *b)
{
	return &b->areas.sorted[random_below(&b->random, b->areas.nr)];
}

static void begin(struct trial *trial, void *arg)
{
	struct range_map_bench *b = arg;
	const struct tracker_ops *ops = trial->contender->ops;

	trial->tree = ops->create();
	for (size_t i = 0; i < b->areas.nr; i++) {
		const struct area *area = b->areas.shuffled[i];
		struct tracker_set set = { area->first, area->last, bits_of(b, area) };

		ops->set(trial->tree, &set, 1);
	}
}

static void end(struct trial *trial, void *arg)
{
	const struct tracker_ops *ops = trial->contender->ops;

	ops->destroy(trial->tree);
}

static void new_round(void *arg)
{
	struct range_map_bench *b = arg;

	for (size_t i = 0; i < OPERATIONS; i++)
		b->points[i] = area_address(any(b), &b->random);
	if (b->fill)
		b->fill(b);
}

static unsigned long run(struct trial *trial, void *arg)
{
	struct range_map_bench *b = arg;

	return b->ask(b, trial->contender->ops, trial->tree);
}

/* After a change: what the ranges are now. */
static unsigned long check(struct trial *trial, void *arg)
{
	struct range_map_bench *b = arg;
	const struct tracker_ops *ops = trial->contender->ops;

	return ops->find(trial->tree, b->points, OPERATIONS);
}

static unsigned long ask_find(struct range_map_bench *b, const struct tracker_ops *ops, void *tracker)
{
	return ops->find(tracker, b->points, b->nr);
}

static unsigned long ask_set(struct range_map_bench *b, const struct tracker_ops *ops, void *tracker)
{
	ops->set(tracker, b->sets, b->nr);
	return 0;
}

static unsigned long ask_room(struct range_map_bench *b, const struct tracker_ops *ops, void *tracker)
{
	return ops->room(tracker, b->sets, b->nr);
}

static void fill_cut(struct range_map_bench *b)
{
	for (size_t i = 0; i < b->nr; i += 2) {
		const struct area *area = any(b);
		unsigned long quarter = (area->last - area->first + 1) / 4;

		b->sets[i] = (struct tracker_set){ area->first + quarter, area->last - quarter, 7 };
		b->sets[i + 1] = b->sets[i];
		b->sets[i + 1].bits = bits_of(b, area);
	}
}

static void fill_overwrite(struct range_map_bench *b)
{
	for (size_t i = 0; i < b->nr; i++) {
		const struct area *area = any(b);

		/* Five of each: no neighbours are ever equal. */
		b->sets[i] = (struct tracker_set){ area->first, area->last,
			bits_of(b, area) + 5 * random_below(&b->random, 3) };
	}
}

static void fill_room(struct range_map_bench *b)
{
	for (size_t i = 0; i < b->nr; i++)
		b->sets[i] = (struct tracker_set){ any(b)->first,
			(8 + random_below(&b->random, 9)) * BENCH_PAGE, 0 };
}

static void fill_end(struct range_map_bench *b)
{
	for (size_t i = 0; i < b->nr; i++)
		b->sets[i] = (struct tracker_set){ b->areas.sorted[0].first, 17 * BENCH_PAGE, 0 };
}

static const struct {
	const char *name;
	void (*fill)(struct range_map_bench *b);
	unsigned long (*ask)(struct range_map_bench *b, const struct tracker_ops *ops, void *tracker);
	size_t operations;
} kinds[] = {
	{ "lookup", NULL, ask_find, OPERATIONS },
	{ "cut, join", fill_cut, ask_set, OPERATIONS },
	{ "overwrite", fill_overwrite, ask_set, OPERATIONS },
	{ "room", fill_room, ask_room, OPERATIONS },
	{ "room, end", fill_end, ask_room, ENDS },
};

const struct contender trackers[] = {
	{ .name = "range-map", .ops = &range_map_tracker },
	{ .name = "shared-map", .ops = &shared_map_tracker },
	{ .name = "maple-tree", .ops = &maple_tracker },
	{ .name = "rbtree-tracker", .ops = &rbtree_tracker },
#ifdef HAVE_CPP
	{ .name = "std-map", .ops = &std_map_tracker },
#endif
#ifdef HAVE_ABSL
	{ .name = "absl-btree", .ops = &absl_btree_tracker },
#endif
#ifdef HAVE_ICL
	{ .name = "boost-icl", .ops = &boost_icl_tracker },
#endif
	/* The last: it is left out where a change moves a megabyte. */
	{ .name = "sorted-array", .ops = &sorted_array_tracker },
};
const size_t nr_trackers = sizeof(trackers) / sizeof(trackers[0]);

static void compare(size_t n, size_t kind)
{
	struct range_map_bench b = { .random = { n }, .nr = kinds[kind].operations };
	struct work work = { .question = "range-map", .which = kinds[kind].name, .n = n, .operations = b.nr };

	areas_make(&b.areas, n, &b.random);
	b.sets = bench_alloc(OPERATIONS, sizeof(*b.sets));
	b.points = bench_alloc(OPERATIONS, sizeof(*b.points));
	b.fill = kinds[kind].fill;
	b.ask = kinds[kind].ask;
	work.clock = BENCH_THREAD;
	work.arg = &b;
	work.contenders = trackers;
	work.nr_contenders = n > ARRAY_MOST ? nr_trackers - 1 : nr_trackers;
	work.begin = begin;
	work.round = new_round;
	work.run = run;
	work.check = check;
	work.end = end;
	bench_compare(&work);
	areas_free(&b.areas);
	free(b.sets);
	free(b.points);
}

void question_range_map(void)
{
	static const size_t sizes[] = { 32, 52, 146, 1000, 60000, 0 };

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
			compare(*n, kind);
}
