/* SPDX-License-Identifier: MIT */
/*
 * The page: what everybody can read without a script (summary, reasons, culprits, free areas), then the data, then the script.
 *
 * 1. Harmless.  Everything that comes from a recording is escaped here, or is data: JSON with every '<' as \u003c, in a script
 *    element that is not run.  The content security policy permits our own script, by its hash, and nothing else; the
 *    script makes text nodes of data, never markup.
 * 2. Size.  Rects are made fewer, of the address spaces that are shown last first, until the whole page fits.
 */
#include "page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/text.h"
#include "../lab/markup.h"
#include "page_data.h"
#include "report_assets.h"

#define TABLE_ROWS 40

/* Bytes that are not UTF-8 as \xHH, as in every JSON of this command. */
static void put_bytes(FILE *out, const char *text)
{
	json_t *string = json_text(text);

	put_markup(out, string ? json_string_value(string) : "?");
	json_decref(string);
}

static void put_fact(FILE *out, const char *what, const char *value)
{
	fprintf(out, "<dt>%s<dd>", what);
	put_bytes(out, value);
	fputc('\n', out);
}

static void put_peak(const struct report *r, uint64_t max_map_count, FILE *out)
{
	const struct explain_table *t = &r->table;
	char number[32], size[32], step[32], limit[32], text[512];

	snprintf(text, sizeof(text), "%s at step %s, after %.3f s; max_map_count %s (%.1f%%)",
		number_text(t->areas, number, sizeof(number)),
		number_text(r->survey->peak_step, step, sizeof(step)), (double)r->survey->peak_ns / 1e9,
		number_text(max_map_count, limit, sizeof(limit)),
		max_map_count ? 100.0 * (double)t->areas / (double)max_map_count : 0.0);
	put_fact(out, "most areas", text);
	snprintf(text, sizeof(text),
		"%s (%.0f%%): they differ from their neighbour in nothing that the program asked for",
		number_text(t->needless, number, sizeof(number)),
		t->areas ? 100.0 * (double)t->needless / (double)t->areas : 0.0);
	put_fact(out, "need not be", text);
	put_fact(out, "mapped then", size_text(t->bytes, size, sizeof(size)));
}

static void put_merged(const struct report *r, FILE *out)
{
	char text[512], joined[32], left_out[32], lived[64] = "", smaller[64] = "";

	if (!r->joined && !r->left_out)
		return;
	if (r->shortest_ns)
		snprintf(lived, sizeof(lived), " that lived less than %.3f ms", (double)r->shortest_ns / 1e6);
	if (r->smallest)
		snprintf(smaller, sizeof(smaller), " %s smaller than %" PRIu64 " KiB",
			*lived ? "or were" : "that were", r->smallest >> 10);
	snprintf(text, sizeof(text),
		"areas of process %u%s%s: %s are drawn as one with what was in their place just before or "
		"after, %s are not drawn",
		r->survey->pid, lived, smaller, number_text(r->joined, joined, sizeof(joined)),
		number_text(r->left_out, left_out, sizeof(left_out)));
	put_fact(out, "merged", text);
}

static void put_words(FILE *out, uint64_t untold)
{
	char text[128], number[32];

	if (!untold)
		return;
	snprintf(text, sizeof(text), "%s, for which a page of this size has no room",
		number_text(untold, number, sizeof(number)));
	put_fact(out, "names and places not told", text);
}

static void put_summary(const struct report_page *p, uint64_t untold, FILE *out)
{
	const struct report *r = p->spaces[0];
	char text[512], calls[32], splits[32], merges[32];

	fputs("<dl>", out);
	put_fact(out, "command", p->header->command);
	snprintf(text, sizeof(text), "%u, one of %" PRIu64 "; Linux %s", r->survey->pid, p->stats.processes,
		p->header->kernel);
	put_fact(out, "process", text);
	put_peak(r, p->header->max_map_count, out);
	snprintf(text, sizeof(text), "%s; %s splits, %s merges",
		number_text(p->stats.calls, calls, sizeof(calls)),
		number_text(p->stats.splits, splits, sizeof(splits)),
		number_text(p->stats.merges, merges, sizeof(merges)));
	put_fact(out, "mapping calls", text);
	for (int i = 0; i < p->nr_spaces; i++)
		put_merged(p->spaces[i], out);
	put_words(out, untold);
	fputs("</dl>\n", out);
}

/* The others in words; with a script each can be chosen. */
static void put_spaces(const struct report_page *p, FILE *out)
{
	char number[32];

	if (p->nr_spaces < 2)
		return;
	fputs("<table id=spaces><caption>Address spaces with the most areas</caption><thead><tr><th "
	      "class=n>process<th "
	      "class=n>most areas<th class=n>mapping calls<th>program</thead><tbody>\n",
		out);
	for (int i = 0; i < p->nr_spaces; i++) {
		const struct report *r = p->spaces[i];

		fprintf(out, "<tr><td class=n>%u<td class=n>%s", r->survey->pid,
			number_text(r->survey->peak_areas, number, sizeof(number)));
		fprintf(out, "<td class=n>%s<td>", number_text(r->lives.calls, number, sizeof(number)));
		put_bytes(out, r->program ? r->program : "by fork");
		fputc('\n', out);
	}
	fputs("</tbody></table>\n", out);
	if (p->all_spaces > (uint64_t)p->nr_spaces)
		fprintf(out, "<p>and %" PRIu64 " more.</p>\n", p->all_spaces - (uint64_t)p->nr_spaces);
}

static void put_reasons(const struct report_page *p, FILE *out)
{
	const struct explain_table *t = &p->spaces[0]->table;
	const struct culprits *c = &p->spaces[0]->culprits;
	char names[256], number[32], size[32];

	fputs("<table id=reasons><caption>Why areas are apart, at the peak</caption>\n<thead><tr><th "
	      "class=n>areas"
	      "<th class=n>size<th class=n>growth a second<th>reason<th>made by</thead><tbody>\n",
		out);
	for (size_t i = 0; i < c->count && i < TABLE_ROWS; i++) {
		const struct explain_group *g = &c->list[i].group;

		fprintf(out, "<tr><td class=n>%s<td class=n>%s<td class=n>%.1f<td>%s%s<td>",
			number_text(g->areas, number, sizeof(number)),
			size_text(g->bytes, size, sizeof(size)), explain_growth(t, g),
			explain_reason_names(g->main_reasons, names, sizeof(names)),
			g->needless ? " (need not be)" : "");
		put_bytes(out, c->list[i].made_by);
		fputc('\n', out);
	}
	fputs("</tbody></table>\n", out);
	fputs("<p id=morereasons>", out);
	if (c->count > TABLE_ROWS)
		fprintf(out, "and %zu more groups.", c->count - TABLE_ROWS);
	fputs("</p>\n", out);
}

static void put_gaps(const struct report_page *p, FILE *out)
{
	char size[32];

	fputs("<table><caption>Largest free ranges, at the end</caption><thead><tr><th>range<th "
	      "class=n>size</thead><tbody>\n",
		out);
	for (int i = 0; i < p->stats.nr_gaps; i++)
		fprintf(out, "<tr><td><code>%012" PRIx64 "-%012" PRIx64 "</code><td class=n>%s\n",
			(uint64_t)p->stats.gaps[i].start, (uint64_t)p->stats.gaps[i].end,
			size_text(p->stats.gaps[i].end - p->stats.gaps[i].start, size, sizeof(size)));
	fputs("</tbody></table>\n", out);
}

/* ---- the whole ---- */

static void put_page(const struct report_page *p, const struct page_data *d, FILE *out)
{
	fprintf(out,
		"<!doctype html>\n<html lang=en><meta charset=utf-8>\n<meta name=viewport "
		"content='width=device-width'>\n"
		"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
		"'sha256-%s'; "
		"script-src 'sha256-%s'\">\n<title>vmaple: ",
		report_css_hash, report_js_hash);
	put_bytes(out, p->header->command);
	fprintf(out, "</title>\n<style>%s</style>\n%s", report_css, report_html_head);
	put_summary(p, d->untold, out);
	put_spaces(p, out);
	fputs(report_html_views, out);
	put_reasons(p, out);
	put_gaps(p, out);
	fputs(report_html_tail, out);
	fputs("<script type=application/json id=meta>", out);
	for (const char *c = d->meta; *c; c++)
		*c == '<' ? fputs("\\u003c", out) : fputc(*c, out);
	fputs("</script>\n<script type=text/plain id=data>", out);
	fwrite(d->columns, 1, d->columns_len, out);
	fprintf(out, "</script>\n<script>%s</script>\n</html>\n", report_js);
}

/* The page as text. */
static int page_text(const struct report_page *p, char **text, size_t *len)
{
	struct page_data d;
	int err = page_data_make(&d, p);
	FILE *out = err ? NULL : open_memstream(text, len);

	if (!out) {
		page_data_free(&d);
		return -ENOMEM;
	}
	put_page(p, &d, out);
	page_data_free(&d);
	/* Where the last of the memory fails the stream ends well, without its text. */
	if (!fclose(out) && *text && !json_is_incomplete())
		return 0;
	free(*text);
	return -ENOMEM;
}

/* Less of what is shown last; false: nothing is left. */
static bool leave_out_of_some(const struct report_page *p)
{
	for (int i = p->nr_spaces - 1; i >= 0; i--) {
		if (p->spaces[i]->nr_rects) {
			report_coarsen(p->spaces[i], p->spaces[i]->nr_rects / 2);
			return true;
		}
	}
	return false;
}

int report_page_write(const struct report_page *p, FILE *out)
{
	struct progress progress;
	char *text = NULL;
	size_t len = 0;
	int err;

	progress_begin(&progress);
	while (!(err = page_text(p, &text, &len)) && len > p->max_size) {
		free(text);
		err = -EFBIG;
		if (!leave_out_of_some(p))
			break;
		progress_seconds(&progress, "making it smaller");
	}
	progress_end(&progress);
	if (err)
		return err;
	fwrite(text, 1, len, out);
	free(text);
	return 0;
}
