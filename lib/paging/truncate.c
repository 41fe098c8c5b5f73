/* SPDX-License-Identifier: MIT */
/*
 * Truncation: a file becomes shorter while it is mapped.
 *
 * 1. The size is set first.  A fault looks at it under the leaf's lock, before it maps a page of the file; so who has
 *    not mapped one yet will not.  Nor when the file has grown again meanwhile: the page that the fault has found is
 *    then not the file's any more, which it looks at too.
 * 2. What is mapped behind the new end goes, wherever the file's areas say that it may be: pages of the file, and
 *    private copies of them.  The walk holds i_mmap_rwsem; it meets an area that PTEs move out of before the one that
 *    they move to, or no PTE moves meanwhile (move.c), and a fork's parent before the child, so none is missed.
 * 3. Now the file's pages are mapped nowhere, and leave its cache.  What comes after the end again later is 0.
 *
 * Every design keeps a file's areas for this, those too that find the file's pages by their chains: private copies
 * are known by nothing else.
 */
#include "internal.h"

static bool zap_linear(struct vm_area_struct *vma, void *arg)
{
	pgoff_t first = *(const pgoff_t *)arg;
	struct page_tables *pt = vma->vm_mm->pgd;
	unsigned long start = vma->vm_start;

	if (first > vma->vm_pgoff)
		start += (first - vma->vm_pgoff) << vma->vm_mm->sys->page_shift;
	rw_read_lock(&pt->tables);
	zap_contents(vma, start, vma->vm_end);
	rw_read_unlock(&pt->tables);
	return false;
}

static bool zap_nonlinear(struct vm_area_struct *vma, void *arg)
{
	pgoff_t first = *(const pgoff_t *)arg;
	struct page_tables *pt = vma->vm_mm->pgd;

	rw_read_lock(&pt->tables);
	zap_indexes(vma, first);
	rw_read_unlock(&pt->tables);
	return false;
}

int paging_truncate(struct mm_system *sys, struct vm_file *file, unsigned long size)
{
	struct paging *paging = (struct paging *)sys->pages;
	pgoff_t first;

	if (!size || !paging)
		return -EINVAL;
	/* It has to remember what it does not have any more, though nobody maps it yet. */
	if (!file->mapping && file_open(sys, file))
		return -ENOMEM;
	__atomic_store_n(&file->size, size, __ATOMIC_RELEASE);
	/* Pairs with the fence in is_beyond(): who makes a table that was not there sees the size. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	first = (size + (1UL << sys->page_shift) - 1) >> sys->page_shift;
	rmap_for_each_linear(paging->rmap, file->mapping, first, zap_linear, &first);
	(void)rmap_for_each_nonlinear(file->mapping, zap_nonlinear, &first);
	file_forget(paging, file, first);
	paging_verify_if_asked(paging);
	return 0;
}
