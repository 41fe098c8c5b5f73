/* SPDX-License-Identifier: MIT */
/*
 * Where the event that is carried out has changed something, as the engine's operations tell: one range of one mm, which
 * holds all of it.
 *
 * The range may hold areas that have not changed, between two that have: who draws it draws a little too
 * much, never too little.
 */
#include "internal.h"

void area_has_changed(struct explain *x, const struct vm_area_struct *vma)
{
	struct changes *c = &x->changes;

	if (c->mm != vma->vm_mm) {
		*c = (struct changes){ vma->vm_mm, vma->vm_start, vma->vm_end };
		return;
	}
	c->lo = vma->vm_start < c->lo ? vma->vm_start : c->lo;
	c->hi = vma->vm_end > c->hi ? vma->vm_end : c->hi;
}

void area_has_ended(struct explain *x, const struct vm_area_struct *vma)
{
	/* Of another mm: a process that ends, of which nobody asks any more. */
	if (!x->changes.mm || x->changes.mm == vma->vm_mm)
		area_has_changed(x, vma);
}

bool explain_changed(const struct explain *x, const struct mm_struct *mm, unsigned long addr)
{
	const struct changes *c = &x->changes;

	return c->mm == mm && addr >= c->lo && addr < c->hi;
}
