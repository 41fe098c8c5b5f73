/* SPDX-License-Identifier: MIT */
/*
 * The hole that was found last: a search from above often finds the next place right below, or just where something was
 * unmapped.
 *
 * 1. Meaning.  mm->hole is free, lies between prev and next, and above it, up to high, no hole is as long as length.
 *    So a search for that much or more, below high, need not look at the index.  Not a guess like the free_area_cache
 *    of Linux 2.6: what a search finds is what it would have found.
 *
 * 2. Validity.  It is true while mm->changes is what it was.  Three changes keep it: a mapping at its upper end; an
 *    unmapping with a single store, which makes it longer or puts another one in its place; and whatever stores an area
 *    outside of it (index_stored()): a cut, a join, a fixed mapping.  Other holes can only become shorter by that, and if
 *    the area lies beside it, that is what lies there now.  All others end it.
 *
 *      before    |- prev -|      hole      |- next -|- c -|
 *      map       |- prev -|  hole  |- new -|- next -|- c -|
 *      unmap     |- prev -|       hole              |- c -|
 *
 * 3. Unmapping.  Of the area that was mapped into the hole last, what lies around it is known: prev, and what had been
 *    next.  It is then unmapped without a look at the index.
 *
 * 4. Invariants (mm_validate)
 *    HO1  a hole that is valid is as part 1 says.
 *    HO2  the area behind next is the one that is remembered, if one is.
 */
#include "internal.h"

static bool is_valid(const struct mm_struct *mm)
{
	return INDEX_KEEPS_HOLE && mm->hole.start < mm->hole.end && mm->hole.changes == mm->changes;
}

/* It was valid until the one change that is being told of. */
static bool was_valid(const struct mm_struct *mm)
{
	return INDEX_KEEPS_HOLE && mm->hole.changes + 1 == mm->changes;
}

static unsigned long end_of(const struct vm_area_struct *prev)
{
	return prev ? prev->vm_end : 0;
}

static unsigned long limit_of(const struct vm_area_struct *next, unsigned long high)
{
	return next ? min(next->vm_start, high) : high;
}

bool hole_serves(const struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long length)
{
	const struct mm_hole *h = &mm->hole;

	if (!is_valid(mm) || h->high != high || length < h->length || h->end - h->start < length)
		return false;
	return h->end - length >= low && !(h->next && (h->next->vm_flags & VM_GROWSDOWN));
}

bool hole_is_below(const struct mm_struct *mm, unsigned long start, unsigned long end, struct unmap *um)
{
	const struct mm_hole *h = &mm->hole;

	if (!is_valid(mm) || !h->behind_known || h->next->vm_start != start || h->next->vm_end != end)
		return false;
	um->prev = h->prev;
	um->next = h->behind;
	return true;
}

void hole_found(struct mm_struct *mm, unsigned long high, unsigned long length, const struct hole *found)
{
	if (INDEX_KEEPS_HOLE)
		mm->hole = (struct mm_hole){ .start = end_of(found->prev),
			.end = limit_of(found->next, high),
			.length = length,
			.high = high,
			.prev = found->prev,
			.next = found->next,
			.changes = mm->changes };
}

void hole_mapped(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct mm_hole *h = &mm->hole;

	if (!was_valid(mm) || end != h->end)
		return;
	h->end = start;
	if (vma != h->next) {
		h->behind = h->next;
		h->behind_known = true;
		h->next = vma;
	}
	h->changes = mm->changes;
}

void hole_unmapped(const struct unmap *um)
{
	struct mm_hole *h = &um->mm->hole;
	unsigned long start = end_of(um->prev), end = limit_of(um->next, h->high);

	if (!was_valid(um->mm))
		return;
	/* One below it, and not beside it, is no concern of its. */
	if (end < h->start || (start > h->end && (end <= start || end - start < h->length))) {
		h->changes = um->mm->changes;
		h->behind_known = h->behind_known && end < h->start;
		return;
	}
	*h = (struct mm_hole){ .start = start,
		.end = end,
		.length = h->length,
		.high = h->high,
		.prev = um->prev,
		.next = um->next,
		.changes = um->mm->changes };
}

/* HO2 */
static bool behind_validate(struct mm_struct *mm, const char **reason)
{
	const struct mm_hole *h = &mm->hole;
	struct vm_area_struct *vma = NULL;
	VMA_ITERATOR(vmi, mm, h->next ? h->next->vm_end : 0);

	if (!h->behind_known)
		return true;
	if (!h->next)
		return index_wrong(reason, NULL, "HO2: there is nothing behind the last area");
	for_each_vma (vmi, vma)
		break;
	return vma == h->behind || index_wrong(reason, vma, "HO2: another area lies behind the next");
}

/* HO1 */
static bool found_validate(struct mm_struct *mm, const char **reason)
{
	const struct mm_hole *h = &mm->hole;
	struct vm_area_struct *vma, *prev = NULL;
	unsigned long last = h->end;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		if (vma->vm_end <= h->start) {
			prev = vma;
			continue;
		}
		if (last == h->end && (vma->vm_start < h->end || vma != h->next))
			return index_wrong(
				reason, vma, "HO1: an area that is not the next lies in or behind the hole");
		if (vma->vm_start < h->high && vma->vm_start - last >= h->length && vma->vm_start > last)
			return index_wrong(reason, vma, "HO1: there is a hole above that is long enough");
		last = vma->vm_end;
	}
	if (last < h->high && last > h->end && h->high - last >= h->length)
		return index_wrong(reason, NULL, "HO1: there is a hole at the top that is long enough");
	return prev == h->prev || index_wrong(reason, prev, "HO1: another area lies before the hole");
}

bool hole_validate(struct mm_struct *mm, const char **reason)
{
	return !is_valid(mm) || (found_validate(mm, reason) && behind_validate(mm, reason));
}
