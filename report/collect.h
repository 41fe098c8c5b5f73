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

#include <vmaple/explain.h>
#include <vmaple/maple_tree.h>

#define REPORT_RECTS   100000
#define REPORT_SAMPLES 2048
#define REPORT_AREAS   70000

enum report_kind {
	REPORT_ANON,
	REPORT_HEAP,
	REPORT_STACK,
	REPORT_TEXT,
	REPORT_FILE,
	REPORT_NONE, /* no access at all */
	REPORT_SHARED,
	REPORT_HUGE,
	REPORT_SPECIAL, /* the kernel's own */
	REPORT_KINDS
};
extern const char *const report_kind_names[REPORT_KINDS];

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

/* Strings by number, each once. */
struct report_words {
	char **word;
	uint32_t count, allocated, *slots, nr_slots;
};

struct report {
	struct explain *x;
	struct mm_struct *mm; /* of the space that is looked at; NULL: it is not there (any more) */
	uint32_t mm_id;
	struct maple_tree open; /* struct report_rect by range */
	struct report_rect *rects;
	uint32_t nr_rects, allocated;
	uint64_t nr_open, shortest_ns, smallest,
		merged; /* what lived or was less is not among the rects; how many went */
	struct report_sample samples[REPORT_SAMPLES];
	uint32_t nr_samples, stride, skipped;
	struct report_words names, sites;
	uint64_t calls, brk, begin_ns, now_ns; /* brk: as it was before the event */
	bool no_memory;
};

void report_begin(struct report *r, uint32_t mm_id);
/* After each event of the ledger. */
void report_event(struct report *r, struct explain *x, const struct trace_event *e);
/* All that live now end now. */
void report_end(struct report *r);
void report_free(struct report *r);
enum report_kind report_kind_of(const struct vm_area_struct *vma);
/* The number of a string; UINT32_MAX: no memory. */
uint32_t report_word(struct report_words *w, const char *text);
void report_words_free(struct report_words *w);

#endif /* REPORT_COLLECT_H */
