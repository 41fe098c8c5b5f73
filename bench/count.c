/* SPDX-License-Identifier: MIT */
/* Counting instructions: see count.h. */
#include "count.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>

bool count_can(void)
{
	return RUNNING_ON_VALGRIND;
}

void count_begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
}

void count_end(const struct work *work, const struct contender *contender)
{
	char name[200];

	snprintf(name, sizeof(name), "%s%s%s\t%zu\t%s\t%zu", work->question, work->which[0] ? ", " : "",
		work->which, work->n, contender->name, work->operations);
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS_AT(name);
	CALLGRIND_STOP_INSTRUMENTATION;
}
#else
bool count_can(void)
{
	return false;
}

void count_begin(void)
{
}

void count_end(const struct work *work, const struct contender *contender)
{
}
#endif
