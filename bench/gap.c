/* SPDX-License-Identifier: MIT */
/* Free-area search: see gap.h. */
#include "gap.h"

#include <stdlib.h>

#define QUERIES 100000

struct gap {
	struct areas areas;
	struct random random;
	unsigned long window;
	struct gap_query *queries;
};

static void begin(struct trial *trial, void *arg)
{
	trial->tree = bench_fill(trial->contender, &((struct gap *)arg)->areas, false);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static void new_queries(void *arg)
{
	struct gap *gap = arg;
	const struct areas *areas = &gap->areas;
	unsigned long lowest = areas->sorted[0].first, highest = areas->sorted[areas->nr - 1].last;

	for (size_t i = 0; i < QUERIES; i++) {
		struct gap_query *q = &gap->queries[i];

		q->size = (1 + random_below(&gap->random, 16)) * BENCH_PAGE;
		q->min = lowest;
		q->max = highest;
		if (!gap->window)
			continue;
		q->min = areas->sorted[random_below(&gap->random, areas->nr)].first;
		q->max = q->min + gap->window - 1 < highest ? q->min + gap->window - 1 : highest;
		if (q->max - q->min < q->size)
			q->min = q->max - gap->window + 1;
	}
}

static unsigned long run_lowest(struct trial *trial, void *arg)
{
	return trial->contender->gap_lowest(trial->tree, ((struct gap *)arg)->queries, QUERIES);
}

static unsigned long run_highest(struct trial *trial, void *arg)
{
	return trial->contender->gap_highest(trial->tree, ((struct gap *)arg)->queries, QUERIES);
}

static bool can_search(const struct contender *contender)
{
	return contender->gap_lowest && !contender->same_but_for_rcu;
}

void gap_compare(const char *question, unsigned long window, bool highest)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct gap gap = { .random = { *n }, .window = window };

		areas_make(&gap.areas, *n, &gap.random);
		gap.queries = bench_alloc(QUERIES, sizeof(*gap.queries));
		bench_compare(&(struct work){
			.question = question,
			.which = window ? (highest ? "highest" : "lowest") : "",
			.n = *n,
			.operations = QUERIES,
			.clock = BENCH_THREAD,
			.arg = &gap,
			.can = can_search,
			.begin = begin,
			.round = new_queries,
			.run = highest ? run_highest : run_lowest,
			.end = end,
		});
		free(gap.queries);
		areas_free(&gap.areas);
	}
}
