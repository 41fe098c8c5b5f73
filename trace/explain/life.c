/* SPDX-License-Identifier: MIT */
/*
 * The payload of areas: what has happened to each, kept through cuts, copies and joins.
 *
 * 1. Meaning.  An area's life has one slot for each thing that can have happened to it.  A part that is cut off takes a
 *    copy with it; of areas that join, the one that stays keeps its own, and takes the other's end and what it has not
 *    had itself.
 *
 * 2. Invariants
 *    LF1  an event in a slot of a life is kept.
 *    LF2  events that are kept are at most twice as many as lives refer to, and some (kept.c): O(areas).
 *    LF3  a life holds what its area was when the ledger last looked (look_at()), which is after each event.
 *
 * 3. Failure.  A life is allocated where a call may still fail, and its failure is the call's.  An event that cannot be
 *    allocated leaves its slot as it was.  Either is remembered: the ledger's sink then fails.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct explain *ledger_of(const struct vm_area_struct *vma)
{
	return (struct explain *)((char *)vma->vm_mm->ops - offsetof(struct explain, ops));
}

static struct noted_event *note_now(struct explain *x)
{
	struct noted_event *n;

	if (x->noted || !x->now)
		return x->noted;
	n = event_new(&x->kept);
	if (!n) {
		x->no_memory = true;
		return NULL;
	}
	explain_event_of(x, x->now, &n->event);
	x->noted = n;
	return n;
}

void note(struct explain *x, const struct explain_event **slot)
{
	struct noted_event *n = note_now(x);

	if (n)
		*slot = &n->event;
}

void will_change(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi)
{
	struct changes *c = &x->changes;
	unsigned int i;

	if (c->mm != mm)
		*c = (struct changes){ .mm = mm };
	for (i = 0; i < c->count; i++)
		if (lo <= c->range[i].hi && hi >= c->range[i].lo)
			break;
	if (i == c->count && c->count < CHANGED_RANGES) {
		c->range[i].lo = lo;
		c->range[i].hi = hi;
		c->count++;
		return;
	}
	i = i == c->count ? i - 1 : i;
	c->range[i].lo = lo < c->range[i].lo ? lo : c->range[i].lo;
	c->range[i].hi = hi > c->range[i].hi ? hi : c->range[i].hi;
}

static void vma_will_change(struct explain *x, const struct vm_area_struct *vma)
{
	will_change(x, vma->vm_mm, vma->vm_start, vma->vm_end);
}

/* To the mirror a failure is a call that failed: the program's did not. */
static struct life *new_life(struct explain *x)
{
	struct life *l = life_new(&x->kept);

	x->no_memory |= !l;
	return l;
}

/* What it is, as far as it is noted when it changes. */
static void remember(struct life *l, const struct vm_area_struct *vma)
{
	l->vm_flags = vma->vm_flags;
	l->name = vma->anon_name;
	l->policy = vma->policy;
	l->uffd_ctx = vma->uffd_ctx;
}

static int life_open(struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *l = new_life(x);

	if (!l)
		return -ENOMEM;
	*l = (struct life){ .in_use = true };
	remember(l, vma);
	note(x, &l->life.made);
	note(x, &l->life.low);
	note(x, &l->life.high);
	note(x, &l->life.low_changed);
	note(x, &l->life.high_changed);
	vma->vm_private_data = l;
	vma_will_change(x, vma);
	return 0;
}

static struct life *copy_life(
	struct explain *x, struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	struct life *l = new_life(x);

	if (!l)
		return NULL;
	*l = *(const struct life *)vma->vm_private_data;
	copy->vm_private_data = l;
	return l;
}

static int life_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *whole = vma->vm_private_data, *l = copy_life(x, part, vma);

	if (!l)
		return -ENOMEM;
	if (part->vm_start == vma->vm_start) {
		note(x, &l->life.high);
		note(x, &whole->life.low);
	} else {
		note(x, &l->life.low);
		note(x, &whole->life.high);
	}
	vma_will_change(x, vma);
	return 0;
}

static int life_duplicate(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	struct explain *x = ledger_of(vma);
	struct life *l = copy_life(x, copy, vma);

	if (!l)
		return -ENOMEM;
	if (copy->vm_mm == vma->vm_mm) {
		note(x, &l->life.moved);
		note(x, &l->life.low);
		note(x, &l->life.high);
		vma_will_change(x, copy);
		return 0;
	}
	/* A fork: what was written is shared with the parent from now on, what is not copied begins anew. */
	remember(l, copy);
	if (copy->vm_flags & VM_WIPEONFORK)
		l->life.written = NULL;
	else if (l->life.written)
		note(x, &l->life.inherited);
	return 0;
}

static void take_if_none(struct life *l, const struct explain_life *from)
{
	if (!l->life.written) {
		l->life.written = from->written;
		l->life.inherited = from->inherited;
	}
	if (!l->life.moved)
		l->life.moved = from->moved;
	if (!l->life.named)
		l->life.named = from->named;
	/* Mostly both are of one call, and no event has to be looked at. */
	if (from->made != l->life.made && from->made && l->life.made && from->made->step < l->life.made->step)
		l->life.made = from->made;
}

static void life_adjust(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end)
{
	struct explain *x = ledger_of(vma);
	struct life *l = vma->vm_private_data, *other = from ? from->vm_private_data : NULL;

	if (vma->vm_start == start) {
		note(x, &l->life.low);
		note(x, &l->life.low_changed);
		if (other)
			note(x, &other->life.high);
	} else {
		note(x, &l->life.high);
		note(x, &l->life.high_changed);
		if (other)
			note(x, &other->life.low);
	}
	note(x, &l->life.grown);
	if (other && vma->anon_vma)
		take_if_none(l, &other->life);
	will_change(x, vma->vm_mm, start, end);
}

static void note_if_differs(struct explain *x, const struct explain_event **slot,
	const struct vm_area_struct *into, const struct vm_area_struct *gone)
{
	if (((into->vm_flags ^ gone->vm_flags) & ~VM_STICKY) || into->anon_name != gone->anon_name ||
		into->policy != gone->policy || into->uffd_ctx != gone->uffd_ctx)
		note(x, slot);
}

static void life_merge(struct vm_area_struct *into, struct vm_area_struct *gone)
{
	struct explain *x = ledger_of(into);
	struct life *l = into->vm_private_data, *other = gone->vm_private_data;

	/* What is changed joins before it has its new properties: they came by this call. */
	if (gone->vm_start == into->vm_start) {
		l->life.low = other->life.low;
		l->life.low_changed = other->life.low_changed;
		note_if_differs(x, &l->life.low_changed, into, gone);
	}
	if (gone->vm_end == into->vm_end) {
		l->life.high = other->life.high;
		l->life.high_changed = other->life.high_changed;
		note_if_differs(x, &l->life.high_changed, into, gone);
	}
	take_if_none(l, &other->life);
	note(x, &l->life.grown);
	vma_will_change(x, into);
}

static void life_close(struct vm_area_struct *vma)
{
	life_free(&ledger_of(vma)->kept, vma->vm_private_data);
}

static int life_host(struct mm_struct *mm, const struct mm_change *change)
{
	struct explain *x = (struct explain *)((char *)mm->ops - offsetof(struct explain, ops));

	if (change->kind == MM_CHANGE_FLAGS)
		will_change(x, mm, change->start, change->end);
	return 0;
}

const struct mm_operations life_operations = { .open = life_open,
	.split = life_split,
	.duplicate = life_duplicate,
	.adjust = life_adjust,
	.merge = life_merge,
	.close = life_close,
	.host = life_host };

static void changed(struct explain *x, struct life *l, const struct explain_event **slot)
{
	note(x, slot);
	note(x, &l->life.low_changed);
	note(x, &l->life.high_changed);
}

void look_at(struct explain *x, struct vm_area_struct *vma, bool renamed)
{
	struct life *l = vma->vm_private_data;
	vm_flags_t differ = (vma->vm_flags ^ l->vm_flags) & ~VM_STICKY;

	if (differ & VM_ACCESS_FLAGS)
		changed(x, l, &l->life.prot);
	if (differ & ~VM_ACCESS_FLAGS)
		changed(x, l, &l->life.flags);
	if (vma->anon_name != l->name || (renamed && vma->anon_name))
		changed(x, l, &l->life.named);
	if (vma->policy != l->policy)
		changed(x, l, &l->life.policy);
	if (vma->uffd_ctx != l->uffd_ctx)
		changed(x, l, &l->life.uffd);
	if (vma->anon_vma && !l->life.written)
		note(x, &l->life.written);
	remember(l, vma);
}

const struct explain_life *explain_life(const struct vm_area_struct *vma)
{
	return &((const struct life *)vma->vm_private_data)->life;
}
