/* SPDX-License-Identifier: MIT */
/*
 * `lookup`: the area at an address, each independent of the last.
 *
 * uniform: anywhere in any area. local: 90% in 16 areas, as page faults repeat. sweep: from a random address 256
 * pages upwards, page by page, over areas and holes.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LOOKUPS 200000
#define LOCAL   16
#define SWEEP   256
#define AGAIN   64
#define COLD    300
#define EVICT   (4 << 20) /* bytes: more than the caches of a core hold */

struct lookup {
	struct areas areas;
	struct random random;
	unsigned long *index;
	unsigned long (*next)(struct lookup *lookup, size_t i);
	/* What is read to empty the caches, and what the lookups behind that took. */
	char *evict;
	double ns;
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

/* AGAIN times the same area, and then another. */
static unsigned long again(struct lookup *lookup, size_t i)
{
	struct area *const *area = &lookup->areas.shuffled[i / AGAIN % lookup->areas.nr];

	return area_address(*area, &lookup->random);
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

static unsigned long run_load_near(struct trial *trial, void *arg)
{
	const struct contender *contender = trial->contender;
	const unsigned long *index = ((struct lookup *)arg)->index;

	return (contender->load_near ? contender->load_near : contender->load)(trial->tree, index, LOOKUPS);
}

/* Each by itself; what reading the clock takes is subtracted. */
static unsigned long run_cold(struct trial *trial, void *arg)
{
	struct lookup *lookup = arg;
	unsigned long sum = 0;

	lookup->ns = 0;
	for (size_t i = 0; i < COLD; i++) {
		double start, middle, end;

		for (size_t at = 0; at < EVICT; at += 64)
			sum += (unsigned char)((const volatile char *)lookup->evict)[at];
		start = bench_seconds(BENCH_WALL);
		middle = bench_seconds(BENCH_WALL);
		sum += trial->contender->load(trial->tree, &lookup->index[i], 1);
		end = bench_seconds(BENCH_WALL);
		lookup->ns += ((end - middle) - (middle - start)) * 1e9;
	}
	return sum;
}

static double took_cold(struct trial *trial, void *arg)
{
	return ((struct lookup *)arg)->ns;
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
	lookup.evict = memset(bench_alloc(1, EVICT), 1, EVICT); /* pages of its own */
	work.n = n;
	if (!work.operations)
		work.operations = LOOKUPS;
	work.clock = BENCH_THREAD;
	work.arg = &lookup;
	work.can = can_load;
	work.begin = begin;
	work.round = new_addresses;
	work.end = end;
	bench_compare(&work);
	free(lookup.index);
	free(lookup.evict);
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

/* `lookup-again`: about the area of the last one, 63 times of 64; who keeps no place looks for it each time. */
void question_lookup_again(void)
{
	static const size_t own[] = { 1000, 10000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		compare((struct work){ .question = "lookup-again", .which = "", .run = run_load_near }, *n,
			again);
}

/* `lookup-cold`: the first one when something else has had the core's caches, as after a switch of contexts. */
void question_lookup_cold(void)
{
	static const size_t own[] = { 1000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		compare((struct work){ .question = "lookup-cold",
				.which = "",
				.operations = COLD,
				.run = run_cold,
				.took = took_cold },
			*n, uniform);
}
