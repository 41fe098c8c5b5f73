/* SPDX-License-Identifier: MIT */
/*
 * vmaple why FILE --top: all boundaries of a moment, by reason and by where they were made.
 *
 * Three forms of one table (explain_table()): for people by sums of reasons, each with its culprits; as
 * JSON a flat list of culprits; folded, a line for each stack. Events and sites in it are valid until the
 * ledger's next event, of which there is none behind the moment.
 */
#include <inttypes.h>
#include <string.h>

#include "culprits.h"
#include "why.h"

/* The example is two addresses that `vmaple why FILE` takes as they stand. */
static void print_culprit(const struct explain_table *t, const struct culprit *c, const struct code *code)
{
	const struct explain_group *g = &c->group;
	char stack[2048], areas[32], bytes[32], example[96];

	printf("  %8s %10s %9.1f/s", number_text(g->areas, areas, sizeof(areas)),
		size_text(g->bytes, bytes, sizeof(bytes)), explain_growth(t, g));
	/* A maker's name that does not fit behind the numbers has the next line for itself, whole. */
	printf(strlen(c->made_by) > TEXT_WIDTH - 35 ? "\n      " : "  ");
	print_quoted(stdout, c->made_by, strlen(c->made_by));
	printf("\n");
	if (*stack_text(code, g->stack, stack, sizeof(stack)))
		print_wrapped("      by ", stack);
	/* Of the stack that is shown, and of these: all blame one place. */
	if (c->stacks > 1)
		printf("      and %u more %s\n", c->stacks - 1, c->stacks > 2 ? "stacks" : "stack");
	/* The lowest area of all has nobody below it. */
	if (g->left_start == ~0UL)
		snprintf(example, sizeof(example), "e.g. %" PRIx64, g->start);
	else
		snprintf(example, sizeof(example), "e.g. %" PRIx64 " %" PRIx64, g->left_start, g->start);
	printf("%34s%s\n", "", example);
}

/*
 * One reason, or set of reasons, with its places. *shown counts places over all sums: --top=N is N in
 * all.
 *
 * O(culprits) for each sum, of which few are printed. The share is of all areas.
 */
static void print_sum(const struct why *w, const struct explain_table *t, const struct culprits *c,
	const struct reason_sum *sum, uint64_t *shown)
{
	const struct code code = moment_code(&w->moment);
	char names[256], areas[32], bytes[32], line[384];
	uint64_t left = 0;

	snprintf(line, sizeof(line), "%s areas, %.0f%%, %s: %s",
		number_text(sum->areas, areas, sizeof(areas)), 100.0 * (double)sum->areas / (double)t->areas,
		size_text(sum->bytes, bytes, sizeof(bytes)),
		explain_reason_names(sum->main_reasons, names, sizeof(names)));
	printf("\n");
	print_wrapped("", line);
	for (size_t i = 0; i < c->count; i++) {
		if (c->list[i].group.main_reasons != sum->main_reasons)
			continue;
		if ((*shown)++ < w->top)
			print_culprit(t, &c->list[i], &code);
		else
			left += c->list[i].group.areas;
	}
	/* Places behind the N that were asked for: their areas are still counted here. */
	if (left)
		printf("  %8s from elsewhere\n", number_text(left, areas, sizeof(areas)));
}

/* max_map_count is the recording's. Reasons behind the last that got a place are counted. */
static void print_top(const struct why *w, const struct explain_table *t, const struct culprits *c)
{
	const struct moment *m = &w->moment;
	const struct trace_header *h = trace_reader_header(m->reader);
	char number[32], size[32], step[32], clock[16], line[512];
	uint64_t shown = 0;
	size_t i;

	clock_text(h, m->last.time_ns, clock, sizeof(clock));
	snprintf(line, sizeof(line),
		"process %u at step %s, %.3f s%s%s%s: %s areas, %s; max_map_count %" PRIu64, m->mm_pid,
		number_text(m->last.step, step, sizeof(step)), (double)m->last.time_ns / 1e9,
		*clock ? ", at " : "", clock, m->kind == MOMENT_PEAK ? ", its peak" : "",
		number_text(t->areas, number, sizeof(number)), size_text(t->bytes, size, sizeof(size)),
		h->max_map_count);
	print_wrapped("", line);
	snprintf(line, sizeof(line),
		"%s of them (%.0f%%) need not be: they differ from their neighbour in "
		"nothing that the program asked for",
		number_text(t->needless, number, sizeof(number)),
		t->areas ? 100.0 * (double)t->needless / (double)t->areas : 0.0);
	print_wrapped("", line);
	printf("\n  %8s %10s %11s  %s\n", "areas", "size", "growth", "made by");
	/* Sums are sorted, so that N places are those of the most frequent reasons first. */
	for (i = 0; i < c->nr_sums && shown < w->top; i++)
		print_sum(w, t, c, &c->sums[i], &shown);
	if (i < c->nr_sums)
		printf("\n... and %zu more reasons; --top=%" PRIu64 " shows more\n", c->nr_sums - i,
			10 * w->top);
}

/* Innermost first; empty without a stack. */
static json_t *frames_json(const struct code *code, uint32_t stack)
{
	json_t *frames = json_array();
	char text[160];

	for (uint32_t i = 0; i < frames_of(code, stack); i++)
		json_push(frames, json_text(frame_text(code, stack, i, text, sizeof(text))));
	return frames;
}

/* call and frames only where there is one; example has one address where nothing lies below. */
static json_t *culprit_json(const struct explain_table *t, const struct culprit *c, const struct code *code)
{
	const struct explain_group *g = &c->group;
	const char *call = trace_call_name(g->call_nr);
	json_t *pair = json_array();

	if (g->left_start != ~0UL)
		json_push(pair, json_integer((json_int_t)g->left_start));
	json_push(pair, json_integer((json_int_t)g->start));
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:f, s:o, s:o}", "reasons",
		reasons_json(g->main_reasons), "needless", (int)g->needless, "call",
		g->birth_type == TRACE_EVENT_CALL && call ? json_string(call) : json_null(), "made_by",
		json_text(c->made_by), "site", site_json(g->site), "stack", (json_int_t)g->stack, "frames",
		frames_json(code, g->stack), "stacks", (json_int_t)c->stacks, "areas", (json_int_t)g->areas,
		"bytes", (json_int_t)g->bytes, "growth_per_second", explain_growth(t, g), "example", pair,
		"birth", event_json(g->example));
}

/* The first w->top culprits, whatever their reasons are: a flat list, most areas first. */
static int print_top_json(const struct why *w, const struct explain_table *t, const struct culprits *c)
{
	const struct code code = moment_code(&w->moment);
	json_t *groups = json_array();

	for (size_t i = 0; i < c->count && i < w->top; i++)
		json_push(groups, culprit_json(t, &c->list[i], &code));
	return print_json(
		json_pack("{s:i, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o}", "pid", (int)w->moment.mm_pid,
			"started", (json_int_t)trace_reader_header(w->moment.reader)->start_time, "step",
			(json_int_t)w->moment.last.step, "seconds", (double)w->moment.last.time_ns / 1e9,
			"areas", (json_int_t)t->areas, "bytes", (json_int_t)t->bytes, "needless",
			(json_int_t)t->needless, "groups_in_all", (json_int_t)c->count, "groups", groups));
}

/*
 * A frame for flame graph tools: semicolons inside would make two, and a line is one stack. Control
 * characters, too: a name is the recorded program's.
 */
static void print_frame(const char *text)
{
	for (; *text; text++)
		putchar(*text == ';' || (unsigned char)*text < ' ' ? '_' : *text);
}

/*
 * "reason;main;...;innermost;call N", or without a stack "reason;call at site N": one line a group. Not
 * joined by maker as the tables are: flame graph tools add up what is alike, and want every stack.
 */
static void print_folded(const struct why *w, const struct explain_table *t)
{
	const struct code code = moment_code(&w->moment);
	char text[512];

	for (size_t i = 0; i < t->count; i++) {
		const struct explain_group *g = &t->groups[i];
		uint32_t frames = frames_of(&code, g->stack);
		const char *call = trace_call_name(g->call_nr);

		print_frame(explain_reason_names(g->main_reasons, text, sizeof(text)));
		/* Outermost first, as flame graph tools stack them. */
		for (uint32_t k = frames; k-- > 0;) {
			putchar(';');
			print_frame(frame_text(&code, g->stack, k, text, sizeof(text)));
		}
		putchar(';');
		print_frame(frames ? (call ? call : "a call") : made_by_group(&code, g, text, sizeof(text)));
		printf(" %" PRIu64 "\n", g->areas);
	}
}

/* 0, or STATUS_FAILED, said. */
static int print_table(const struct why *w, const struct explain_table *t)
{
	const struct code code = moment_code(&w->moment);
	struct culprits c;
	int status = 0;

	if (culprits_of(t, &code, &c))
		return out_of_memory("why", 0);
	if (w->json)
		status = print_top_json(w, t, &c);
	else
		print_top(w, t, &c);
	culprits_free(&c);
	return status;
}

/* An exit status. What had no memory for its name is told by why.c behind it. */
int why_top(struct why *w)
{
	struct explain_table t;
	int status = 0;

	if (explain_table(w->moment.x, w->moment.mm, &t))
		return out_of_memory("why", 0);
	if (w->folded)
		print_folded(w, &t);
	else
		status = print_table(w, &t);
	explain_table_free(&t);
	return status;
}
