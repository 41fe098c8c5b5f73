/* SPDX-License-Identifier: MIT */
/* `duplicate`: a copy of the whole index; per area. */
#include "bench.h"

struct duplicate {
	struct areas areas;
	void *copy;
};

static void begin(struct trial *trial, void *arg)
{
	trial->tree = bench_fill(trial->contender, &((struct duplicate *)arg)->areas, false);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static unsigned long run(struct trial *trial, void *arg)
{
	((struct duplicate *)arg)->copy = trial->contender->duplicate(trial->tree);
	return 0;
}

static void check(struct trial *trial, void *arg)
{
	void *copy = ((struct duplicate *)arg)->copy;

	if (trial->contender->iterate(copy) != trial->contender->iterate(trial->tree)) {
		fprintf(stderr, "duplicate: the copy of %s has other areas\n", trial->contender->name);
		exit(1);
	}
	trial->contender->destroy(copy);
}

static bool can_duplicate(const struct contender *contender)
{
	return contender->duplicate && !contender->same_but_for_rcu;
}

void question_duplicate(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct duplicate duplicate = { .copy = NULL };
		struct random random = { *n };

		areas_make(&duplicate.areas, *n, &random);
		bench_compare(&(struct work){
			.question = "duplicate",
			.which = "",
			.n = *n,
			.operations = *n,
			.clock = BENCH_THREAD,
			.arg = &duplicate,
			.can = can_duplicate,
			.begin = begin,
			.after = check,
			.run = run,
			.end = end,
		});
		areas_free(&duplicate.areas);
	}
}
