/* SPDX-License-Identifier: MIT */
/*
 * The claims of 2006 (docs/vma-recycling.md). `vma-recycling`: an area's memory had and given back: at once, as when a
 * new area merges, or a hundred at a time; by malloc, by the object cache, and by the thread's one free area before it.
 * `mmap-hold`: how long a pair of mmap and munmap holds the mmap_lock, with nothing set aside before, with the object
 * cache's share prepared, and with prepopulate_vma(); warm, and when the thread's caches are empty before each pair.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <vmaple/cache.h>
#include <vmaple/mm.h>
#include <vmaple/recycle.h>
#include <vmaple/rmap.h>

#include "bench.h"
#include "pool.h"
#include "../lib/mm/recycle.h"

#define AREAS 100000
#define BATCH 100
#define PAIRS 2000

struct memory {
	void *(*get)(void);
	void (*put)(void *area);
};

static void *get_malloc(void)
{
	return malloc(POOL_AREA_SIZE);
}
static void *get_pool(void)
{
	return pool_alloc(POOL_AREA, GFP_KERNEL);
}
static void put_pool(void *area)
{
	pool_free(POOL_AREA, area);
}

static const struct contender memories[] = { { .name = "one-vma" }, { .name = "object-cache" },
	{ .name = "malloc" } };

static const struct memory *memory_of(const struct contender *contender)
{
	static const struct memory all[] = { { .get = recycle_alloc, .put = recycle_free },
		{ .get = get_pool, .put = put_pool }, { .get = get_malloc, .put = free } };

	return &all[contender - memories];
}

static unsigned long run_memory(struct trial *trial, void *arg)
{
	const struct memory *memory = memory_of(trial->contender);
	size_t batch = *(const size_t *)arg;
	void *area[BATCH];

	for (size_t i = 0; i < AREAS; i += batch) {
		for (size_t j = 0; j < batch; j++) {
			area[j] = memory->get();
			if (!area[j])
				abort();
			*(volatile char *)area[j] = 1;
		}
		for (size_t j = 0; j < batch; j++)
			memory->put(area[j]);
	}
	return 0;
}

static void no_tree(struct trial *trial, void *arg)
{
}

void question_vma_recycling(void)
{
	static const size_t batches[] = { 1, BATCH };
	static const char *const which[] = { "freed at once", "a hundred at a time" };

	for (int i = 0; i < 2; i++)
		bench_compare(&(struct work){
			.question = "vma-recycling",
			.which = which[i],
			.n = batches[i],
			.operations = AREAS,
			.clock = BENCH_THREAD,
			.arg = (void *)&batches[i],
			.contenders = memories,
			.nr_contenders = 3,
			.begin = no_tree,
			.run = run_memory,
			.end = no_tree,
		});
}

/* --- How long the lock is held ---------------------------------------------------------------------------- */

static struct mm_system sys;
static struct mm_struct mm;
static double held;

static void begin_mm(struct trial *trial, void *arg)
{
	struct mmap_request req = { .len = BENCH_PAGE, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

	if (trial->contender->rcu)
		return; /* the others share it */
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	for (unsigned long i = 1; i <= 1000; i++) {
		req.addr = 2 * i << 20;
		if (IS_ERR_VALUE(mm_mmap(&mm, &req)))
			abort();
	}
}

static void end_mm(struct trial *trial, void *arg)
{
	if (!trial->contender->rcu)
		mm_exit(&mm);
}

static const struct contender callers[] = { { .name = "prepopulated" },
	{ .name = "pool-prepared", .rcu = true }, { .name = "unprepared", .rcu = true } };

static void prepare(const struct contender *caller)
{
	if (caller == &callers[0] && prepopulate_vma())
		abort();
	if (caller == &callers[1] &&
		(pool_prefill(POOL_AREA, 8) || pool_prefill(POOL_LEAF, 24) || pool_prefill(POOL_INNER, 24)))
		abort();
}

static unsigned long run_held(struct trial *trial, void *arg)
{
	bool cold = *(const bool *)arg;
	static pthread_mutex_t mmap_lock = PTHREAD_MUTEX_INITIALIZER;
	struct mmap_request req = {
		.len = BENCH_PAGE, .prot = PROT_READ, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
	};

	held = 0;
	for (unsigned long i = 0; i < PAIRS; i++) {
		double start;

		req.addr = ((2 * (i % 1000) + 3) << 20);
		if (cold)
			vmaple_cache_shrink();
		prepare(trial->contender);
		pthread_mutex_lock(&mmap_lock);
		start = bench_seconds(BENCH_THREAD);
		if (IS_ERR_VALUE(mm_mmap(&mm, &req)) || mm_munmap(&mm, req.addr, BENCH_PAGE))
			abort();
		held += bench_seconds(BENCH_THREAD) - start;
		pthread_mutex_unlock(&mmap_lock);
	}
	return 0;
}

static double held_for(struct trial *trial, void *arg)
{
	return held * 1e9;
}

void question_mmap_hold(void)
{
	static const bool cold[] = { false, true };
	static const char *const which[] = { "warm", "nothing free before" };

	for (int i = 0; i < 2; i++)
		bench_compare(&(struct work){
			.question = "mmap-hold",
			.which = which[i],
			.n = 1000,
			.operations = PAIRS,
			.clock = BENCH_THREAD,
			.arg = (void *)&cold[i],
			.contenders = callers,
			.nr_contenders = 3,
			.begin = begin_mm,
			.run = run_held,
			.took = held_for,
			.end = end_mm,
		});
}
