/* SPDX-License-Identifier: MIT */
/*
 * The allocation and message port: see <vmaple/port.h>.
 *
 * One global, host_port, written only by vmaple_set_port() before the library is used, so that reading it
 * needs no lock.
 */
#include <vmaple/port.h>

#if __STDC_HOSTED__
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <malloc.h>
#endif
#endif

#include "alloc.h"

#ifndef VMAPLE_VERSION
#error "the build must define VMAPLE_VERSION"
#endif

#if __STDC_HOSTED__
static void *hosted_alloc(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	(void)ctx;
	(void)gfp;
#ifdef _WIN32
	return _aligned_malloc(size, align);
#else
	if (align <= _Alignof(max_align_t))
		return malloc(size);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
#endif
}

static void hosted_free(void *ctx, void *mem, size_t size)
{
	(void)ctx;
	(void)size;
#ifdef _WIN32
	_aligned_free(mem);
#else
	free(mem);
#endif
}

static void hosted_log(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "vmaple: %s\n", line);
}

static void __attribute__((noreturn)) hosted_panic(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "vmaple: internal error: %s\n", line);
	abort();
}

static void hosted_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

struct vmaple_port host_port = {
	.alloc = hosted_alloc,
	.free = hosted_free,
	.log = hosted_log,
	.panic = hosted_panic,
	.relax = hosted_relax,
};
#else
struct vmaple_port host_port; /* the embedder's, before anything else */
#endif

void vmaple_set_port(const struct vmaple_port *port)
{
	host_port = *port;
}

const struct vmaple_port *vmaple_get_port(void)
{
	return &host_port;
}

const char *vmaple_version(void)
{
	return VMAPLE_VERSION;
}

void *port_alloc(size_t size, size_t align, gfp_t gfp)
{
	void *mem = host_port.alloc(host_port.ctx, size, align, gfp);

	if (!mem && gfp != GFP_NOWAIT)
		port_count_failure();
	return mem;
}

/* Of all threads: who sees it grow knows that memory has run out. */
static unsigned long failures;

void port_count_failure(void)
{
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

unsigned long port_failures(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

void port_free(void *mem, size_t size)
{
	if (mem)
		host_port.free(host_port.ctx, mem, size);
}

void port_relax(void)
{
	if (host_port.relax)
		host_port.relax(host_port.ctx);
}

void port_log(const char *line)
{
	host_port.log(host_port.ctx, line);
}

void port_panic(const char *line)
{
	host_port.panic(host_port.ctx, line);
}
