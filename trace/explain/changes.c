/* SPDX-License-Identifier: MIT */
/*
 * Which areas an event has changed: told by the engine's operations while it is carried out, and by the event itself.
 *
 * An area is kept in mind as it is, so that nothing has to be looked for; when it ends it is forgotten.  Of a call that changes more
 * areas than CHANGED_AREAS it is the ranges in which they lie: at most CHANGED_RANGES, of which those that touch are one.
 */
#include <sys/prctl.h>

#include "internal.h"
#include "uapi.h"

void changes_begin(struct explain *x)
{
	x->changes.mm = NULL;
	x->changes.areas = x->changes.ranges = 0;
}

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

void range_will_change(struct explain *x, struct mm_struct *mm, unsigned long lo, unsigned long hi)
{
	add_range(changes_of(x, mm, lo, hi), lo, hi);
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

void flags_will_change(struct explain *x, struct mm_struct *mm, const struct mm_change *change)
{
	struct vm_area_struct *vma = find_vma(mm, change->start);
	bool uffd = (change->flags | change->old_flags) & VM_UFFD_FLAGS;

	life_is_wanted(life_of(vma));
	add_area(x, vma, uffd ? CHANGED_ANYHOW : CHANGED_FLAGS, change->old_flags);
}

/* Nothing is decided by what is not here yet: the area is waited for when the engine needs it. */
void write_will_change(struct explain *x, struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	if (!vma)
		return;
	life_is_wanted(life_of(vma));
	add_area(x, vma, CHANGED_WRITTEN, 0);
	x->changes.area[0].was_written = vma->anon_vma != NULL;
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
		struct vm_area_struct *vma = find_vma(c->mm, c->range[i].lo);

		for (; vma && vma->vm_start < hi;
			vma = vma->vm_end < hi ? find_vma(c->mm, vma->vm_end) : NULL)
			look_at(x, vma, names(e, vma));
	}
}
