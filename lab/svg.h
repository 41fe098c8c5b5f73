/* SPDX-License-Identifier: MIT */
/*
 * Pictures of what was measured: charts of lines, in SVG, for a browser and for paper.
 *
 * A figure is one or more charts in columns, below one title and one legend.  A series is known by its name: it has
 * the same colour, dash and mark in every chart, so that it can be told without colours.  Points on a logarithmic
 * axis that are not above 0 are left out.
 */
#ifndef LAB_SVG_H
#define LAB_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct chart_point {
	double x, y;
};

/* A line through @points, which ascend by x. */
struct chart_series {
	const char *name;
	const struct chart_point *points;
	size_t nr;
};

/* What stands at a tick: 1,000 or 1 µs or 1 KiB. */
typedef void chart_format(double value, char *text, size_t size);
chart_format chart_number, chart_ns, chart_bytes;

struct chart_axis {
	const char *label;
	chart_format *format;
	bool log; /* else from 0 */
};

struct chart {
	const char *title;
	struct chart_axis x, y;
	const struct chart_series *series;
	size_t nr;
};

/* At most so many names in a figure; what comes after is not drawn. */
#define FIGURE_NAMES 8

struct figure {
	const char *title;
	const char *note; /* below all: what, where, when; or NULL */
	const struct chart *charts;
	size_t nr;
	size_t columns;
};

/* 0, or -EIO when @out could not be written. */
int svg_write(FILE *out, const struct figure *figure);
/* The same into a file. 0 or -errno. */
int svg_save(const char *path, const struct figure *figure);

#endif /* LAB_SVG_H */
