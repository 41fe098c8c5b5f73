/* SPDX-License-Identifier: MIT */
/*
 * The invariants of internal.h that the areas and copies alone can tell; GM3 is guest_mm_verify_host()'s.
 */
#include "internal.h"

/* The host pages of a range of copies, each with something of the guest's in it. */
static bool copies_have_areas(struct guest_mm *guest)
{
	struct range_map_cursor cursor = range_map_from(0);
	struct range_map_range range;

	while (range_map_next(&guest->copies, &cursor, &range))
		for (uint64_t page = range.first; page <= range.last; page++)
			if (!page_keeps(guest, page << guest->setup.host_page_shift, NULL))
				return false;
	return true;
}

/* Are the areas of the host page at @page, which is no copy, mapped by one mapping of the host? */
static bool areas_agree(struct guest_mm *guest, unsigned long page)
{
	struct vm_area_struct *vma, *first = find_vma(&guest->mm, page);
	struct mm_change c = { .start = first->vm_start,
		.file = first->vm_file,
		.pgoff = first->vm_pgoff,
		.flags = VM_MAYSHARE };
	VMA_ITERATOR(vmi, &guest->mm, page);

	if (first->vm_end >= page + host_page_size(guest))
		return true;
	if (first->vm_file && (first->vm_flags & VM_MAYSHARE))
		return page_maps_alike(guest, page, NULL, &c);
	for_each_vma_range (vmi, vma, page + host_page_size(guest))
		if (vma->vm_file != first->vm_file || (vma->vm_flags & VM_MAYSHARE) ||
			(vma->vm_file && bytes_of(guest, vma->vm_pgoff) - vma->vm_start !=
						 bytes_of(guest, first->vm_pgoff) - first->vm_start))
			return false;
	return true;
}

bool guest_mm_validate(struct guest_mm *guest, const char **reason)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &guest->mm, 0);

	*reason = "GM1: a host page without areas is a copy";
	if (!copies_have_areas(guest))
		return false;
	*reason = "GM2: a host page has areas that one mapping cannot serve, and is no copy";
	for_each_vma (vmi, vma) {
		unsigned long first = host_page_of(guest, vma->vm_start),
			      last = host_page_of(guest, vma->vm_end - 1);

		if ((!page_is_copy(guest, first) && !areas_agree(guest, first)) ||
			(!page_is_copy(guest, last) && !areas_agree(guest, last)))
			return false;
	}
	*reason = "GM4: the areas by file are not those that are there";
	return files_hold(guest) && mm_validate(&guest->mm, reason);
}
