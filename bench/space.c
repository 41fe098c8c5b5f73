/* SPDX-License-Identifier: MIT */
/* See space.h. SPACE_OPS names what this build of it gives. */
#include "space.h"

#include <errno.h>
#include <sys/mman.h>
#include <vmaple/rcu.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "bench.h"

#ifndef SPACE_OPS
#define SPACE_OPS space_ops
#endif

static void die(const char *what)
{
	fprintf(stderr, "threads: %s\n", what);
	exit(1);
}

static void map_page(struct space *space, unsigned long addr, unsigned long prot)
{
	struct mmap_request req = { .addr = addr,
		.len = BENCH_PAGE,
		.prot = prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

	if (IS_ERR_VALUE(mm_mmap(&space->mm, &req)))
		die("cannot map");
}

static struct space *make(size_t n)
{
	struct space *space = bench_alloc(1, sizeof(*space));

	mm_system_init(&space->sys, &anon_vma_rmap);
	mm_init(&space->mm, &space->sys);
	pthread_rwlock_init(&space->lock, NULL);
	for (size_t i = 0; i < n; i++)
		map_page(space, SPACE_FIRST + 2 * i * BENCH_PAGE, PROT_READ);
	mm_set_rcu(&space->mm);
	return space;
}

static void free_space(struct space *space)
{
	mm_exit(&space->mm);
	vmaple_rcu_synchronize();
	pthread_rwlock_destroy(&space->lock);
	free(space);
}

static void pair(struct space *space)
{
	static const struct mmap_request one = {
		.len = BENCH_PAGE, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};
	unsigned long addr;

	pthread_rwlock_wrlock(&space->lock);
	addr = mm_mmap(&space->mm, &one);
	pthread_rwlock_unlock(&space->lock);
	if (IS_ERR_VALUE(addr))
		die("cannot map");
	pthread_rwlock_wrlock(&space->lock);
	if (mm_munmap(&space->mm, addr, BENCH_PAGE))
		die("cannot unmap");
	pthread_rwlock_unlock(&space->lock);
}

const struct space_ops SPACE_OPS = { .make = make, .free = free_space, .map = map_page, .pair = pair };
