/* SPDX-License-Identifier: MIT */
/*
 * Areas from birth to end, as the ledger goes from event to event.
 *
 * An event changes areas only where it says so, and their neighbours, which it may join: there what was open is compared with
 * what is there now.  What is no longer so ends, what is new begins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "collect.h"

const char *const report_kind_names[REPORT_KINDS] = { "anonymous", "heap", "stack", "file, code",
	"file, data", "no access", "shared", "huge pages", "kernel's own" };

enum report_kind report_kind_of(const struct vm_area_struct *vma)
{
	char buf[64];
	const char *name = vma_name(vma, buf, sizeof(buf));

	if (vma->vm_file && vma->vm_file->kind == VM_FILE_SPECIAL)
		return REPORT_SPECIAL;
	if (!(vma->vm_flags & VM_ACCESS_FLAGS))
		return REPORT_NONE;
	if (strcmp(name, "[heap]") == 0)
		return REPORT_HEAP;
	if (strncmp(name, "[stack", 6) == 0)
		return REPORT_STACK;
	if (vma->vm_flags & VM_HUGETLB)
		return REPORT_HUGE;
	if (vma->vm_flags & VM_MAYSHARE)
		return REPORT_SHARED;
	if (!vma->vm_file)
		return REPORT_ANON;
	return vma->vm_flags & VM_EXEC ? REPORT_TEXT : REPORT_FILE;
}

/* ---- ended areas ---- */

static bool is_merged(const struct report *r, const struct report_rect *rect)
{
	return rect->ended_ns - rect->born_ns < r->shortest_ns || rect->end - rect->start < r->smallest;
}

/* What lived shortest goes, until a quarter has gone; where all lived long, a quarter of the time, the smallest. */
static void make_room(struct report *r)
{
	uint32_t kept = r->nr_rects;

	while (kept > REPORT_RECTS - REPORT_RECTS / 4) {
		if (r->shortest_ns * 4 < r->now_ns - r->begin_ns)
			r->shortest_ns = r->shortest_ns ? r->shortest_ns * 2 : 1000;
		else
			r->smallest = r->smallest ? r->smallest * 2 : 8192;
		kept = 0;
		for (uint32_t i = 0; i < r->nr_rects; i++)
			if (!is_merged(r, &r->rects[i]))
				r->rects[kept++] = r->rects[i];
		r->merged += r->nr_rects - kept;
		r->nr_rects = kept;
	}
}

static void keep(struct report *r, const struct report_rect *rect)
{
	struct report_rect *grown;

	if (is_merged(r, rect)) {
		r->merged++;
		return;
	}
	if (r->nr_rects == REPORT_RECTS)
		make_room(r);
	if (r->nr_rects == r->allocated) {
		uint32_t size = r->allocated ? r->allocated * 2 : 1024;

		grown = realloc(r->rects, size * sizeof(*grown));
		r->no_memory |= !grown;
		if (!grown)
			return;
		r->rects = grown;
		r->allocated = size;
	}
	r->rects[r->nr_rects++] = *rect;
}

static void close_rect(struct report *r, struct report_rect *rect)
{
	mtree_erase(&r->open, rect->start);
	rect->ended_ns = r->now_ns;
	r->nr_open--;
	keep(r, rect);
	free(rect);
}

/* ---- living areas ---- */

static uint8_t prot_of(const struct vm_area_struct *vma)
{
	return (uint8_t)((vma->vm_flags & VM_READ ? 1 : 0) | (vma->vm_flags & VM_WRITE ? 2 : 0) |
			 (vma->vm_flags & VM_EXEC ? 4 : 0));
}

static uint32_t site_number(struct report *r, const struct vm_area_struct *vma)
{
	const struct explain_event *made =
		explain_life(vma)->low ? explain_life(vma)->low : explain_life(vma)->made;
	const struct explain_site *site = made ? made->site : NULL;
	const char *call = made && made->type == TRACE_EVENT_CALL ? trace_call_name(made->call.nr) : NULL;
	const char *slash = site ? strrchr(site->module, '/') : NULL;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s",
		call   ? call
		: made ? "no call"
		       : "before the recording",
		site ? " at " : "", site && site->module[0] ? (slash ? slash + 1 : site->module) : "");
	if (site)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%#llx",
			site->module[0] ? "+" : "", (unsigned long long)site->offset);
	return report_word(&r->sites, text);
}

static bool is_still(const struct report_rect *rect, const struct vm_area_struct *vma)
{
	return vma && rect->start == vma->vm_start && rect->end == vma->vm_end &&
	       rect->kind == (uint8_t)report_kind_of(vma) && rect->prot == prot_of(vma);
}

static void open_rect(struct report *r, const struct vm_area_struct *vma, uint64_t step)
{
	struct report_rect *rect = malloc(sizeof(*rect));
	struct explain_boundary b;
	char name[4096];

	if (!rect) {
		r->no_memory = true;
		return;
	}
	explain_boundary(vma, &b);
	*rect = (struct report_rect){ .start = vma->vm_start,
		.end = vma->vm_end,
		.born_ns = r->now_ns,
		.step = step,
		.reasons = b.main_reasons,
		.site = site_number(r, vma),
		.name = report_word(&r->names, vma_name(vma, name, sizeof(name))),
		.kind = (uint8_t)report_kind_of(vma),
		.prot = prot_of(vma) };
	if (mtree_store_range(&r->open, rect->start, rect->end - 1, rect, GFP_KERNEL)) {
		r->no_memory = true;
		free(rect);
		return;
	}
	r->nr_open++;
}

static void look_at(struct report *r, uint64_t lo, uint64_t hi, uint64_t step)
{
	unsigned long index = lo ? lo - 1 : 0;
	struct report_rect *rect;
	struct vm_area_struct *vma;

	hi = hi + 1 > hi ? hi + 1 : hi;
	for (rect = mt_find(&r->open, &index, hi); rect; rect = mt_find(&r->open, &index, hi))
		if (!is_still(rect, vma_lookup(r->mm, rect->start)))
			close_rect(r, rect);
	vma = find_vma(r->mm, lo ? lo - 1 : 0);
	for (; vma && vma->vm_start <= hi; vma = find_vma(r->mm, vma->vm_end))
		if (!mtree_load(&r->open, vma->vm_start))
			open_rect(r, vma, step);
}

/* Where a call may have changed something. */
static void call_range(const struct trace_call *c, uint64_t brk, uint64_t *lo, uint64_t *hi)
{
	*lo = c->args[0];
	*hi = c->args[0] + c->args[1];
	switch (c->nr) {
	case SYS_mmap:
		*lo = (uint64_t)c->result;
		*hi = *lo + c->args[1];
		break;
	case SYS_brk:
		*lo = brk < (uint64_t)c->result ? brk : (uint64_t)c->result;
		*hi = brk > (uint64_t)c->result ? brk : (uint64_t)c->result;
		break;
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_madvise:
		break;
	case SYS_mlockall:
	case SYS_munlockall:
		*lo = *hi = 0;
		break;
	default:
		/* Two places, a segment's size, a structure: all of it. */
		*lo = 0;
		*hi = ~0ull;
	}
}

static void follow(struct report *r, const struct trace_event *e)
{
	uint64_t lo, hi;

	switch (e->type) {
	case TRACE_EVENT_MAP:
		if (e->map.reason != TRACE_MAP_CHECK)
			look_at(r, 0, ~0ull, e->step);
		break;
	case TRACE_EVENT_FAULT:
		look_at(r, e->fault.addr, e->fault.addr + 1, e->step);
		break;
	case TRACE_EVENT_CALL:
		r->calls++;
		call_range(&e->call, r->brk, &lo, &hi);
		look_at(r, lo, hi, e->step);
		break;
	default:
		break;
	}
}

/* ---- numbers over time ---- */

static void halve(struct report *r)
{
	for (uint32_t i = 0; i < REPORT_SAMPLES / 2; i++) {
		uint64_t most = r->samples[2 * i].areas;

		r->samples[i] = r->samples[2 * i + 1];
		if (most > r->samples[i].areas)
			r->samples[i].areas = most;
	}
	r->nr_samples = REPORT_SAMPLES / 2;
	r->stride *= 2;
}

static void sample(struct report *r, const struct trace_event *e)
{
	struct report_sample *last = r->nr_samples ? &r->samples[r->nr_samples - 1] : NULL;
	struct report_sample now = { .time_ns = e->time_ns,
		.step = e->step,
		.areas = (uint64_t)r->mm->map_count,
		.bytes = r->mm->total_vm << 12,
		.calls = r->calls,
		.splits = r->mm->counters.splits,
		.merges = r->mm->counters.merges };

	if (last && r->skipped + 1 < r->stride) {
		r->skipped++;
		if (last->areas > now.areas)
			now.areas = last->areas;
		*last = now;
		return;
	}
	if (r->nr_samples == REPORT_SAMPLES)
		halve(r);
	r->skipped = 0;
	r->samples[r->nr_samples++] = now;
}

/* ---- the interface ---- */

void report_begin(struct report *r, uint32_t mm_id)
{
	*r = (struct report){ .mm_id = mm_id, .stride = 1 };
	mt_init_flags(&r->open, 0);
}

void report_event(struct report *r, struct explain *x, const struct trace_event *e)
{
	bool is_fork = e->type == TRACE_EVENT_FORK && e->fork.child_mm == r->mm_id;

	if (e->mm != r->mm_id && !is_fork)
		return;
	if (!r->begin_ns)
		r->begin_ns = e->time_ns;
	r->now_ns = e->time_ns;
	r->mm = replay_space(explain_replay(x), r->mm_id);
	if (!r->mm)
		return;
	if (is_fork)
		look_at(r, 0, ~0ull, e->step);
	else
		follow(r, e);
	r->brk = r->mm->brk;
	sample(r, e);
}

void report_end(struct report *r)
{
	struct report_rect *rect;
	unsigned long index = 0;

	for (rect = mt_find(&r->open, &index, ULONG_MAX); rect; rect = mt_find(&r->open, &index, ULONG_MAX))
		close_rect(r, rect);
}

void report_free(struct report *r)
{
	report_end(r);
	mtree_destroy(&r->open);
	report_words_free(&r->names);
	report_words_free(&r->sites);
	free(r->rects);
}
