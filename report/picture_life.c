/* SPDX-License-Identifier: MIT */
/*
 * An address space over its life: time to the right, addresses upwards, what nobody uses folded away; below, the number of areas.
 *
 * 1. Place.  Used addresses are segments; each is as high as the logarithm of its size and the root of its areas say, and
 *    gaps between them have one height.
 * 2. Cells.  Areas are put into a grid of CELLS_X times CELLS_Y, the later over the earlier, and runs of cells with one
 *    colour are drawn: the picture has a bounded size whatever the number of areas.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/cli.h"
#include "picture.h"

#define CELLS_X 840
#define CELLS_Y 320
#define LEFT    100
#define TOP     66
#define CURVE_Y (TOP + CELLS_Y + 34)
#define CURVE   110
#define WIDTH   960
#define HEIGHT  (CURVE_Y + CURVE + 34)

struct segment {
	uint64_t start, end;
	double low, high; /* on a line from 0 to 1 */
	uint32_t areas;
};

struct fold {
	struct segment *segments;
	size_t count;
};

static int by_start(const void *a, const void *b)
{
	const struct report_rect *const *x = a, *const *y = b;

	return (*x)->start < (*y)->start ? -1 : (*x)->start > (*y)->start;
}

static void place(struct fold *f)
{
	double total = 0;

	for (size_t i = 0; i < f->count; i++) {
		struct segment *s = &f->segments[i];
		double weight = 1 + log2(1 + (double)(s->end - s->start) / 4096) + sqrt(s->areas);

		total += i ? 1 : 0;
		s->low = total;
		total += weight;
		s->high = total;
	}
	for (size_t i = 0; i < f->count; i++) {
		f->segments[i].low /= total;
		f->segments[i].high /= total;
	}
}

static bool fold_addresses(struct fold *f, const struct report *r)
{
	const struct report_rect **order = malloc((r->nr_rects + 1) * sizeof(*order));

	f->segments = malloc((r->nr_rects + 1) * sizeof(*f->segments));
	if (!order || !f->segments) {
		free(order);
		return false;
	}
	for (uint32_t i = 0; i < r->nr_rects; i++)
		order[i] = &r->rects[i];
	qsort(order, r->nr_rects, sizeof(*order), by_start);
	for (uint32_t i = 0; i < r->nr_rects; i++) {
		struct segment *last = f->count ? &f->segments[f->count - 1] : NULL;

		if (!last || order[i]->start > last->end) {
			f->segments[f->count++] = (struct segment){ order[i]->start, order[i]->end, 0, 0, 1 };
			continue;
		}
		last->end = order[i]->end > last->end ? order[i]->end : last->end;
		last->areas++;
	}
	free(order);
	place(f);
	return true;
}

static const struct segment *segment_of(const struct fold *f, uint64_t address)
{
	size_t lo = 0, hi = f->count;

	while (lo + 1 < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->segments[mid].start <= address)
			lo = mid;
		else
			hi = mid;
	}
	return &f->segments[lo];
}

static double height_of(const struct segment *s, uint64_t address)
{
	return s->low + (s->high - s->low) * ((double)(address - s->start) / (double)(s->end - s->start));
}

static int clamp(double v, int most)
{
	return v < 0 ? 0 : v > most ? most : (int)v;
}

/* cells: 0 is nothing, else a kind and 1. */
static void fill(uint8_t *cells, const struct report *r, const struct fold *f)
{
	double span = (double)(r->lives.now_ns - r->lives.begin_ns);

	for (uint32_t i = 0; i < r->nr_rects; i++) {
		const struct report_rect *q = &r->rects[i];
		const struct segment *s = segment_of(f, q->start);
		int x0 = clamp((double)(q->born_ns - r->lives.begin_ns) / (span + 1) * CELLS_X, CELLS_X - 1);
		int x1 = clamp((double)(q->ended_ns - r->lives.begin_ns) / (span + 1) * CELLS_X + 1, CELLS_X);
		int y0 = clamp((1 - height_of(s, q->end)) * CELLS_Y, CELLS_Y - 1);
		int y1 = clamp((1 - height_of(s, q->start)) * CELLS_Y, CELLS_Y);

		y1 = y1 > y0 ? y1 : y0 + 1;
		/* What has room shows its edge. */
		y1 -= y1 - y0 > 4;
		for (int y = y0; y < y1; y++)
			memset(cells + (size_t)y * CELLS_X + x0, q->kind + 1,
				(size_t)(x1 > x0 ? x1 - x0 : 1));
	}
}

/* Rows that are the same are one, higher. */
static void put_cells(FILE *out, const uint8_t *cells, int kind)
{
	int rows = 1;

	fprintf(out, "<path fill=\"%s\" d=\"", report_kind_colors[kind]);
	for (int y = 0; y < CELLS_Y; y += rows) {
		const uint8_t *row = cells + (size_t)y * CELLS_X;

		for (rows = 1; y + rows < CELLS_Y && memcmp(row, row + (size_t)rows * CELLS_X, CELLS_X) == 0;)
			rows++;
		for (int x = 0, to; x < CELLS_X; x = to) {
			for (to = x + 1; to < CELLS_X && row[to] == row[x];)
				to++;
			if (row[x] == kind + 1)
				fprintf(out, "M%d %dh%dv%dh-%dz", LEFT + x, TOP + y, to - x, rows, to - x);
		}
	}
	fputs("\"/>\n", out);
}

static void put_addresses(FILE *out, const struct fold *f)
{
	int last = TOP + CELLS_Y + 20;

	for (size_t i = 0; i < f->count; i++) {
		int y = TOP + (int)((1 - f->segments[i].low) * CELLS_Y);

		if (last - y < 13)
			continue;
		fprintf(out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-family=\"monospace\" "
			"font-size=\"10\" "
			"fill=\"#667\">%012" PRIx64 "</text>\n",
			LEFT - 6, y, f->segments[i].start);
		last = y;
	}
}

static void put_curve(FILE *out, const struct report *r, uint64_t limit)
{
	double span = (double)(r->lives.now_ns - r->lives.begin_ns) + 1;
	uint64_t most = 1;

	for (uint32_t i = 0; i < r->nr_samples; i++)
		most = r->samples[i].areas > most ? r->samples[i].areas : most;
	fprintf(out, "<path fill=\"#4c78a833\" stroke=\"#4c78a8\" d=\"M%d %d", LEFT, CURVE_Y + CURVE);
	for (uint32_t i = 0; i < r->nr_samples; i++)
		fprintf(out, "L%.1f %.1f",
			LEFT + (double)(r->samples[i].time_ns - r->lives.begin_ns) / span * CELLS_X,
			CURVE_Y + CURVE - (double)r->samples[i].areas / (double)most * (CURVE - 14));
	fprintf(out,
		"L%d %dz\"/>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-size=\"11\">%" PRIu64
		"</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-size=\"11\" "
		"fill=\"#667\">areas</text>\n",
		LEFT + CELLS_X, CURVE_Y + CURVE, LEFT - 6, CURVE_Y + 18, most, LEFT - 6, CURVE_Y + 32);
	fprintf(out,
		"<text x=\"%d\" y=\"%d\" fill=\"#667\">0 s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\" "
		"fill=\"#667\">%.3f s; max_map_count is %" PRIu64 "</text>\n",
		LEFT, CURVE_Y + CURVE + 18, LEFT + CELLS_X, CURVE_Y + CURVE + 18,
		(double)(r->lives.now_ns - r->lives.begin_ns) / 1e9, limit);
}

int picture_life(FILE *out, const struct report *life, uint64_t max_map_count, const char *title)
{
	struct fold f = { .count = 0 };
	uint8_t *cells = calloc(CELLS_X, CELLS_Y);
	bool whole = cells && fold_addresses(&f, life);
	unsigned int kinds = 0;

	if (whole) {
		fill(cells, life, &f);
		for (uint32_t i = 0; i < life->nr_rects; i++)
			kinds |= 1u << life->rects[i].kind;
		picture_begin(out, WIDTH, HEIGHT, title);
		picture_legend(out, LEFT, 50, kinds);
		fputs("<g shape-rendering=\"crispEdges\">\n", out);
		for (int k = 0; k < REPORT_KINDS; k++)
			if (kinds >> k & 1)
				put_cells(out, cells, k);
		fputs("</g>\n", out);
		put_addresses(out, &f);
		put_curve(out, life, max_map_count);
		fputs("</svg>\n", out);
	}
	free(f.segments);
	free(cells);
	return !whole || json_is_incomplete() ? -ENOMEM : ferror(out) ? -(errno ? errno : EIO) : 0;
}
