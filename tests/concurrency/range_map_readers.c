/* SPDX-License-Identifier: MIT */
/*
 * Lookups in a SIGSEGV handler of four threads, beside threads that change the map:
 * the promise that lookups never block.
 *
 * Stable ranges are there all the time, though they are written anew, cut off from what lies beside them and moved
 * between pieces: each lookup has to find its own. Between them everything changes. A stretch of ranges is changed by
 * one call each time: a batch of lookups that the generation validates sees one state of it.  Memory and mutexes asked
 * for inside a handler are counted, and there may be none.  Two of the threads have registered for RCU.
 */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>

#include <vmaple/range_map.h>

#include "in_handlers.h"

#define STABLE  1000UL /* number k is [STRIDE * k, STRIDE * k + 3] */
#define STRIDE  32UL
#define STRETCH 40UL /* ranges that one call changes, behind the stable ones */
#define BATCH   5
#define STATE   0xffffffUL

static struct range_map map;
static unsigned long batches, validated;
static bool equal(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	(void)ctx;
	return left->bits == right->bits && left->value == right->value;
}

static const struct range_map_ops ops = { .may_merge = equal };

static void *value_of(unsigned long k)
{
	return (void *)(uintptr_t)(0x10000 + k);
}

static bool stable_is_right(void)
{
	unsigned long k = random_below(&mine, STABLE);
	struct range_map_range range;

	return range_map_lookup(&map, STRIDE * k + random_below(&mine, 4), &range) &&
	       range.first == STRIDE * k && range.last == STRIDE * k + 3 && range.value == value_of(k);
}

static bool batch_is_right(void)
{
	uint64_t generation = range_map_generation(&map), state[BATCH];
	struct range_map_range range;
	bool same = true;

	for (unsigned int i = 0; i < BATCH; i++) {
		if (!range_map_lookup(&map, STRIDE * STABLE + 2 * random_below(&mine, STRETCH), &range))
			return false;
		state[i] = range.bits & STATE;
		same = same && state[i] == state[0];
	}
	__atomic_add_fetch(&batches, 1, __ATOMIC_RELAXED);
	if (!range_map_unchanged(&map, generation))
		return true;
	__atomic_add_fetch(&validated, 1, __ATOMIC_RELAXED);
	return same;
}

static bool lookup_is_right(unsigned int i)
{
	return stable_is_right() && (i % 16 || batch_is_right());
}

static int change_map(struct random *random, uint64_t state)
{
	unsigned long k = random_below(random, STABLE), first = STRIDE * k + 4 + random_below(random, 28);
	unsigned long last = first + random_below(random, STRIDE * (k + 1) - first);

	switch (random_below(random, 8)) {
	case 0 ... 2:
		return range_map_set(&map, first, last, NULL, random_below(random, 3));
	case 3:
		return range_map_erase(&map, first, last);
	case 4:
		return range_map_update(&map, first, last, 4, 3);
	case 5: /* the stable range itself, which is never gone */
		return range_map_set(&map, STRIDE * k, STRIDE * k + 3, value_of(k), 8);
	case 6:
		return range_map_update(&map, STRIDE * k, STRIDE * k + 3, 16, 0);
	default:
		return range_map_update(
			&map, STRIDE * STABLE, STRIDE * STABLE + 2 * STRETCH, state & STATE, STATE);
	}
}

static bool change(struct random *random, uint64_t round)
{
	return !change_map(random, round);
}

static void fill(void)
{
	for (unsigned long k = 0; k < STABLE; k++)
		if (range_map_set(&map, STRIDE * k, STRIDE * k + 3, value_of(k), 8))
			exit(2);
	for (unsigned long i = 0; i < STRETCH; i++)
		if (range_map_set(&map, STRIDE * STABLE + 2 * i, STRIDE * STABLE + 2 * i, NULL, 0))
			exit(2);
}

int main(void)
{
	const char *reason;
	bool valid;

	range_map_init(&map, &ops, NULL);
	fill();
	if (range_map_share(&map))
		return 2;
	look_beside_changes();
	valid = range_map_validate(&map, &reason);
	printf("%lu lookups in %lu handlers beside %lu changes: %lu wrong; memory or a lock %lu times; %lu "
	       "of %lu batches "
	       "at one time; %s\n",
		faults * AT_ONCE, faults, changes, wrong, asked_for, validated, batches,
		valid ? "valid" : reason);
	range_map_destroy(&map);
	return wrong || asked_for || !validated || !changes || !faults || !valid;
}
