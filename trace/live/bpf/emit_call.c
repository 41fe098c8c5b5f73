/* SPDX-License-Identifier: MIT */
/*
 * Calls become events, with the file that they map before them and, where the kernel held the map's lock for writing (a
 * section), the areas of its window behind them.
 *
 * What a call's event needs before it, in this order: limits of its task, numbers of the machine, its
 * name, its stack, its file. Each is told only where it is not what was told last.
 */
#include <string.h>
#include <sys/mman.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "minmax.h"
#include "source.h"
#include "uapi.h"

/* O(areas): a window has few. */
static const struct bpf_area *area_at(const struct area_list *l, uint64_t addr)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].start <= addr && addr < l->areas[i].end)
			return &l->areas[i];
	return NULL;
}

/*
 * The file of the mapping that the call has made, or was refused. Of the area at the result: what the
 * kernel has mapped, not what the descriptor is by now. shmat has a file, too, and MAP_ANONYMOUS |
 * MAP_SHARED (memory of its own) or MAP_HUGETLB.
 */
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
		file_by_driver(&e.file, a->vm_flags);
	}
	call->file = o->id;
	emit_event(s, &e, it->pid, it->tid, 0, it->time_ns);
}

/* Owned by the item; call.data_len says how long. */
const void *call_data(const struct item *it)
{
	return it->ranges ? it->ranges : it->call.data_len ? it->call.data : NULL;
}

/* Of shmat the length of the segment is told as data, by the area that it has made. */
static void emit_call(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = it->call.nr,
			.result = it->call.result,
			.ip = it->call.ip,
			.sp = it->call.sp,
			.data = call_data(it),
			.data_len = it->call.data_len,
			.unordered = it->unordered } };
	const struct bpf_area *a;
	uint64_t size;

	/* What another process asks of a userfaultfd that it has inherited is told as asked by the one that it serves. */
	if (it->call.nr == NR_ioctl && it->pid != f->pid)
		it->pid = it->tid = f->pid;
	memcpy(e.call.args, it->call.args, sizeof(e.call.args));
	followed_limits_emit(s, f, it);
	machine_emit(s, f, it);
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

/* ITEM_UNDER, and calls that have changed something: both have them as data. */
void note_limits(struct live_bpf *s, struct followed *f, const struct item *it)
{
	uint64_t told[RECORD_LIMITS];

	_Static_assert(RECORD_LIMITS == TRACE_LIMIT_COUNT, "the programs tell all");
	if (it->call.data_len != sizeof(told))
		return;
	memcpy(told, it->call.data, sizeof(told));
	followed_limits_change(s, f, it, told);
}

/* As they were when the call returned. */
static void emit_limits(struct live_bpf *s, struct followed *f, const struct item *it)
{
	note_limits(s, f, it);
	followed_limits_emit(s, f, it);
}

/* --- sections ----------------------------------------------------------------------------------------------- */

/*
 * Another can have been waiting for the lock to take them back. All of them: one that still has its
 * context was not taken back, and this section is another's.
 */
static bool was_taken_back(const struct item *it)
{
	for (uint32_t i = 0; i < it->closed.nr; i++) {
		const struct bpf_area *had = &it->closed.areas[i], *has = area_at(&it->after, had->start);

		if (has && has->uffd == had->uffd)
			return false;
	}
	return it->closed.nr;
}

/*
 * What was written before it is told before it, so that what is joined by it is known. As told by its
 * own space's process, whoever has closed it.
 */
static void emit_taken_back(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct section_record *sec = &it->section;

	emit_first_writes(s, f, it, &it->before);
	for (uint32_t i = 0; i < it->closed.nr; i++) {
		const struct bpf_area *a = &it->closed.areas[i];
		struct trace_event e = { .type = TRACE_EVENT_CHANGE,
			.change = { .what = TRACE_CHANGE_UFFD_CLOSED, .start = a->start, .end = a->end } };

		emit_event(s, &e, f->pid, f->pid, f->mm, it->time_ns);
	}
	emit_map(s, f, &it->after, TRACE_MAP_CHECK, sec->lo, sec->hi);
	note_areas(s, f, &it->after, &(struct range){ sec->lo, sec->hi }, &nowhere);
	emit_anon(s, f, &it->after);
}

/*
 * Nobody's call: a stack that a fault has extended, or something that is not known. Nothing written:
 * the lock was taken for writing, and nothing came of it.
 */
static void emit_unasked(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct section_record *sec = &it->section;
	const struct bpf_area *a;

	if (was_taken_back(it)) {
		emit_taken_back(s, f, it);
		return;
	}
	if (sec->wrote_lo >= sec->wrote_hi)
		return;
	/*
	 * expand_downwards() writes the tree under the lock for writing (mmap_upgrade_trylock() or a new
	 * lock, since 6.5).
	 */
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

static const char unknown_ranges[] = "process_madvise of ranges that could not be read";

/* Neither in the record nor beside it: memory that could not be read when the call returned. */
static bool lacks_ranges(const struct call_record *c)
{
	return c->nr == NR_process_madvise && c->args[2] && !c->data_len;
}

/* Of 4 KiB, x86-64's, as all here. */
static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + 4095) & ~4095ull;
}

/*
 * Where a call has moved written areas to.  Others, that were not, take what is beside them there; what
 * lies behind the new length was cut off before. Nowhere, unless something in the part that was moved
 * is known to be written.
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

/*
 * In this order: what was written before it, the call, then the window's areas, which are compared, and at
 * last which of them share an anon_vma.
 */
void emit_section(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct section_record *sec = &it->section;
	const struct range seen = { sec->lo, sec->hi };
	struct range placed;

	if (!it->has_call) {
		emit_unasked(s, f, it);
		return;
	}
	emit_first_writes(s, f, it, &it->before);
	if (lacks_ranges(&it->call)) {
		emit_lost_records(s, f, 1, unknown_ranges);
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

/* Calls that change limits are told by what is in force, not as calls. */
void emit_call_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	emit_first_writes(s, f, it, &it->before);
	emit_written_meanwhile(s, f, it);
	if (lacks_ranges(&it->call))
		emit_lost_records(s, f, 1, unknown_ranges);
	else if (limit_changed_by(it->call.nr) != LIMIT_NONE)
		emit_limits(s, f, it);
	else
		emit_call(s, f, it);
}
