/* SPDX-License-Identifier: MIT */
/*
 * PTEs come and go: mapping, unmapping, munmap, mprotect and mlock.
 */
#include "internal.h"

void pte_map(struct leaf *leaf, const struct rmap_place *place, struct page *page, pte_t flags)
{
	struct paging *paging = leaf->id.mm->pgd->paging;

	*leaf_pte(leaf, place->addr) = pte_of(paging, page, flags);
	if (page == zero_page(paging))
		return;
	__atomic_fetch_add(&page->_mapcount, 1, __ATOMIC_ACQ_REL);
	if (paging->rmap->map)
		paging->rmap->map(page, place);
}

/* A page that is in the swap cache only, for a slot that nobody wants: it can go now. */
static void drop_useless(struct paging *paging, struct page *page)
{
	if (!page_in_swap(page) || page_mapcount(page) || !page_trylock(page))
		return;
	if (page_in_swap(page) && !page_mapcount(page) && !swap_refs(paging, page_slot(page)))
		swap_remove(paging, page);
	page_unlock(page);
}

void pte_unmap(struct leaf *leaf, const struct rmap_place *place, pte_t pte)
{
	struct paging *paging = leaf->id.mm->pgd->paging;
	struct page *page = pte_page(paging, pte);

	if (page == zero_page(paging))
		return;
	if (pte & PTE_DIRTY)
		page_set(page, PAGE_DIRTY);
	if (paging->rmap->unmap)
		paging->rmap->unmap(page, place);
	__atomic_fetch_sub(&page->_mapcount, 1, __ATOMIC_ACQ_REL);
	drop_useless(paging, page);
	page_put(paging, page);
}

pte_t vma_pte_flags(const struct vm_area_struct *vma)
{
	pte_t flags = vma->vm_flags & VM_ACCESS_FLAGS ? PTE_READ : 0;

	flags |= vma->vm_flags & VM_NONLINEAR ? PTE_ODD : 0;
	return vma->vm_flags & VM_LOCKED ? flags | PTE_LOCKED : flags;
}

/* What of a PTE survives. */
enum { KEEP_INDEX = 1, KEEP_GUARD = 2 };

static void zap_pte(struct leaf *leaf, struct vm_area_struct *vma, unsigned long addr, unsigned int keep)
{
	const struct rmap_place place = { .vma = vma, .addr = addr, .table = &leaf->id };
	pte_t *pte = leaf_pte(leaf, addr), old = *pte;

	if (((keep & KEEP_INDEX) && (old & PTE_FILE)) || ((keep & KEEP_GUARD) && (old & PTE_GUARD)))
		return;
	*pte = keep & KEEP_INDEX
		       ? ((pte_t)pte_page(vma->vm_mm->pgd->paging, old)->index << PTE_SHIFT) | PTE_FILE
		       : 0;
	if (old & PTE_PRESENT)
		pte_unmap(leaf, &place, old);
	else if (old & PTE_SWAP)
		swap_put(leaf->id.mm->pgd->paging, pte_value(old));
}

static void zap(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned int keep)
{
	unsigned long addr = start;
	struct leaf *leaf;

	while ((leaf = leaf_next(vma->vm_mm->pgd, &addr, end)) != NULL) {
		unsigned long stop = leaf_stop(leaf, end);

		rw_write_lock(&leaf->lock);
		for (; addr < stop; addr += page_bytes(vma->vm_mm))
			if (*leaf_pte(leaf, addr))
				zap_pte(leaf, vma, addr, keep);
		rw_write_unlock(&leaf->lock);
	}
}

void zap_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	zap(vma, start, end, 0);
}

void zap_contents(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	zap(vma, start, end, KEEP_GUARD);
}

void discard_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	zap(vma, start, end, KEEP_GUARD | (vma->vm_flags & VM_NONLINEAR ? KEEP_INDEX : 0));
}

/* Private pages are not there: such areas are shared. */
static void zap_index(struct leaf *leaf, struct vm_area_struct *vma, unsigned long addr, pgoff_t first)
{
	pte_t pte = *leaf_pte(leaf, addr);

	if ((pte & PTE_PRESENT) && pte_page(vma->vm_mm->pgd->paging, pte)->index >= first)
		zap_pte(leaf, vma, addr, KEEP_INDEX);
}

void zap_indexes(struct vm_area_struct *vma, pgoff_t first)
{
	unsigned long addr = vma->vm_start;
	struct leaf *leaf;

	while ((leaf = leaf_next(vma->vm_mm->pgd, &addr, vma->vm_end)) != NULL) {
		unsigned long stop = leaf_stop(leaf, vma->vm_end);

		rw_write_lock(&leaf->lock);
		for (; addr < stop; addr += page_bytes(vma->vm_mm))
			zap_index(leaf, vma, addr, first);
		rw_write_unlock(&leaf->lock);
	}
}

int guard_range(struct vm_area_struct *vma, unsigned long start, unsigned long end, bool install)
{
	unsigned long page = page_bytes(vma->vm_mm);

	for (unsigned long addr = start; install && addr < end; addr += page)
		if (!leaf_make(vma->vm_mm->pgd, addr))
			return -ENOMEM;

	/* Point of no return. */
	for (unsigned long addr = start; addr < end; addr += page) {
		struct leaf *leaf = leaf_find(vma->vm_mm->pgd, addr);
		bool guarded;

		if (!leaf)
			continue;
		rw_write_lock(&leaf->lock);
		guarded = *leaf_pte(leaf, addr) & PTE_GUARD;
		if (install && !guarded && *leaf_pte(leaf, addr))
			zap_pte(leaf, vma, addr, 0);
		if (install != guarded)
			*leaf_pte(leaf, addr) = install ? PTE_GUARD : 0;
		rw_write_unlock(&leaf->lock);
	}
	return 0;
}

/* What is not allowed any more is taken away; what is allowed anew comes with a fault, but for reading. */
static pte_t protect(const struct vm_area_struct *vma, pte_t pte)
{
	pte &= ~(PTE_READ | PTE_LOCKED);
	if (!(vma->vm_flags & VM_WRITE))
		pte &= ~PTE_WRITE;
	return pte | vma_pte_flags(vma);
}

void protect_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	unsigned long addr = start;
	struct leaf *leaf;

	while ((leaf = leaf_next(vma->vm_mm->pgd, &addr, end)) != NULL) {
		unsigned long stop = leaf_stop(leaf, end);

		rw_write_lock(&leaf->lock);
		for (; addr < stop; addr += page_bytes(vma->vm_mm)) {
			pte_t *pte = leaf_pte(leaf, addr);

			if (*pte & PTE_PRESENT)
				*pte = protect(vma, *pte);
		}
		rw_write_unlock(&leaf->lock);
	}
}
