/* SPDX-License-Identifier: MIT */
/*
 * What a report shows of an address space: every area from its birth to its end, numbers over time, and the boundaries at its
 * peak.
 *
 * Bounded: of areas at most max_rects, of numbers REPORT_SAMPLES, of boundaries REPORT_AREAS.  Beyond that areas that lived
 * shortest become one with those that followed in their place, or are left out where none did; then the smallest are left out.
 * How many is counted; numbers are one for each part of the time.
 */
#ifndef REPORT_COLLECT_H
#define REPORT_COLLECT_H

#include "../cli/culprits.h"
#include "lives.h"
#include "survey.h"

#define REPORT_RECTS   100000 /* of the space that is shown first */
#define REPORT_SAMPLES 2048
#define REPORT_HOLES   256 /* moments at which free ranges are counted */
#define REPORT_AREAS   70000

/* An area with these bounds and of this kind, as long as it had them; or several, each where and when the one before ended. */
struct report_rect {
	uint64_t start, end, born_ns, ended_ns;
	uint64_t step;  /* at which it came to be so */
	uint32_t lives; /* how many it is */
	uint32_t reasons, site, name, stack,
		thread;     /* stack, thread: that put its lower end there; 0: not known */
	uint8_t kind, prot; /* prot: as of a life, and 8 shared */
	bool needless;
};

struct report_sample {
	uint64_t time_ns, step, areas; /* areas: the most since the one before */
	uint64_t bytes, needless, needless_bytes, calls, splits, merges;
};

/* Free ranges by size: below 64 KiB, 1 MiB, 16 MiB, 256 MiB, 4 GiB, and the others. */
#define REPORT_CLASSES 6
struct report_holes {
	uint64_t time_ns, largest, largest_start;
	uint32_t ranges[REPORT_CLASSES];
};

/* An area at the peak, and why it is not one with the area below it. */
struct report_area {
	uint64_t start, end, reasons, step, born_ns;
	uint32_t name, site, stack, thread;
	uint8_t kind, prot;
	bool needless;
};

/* The number of a text that was asked for lately. */
#define REPORT_KNOWN 256
struct report_known {
	const struct explain_site *site;
	uint32_t call_nr, type, stack, word;
	bool has;
};

struct report {
	struct lives lives;
	const struct survey_space *survey;
	uint64_t begin_ns, end_ns; /* of the recording */
	char *program;             /* NULL: not known */
	struct report_rect *rects;
	uint32_t nr_rects, allocated, max_rects;
	uint64_t shortest_ns, smallest; /* what lived or was less is no rect of its own */
	uint64_t joined, left_out; /* how many became one with another; how many are not among the rects */
	struct report_sample samples[REPORT_SAMPLES];
	uint32_t nr_samples, last_slot;
	struct report_holes holes[REPORT_HOLES];
	uint32_t nr_holes, last_hole;
	struct report_area *areas; /* of the peak, at most REPORT_AREAS */
	uint32_t nr_areas;
	struct explain_table table; /* of the peak; its examples are gone */
	struct culprits culprits;   /* who made it so */
	struct code code;           /* where its stacks are looked up */
	bool no_memory;
	struct report_words *names, *sites;
	struct report_known known[REPORT_KNOWN];
};

/* @survey is of the recording, @space the one that is shown. Words go into @names and @sites. */
void report_begin(struct report *r, const struct survey *survey, const struct survey_space *space,
	struct report_words *names, struct report_words *sites, struct symbols *symbols);
/* After each event of the ledger. */
void report_event(struct report *r, struct explain *x, const struct trace_event *e);
/* All that live now end now; the rects are in order of their places, then of time. 0 or -ENOMEM. */
int report_end(struct report *r);
/* Less detail, until there are at most so many rects. They are in order then. */
void report_coarsen(struct report *r, uint32_t most);
void report_free(struct report *r);

#endif /* REPORT_COLLECT_H */
