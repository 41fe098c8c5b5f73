/* SPDX-License-Identifier: MIT */
/*
 * The depot: magazines that no thread has, full and empty ones (pool.h, 1).
 *
 * Its lock is a leaf: nothing is taken inside it.
 */
#include "alloc.h"
#include "reclaim.h"

#define DEPOT_KEEP 64 /* full magazines of a kind, and empty ones, that are kept */

static struct {
	spinlock_t lock;
	struct magazine *full[POOL_KINDS], *empty;
	unsigned int nr_full[POOL_KINDS], nr_empty;
	unsigned long reclaimed[POOL_KINDS]; /* objects whose grace period has passed */
} depot __attribute__((aligned(64)));

void depot_give_empty(struct magazine *magazine)
{
	bool keep;

	spin_lock(&depot.lock);
	keep = depot.nr_empty < DEPOT_KEEP;
	if (keep) {
		magazine->next = depot.empty;
		depot.empty = magazine;
		depot.nr_empty++;
	}
	spin_unlock(&depot.lock);
	if (!keep)
		port_free(magazine, sizeof(*magazine));
}

struct magazine *depot_take_empty(gfp_t gfp)
{
	struct magazine *magazine;

	spin_lock(&depot.lock);
	magazine = depot.empty;
	if (magazine) {
		depot.empty = magazine->next;
		depot.nr_empty--;
	}
	spin_unlock(&depot.lock);
	if (magazine)
		return magazine;
	magazine = port_alloc(sizeof(*magazine), 64, gfp);
	if (magazine)
		magazine->nr = 0;
	return magazine;
}

void depot_give(struct magazine *magazine)
{
	enum pool_kind kind = magazine->kind;
	bool keep;

	spin_lock(&depot.lock);
	keep = depot.nr_full[kind] < DEPOT_KEEP;
	if (keep) {
		magazine->next = depot.full[kind];
		__atomic_store_n(&depot.full[kind], magazine, __ATOMIC_RELAXED);
		depot.nr_full[kind]++;
	}
	spin_unlock(&depot.lock);
	if (keep)
		return;
	slab_drain(kind, magazine->object, magazine->nr);
	magazine->nr = 0;
	depot_give_empty(magazine);
}

void depot_count_reclaimed(enum pool_kind kind, unsigned int nr)
{
	spin_lock(&depot.lock);
	depot.reclaimed[kind] += nr;
	spin_unlock(&depot.lock);
}

struct magazine *depot_take(enum pool_kind kind)
{
	struct magazine *magazine;

	/* A stale NULL costs a refill from slabs, no more. */
	if (!__atomic_load_n(&depot.full[kind], __ATOMIC_RELAXED))
		return NULL;
	spin_lock(&depot.lock);
	magazine = depot.full[kind];
	if (magazine) {
		__atomic_store_n(&depot.full[kind], magazine->next, __ATOMIC_RELAXED);
		depot.nr_full[kind]--;
	}
	spin_unlock(&depot.lock);
	return magazine;
}

unsigned long depot_reclaimed(enum pool_kind kind)
{
	unsigned long reclaimed;

	spin_lock(&depot.lock);
	reclaimed = depot.reclaimed[kind];
	spin_unlock(&depot.lock);
	return reclaimed;
}

static void free_empty(void)
{
	struct magazine *empty;

	spin_lock(&depot.lock);
	empty = depot.empty;
	depot.empty = NULL;
	depot.nr_empty = 0;
	spin_unlock(&depot.lock);
	while (empty) {
		struct magazine *next = empty->next;

		port_free(empty, sizeof(*empty));
		empty = next;
	}
}

void depot_empty(void)
{
	for (int kind = 0; kind < POOL_KINDS; kind++) {
		struct magazine *magazine;

		while ((magazine = depot_take((enum pool_kind)kind))) {
			slab_drain((enum pool_kind)kind, magazine->object, magazine->nr);
			port_free(magazine, sizeof(*magazine));
		}
	}
	free_empty();
}

void depot_lock(void)
{
	spin_lock(&depot.lock);
}

void depot_unlock(void)
{
	spin_unlock(&depot.lock);
}
