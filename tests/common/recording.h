/* SPDX-License-Identifier: MIT */
/*
 * Small recordings for tests: a handful of calls as a program could have made them, with the maps that Linux would
 * have shown, built event by event.
 */
#ifndef TESTS_RECORDING_H
#define TESTS_RECORDING_H

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <vmaple/mm.h>
#include <vmaple/replay.h>

#define REC_BASE 0x7f0000000000UL
#ifndef REC_PAGE
#define REC_PAGE 4096UL
#endif

static const struct trace_header rec_header = { .version = TRACE_FORMAT_VERSION,
	.page_size = 4096,
	.fault_source = TRACE_FAULTS_ALL,
	.max_map_count = 65530,
	.mmap_min_addr = 65536,
	.overcommit_memory = 1,
	.stack_guard_gap = 256,
	.thp_enabled = 1,
	.kernel = "6.18.0",
	.machine = "x86_64",
	.command = "made by hand" };

struct recording {
	struct trace_sink *sink;
	uint64_t step, jumped; /* jumped: by how many nanoseconds the clock */
	int error;
	uint32_t pid, mm; /* whose events follow; 0: of process 100, in address space 1 */
	bool of_nobody;   /* they are of no process that is known */
	bool of_no_space; /* they are of no address space that is */
};

static inline void rec_event(struct recording *r, struct trace_event e)
{
	e.step = ++r->step;
	e.time_ns = r->step * 1000 + r->jumped;
	e.pid = e.tid = r->of_nobody ? 0 : r->pid ? r->pid : 100;
	e.mm = e.type == TRACE_EVENT_FILE || r->of_nobody || r->of_no_space ? 0 : r->mm ? r->mm : 1;
	if (!r->error)
		r->error = r->sink->event(r->sink, &e);
}

/* The address space that all of them begin with, without limits. */
static inline struct trace_space rec_space(void)
{
	struct trace_space s = { .path = "/bin/by-hand",
		.topdown = true,
		.mmap_base = REC_BASE,
		.task_size = (1UL << 47) - REC_PAGE,
		.start_brk = 0x10000000,
		.brk = 0x10000000,
		.start_stack = 0x7ffffffde000 };

	for (int i = 0; i < TRACE_LIMIT_COUNT; i++)
		s.limits[i] = i == TRACE_LIMIT_PERSONALITY || i == TRACE_LIMIT_CAPABILITIES ? 0 : UINT64_MAX;
	return s;
}

static inline void rec_begin(struct recording *r)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = rec_space() };

	rec_event(r, e);
	e = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true } };
	rec_event(r, e);
}

static inline void rec_call(
	struct recording *r, uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, int64_t result)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = nr, .args = { a, b, c, d, (uint64_t)-1, 0 }, .result = result } };

	rec_event(r, e);
}

static inline void rec_write(struct recording *r, uint64_t addr)
{
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = addr, .write = true, .write_known = true } };

	rec_event(r, e);
}

static inline void rec_map(struct recording *r, const struct trace_area *areas, uint32_t count)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_CHECK,
			.hi = UINT64_MAX,
			.has_names = true,
			.count = count,
			.areas = areas } };

	rec_event(r, e);
}

static inline struct trace_area rec_area(uint64_t from, uint64_t to, uint32_t prot)
{
	return (struct trace_area){
		.start = REC_BASE + from * REC_PAGE, .end = REC_BASE + to * REC_PAGE, .prot = prot, .name = ""
	};
}

static inline uint64_t rec_at(uint64_t page)
{
	return REC_BASE + page * REC_PAGE;
}

/* Two pages, the second written while read-only surroundings keep it apart, joined again: six maps on the way. */
static inline void rec_story(struct recording *r)
{
	const uint32_t rw = PROT_READ | PROT_WRITE;
	const uint64_t fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	rec_begin(r);
	rec_call(r, SYS_mmap, rec_at(0), 4 * REC_PAGE, rw, fixed, (int64_t)rec_at(0));
	rec_map(r, (struct trace_area[]){ rec_area(0, 4, rw) }, 1);
	rec_call(r, SYS_mprotect, rec_at(1), REC_PAGE, PROT_READ, 0, 0);
	rec_map(r, (struct trace_area[]){ rec_area(0, 1, rw), rec_area(1, 2, PROT_READ), rec_area(2, 4, rw) },
		3);
	rec_write(r, rec_at(0));
	rec_write(r, rec_at(3));
	rec_call(r, SYS_munmap, rec_at(1), REC_PAGE, 0, 0, 0);
	rec_map(r, (struct trace_area[]){ rec_area(0, 1, rw), rec_area(2, 4, rw) }, 2);
	rec_call(r, SYS_mmap, rec_at(1), REC_PAGE, rw, fixed, (int64_t)rec_at(1));
	/* Both neighbours own an anon_vma of their own: the new page joins the lower one only. */
	rec_map(r, (struct trace_area[]){ rec_area(0, 2, rw), rec_area(2, 4, rw) }, 2);
	rec_call(r, SYS_mprotect, rec_at(9), REC_PAGE, PROT_READ, 0, -12);
	rec_call(r, SYS_munmap, rec_at(0), 4 * REC_PAGE, 0, 0, 0);
	rec_map(r, NULL, 0);
}

#endif /* TESTS_RECORDING_H */
