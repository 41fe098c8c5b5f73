/* SPDX-License-Identifier: MIT */
/*
 * `lookup`: the area at an address, each independent of the last.
 *
 * uniform: anywhere in any area. local: 90% in 16 areas, as page faults repeat. sweep: from a random address 256
 * pages upwards, page by page, over areas and holes.
 */
#include <stdlib.h>

#include "bench.h"

#define LOOKUPS 200000
#define LOCAL   16
#define SWEEP   256

struct lookup {
	struct areas areas;
	struct random random;
	unsigned long *index;
	unsigned long (*next)(struct lookup *lookup, size_t i);
};

static unsigned long uniform(struct lookup *lookup, size_t i)
{
	const struct areas *areas = &lookup->areas;

	(void)i;
	return area_address(areas->shuffled[random_below(&lookup->random, areas->nr)], &lookup->random);
}

static unsigned long local(struct lookup *lookup, size_t i)
{
	const struct areas *areas = &lookup->areas;

	if (random_below(&lookup->random, 10) == 0)
		return uniform(lookup, i);
	return area_address(areas->shuffled[random_below(&lookup->random, LOCAL)], &lookup->random);
}

static unsigned long sweep(struct lookup *lookup, size_t i)
{
	return i % SWEEP ? lookup->index[i - 1] + BENCH_PAGE : uniform(lookup, i);
}

static void begin(struct trial *trial, void *arg)
{
	trial->tree = bench_fill(trial->contender, &((struct lookup *)arg)->areas, false);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static void new_addresses(void *arg)
{
	struct lookup *lookup = arg;

	for (size_t i = 0; i < LOOKUPS; i++)
		lookup->index[i] = lookup->next(lookup, i);
}

static unsigned long run_load(struct trial *trial, void *arg)
{
	return trial->contender->load(trial->tree, ((struct lookup *)arg)->index, LOOKUPS);
}

static unsigned long run_load_many(struct trial *trial, void *arg)
{
	const struct contender *contender = trial->contender;
	const unsigned long *index = ((struct lookup *)arg)->index;

	return (contender->load_many ? contender->load_many : contender->load)(trial->tree, index, LOOKUPS);
}

static unsigned long run_chase(struct trial *trial, void *arg)
{
	return trial->contender->chase(trial->tree, ((struct lookup *)arg)->index, LOOKUPS);
}

/* The variant of the kernel's tree differs in how nodes are freed, and here none are. */
static bool can_load(const struct contender *contender)
{
	return contender->load && !contender->same_but_for_rcu;
}

static void compare(struct work work, size_t n, unsigned long (*next)(struct lookup *lookup, size_t i))
{
	struct lookup lookup = { .random = { n }, .next = next };

	areas_make(&lookup.areas, n, &lookup.random);
	lookup.index = bench_alloc(LOOKUPS, sizeof(*lookup.index));
	work.n = n;
	work.operations = LOOKUPS;
	work.clock = BENCH_THREAD;
	work.arg = &lookup;
	work.can = can_load;
	work.begin = begin;
	work.round = new_addresses;
	work.end = end;
	bench_compare(&work);
	free(lookup.index);
	areas_free(&lookup.areas);
}

void question_lookup(void)
{
	static const size_t own[] = { 1000, 10000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		compare((struct work){ .question = "lookup", .which = "uniform", .run = run_load }, *n,
			uniform);
		compare((struct work){ .question = "lookup", .which = "local", .run = run_load }, *n, local);
		compare((struct work){ .question = "lookup", .which = "sweep", .run = run_load }, *n, sweep);
	}
}

/* `lookup-dependent`: the next address is known only when the last area has been found. */
void question_lookup_dependent(void)
{
	static const size_t own[] = { 1000, 10000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		compare((struct work){ .question = "lookup-dependent", .which = "", .run = run_chase }, *n,
			uniform);
}

/* `lookup-batch`: 64 addresses are known at a time; who has no lookup of several makes one after the other. */
void question_lookup_batch(void)
{
	static const size_t own[] = { 1000, 10000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		compare((struct work){ .question = "lookup-batch", .which = "", .run = run_load_many }, *n,
			uniform);
}
