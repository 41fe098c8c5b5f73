/* SPDX-License-Identifier: MIT */
/*
 * The protocol of readers beside calls, broken on purpose, so that tests/concurrency can require that its torture
 * notices. Each build of it has one of these macros; no other build has any:
 *
 *  VMAPLE_BREAK_WAIT    a writer does not wait for those that hold an area
 *  VMAPLE_BREAK_LOCK    areas are changed without being locked for writing
 *  VMAPLE_BREAK_VIEW    a view is not checked after it was copied
 *  VMAPLE_BREAK_PERIOD  what was retired is reused without a grace period (lib/base/rcu.c)
 *
 * With VMAPLE_SLOW, which breaks nothing, a view rests between two fields now and then.
 */
#ifndef MM_BROKEN_H
#define MM_BROKEN_H

#ifdef VMAPLE_BREAK_WAIT
#define BREAK_WAIT 1
#else
#define BREAK_WAIT 0
#endif

#ifdef VMAPLE_BREAK_LOCK
#define BREAK_LOCK 1
#else
#define BREAK_LOCK 0
#endif

#ifdef VMAPLE_BREAK_VIEW
#define BREAK_VIEW 1
#else
#define BREAK_VIEW 0
#endif

#ifdef VMAPLE_SLOW
#include <sched.h>

static inline void rest_in_view(void)
{
	static __thread unsigned int views;

	if (++views % 61 == 0)
		sched_yield();
}
#else
static inline void rest_in_view(void)
{
}
#endif

#endif /* MM_BROKEN_H */
