/* SPDX-License-Identifier: MIT */
/*
 * What a report shows of one address space: every area from its birth to its end, numbers over time, and the boundaries at one
 * moment.
 *
 * Bounded: of areas at most REPORT_RECTS, of numbers REPORT_SAMPLES, of boundaries REPORT_AREAS.  Beyond that the areas that
 * lived shortest go first, then the smallest, and how many went is counted; numbers are merged two by two.
 */
#ifndef REPORT_COLLECT_H
#define REPORT_COLLECT_H

#include "lives.h"

#define REPORT_RECTS   100000
#define REPORT_SAMPLES 2048
#define REPORT_AREAS   70000

/* An area with these bounds and of this kind, as long as it had them. */
struct report_rect {
	uint64_t start, end, born_ns, ended_ns;
	uint64_t step; /* at which it came to be so */
	uint32_t reasons, site, name;
	uint8_t kind, prot;
};

struct report_sample {
	uint64_t time_ns, step, areas, bytes, calls, splits,
		merges; /* areas: the most since the one before */
};

struct report {
	struct lives lives;
	struct report_rect *rects;
	uint32_t nr_rects, allocated;
	uint64_t shortest_ns, smallest,
		merged; /* what lived or was less is not among the rects; how many went */
	struct report_sample samples[REPORT_SAMPLES];
	uint32_t nr_samples, stride, skipped;
	struct report_words names, sites;
	bool no_memory;
};

void report_begin(struct report *r, uint32_t mm_id);
/* After each event of the ledger. */
void report_event(struct report *r, struct explain *x, const struct trace_event *e);
/* All that live now end now. */
void report_end(struct report *r);
void report_free(struct report *r);

#endif /* REPORT_COLLECT_H */
