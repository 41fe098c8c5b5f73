/* SPDX-License-Identifier: MIT */
/*
 * Areas become events: the map as it is, and which of its areas share an anon_vma.
 *
 * The arrays of an event are the source's own (areas, anon_areas), grown here alone and used anew by the next event: a sink
 * has copied what it keeps when it returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "source.h"

/*
 * As maps would show it, as far as the areas tell: only a first map's names are compared. What has no
 * file but a close operation is special_mapping_vmops'. @begin: of a first map, whose names have to be
 * whole: the path is asked of /proc, where it is not known.
 */
static const char *name_of(struct live_bpf *s, struct followed *f, const struct bpf_area *a, bool begin)
{
	struct origin *o = origin_of(s, a);

	if (o && begin)
		origin_name(o, (pid_t)f->pid, a);
	if (o)
		return o->path;
	if (a->vm_flags & VM_GROWSDOWN)
		return "[stack]";
	if (!a->file && a->flags & AREA_HAS_CLOSE)
		return a->vm_flags & VM_EXEC ? "[vdso]" : "[vvar]";
	return "";
}

/*
 * offset: maps shows 0 for anonymous memory; a first map tells that of areas which mremap() has moved,
 * whose page offset is not that of their address. SOFTDIRTY is left out, which the kernel sets by
 * itself.
 */
void area_as_told(
	struct live_bpf *s, struct followed *f, const struct bpf_area *a, bool begin, struct trace_area *t)
{
	*t = (struct trace_area){ .start = a->start,
		.end = a->end,
		.offset = a->file || (begin && a->pgoff != a->start >> 12) ? a->pgoff << 12 : 0,
		.dev = a->file ? shown_device(a->dev) : 0,
		.ino = a->file ? a->ino : 0,
		.prot = (a->vm_flags & VM_READ ? PROT_READ : 0) | (a->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
			(a->vm_flags & VM_EXEC ? PROT_EXEC : 0),
		.shared = a->vm_flags & VM_MAYSHARE,
		.vm_flags = a->vm_flags & ~VM_SOFTDIRTY,
		.touched = a->anon_vma != 0,
		.name = name_of(s, f, a, begin) };
}

static bool no_memory(struct live_bpf *s)
{
	s->err = -ENOMEM;
	return false;
}

/* Room for @nr areas. areas and anon_areas are of one length. */
static bool room_for(struct live_bpf *s, uint32_t nr)
{
	void *grown;

	if (nr <= s->areas_allocated)
		return true;
	nr += 64;
	grown = realloc(s->areas, nr * sizeof(*s->areas));
	if (!grown)
		return no_memory(s);
	s->areas = grown;
	grown = realloc(s->anon_areas, nr * sizeof(*s->anon_areas));
	if (!grown)
		return no_memory(s);
	s->anon_areas = grown;
	s->areas_allocated = nr;
	return true;
}

/* [lo, hi) is what the areas are all of: the mirror is compared, or goes on, there and nowhere else. */
void emit_map(struct live_bpf *s, struct followed *f, const struct area_list *l, uint32_t reason, uint64_t lo,
	uint64_t hi)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = reason, .lo = lo, .hi = hi, .has_vm_flags = true, .count = l->nr } };

	if (!room_for(s, l->nr))
		return;
	e.map.areas = s->areas;
	e.map.has_names = reason == TRACE_MAP_BEGIN;
	for (uint32_t i = 0; i < l->nr; i++)
		area_as_told(s, f, &l->areas[i], reason == TRACE_MAP_BEGIN, &s->areas[i]);
	emit_event(s, &e, f->pid, f->pid, f->mm, s->last_ns + s->start_ns);
}

/* --- anon_vmas ---------------------------------------------------------------------------------------------- */

#define FEW_AREAS 16

/* The number of a pointer, by looking at those before. */
static uint32_t number_among(uint64_t *known, uint32_t *last, uint64_t pointer)
{
	uint32_t n = 0;

	while (n < *last && known[n] != pointer)
		n++;
	if (n == *last)
		known[(*last)++] = pointer;
	return n + 1;
}

/* The numbers that number_of() would give, quicker: of FEW_AREAS at most that have an anon_vma. */
static void number_few(struct trace_anon_area *areas, const struct area_list *l)
{
	uint64_t known[2 * FEW_AREAS];
	uint32_t last = 0, at = 0;

	for (uint32_t i = 0; i < l->nr; i++) {
		if (!l->areas[i].anon_vma)
			continue;
		areas[at].anon_vma = number_among(known, &last, l->areas[i].anon_vma);
		areas[at++].root = number_among(known, &last, l->areas[i].anon_root);
	}
}

/* False: no memory. */
static bool number_many(struct trace_anon_area *areas, const struct area_list *l)
{
	struct numbers anon_vmas;
	bool whole = true;
	uint32_t at = 0;

	numbers_init(&anon_vmas);
	for (uint32_t i = 0; i < l->nr; i++) {
		if (!l->areas[i].anon_vma)
			continue;
		areas[at].anon_vma = number_of(&anon_vmas, l->areas[i].anon_vma);
		areas[at].root = number_of(&anon_vmas, l->areas[i].anon_root);
		whole &= areas[at].anon_vma && areas[at].root;
		at++;
	}
	numbers_destroy(&anon_vmas);
	return whole;
}

/* Fewer than @least: nothing is said. Numbers are of this event alone, from 1 in the order of addresses. */
static void emit_sharing(struct live_bpf *s, struct followed *f, const struct area_list *l, uint32_t least)
{
	struct trace_event e = { .type = TRACE_EVENT_ANON };

	if (!room_for(s, l->nr))
		return;
	e.anon.areas = s->anon_areas;
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].anon_vma)
			s->anon_areas[e.anon.count++].start = l->areas[i].start;
	if (e.anon.count < least)
		return;
	if (e.anon.count <= FEW_AREAS)
		number_few(s->anon_areas, l);
	else if (!number_many(s->anon_areas, l)) {
		no_memory(s);
		return;
	}
	emit_event(s, &e, f->pid, f->pid, f->mm, s->last_ns + s->start_ns);
}

void emit_anon(struct live_bpf *s, struct followed *f, const struct area_list *l)
{
	emit_sharing(s, f, l, 2); /* of one area there is nothing to say */
}

/*
 * A recording has no words for some of what keeps areas of a map apart: then the mirror is to stay in
 * doubt. What it asks, in its order: policies and userfaultfds have no event, nor have names of
 * anonymous memory in a map; a chain of more links than the own one, or one that was inherited whole,
 * is of a parent that nobody saw; two open files of one inode side by side are one file by what a map
 * tells.
 */
static bool can_be_said(const struct area_list *l)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct bpf_area *a = &l->areas[i], *below = i ? a - 1 : NULL;

		if (a->policy || a->uffd || a->flags & AREA_NAMED)
			return false;
		if (a->anon_vma && !(a->flags & AREA_INHERITED) != (a->anon_vma == a->anon_root))
			return false;
		if (below && a->file != below->file && a->ino && a->ino == below->ino && a->dev == below->dev)
			return false;
	}
	return true;
}

/* Of an adopted process. Sharing is told before the map, which the mirror is made from. */
void emit_first_map(struct live_bpf *s, struct followed *f, const struct area_list *l)
{
	if (can_be_said(l))
		emit_sharing(s, f, l, 0);
	emit_map(s, f, l, TRACE_MAP_BEGIN, 0, UINT64_MAX);
}
