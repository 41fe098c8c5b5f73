/* SPDX-License-Identifier: MIT */
/*
 * The ledger as a sink: each event goes through a replay whose areas carry their lives.
 *
 * Order in on_event(): what was shown ends first, for carrying out the event may end the areas and free the
 * events that it points to; the sweep comes last, when `now` has been noted in every slot that it changed.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

void explain_event_of(struct explain *x, const struct trace_event *e, struct explain_event *event)
{
	*event = (struct explain_event){ .type = e->type,
		.step = e->step,
		.time_ns = e->time_ns,
		.pid = e->pid,
		.tid = e->tid,
		.mm = e->mm };
	switch (e->type) {
	case TRACE_EVENT_CALL:
		event->call = e->call;
		/* It lies in the reader's block, which is gone before anybody looks at the event. */
		event->call.data = NULL;
		event->stack = e->call.stack;
		event->site = site_of(x->sites, replay_space(x->replay, e->mm), e->call.ip);
		/* The address is known and the site is not: only memory can have been wanting. */
		x->no_memory |= e->call.ip && !event->site;
		break;
	case TRACE_EVENT_FAULT:
		event->addr = e->fault.addr;
		break;
	case TRACE_EVENT_FORK:
		event->other_pid = e->fork.child_pid;
		break;
	default:
		break;
	}
}

static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct explain *x = (struct explain *)sink;
	int err;

	if (!x->now_ns)
		x->begin_ns = e->time_ns;
	/* Times are not asked to ascend (check.c); the ledger's clock never goes back. */
	if (e->time_ns > x->now_ns)
		x->now_ns = e->time_ns;
	x->now = e;
	if (x->shown)
		shown_forget(x);
	x->changes.mm = NULL;
	err = x->mirror->event(x->mirror, e);
	x->now = NULL;
	x->noted = 0;
	events_sweep(&x->kept);
	/*
	 * A ledger that could not note something would say what is not so: it stays failed from then on,
	 * and the caller's pump ends.
	 */
	return err ? err : x->no_memory ? -ENOMEM : 0;
}

static void on_difference(void *ctx, const struct replay_difference *d)
{
	struct explain *x = ctx;

	x->options.difference(x->options.ctx, d);
}

static void on_lost(void *ctx, const struct trace_event *e)
{
	struct explain *x = ctx;

	x->options.lost(x->options.ctx, e);
}

static void on_machine(void *ctx, struct mm_system *sys)
{
	struct explain *x = ctx;

	if (x->options.machine)
		x->options.machine(x->options.ctx, sys);
}

static void on_space(void *ctx, struct mm_struct *mm)
{
	struct explain *x = ctx;

	/*
	 * Before the space has its first area: every area of it passes life_open(), and life_of() need
	 * never ask.
	 */
	mm->ops = &x->ops;
	if (x->options.space)
		x->options.space(x->options.ctx, mm);
}

struct explain *explain_new(const struct trace_header *header, const struct replay_options *options)
{
	struct explain *x = calloc(1, sizeof(*x));
	struct replay_options own = *options;

	if (!x)
		return NULL;
	x->sink.event = on_event;
	x->ops = life_operations;
	x->options = *options;
	own.ctx = x;
	/* NULL has to stay NULL: to the replay it means that nobody wants to hear. */
	own.difference = options->difference ? on_difference : NULL;
	own.lost = options->lost ? on_lost : NULL;
	own.machine = on_machine;
	own.space = on_space;
	/* What areas were inherited by is the fork, not what made a copy necessary. */
	own.fork_at_once = true;
	x->sites = sites_new();
	x->replay = replay_new(header, &own);
	if (x->sites && x->replay) {
		x->mirror = replay_sink(x->replay);
		return x;
	}
	explain_free(x);
	return NULL;
}

struct trace_sink *explain_sink(struct explain *x)
{
	return &x->sink;
}

struct replay *explain_replay(struct explain *x)
{
	return x->replay;
}

bool explain_incomplete(const struct explain *x)
{
	return x->no_memory;
}

/* The replay goes first: ending its areas calls life_close(), which needs the pools. */
void explain_free(struct explain *x)
{
	if (!x)
		return;
	if (x->replay)
		replay_free(x->replay);
	kept_free(&x->kept);
	shown_forget(x);
	sites_free(x->sites);
	free(x);
}
