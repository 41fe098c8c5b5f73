/* SPDX-License-Identifier: MIT */
/* A report as one HTML file that needs nothing else. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "collect.h"

/* An area at the peak, and why it is not one with the area below it. */
struct report_area {
	uint64_t start, end, reasons, step;
	uint32_t name, site;
	uint8_t kind, prot;
	bool needless;
};

struct report_page {
	const struct trace_header *header;
	struct report *life;
	struct explain_table *table; /* of the peak */
	struct report_area *areas;   /* of the peak, at most REPORT_AREAS */
	uint32_t nr_areas;
	uint64_t peak_step, peak_ns;
	uint32_t pid;
	struct replay_stats stats;
	size_t max_size; /* bytes; beyond it detail is left out */
};

/* 0, -ENOMEM, or -EFBIG: even without detail it is larger than max_size. Errors of the file are the file's. */
int report_page_write(const struct report_page *p, FILE *out);

#endif /* REPORT_PAGE_H */
