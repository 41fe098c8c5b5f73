/* SPDX-License-Identifier: MIT */
/* `build`: an index from sorted input; per area. Maps of C++ are told with a hint that each comes last. */
#include "bench.h"

#define STORES 200000

struct build {
	struct areas areas;
	size_t passes;
};

static void nothing(struct trial *trial, void *arg)
{
}

/* Destruction is part of a pass when a round has several: it is the same for all, and small beside the stores. */
static unsigned long run(struct trial *trial, void *arg)
{
	const struct build *build = arg;

	for (size_t i = 0; i < build->passes; i++) {
		if (i)
			trial->contender->destroy(trial->tree);
		trial->tree = trial->contender->create(false);
		trial->contender->append(trial->tree, build->areas.ordered, build->areas.nr);
	}
	return 0;
}

static void destroy(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static bool can_build(const struct contender *contender)
{
	return contender->append && !contender->same_but_for_rcu;
}

void question_build(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct build build = { .passes = *n < STORES ? STORES / *n : 1 };
		struct random random = { *n };

		if (*n >= 10000)
			build.passes = 1;
		areas_make(&build.areas, *n, &random);
		bench_compare(&(struct work){
			.question = "build",
			.which = "",
			.n = *n,
			.operations = build.passes * *n,
			.clock = BENCH_THREAD,
			.arg = &build,
			.can = can_build,
			.begin = nothing,
			.run = run,
			.check = bench_holds,
			.after = destroy,
			.end = nothing,
		});
		areas_free(&build.areas);
	}
}
