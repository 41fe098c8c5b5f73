/* SPDX-License-Identifier: MIT */
/*
 * `memory`: bytes of the index per area, filled in random and in ascending order. The areas themselves, and what an
 * allocator keeps for itself, are not counted. Nothing is timed.
 */
#include "bench.h"

struct memory {
	struct areas areas;
	bool ascending;
};

static void weigh(struct trial *trial, void *arg)
{
	const struct memory *memory = arg;
	const struct contender *contender = trial->contender;
	void *tree = contender->create(false);

	contender->insert(
		tree, memory->ascending ? memory->areas.ordered : memory->areas.shuffled, memory->areas.nr);
	trial->bytes = (double)contender->bytes(tree) / (double)memory->areas.nr;
	contender->destroy(tree);
}

static void nothing(struct trial *trial, void *arg)
{
}

static unsigned long run(struct trial *trial, void *arg)
{
	return 0;
}

static double no_time(struct trial *trial, void *arg)
{
	return 0;
}

static bool can_weigh(const struct contender *contender)
{
	return contender->bytes &&
	       (contender->bytes != contender_vmaple.bytes || contender == &contender_vmaple);
}

void question_memory(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct memory memory = { .ascending = false };
		struct random random = { *n };

		areas_make(&memory.areas, *n, &random);
		for (int i = 0; i < 2; i++) {
			memory.ascending = i;
			bench_compare(&(struct work){
				.question = "memory",
				.which = i ? "ascending order" : "random order",
				.n = *n,
				.operations = 1,
				.clock = BENCH_THREAD,
				.arg = &memory,
				.can = can_weigh,
				.begin = weigh,
				.run = run,
				.took = no_time,
				.end = nothing,
			});
		}
		areas_free(&memory.areas);
	}
}
