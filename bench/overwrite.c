/* SPDX-License-Identifier: MIT */
/* `overwrite`: one entry takes the place of another with the same bounds, the tree not in RCU mode. */
#include <stdlib.h>

#include "bench.h"

#define STORES 200000

struct overwrite {
	struct areas areas;
	struct area *twins; /* the same bounds, other addresses */
	struct random random;
	struct area **stores;
};

static void begin(struct trial *trial, void *arg)
{
	trial->tree = bench_fill(trial->contender, &((struct overwrite *)arg)->areas, false);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static void new_stores(void *arg)
{
	struct overwrite *o = arg;

	for (size_t i = 0; i < STORES; i++) {
		size_t which = random_below(&o->random, o->areas.nr);

		o->stores[i] = i & 1 ? &o->twins[which] : &o->areas.sorted[which];
	}
}

static unsigned long run(struct trial *trial, void *arg)
{
	trial->contender->overwrite(trial->tree, ((struct overwrite *)arg)->stores, STORES);
	return 0;
}

static bool can_overwrite(const struct contender *contender)
{
	return contender->overwrite && !contender->same_but_for_rcu;
}

void question_overwrite(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct overwrite o = { .random = { *n } };

		areas_make(&o.areas, *n, &o.random);
		o.twins = bench_alloc(*n, sizeof(*o.twins));
		for (size_t i = 0; i < *n; i++)
			o.twins[i] = o.areas.sorted[i];
		o.stores = bench_alloc(STORES, sizeof(*o.stores));
		bench_compare(&(struct work){
			.question = "overwrite",
			.which = "",
			.n = *n,
			.operations = STORES,
			.clock = BENCH_THREAD,
			.arg = &o,
			.can = can_overwrite,
			.begin = begin,
			.round = new_stores,
			.run = run,
			.end = end,
		});
		free(o.stores);
		free(o.twins);
		areas_free(&o.areas);
	}
}
