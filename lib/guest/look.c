/* SPDX-License-Identifier: MIT */
/*
 * Questions: what a host page has, what the guest may do, what /proc/self/maps shows.
 */
#include "internal.h"

bool area_is_reserved(const struct guest_mm *guest, const struct vm_area_struct *vma)
{
	return vma->vm_file == &guest->reserved;
}

bool guest_mm_allows(struct guest_mm *guest, unsigned long addr, unsigned long len, vm_flags_t rights)
{
	unsigned long end = addr + len;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &guest->mm, addr);

	if (end < addr)
		return false;
	while (addr < end) {
		vma = vma_next(&vmi);
		if (!vma || vma->vm_start > addr || area_is_reserved(guest, vma) || (rights & ~vma->vm_flags))
			return false;
		addr = vma->vm_end;
	}
	return true;
}

void guest_mm_look(struct guest_mm *guest, unsigned long addr, struct guest_page *page)
{
	unsigned long start = host_page_of(guest, addr), end = start + host_page_size(guest), covered = start;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &guest->mm, start);

	*page = (struct guest_page){ .start = start, .end = end, .exact = true };
	page->rights = page_rights(guest, start, NULL, NULL);
	for_each_vma_range (vmi, vma, end) {
		page->areas++;
		page->exact = page->exact && rights_of(vma->vm_flags) == page->rights &&
			      max(vma->vm_start, start) == covered;
		covered = min(vma->vm_end, end);
	}
	if (!page->areas)
		return;
	page->exact = (page->exact && covered == end) || !page->rights;
	page->kind = page_is_direct(guest, start) ? GUEST_PAGE_DIRECT : GUEST_PAGE_COPY;
}

size_t guest_mm_maps(struct guest_mm *guest, char *buf, size_t size)
{
	struct vm_area_struct *vma;
	size_t length = 0;
	bool full = false;
	VMA_ITERATOR(vmi, &guest->mm, 0);

	if (size)
		buf[0] = 0;
	for_each_vma (vmi, vma) {
		size_t room = full || length >= size ? 0 : size - length;
		size_t line;

		if (area_is_reserved(guest, vma))
			continue;
		line = (size_t)vma_format(vma, room ? buf + length : NULL, room);
		if (room && line >= room)
			buf[length] = 0;
		full = full || line >= room;
		length += line;
	}
	return length;
}
