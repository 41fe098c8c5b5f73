/* SPDX-License-Identifier: MIT */
/*
 * The page: what everybody can read without a script (summary, reasons, culprits, free areas), then the data, then the script.
 *
 * 1. Harmless.  Everything that comes from a recording is escaped here, or is data: JSON with every '<' as \u003c, in a script
 *    element that is not run.  The content security policy permits our own script, by its hash, and nothing else; the
 *    script makes text nodes of data, never markup.
 * 2. Columns.  Numbers are packed column by column, in the order in which script/data.js reads them, for each address space:
 *    rects (start, end, born, ended as doubles; step, lives, reasons, site, name, stack, thread as 32 bits; kind, access, needless
 *    as bytes), samples, free ranges, the areas of the peak.
 * 3. Size.  Rects are made fewer, of the address spaces that are shown last first, until the page fits.
 */
#include "page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/text.h"
#include "../lab/markup.h"
#include "pack.h"
#include "picture.h"
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

static void put_summary(const struct report_page *p, FILE *out)
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

/* ---- data ---- */

static json_t *words_json(const struct report_words *w)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < w->count; i++)
		json_push(list, json_text(w->word[i]));
	return list;
}

static json_t *names_json(const char *(*name)(int i), int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_push(list, json_string(name(i)));
	return list;
}

static const char *reason_name(int i)
{
	return explain_reason_name((enum explain_reason)(1u << i));
}

static const char *reason_key(int i)
{
	return explain_reason_key((enum explain_reason)(1u << i));
}

static const char *kind_name(int i)
{
	return report_kind_names[i];
}

static json_t *space_json(const struct report *r)
{
	json_t *o = json_object();

	json_put(o, "pid", json_integer(r->survey->pid));
	json_put(o, "program", json_text(r->program ? r->program : "by fork"));
	json_put(o, "rects", json_integer(r->nr_rects));
	json_put(o, "samples", json_integer(r->nr_samples));
	json_put(o, "holes", json_integer(r->nr_holes));
	json_put(o, "areas", json_integer(r->nr_areas));
	json_put(o, "most", json_integer((json_int_t)r->survey->peak_areas));
	json_put(o, "begin", json_integer((json_int_t)r->lives.begin_ns));
	json_put(o, "end", json_integer((json_int_t)r->lives.now_ns));
	json_put(o, "peak", json_integer((json_int_t)r->survey->peak_ns));
	json_put(o, "left_out", json_integer((json_int_t)r->left_out));
	json_put(o, "since", json_integer((json_int_t)r->table.begin_ns));
	return o;
}

static void add_stack(const struct report_page *p, json_t *stacks, uint32_t stack, size_t *size)
{
	uint32_t word = stack < p->nr_stacks ? p->stacks[stack] : UINT32_MAX;
	char key[16];

	snprintf(key, sizeof(key), "%u", stack);
	if (word == UINT32_MAX || *size >= p->max_size / 4 || json_object_get(stacks, key))
		return;
	*size += strlen(p->frames->word[word]);
	json_put(stacks, key, json_text(p->frames->word[word]));
}

/* Frames of the stacks that areas have, by number, those of the peaks first; as much as a quarter of the page may be. */
static json_t *stacks_json(const struct report_page *p)
{
	json_t *stacks = json_object();
	size_t size = 0;

	for (int i = 0; i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_areas; k++)
			add_stack(p, stacks, p->spaces[i]->areas[k].stack, &size);
	for (int i = 0; i < p->nr_spaces; i++)
		for (uint32_t k = 0; k < p->spaces[i]->nr_rects; k++)
			add_stack(p, stacks, p->spaces[i]->rects[k].stack, &size);
	return stacks;
}

static const char *kind_color(int i)
{
	return report_kind_colors[i];
}

static void put_json(const struct report_page *p, FILE *out)
{
	json_t *o = json_object(), *spaces = json_array();
	char *text;

	for (int i = 0; i < p->nr_spaces; i++)
		json_push(spaces, space_json(p->spaces[i]));
	json_put(o, "spaces", spaces);
	json_put(o, "limit", json_integer((json_int_t)p->header->max_map_count));
	json_put(o, "started", json_integer((json_int_t)p->header->start_time));
	json_put(o, "kinds", names_json(kind_name, REPORT_KINDS));
	json_put(o, "colors", names_json(kind_color, REPORT_KINDS));
	json_put(o, "reasons", names_json(reason_name, EXPLAIN_REASONS));
	json_put(o, "keys", names_json(reason_key, EXPLAIN_REASONS));
	json_put(o, "names", words_json(p->names));
	json_put(o, "sites", words_json(p->sites));
	json_put(o, "stacks", stacks_json(p));
	text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	for (const char *c = text ? text : "null"; *c; c++)
		*c == '<' ? fputs("\\u003c", out) : fputc(*c, out);
	free(text);
	json_decref(o);
}

#define RECTS(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_rects; i++) \
	pack(data, (r)->rects[i].field)
#define SAMPLES(field, r)                              \
	for (uint32_t i = 0; i < (r)->nr_samples; i++) \
	pack_f64(data, (double)(r)->samples[i].field)
#define HOLES(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_holes; i++) \
	pack(data, (r)->holes[i].field)
#define AREAS(pack, field, r)                        \
	for (uint32_t i = 0; i < (r)->nr_areas; i++) \
	pack(data, (r)->areas[i].field)

static void pack_rects(struct pack *data, const struct report *r)
{
	RECTS(pack_f64, start, r);
	RECTS(pack_f64, end, r);
	RECTS(pack_f64, born_ns, r);
	RECTS(pack_f64, ended_ns, r);
	RECTS(pack_u32, step, r);
	RECTS(pack_u32, lives, r);
	RECTS(pack_u32, reasons, r);
	RECTS(pack_u32, site, r);
	RECTS(pack_u32, name, r);
	RECTS(pack_u32, stack, r);
	RECTS(pack_u32, thread, r);
	RECTS(pack_u8, kind, r);
	RECTS(pack_u8, prot, r);
	RECTS(pack_u8, needless, r);
}

static void pack_numbers(struct pack *data, const struct report *r)
{
	SAMPLES(time_ns, r);
	SAMPLES(step, r);
	SAMPLES(areas, r);
	SAMPLES(bytes, r);
	SAMPLES(needless, r);
	SAMPLES(needless_bytes, r);
	SAMPLES(calls, r);
	SAMPLES(splits, r);
	SAMPLES(merges, r);
	HOLES(pack_f64, time_ns, r);
	HOLES(pack_f64, largest, r);
	HOLES(pack_f64, largest_start, r);
	for (int c = 0; c < REPORT_CLASSES; c++)
		HOLES(pack_u32, ranges[c], r);
}

static void pack_all(struct pack *data, const struct report_page *p)
{
	for (int i = 0; i < p->nr_spaces; i++) {
		const struct report *r = p->spaces[i];

		pack_rects(data, r);
		pack_numbers(data, r);
		AREAS(pack_f64, start, r);
		AREAS(pack_f64, end, r);
		AREAS(pack_f64, born_ns, r);
		AREAS(pack_u32, step, r);
		AREAS(pack_u32, reasons, r);
		AREAS(pack_u32, name, r);
		AREAS(pack_u32, site, r);
		AREAS(pack_u32, stack, r);
		AREAS(pack_u32, thread, r);
		AREAS(pack_u8, kind, r);
		AREAS(pack_u8, prot, r);
		AREAS(pack_u8, needless, r);
	}
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

/* The data as text that leaves room for the rest of the page. NULL: *err. */
static char *data_text(const struct report_page *p, size_t *len, int *err)
{
	struct pack data = { 0 };
	struct progress progress;
	char *text;

	progress_begin(&progress);
	for (;;) {
		pack_all(&data, p);
		text = pack_text(&data, len);
		pack_free(&data);
		*err = text ? 0 : -ENOMEM;
		if (!text || *len <= p->max_size)
			break;
		free(text);
		text = NULL;
		*err = -EFBIG;
		if (!leave_out_of_some(p))
			break;
		progress_seconds(&progress, "making it smaller");
	}
	progress_end(&progress);
	return text;
}

int report_page_write(const struct report_page *p, FILE *out)
{
	size_t len = 0;
	int err = 0;
	char *data = data_text(p, &len, &err);

	if (!data)
		return err;
	fprintf(out,
		"<!doctype html>\n<html lang=en><meta charset=utf-8>\n<meta name=viewport "
		"content='width=device-width'>\n"
		"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
		"'sha256-%s'; "
		"script-src 'sha256-%s'\">\n<title>vmaple: ",
		report_css_hash, report_js_hash);
	put_bytes(out, p->header->command);
	fprintf(out, "</title>\n<style>%s</style>\n%s", report_css, report_html_head);
	put_summary(p, out);
	put_spaces(p, out);
	fputs(report_html_views, out);
	put_reasons(p, out);
	put_gaps(p, out);
	fputs(report_html_tail, out);
	fputs("<script type=application/json id=meta>", out);
	put_json(p, out);
	fputs("</script>\n<script type=text/plain id=data>", out);
	fwrite(data, 1, len, out);
	fprintf(out, "</script>\n<script>%s</script>\n</html>\n", report_js);
	free(data);
	return 0;
}
