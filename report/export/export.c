/* SPDX-License-Identifier: MIT */
/*
 * From events to rows: which address spaces live, and what of them is due.
 *
 * An address space ends before the event that ends it, as long as it is there to be looked at.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "../../cli/made_by.h"
#include "rows.h"

/* Rows of counts over the time of the recording, at most. */
#define MOMENTS 2000

/* ---- filling a row ---- */

void row_begin(struct export *x)
{
	const struct export_run *run = x->run;

	x->filled = 0;
	row_text(x, run->run_id);
	row_text(x, run->host);
	row_text(x, run->build);
	row_text(x, run->header->kernel);
}

void row_null(struct export *x)
{
	x->row[x->filled++] = (struct export_value){ .has = EXPORT_NULL };
}

void row_integer(struct export *x, uint64_t value)
{
	x->row[x->filled++] = (struct export_value){ .has = EXPORT_HAS_INTEGER, .integer = (int64_t)value };
}

/* Most text is what it will be: printable ASCII without what the form of docs/json.md would change. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~' ||
			(text[0] == '\\' && text[1] == 'x'))
			return false;
	return true;
}

void row_text(struct export *x, const char *text)
{
	json_t *made = NULL;

	if (text && !is_plain(text)) {
		made = json_text(text);
		text = made ? json_string_value(made) : NULL;
		x->err = made || x->err ? x->err : -ENOMEM;
		x->held[x->filled] = made;
	}
	x->row[x->filled++] =
		(struct export_value){ .has = text ? EXPORT_HAS_TEXT : EXPORT_NULL, .text = text };
}

void row_end(struct export *x, enum export_table table)
{
	int err = x->err || !x->run->wanted[table] ? 0 : x->writer->row(x->writer, table, x->row);

	x->err = x->err ? x->err : err;
	for (int i = 0; i < x->filled; i++) {
		json_decref(x->held[i]);
		x->held[i] = NULL;
	}
}

/* ---- address spaces ---- */

static void on_ended(void *ctx, const struct life *life)
{
	struct export_space *s = ctx;

	row_of_life(s->x, s, life);
}

static struct export_space *space_begin(
	struct export *x, uint32_t mm, uint32_t pid, const struct trace_event *e)
{
	struct export_space *s = calloc(1, sizeof(*s));

	if (!s || mtree_store(&x->spaces, mm, s, GFP_KERNEL)) {
		free(s);
		x->err = -ENOMEM;
		return NULL;
	}
	*s = (struct export_space){ .survey = survey_find(x->survey, mm),
		.x = x,
		.mm = mm,
		.pid = pid,
		.begin_ns = e->time_ns,
		.begin_step = e->step };
	lives_begin(&s->lives, mm, &x->names, x->run->wanted[EXPORT_AREAS] ? on_ended : NULL, s);
	if (e->type == TRACE_EVENT_FORK)
		s->parent_mm = e->mm;
	else if (e->type == TRACE_EVENT_SPACE)
		s->program = strdup(e->space.path);
	return s;
}

static void space_free(struct export *x, struct export_space *s)
{
	mtree_erase(&x->spaces, s->mm);
	lives_end(&s->lives);
	free(s->program);
	free(s->told);
	free(s);
}

static void space_end(struct export *x, struct export_space *s, struct explain *ledger)
{
	s->lives.mm = replay_space(explain_replay(ledger), s->mm);
	if (s->lives.mm && s->most && x->run->wanted[EXPORT_COUNTS])
		row_of_counts(x, s, s->end_step, s->end_ns);
	x->ending = true;
	lives_end(&s->lives);
	x->ending = false;
	row_of_space(x, s);
	space_free(x, s);
}

/* ---- events ---- */

static void look_at_counts(struct export *x, struct export_space *s, const struct trace_event *e)
{
	uint64_t step = (x->survey->end_ns - x->survey->begin_ns) / MOMENTS;

	s->areas = (uint64_t)s->lives.mm->map_count;
	s->splits = s->lives.mm->counters.splits;
	s->merges = s->lives.mm->counters.merges;
	s->most = s->areas > s->most ? s->areas : s->most;
	if (e->time_ns < s->next_ns || !s->areas || !x->run->wanted[EXPORT_COUNTS])
		return;
	row_of_counts(x, s, e->step, e->time_ns);
	s->most = 0;
	s->next_ns = e->time_ns + (step ? step : 1);
}

static void space_event(
	struct export *x, struct export_space *s, struct explain *ledger, const struct trace_event *e)
{
	if (!lives_event(&s->lives, ledger, e))
		return;
	s->end_ns = e->time_ns;
	s->end_step = e->step;
	if (e->mm == s->mm) {
		s->faults += e->type == TRACE_EVENT_FAULT;
		s->failed += e->type == TRACE_EVENT_CALL && e->call.result < 0 && e->call.result >= -4095;
	}
	look_at_counts(x, s, e);
	if (s->survey && s->survey->peak_step == e->step && x->run->wanted[EXPORT_BOUNDARIES])
		rows_of_boundaries(x, s, s->lives.mm);
	if (s->lives.no_memory && !x->err)
		x->err = -ENOMEM;
}

int export_before(struct export *x, struct explain *ledger, const struct trace_event *e)
{
	struct export_space *s = e->mm ? mtree_load(&x->spaces, e->mm) : NULL;

	if (!x->err && s && e->type == TRACE_EVENT_EXIT && e->exit.last) {
		s->end_ns = s->lives.now_ns = e->time_ns;
		s->end_step = s->lives.now_step = e->step;
		space_end(x, s, ledger);
	}
	return x->err;
}

int export_event(struct export *x, struct explain *ledger, const struct trace_event *e)
{
	struct export_space *s = e->mm ? mtree_load(&x->spaces, e->mm) : NULL;

	if (x->symbols && symbols_event(x->symbols, e))
		x->err = -ENOMEM;
	if (!s && e->mm && replay_space(explain_replay(ledger), e->mm))
		s = space_begin(x, e->mm, e->pid, e);
	if (s && e->type == TRACE_EVENT_CALL)
		rows_of_stack(x, s, e->call.stack);
	if (s)
		space_event(x, s, ledger, e);
	if (e->type == TRACE_EVENT_FORK && !x->err) {
		struct export_space *child = space_begin(x, e->fork.child_mm, e->fork.child_pid, e);

		if (child)
			space_event(x, child, ledger, e);
	}
	if (x->run->wanted[EXPORT_EVENTS])
		row_of_event(x, ledger, e);
	return x->err;
}

/* ---- the interface ---- */

struct export *export_begin(
	const struct export_run *run, const struct survey *survey, struct export_writer *writer)
{
	bool wants_names = run->wanted[EXPORT_STACKS] || run->wanted[EXPORT_BOUNDARIES];
	struct export *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->run = run;
	x->survey = survey;
	x->writer = writer;
	mt_init_flags(&x->spaces, 0);
	/* Who made a boundary is said by its stack. */
	x->symbols = wants_names ? symbols_new() : NULL;
	if (wants_names && (!x->symbols || symbols_recording(x->symbols, run->path))) {
		export_free(x);
		return NULL;
	}
	row_of_run(x);
	return x;
}

int export_end(struct export *x, struct explain *ledger)
{
	unsigned long index = 0;
	struct export_space *s;

	for (s = mt_find(&x->spaces, &index, ULONG_MAX); s; s = mt_find(&x->spaces, &index, ULONG_MAX))
		space_end(x, s, ledger);
	if (!x->err && names_lacked_memory(x->symbols))
		x->err = -ENOMEM;
	return x->err;
}

void export_free(struct export *x)
{
	unsigned long index = 0;
	struct export_space *s;

	x->err = x->err ? x->err : -ECANCELED; /* nothing more is written */
	for (s = mt_find(&x->spaces, &index, ULONG_MAX); s; s = mt_find(&x->spaces, &index, ULONG_MAX))
		space_free(x, s);
	mtree_destroy(&x->spaces);
	report_words_free(&x->names);
	if (x->symbols)
		symbols_free(x->symbols);
	free(x);
}
