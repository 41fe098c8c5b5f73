/* SPDX-License-Identifier: MIT */
/* Items become events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "minmax.h"
#include "source.h"
#include "uapi.h"

const struct range everywhere = { 0, UINT64_MAX }, nowhere = { 0, 0 };

void emit_event(
	struct live_bpf *s, struct trace_event *e, uint32_t pid, uint32_t tid, uint32_t mm, uint64_t time_ns)
{
	uint64_t time = time_ns > s->start_ns ? time_ns - s->start_ns : 0;
	int err;

	if (s->err)
		return;
	/* An item may have waited while others were told. */
	s->last_ns = time > s->last_ns ? time : s->last_ns;
	e->step = ++s->steps;
	e->time_ns = s->last_ns;
	e->pid = pid;
	e->tid = tid;
	e->mm = mm;
	err = s->sink->event(s->sink, e);
	if (err)
		s->err = err;
}

void emit_lost_records(struct live_bpf *s, struct followed *f, uint64_t count, const char *what)
{
	struct trace_event e = { .type = TRACE_EVENT_LOST, .lost = { count, what } };

	emit_event(s, &e, f ? f->pid : 0, f ? f->pid : 0, f ? f->mm : 0, now_ns());
}

/* --- maps --------------------------------------------------------------------------------------------------- */

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

/* Room for @nr areas. */
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

/* A recording has no words for some of what keeps areas of a map apart: then the mirror is to stay in doubt. */
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

void emit_first_map(struct live_bpf *s, struct followed *f, const struct area_list *l)
{
	if (can_be_said(l))
		emit_sharing(s, f, l, 0);
	emit_map(s, f, l, TRACE_MAP_BEGIN, 0, UINT64_MAX);
}

/* --- first writes ------------------------------------------------------------------------------------------- */

/* Some of it was told, or it was moved to @placed: what the mirror has there has an anon_vma, too. */
static bool is_derived(const struct followed *f, const struct bpf_area *a, const struct range *placed)
{
	struct range run;

	if (!a->anon_vma || (a->start < placed->end && a->end > placed->start))
		return a->anon_vma;
	return next_remembered(&f->written, a->start, &run) && run.start < a->end;
}

/* From the first area to the last, if they lie side by side and all have an anon_vma. */
static bool is_written_row(const struct area_list *l, struct range *row)
{
	const struct bpf_area *last = l->nr ? &l->areas[l->nr - 1] : NULL;

	for (const struct bpf_area *a = l->areas; last && a <= last; a++)
		if (!a->anon_vma || (a < last && a->end != a[1].start))
			return false;
	if (last)
		*row = (struct range){ l->areas[0].start, last->end };
	return last;
}

/* It is so already, as where areas that are written exchange their pages. */
static bool is_noted(const struct followed *f, const struct range *row, const struct range *seen)
{
	const struct range *had = &f->row;

	return seen->start >= f->noted.start && seen->end <= f->noted.end && row->start >= had->start &&
	       row->end <= had->end && max(had->start, seen->start) >= row->start &&
	       min(had->end, seen->end) <= row->end;
}

void note_areas(struct live_bpf *s, struct followed *f, struct area_list *l, const struct range *seen,
	const struct range *placed)
{
	struct range row;
	bool whole = is_written_row(l, &row);

	callers_note(s, f, l, seen);
	if (whole && is_noted(f, &row, seen))
		return;
	for (uint32_t i = 0; i < l->nr; i++)
		if (!is_derived(f, &l->areas[i], placed))
			l->areas[i].anon_vma = 0;
	forget(&f->written, seen->start, seen->end);
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].anon_vma)
			remember(&f->written, l->areas[i].start, l->areas[i].end);
	f->noted = nowhere;
	if (!is_written_row(l, &f->row))
		return;
	f->noted = (struct range){ min(f->row.start, seen->start), max(f->row.end, seen->end) };
}

/* It is written, and not all of it was known to be. */
static bool newly_written(const struct followed *f, const struct bpf_area *a)
{
	struct range run;

	for (uint64_t at = a->start; a->anon_vma && at < a->end; at = run.end)
		if (!next_remembered(&f->written, at, &run) || run.start > at)
			return true;
	return false;
}

/* Would @a, alone, take the anon_vma of its neighbour @b at its first write? */
static bool would_lend(const struct bpf_area *a, const struct bpf_area *b)
{
	const uint64_t may_differ = VM_READ | VM_WRITE | VM_EXEC | VM_SOFTDIRTY;

	return !((a->vm_flags ^ b->vm_flags) & ~may_differ) && a->file == b->file && a->policy == b->policy &&
	       !(b->flags & AREA_INHERITED) && b->pgoff - a->pgoff == (b->start >> 12) - (a->start >> 12);
}

static bool adjacent(const struct bpf_area *a, const struct bpf_area *b)
{
	return b->end == a->start || b->start == a->end;
}

/* Behind the section, with an area that it has reached to. */
static bool shares_behind(const struct item *it, const struct bpf_area *a)
{
	for (uint32_t i = 0; i < it->after.nr; i++)
		if (adjacent(a, &it->after.areas[i]) && it->after.areas[i].anon_vma == a->anon_vma)
			return true;
	return false;
}

/*
 * Areas side by side that two threads write at once for the first time can have an anon_vma each: neither sees the other's
 * yet.  @i: is there one beside it that has come to another, and none that has come to its own?
 */
static bool is_apart(const struct followed *f, const struct item *it, const struct area_list *l, uint32_t i)
{
	const struct bpf_area *a = &l->areas[i];
	bool apart = false;

	for (uint32_t n = i ? i - 1 : 0; n <= i + 1 && n < l->nr; n++) {
		const struct bpf_area *b = &l->areas[n];

		if (n == i || !adjacent(a, b) || !b->anon_vma || newly_written(f, b))
			continue;
		if (b->anon_vma == a->anon_vma)
			return false;
		apart |= would_lend(a, b);
	}
	return apart && !shares_behind(it, a);
}

static void emit_fault(
	struct live_bpf *s, struct followed *f, const struct item *it, const struct area_list *l, uint32_t i)
{
	const struct bpf_area *a = &l->areas[i];
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = a->start,
			.write = a->vm_flags & VM_WRITE,
			.write_known = true,
			.apart = is_apart(f, it, l, i) } };

	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	remember(&f->written, a->start, a->end);
	f->noted = nowhere;
}

/* Does it share its anon_vma with the area that follows it? */
static bool shares(const struct area_list *l, uint32_t i)
{
	const struct bpf_area *a = &l->areas[i];

	return i + 1 < l->nr && a->end == a[1].start && a->anon_vma && a->anon_vma == a[1].anon_vma;
}

/*
 * An area that is written for the first time takes the anon_vma of its neighbour above, or else below, if they go together.
 * In this order all come to what they have: what shares the one of a neighbour below that was written before, upwards;
 * the highest of each row that shares one; what is below those, downwards.
 */
static void emit_first_writes(
	struct live_bpf *s, struct followed *f, const struct item *it, const struct area_list *l)
{
	for (uint32_t i = 1; i < l->nr; i++)
		if (newly_written(f, &l->areas[i]) && shares(l, i - 1) && !newly_written(f, &l->areas[i - 1]))
			emit_fault(s, f, it, l, i);
	for (uint32_t i = l->nr; i-- > 0;)
		if (newly_written(f, &l->areas[i]) && !shares(l, i))
			emit_fault(s, f, it, l, i);
	for (uint32_t i = l->nr; i-- > 0;)
		if (newly_written(f, &l->areas[i]))
			emit_fault(s, f, it, l, i);
}

static bool names(const struct item *it, const struct bpf_area *a)
{
	const struct call_record *c = &it->call;
	uint64_t range[RECORD_DATA_BYTES / sizeof(uint64_t)] = { c->args[0], c->args[1] };
	size_t nr = 2;

	if (c->nr == NR_process_madvise) {
		nr = c->data_len / sizeof(range[0]);
		memcpy(range, c->data, c->data_len);
	}
	for (size_t i = 0; it->has_call && i + 1 < nr; i += 2)
		if (a->start < range[i] + range[i + 1] && a->end > range[i])
			return true;
	return false;
}

/*
 * What has come meanwhile beside guard pages was there before them.  Their own areas get theirs by the call: they are only
 * noted.
 */
static void emit_written_meanwhile(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct area_list *l = &it->after;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l->nr; i++)
		if (names(it, &l->areas[i]))
			remember(&f->written, l->areas[i].start, l->areas[i].end);
		else
			l->areas[kept++] = l->areas[i];
	if (kept < l->nr)
		f->noted = nowhere;
	l->nr = kept;
	emit_first_writes(s, f, it, l);
}

/* --- calls -------------------------------------------------------------------------------------------------- */

static const struct bpf_area *area_at(const struct area_list *l, uint64_t addr)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].start <= addr && addr < l->areas[i].end)
			return &l->areas[i];
	return NULL;
}

/* The file of the mapping that the call has made, or was refused. */
static void emit_file(struct live_bpf *s, struct followed *f, const struct item *it, struct trace_call *call)
{
	const struct bpf_area refused = { .file = it->file.file, .flags = it->file.flags },
			      *a = IS_ERR_VALUE(call->result) ? &refused
							      : area_at(&it->after, (uint64_t)call->result);
	struct origin *o = a ? origin_of(s, a) : NULL;
	struct trace_event e = { .type = TRACE_EVENT_FILE };

	if (!o || (call->nr != NR_mmap && call->nr != NR_shmat))
		return;
	if (a != &refused)
		origin_name(o, (pid_t)f->pid, a);
	e.file = o->file;
	e.file.path = o->path;
	e.file.has_close = a->flags & AREA_HAS_CLOSE;
	e.file.vm_flags_off = a->flags & AREA_SEALED ? VM_MAYWRITE : 0;
	if (call->nr == NR_mmap && call->args[3] & MAP_ANONYMOUS) {
		e.file.anonymous = true;
		e.file.open_flags = 2;
		if (e.file.kind == TRACE_FILE_HUGETLB)
			e.file.vm_flags = VM_HUGETLB | VM_DONTEXPAND;
	} else if (e.file.kind == TRACE_FILE_DEVICE) {
		e.file.vm_flags =
			a->vm_flags & (VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP);
	}
	call->file = o->id;
	emit_event(s, &e, it->pid, it->tid, 0, it->time_ns);
}

static void emit_call(struct live_bpf *s, struct followed *f, const struct item *it)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = it->call.nr,
			.result = it->call.result,
			.ip = it->call.ip,
			.sp = it->call.sp,
			.data = it->call.data_len ? it->call.data : NULL,
			.data_len = it->call.data_len,
			.unordered = it->unordered } };
	const struct bpf_area *a;
	uint64_t size;

	memcpy(e.call.args, it->call.args, sizeof(e.call.args));
	emit_name(s, f, it);
	e.call.stack = callers_of(s, f, it);
	emit_file(s, f, it, &e.call);
	if (e.call.nr == NR_shmat && !IS_ERR_VALUE(e.call.result) &&
		(a = area_at(&it->after, (uint64_t)e.call.result)) != NULL) {
		size = a->end - a->start;
		e.call.data = &size;
		e.call.data_len = sizeof(size);
	}
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
}

/* As they were when the call returned. */
static void emit_limits(struct live_bpf *s, struct followed *f, const struct item *it)
{
	uint64_t told[RECORD_LIMITS];

	_Static_assert(RECORD_LIMITS == TRACE_LIMIT_COUNT, "the programs tell all");
	if (it->call.data_len != sizeof(told))
		return;
	memcpy(told, it->call.data, sizeof(told));
	for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++) {
		struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { i, told[i] } };

		if (told[i] == f->limits[i])
			continue;
		f->limits[i] = told[i];
		emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	}
}

/* --- sections ----------------------------------------------------------------------------------------------- */

static void emit_fork(struct live_bpf *s, struct followed *f, const struct item *it)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK, .fork.child_pid = it->fork.child_pid };
	struct followed *child = followed_find(s, it->fork.child_space);

	emit_first_writes(s, f, it, &it->before);
	/* It has begun by itself. */
	if (child && (child->known || child->is_late))
		return;
	e.fork.child_mm = ++s->next_mm;
	if (child)
		child->mm = s->next_mm;
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	if (!child)
		return;
	child->known = true;
	callers_copy(s, f, child);
	memcpy(child->limits, f->limits, sizeof(child->limits));
	/* What was written in the parent is so in the child, if it is there. */
	for (uint32_t i = 0; i < it->before.nr; i++)
		if (!(it->before.areas[i].vm_flags & (VM_WIPEONFORK | VM_DONTCOPY)))
			remember(&child->written, it->before.areas[i].start, it->before.areas[i].end);
}

/* Nobody's call: a stack that a fault has extended, or something that is not known. */
static void emit_unasked(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct section_record *sec = &it->section;
	const struct bpf_area *a;

	if (sec->wrote_lo >= sec->wrote_hi)
		return;
	a = area_at(&it->after, sec->wrote_lo);
	if (a && a->vm_flags & VM_GROWSDOWN && newly_written(f, a)) {
		/* Nobody has told what was written before; what was written first by this fault is among it. */
		emit_first_writes(s, f, it, &it->before);
		emit_first_writes(s, f, it, &it->after);
		emit_map(s, f, &it->after, TRACE_MAP_CHECK, sec->lo, sec->hi);
	} else {
		emit_lost_records(s, f, 1, "a change of the map by no call that was seen to begin");
		emit_map(s, f, &it->after, TRACE_MAP_RESYNC, sec->lo, sec->hi);
	}
	note_areas(s, f, &it->after, &(struct range){ sec->lo, sec->hi }, &everywhere);
}

static const char too_many_ranges[] = "process_madvise of more ranges than BPF tells";

static bool lacks_ranges(const struct call_record *c)
{
	return c->nr == NR_process_madvise && c->args[2] && !c->data_len;
}

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + 4095) & ~4095ull;
}

/*
 * Where a call has moved written areas to.  Others, that were not, take what is beside them there; what lies behind the new
 * length was cut off before.
 */
static struct range moved_to(const struct followed *f, const struct call_record *c)
{
	uint64_t to = (uint64_t)c->result, len = whole_pages(c->args[2]);
	struct range run;

	if (c->nr != NR_mremap || IS_ERR_VALUE(c->result) ||
		!next_remembered(&f->written, c->args[0], &run) ||
		run.start >= c->args[0] + min(whole_pages(c->args[1]), len))
		return nowhere;
	return (struct range){ to, to + len };
}

static void emit_section(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct section_record *sec = &it->section;
	const struct range seen = { sec->lo, sec->hi };
	struct range placed;

	if (it->fork.child_tid) {
		emit_fork(s, f, it);
		return;
	}
	if (!it->has_call) {
		emit_unasked(s, f, it);
		return;
	}
	emit_first_writes(s, f, it, &it->before);
	if (lacks_ranges(&it->call)) {
		emit_lost_records(s, f, 1, too_many_ranges);
		emit_map(s, f, &it->after, TRACE_MAP_RESYNC, sec->lo, sec->hi);
		note_areas(s, f, &it->after, &seen, &everywhere);
		return;
	}
	emit_call(s, f, it);
	if (sec->lo >= sec->hi)
		return;
	placed = moved_to(f, &it->call);
	emit_map(s, f, &it->after, TRACE_MAP_CHECK, sec->lo, sec->hi);
	note_areas(s, f, &it->after, &seen, &placed);
	emit_anon(s, f, &it->after);
}

/* --- tasks -------------------------------------------------------------------------------------------------- */

static void emit_end(struct live_bpf *s, struct followed *f, const struct item *it, bool last, bool exec)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT,
		.exit = { .status = it->status, .last = last, .exec = exec } };

	if (last && !f->ended)
		callers_before_end(s, f);
	if (!f->ended)
		emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	f->ended |= last;
	name_forget(s, it->tid);
}

void emit_gone(struct live_bpf *s, struct followed *f)
{
	const struct item it = { .pid = f->pid, .tid = f->pid };

	if (f->known)
		emit_end(s, f, &it, true, false);
	f->users = 0;
	f->finished = true;
	f->held_exit = false;
}

static void on_exit_item(struct live_bpf *s, struct followed *f, const struct item *it)
{
	if (f->users)
		f->users--;
	if (f->users || f->finished) {
		emit_end(s, f, it, !f->users, false);
		return;
	}
	/* Its areas are looked at before they go. */
	f->exit = *it;
	f->held_exit = true;
}

static void on_final_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	emit_first_writes(s, f, it, &it->before);
	emit_map(s, f, &it->after, TRACE_MAP_CHECK, 0, UINT64_MAX);
	note_areas(s, f, &it->after, &everywhere, &nowhere);
	emit_anon(s, f, &it->after);
	f->finished = true;
	if (f->held_exit)
		emit_end(s, f, &f->exit, true, false);
	else if (f->passed_over)
		emit_gone(s, f);
	f->held_exit = false;
}

static void begin_space(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct exec_record *x = it->exec;
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = { .path = x->path } };
	struct trace_space *t = &e.space;

	f->mm = ++s->next_mm;
	memcpy(t->limits, x->limits, sizeof(t->limits));
	memcpy(f->limits, x->limits, sizeof(f->limits));
	t->start_code = x->start_code;
	t->end_code = x->end_code;
	t->start_data = x->start_data;
	t->end_data = x->end_data;
	t->start_brk = x->start_brk;
	t->brk = x->brk;
	t->start_stack = x->start_stack;
	t->arg_start = x->arg_start;
	t->arg_end = x->arg_end;
	t->env_start = x->env_start;
	t->env_end = x->env_end;
	t->mmap_base = x->mmap_base;
	t->task_size = x->task_size;
	t->topdown = !(x->limits[TRACE_LIMIT_PERSONALITY] & ADDR_COMPAT_LAYOUT);
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	emit_map(s, f, &it->after, TRACE_MAP_BEGIN, 0, UINT64_MAX);
	note_areas(s, f, &it->after, &everywhere, &everywhere);
	f->known = true;
	if (f->passed_over) {
		emit_lost_records(s, f, 1, "what it did before it was told of");
		resync(s, f);
	}
}

/* What comes of it is not told: no sections, no calls. */
static void refuse_space(struct live_bpf *s, struct followed *f)
{
	emit_lost_records(s, f, 0, "a 32-bit program: BPF does not follow it, `--via ptrace` does");
	f->users = 0;
	f->finished = true;
}

/* The task leaves @f, if it was in one that is followed, for a new one. */
static void on_exec_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct followed *new = followed_find(s, it->exec->head.space);

	if (f && f != new) {
		if (f->users)
			f->users--;
		emit_end(s, f, it, !f->users, true);
		f->finished |= !f->users;
	}
	if (new && it->exec->narrow)
		refuse_space(s, new);
	else if (new)
		begin_space(s, new, it);
}

/* What comes behind an end that was not seen: it begins others. */
static void emit_behind_end(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct followed *child = it->fork.child_tid ? followed_find(s, it->fork.child_space) : NULL;

	if (it->kind == ITEM_EXEC)
		on_exec_item(s, f, it);
	else if (it->kind <= ITEM_CALL && child && !child->known)
		child->is_late = true;
}

void emit_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct trace_event task = { .type = TRACE_EVENT_TASK };

	if (f->ended) {
		emit_behind_end(s, f, it);
		return;
	}
	if (it->drop) {
		/* Of several sections and looks of a call only the last is told; what was written before them is. */
		if (it->kind <= ITEM_CALL)
			emit_first_writes(s, f, it, &it->before);
		if (it->kind == ITEM_CALL)
			emit_written_meanwhile(s, f, it);
		return;
	}
	switch (it->kind) {
	case ITEM_SECTION:
		emit_section(s, f, it);
		break;
	case ITEM_CALL:
		emit_first_writes(s, f, it, &it->before);
		emit_written_meanwhile(s, f, it);
		if (lacks_ranges(&it->call))
			emit_lost_records(s, f, 1, too_many_ranges);
		else if (limit_changed_by(it->call.nr) != LIMIT_NONE)
			emit_limits(s, f, it);
		else
			emit_call(s, f, it);
		break;
	case ITEM_TASK:
		f->users++;
		task.task.parent_tid = it->tid;
		task.task.thread = it->fork.child_pid == it->pid;
		emit_event(s, &task, it->fork.child_pid, it->fork.child_tid, f->mm, it->time_ns);
		break;
	case ITEM_EXIT:
		on_exit_item(s, f, it);
		break;
	case ITEM_EXEC:
		on_exec_item(s, f, it);
		break;
	case ITEM_FINAL:
		on_final_item(s, f, it);
		break;
	}
}
