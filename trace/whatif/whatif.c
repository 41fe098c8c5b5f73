/* SPDX-License-Identifier: MIT */
/*
 * The sink: each event changed, left out or put off, and carried out on a mirror that compares results but not maps.
 *
 * The kernel's maps in the recording are those of the unchanged program, so none is compared.  Where results differ, the
 * program would have gone on otherwise than it did.
 *
 * Invariants: steps of what the mirror gets never go back (a write that was put off has the step of the
 * event in front of which it comes); each event is passed at most once; a map of TRACE_MAP_CHECK is never
 * passed, one of TRACE_MAP_RESYNC always, for then nobody knows what happened, in either program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * The first is kept in words, all are counted: from the first on, what the program did no longer fits
 * what it got. d->expected may have several lines; the first says how the call would have ended.
 */
static void on_difference(void *ctx, const struct replay_difference *d)
{
	struct whatif *w = ctx;
	struct whatif_outcome *o = &w->outcome;

	if (o->otherwise++)
		return;
	o->first_step = d->step;
	o->first_pid = d->pid;
	snprintf(o->first_call, sizeof(o->first_call), "%s", d->call);
	snprintf(o->first_expected, sizeof(o->first_expected), "%.*s", (int)strcspn(d->expected, "\n"),
		d->expected);
}

/* Called by the replay before its first event, while nothing depends on the machine yet. */
static void on_machine(void *ctx, struct mm_system *sys)
{
	const struct whatif *w = ctx;

	if (w->changes.kernel)
		sys->kernel = w->changes.kernel;
	if (w->changes.rmap)
		sys->rmap = w->changes.rmap;
	if (w->changes.max_map_count)
		sys->max_map_count = (int)w->changes.max_map_count;
}

/* An error of the replay is the caller's to see: out of memory, or an event that it cannot carry out. */
static int pass(struct whatif *w, const struct trace_event *e)
{
	return replay_sink(w->replay)->event(replay_sink(w->replay), e);
}

/* 0 or -errno of the mirror; writes behind the one that failed stay held. */
static int release_writes(struct whatif *w, uint64_t step)
{
	struct trace_event write;
	int err = 0;

	while (!err && late_release(&w->late, step, &write))
		err = pass(w, &write);
	return err;
}

/* What is left out costs nothing and is not told: only outcome.changed counts it (whatif_call()). */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct whatif *w = (struct whatif *)sink;
	struct trace_event changed = *e;
	int err = release_writes(w, e->step);

	if (err)
		return err;
	switch (e->type) {
	case TRACE_EVENT_MAP:
		if (e->map.reason == TRACE_MAP_CHECK)
			return 0;
		/*
		 * It tells of changes that no event told of: of those nobody knows what they would have
		 * been.
		 */
		w->outcome.unseen += e->map.reason == TRACE_MAP_RESYNC;
		break;
	case TRACE_EVENT_FAULT:
		err = w->changes.touch_late ? late_hold(&w->late, e) : 0;
		w->outcome.changed += err > 0;
		if (err)
			return err < 0 ? err : 0;
		break;
	case TRACE_EVENT_CALL:
		if (!whatif_call(w, &changed))
			return 0;
		break;
	default:
		break;
	}
	return pass(w, &changed);
}

/* @header stays the caller's. Differences of results are wanted, so this replay is not unchecked. */
struct whatif *whatif_new(const struct trace_header *header, const struct whatif_changes *changes)
{
	struct whatif *w = calloc(1, sizeof(*w));
	struct replay_options options = { .difference = on_difference, .machine = on_machine, .ctx = w };

	if (!w)
		return NULL;
	w->sink.event = on_event;
	w->changes = *changes;
	late_begin(&w->late, header->page_size);
	w->replay = replay_new(header, &options);
	if (w->replay)
		return w;
	whatif_free(w);
	return NULL;
}

bool whatif_needs_preparation(const struct whatif *w)
{
	return w->changes.touch_late;
}

int whatif_prepare(struct whatif *w, const struct trace_event *e)
{
	return w->changes.touch_late ? late_prepare(&w->late, e) : 0;
}

struct trace_sink *whatif_sink(struct whatif *w)
{
	return &w->sink;
}

struct replay *whatif_replay(struct whatif *w)
{
	return w->replay;
}

const struct whatif_outcome *whatif_outcome(const struct whatif *w)
{
	return &w->outcome;
}

void whatif_free(struct whatif *w)
{
	if (!w)
		return;
	if (w->replay)
		replay_free(w->replay);
	late_end(&w->late);
	free(w);
}
