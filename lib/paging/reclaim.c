/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: which pages go, and how.
 *
 *      inactive list ──▶ accessed? ──yes──▶ active list
 *                           │no
 *                           ▼
 *      a swap slot ──▶ every PTE that maps it leads there ──▶ written, if dirty ──▶ free
 *      (a file's page: every PTE is emptied)
 *
 * The reverse map finds the PTEs.  A page that somebody has locked, or maps again, goes back on a list.
 */
#include "internal.h"

static void walk(struct pte_look *look, struct page *page)
{
	struct rmap_walk w = { .visit = look_at_pte, .arg = look };

	rmap_walk(look->paging->rmap, page, &w);
	count(look->paging, areas, w.areas);
	count(look->paging, walks, 1);
}

static enum rmap_found test_accessed(struct pte_look *look, struct page *page, pte_t *pte)
{
	if (*pte & (PTE_ACCESSED | PTE_LOCKED))
		look->found = true;
	*pte &= ~PTE_ACCESSED;
	return RMAP_GO_ON;
}

bool page_referenced(struct paging *paging, struct page *page)
{
	struct pte_look look = { .paging = paging, .at = test_accessed };

	if (page_mapcount(page))
		walk(&look, page);
	return look.found;
}

/* What is left of a PTE that reclaim takes out. */
static pte_t remains(const struct page *page, pte_t pte)
{
	if (page_is_anon(page))
		return ((pte_t)page_slot(page) << PTE_SHIFT) | PTE_SWAP;
	if (pte & PTE_ODD)
		return ((pte_t)page->index << PTE_SHIFT) | PTE_FILE;
	return 0;
}

/* Take it out of the locked leaf; not out of what the reverse map knows. */
static void take_pte(struct paging *paging, struct page *page, pte_t *pte)
{
	if (page_is_anon(page))
		swap_get(paging, page_slot(page));
	if (*pte & PTE_DIRTY)
		page_set(page, PAGE_DIRTY);
	*pte = remains(page, *pte);
	__atomic_fetch_sub(&page->_mapcount, 1, __ATOMIC_ACQ_REL);
	count(paging, unmapped, 1);
	/* Who walks has a reference: this is not the last one. */
	page_put(paging, page);
}

static enum rmap_found unmap_one(struct pte_look *look, struct page *page, pte_t *pte)
{
	if (*pte & PTE_LOCKED)
		return RMAP_STOP;
	take_pte(look->paging, page, pte);
	return RMAP_UNMAPPED;
}

void try_to_unmap(struct paging *paging, struct page *page)
{
	struct pte_look look = { .paging = paging, .at = unmap_one };

	if (page_mapcount(page))
		walk(&look, page);
	if (page_mapcount(page) && !page_is_anon(page) && !paging->rmap->file_chains)
		sweep_nonlinear(paging, page);
}

/* Write the locked page, mapped nowhere, to where it belongs. False: it could not be. */
static bool write_out(struct paging *paging, struct page *page)
{
	if (!page_test_clear(page, PAGE_DIRTY))
		return true;
	if (!page_is_anon(page)) {
		file_write(paging, page);
		return true;
	}
	if (!swap_write(paging, page_slot(page), page->stamp))
		return true;
	page_set(page, PAGE_DIRTY);
	return false;
}

/* A page of anonymous memory has nowhere to go without a slot. */
static bool has_place(struct paging *paging, struct page *page)
{
	return !page_is_anon(page) || page_in_swap(page) || swap_add(paging, page);
}

enum outcome { FREED, KEEP, ACTIVATE };

/* In the swap cache for nobody, and never mapped since: no one knows whose it is. */
static bool is_orphan(const struct page *page)
{
	return !page->mapping && page_in_swap(page);
}

static enum outcome reclaim_locked(struct paging *paging, struct page *page)
{
	bool anon = page_is_anon(page) || is_orphan(page);

	if (!anon && !page->mapping)
		return KEEP;
	if (page_referenced(paging, page))
		return ACTIVATE;
	if (!is_orphan(page) && !has_place(paging, page))
		return ACTIVATE;
	try_to_unmap(paging, page);
	if (page_mapcount(page) || !write_out(paging, page))
		return ACTIVATE;
	return (anon ? swap_freeze(paging, page) : file_freeze(paging, page)) ? FREED : KEEP;
}

/* One isolated page, with the reference that isolating it gave. */
static bool reclaim_page(struct paging *paging, struct page *page)
{
	enum outcome outcome = KEEP;

	if (page_trylock(page)) {
		outcome = reclaim_locked(paging, page);
		page_unlock(page);
	}
	if (outcome == FREED) {
		page_free_frozen(paging, page);
		count(paging, reclaimed, 1);
		return true;
	}
	lru_add(paging, page, outcome == ACTIVATE);
	page_put(paging, page);
	return false;
}

#define BATCH 32

unsigned long reclaim_pages(struct paging *paging, unsigned long nr)
{
	unsigned long freed = 0, looked = 0;

	/* Everything is looked at twice at most: once to see whether it was accessed since, once to go. */
	while (freed < nr && looked < 2 * paging->nr_frames) {
		struct page *pages[BATCH];
		unsigned int got;

		lru_balance(paging);
		got = lru_isolate(paging, pages, BATCH);
		if (!got)
			break;
		for (unsigned int i = 0; i < got; i++)
			freed += reclaim_page(paging, pages[i]);
		looked += got;
	}
	return freed;
}

unsigned long paging_reclaim(struct paging *paging, unsigned long nr)
{
	unsigned long freed = reclaim_pages(paging, nr);

	paging_verify_if_asked(paging);
	return freed;
}

/* --- nonlinear areas ---------------------------------------------------------------------------------------- */

/*
 * Nobody knows where in a nonlinear area a page is.  So a window of its PTEs is swept, from a cursor on: pages found
 * in it that nobody locked are unmapped, whichever they are, and the one that was wanted is among them sooner or
 * later.  Areas that are locked are passed over: there is nothing to be had in them.
 */
#define SWEEP 32

static void sweep_pte(struct paging *paging, struct page *wanted, pte_t *pte)
{
	struct page *page = pte_page(paging, *pte);

	count(paging, swept, 1);
	if (!(*pte & PTE_PRESENT) || (*pte & PTE_LOCKED) || page == zero_page(paging) || page_is_anon(page))
		return;
	if (page != wanted && (*pte & PTE_ACCESSED)) {
		*pte &= ~PTE_ACCESSED;
		return;
	}
	/* Of another page the lock is not ours, but a page of a file keeps its identity while it is mapped. */
	take_pte(paging, page, pte);
}

struct sweep {
	struct paging *paging;
	struct page *wanted;
};

static bool sweep_area(struct vm_area_struct *vma, void *arg)
{
	struct sweep *s = arg;
	struct page_tables *pt = vma->vm_mm->pgd;
	unsigned long page = page_bytes(vma->vm_mm), addr = vma->vm_start, left = SWEEP;
	struct leaf *leaf;

	if (vma->vm_flags & VM_LOCKED)
		return false;
	addr += (__atomic_fetch_add(&s->paging->sweep_cursor, SWEEP * page, __ATOMIC_RELAXED)) %
		(vma->vm_end - vma->vm_start);
	addr &= ~(page - 1);
	rw_read_lock(&pt->tables);
	while (left && (leaf = leaf_next(pt, &addr, vma->vm_end)) != NULL) {
		unsigned long stop = leaf_stop(leaf, vma->vm_end);

		rw_write_lock(&leaf->lock);
		for (; addr < stop && left; addr += page, left--)
			sweep_pte(s->paging, s->wanted, leaf_pte(leaf, addr));
		rw_write_unlock(&leaf->lock);
	}
	rw_read_unlock(&pt->tables);
	return page_mapcount(s->wanted) == 0;
}

void sweep_nonlinear(struct paging *paging, struct page *page)
{
	struct sweep s = { paging, page };

	rmap_for_each_nonlinear((struct address_space *)page->mapping, sweep_area, &s);
}
