/* SPDX-License-Identifier: MIT */
/*
 * Recordings that are made to be expensive: of each kind one of any size.  What reads them takes time and memory in proportion
 * to that size, or nearly: hostile.py.
 *
 * usage: hostile KIND N FILE;  hostile list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "recording.h"

#define RW      (PROT_READ | PROT_WRITE)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define UFFDIO  0xc020aa00u /* UFFDIO_REGISTER */
#define SET_VMA 0x53564d41u

static void map_pages(struct recording *r, uint64_t page, uint64_t pages, uint32_t prot)
{
	rec_call(r, SYS_mmap, rec_at(page), pages * REC_PAGE, prot, ANON, (int64_t)rec_at(page));
}

static void fork_to(struct recording *r, uint32_t child)
{
	rec_event(r, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 99 + child, child } });
}

/* The events that follow are of the process of this address space. */
static void be(struct recording *r, uint32_t mm)
{
	r->pid = 99 + mm;
	r->mm = mm;
}

static void end(struct recording *r, uint32_t mm)
{
	be(r, mm);
	rec_event(r, (struct trace_event){ .type = TRACE_EVENT_EXIT, .exit = { .last = true } });
}

static void lose(struct recording *r, uint64_t count)
{
	rec_event(r, (struct trace_event){ .type = TRACE_EVENT_LOST, .lost = { count, "much" } });
}

/* Areas that do not touch. */
static void scatter(struct recording *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		map_pages(r, 2 * i, 1, RW);
}

/* --- the kinds ------------------------------------------------------------------------------------------------ */

static void files(struct recording *r, uint32_t n)
{
	struct trace_event call = { .type = TRACE_EVENT_CALL };
	char path[32];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/file/%u", i);
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_FILE,
				     .file = { .id = i + 1, .dev = 8, .ino = i + 1, .path = path } });
		call.call = (struct trace_call){ .nr = SYS_mmap,
			.args = { rec_at(2 * i), REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 3, 0 },
			.result = (int64_t)rec_at(2 * i),
			.file = i + 1 };
		rec_event(r, call);
	}
}

static void forks_of_a_large_map(struct recording *r, uint32_t n)
{
	scatter(r, n);
	for (uint32_t i = 2; i < n; i++)
		fork_to(r, i);
	for (uint32_t i = 2; i < n; i++)
		end(r, i);
}

/* Each child ends before the next is born, and has changed. */
static void children_that_change(struct recording *r, uint32_t n)
{
	for (uint32_t i = 2; i < n; i++) {
		fork_to(r, i);
		be(r, i);
		map_pages(r, 8 * i, 1, RW);
		end(r, i);
		be(r, 1);
	}
}

static void cuts(struct recording *r, uint32_t n)
{
	map_pages(r, 0, 2 * n, RW);
	for (uint32_t i = 0; i < n; i++)
		rec_call(r, SYS_mprotect, rec_at((uint64_t)i * 7919 % n * 2), REC_PAGE, PROT_READ, 0, 0);
}

static void names(struct recording *r, uint32_t n)
{
	char name[32];
	struct trace_event e = { .type = TRACE_EVENT_CALL };

	map_pages(r, 0, n, RW);
	for (uint32_t i = 0; i < n; i++) {
		e.call = (struct trace_call){ .nr = SYS_prctl,
			.args = { SET_VMA, 0, rec_at(i), REC_PAGE, 1 },
			.data = name,
			.data_len = (uint32_t)snprintf(name, sizeof(name), "name %u", i) + 1 };
		rec_event(r, e);
	}
}

static void processes(struct recording *r, uint32_t n)
{
	struct trace_event map = { .type = TRACE_EVENT_MAP,
		.map = { .hi = UINT64_MAX, .has_vm_flags = true, .has_names = true } };

	for (uint32_t i = 2; i < n; i++) {
		be(r, i);
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_SPACE, .space = rec_space() });
		rec_event(r, map);
		map_pages(r, 0, 4, RW);
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_NAME, .name = { i % 2 ? "odd" : "even" } });
		end(r, i);
	}
}

/* Each is the child of the one before, has written, and outlives it. */
static void generations(struct recording *r, uint32_t n)
{
	map_pages(r, 0, 1, RW);
	for (uint32_t i = 1; i < n; i++) {
		rec_write(r, rec_at(0));
		fork_to(r, i + 1);
		end(r, i);
		be(r, i + 1);
	}
}

static void served(struct recording *r, uint32_t n)
{
	uint64_t range[3] = { 0, REC_PAGE, 1 };
	struct trace_event e = { .type = TRACE_EVENT_CALL };

	map_pages(r, 0, 2 * n, RW);
	for (uint32_t i = 0; i < n; i++) {
		range[0] = rec_at(2 * i);
		e.call = (struct trace_call){ .nr = SYS_ioctl,
			.args = { 5, UFFDIO, 0x1000 },
			.data = range,
			.data_len = sizeof(range) };
		rec_event(r, e);
	}
	for (uint32_t i = 0; i < n; i++)
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_CHANGE,
				.change = { TRACE_CHANGE_UFFD_CLOSED, rec_at(2 * i), rec_at(2 * i + 1) } });
}

static void losses(struct recording *r, uint32_t n)
{
	for (uint32_t i = 2; i < n; i++)
		fork_to(r, i);
	for (uint32_t i = 2; i < n; i++) {
		be(r, i);
		lose(r, i);
	}
}

static void losses_of_all(struct recording *r, uint32_t n)
{
	for (uint32_t i = 2; i < n; i++)
		fork_to(r, i);
	for (uint32_t i = 2; i < n; i++) {
		struct trace_event e = { .type = TRACE_EVENT_LOST, .step = ++r->step, .lost = { i, "much" } };

		if (!r->error)
			r->error = r->sink->event(r->sink, &e);
	}
}

/* Much has been touched since the map was seen last, and each child has that. */
static void forks_of_an_unseen_map(struct recording *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		rec_call(r, SYS_madvise, rec_at(8 * i), REC_PAGE, 4, 0, -ENOMEM);
	for (uint32_t i = 2; i < n; i++)
		fork_to(r, i);
}

static void disagreements(struct recording *r, uint32_t n)
{
	struct trace_area *areas = calloc(n, sizeof(*areas));

	if (!areas) {
		r->error = -ENOMEM;
		return;
	}
	scatter(r, n);
	for (uint32_t i = 0; i < n; i++)
		areas[i] = rec_area(2 * i, 2 * i + 1, PROT_READ);
	rec_map(r, areas, n);
	free(areas);
}

static void threads(struct recording *r, uint32_t n)
{
	struct trace_event e = { .type = TRACE_EVENT_TASK, .mm = 1, .pid = 100 };

	for (uint32_t i = 0; i < 2 * n; i++) {
		e.type = i < n ? TRACE_EVENT_TASK : TRACE_EVENT_EXIT;
		if (i < n)
			e.task = (struct trace_task){ 100, true };
		else
			e.exit = (struct trace_exit){ 0 };
		e.tid = 101 + i % n;
		e.step = ++r->step;
		if (!r->error)
			r->error = r->sink->event(r->sink, &e);
	}
}

/* Each from a stack and code of its own. */
static void stacks(struct recording *r, uint32_t n)
{
	uint64_t frames[2];
	char path[32];

	for (uint32_t i = 0; i < n; i++) {
		frames[0] = 0x400000 + i * REC_PAGE + 16;
		frames[1] = frames[0] + 16;
		snprintf(path, sizeof(path), "/code/%u", i);
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_MODULE,
				     .module = { .start = 0x400000 + i * REC_PAGE,
					     .end = 0x400000 + (i + 1) * REC_PAGE,
					     .path = path } });
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_STACK, .stack = { i + 1, 0, 2, frames } });
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_CALL,
				     .call = { .nr = SYS_mmap,
					     .args = { rec_at(2 * i), REC_PAGE, RW, ANON, -1ull, 0 },
					     .result = (int64_t)rec_at(2 * i),
					     .ip = frames[0],
					     .stack = i + 1 } });
	}
	for (uint32_t i = 0; i < n; i++)
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_CODE,
				.code = { 0x400000 + i * REC_PAGE, 0x400000 + (i + 1) * REC_PAGE, path } });
}

/* One program after the other in one process. */
static void execs(struct recording *r, uint32_t n)
{
	const struct trace_event ends = { .type = TRACE_EVENT_EXIT, .exit = { .last = true, .exec = true } };
	const struct trace_event map = { .type = TRACE_EVENT_MAP,
		.map = { .hi = UINT64_MAX, .has_vm_flags = true, .has_names = true } };

	for (uint32_t i = 2; i < n; i++) {
		map_pages(r, 0, 1, RW);
		rec_event(r, ends);
		r->mm = i;
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_SPACE, .space = rec_space() });
		rec_event(r, map);
	}
}

/* Of each process its own, and of the whole machine. */
static void limits(struct recording *r, uint32_t n)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT };

	for (uint32_t i = 2; i < n; i++)
		fork_to(r, i);
	for (uint32_t i = 2; i < n; i++) {
		be(r, i);
		e.limit = (struct trace_limit_change){ TRACE_LIMIT_DATA, i };
		rec_event(r, e);
		e.limit = (struct trace_limit_change){ TRACE_LIMIT_MAX_MAP_COUNT, 65530 + i };
		rec_event(r, e);
	}
}

/* Stacks that differ in one frame of many, and functions each of which begins where all do. */
static void deep_stacks(struct recording *r, uint32_t n)
{
	uint64_t frames[64];

	for (uint32_t i = 0; i < 64; i++)
		frames[i] = 0x400000 + i * 16;
	for (uint32_t i = 0; i < n; i++) {
		frames[0] = 0x400000 + i;
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_STACK, .stack = { i + 1, 0, 64, frames } });
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_CALL,
				     .call = { .nr = SYS_mmap,
					     .args = { rec_at(2 * i), REC_PAGE, RW, ANON, -1ull, 0 },
					     .result = (int64_t)rec_at(2 * i),
					     .ip = frames[0],
					     .stack = i + 1 } });
	}
	for (uint32_t i = 0; i < n; i++)
		rec_event(r, (struct trace_event){ .type = TRACE_EVENT_CODE,
				     .code = { 0x400000, 0x400010 + i * 16, "f" } });
}

/* One area, cut and joined again and again. */
static void back_and_forth(struct recording *r, uint32_t n)
{
	map_pages(r, 0, 3, RW);
	for (uint32_t i = 0; i < n; i++)
		rec_call(r, SYS_mprotect, rec_at(1), REC_PAGE, i % 2 ? RW : PROT_READ, 0, 0);
}

/* A stack grows page by page, and all of it is moved. */
static void moves(struct recording *r, uint32_t n)
{
	scatter(r, n);
	for (uint32_t i = 0; i < n; i++)
		rec_event(r,
			(struct trace_event){ .type = TRACE_EVENT_CALL,
				.call = { .nr = SYS_mremap,
					.args = { rec_at(2 * i), REC_PAGE, REC_PAGE, 3, rec_at(2 * (n + i)) },
					.result = (int64_t)rec_at(2 * (n + i)) } });
}

static const struct {
	const char *name;
	void (*make)(struct recording *r, uint32_t n);
} kinds[] = { { "files", files }, { "forks-of-a-large-map", forks_of_a_large_map },
	{ "children-that-change", children_that_change }, { "cuts", cuts }, { "names", names },
	{ "processes", processes }, { "generations", generations }, { "served", served },
	{ "losses", losses }, { "losses-of-all", losses_of_all },
	{ "forks-of-an-unseen-map", forks_of_an_unseen_map }, { "disagreements", disagreements },
	{ "threads", threads }, { "stacks", stacks }, { "back-and-forth", back_and_forth },
	{ "moves", moves }, { "execs", execs }, { "limits", limits }, { "deep-stacks", deep_stacks } };

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int write_one(size_t kind, uint32_t n, const char *path)
{
	struct recording r = { 0 };
	struct trace_writer *w;
	int err = trace_writer_open(&w, path, &rec_header);

	if (err)
		return err;
	r.sink = trace_writer_sink(w);
	rec_begin(&r);
	kinds[kind].make(&r, n);
	err = trace_writer_close(w);
	return r.error ? r.error : err;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < NR_KINDS; i++) {
		if (argc < 4)
			puts(kinds[i].name);
		else if (strcmp(argv[1], kinds[i].name) == 0)
			return write_one(i, (uint32_t)strtoul(argv[2], NULL, 10), argv[3]) != 0;
	}
	return argc != 2;
}
