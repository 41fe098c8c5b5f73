/* SPDX-License-Identifier: MIT */
/*
 * fork: the child's PTEs.
 *
 * What a fault would bring again (pages of shared mappings, and of private ones that were never written) is left to
 * faults; the rest is copied, with what may not be written together made read-only on both sides.
 */
#include "internal.h"

struct copy {
	struct paging *paging;
	struct vm_area_struct *to, *from;
	struct leaf *leaf, *source;
	struct rmap_reserve reserve;
};

static bool needs_copy(const struct paging *paging, const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_NONLINEAR)
		return true;
	if (vma->vm_flags & VM_SHARED)
		return false;
	return paging->rmap->no_anon_vma || vma->anon_vma;
}

static void copy_pte(struct copy *c, unsigned long addr)
{
	const struct rmap_place place = { c->to, addr, &c->leaf->id, &c->reserve };
	pte_t *pte = leaf_pte(c->source, addr);

	if (*pte & PTE_PRESENT) {
		struct page *page = pte_page(c->paging, *pte);

		if (!(c->from->vm_flags & VM_SHARED))
			*pte &= ~PTE_WRITE;
		if (page != zero_page(c->paging))
			page_get(page);
		pte_map(c->leaf, &place, page,
			*pte & (PTE_READ | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_ODD));
	} else {
		if (*pte & PTE_SWAP)
			swap_get(c->paging, pte_value(*pte));
		*leaf_pte(c->leaf, addr) = *pte;
	}
}

/* The PTEs of [addr, end), in one leaf. Both spaces' mmap_locks are held, the child's by nobody knowing of it. */
static int copy_leaf(struct copy *c, unsigned long addr, unsigned long end)
{
	unsigned long page = page_bytes(c->to->vm_mm);

	c->leaf = leaf_make(c->to->vm_mm->pgd, addr);
	if (!c->leaf)
		return -ENOMEM;
	while (addr < end) {
		unsigned long stop = end - addr > FORK_BATCH * page ? addr + FORK_BATCH * page : end;

		if (c->paging->rmap->reserve && c->paging->rmap->reserve(&c->reserve, FORK_BATCH))
			return -ENOMEM;
		rw_write_lock(&c->source->lock);
		rw_write_lock_nested(&c->leaf->lock);
		for (; addr < stop; addr += page)
			if (*leaf_pte(c->source, addr))
				copy_pte(c, addr);
		rw_write_unlock(&c->leaf->lock);
		rw_write_unlock(&c->source->lock);
	}
	return 0;
}

int copy_pages(struct vm_area_struct *child, struct vm_area_struct *parent)
{
	struct copy c = { .paging = paging_of(parent), .to = child, .from = parent };
	unsigned long addr = parent->vm_start;
	int err = 0;

	if (!needs_copy(c.paging, parent))
		return 0;
	while (!err && (c.source = leaf_next(parent->vm_mm->pgd, &addr, parent->vm_end)) != NULL) {
		unsigned long stop = leaf_stop(c.source, parent->vm_end);

		err = copy_leaf(&c, addr, stop);
		addr = stop;
	}
	if (c.paging->rmap->unreserve)
		c.paging->rmap->unreserve(&c.reserve);
	return err;
}
