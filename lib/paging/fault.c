/* SPDX-License-Identifier: MIT */
/*
 * Accesses and faults.
 *
 *      PTE              access   what is done
 *      ------------------------------------------------------------------------------------------------
 *      empty            read     anonymous: the zero page; file: its page
 *      empty            write    anonymous: a new page; shared file: its page; private file: a copy of its page
 *      frame, no WRITE  write    shared file: allowed now; anonymous and nobody else's: taken; else a copy
 *      slot             any      its page, from the cache or the device; written only by who has it alone
 *      index            any      that page of the file (nonlinear)
 *      guard            any      refused
 *
 * Each function below gets what it needs, takes the leaf's lock, and changes the PTE if it is still the one that was
 * found. All return 0 when the access is worth another try.
 */
#include "internal.h"

struct fault {
	struct paging *paging;
	struct vm_area_struct *vma;
	unsigned long addr; /* of the page */
	bool write;
	struct leaf *leaf;
	pte_t pte;                  /* as found */
	const struct page *of_file; /* to be mapped, or copied; NULL: none */
	struct rmap_place place;
	struct rmap_reserve reserve;
};

/* Would it map a page that the file does not have any more?  The leaf's lock is held: see truncate.c. */
static bool is_beyond(const struct fault *f)
{
	if (!f->vma->vm_file || vma_is_private_anonymous(f->vma) || (f->pte & (PTE_PRESENT | PTE_SWAP)))
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return file_ends_before(f->paging, f->vma->vm_file,
		f->pte & PTE_FILE ? pte_value(f->pte) : linear_index(f->vma, f->addr));
}

/* Has the file lost the page meanwhile, though it may have grown again?  After is_beyond(): see truncate.c. */
static bool is_forgotten(const struct fault *f)
{
	return f->of_file && !__atomic_load_n(&f->of_file->mapping, __ATOMIC_RELAXED);
}

/* Take the leaf's lock, if the PTE is as it was found, and may be filled. */
static bool lock_unchanged(struct fault *f)
{
	rw_write_lock(&f->leaf->lock);
	if (*leaf_pte(f->leaf, f->addr) == f->pte && !is_beyond(f) && !is_forgotten(f))
		return true;
	rw_write_unlock(&f->leaf->lock);
	return false;
}

static void unlock(struct fault *f)
{
	rw_write_unlock(&f->leaf->lock);
}

static pte_t flags_for(const struct fault *f)
{
	pte_t flags = vma_pte_flags(f->vma) | PTE_ACCESSED;

	return f->write ? flags | PTE_WRITE | PTE_DIRTY : flags;
}

/* Take what the PTE led to away. */
static void leave_old(struct fault *f)
{
	if (f->pte & PTE_PRESENT)
		pte_unmap(f->leaf, &f->place, f->pte);
	else if (f->pte & PTE_SWAP)
		swap_put(f->paging, pte_value(f->pte));
}

/* A new anonymous page with @stamp in place of what is there. */
static int map_new(struct fault *f, uint64_t stamp)
{
	struct page *page = page_alloc(f->paging);

	if (!page)
		return -ENOMEM;
	page->stamp = stamp;
	page_set(page, PAGE_DIRTY);
	if (!lock_unchanged(f)) {
		page_put(f->paging, page);
		return 0;
	}
	leave_old(f);
	f->paging->rmap->own(page, &f->place, true);
	pte_map(f->leaf, &f->place, page, flags_for(f));
	lru_add(f->paging, page, false);
	unlock(f);
	return 0;
}

/* A copy of @page, to which the caller's reference is given up. */
static int map_copy(struct fault *f, struct page *page)
{
	int err = map_new(f, __atomic_load_n(&page->stamp, __ATOMIC_RELAXED));

	page_put(f->paging, page);
	count(f->paging, copies, 1);
	return err;
}

/* Is memory that nobody has written given a page of its own? */
static bool takes_page(const struct fault *f)
{
	return f->write || f->vma->vm_mm->sys->no_zero_page;
}

static int fault_anonymous(struct fault *f)
{
	if (takes_page(f))
		return map_new(f, 0);
	if (!lock_unchanged(f))
		return 0;
	pte_map(f->leaf, &f->place, zero_page(f->paging), flags_for(f));
	unlock(f);
	return 0;
}

static int fault_file(struct fault *f, pgoff_t index)
{
	struct page *page = file_page(f->paging, f->vma->vm_file, index);

	if (IS_ERR(page))
		return (int)PTR_ERR(page);
	f->of_file = page;
	if (f->write && !(f->vma->vm_flags & VM_SHARED))
		return map_copy(f, page);
	if (!lock_unchanged(f)) {
		page_put(f->paging, page);
		return 0;
	}
	pte_map(f->leaf, &f->place, page, flags_for(f));
	unlock(f);
	return 0;
}

/* Does the locked anonymous @page belong to this PTE alone?  Its swap slot is given up then. */
static bool take_alone(struct fault *f, struct page *page)
{
	int cached = page_in_swap(page);

	if (page_mapcount(page) != 1 || __atomic_load_n(&page->_refcount, __ATOMIC_ACQUIRE) != 1 + cached)
		return false;
	if (cached && swap_refs(f->paging, page_slot(page)))
		return false;
	if (cached)
		swap_remove(f->paging, page);
	page_set(page, PAGE_DIRTY);
	f->paging->rmap->own_alone(page, &f->place);
	return true;
}

/* The leaf's lock is held, and is given up. */
static int write_protected_anon(struct fault *f, struct page *page)
{
	unsigned int spins = 0;

	/* Its lock comes before the leaf's: who cannot have it now comes back. */
	if (!page_trylock(page)) {
		unlock(f);
		lock_relax(&spins);
		return 0;
	}
	if (take_alone(f, page)) {
		*leaf_pte(f->leaf, f->addr) |= flags_for(f);
		page_unlock(page);
		unlock(f);
		return 0;
	}
	page_get(page);
	page_unlock(page);
	unlock(f);
	return map_copy(f, page);
}

static int fault_write_protected(struct fault *f)
{
	struct page *page;

	if (!lock_unchanged(f))
		return 0;
	page = pte_page(f->paging, f->pte);
	if (f->vma->vm_flags & VM_SHARED) {
		*leaf_pte(f->leaf, f->addr) |= flags_for(f);
		unlock(f);
		return 0;
	}
	if (page_is_anon(page))
		return write_protected_anon(f, page);
	page_get(page);
	unlock(f);
	return map_copy(f, page);
}

/* The page of @slot, locked, with a reference. ERR_PTR(-EAGAIN): things have changed. */
static struct page *swap_page(struct fault *f, unsigned long slot)
{
	struct page *page = swap_find(f->paging, slot);
	int err;

	if (page) {
		page_lock(page);
		if (page_in_swap(page) && page_slot(page) == slot)
			return page;
		page_unlock(page);
		page_put(f->paging, page);
		return ERR_PTR(-EAGAIN);
	}
	page = page_alloc(f->paging);
	if (!page)
		return ERR_PTR(-ENOMEM);
	page_lock(page);
	err = swap_add_at(f->paging, page, slot) ? swap_read(f->paging, slot, &page->stamp) : -EAGAIN;
	if (!err) {
		lru_add(f->paging, page, false);
		return page;
	}
	if (page_in_swap(page))
		swap_remove(f->paging, page);
	page_unlock(page);
	page_put(f->paging, page);
	return ERR_PTR(err);
}

/* Under the page's lock and the leaf's: map it. The reference goes to the PTE. */
static void map_swapped(struct fault *f, struct page *page, unsigned long slot)
{
	bool alone = page_mapcount(page) == 0 && swap_refs(f->paging, slot) == 1;
	bool write = f->write && alone;
	pte_t flags = flags_for(f);

	if (!page->mapping)
		f->paging->rmap->own(page, &f->place, alone);
	swap_put(f->paging, slot);
	if (!write)
		flags &= ~(PTE_WRITE | PTE_DIRTY);
	pte_map(f->leaf, &f->place, page, flags);
	if (!write)
		return;
	swap_remove(f->paging, page);
	page_set(page, PAGE_DIRTY);
	f->paging->rmap->own_alone(page, &f->place);
}

static int fault_swap(struct fault *f)
{
	unsigned long slot = pte_value(f->pte);
	struct page *page = swap_page(f, slot);

	if (IS_ERR(page))
		return PTR_ERR(page) == -EAGAIN ? 0 : (int)PTR_ERR(page);
	if (page->mapping && f->paging->rmap->fits && !f->paging->rmap->fits(page, &f->place)) {
		page_unlock(page);
		return map_copy(f, page);
	}
	if (lock_unchanged(f)) {
		map_swapped(f, page, slot);
		unlock(f);
		page_unlock(page);
		return 0;
	}
	page_unlock(page);
	page_put(f->paging, page);
	return 0;
}

/* The area allows it again. */
static int fault_read_again(struct fault *f)
{
	if (!lock_unchanged(f))
		return 0;
	*leaf_pte(f->leaf, f->addr) |= vma_pte_flags(f->vma);
	unlock(f);
	return 0;
}

static int fault_by_pte(struct fault *f)
{
	if (f->pte & PTE_GUARD)
		return -EFAULT;
	if (f->pte & PTE_SWAP)
		return fault_swap(f);
	if (f->pte & PTE_FILE)
		return fault_file(f, pte_value(f->pte));
	if (f->pte & PTE_PRESENT)
		return f->write ? fault_write_protected(f) : fault_read_again(f);
	if (vma_is_private_anonymous(f->vma))
		return fault_anonymous(f);
	return fault_file(f, linear_index(f->vma, f->addr));
}

/* The anon_vma that the area's pages will be known by: two faults must not both bring one. */
static int prepare(struct fault *f)
{
	struct page_tables *pt = f->vma->vm_mm->pgd;
	int err = 0;

	if (!(vma_is_private_anonymous(f->vma) ? takes_page(f) : f->write) ||
		(f->vma->vm_flags & VM_SHARED) || f->paging->rmap->no_anon_vma ||
		__atomic_load_n(&f->vma->anon_vma, __ATOMIC_ACQUIRE))
		return 0;
	rw_write_lock(&pt->prepare);
	if (!f->vma->anon_vma)
		err = mm_fault(f->vma->vm_mm, f->addr, f->write ? MM_FAULT_WRITE : 0);
	rw_write_unlock(&pt->prepare);
	return err;
}

static int reserve_links(struct fault *f)
{
	if (!f->paging->rmap->reserve || !f->paging->rmap->reserve(&f->reserve, 1))
		return 0;
	return -ENOMEM;
}

static int handle_fault(struct fault *f)
{
	int err = prepare(f);

	if (err)
		return err;
	f->leaf = leaf_make(f->vma->vm_mm->pgd, f->addr);
	if (!f->leaf || reserve_links(f))
		return -ENOMEM;
	f->place = (struct rmap_place){ f->vma, f->addr, &f->leaf->id, &f->reserve };
	rw_write_lock(&f->leaf->lock);
	f->pte = *leaf_pte(f->leaf, f->addr);
	rw_write_unlock(&f->leaf->lock);
	err = fault_by_pte(f);
	if (f->paging->rmap->unreserve)
		f->paging->rmap->unreserve(&f->reserve);
	count(f->paging, faults, 1);
	return err;
}

/* The area, grown down to @addr if it is a stack; NULL: the access is not allowed. */
static struct vm_area_struct *area_for(struct mm_struct *mm, unsigned long addr, bool write)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	if (!vma)
		return NULL;
	if (vma->vm_start > addr && mm_fault(mm, addr, (write ? MM_FAULT_WRITE : 0) | MM_FAULT_SMALL))
		return NULL;
	return vma->vm_flags & (write ? VM_WRITE : VM_ACCESS_FLAGS) ? vma : NULL;
}

/* Access the page as a processor does: 0, or -EFAULT for a fault. */
static int touch(struct page_tables *pt, unsigned long addr, bool write, uint64_t *stamp)
{
	pte_t needed = PTE_PRESENT | PTE_READ | (write ? PTE_WRITE : 0);
	struct leaf *leaf = leaf_find(pt, addr);
	int err = -EFAULT;
	pte_t *pte;

	if (!leaf)
		return err;
	rw_write_lock(&leaf->lock);
	pte = leaf_pte(leaf, addr);
	if ((*pte & needed) == needed) {
		struct page *page = pte_page(pt->paging, *pte);

		*pte |= PTE_ACCESSED;
		if (write) {
			*pte |= PTE_DIRTY;
			__atomic_store_n(&page->stamp, *stamp, __ATOMIC_RELAXED);
		} else {
			*stamp = __atomic_load_n(&page->stamp, __ATOMIC_RELAXED);
		}
		err = 0;
	}
	rw_write_unlock(&leaf->lock);
	return err;
}

static int access_page(struct mm_struct *mm, unsigned long addr, bool write, uint64_t *stamp)
{
	addr &= ~(page_bytes(mm) - 1);
	while (touch(mm->pgd, addr, write, stamp)) {
		struct vm_area_struct *vma = area_for(mm, addr, write);
		struct fault f = { .paging = mm->pgd->paging, .vma = vma, .addr = addr, .write = write };
		int err = vma ? handle_fault(&f) : -EFAULT;

		if (err)
			return err;
	}
	return 0;
}

int paging_read(struct mm_struct *mm, unsigned long addr, uint64_t *stamp)
{
	int err = access_page(mm, addr, false, stamp);

	paging_verify_if_asked(mm->pgd->paging);
	return err;
}

int paging_write(struct mm_struct *mm, unsigned long addr, uint64_t stamp)
{
	int err = access_page(mm, addr, true, &stamp);

	paging_verify_if_asked(mm->pgd->paging);
	return err;
}
