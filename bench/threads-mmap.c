/* SPDX-License-Identifier: MIT */
/*
 * `threads-mmap`: pairs of mmap and munmap of a page by two threads, in address spaces of n areas: on one mm under its
 * lock and on an mm for each, with areas from the object cache and with areas from malloc, and as system calls.
 *
 * Nanoseconds by the wall for one pair of both threads together: the inverse of throughput.
 */
#include <sys/mman.h>
#include <vmaple/rcu.h>

#include "bench.h"
#include "cores.h"
#include "space.h"

#define PAIRS 20000 /* of both threads in a round */

static void die(const char *what)
{
	fprintf(stderr, "threads-mmap: %s\n", what);
	exit(1);
}

struct side {
	const struct space_ops *ops; /* NULL: the kernel */
	bool two;                    /* an mm for each thread */
};

static const struct side sides[] = { { &space_ops, false }, { &space_ops, true },
	{ &malloc_space_ops, false }, { &malloc_space_ops, true }, { NULL, false } };
static const struct contender side_names[] = { { .name = "vmaple" }, { .name = "vmaple, two mms" },
	{ .name = "malloc areas" }, { .name = "malloc, two mms" }, { .name = "kernel" } };
#define NR_SIDES 5

struct mappers {
	const struct side *side;
	struct space *of[2];
};

struct mapper {
	const struct side *side;
	struct space *space;
	pthread_t thread;
};

static void kernel_pair(void)
{
	void *page = mmap(NULL, BENCH_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || munmap(page, BENCH_PAGE))
		die("the kernel fails");
}

static void *map_main(void *arg)
{
	struct mapper *m = arg;

	vmaple_rcu_register_thread();
	for (int i = 0; i < PAIRS / 2; i++) {
		if (m->side->ops)
			m->side->ops->pair(m->space);
		else
			kernel_pair();
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void begin_mappers(struct trial *trial, void *arg)
{
	size_t n = *(const size_t *)arg;
	struct mappers *mappers = bench_alloc(1, sizeof(*mappers));

	mappers->side = &sides[trial->contender - side_names];
	if (mappers->side->ops) {
		mappers->of[0] = mappers->side->ops->make(n);
		mappers->of[1] = mappers->side->two ? mappers->side->ops->make(n) : mappers->of[0];
	}
	trial->tree = mappers;
}

static unsigned long run_mappers(struct trial *trial, void *arg)
{
	struct mappers *mappers = trial->tree;
	struct mapper m[2] = { { .side = mappers->side, .space = mappers->of[0] },
		{ .side = mappers->side, .space = mappers->of[1] } };

	for (int i = 0; i < 2; i++)
		if (cores_start(&m[i].thread, (unsigned int)i, map_main, &m[i]))
			die("no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(m[i].thread, NULL);
	return 0;
}

static void end_mappers(struct trial *trial, void *arg)
{
	struct mappers *mappers = trial->tree;

	if (mappers->side->two)
		mappers->side->ops->free(mappers->of[1]);
	if (mappers->side->ops)
		mappers->side->ops->free(mappers->of[0]);
	free(mappers);
}

void question_threads_mmap(void)
{
	static const size_t own[] = { 1000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		bench_compare(&(struct work){
			.question = "threads-mmap",
			.which = "",
			.n = *n,
			.operations = PAIRS,
			.clock = BENCH_WALL,
			.threads = 2,
			.arg = (void *)n,
			.contenders = side_names,
			.nr_contenders = NR_SIDES,
			.begin = begin_mappers,
			.run = run_mappers,
			.end = end_mappers,
		});
}
