/* SPDX-License-Identifier: MIT */
/*
 * An address space at one moment: what pmap would look like if it could draw.
 *
 * A row is a run of neighbours with the same name, as the segments of a library; its bar has each area, as wide as the
 * logarithm of its size.  Beyond ROWS the smallest runs are drawn together with their neighbours that are small, too.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/cli.h"
#include "picture.h"

#define ROWS      48 /* that have a name of their own, at most */
#define BAR_X     118
#define BAR_WIDTH 420
#define ROW       20
#define WIDTH     960
#define TOP       70
#define BAR_AREAS 100       /* that are drawn one by one */
#define LARGE_GAP (1 << 20) /* is said in words, on a row of its own */

struct run {
	uint64_t start, end, bytes;
	uint32_t name, areas, runs; /* runs: how many are drawn together here */
	uint64_t of_kind[REPORT_KINDS];
	struct vm_area_struct *first;
};

struct drawing {
	struct run *runs;
	size_t count, allocated;
	struct report_words names;
	double scale;
	uint64_t areas, bytes;
	unsigned int kinds;
};

static bool add_run(struct drawing *d, struct vm_area_struct *vma, uint32_t name)
{
	size_t size = d->allocated ? d->allocated * 2 : 64;
	struct run *grown = d->runs;

	if (d->count == d->allocated) {
		grown = realloc(d->runs, size * sizeof(*grown));
		if (!grown)
			return false;
		d->runs = grown;
		d->allocated = size;
	}
	d->runs[d->count++] = (struct run){ .start = vma->vm_start, .name = name, .runs = 1, .first = vma };
	return true;
}

static bool take_areas(struct drawing *d, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	char text[4096];

	for_each_vma (vmi, vma) {
		uint32_t name = report_word(&d->names, vma_name(vma, text, sizeof(text)));
		struct run *last = d->count ? &d->runs[d->count - 1] : NULL;
		uint64_t bytes = vma->vm_end - vma->vm_start;

		if (name == UINT32_MAX)
			return false;
		if ((!last || last->name != name || vma->vm_start - last->end >= LARGE_GAP) &&
			!add_run(d, vma, name))
			return false;
		last = &d->runs[d->count - 1];
		last->end = vma->vm_end;
		last->bytes += bytes;
		last->areas++;
		last->of_kind[report_kind_of(vma)] += bytes;
		d->kinds |= 1u << report_kind_of(vma);
		d->areas++;
		d->bytes += bytes;
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What is smaller than the ROWS largest joins its neighbours that are. */
static bool join_small(struct drawing *d)
{
	uint64_t *sizes, smallest;
	size_t kept = 0;

	if (d->count <= ROWS)
		return true;
	sizes = malloc(d->count * sizeof(*sizes));
	if (!sizes)
		return false;
	for (size_t i = 0; i < d->count; i++)
		sizes[i] = d->runs[i].bytes;
	qsort(sizes, d->count, sizeof(*sizes), by_bytes);
	smallest = sizes[ROWS];
	free(sizes);
	for (size_t i = 0; i < d->count; i++) {
		struct run *run = &d->runs[i], *last = kept ? &d->runs[kept - 1] : NULL;

		if (!last || run->bytes > smallest || last->bytes > smallest * last->runs ||
			run->start - last->end >= (uint64_t)LARGE_GAP << 20) {
			d->runs[kept++] = *run;
			continue;
		}
		last->end = run->end;
		last->bytes += run->bytes;
		last->areas += run->areas;
		last->runs += run->runs;
		for (int k = 0; k < REPORT_KINDS; k++)
			last->of_kind[k] += run->of_kind[k];
	}
	d->count = kept;
	return true;
}

static double width_of(uint64_t bytes)
{
	return 3 + log2(1 + (double)bytes / 4096);
}

static bool is_summed(const struct run *run)
{
	return run->runs > 1 || run->areas > BAR_AREAS;
}

static double bar_width(const struct run *run)
{
	const struct vm_area_struct *vma = run->first;
	double width = 0;

	for (int k = 0; is_summed(run) && k < REPORT_KINDS; k++)
		width += run->of_kind[k] ? width_of(run->of_kind[k]) : 0;
	for (uint32_t i = 0; !is_summed(run) && i < run->areas; i++) {
		width += width_of(vma->vm_end - vma->vm_start);
		vma = find_vma(vma->vm_mm, vma->vm_end);
	}
	return width;
}

static double put_box(FILE *out, double x, int y, double width, int kind, const char *what, uint64_t bytes)
{
	char size[32];

	fprintf(out,
		"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"><title>%s, "
		"%s</title></rect>\n",
		x, y + 2, width > 1.6 ? width - 0.8 : width, ROW - 5, report_kind_colors[kind], what,
		size_text(bytes, size, sizeof(size)));
	return x + width;
}

static void put_bar(FILE *out, const struct drawing *d, const struct run *run, int y)
{
	const struct vm_area_struct *vma = run->first;
	double x = BAR_X;
	char prot[5];

	for (int k = 0; is_summed(run) && k < REPORT_KINDS; k++)
		if (run->of_kind[k])
			x = put_box(out, x, y, width_of(run->of_kind[k]) * d->scale, k, report_kind_names[k],
				run->of_kind[k]);
	for (uint32_t i = 0; !is_summed(run) && i < run->areas; i++) {
		uint64_t bytes = vma->vm_end - vma->vm_start;

		snprintf(prot, sizeof(prot), "%c%c%c%c", vma->vm_flags & VM_READ ? 'r' : '-',
			vma->vm_flags & VM_WRITE ? 'w' : '-', vma->vm_flags & VM_EXEC ? 'x' : '-',
			vma->vm_flags & VM_MAYSHARE ? 's' : 'p');
		x = put_box(out, x, y, width_of(bytes) * d->scale, report_kind_of(vma), prot, bytes);
		vma = find_vma(vma->vm_mm, vma->vm_end);
	}
}

/* The name's end says more than its beginning. */
static void put_name(FILE *out, const struct drawing *d, const struct run *run)
{
	const char *name = d->names.word[run->name], *slash = strrchr(name, '/');
	char size[32];

	if (run->runs > 1)
		fprintf(out, "%u areas of %u names", run->areas, run->runs);
	else
		picture_text(out, *name ? (slash && slash[1] ? slash + 1 : name) : "anonymous");
	fprintf(out, ", %s", size_text(run->bytes, size, sizeof(size)));
	if (run->runs == 1 && run->areas > 1)
		fprintf(out, " in %u areas", run->areas);
}

static void put_rows(FILE *out, const struct drawing *d)
{
	uint64_t end = 0;
	char size[32];
	int y = TOP;

	for (size_t i = 0; i < d->count; i++) {
		const struct run *run = &d->runs[i];

		if (i && run->start - end >= LARGE_GAP) {
			fprintf(out,
				"<text x=\"%d\" y=\"%d\" fill=\"#667\" font-size=\"11\">%s free</text>\n",
				BAR_X, y + 14, size_text(run->start - end, size, sizeof(size)));
			y += ROW;
		}
		fprintf(out,
			"<text x=\"16\" y=\"%d\" font-family=\"monospace\" font-size=\"11\" "
			"fill=\"#667\">%012" PRIx64 "</text>\n",
			y + 14, run->start);
		put_bar(out, d, run, y);
		fprintf(out, "<text x=\"%d\" y=\"%d\">", BAR_X + BAR_WIDTH + 12, y + 14);
		put_name(out, d, run);
		fputs("</text>\n", out);
		y += ROW;
		end = run->end;
	}
}

static int rows_of(const struct drawing *d)
{
	int rows = 0;

	for (size_t i = 0; i < d->count; i++)
		rows += 1 + (i && d->runs[i].start - d->runs[i - 1].end >= LARGE_GAP);
	return rows;
}

int picture_map(FILE *out, struct mm_struct *mm, const char *title)
{
	struct drawing d = { .scale = 1 };
	bool whole = take_areas(&d, mm) && join_small(&d);
	double widest = 1;
	char size[32];

	if (whole) {
		for (size_t i = 0; i < d.count; i++)
			widest = bar_width(&d.runs[i]) > widest ? bar_width(&d.runs[i]) : widest;
		d.scale = BAR_WIDTH / widest < 8 ? BAR_WIDTH / widest : 8;
		picture_begin(out, WIDTH, TOP + ROW * rows_of(&d) + 16, title);
		fprintf(out,
			"<text x=\"%d\" y=\"24\" text-anchor=\"end\" fill=\"#667\">%" PRIu64
			" areas, %s</text>\n",
			WIDTH - 16, d.areas, size_text(d.bytes, size, sizeof(size)));
		picture_legend(out, 16, 50, d.kinds);
		put_rows(out, &d);
		fputs("</svg>\n", out);
	}
	report_words_free(&d.names);
	free(d.runs);
	return !whole || json_is_incomplete() ? -ENOMEM : ferror(out) ? -(errno ? errno : EIO) : 0;
}
