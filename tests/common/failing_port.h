/* SPDX-License-Identifier: MIT */
/*
 * A host that runs out of memory on request, and counts what is not given back.
 *
 * fail_after(n): the nth allocation from now fails, once. Leaks: live_blocks is 0 when everything was freed.
 */
#ifndef TESTS_FAILING_PORT_H
#define TESTS_FAILING_PORT_H

#include <stdlib.h>

#include <vmaple/port.h>

static long failing_left = -1; /* allocations until one fails; -1: none does */
static bool failing_hit;
static long live_blocks;
static struct vmaple_port failing_real;

static inline void *failing_alloc(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	void *mem;

	if (failing_left > 0 && --failing_left == 0) {
		failing_left = -1;
		failing_hit = true;
		return NULL;
	}
	mem = failing_real.alloc(failing_real.ctx, size, align, gfp);
	live_blocks += mem != NULL;
	return mem;
}

static inline void failing_free(void *ctx, void *mem, size_t size)
{
	live_blocks--;
	failing_real.free(failing_real.ctx, mem, size);
}

static inline void failing_port_install(void)
{
	struct vmaple_port port = *vmaple_get_port();

	failing_real = port;
	port.alloc = failing_alloc;
	port.free = failing_free;
	vmaple_set_port(&port);
}

static inline void fail_after(long n)
{
	failing_left = n;
	failing_hit = false;
}

#endif /* TESTS_FAILING_PORT_H */
