/* SPDX-License-Identifier: MIT */
/* `iterate`: every area in ascending order; per area. The index was filled in random order. */
#include "bench.h"

#define VISITS 400000

struct iterate {
	struct areas areas;
	size_t passes;
};

static void begin(struct trial *trial, void *arg)
{
	trial->tree = bench_fill(trial->contender, &((struct iterate *)arg)->areas, false);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static unsigned long run(struct trial *trial, void *arg)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < ((struct iterate *)arg)->passes; i++)
		sum += trial->contender->iterate(trial->tree);
	return sum;
}

static bool can_iterate(const struct contender *contender)
{
	return contender->iterate && !contender->same_but_for_rcu;
}

void question_iterate(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct iterate it = { .passes = VISITS / *n + 1 };
		struct random random = { *n };

		areas_make(&it.areas, *n, &random);
		bench_compare(&(struct work){
			.question = "iterate",
			.which = "",
			.n = *n,
			.operations = it.passes * *n,
			.clock = BENCH_THREAD,
			.arg = &it,
			.can = can_iterate,
			.begin = begin,
			.run = run,
			.end = end,
		});
		areas_free(&it.areas);
	}
}
