/* SPDX-License-Identifier: MIT */
/*
 * remap_file_pages: single pages of a file anywhere in a window, without an area for each.
 *
 * As it was: the area becomes nonlinear, and its PTEs say which index they lead to, also while nothing is mapped
 * (PTE_FILE).  A file knows its nonlinear areas, but not what is where in them: reclaim.c sweeps.
 * As it is: mmap() over the range, and so an area for each run of indexes.
 */
#include <sys/mman.h>

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

static int remap_area(struct vm_area_struct *vma, unsigned long addr, unsigned long end, pgoff_t pgoff)
{
	unsigned long prot = (vma->vm_flags & VM_READ ? PROT_READ : 0) |
			     (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
			     (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
	const struct mmap_request req = { .addr = addr,
		.len = end - addr,
		.prot = prot,
		.flags = MAP_SHARED | MAP_FIXED,
		.offset = pgoff << vma->vm_mm->sys->page_shift,
		.file = vma->vm_file };
	unsigned long result = mm_mmap(vma->vm_mm, &req);

	return IS_ERR_VALUE(result) ? (int)(long)result : 0;
}

int paging_remap_file_pages(
	struct mm_struct *mm, unsigned long addr, unsigned long len, pgoff_t pgoff, bool window)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	int err;

	if (!vma || !vma->vm_file || !(vma->vm_flags & VM_SHARED) || ((addr | len) & (page_bytes(mm) - 1)) ||
		!len || len > vma->vm_end - addr)
		return -EINVAL;
	if (!window)
		return remap_area(vma, addr, addr + len, pgoff);
	err = remap_window(vma, addr, addr + len, pgoff);
	paging_verify_if_asked(mm->pgd->paging);
	return err;
}
