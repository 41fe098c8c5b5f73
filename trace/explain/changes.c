/* SPDX-License-Identifier: MIT */
/*
 * Which areas an event has changed.  Cut, joined, made and ended: that the engine's operations tell while it is carried out.
 * What is changed in place (access, advice, locks, names, memory policies, a first write) lies in the ranges that the event
 * names: there is no host(), for which the engine would have to prepare its stores.
 *
 * An area is kept in mind as it is, so that nothing has to be looked for; when it ends it is forgotten.  Of a call that changes more
 * areas than CHANGED_AREAS it is the ranges in which they lie: at most CHANGED_RANGES, of which those that touch are one.
 */
#include <sys/prctl.h>

#include "internal.h"
#include "uapi.h"

static struct changes *changes_of(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi)
{
	struct changes *c = &x->changes;

	if (c->mm != mm) {
		c->mm = mm;
		c->areas = c->ranges = 0;
		c->lo = lo;
		c->hi = hi;
	}
	c->lo = lo < c->lo ? lo : c->lo;
	c->hi = hi > c->hi ? hi : c->hi;
	return c;
}

static void add_range(struct changes *c, unsigned long lo, unsigned long hi)
{
	unsigned int i;

	for (i = 0; i < c->ranges; i++)
		if (lo <= c->range[i].hi && hi >= c->range[i].lo)
			break;
	if (i == c->ranges && c->ranges < CHANGED_RANGES) {
		c->range[i].lo = lo;
		c->range[i].hi = hi;
		c->ranges++;
		return;
	}
	i = i == c->ranges ? i - 1 : i;
	c->range[i].lo = lo < c->range[i].lo ? lo : c->range[i].lo;
	c->range[i].hi = hi > c->range[i].hi ? hi : c->range[i].hi;
}

static void add_area(struct explain *x, struct vm_area_struct *vma, enum changed_how how, vm_flags_t flags)
{
	struct changes *c = changes_of(x, vma->vm_mm, vma->vm_start, vma->vm_end);

	for (unsigned int i = 0; i < c->areas; i++)
		if (c->area[i].vma == vma) {
			c->area[i].how = CHANGED_ANYHOW;
			return;
		}
	if (c->areas == CHANGED_AREAS) {
		add_range(c, vma->vm_start, vma->vm_end);
		return;
	}
	c->area[c->areas].vma = vma;
	c->area[c->areas].how = how;
	c->area[c->areas++].flags = flags;
}

void area_will_change(struct explain *x, struct vm_area_struct *vma)
{
	add_area(x, vma, CHANGED_ANYHOW, 0);
}

/* Nothing is decided by what is not here yet: the area is waited for when the engine needs it. */
static void write_will_change(struct explain *x, struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	if (!vma)
		return;
	life_is_wanted(life_of(vma));
	add_area(x, vma, CHANGED_WRITTEN, 0);
	x->changes.area[0].was_written = vma->anon_vma != NULL;
}

static void range_will_change(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi)
{
	add_range(changes_of(x, mm, lo, hi), lo, hi);
}

/* On arm64 a call may name a place by an address with a tag. */
static unsigned long untagged(uint64_t addr)
{
	return addr & UINT64_MAX >> 8;
}

/* Mostly of one area: that is found now, and its life is here when the call is done. */
static void access_will_change(struct explain *x, struct mm_struct *mm, const struct trace_call *c)
{
	unsigned long lo = untagged(c->args[0]), hi = lo + c->args[1];
	struct vm_area_struct *vma = find_vma(mm, lo);

	if (!vma || vma->vm_start > lo || vma->vm_end < hi || hi < lo) {
		range_will_change(x, mm, lo, hi < lo ? mm->task_size : hi);
		return;
	}
	life_is_wanted(life_of(vma));
	add_area(x, vma, CHANGED_FLAGS, vma->vm_flags);
}

static void named_will_change(struct explain *x, struct mm_struct *mm, const struct trace_call *c)
{
	struct trace_range named[2];
	unsigned int nr = trace_named_ranges(c, NULL, named);

	for (unsigned int i = 0; i < nr; i++) {
		unsigned long lo = untagged(named[i].start);

		range_will_change(x, mm, lo, lo + (named[i].end - named[i].start));
	}
}

static void call_will_change(struct explain *x, struct mm_struct *mm, const struct trace_call *c)
{
	switch (c->nr) {
	case NR_mprotect:
	case NR_pkey_mprotect:
		access_will_change(x, mm, c);
		break;
	case NR_mlockall:
	case NR_munlockall:
		range_will_change(x, mm, 0, mm->task_size);
		break;
	case NR_prctl:
		if (c->args[0] != PR_SET_VMA)
			range_will_change(x, mm, 0, mm->task_size);
		else
			named_will_change(x, mm, c);
		break;
	default:
		named_will_change(x, mm, c);
	}
}

/* Calls that map and unmap, which most are, change nothing in place. */
static bool may_change_in_place(const struct trace_event *e)
{
	if (e->type == TRACE_EVENT_CALL)
		return e->call.nr != NR_mmap && e->call.nr != NR_munmap && e->call.nr != NR_brk;
	return e->type == TRACE_EVENT_FAULT || e->type == TRACE_EVENT_CHANGE;
}

void changes_begin(struct explain *x, const struct trace_event *e)
{
	struct mm_struct *mm;

	x->changes.mm = NULL;
	x->changes.areas = x->changes.ranges = 0;
	if (!may_change_in_place(e))
		return;
	mm = replay_space(x->replay, e->mm);
	if (!mm)
		return;
	if (e->type == TRACE_EVENT_CALL)
		call_will_change(x, mm, &e->call);
	else if (e->type == TRACE_EVENT_FAULT)
		write_will_change(x, mm, e->fault.addr);
	else
		range_will_change(x, mm, e->change.start, e->change.end);
}

void area_ends(struct explain *x, struct vm_area_struct *vma)
{
	struct changes *c = &x->changes;

	/* Of another mm: a process that ends, of which nobody asks any more. */
	if (c->mm && c->mm != vma->vm_mm)
		return;
	c = changes_of(x, vma->vm_mm, vma->vm_start, vma->vm_end);
	for (unsigned int i = 0; i < c->areas; i++)
		if (c->area[i].vma == vma) {
			c->area[i] = c->area[--c->areas];
			return;
		}
}

/* Has the event given it a name? */
static bool names(const struct trace_event *e, const struct vm_area_struct *vma)
{
	return e->type == TRACE_EVENT_CALL && e->call.nr == NR_prctl && e->call.args[0] == PR_SET_VMA &&
	       vma->vm_start >= e->call.args[2] && vma->vm_end <= e->call.args[2] + e->call.args[3];
}

static void look_at_area(struct explain *x, const struct changed_area *a, const struct trace_event *e)
{
	switch (a->how) {
	case CHANGED_ANYHOW:
		look_at(x, a->vma, names(e, a->vma));
		break;
	case CHANGED_FLAGS:
		look_at_flags(x, a->vma, a->flags);
		break;
	case CHANGED_WRITTEN:
		if (!a->was_written)
			look_at_write(x, a->vma);
	}
}

bool explain_changed(const struct explain *x, const struct mm_struct *mm, unsigned long addr)
{
	const struct changes *c = &x->changes;

	return c->mm == mm && addr >= c->lo && addr < c->hi;
}

/* Is the range of one area that is kept in mind? */
static bool is_looked_at(const struct changes *c, unsigned long lo, unsigned long hi)
{
	for (unsigned int i = 0; i < c->areas; i++)
		if (c->area[i].vma->vm_start <= lo && c->area[i].vma->vm_end >= hi)
			return c->area[i].how == CHANGED_ANYHOW;
	return false;
}

void look_at_changes(struct explain *x, const struct trace_event *e)
{
	const struct changes *c = &x->changes;

	for (unsigned int i = 0; i < c->areas; i++)
		look_at_area(x, &c->area[i], e);
	/* The event may have been the mm's end. */
	if (c->ranges && replay_space(x->replay, e->mm) != c->mm)
		return;
	for (unsigned int i = 0; i < c->ranges; i++) {
		unsigned long hi = c->range[i].hi;
		/* Mostly one area, so that a lookup costs less than to begin a walk. */
		struct vm_area_struct *vma =
			is_looked_at(c, c->range[i].lo, hi) ? NULL : find_vma(c->mm, c->range[i].lo);

		for (; vma && vma->vm_start < hi;
			vma = vma->vm_end < hi ? find_vma(c->mm, vma->vm_end) : NULL)
			look_at(x, vma, names(e, vma));
	}
}
