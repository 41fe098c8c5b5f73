/* SPDX-License-Identifier: MIT */
/* All results of a run as one page: plots over n, and tables. It needs no script and loads nothing. */
#ifndef BENCH_HTML_H
#define BENCH_HTML_H

#include "result.h"

struct html;

/* A page about @machine, for @file. NULL: it cannot be written, or there is no memory. */
struct html *html_begin(const char *file, const char *machine);
/* @result is copied. @return 0, or -1: there is no memory. */
int html_add(struct html *html, const struct result *result);
/* Write the page; @html is no more. @return 0, or -1: not all of it could be written. */
int html_end(struct html *html);

/* @text with what HTML has for < and &. */
void html_text(FILE *file, const char *text);

/* plot.c: the @nr results of one kind of work, by ascending n, as an SVG drawing with both scales linear or logarithmic. */
void plot_write(FILE *file, const struct result *results, size_t nr, bool logarithmic);

#endif /* BENCH_HTML_H */
