/* SPDX-License-Identifier: MIT */
/*
 * What tasks act under, as live/limits.c says: limits are a process's, a personality and capabilities a task's.
 *
 *    LB1  f->limits is what was told last.  It is what the task acts under whose call is told next.
 *    LB2  f->common is what tasks act under of whom nothing else is known: while one task has the space, what it does.  A
 *         change beside other tasks is kept as the task's own, and as its process's (tid 0), until these end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "source.h"

/*
 * tid 0: of the whole process. Owned by its space, until its task or process ends or becomes another
 * program.
 */
struct own_limits {
	struct own_limits *next;
	uint32_t pid, tid;
	uint64_t limits[TRACE_LIMIT_COUNT];
};

static bool is_of_task(uint32_t limit)
{
	return limit == TRACE_LIMIT_PERSONALITY || limit == TRACE_LIMIT_CAPABILITIES;
}

/* What the task acts under now, by LB2: O(own limits). */
static void effective(const struct followed *f, uint32_t pid, uint32_t tid, uint64_t *limits)
{
	memcpy(limits, f->common, sizeof(f->common));
	for (const struct own_limits *o = f->own; o; o = o->next)
		for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++)
			if (is_of_task(i) ? o->tid == tid : !o->tid && o->pid == pid)
				limits[i] = o->limits[i];
}

/* All limits of the task are kept: which of them count for whom, effective() decides. */
static void keep(struct live_bpf *s, struct followed *f, uint32_t pid, uint32_t tid, const uint64_t *limits)
{
	struct own_limits *o = f->own;

	while (o && (o->tid != tid || o->pid != pid))
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o) {
			s->err = -ENOMEM;
			return;
		}
		o->next = f->own;
		f->own = o;
	}
	o->pid = pid;
	o->tid = tid;
	memcpy(o->limits, limits, sizeof(o->limits));
}

void followed_limits_set(struct followed *f, const uint64_t *limits)
{
	memcpy(f->limits, limits, sizeof(f->limits));
	memcpy(f->common, limits, sizeof(f->common));
}

/* What is told alike again is nothing. Beside others it is kept twice, as the task's and as the process's. */
void followed_limits_change(
	struct live_bpf *s, struct followed *f, const struct item *it, const uint64_t *limits)
{
	uint64_t before[TRACE_LIMIT_COUNT];

	effective(f, it->pid, it->tid, before);
	if (memcmp(before, limits, sizeof(before)) == 0)
		return;
	if (f->users > 1 || f->own) {
		keep(s, f, it->pid, it->tid, limits);
		keep(s, f, it->pid, 0, limits);
	} else {
		memcpy(f->common, limits, sizeof(f->common));
	}
}

/* No capability that it has in a namespace of its own counts. */
static void of_child(const struct followed *f, const struct item *it, uint64_t *limits)
{
	effective(f, it->pid, it->tid, limits);
	if (it->fork.child_apart)
		limits[TRACE_LIMIT_CAPABILITIES] = 0;
}

/* A child that shares the space has what its maker has, as its own if that differs from what all have. */
void followed_limits_inherit(struct live_bpf *s, struct followed *f, const struct item *it)
{
	uint64_t limits[TRACE_LIMIT_COUNT];

	of_child(f, it, limits);
	if (!f->own && limits[TRACE_LIMIT_CAPABILITIES] == f->common[TRACE_LIMIT_CAPABILITIES])
		return;
	keep(s, f, it->fork.child_pid, it->fork.child_tid, limits);
	if (it->fork.child_pid != it->pid)
		keep(s, f, it->fork.child_pid, 0, limits);
}

/* What was told last is told of the child's space, too: a fork copies it in the mirror. */
void followed_limits_copy(struct followed *child, const struct followed *f, const struct item *it)
{
	memcpy(child->limits, f->limits, sizeof(child->limits));
	of_child(f, it, child->common);
}

/* One event for each that differs from what was told last (LB1). */
void followed_limits_emit(struct live_bpf *s, struct followed *f, const struct item *it)
{
	uint64_t limits[TRACE_LIMIT_COUNT];

	effective(f, it->pid, it->tid, limits);
	for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++) {
		struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { i, limits[i] } };

		if (limits[i] == f->limits[i])
			continue;
		f->limits[i] = limits[i];
		emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	}
}

/*
 * pid == tid: the process ends with its first thread, as far as this goes; threads that live on act
 * under what all have.
 */
void followed_limits_end(struct followed *f, uint32_t pid, uint32_t tid)
{
	for (struct own_limits **at = &f->own, *o; (o = *at) != NULL;) {
		if (o->pid == pid && (o->tid == tid || pid == tid)) {
			*at = o->next;
			free(o);
		} else {
			at = &o->next;
		}
	}
}

void followed_limits_free(struct followed *f)
{
	for (struct own_limits *o; (o = f->own) != NULL;) {
		f->own = o->next;
		free(o);
	}
}
