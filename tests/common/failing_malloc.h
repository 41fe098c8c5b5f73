/* SPDX-License-Identifier: MIT */
/*
 * A C library that runs out of memory on request, beside the port of failing_port.h: while failing_counts, malloc(), calloc(),
 * realloc() and aligned_alloc() fail as the port's allocations do.  For programs that are linked with --wrap of the four.
 */
#ifndef TESTS_FAILING_MALLOC_H
#define TESTS_FAILING_MALLOC_H

#include "failing_port.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *mem, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *mem, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

static bool failing_counts;

void *__wrap_malloc(size_t size)
{
	return failing_counts && failing_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return failing_counts && failing_now() ? NULL : __real_calloc(nr, size);
}

void *__wrap_realloc(void *mem, size_t size)
{
	return failing_counts && failing_now() ? NULL : __real_realloc(mem, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return failing_counts && failing_now() ? NULL : __real_aligned_alloc(align, size);
}

static struct vmaple_port failing_malloc_host;

/* The port's memory comes from malloc, too, and whether it fails has been decided. */
static void *failing_malloc_port(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	bool counted = failing_counts;
	void *mem;

	failing_counts = false;
	mem = failing_malloc_host.alloc(failing_malloc_host.ctx, size, align, gfp);
	failing_counts = counted;
	return mem;
}

/* In place of failing_port_install(). */
static inline void failing_malloc_install(void)
{
	struct vmaple_port port = *vmaple_get_port();

	failing_malloc_host = port;
	port.alloc = failing_malloc_port;
	vmaple_set_port(&port);
	failing_port_install();
}

#endif /* TESTS_FAILING_MALLOC_H */
