/* SPDX-License-Identifier: MIT */
/*
 * What a recording may say; see check.h.
 *
 * Every function answers with NULL or a sentence, which is c->sentence or static, and is the last one
 * that is needed: the reader ends with it. What it has to remember from event to event is in struct
 * check. Sentences begin with what is wrong, so that the reader can put file and step in front.
 */
#include "check.h"
#include "system_calls.h"

#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#define SPACE_MAX (1ull << 56) /* user addresses with five levels of page tables */
#define TEXT_MAX  65536u       /* a path, a name, a call's data: the kernel's own limits are far below */

/*
 * An address space that lives. Memory goes by these, not by all that ever were: end_space() frees at the
 * last EXIT.
 */
struct known {
	uint32_t mm;
	bool begun; /* it has had its first map */
	/* SPACE_MAX, where a child was forked from a space whose beginning was lost. */
	uint64_t task_size;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct known *)a)->mm, y = ((const struct known *)b)->mm;

	return x < y ? -1 : x > y;
}

/* O(log n). NULL is no verdict: SPACE and FORK want it, other events do not. */
static struct known *find(const struct check *c, uint32_t mm)
{
	const struct known key = { .mm = mm };
	struct known *const *found = tfind(&key, &c->spaces, by_number);

	return found ? *found : NULL;
}

__attribute__((format(printf, 2, 3))) static const char *wrong(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->sentence, sizeof(c->sentence), fmt, ap);
	va_end(ap);
	return c->sentence;
}

/* The page size has passed check_header() by then: it is not 0. */
static bool is_page(const struct check *c, uint64_t addr)
{
	return addr % c->page_size == 0;
}

const char *check_header(const struct trace_header *h)
{
	if (h->page_size < TRACE_PAGE_SIZE_MIN || h->page_size > TRACE_PAGE_SIZE_MAX ||
		(h->page_size & (h->page_size - 1)))
		return "its pages are of no size from 4 to 64 KiB that Linux has";
	if (h->fault_source > TRACE_FAULTS_EACH || h->overcommit_memory > 2 || h->thp_enabled > 2)
		return "a setting of its machine is none that Linux has";
	if (h->max_map_count > INT_MAX || h->mmap_min_addr >= SPACE_MAX)
		return "a limit of its machine is beyond what Linux allows";
	if (h->total_ram >= 1ull << 62 || h->total_swap >= 1ull << 62)
		return "its machine has more memory than can be addressed";
	return NULL;
}

/* A 32-bit program of x86 that began with ADDR_LIMIT_3GB has 4 GiB less two pages when that is taken back. */
static uint64_t end_under(uint64_t task_size, uint64_t personality)
{
	return task_size == 3ull << 30 && !(personality & ADDR_LIMIT_3GB) ? (1ull << 32) - 0x2000 : task_size;
}

/*
 * A new one; it must be above all before.
 *
 * A number may be skipped (a space that could not be recorded), and never comes again.
 */
static const char *begin_space(struct check *c, uint32_t mm, uint64_t task_size, bool begun)
{
	struct known *k;

	if (mm <= c->last_mm)
		return wrong(c, "address space %u begins, which is not a number above all before it", mm);
	k = malloc(sizeof(*k));
	if (k)
		*k = (struct known){ mm, begun, task_size };
	if (!k || !tsearch(k, &c->spaces, by_number)) {
		free(k);
		c->no_memory = true;
		return wrong(c, "out of memory");
	}
	c->last_mm = mm;
	return NULL;
}

/*
 * The marks are in no order that would have to hold (prctl(2), PR_SET_MM): the end alone bounds them. The
 * number of a space whose MAP never comes is known, and its areas are not.
 */
static const char *check_space(struct check *c, const struct trace_event *e)
{
	const struct trace_space *s = &e->space;
	const uint64_t marks[] = { s->start_code, s->end_code, s->start_data, s->end_data, s->start_brk,
		s->brk, s->start_stack, s->arg_start, s->arg_end, s->env_start, s->env_end };

	if (!s->task_size || !is_page(c, s->task_size) || s->task_size > SPACE_MAX)
		return wrong(c, "an address space of %#" PRIx64 " bytes", s->task_size);
	/* 0: not known. */
	if (!is_page(c, s->mmap_base) || s->mmap_base > s->task_size)
		return wrong(c, "a search that begins at %#" PRIx64, s->mmap_base);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (marks[i] > s->task_size)
			return wrong(c, "a part of the program at %#" PRIx64 ", beyond its address space",
				marks[i]);
	if (strlen(s->path) >= TEXT_MAX)
		return wrong(c, "the path of the program is too long");
	return begin_space(c, e->mm, end_under(s->task_size, s->limits[TRACE_LIMIT_PERSONALITY]), false);
}

/* Addresses are the first question: prot and name of an area that is nowhere need not be asked about. */
const char *check_area(const struct trace_area *a, const struct trace_area *before, uint64_t page_size)
{
	if ((a->start | a->end) % page_size)
		return "an area that is not of whole pages";
	if (a->start >= a->end)
		return "an area that ends where it begins, or before";
	if (before && a->start < before->end)
		return "areas that overlap, or do not ascend";
	if (a->end > SPACE_MAX)
		return "an area beyond what can be addressed";
	if (a->prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
		return "an area with an access that maps cannot show";
	if (a->offset % page_size)
		return "an area whose offset is not of whole pages";
	if (strlen(a->name) >= TEXT_MAX)
		return "an area whose name is too long";
	return NULL;
}

/* VM_READ, VM_WRITE, VM_EXEC are the bits of PROT_; VM_MAYSHARE is what maps shows as 's'. */
static bool flags_agree(const struct trace_area *a)
{
	return (a->vm_flags & 7) == a->prot && !!(a->vm_flags & 0x80) == a->shared;
}

/*
 * k NULL, here and below: the space is not known, and its bounds are those of all machines.
 *
 * A first map is a beginning once: of a child there is none (check_fork()). CHECK and RESYNC may come as
 * often as they like, of any window.
 */
static const char *check_map(struct check *c, const struct trace_map *m, struct known *k)
{
	if (m->reason > TRACE_MAP_RESYNC || m->lo > m->hi)
		return wrong(c, "a map for no reason, or of a window that ends before it begins");
	if (m->reason == TRACE_MAP_BEGIN && k && k->begun)
		return wrong(c, "an address space that begins twice");
	for (uint32_t i = 0; i < m->count; i++) {
		const struct trace_area *a = &m->areas[i];

		/*
		 * It may reach out of the window: maps have whole areas. That none is outside keeps the
		 * replay from changing what nobody looked at.
		 */
		if (a->end <= m->lo || a->start >= m->hi)
			return wrong(c, "an area at %#" PRIx64 ", outside the window that was looked at",
				a->start);
		if (k && a->end > k->task_size)
			return wrong(c, "an area at %#" PRIx64 ", beyond its address space", a->start);
		if (m->has_vm_flags && !flags_agree(a))
			return wrong(
				c, "an area at %#" PRIx64 " whose flags contradict its access", a->start);
	}
	if (k && m->reason == TRACE_MAP_BEGIN)
		k->begun = true;
	return NULL;
}

static bool returns_place(uint32_t nr)
{
	return nr == NR_mmap || nr == NR_mremap || nr == NR_shmat;
}

/*
 * Arguments may be anything, for a program may call with anything; the result is the kernel's, and is
 * held against what it can answer.
 */
static const char *check_call(struct check *c, const struct trace_call *call, const struct known *k)
{
	uint64_t result = (uint64_t)call->result, end = k ? k->task_size : SPACE_MAX;
	bool failed = call->result < 0, name = call->nr == NR_prctl && call->args[0] == PR_SET_VMA;

	/*
	 * The most negative value that a recorder writes: a failure whose errno it did not see. Between it
	 * and -1 is an errno.
	 */
	if (call->result < -TRACE_ERROR_UNSEEN)
		return wrong(c, "a call that returns %#" PRIx64 ", no result and no error", result);
	if (!failed && ((returns_place(call->nr) && (!is_page(c, result) || result >= end)) ||
			       (call->nr == NR_brk && result > end)))
		return wrong(c, "a call that returns %#" PRIx64 ", where nothing can be mapped", result);
	if (!failed && call->nr == NR_prctl && call->args[0] == PR_SET_MM && call->args[2] > end)
		return wrong(c, "a part of the program moved to %#" PRIx64, call->args[2]);
	/* The replay keeps no table of files: the FILE event told last is the one that a call means. */
	if (call->file && call->file != c->last_file)
		return wrong(
			c, "a call that maps file %u, which the event before it is not about", call->file);
	/* 0 is no stack, and numbers have no gaps (CK4): the highest is enough to know. */
	if (call->stack > c->last_stack)
		return wrong(c, "a call from stack %u, which has not been told", call->stack);
	if (call->abi >= TRACE_ABIS)
		return wrong(c, "a call through a table that no machine has");
	if (call->data_len >= TEXT_MAX)
		return wrong(c, "a call with more data than any has");
	if (name && call->data_len && ((const char *)call->data)[call->data_len - 1])
		return wrong(c, "a name without an end");
	return NULL;
}

/* 2^40: no file system has larger pages; an alignment is a power of two, or 0. */
static const char *check_file(struct check *c, const struct trace_file *f)
{
	if (!f->id || f->kind > TRACE_FILE_SECRET)
		return wrong(c, "a file without a number, or of no kind");
	if ((f->map_align & (f->map_align - 1)) || f->map_align > 1ull << 40)
		return wrong(c, "a file that asks to be aligned to %#" PRIx64, f->map_align);
	if (strlen(f->path) >= TEXT_MAX)
		return wrong(c, "a file whose path is too long");
	c->last_file = f->id;
	return NULL;
}

/*
 * A child has begun by its fork: a first map (TRACE_MAP_BEGIN) of it would be a second beginning.
 *
 * The child's space is as large as its parent's, and may already be mapped to its end.
 */
static const char *check_fork(struct check *c, const struct trace_event *e, const struct known *k)
{
	if (e->fork.child_pid > INT_MAX)
		return wrong(c, "a process %u", e->fork.child_pid);
	return begin_space(c, e->fork.child_mm, k ? k->task_size : SPACE_MAX, true);
}

/* It may lie where no area is: it was mapped once, and stacks go on naming it. */
static const char *check_module(struct check *c, const struct trace_module *m, const struct known *k)
{
	if (!is_page(c, m->start) || !is_page(c, m->end) || m->start >= m->end || !is_page(c, m->offset))
		return wrong(c, "code at %#" PRIx64 " that is not of whole pages, or of none", m->start);
	if (m->end > (k ? k->task_size : SPACE_MAX))
		return wrong(c, "code at %#" PRIx64 ", beyond its address space", m->start);
	if (m->build_id_len > TRACE_BUILD_ID_MAX)
		return wrong(c, "code with a build-id of %u bytes", m->build_id_len);
	if (strlen(m->path) >= TEXT_MAX)
		return wrong(c, "code of a file whose path is too long");
	return NULL;
}

/* How many frames it has at most was asked where they are read. */
static const char *check_stack(struct check *c, const struct trace_stack *s)
{
	if (s->id - 1 != c->last_stack)
		return wrong(c, "stack %u, which is not the next", s->id);
	if (s->end > TRACE_STACK_LOST || !s->count)
		return wrong(c, "a stack without a frame, or with no end");
	c->last_stack = s->id;
	return NULL;
}

/* Areas that it is about are the mirror's to find; there may be none. */
static const char *check_change(struct check *c, const struct trace_change *change)
{
	if (change->what > TRACE_CHANGE_UFFD_CLOSED)
		return wrong(c, "a change of a kind that there is not");
	if (!is_page(c, change->start) || !is_page(c, change->end) || change->start >= change->end ||
		change->end > SPACE_MAX)
		return wrong(c, "a change of what is no range of pages");
	return NULL;
}

/*
 * As many numbers as there can be: an anon_vma and a root each. They are those of this one event, from 1,
 * so that a reader may have an array by number.
 */
static const char *check_anon(struct check *c, const struct trace_anon *a)
{
	uint64_t most = 2ull * a->count;

	for (uint32_t i = 0; i < a->count; i++) {
		const struct trace_anon_area *area = &a->areas[i];

		if (!is_page(c, area->start) || area->start > SPACE_MAX ||
			(i && area->start <= a->areas[i - 1].start))
			return wrong(c, "anon_vmas of areas that do not ascend");
		if (!area->anon_vma || !area->root || area->anon_vma > most || area->root > most)
			return wrong(
				c, "an anon_vma at %#" PRIx64 " with a number that is none", area->start);
	}
	return NULL;
}

/* 0 bytes are a name: a task may call itself nothing. */
static const char *check_name(struct check *c, const char *name)
{
	return strlen(name) < TEXT_MAX ? NULL : wrong(c, "a task whose name is too long");
}

static const char *check_code(struct check *c, const struct trace_code *code)
{
	if (code->start >= code->end || code->end > SPACE_MAX)
		return wrong(c, "a function at %#" PRIx64 " of no bytes, or beyond its address space",
			code->start);
	return strlen(code->name) < TEXT_MAX ? NULL : wrong(c, "a function whose name is too long");
}

/* @k is freed; the number is never known again. */
static void end_space(struct check *c, struct known *k)
{
	tdelete(k, &c->spaces, by_number);
	free(k);
}

/*
 * A process's own, and those of the machine and of mlockall, which begin at TRACE_LIMIT_MAX_MAP_COUNT so
 * that own ones have room to come.
 */
static bool is_limit(uint32_t limit)
{
	return limit < TRACE_LIMIT_COUNT ||
	       (limit >= TRACE_LIMIT_MAX_MAP_COUNT && limit <= TRACE_LIMIT_FUTURE_LOCK);
}

/* Only of PERSONALITY a bound follows: see end_under(). */
static const char *check_limit(struct check *c, const struct trace_limit_change *l, struct known *k)
{
	if (!is_limit(l->limit))
		return wrong(c, "a limit that there is not");
	if (k && l->limit == TRACE_LIMIT_PERSONALITY)
		k->task_size = end_under(k->task_size, l->value);
	return NULL;
}

/* An event of a space that is known, or, if events were lost, is not. */
static const char *check_in_space(struct check *c, const struct trace_event *e, struct known *k)
{
	switch (e->type) {
	case TRACE_EVENT_MAP:
		return check_map(c, &e->map, k);
	case TRACE_EVENT_CALL:
		return check_call(c, &e->call, k);
	case TRACE_EVENT_FORK:
		return check_fork(c, e, k);
	case TRACE_EVENT_EXIT:
		if (k && e->exit.last)
			end_space(c, k);
		return NULL;
	case TRACE_EVENT_LIMIT:
		return check_limit(c, &e->limit, k);
	case TRACE_EVENT_MODULE:
		return check_module(c, &e->module, k);
	case TRACE_EVENT_STACK:
		return check_stack(c, &e->stack);
	case TRACE_EVENT_CHANGE:
		return check_change(c, &e->change);
	case TRACE_EVENT_ANON:
		return check_anon(c, &e->anon);
	case TRACE_EVENT_NAME:
		return check_name(c, e->name.name);
	case TRACE_EVENT_CODE:
		return check_code(c, &e->code);
	default:
		return NULL;
	}
}

/*
 * At the first wrong event the reader stops, so a check that has answered with a sentence is not asked
 * again; check_free() is wanted all the same.
 */
const char *check_event(struct check *c, const struct trace_event *e)
{
	struct known *k = find(c, e->mm);

	if (e->pid > INT_MAX || e->tid > INT_MAX)
		return wrong(c, "process %u, task %u", e->pid, e->tid);
	if (e->time_ns > INT64_MAX)
		return wrong(c, "a time in centuries to come");
	switch (e->type) {
	/*
	 * FILE, SPACE and LOST are about no space that has begun: the question of CK1 is not asked of them.
	 */
	case TRACE_EVENT_FILE:
		return check_file(c, &e->file);
	case TRACE_EVENT_SPACE:
		return check_space(c, e);
	case TRACE_EVENT_LOST:
		c->lost = true;
		return strlen(e->lost.what) < TEXT_MAX ? NULL
						       : wrong(c, "a loss that is told at too great length");
	default:
		if (!k && !c->lost)
			return wrong(c, "address space %u, which has not begun, or has ended", e->mm);
		return check_in_space(c, e, k);
	}
}

void check_free(struct check *c)
{
	tdestroy(c->spaces, free);
	c->spaces = NULL;
}
