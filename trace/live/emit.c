/* SPDX-License-Identifier: MIT */
/*
 * Events on their way to the sink.
 *
 * The program stands still while its call is looked at, and need not while it is mirrored and written down: events wait
 * in a queue until it runs again, in their order, and until there are enough of them: many calls mirrored together find
 * the mirror in the caches.  None waits longer than to the next tick.  What an event points to waits with it, in the same
 * memory.  One that has much to carry (a map) goes at once, behind those that wait.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Flushed from half of both on (emit_is_due()); the other half is for what comes at one stop. */
#define EVENTS  128
#define PAYLOAD 32768

/*
 * The queue: events, and behind one another what they point to.  Made at the first event; without memory
 * for it each event goes at once.
 */
struct pending {
	unsigned int nr;
	size_t used;
	struct trace_event event[EVENTS];
	_Alignas(16) char payload[PAYLOAD];
};

/* The first error stands; deliver() asks nothing more of a sink that has failed. */
static void check_sink(struct live *l, int err)
{
	l->sink_error = err;
	if (err)
		snprintf(l->error, sizeof(l->error),
			"no event was taken after event %llu: %s; the program ran on unrecorded",
			(unsigned long long)l->delivered, strerror(-err));
}

/* given_up: what is behind a first look that was broken off would be taken for a whole one. */
static void deliver(struct live *l, const struct trace_event *e)
{
	if (l->sink_error || l->given_up)
		return;
	check_sink(l, l->sink->event(l->sink, e));
	if (!l->sink_error)
		l->delivered = e->step;
}

void emit_flush(struct live *l)
{
	struct pending *p = l->pending;

	for (unsigned int i = 0; p && i < p->nr; i++)
		deliver(l, &p->event[i]);
	if (p)
		p->nr = 0, p->used = 0;
	/*
	 * Also when nothing waited: the writer brings what it has to disk by the clock (FO3 of the
	 * command).
	 */
	if (l->sink->tick && !l->sink_error)
		check_sink(l, l->sink->tick(l->sink, now_ns() - l->start_ns));
}

bool emit_is_due(const struct live *l)
{
	const struct pending *p = l->pending;

	return p && (p->nr > EVENTS / 2 || p->used > PAYLOAD / 2);
}

/* NULL: there is no room. Aligned to 16, for structs are among it. */
static void *keep(struct pending *p, const void *data, size_t size)
{
	void *kept = p->payload + p->used;

	if (size > PAYLOAD - p->used)
		return NULL;
	memcpy(kept, data, size);
	p->used += (size + 15) & ~(size_t)15;
	if (p->used > PAYLOAD)
		p->used = PAYLOAD;
	return kept;
}

/* Those of a look at a range, which have no names. */
static bool keep_areas(struct pending *p, struct trace_map *map)
{
	struct trace_area *kept = keep(p, map->areas, map->count * sizeof(*kept));

	for (uint32_t i = 0; kept && i < map->count; i++)
		kept[i].name = "";
	map->areas = kept;
	return kept != NULL;
}

/* Give the event its own copy of what it points to. */
static bool keep_payload(struct pending *p, struct trace_event *e)
{
	switch (e->type) {
	case TRACE_EVENT_FILE:
		return (e->file.path = keep(p, e->file.path, strlen(e->file.path) + 1)) != NULL;
	case TRACE_EVENT_CALL:
		return !e->call.data || (e->call.data = keep(p, e->call.data, e->call.data_len)) != NULL;
	case TRACE_EVENT_MAP:
		return !e->map.has_names && keep_areas(p, &e->map);
	case TRACE_EVENT_MODULE:
		return (e->module.path = keep(p, e->module.path, strlen(e->module.path) + 1)) != NULL &&
		       (!e->module.build_id_len || (e->module.build_id = keep(p, e->module.build_id,
							    e->module.build_id_len)) != NULL);
	case TRACE_EVENT_STACK:
		return (e->stack.frames = keep(
				p, e->stack.frames, e->stack.count * sizeof(*e->stack.frames))) != NULL;
	case TRACE_EVENT_NAME:
		return (e->name.name = keep(p, e->name.name, strlen(e->name.name) + 1)) != NULL;
	case TRACE_EVENT_CODE:
		return (e->code.name = keep(p, e->code.name, strlen(e->code.name) + 1)) != NULL;
	case TRACE_EVENT_SPACE:
		return false;
	default:
		return true;
	}
}

/*
 * False: it has to go at once, for it carries too much, or there is no room; the caller flushes before, to
 * keep the order.
 */
static bool enqueue(struct live *l, const struct trace_event *e)
{
	struct pending *p = l->pending;

	if (!p)
		p = l->pending = calloc(1, sizeof(*p));
	if (!p || p->nr == EVENTS)
		return false;
	p->event[p->nr] = *e;
	if (!keep_payload(p, &p->event[p->nr]))
		return false;
	p->nr++;
	return true;
}

/*
 * @e is the caller's; step and time are set in it. @t NULL: it is about no task. Behind a failure of the
 * sink nothing is counted, so that steps have no gaps.
 */
void emit(struct live *l, const struct task *t, struct trace_event *e)
{
	if (l->sink_error || l->given_up)
		return;
	e->step = ++l->steps;
	e->time_ns = now_ns() - l->start_ns;
	if (t) {
		e->pid = (uint32_t)t->tgid;
		e->tid = (uint32_t)t->tid;
		/* Files are the recording's, not an address space's. */
		e->mm = e->type != TRACE_EVENT_FILE && t->mm ? t->mm->id : 0;
	}
	if (enqueue(l, e))
		return;
	emit_flush(l);
	deliver(l, e);
}

/* @count 0: how much is not known. @what is a constant, and is not copied. */
void emit_lost(struct live *l, const struct task *t, uint64_t count, const char *what)
{
	struct trace_event e = { .type = TRACE_EVENT_LOST, .lost = { count, what } };

	emit(l, t, &e);
}
