/* SPDX-License-Identifier: MIT */
/*
 * The hole that was found last: a search from above often finds the next place right below, or just where something was
 * unmapped.
 *
 * 1. Meaning.  mm->hole is free, lies between prev and next, and above it, up to high, no hole is as long as length.
 *    So a search for that much or more, below high, need not look at the index.  Not a guess like the free_area_cache
 *    of Linux 2.6: what a search finds is what it would have found.
 *
 * 2. Changes.  Each store keeps it true (index_stored()): an area takes its upper or lower end, or all of it, and what is left
 *    above is the hole; an unmapping makes it longer, or makes a hole above it, and length longer than that.
 *
 *      before    |- prev -|      hole      |- next -|- c -|
 *      map       |- prev -|  hole  |- new -|- next -|- c -|
 *      unmap     |- prev -|       hole              |- c -|
 *
 * 3. Two.  Below the areas of a process lies a hole that answers every search for more than is free above it: mm->hole. A
 *    search for less finds one above it, or an unmapping makes one: mm->hole_above, of which the same is true.
 *
 * 4. Invariant (mm_validate)
 *    HO1  each that is not empty is as part 1 says.
 */
#include "internal.h"

static bool is_valid(const struct mm_hole *h)
{
	return h->start < h->end;
}

static unsigned long end_of(const struct vm_area_struct *prev)
{
	return prev ? prev->vm_end : 0;
}

static unsigned long limit_of(const struct vm_area_struct *next, unsigned long high)
{
	return next ? min(next->vm_start, high) : high;
}

static inline bool serves(
	const struct mm_hole *h, unsigned long low, unsigned long high, unsigned long length)
{
	return h->high == high && length >= h->length && h->end - h->start >= length &&
	       h->end - length >= low && !(h->next && (h->next->vm_flags & VM_GROWSDOWN));
}

const struct mm_hole *hole_for(
	const struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long length)
{
	if (serves(&mm->hole_above, low, high, length))
		return &mm->hole_above;
	return serves(&mm->hole, low, high, length) ? &mm->hole : NULL;
}

void hole_found(struct mm_struct *mm, unsigned long high, unsigned long length, const struct hole *found)
{
	struct mm_hole h;

	if (!INDEX_KEEPS_HOLE)
		return;
	h = (struct mm_hole){ .start = end_of(found->prev),
		.end = limit_of(found->next, high),
		.length = length,
		.high = high,
		.prev = found->prev,
		.next = found->next };
	if (mm->hole.high != high)
		mm->hole_above = (struct mm_hole){ 0 };
	else if (is_valid(&mm->hole) && h.start >= mm->hole.end) {
		mm->hole_above = h;
		return;
	}
	mm->hole = h;
}

/* HO1 */
static bool found_validate(struct mm_struct *mm, const struct mm_hole *h, const char **reason)
{
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
	return (!is_valid(&mm->hole) || found_validate(mm, &mm->hole, reason)) &&
	       (!is_valid(&mm->hole_above) || found_validate(mm, &mm->hole_above, reason));
}
