/* SPDX-License-Identifier: MIT */
/*
 * Pictures: layout in pixels of 1/96 inch.
 *
 *     |  title                                          |
 *     |  --o-- name   --x-- name                        |   legend, as many rows as it takes
 *     |    chart title            chart title           |
 *     |  y |            |       y |            |        |   PLOT_W by PLOT_H each, with margins around
 *     |    +------------+         +------------+        |
 *     |          x                      x               |
 *     |  note                                           |
 */
#include "svg.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "markup.h"

#define PLOT_W 340.0
#define PLOT_H 220.0
#define LEFT   78.0
#define RIGHT  26.0
#define TOP    34.0
#define BOTTOM 52.0
#define CELL_W (LEFT + PLOT_W + RIGHT)
#define CELL_H (TOP + PLOT_H + BOTTOM)
#define EDGE   16.0
#define ROW    22.0 /* of the legend */

/* Okabe and Ito 2008: told apart by those who see fewer colours; dashes and marks are for paper. */
static const struct style {
	const char *colour, *dash;
	char mark;
} styles[FIGURE_NAMES] = {
	{ "#0072b2", "", 'o' },
	{ "#009e73", "7 3", 's' },
	{ "#d55e00", "2 3", 'x' },
	{ "#000000", "9 3 2 3", 't' },
	{ "#cc79a7", "4 2", 'd' },
	{ "#56b4e9", "", 's' },
	{ "#e69f00", "7 3", 'o' },
	{ "#666666", "2 3", 'd' },
};

/* --- numbers ------------------------------------------------------------------------------------------------- */

void chart_number(double value, char *text, size_t size)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%.0f", value);
	size_t at = 0;

	if (value < 10 && value != floor(value)) {
		snprintf(text, size, "%g", value);
		return;
	}
	for (int i = 0; i < len && at + 2 < size; i++) {
		text[at++] = digits[i];
		if ((len - i) % 3 == 1 && i + 1 < len)
			text[at++] = ',';
	}
	text[at] = '\0';
}

static void scaled(double value, double step, const char *const *units, size_t nr, char *text, size_t size)
{
	size_t i = 0;

	for (; value >= step && i + 1 < nr; i++)
		value /= step;
	snprintf(text, size, "%g %s", value, units[i]);
}

void chart_ns(double value, char *text, size_t size)
{
	static const char *const units[] = { "ns", "\302\265s", "ms", "s" };

	scaled(value, 1000, units, 4, text, size);
}

void chart_bytes(double value, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };

	scaled(value, 1024, units, 5, text, size);
}

/* --- axes ---------------------------------------------------------------------------------------------------- */

/* An axis as drawn: from lo to hi over @length pixels. */
struct scale {
	bool log;
	double lo, hi, length;
};

/* The largest of 1, 2 and 5 times a power of ten that is not above @value, or the smallest not below. */
static double round_to_tick(double value, bool up)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double power = pow(10, floor(log10(value) + 1e-9)), found = up ? 10 * power : power;

	for (int i = 0; i < 4; i++)
		if (up ? steps[3 - i] * power >= value * (1 - 1e-9) : steps[i] * power <= value * (1 + 1e-9))
			found = (up ? steps[3 - i] : steps[i]) * power;
	return found;
}

static double coordinate(const struct chart_point *p, bool is_y)
{
	return is_y ? p->y : p->x;
}

static bool drawable(const struct chart *c, const struct chart_point *p)
{
	return (!c->x.log || p->x > 0) && (!c->y.log || p->y > 0);
}

static struct scale make_scale(const struct chart *c, bool is_y)
{
	struct scale s = { .log = is_y ? c->y.log : c->x.log, .length = is_y ? PLOT_H : PLOT_W };
	double lo = INFINITY, hi = 0;

	for (size_t i = 0; i < c->nr; i++)
		for (size_t k = 0; k < c->series[i].nr; k++)
			if (drawable(c, &c->series[i].points[k])) {
				lo = fmin(lo, coordinate(&c->series[i].points[k], is_y));
				hi = fmax(hi, coordinate(&c->series[i].points[k], is_y));
			}
	if (hi <= 0)
		lo = hi = 1;
	s.lo = s.log ? round_to_tick(lo, false) : 0;
	s.hi = round_to_tick(hi, true);
	if (s.hi <= s.lo)
		s.hi = s.log ? s.lo * 10 : 1;
	return s;
}

static double position(const struct scale *s, double value)
{
	double part = s->log ? log(value / s->lo) / log(s->hi / s->lo) : (value - s->lo) / (s->hi - s->lo);

	return part * s->length;
}

#define TICKS 24

/* Over more than two decades a tick each, or each second; else at 1, 2 and 5. Linear: three to six. */
static size_t make_ticks(const struct scale *s, double *ticks)
{
	double decades = log10(s->hi / fmax(s->lo, 1e-30)), step = round_to_tick(s->hi / 5, true), at;
	size_t nr = 0;

	if (!s->log) {
		for (at = 0; at <= s->hi * (1 + 1e-9) && nr < TICKS; at += step)
			ticks[nr++] = at;
		return nr;
	}
	for (at = s->lo; at <= s->hi * (1 + 1e-9) && nr < TICKS;) {
		double power = pow(10, floor(log10(at) + 1e-9)), lead = at / power;

		if (decades <= 2 || lead < 1.5)
			ticks[nr++] = at;
		if (decades > 8)
			at *= lead < 1.5 ? 100 : 10 / lead;
		else
			at *= lead < 1.5 ? 2 : lead < 3 ? 2.5 : 2;
	}
	return nr;
}

/* --- drawing ------------------------------------------------------------------------------------------------- */

static void label(FILE *out, double x, double y, const char *attributes, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
	put_markup(out, text);
	fputs("</text>\n", out);
}

static void draw_mark(FILE *out, const struct style *s, double x, double y)
{
	const double r = 3.2;

	switch (s->mark) {
	case 'o':
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n", x, y, r,
			s->colour);
		return;
	case 's':
		fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
			x - r, y - r, 2 * r, 2 * r, s->colour);
		return;
	case 'x':
		fprintf(out,
			"<path d=\"M%.1f %.1fl%.1f %.1fm0 %.1fl%.1f %.1f\" stroke=\"%s\" "
			"stroke-width=\"1.8\"/>\n",
			x - r, y - r, 2 * r, 2 * r, -2 * r, -2 * r, 2 * r, s->colour);
		return;
	case 't':
		fprintf(out, "<path d=\"M%.1f %.1fl%.1f %.1fh%.1fz\" fill=\"%s\"/>\n", x, y - r - 1, r + 0.6,
			2 * r, -2 * r - 1.2, s->colour);
		return;
	default:
		fprintf(out, "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\" fill=\"%s\"/>\n", x,
			y - r - 1, r + 1, r + 1, -r - 1, r + 1, -r - 1, -r - 1, s->colour);
	}
}

static void draw_grid(FILE *out, const struct chart *c, const struct scale *x, const struct scale *y)
{
	double ticks[TICKS];
	char text[32];
	size_t nr = make_ticks(x, ticks);

	for (size_t i = 0; i < nr; i++) {
		double at = position(x, ticks[i]);

		fprintf(out, "<path class=\"grid\" d=\"M%.1f 0v%.1f\"/>\n", at, PLOT_H);
		c->x.format(ticks[i], text, sizeof(text));
		label(out, at, PLOT_H + 16, " text-anchor=\"middle\"", text);
	}
	nr = make_ticks(y, ticks);
	for (size_t i = 0; i < nr; i++) {
		double at = PLOT_H - position(y, ticks[i]);

		fprintf(out, "<path class=\"grid\" d=\"M0 %.1fh%.1f\"/>\n", at, PLOT_W);
		c->y.format(ticks[i], text, sizeof(text));
		label(out, -8, at + 4, " text-anchor=\"end\"", text);
	}
	fprintf(out, "<path class=\"axis\" d=\"M0 0v%.1fh%.1f\"/>\n", PLOT_H, PLOT_W);
	label(out, PLOT_W / 2, PLOT_H + 36, " text-anchor=\"middle\"", c->x.label);
	fprintf(out, "<g transform=\"translate(%.1f %.1f) rotate(-90)\">", -62.0, PLOT_H / 2);
	label(out, 0, 0, " text-anchor=\"middle\"", c->y.label);
	fputs("</g>\n", out);
}

static void draw_series(FILE *out, const struct chart *c, const struct chart_series *s,
	const struct style *style, const struct scale *x, const struct scale *y)
{
	const char *command = "M";

	fputs("<path fill=\"none\" d=\"", out);
	for (size_t i = 0; i < s->nr; i++)
		if (drawable(c, &s->points[i])) {
			fprintf(out, "%s%.1f %.1f", command, position(x, s->points[i].x),
				PLOT_H - position(y, s->points[i].y));
			command = "L";
		}
	fprintf(out, "\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"/>\n", style->colour,
		style->dash[0] ? style->dash : "none");
	for (size_t i = 0; i < s->nr; i++)
		if (drawable(c, &s->points[i]))
			draw_mark(out, style, position(x, s->points[i].x),
				PLOT_H - position(y, s->points[i].y));
}

/* --- figures ------------------------------------------------------------------------------------------------- */

/* The names of all series, each once, in the order in which they come. */
struct legend {
	const char *names[FIGURE_NAMES];
	size_t nr;
};

static size_t find_name(const struct legend *l, const char *name)
{
	size_t i = 0;

	while (i < l->nr && strcmp(l->names[i], name) != 0)
		i++;
	return i;
}

static void collect_names(struct legend *l, const struct figure *f)
{
	for (size_t i = 0; i < f->nr; i++)
		for (size_t k = 0; k < f->charts[i].nr; k++) {
			const char *name = f->charts[i].series[k].name;

			if (find_name(l, name) == l->nr && l->nr < FIGURE_NAMES)
				l->names[l->nr++] = name;
		}
}

/* Draws the legend from @y on (@out NULL: only measures). @return where it ends. */
static double draw_legend(FILE *out, const struct legend *l, double width, double y)
{
	double x = EDGE;

	for (size_t i = 0; i < l->nr; i++) {
		double wide = 62 + 7.4 * (double)strlen(l->names[i]);

		if (x > EDGE && x + wide > width - EDGE) {
			x = EDGE;
			y += ROW;
		}
		if (out) {
			fprintf(out,
				"<path d=\"M%.1f %.1fh32\" stroke=\"%s\" stroke-width=\"1.8\" "
				"stroke-dasharray=\"%s\"/>\n",
				x, y - 4, styles[i].colour, styles[i].dash[0] ? styles[i].dash : "none");
			draw_mark(out, &styles[i], x + 16, y - 4);
			label(out, x + 40, y, " class=\"name\"", l->names[i]);
		}
		x += wide;
	}
	return y + ROW;
}

static void draw_chart(FILE *out, const struct chart *c, const struct legend *l, double left, double top)
{
	struct scale x = make_scale(c, false), y = make_scale(c, true);

	fprintf(out, "<g transform=\"translate(%.1f %.1f)\">\n", left + LEFT, top + TOP);
	label(out, 0, -12, " class=\"chart\"", c->title);
	draw_grid(out, c, &x, &y);
	for (size_t i = 0; i < c->nr; i++) {
		size_t which = find_name(l, c->series[i].name);

		if (which < l->nr)
			draw_series(out, c, &c->series[i], &styles[which], &x, &y);
	}
	fputs("</g>\n", out);
}

int svg_write(FILE *out, const struct figure *f)
{
	size_t columns = f->columns ? f->columns : 1, rows = (f->nr + columns - 1) / columns;
	double width = (double)columns * CELL_W + EDGE, top, height;
	struct legend legend = { .nr = 0 };

	collect_names(&legend, f);
	top = draw_legend(NULL, &legend, width, 60);
	height = top + (double)rows * CELL_H + (f->note ? 26 : 4);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
		"height=\"%.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" "
		"fill=\"#222\">\n"
		"<style>.grid{stroke:#ddd;stroke-width:1}.axis{stroke:#222;stroke-width:1.2;fill:none}"
		".chart{font-size:14px;font-weight:bold}.name{font-size:13px}"
		".title{font-size:17px;font-weight:bold}.note{font-size:11px;fill:#555}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		width, height, width, height);
	label(out, EDGE, 30, " class=\"title\"", f->title);
	(void)draw_legend(out, &legend, width, 60);
	for (size_t row = 0; row < rows; row++)
		for (size_t i = row * columns; i < f->nr && i < (row + 1) * columns; i++)
			draw_chart(out, &f->charts[i], &legend, (double)(i - row * columns) * CELL_W,
				top + (double)row * CELL_H);
	if (f->note)
		label(out, EDGE, height - 12, " class=\"note\"", f->note);
	fputs("</svg>\n", out);
	return ferror(out) ? -EIO : 0;
}

int svg_save(const char *path, const struct figure *figure)
{
	FILE *out = fopen(path, "w");
	int err;

	if (!out)
		return -errno;
	err = svg_write(out, figure);
	if (fclose(out) && !err)
		err = -EIO;
	return err;
}
