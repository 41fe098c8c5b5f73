/* SPDX-License-Identifier: MIT */
/*
 * Recordings as workloads: every event goes to the replay of each index.  What the kernel's maps were is not looked
 * at (see `vmaple verify`): here the indexes are compared with each other, where an event can have changed something, and all
 * of a map as often as that costs O(1) an event.
 */
#include <stdio.h>
#include <errno.h>
#include <string.h>

#include <vmaple/trace.h>

#include "lab.h"
#include "system_calls.h"

static enum lab_kind kind_of_call(uint32_t nr)
{
	switch (nr) {
	case NR_mmap:
		return LAB_MMAP;
	case NR_munmap:
		return LAB_MUNMAP;
	case NR_mprotect:
		return LAB_MPROTECT;
	case NR_mremap:
		return LAB_MREMAP;
	case NR_brk:
		return LAB_BRK;
	case NR_madvise:
		return LAB_MADVISE;
	default:
		return LAB_OTHER;
	}
}

static enum lab_kind kind_of_event(const struct trace_event *e)
{
	if (e->type == TRACE_EVENT_CALL)
		return kind_of_call(e->call.nr);
	return e->type == TRACE_EVENT_FAULT ? LAB_FAULT : LAB_OTHER;
}

/* The address spaces of @e's process on all indexes; false: there is none, on any. */
static bool find_spaces(struct lab_run *run, const struct trace_event *e)
{
	int found = 0;

	for (int i = 0; i < run->nr && run->indexes[i]; i++) {
		run->mm[i] = run->indexes[i]->replay_mm(run->replay[i], e->pid);
		found += run->mm[i] != NULL;
	}
	if (found && found < run->nr) {
		run->failed = true;
		snprintf(run->error, sizeof(run->error), "only some have process %u", e->pid);
	}
	return found == run->nr;
}

/* Bytes: what is compared after one event. */
struct window {
	unsigned long lo, hi;
};

static struct window window_of(unsigned long start, unsigned long len)
{
	return (struct window){ start ? start - 1 : 0, start + len < start ? ~0UL : start + len };
}

/* Where @c can have changed something: so many windows, with what lies beside them.  0: it does not say. */
static int windows_of_call(const struct trace_call *c, struct window w[2])
{
	const uint64_t *a = c->args;
	const unsigned long place = c->result >= 0 ? (unsigned long)c->result : a[0];

	switch (c->nr) {
	case NR_munmap:
	case NR_mprotect:
	case NR_pkey_mprotect:
	case NR_madvise:
	case NR_mlock:
	case NR_mlock2:
	case NR_munlock:
		w[0] = window_of(a[0], a[1]);
		return 1;
	case NR_mmap:
		w[0] = window_of(a[0], a[1]);
		w[1] = window_of(place, a[1]);
		return 2;
	case NR_mremap:
		w[0] = window_of(a[0], a[1]);
		w[1] = window_of(c->result < 0 ? a[4] : place, a[2]);
		return 2;
	case NR_brk:
		w[0] = window_of(place, 0);
		return 1;
	default:
		return 0;
	}
}

/* Likewise; below 0: nothing has areas changed. */
static int windows_of(const struct trace_event *e, struct window w[2])
{
	switch (e->type) {
	case TRACE_EVENT_CALL:
		return windows_of_call(&e->call, w);
	case TRACE_EVENT_FAULT:
		w[0] = (struct window){ e->fault.addr, e->fault.addr };
		return 1;
	case TRACE_EVENT_MAP:
		w[0] = (struct window){ e->map.lo, e->map.hi };
		return 1;
	case TRACE_EVENT_FILE:
	case TRACE_EVENT_LIMIT:
	case TRACE_EVENT_STACK:
	case TRACE_EVENT_MODULE:
		return -1;
	default:
		return 0;
	}
}

/*
 * After each event the counters, and the areas where it can have changed something; all areas where it does not say, and when
 * there were more events than areas: O(1) an event.
 */
static void compare(struct lab_run *run, const struct trace_event *e)
{
	struct window w[2];
	int nr = windows_of(e, w);

	if (!find_spaces(run, e))
		return;
	run->failed = !lab_same_counters(run->indexes, run->mm, run->nr, run->error, sizeof(run->error));
	for (int i = 0; i < nr && !run->failed; i++)
		run->failed = !lab_same_window(
			run->indexes, run->mm, run->nr, w[i].lo, w[i].hi, run->error, sizeof(run->error));
	if (!run->failed && (!nr || run->unchecked++ > run->indexes[0]->counters(run->mm[0]).areas))
		lab_compare_all(run);
}

/* All areas of a process that ends; of the first one, where the recording does (pid 0). */
static void compare_last(struct lab_run *run, const struct trace_event *e)
{
	if (run->nr > 1 && !run->failed && find_spaces(run, e))
		lab_compare_all(run);
}

/* O(1); the shape is noted when all has been seen: note_largest(). */
static void note_most(struct lab_run *run)
{
	unsigned long areas = run->indexes[0]->counters(run->mm[0]).areas;

	if (areas > run->most)
		run->most = areas;
}

static void one_event(struct lab_run *run, const struct trace_event *e)
{
	struct lab_cost *cost = &run->cost[kind_of_event(e)];
	struct lab_watch watch = lab_watch(run, cost);
	int err = 0;

	if (e->type == TRACE_EVENT_EXIT)
		compare_last(run, e);
	for (int i = 0; i < run->nr && !err; i++)
		err = run->indexes[i]->replay_event(run->replay[i], e);
	lab_watched(run, cost, watch);
	if (err) {
		run->failed = true;
		run->err = -ENOMEM;
		snprintf(run->error, sizeof(run->error), "out of memory");
	}
	run->calls += e->type == TRACE_EVENT_CALL;
	if (run->nr > 1 && !run->failed)
		compare(run, e);
	else if (!run->failed && e->type == TRACE_EVENT_CALL && find_spaces(run, e))
		note_most(run);
}

static void all_events(struct lab_run *run, struct trace_reader *reader)
{
	struct trace_event e = { .step = 0 };
	char what[200];
	int got = 1;

	while (!run->failed && (got = trace_reader_next(reader, &e)) > 0)
		one_event(run, &e);
	if (!got)
		compare_last(run, &(struct trace_event){ .pid = 0 });
	if (got < 0) {
		run->failed = true;
		run->err = got;
		snprintf(run->error, sizeof(run->error), "%s", trace_reader_error(reader));
	} else if (run->failed) {
		snprintf(what, sizeof(what), "%.199s", run->error);
		snprintf(run->error, sizeof(run->error), "after step %llu: %s", (unsigned long long)e.step,
			what);
	}
}

static struct trace_reader *begin_replays(struct lab_run *run, unsigned int verify, const char *path)
{
	struct trace_reader *reader;

	run->err = trace_reader_open(&reader, path, run->error, sizeof(run->error));
	if (run->err) {
		run->failed = true;
		return NULL;
	}
	for (int i = 0; i < run->nr; i++) {
		run->replay[i] = run->indexes[i]->replay_new(trace_reader_header(reader), verify);
		if (run->replay[i])
			continue;
		run->failed = true;
		run->err = -ENOMEM;
		snprintf(run->error, sizeof(run->error), "out of memory");
	}
	return reader;
}

static void end_replays(struct lab_run *run, struct trace_reader *reader)
{
	for (int i = 0; i < run->nr; i++)
		if (run->replay[i])
			run->indexes[i]->replay_free(run->replay[i]);
	memset(run->replay, 0, sizeof(run->replay));
	memset(run->mm, 0, sizeof(run->mm));
	trace_reader_close(reader);
}

/*
 * The shape of the largest map: walking the index at each new maximum would be quadratic, so that it is walked once, when as
 * many areas are there again.
 */
static void note_largest(struct lab_run *run, unsigned int verify, const char *path)
{
	struct trace_reader *reader = begin_replays(run, verify, path);
	struct trace_event e;
	int got = 1;

	while (!run->failed && run->shape.areas < run->most && (got = trace_reader_next(reader, &e)) > 0) {
		if (run->indexes[0]->replay_event(run->replay[0], &e)) {
			run->failed = true;
			run->err = -ENOMEM;
			snprintf(run->error, sizeof(run->error), "out of memory");
		}
		if (!run->failed && e.type == TRACE_EVENT_CALL && find_spaces(run, &e) &&
			run->indexes[0]->counters(run->mm[0]).areas == run->most)
			lab_note_shape(run);
	}
	if (got < 0) {
		run->failed = true;
		run->err = got;
		snprintf(run->error, sizeof(run->error), "%s", trace_reader_error(reader));
	}
	if (reader)
		end_replays(run, reader);
}

void lab_replay(struct lab_run *run, const struct lab_index *only, unsigned int verify, const char *path)
{
	lab_choose(run, only);
	lab_replay_chosen(run, verify, path);
}

void lab_replay_chosen(struct lab_run *run, unsigned int verify, const char *path)
{
	struct trace_reader *reader = begin_replays(run, verify, path);

	if (!reader)
		return;
	all_events(run, reader);
	end_replays(run, reader);
	if (run->nr == 1 && !run->failed)
		note_largest(run, verify, path);
}
