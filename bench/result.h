/* SPDX-License-Identifier: MIT */
/*
 * What one comparison has shown, and how it is written: a table of all contenders, a line of the page, lines for programs.
 *
 * 1. Figures are minima over rounds; the interval beside them is for the median, between the second and the second last of
 *    ten rounds: the median of what could have been measured lies there in 98 of 100 cases, if rounds know nothing of each
 *    other. The interval of a ratio is that of the ratios round by round, in which both sides had the same moment.
 * 2. A result of threads that had no cores of their own has no figures.
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "bench.h"

/* Of ten rounds. */
struct figure {
	double min, median, low, high;
};

struct result_line {
	const char *name;
	struct figure ns, ratio; /* ratio.min: of the minima */
	double bytes;
};

struct result {
	const char *question;
	char which[64];
	size_t n;
	unsigned int threads;
	unsigned int repeated;  /* rounds that were disturbed, and taken again */
	unsigned int disturbed; /* rounds that were disturbed and count, for want of better */
	double drift;           /* ours once more, divided by our minimum */
	size_t nr;
	struct result_line lines[BENCH_CONTENDERS];
};

/* Of BENCH_ROUNDS numbers, which it sorts. */
struct figure figure_of(double *rounds);
/* @trials as they were measured become the lines, ours first. */
void result_fill(struct result *result, const struct trial *trials, size_t nr);
/* Had its threads cores of their own in most rounds? Always true where one thread works. */
bool result_counts(const struct result *result);

void result_print(const struct result *result);
void result_print_json(const struct result *result);
/* A line for each comparison, under a head. */
void result_print_page_head(void);
void result_print_page(const struct result *result);

#endif /* BENCH_RESULT_H */
