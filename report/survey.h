/* SPDX-License-Identifier: MIT */
/*
 * What a first reading finds out, without the ledger: when it was, and for each address space when it had the most areas.
 * The second reading, with the ledger, then knows where to look.
 *
 * Memory: O(address spaces that had an event).
 */
#ifndef REPORT_SURVEY_H
#define REPORT_SURVEY_H

#include <vmaple/maple_tree.h>
#include <vmaple/replay.h>

struct survey_space {
	uint32_t mm, pid;
	uint64_t peak_areas, peak_step, peak_ns; /* first reached at */
	struct survey_space *next;               /* the one that was found before */
};

struct survey {
	struct maple_tree by_number;
	struct survey_space *last;    /* found */
	struct survey_space *largest; /* the first with the most areas; NULL: none has any */
	uint64_t spaces, begin_ns, end_ns, steps;
	char program[256];                      /* path of the first one */
	char build[2 * TRACE_BUILD_ID_MAX + 1]; /* its build-id in hexadecimal; "": not known */
	bool begun, no_memory;
};

void survey_begin(struct survey *s);
/* After each event of the replay. */
void survey_event(struct survey *s, struct replay *replay, const struct trace_event *e);
const struct survey_space *survey_find(const struct survey *s, uint32_t mm);
void survey_free(struct survey *s);

#endif /* REPORT_SURVEY_H */
