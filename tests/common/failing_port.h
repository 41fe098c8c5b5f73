/* SPDX-License-Identifier: MIT */
/*
 * A host that runs out of memory on request, and counts what is not given back.
 *
 * fail_after(n): the nth allocation from now fails, once: of a block, or of an object of a cache. What the cache can do
 * without (GFP_NOWAIT) fails only under fail_all(). fail_all(true): every one fails until fail_all(false).
 * Leaks: live_blocks and live_bytes are 0 when everything was freed, with its size. Memory may be given back by
 * another thread (after a grace period); it is taken by one thread only.
 */
#ifndef TESTS_FAILING_PORT_H
#define TESTS_FAILING_PORT_H

#include <stdlib.h>

#include <vmaple/cache.h>
#include <vmaple/port.h>
#include <vmaple/rcu.h>

static long failing_left = -1; /* allocations until one fails; -1: none does */
static bool failing_always;
static bool failing_hit;
static long live_blocks, live_bytes;
static long failing_allocations; /* blocks asked for so far */
static struct vmaple_port failing_real;

static inline bool failing_now(void)
{
	if (!failing_always && (failing_left <= 0 || --failing_left))
		return false;
	failing_left = -1;
	failing_hit = true;
	return true;
}

static inline bool failing_refuse(void *ctx, size_t size)
{
	return failing_now();
}

static inline void *failing_alloc(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	void *mem;

	failing_allocations++;
	if (gfp == GFP_NOWAIT ? failing_always : failing_now())
		return NULL;
	mem = failing_real.alloc(failing_real.ctx, size, align, gfp);
	if (mem) {
		__atomic_add_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&live_bytes, (long)size, __ATOMIC_RELAXED);
	}
	return mem;
}

static inline void failing_free(void *ctx, void *mem, size_t size)
{
	__atomic_sub_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&live_bytes, (long)size, __ATOMIC_RELAXED);
	failing_real.free(failing_real.ctx, mem, size);
}

static inline void failing_port_install(void)
{
	struct vmaple_port port = *vmaple_get_port();

	failing_real = port;
	port.alloc = failing_alloc;
	port.free = failing_free;
	port.refuse = failing_refuse;
	vmaple_set_port(&port);
}

/* Give the host back what caches hold. */
static inline void empty_caches(void)
{
	vmaple_rcu_barrier();
	vmaple_cache_shrink();
}

static inline void fail_after(long n)
{
	failing_left = n;
	failing_hit = false;
}

static inline void fail_all(bool always)
{
	failing_always = always;
	failing_hit = false;
}

#endif /* TESTS_FAILING_PORT_H */
