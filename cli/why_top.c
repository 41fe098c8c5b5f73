/* SPDX-License-Identifier: MIT */
/* vmaple why FILE --top: all boundaries of a moment, by reason and by where they were made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

/* Groups of a table that have the same main reasons. */
struct reason_sum {
	uint32_t main_reasons;
	uint64_t areas, bytes, young;
};

static int by_areas(const void *a, const void *b)
{
	const struct reason_sum *r = a, *s = b;

	return r->areas != s->areas ? (r->areas < s->areas ? 1 : -1)
				    : (int)(r->main_reasons > s->main_reasons) * 2 - 1;
}

/* Most areas first. NULL: out of memory. */
static struct reason_sum *sums_of(const struct explain_table *t, size_t *count)
{
	struct reason_sum *sums = calloc(t->count + 1, sizeof(*sums));
	size_t n = 0, k;

	for (size_t i = 0; sums && i < t->count; i++) {
		const struct explain_group *g = &t->groups[i];

		for (k = 0; k < n && sums[k].main_reasons != g->main_reasons; k++)
			;
		n += k == n;
		sums[k].main_reasons = g->main_reasons;
		sums[k].areas += g->areas;
		sums[k].bytes += g->bytes;
		sums[k].young += g->young;
	}
	if (sums)
		qsort(sums, n, sizeof(*sums), by_areas);
	*count = n;
	return sums;
}

static const char *birth_text(const struct explain_group *g, char *buf, size_t size)
{
	char where[160];
	const char *call = trace_call_name(g->call_nr);

	if (!g->example)
		snprintf(buf, size, "before the recording");
	else if (g->example->type != TRACE_EVENT_CALL)
		snprintf(buf, size, "%s",
			g->example->type == TRACE_EVENT_FAULT ? "a stack that grew"
							      : "exec, or there before");
	else
		snprintf(buf, size, "%s at %s", call ? call : "a call",
			site_text(g->site, where, sizeof(where)));
	return buf;
}

static void print_group(const struct explain_table *t, const struct explain_group *g)
{
	char text[320], areas[32], bytes[32], example[96];

	printf("  %8s %10s %9.1f/s  ", number_text(g->areas, areas, sizeof(areas)),
		size_text(g->bytes, bytes, sizeof(bytes)), explain_growth(t, g));
	birth_text(g, text, sizeof(text));
	if (strlen(text) <= TEXT_WIDTH - 34)
		printf("%s\n", text);
	else
		printf("\n      %s\n", text);
	if (g->left_start == ~0UL)
		snprintf(example, sizeof(example), "e.g. %" PRIx64, g->start);
	else
		snprintf(example, sizeof(example), "e.g. %" PRIx64 " %" PRIx64, g->left_start, g->start);
	printf("%34s%s\n", "", example);
}

static void print_sum(
	const struct explain_table *t, const struct reason_sum *sum, uint64_t *shown, uint64_t limit)
{
	char names[256], areas[32], bytes[32], line[384];
	uint64_t left = 0;

	snprintf(line, sizeof(line), "%s areas, %.0f%%, %s: %s",
		number_text(sum->areas, areas, sizeof(areas)), 100.0 * (double)sum->areas / (double)t->areas,
		size_text(sum->bytes, bytes, sizeof(bytes)),
		explain_reason_names(sum->main_reasons, names, sizeof(names)));
	printf("\n");
	print_wrapped("", line);
	for (size_t i = 0; i < t->count; i++) {
		if (t->groups[i].main_reasons != sum->main_reasons)
			continue;
		if ((*shown)++ < limit)
			print_group(t, &t->groups[i]);
		else
			left += t->groups[i].areas;
	}
	if (left)
		printf("  %8s from elsewhere\n", number_text(left, areas, sizeof(areas)));
}

static void print_top(
	const struct why *w, const struct explain_table *t, const struct reason_sum *sums, size_t n)
{
	const struct moment *m = &w->moment;
	const struct trace_header *h = trace_reader_header(m->reader);
	char number[32], size[32], step[32], line[512];
	uint64_t shown = 0;
	size_t i;

	snprintf(line, sizeof(line), "process %u at step %s, %.3f s%s: %s areas, %s; max_map_count %" PRIu64,
		m->mm_pid, number_text(m->last.step, step, sizeof(step)), (double)m->last.time_ns / 1e9,
		m->kind == MOMENT_PEAK ? ", its peak" : "", number_text(t->areas, number, sizeof(number)),
		size_text(t->bytes, size, sizeof(size)), h->max_map_count);
	print_wrapped("", line);
	snprintf(line, sizeof(line),
		"%s of them (%.0f%%) need not be: they differ from their neighbour in "
		"nothing that the program asked for",
		number_text(t->needless, number, sizeof(number)),
		t->areas ? 100.0 * (double)t->needless / (double)t->areas : 0.0);
	print_wrapped("", line);
	printf("\n  %8s %10s %11s  %s\n", "areas", "size", "growth", "made by");
	for (i = 0; i < n && shown < w->top; i++)
		print_sum(t, &sums[i], &shown, w->top);
	if (i < n)
		printf("\n... and %zu more reasons; --top %" PRIu64 " shows more\n", n - i, 10 * w->top);
}

static json_t *group_json(const struct explain_table *t, const struct explain_group *g)
{
	const char *call = trace_call_name(g->call_nr);
	json_t *pair = json_array();

	if (g->left_start != ~0UL)
		json_push(pair, json_integer((json_int_t)g->left_start));
	json_push(pair, json_integer((json_int_t)g->start));
	return json_pack("{s:o, s:b, s:o, s:o, s:I, s:I, s:I, s:f, s:o, s:o}", "reasons",
		reasons_json(g->main_reasons), "needless", (int)g->needless, "call",
		g->example && g->example->type == TRACE_EVENT_CALL && call ? json_string(call) : json_null(),
		"site", site_json(g->site), "stack", (json_int_t)g->stack, "areas", (json_int_t)g->areas,
		"bytes", (json_int_t)g->bytes, "growth_per_second", explain_growth(t, g), "example", pair,
		"birth", event_json(g->example));
}

static int print_top_json(const struct why *w, const struct explain_table *t)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < t->count && i < w->top; i++)
		json_push(groups, group_json(t, &t->groups[i]));
	return print_json(json_pack("{s:i, s:I, s:f, s:I, s:I, s:I, s:I, s:o}", "pid", (int)w->moment.mm_pid,
		"step", (json_int_t)w->moment.last.step, "seconds", (double)w->moment.last.time_ns / 1e9,
		"areas", (json_int_t)t->areas, "bytes", (json_int_t)t->bytes, "needless",
		(json_int_t)t->needless, "groups_in_all", (json_int_t)t->count, "groups", groups));
}

/* "reason;call at site N": one line a group, for flame graph tools. Semicolons inside would make frames. */
static void print_folded(const struct explain_table *t)
{
	char names[256], text[320];

	for (size_t i = 0; i < t->count; i++) {
		const struct explain_group *g = &t->groups[i];

		birth_text(g, text, sizeof(text));
		for (char *p = text; *p; p++)
			if (*p == ';' || *p == '\n')
				*p = '_';
		printf("%s;%s %" PRIu64 "\n", explain_reason_names(g->main_reasons, names, sizeof(names)),
			text, g->areas);
	}
}

static int print_table(const struct why *w, const struct explain_table *t)
{
	size_t n;
	struct reason_sum *sums = sums_of(t, &n);

	if (!sums)
		return out_of_memory("why", 0);
	print_top(w, t, sums, n);
	free(sums);
	return 0;
}

int why_top(struct why *w)
{
	struct explain_table t;
	int status = 0;

	if (explain_table(w->moment.x, w->moment.mm, &t))
		return out_of_memory("why", 0);
	if (w->json)
		status = print_top_json(w, &t);
	else if (w->folded)
		print_folded(&t);
	else
		status = print_table(w, &t);
	explain_table_free(&t);
	return status;
}
