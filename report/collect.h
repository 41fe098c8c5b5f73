/* SPDX-License-Identifier: MIT */
/*
 * What a report shows of an address space: every area from its birth to its end, numbers over time, and the boundaries at its
 * peak.
 *
 * Bounded: of areas at most max_rects, of numbers REPORT_SAMPLES, of boundaries REPORT_AREAS.  Beyond that the areas that
 * lived shortest go first, then the smallest, and how many went is counted; numbers are one for each part of the time.
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

/* An area with these bounds and of this kind, as long as it had them. */
struct report_rect {
	uint64_t start, end, born_ns, ended_ns;
	uint64_t step;                        /* at which it came to be so */
	uint32_t reasons, site, name, thread; /* thread: that put its lower end there; 0: not known */
	uint8_t kind, prot;
};

struct report_sample {
	uint64_t time_ns, step, areas, bytes, calls, splits,
		merges; /* areas: the most since the one before */
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
	uint64_t shortest_ns, smallest,
		merged; /* what lived or was less is not among the rects; how many went */
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
/* All that live now end now. */
void report_end(struct report *r);
void report_free(struct report *r);

#endif /* REPORT_COLLECT_H */
