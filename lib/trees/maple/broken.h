/* SPDX-License-Identifier: MIT */
/*
 * The protocol between writer and readers, broken on purpose.
 *
 * A torture test that passes proves little unless it fails when there is something to find.  So tests/concurrency
 * builds this room again with one of these macros each, and requires that the torture then fails:
 *
 *  VMAPLE_BREAK_GRACE    a replaced node is freed at once, without a grace period
 *  VMAPLE_BREAK_COPY     a leaf that readers can reach is edited where it is
 *  VMAPLE_BREAK_ORDER    a new leaf is published before it is filled
 *  VMAPLE_BREAK_BARRIER  nodes are published without a release; ThreadSanitizer sees it, x86 does not show it
 *
 * With VMAPLE_SLOW, which breaks nothing, a reader now and then rests between two levels of a walk, the pointer
 * that it has just loaded in its hand, and a writer in the middle of filling a leaf: windows that are otherwise
 * nanoseconds wide. The broken builds have it, and one that is not broken and must pass.
 *
 * No other build defines any of them: each constant is then 0 and the compiler drops what depends on it.
 */
#ifndef MAPLE_BROKEN_H
#define MAPLE_BROKEN_H

#ifdef VMAPLE_BREAK_GRACE
#define BREAK_GRACE 1
#else
#define BREAK_GRACE 0
#endif

#ifdef VMAPLE_BREAK_COPY
#define BREAK_COPY 1
#else
#define BREAK_COPY 0
#endif

#ifdef VMAPLE_BREAK_ORDER
#define BREAK_ORDER 1
#else
#define BREAK_ORDER 0
#endif

#ifdef VMAPLE_BREAK_BARRIER
#define BREAK_BARRIER 1
#else
#define BREAK_BARRIER 0
#endif

#ifdef VMAPLE_SLOW
#include <sched.h>

static inline void break_rest(void)
{
	static __thread unsigned int loads;

	if (++loads % 251 == 0)
		sched_yield();
}
#else
static inline void break_rest(void)
{
}
#endif

#endif /* MAPLE_BROKEN_H */
