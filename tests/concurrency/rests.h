/* SPDX-License-Identifier: MIT */
/*
 * For sources with a bug that tools/seed-bug has put in: a thread rests where a window is otherwise nanoseconds wide, so that
 * another comes meanwhile.
 */
#ifndef TESTS_RESTS_H
#define TESTS_RESTS_H

#include <sched.h>

static inline void rest_for(int times)
{
	for (int i = 0; i < times; i++)
		sched_yield();
}

/* One time in @times that this thread comes by. */
static inline void rest_now_and_then(unsigned int times)
{
	static __thread unsigned int came;

	if (++came % times == 0)
		sched_yield();
}

#endif /* TESTS_RESTS_H */
