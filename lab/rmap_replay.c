/* SPDX-License-Identifier: MIT */
/*
 * Recordings as workloads for reverse maps: the calls, forks and exits of real programs, on a machine with pages.
 *
 * A recording knows which areas were written, not which pages: where one was written first, it and the pages behind
 * it are written, sixteen in all.
 */
#include <stdio.h>

#include <vmaple/replay.h>

#include <errno.h>

#include "lab.h"
#include "rmap_lab.h"
#include "system_calls.h"

#define WRITTEN 16

static enum rmap_kind kind_of(const struct trace_event *e)
{
	if (e->type != TRACE_EVENT_CALL)
		return e->type == TRACE_EVENT_FORK ? RMAP_FORK : RMAP_EXIT;
	switch (e->call.nr) {
	case NR_munmap:
		return RMAP_MUNMAP;
	case NR_mprotect:
		return RMAP_MPROTECT;
	case NR_mremap:
		return RMAP_MREMAP;
	default:
		return RMAP_MMAP;
	}
}

static void set_machine(void *ctx, struct mm_system *sys)
{
	struct rmap_run *run = ctx;
	const struct paging_options options = {
		.frames = run->frames, .swap_pages = run->swap_pages, .swap_fd = -1
	};

	sys->rmap = run->ops;
	if (paging_new(&run->paging, sys, &options))
		rmap_fail(run, "no memory for the machine");
}

static void begin_space(void *ctx, struct mm_struct *mm)
{
	if (paging_attach(mm))
		rmap_fail(ctx, "no memory for page tables");
}

static void write_some(struct rmap_run *run, struct mm_struct *mm, unsigned long addr)
{
	for (unsigned long i = 0; i < WRITTEN; i++) {
		const struct vm_area_struct *vma = vma_lookup(mm, addr + i * mm_page_size(mm));
		unsigned long faults = paging_statistics(run->paging).faults;
		uint64_t before;

		if (!vma || !(vma->vm_flags & VM_WRITE))
			return;
		rmap_keep_some_free(run);
		before = lab_now_ns();
		/* Beyond the end of a file there is nothing to write. */
		if (paging_write(mm, addr + i * mm_page_size(mm), ++run->stamp))
			return;
		if (paging_statistics(run->paging).faults == faults)
			continue;
		run->ns[RMAP_FAULT] += lab_since(before);
		run->calls[RMAP_FAULT]++;
	}
}

/* What there is while it runs, at its largest. */
static void note(struct rmap_run *run, const struct mm_struct *mm)
{
	unsigned long bytes = rmap_bytes();

	if (bytes > run->bytes || (unsigned long)mm->map_count > run->areas) {
		run->bytes = bytes;
		run->areas = (unsigned long)mm->map_count;
		run->pages = run->frames - 1 - paging_statistics(run->paging).free_frames;
		run->alive = 1;
	}
}

static void one_event(struct rmap_run *run, struct replay *replay, const struct trace_event *e)
{
	struct trace_sink *sink = replay_sink(replay);
	enum rmap_kind kind = kind_of(e);
	uint64_t before = lab_now_ns();
	struct mm_struct *mm;

	if (sink->event(sink, e)) {
		rmap_fail(run, "out of memory");
		run->err = -ENOMEM;
		return;
	}
	if (e->type == TRACE_EVENT_CALL || e->type == TRACE_EVENT_FORK || e->type == TRACE_EVENT_EXIT) {
		run->ns[kind] += lab_since(before);
		run->calls[kind]++;
	}
	mm = replay_find(replay, e->pid);
	if (!mm || !mm->pgd)
		return;
	if (e->type == TRACE_EVENT_FAULT)
		write_some(run, mm, e->fault.addr & ~(mm_page_size(mm) - 1));
	if (e->type == TRACE_EVENT_CALL)
		note(run, mm);
}

static void all_events(struct rmap_run *run, struct trace_reader *reader)
{
	const struct replay_options options = {
		.unchecked = true, .ctx = run, .machine = set_machine, .space = begin_space
	};
	struct replay *replay = replay_new(trace_reader_header(reader), &options);
	struct trace_event e;
	int got = 1;

	while (replay && !run->failed && (got = trace_reader_next(reader, &e)) > 0)
		one_event(run, replay, &e);
	if (!replay) {
		rmap_fail(run, "out of memory");
		run->err = -ENOMEM;
	}
	if (got < 0) {
		rmap_fail(run, trace_reader_error(reader));
		run->err = got;
	}
	if (replay)
		replay_free(replay);
}

#define FRAMES 16384 /* 64 MiB */

bool rmap_run_recording(
	struct rmap_run *run, const struct rmap_ops *ops, const char *path, unsigned long swap_pages)
{
	struct trace_reader *reader;

	*run = (struct rmap_run){ .ops = ops, .random = 1, .swap_pages = swap_pages, .frames = FRAMES };
	run->err = trace_reader_open(&reader, path, run->error, sizeof(run->error));
	if (run->err) {
		run->failed = true;
		return false;
	}
	all_events(run, reader);
	trace_reader_close(reader);
	rmap_end(run);
	return !run->failed;
}
