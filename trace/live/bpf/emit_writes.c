/* SPDX-License-Identifier: MIT */
/*
 * First writes: which areas have come to an anon_vma since the mirror heard of them last, told as faults before what came after.
 *
 * followed.written holds the addresses of which the mirror knows, by what it was told, that their area has an anon_vma; an area
 * with one that is not wholly in there was written meanwhile.  Faults are told in an order in which the mirror's areas come
 * to the anon_vmas that the kernel's have.
 *
 * An anon_vma that an area has is taken as a write to its first address. What else makes one (a
 * debugger's write, guard pages) is told alike, since it is the anon_vma, not the write, that the
 * mirror has to have.
 */
#include <string.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "minmax.h"
#include "source.h"
#include "uapi.h"

/* Some of it was told, or it was moved to @placed: what the mirror has there has an anon_vma, too. */
static bool is_derived(const struct followed *f, const struct bpf_area *a, const struct range *placed)
{
	struct range run;

	if (!a->anon_vma || (a->start < placed->end && a->end > placed->start))
		return a->anon_vma;
	return next_remembered(&f->written, a->start, &run) && run.start < a->end;
}

/*
 * From the first area to the last, if they lie side by side and all have an anon_vma. False with no
 * area. *row is set with true only.
 */
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

/*
 * It is so already, as where areas that are written exchange their pages. noted and row are what
 * note_areas() has found last: @seen lies within, and the row reaches as far there as it did, so that
 * the trees have nothing to learn.
 */
static bool is_noted(const struct followed *f, const struct range *row, const struct range *seen)
{
	const struct range *had = &f->row;

	return seen->start >= f->noted.start && seen->end <= f->noted.end && row->start >= had->start &&
	       row->end <= had->end && max(had->start, seen->start) >= row->start &&
	       min(had->end, seen->end) <= row->end;
}

/* O(areas of @l), and two changes of the tree at most where all are written and side by side. */
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

/* Some address of it is not in followed.written. */
bool newly_written(const struct followed *f, const struct bpf_area *a)
{
	struct range run;

	for (uint64_t at = a->start; a->anon_vma && at < a->end; at = run.end)
		if (!next_remembered(&f->written, at, &run) || run.start > at)
			return true;
	return false;
}

/*
 * Would @a, alone, take the anon_vma of its neighbour @b at its first write? As anon_vma_compatible() and
 * reusable_anon_vma() of the kernel ask: flags may differ in access and soft-dirty only, and @b's chain has
 * one link.
 */
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

/* Told for the task of the item that brought it, which need not be the one that wrote. */
static void emit_fault(
	struct live_bpf *s, struct followed *f, const struct item *it, const struct area_list *l, uint32_t i)
{
	const struct bpf_area *a = &l->areas[i];
	/* It has an anon_vma: by a write, or by something that minds no rights. */
	struct trace_event e = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = a->start,
			.write = true,
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
 * An area that is written for the first time takes the anon_vma of its neighbour above, or else below,
 * if they go together. In this order all come to what they have: what shares the one of a neighbour
 * below that was written before, upwards; the highest of each row that shares one; what is below those,
 * downwards. Three passes, of which each tells what the one before made possible: O(areas), each told
 * once, for emit_fault() notes it.
 */
void emit_first_writes(
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

/* Does the call name some of it? Of process_madvise any of its pairs. */
static bool names(const struct item *it, const struct bpf_area *a)
{
	const struct call_record *c = &it->call;
	bool many = c->nr == NR_process_madvise;
	const uint64_t *pairs = many ? call_data(it) : c->args;
	size_t nr = many ? c->data_len / (2 * sizeof(*pairs)) : 1;

	for (size_t i = 0; it->has_call && pairs && i < nr; i++)
		if (a->start < pairs[2 * i] + pairs[2 * i + 1] && a->end > pairs[2 * i])
			return true;
	return false;
}

void emit_written_meanwhile(struct live_bpf *s, struct followed *f, struct item *it)
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
