/* SPDX-License-Identifier: MIT */
/*
 * remap_file_pages: single pages of a file anywhere in a window, without an area for each.
 *
 * As it was: the area becomes nonlinear, and its PTEs say which index they lead to, also while nothing is mapped
 * (PTE_FILE).  A file knows its nonlinear areas, but not what is where in them: reclaim.c sweeps.
 * As it is: mmap() over the range, and so an area for each run of indexes.
 */

#include "internal.h"

/* Its bounds do not change, but how it is found does. */
static void make_nonlinear(struct vm_area_struct *vma)
{
	const struct rmap_ops *rmap = paging_of(vma)->rmap;

	if (vma->vm_flags & VM_NONLINEAR)
		return;
	rmap->adjust_begin(vma, NULL);
	vma->vm_flags |= VM_NONLINEAR;
	rmap->adjust_end(vma, NULL);
	/* What is mapped already has to come back from where it is. */
	protect_range(vma, vma->vm_start, vma->vm_end);
}

static int remap_window(struct vm_area_struct *vma, unsigned long addr, unsigned long end, pgoff_t pgoff)
{
	struct page_tables *pt = vma->vm_mm->pgd;
	unsigned long page = page_bytes(vma->vm_mm);

	for (unsigned long at = addr; at < end; at += page)
		if (!leaf_make(pt, at))
			return -ENOMEM;

	/* Point of no return. */
	make_nonlinear(vma);
	zap_range(vma, addr, end);
	for (; addr < end; addr += page, pgoff++) {
		struct leaf *leaf = leaf_find(pt, addr);

		rw_write_lock(&leaf->lock);
		*leaf_pte(leaf, addr) = ((pte_t)pgoff << PTE_SHIFT) | PTE_FILE;
		rw_write_unlock(&leaf->lock);
	}
	return 0;
}

int paging_remap_file_pages(
	struct mm_struct *mm, unsigned long addr, unsigned long len, pgoff_t pgoff, bool window)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	int err;

	if (!mm->pgd || !vma || !vma->vm_file || !(vma->vm_flags & VM_SHARED) ||
		((addr | len) & (page_bytes(mm) - 1)) || !len || len > vma->vm_end - addr)
		return -EINVAL;
	if (!window)
		return mm_remap_file_pages(mm, addr, len, 0, pgoff, MAP_NONBLOCK);
	err = remap_window(vma, addr, addr + len, pgoff);
	paging_verify_if_asked(mm->pgd->paging);
	return err;
}
