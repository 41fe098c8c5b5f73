/* SPDX-License-Identifier: MIT */
/*
 * Disagreements for a person, each with what was expected and what was found, and counted by what they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "internal.h"

#define REPORT_LINES 12
#define REPORT_SIZE  4096

static const char *observed_line(const struct trace_area *a, char *buf, size_t size)
{
	struct maps_line line = { .start = a->start,
		.end = a->end,
		.vm_flags = vm_flags_of_letters(a->prot, a->shared),
		.offset = a->offset,
		.dev = a->dev,
		.ino = a->ino,
		.name = a->name };

	maps_line_format(&line, buf, size);
	return buf;
}

/* Lines for a report, as many as a person reads. lines counts one more than are shown when there are more. */
struct excerpt {
	char text[REPORT_SIZE];
	size_t len;
	int lines;
};

static void add_line(struct excerpt *x, const char *line)
{
	int n = 0;

	if (x->lines == REPORT_LINES)
		n = snprintf(x->text + x->len, sizeof(x->text) - x->len, "...\n");
	else if (x->lines < REPORT_LINES)
		n = snprintf(x->text + x->len, sizeof(x->text) - x->len, "%s", line);
	x->lines++;
	x->len += (size_t)n;
	if (x->len >= sizeof(x->text))
		x->len = sizeof(x->text) - 1;
}

static bool is_full(const struct excerpt *x)
{
	return x->lines > REPORT_LINES;
}

static void write_excerpts(
	struct space *s, const struct trace_map *part, struct excerpt *expected, struct excerpt *found)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, part->lo, part->hi);
	char line[1024];

	for (; vma && !is_full(expected); vma = find_vma_intersection(&s->mm, vma->vm_end, part->hi)) {
		vma_format(vma, line, sizeof(line));
		add_line(expected, line);
	}
	for (uint32_t i = 0; i < part->count && !is_full(found); i++)
		add_line(found, observed_line(&part->areas[i], line, sizeof(line)));
	if (!expected->lines)
		add_line(expected, "(nothing)\n");
	if (!found->lines)
		add_line(found, "(nothing)\n");
}

/* With what stands before and behind it. */
static void result_text(char *buf, size_t size, const char *before, int64_t result, const char *behind)
{
	char number[16];
	const char *error = result == -TRACE_ERROR_UNSEEN ? "(an error that was not seen)"
							  : trace_error_name((int)-result);

	if (!IS_ERR_VALUE(result)) {
		snprintf(buf, size, "%s%#" PRIx64 "%s", before, (uint64_t)result, behind);
		return;
	}
	snprintf(number, sizeof(number), "%d", (int)-result);
	snprintf(buf, size, "%s-%s%s", before, error ? error : number, behind);
}

static void count(struct replay_stats *st, enum replay_verdict verdict)
{
	switch (verdict) {
	case REPLAY_DIFFERENCE:
		st->differences++;
		break;
	case REPLAY_UNCERTAIN:
		st->uncertain++;
		break;
	case REPLAY_FOREIGN:
		st->foreign++;
		break;
	case REPLAY_OUTSIDE:
		st->outside++;
		break;
	}
}

/* Counts, then calls back; *d is filled up here. Its texts live until this returns. */
static void report(
	struct replay *r, struct space *s, const struct trace_event *e, struct replay_difference *d)
{
	char text[CALL_TEXT] = "";
	size_t n;

	/* What the mirror could not do for want of memory is no difference. */
	if (r->failures != port_failures())
		return;
	count(&r->stats, d->verdict);
	if (!r->options.difference)
		return;
	if (s->call_step) {
		trace_call_text(&s->call, text, sizeof(text));
		n = strlen(text);
		result_text(text + n, sizeof(text) - n, " = ", s->call.result, "");
	}
	d->step = e->step;
	d->call_step = s->call_step;
	d->pid = e->pid;
	d->mm = e->mm;
	d->call = text;
	r->options.difference(r->options.ctx, d);
}

void report_map(struct replay *r, struct space *s, const struct trace_event *e, enum replay_verdict verdict,
	const char *what, const struct trace_map *part)
{
	struct excerpt expected = { .len = 0 }, found = { .len = 0 };
	struct replay_difference d = {
		.verdict = verdict, .what = what, .expected = expected.text, .found = found.text
	};

	write_excerpts(s, part, &expected, &found);
	report(r, s, e, &d);
}

void report_result(struct replay *r, struct space *s, const struct trace_event *e,
	enum replay_verdict verdict, const char *what, int64_t predicted)
{
	char expected[40], found[40];
	struct replay_difference d = {
		.verdict = verdict, .what = what, .expected = expected, .found = found
	};

	result_text(expected, sizeof(expected), "", predicted, "\n");
	result_text(found, sizeof(found), "", e->call.result, "\n");
	report(r, s, e, &d);
}

void report_anon(struct replay *r, struct space *s, const struct trace_event *e, const char *what,
	const char *expected, const char *found)
{
	struct replay_difference d = {
		.verdict = REPLAY_DIFFERENCE, .what = what, .expected = expected, .found = found
	};

	report(r, s, e, &d);
}

void report_doubt(struct replay *r, struct space *s, const struct trace_event *e, const char *what,
	const char *expected, const char *found)
{
	struct replay_difference d = {
		.verdict = REPLAY_UNCERTAIN, .what = what, .expected = expected, .found = found
	};

	if (!r->options.unchecked)
		report(r, s, e, &d);
}
