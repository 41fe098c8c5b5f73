/* SPDX-License-Identifier: MIT */
/*
 * How the core reaches its host: thin calls through the port of <vmaple/port.h>.
 *
 * Every allocation can fail, and callers say so in their own results; nothing here retries or aborts.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <vmaple/port.h>

#include "hidden.h"

/* NULL when the host has no memory. Contents undefined. */
void *port_alloc(size_t size, size_t align, gfp_t gfp) __must_check;
/* How many allocations that matter (not GFP_NOWAIT) have failed since the program began. */
unsigned long port_failures(void);
/* NULL is allowed and ignored. @size as given to port_alloc(). */
void port_free(void *mem, size_t size);
void port_count_failure(void);
extern struct vmaple_port host_port HIDDEN;
/* Is an object of @size bytes to be refused, though there may be memory for it? */
static inline bool port_refuses(size_t size)
{
	if (__builtin_expect(host_port.refuse == NULL, 1) || !host_port.refuse(host_port.ctx, size))
		return false;
	port_count_failure();
	return true;
}
/* Let other threads run, while this one waits. */
void port_relax(void);
void port_log(const char *line);
void port_panic(const char *line) __attribute__((noreturn));

#endif /* BASE_ALLOC_H */
