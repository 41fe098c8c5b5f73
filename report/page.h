/* SPDX-License-Identifier: MIT */
/* A report as one HTML file that needs nothing else. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "collect.h"

/* Address spaces that can be chosen, at most: those with the most areas. */
#define REPORT_SPACES 12

struct report_page {
	const struct trace_header *header;
	struct report *spaces[REPORT_SPACES]; /* the one that is shown first, then the others */
	int nr_spaces;
	uint64_t all_spaces; /* of the recording */
	struct report_words *names, *sites;
	/* Frames of the call stacks of areas at peaks, outermost first, as text joined by newlines, by number of the stack. */
	struct report_words *frames;
	uint32_t *stacks, nr_stacks; /* number of a word of frames, or UINT32_MAX */
	struct replay_stats stats;
	size_t max_size; /* bytes; beyond it detail is left out */
};

/* 0, -ENOMEM, or -EFBIG: even without detail it is larger than max_size. Errors of the file are the file's. */
int report_page_write(const struct report_page *p, FILE *out);

#endif /* REPORT_PAGE_H */
