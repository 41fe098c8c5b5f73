/* SPDX-License-Identifier: MIT */
/*
 * A plot over n: a line for each contender, a bar where its median lies, names at the right end.
 *
 * Names keep their distance: they are placed from the top down in the order of the lines' ends, and pushed down where they
 * would overlap; then up where they left the drawing.
 */
#include <math.h>
#include <string.h>

#include "html.h"

#define WIDTH  960.0
#define HEIGHT 420.0
#define LEFT   70.0
#define RIGHT  200.0
#define TOP    16.0
#define BOTTOM 40.0
#define LINE   15.0 /* between names */

struct scale {
	double low, high; /* of what is shown, its logarithm where that is the scale */
	double from, to;  /* on the drawing */
	bool logarithmic;
};

struct plot {
	FILE *file;
	const struct result *results;
	size_t nr;
	struct scale x, y;
};

static const char *const our_colours[] = { "#0b57d0", "#5b9bf8", "#8fb8f5", "#7a93bd" };
static const char *const colours[] = { "#b3261e", "#c9734a", "#2e7d32", "#8d6e63", "#7b1fa2", "#f29900",
	"#00838f", "#616161", "#ad1457", "#558b2f", "#4527a0", "#37474f", "#a1887f", "#d81b60", "#827717",
	"#006064" };
_Static_assert(sizeof(colours) / sizeof(colours[0]) >= BENCH_CONTENDERS, "a colour for each");

/* Ours are blue, the others are not. */
static const char *colour_of(const struct result *result, size_t which)
{
	bool ours = strncmp(result->lines[which].name, "vmaple", 6) == 0;
	size_t alike = 0;

	for (size_t i = 0; i < which; i++)
		alike += (strncmp(result->lines[i].name, "vmaple", 6) == 0) == ours;
	return ours ? our_colours[alike % 4] : colours[alike];
}

static double place(const struct scale *scale, double value)
{
	double v = scale->logarithmic ? log10(value) : value;

	return scale->from + (v - scale->low) / (scale->high - scale->low) * (scale->to - scale->from);
}

/* What is compared: time, or bytes where nothing is timed. */
static double cost(const struct result_line *line)
{
	return line->bytes > 0 ? line->bytes : line->ns.min;
}

static struct scale scale_of(double low, double high, double from, double to, bool logarithmic)
{
	struct scale scale = { 0, high * 1.02, from, to, logarithmic };

	if (logarithmic) {
		scale.low = log10(low * 0.9);
		scale.high = log10(high * 1.1);
	}
	if (scale.high <= scale.low)
		scale.high = scale.low + 1;
	return scale;
}

/* The line of a contender, who may not have been asked at each n. */
static const struct result_line *find(const struct result *result, const char *name)
{
	for (size_t i = 0; i < result->nr; i++)
		if (strcmp(result->lines[i].name, name) == 0)
			return &result->lines[i];
	return NULL;
}

static void tick(const struct plot *plot, bool of_x, double value)
{
	const struct scale *scale = of_x ? &plot->x : &plot->y;
	double at = place(scale, value), low = scale->from < scale->to ? scale->from : scale->to,
	       high = scale->from < scale->to ? scale->to : scale->from;

	if (at < low - 1 || at > high + 1)
		return;
	if (of_x)
		fprintf(plot->file,
			"<path d=\"M%.1f %.1fV%.1f\" stroke=\"#e3e6ec\"/><text x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%.0f</text>\n",
			at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 18, value);
	else
		fprintf(plot->file,
			"<path d=\"M%.1f %.1fH%.1f\" stroke=\"#e3e6ec\"/><text x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"end\">%.6g</text>\n",
			LEFT, at, WIDTH - RIGHT, LEFT - 8, at + 4, value);
}

/* 1, 2 and 5 times powers of ten; or some six even steps of such a size. */
static void ticks(const struct plot *plot, bool of_x)
{
	static const double steps[] = { 1, 2, 5 };
	const struct scale *scale = of_x ? &plot->x : &plot->y;
	double step = pow(10, floor(log10(scale->high)));

	if (scale->logarithmic) {
		bool wide = scale->high - scale->low > 2;

		for (double power = floor(scale->low); power <= scale->high; power++)
			for (int i = 0; i < (wide ? 1 : 3); i++)
				tick(plot, of_x, steps[i] * pow(10, power));
		return;
	}
	step = scale->high / step < 2 ? step / 5 : scale->high / step < 5 ? step / 2 : step;
	for (double value = 0; value <= scale->high; value += step)
		tick(plot, of_x, value);
}

static void draw_line(const struct plot *plot, size_t which, const char *name)
{
	const char *colour = colour_of(&plot->results[plot->nr - 1], which);
	bool first = true;

	fprintf(plot->file, "<g stroke=\"%s\" fill=\"none\"><path stroke-width=\"%s\" d=\"", colour,
		which ? "1.5" : "3");
	for (size_t i = 0; i < plot->nr; i++) {
		const struct result_line *line = find(&plot->results[i], name);

		if (!line)
			continue;
		fprintf(plot->file, "%c%.1f %.1f", first ? 'M' : 'L',
			place(&plot->x, (double)plot->results[i].n), place(&plot->y, cost(line)));
		first = false;
	}
	fprintf(plot->file, "\"/>");
	for (size_t i = 0; i < plot->nr; i++) {
		const struct result_line *line = find(&plot->results[i], name);

		if (line && line->bytes == 0)
			fprintf(plot->file, "<path opacity=\".5\" stroke-width=\"4\" d=\"M%.1f %.1fV%.1f\"/>",
				place(&plot->x, (double)plot->results[i].n), place(&plot->y, line->ns.low),
				place(&plot->y, line->ns.high));
	}
	fprintf(plot->file, "</g>\n");
}

/* Where the names stand, by the ends of the lines; @order becomes the lines from the top down. */
static void place_names(const struct plot *plot, double *at, size_t *order)
{
	const struct result *last = &plot->results[plot->nr - 1];
	double lowest = HEIGHT - BOTTOM;

	for (size_t i = 0; i < last->nr; i++) {
		size_t k = i;

		at[i] = place(&plot->y, cost(&last->lines[i]));
		for (; k && at[order[k - 1]] > at[i]; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (size_t k = 1; k < last->nr; k++)
		if (at[order[k]] < at[order[k - 1]] + LINE)
			at[order[k]] = at[order[k - 1]] + LINE;
	for (size_t k = last->nr; k-- > 0; lowest = at[order[k]] - LINE)
		if (at[order[k]] > lowest)
			at[order[k]] = lowest;
}

void plot_write(FILE *file, const struct result *results, size_t nr, bool logarithmic)
{
	const struct result *last = &results[nr - 1];
	struct plot plot = { .file = file, .results = results, .nr = nr };
	double low = cost(&results->lines[0]), high = low, at[BENCH_CONTENDERS];
	size_t order[BENCH_CONTENDERS];

	for (size_t i = 0; i < nr; i++) {
		for (size_t k = 0; k < results[i].nr; k++) {
			const struct result_line *line = &results[i].lines[k];
			double most = line->bytes > 0 ? line->bytes : line->ns.high;

			low = cost(line) < low ? cost(line) : low;
			high = most > high ? most : high;
		}
	}
	plot.x = scale_of((double)results->n, (double)last->n, LEFT, WIDTH - RIGHT, logarithmic);
	plot.y = scale_of(low, high, HEIGHT - BOTTOM, TOP, logarithmic);
	fprintf(file, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n", WIDTH, HEIGHT);
	ticks(&plot, true);
	ticks(&plot, false);
	for (size_t i = last->nr; i-- > 0;)
		draw_line(&plot, i, last->lines[i].name);
	place_names(&plot, at, order);
	for (size_t i = 0; i < last->nr; i++) {
		fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" style=\"fill:%s\">", WIDTH - RIGHT + 10, at[i] + 4,
			colour_of(last, i));
		html_text(file, last->lines[i].name);
		fprintf(file, " %.3g</text>\n", cost(&last->lines[i]));
	}
	fprintf(file,
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">n</text>"
		"<text x=\"%.1f\" y=\"%.1f\">%s</text></svg>\n",
		(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, 4.0, TOP - 3,
		results->lines[0].bytes > 0 ? "bytes" : "ns");
}
