/* SPDX-License-Identifier: MIT */
/* Scripts, the events that have to come of each, and what their replay counts.  The last of a table has no name. */
#ifndef TESTS_SCENARIOS_H
#define TESTS_SCENARIOS_H

#include "scripted.h"

#define BEGIN "100 exec\n"
#define END   "100 exit 0\n"

/* Differences, uncertain, lost, foreign, outside. */
#define COUNTS(...)         \
	{                   \
		__VA_ARGS__ \
	}
#define NONE    COUNTS(0, 0, 0, 0, 0)
#define LOST(n) COUNTS(0, 0, n, 0, 0)

extern const struct scenario scenarios_of_calls[], scenarios_of_certain_calls[], scenarios_of_tasks[],
	scenarios_of_files[], scenarios_of_evidence[], scenarios_of_filters[], scenarios_of_attached[],
	scenarios_of_fields[], scenarios_of_served[];

#endif /* TESTS_SCENARIOS_H */
