/* SPDX-License-Identifier: MIT */
/*
 * Recordings as workloads: every event goes to the replay of each index.  What the kernel's maps were is not looked
 * at (see `vmaple verify`): here the indexes are compared with each other.
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

static void compare(struct lab_run *run, const struct trace_event *e)
{
	unsigned long lo = 0, hi = ~0UL;

	if (!find_spaces(run, e))
		return;
	if (e->type == TRACE_EVENT_FAULT)
		lo = hi = e->fault.addr;
	run->failed =
		!lab_same_counters(run->indexes, run->mm, run->nr, run->error, sizeof(run->error)) ||
		!lab_same_window(run->indexes, run->mm, run->nr, lo, hi, run->error, sizeof(run->error));
}

static void one_event(struct lab_run *run, const struct trace_event *e)
{
	struct lab_cost *cost = &run->cost[kind_of_event(e)];
	struct lab_watch watch = lab_watch(run, cost);
	int err = 0;

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
		lab_note_shape(run);
}

static void all_events(struct lab_run *run, struct trace_reader *reader)
{
	struct trace_event e = { .step = 0 };
	char what[200];
	int got = 1;

	while (!run->failed && (got = trace_reader_next(reader, &e)) > 0)
		one_event(run, &e);
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

void lab_replay(struct lab_run *run, const struct lab_index *only, const char *path)
{
	struct trace_reader *reader;

	lab_choose(run, only);
	run->err = trace_reader_open(&reader, path, run->error, sizeof(run->error));
	if (run->err) {
		run->failed = true;
		return;
	}
	for (int i = 0; i < run->nr; i++) {
		run->replay[i] = run->indexes[i]->replay_new(trace_reader_header(reader));
		if (run->replay[i])
			continue;
		run->failed = true;
		run->err = -ENOMEM;
		snprintf(run->error, sizeof(run->error), "out of memory");
	}
	all_events(run, reader);
	for (int i = 0; i < run->nr; i++)
		if (run->replay[i])
			run->indexes[i]->replay_free(run->replay[i]);
	trace_reader_close(reader);
	memset(run->mm, 0, sizeof(run->mm));
}
