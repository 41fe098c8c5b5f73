/* SPDX-License-Identifier: MIT */
/*
 * Brute force over all page tables, compared with what pages, slots and the reverse map say: <vmaple/paging.h> has
 * the rules.
 *
 * Every PTE that leads to a frame is counted; then each page is walked, and every PTE that the walk finds is marked;
 * then all PTEs are looked at again: none is without the mark.
 */

#include "internal.h"
#include "bytes.h"
#include "text.h"
#include "thread_local.h"

static THREAD_LOCAL char wrong_text[200];
static THREAD_LOCAL unsigned long walk_areas;

struct check {
	struct paging *paging;
	unsigned int *ptes;   /* by frame */
	unsigned int *slots;  /* PTEs by slot */
	unsigned char *odd;   /* by frame: one of its PTEs is in a nonlinear area */
	struct mm_struct *mm; /* where it is now */
	unsigned long addr;
	const char *wrong;
	long walked; /* places found for a page */
};

static bool wrong(struct check *c, const char *rule)
{
	c->wrong = rule;
	return false;
}

/* Go over all entries that are not empty; @at returns false to end. */
static bool for_each_pte(struct check *c, bool (*at)(struct check *c, pte_t *pte))
{
	for (struct list_link *l = c->paging->spaces.next; l != &c->paging->spaces; l = l->next) {
		struct page_tables *pt = list_entry(l, struct page_tables, same_paging);
		struct leaf *leaf;

		c->mm = pt->mm;
		c->addr = 0;
		while ((leaf = leaf_next(pt, &c->addr, 1UL << 48)) != NULL) {
			unsigned long stop = leaf_stop(leaf, 1UL << 48);

			for (; c->addr < stop; c->addr += page_bytes(c->mm))
				if (*leaf_pte(leaf, c->addr) && !at(c, leaf_pte(leaf, c->addr)))
					return false;
		}
	}
	return true;
}

static bool check_frame(struct check *c, const struct vm_area_struct *vma, pte_t pte)
{
	struct page *page = pte_page(c->paging, pte);

	if (page == zero_page(c->paging))
		return !(pte & PTE_WRITE) || wrong(c, "PG7: a PTE lets the zero page be written");
	if (!page->mapping)
		return wrong(c, "PG7: a PTE leads to a page that is nobody's");
	if (page_is_anon(page) && vma_is_private_anonymous(vma) == false && (vma->vm_flags & VM_SHARED))
		return wrong(c, "PG7: a shared area maps an anonymous page");
	if (!page_is_anon(page) && (page->mapping != (uintptr_t)vma->vm_file->mapping))
		return wrong(c, "PG7: an area maps a page of another file");
	if (!page_is_anon(page) && !(vma->vm_flags & VM_NONLINEAR) &&
		page->index != linear_index(vma, c->addr))
		return wrong(c, "PG7: an area maps another page of its file than it says");
	if ((pte & PTE_WRITE) && !(vma->vm_flags & VM_SHARED) && page_mapcount(page) != 1)
		return wrong(c, "PG7: a private page that others map can be written");
	c->ptes[page - c->paging->frames]++;
	c->odd[page - c->paging->frames] |= (vma->vm_flags & VM_NONLINEAR) != 0;
	return true;
}

static bool count_pte(struct check *c, pte_t *pte)
{
	const struct vm_area_struct *vma = vma_lookup(c->mm, c->addr);

	*pte &= ~PTE_SEEN;
	if (!vma)
		return wrong(c, "PG7: a PTE lies in no area");
	if (*pte & PTE_SWAP) {
		c->slots[pte_value(*pte)]++;
		return true;
	}
	if (*pte & PTE_GUARD)
		return *pte == PTE_GUARD || wrong(c, "PG7: a guard leads somewhere");
	if (!(*pte & PTE_PRESENT))
		return (vma->vm_flags & VM_NONLINEAR) || wrong(c, "PG7: an index in a PTE of a linear area");
	if (((*pte & PTE_WRITE) && !(vma->vm_flags & VM_WRITE)) ||
		((*pte & PTE_READ) && !(vma->vm_flags & VM_ACCESS_FLAGS)))
		return wrong(c, "PG7: a PTE allows more than its area");
	if (!(*pte & PTE_LOCKED) != !(vma->vm_flags & VM_LOCKED))
		return wrong(c, "PG7: a PTE is locked and its area is not, or the other way round");
	return check_frame(c, vma, *pte);
}

static enum rmap_found mark(struct page *page, struct mm_struct *mm, struct vm_area_struct *vma,
	unsigned long addr, bool try_lock, void *arg)
{
	struct check *c = arg;
	struct leaf *leaf = leaf_find(mm->pgd, addr);
	pte_t *pte = leaf ? leaf_pte(leaf, addr) : NULL;

	if (pte && (*pte & PTE_PRESENT) && pte_page(c->paging, *pte) == page) {
		if (*pte & PTE_SEEN)
			c->wrong = "PG2: a walk finds a place twice";
		*pte |= PTE_SEEN;
		c->walked++;
	} else if (try_lock) {
		c->wrong = "PG3: a page is known at a place where it is not mapped";
	}
	return RMAP_GO_ON;
}

static bool walk_page(struct check *c, struct page *page)
{
	struct rmap_walk w = { .visit = mark, .arg = c };
	unsigned long frame = (unsigned long)(page - c->paging->frames);

	c->walked = 0;
	page_lock(page);
	rmap_walk(c->paging->rmap, page, &w);
	page_unlock(page);
	if (c->wrong)
		return false;
	return c->odd[frame] || c->walked == (long)c->ptes[frame] ||
	       wrong(c, "PG2: a walk finds fewer places than map the page");
}

static bool check_page(struct check *c, struct page *page)
{
	unsigned long frame = (unsigned long)(page - c->paging->frames);
	unsigned int refs = c->ptes[frame] + page_in_swap(page) + (page->mapping && !page_is_anon(page));

	if (!page->_refcount)
		return (!c->ptes[frame] && !(page->flags & PAGE_LRU)) ||
		       wrong(c, "PG4: a free page is in use");
	if ((unsigned int)page_mapcount(page) != c->ptes[frame])
		return wrong(c, "PG1: _mapcount is not the number of PTEs");
	if ((unsigned int)page->_refcount != refs)
		return wrong(c, "PG4: _refcount is not the number of those who have the page");
	if (!(page->flags & PAGE_LRU))
		return wrong(c, "PG6: a page in use is on no list");
	return walk_page(c, page);
}

static bool check_frames(struct check *c)
{
	unsigned long used = 0, active = 0;

	for (unsigned long i = 1; i < c->paging->nr_frames; i++) {
		struct page *page = &c->paging->frames[i];

		used += page->_refcount != 0;
		active += (page->flags & PAGE_ACTIVE) != 0;
		if (!check_page(c, page)) {
			c->mm = NULL;
			c->addr = i;
			return false;
		}
	}
	c->mm = NULL;
	c->addr = 0;
	if (active != c->paging->nr_active || used != c->paging->nr_active + c->paging->nr_inactive ||
		used + c->paging->nr_free + 1 != c->paging->nr_frames)
		return wrong(c, "PG6: the lists count other pages than they have");
	return true;
}

static bool check_seen(struct check *c, pte_t *pte)
{
	const struct vm_area_struct *vma = vma_lookup(c->mm, c->addr);
	bool found = *pte & PTE_SEEN;

	*pte &= ~PTE_SEEN;
	if (!(*pte & PTE_PRESENT) || pte_page(c->paging, *pte) == zero_page(c->paging) || found)
		return true;
	/* Found by sweeping, where designs do not know places. */
	if ((vma->vm_flags & VM_NONLINEAR) && !c->paging->rmap->file_chains)
		return true;
	return wrong(c, "PG2: a walk does not find a place where the page is mapped");
}

static bool check_slots(struct check *c)
{
	unsigned long used = 0;

	for (unsigned long i = 0; i < c->paging->swap.nr; i++) {
		used += c->slots[i] || c->paging->swap.cache[i];
		c->addr = i;
		if (c->slots[i] != c->paging->swap.refs[i])
			return wrong(c, "PG5: a swap slot counts other PTEs than lead to it");
	}
	return used == c->paging->swap.used || wrong(c, "PG5: slots in use are miscounted");
}

static bool check_areas(struct check *c)
{
	for (struct list_link *l = c->paging->spaces.next; l != &c->paging->spaces; l = l->next) {
		struct page_tables *pt = list_entry(l, struct page_tables, same_paging);

		c->mm = pt->mm;
		if (!mm_validate(pt->mm, &c->wrong))
			return false;
	}
	return true;
}

static bool check_all(struct check *c)
{
	memset(c->ptes, 0, c->paging->nr_frames * sizeof(*c->ptes));
	memset(c->odd, 0, c->paging->nr_frames);
	memset(c->slots, 0, c->paging->swap.nr * sizeof(*c->slots));
	return check_areas(c) && for_each_pte(c, count_pte) && check_frames(c) &&
	       for_each_pte(c, check_seen) && check_slots(c);
}

/* 0, -EINVAL and the reason, or -ENOMEM: there is no memory to check with. */
static int validate(struct paging *paging, const char **reason, gfp_t gfp)
{
	unsigned long frames = paging->nr_frames, slots = paging->swap.nr;
	struct check c = { .paging = paging,
		.ptes = port_alloc(frames * sizeof(*c.ptes), sizeof(*c.ptes), gfp),
		.odd = port_alloc(frames, 1, gfp),
		.slots = port_alloc((slots + 1) * sizeof(*c.slots), sizeof(*c.slots), gfp) };
	int err = -ENOMEM;

	if (c.ptes && c.odd && c.slots)
		err = check_all(&c) ? 0 : -EINVAL;
	if (err == -EINVAL) {
		text_format(wrong_text, sizeof(wrong_text), "%s (%s %lx)", c.wrong, c.mm ? "at" : "number",
			c.addr);
		*reason = wrong_text;
	}
	port_free(c.ptes, frames * sizeof(*c.ptes));
	port_free(c.odd, frames);
	port_free(c.slots, (slots + 1) * sizeof(*c.slots));
	return err;
}

bool paging_validate(struct paging *paging, const char **reason)
{
	*reason = "there is no memory to check with";
	return validate(paging, reason, GFP_KERNEL) == 0;
}

void paging_verify(struct mm_system *sys)
{
	const char *reason;

	/* What a check has no memory for is checked the next time. */
	if (validate((struct paging *)sys->pages, &reason, GFP_NOWAIT) == -EINVAL)
		port_panic(reason);
}

/* --- a single walk -------------------------------------------------------------------------------------------- */

struct places {
	struct pte_look look;
	void (*visit)(struct mm_struct *mm, unsigned long addr, void *arg);
	void *arg;
	long nr;
};

/* Who is told may look at pages: no leaf is locked. */
static enum rmap_found tell(struct page *page, struct mm_struct *mm, struct vm_area_struct *vma,
	unsigned long addr, bool try_lock, void *arg)
{
	struct places *p = arg;
	enum rmap_found found;

	p->look.found = false;
	found = look_at_pte(page, mm, vma, addr, try_lock, &p->look);
	if (!p->look.found)
		return found;
	p->nr++;
	if (p->visit)
		p->visit(mm, addr, p->arg);
	return found;
}

/* The page at @addr, with a reference, or NULL. */
static struct page *page_at(struct mm_struct *mm, unsigned long addr)
{
	struct leaf *leaf = leaf_find(mm->pgd, addr);
	struct page *page = NULL;
	pte_t pte;

	if (!leaf)
		return NULL;
	rw_write_lock(&leaf->lock);
	pte = *leaf_pte(leaf, addr);
	if ((pte & PTE_PRESENT) && pte_page(mm->pgd->paging, pte) != zero_page(mm->pgd->paging)) {
		page = pte_page(mm->pgd->paging, pte);
		page_get(page);
	}
	rw_write_unlock(&leaf->lock);
	return page;
}

long paging_walk(struct mm_struct *mm, unsigned long addr,
	void (*visit)(struct mm_struct *mm, unsigned long addr, void *arg), void *arg)
{
	struct paging *paging = mm->pgd->paging;
	struct places p = { .look = { .paging = paging, .at = pte_is_there }, .visit = visit, .arg = arg };
	struct rmap_walk w = { .visit = tell, .arg = &p };
	struct page *page = page_at(mm, addr & ~(page_bytes(mm) - 1));

	if (!page)
		return -1;
	page_lock(page);
	rmap_walk(paging->rmap, page, &w);
	page_unlock(page);
	page_put(paging, page);
	walk_areas = w.areas;
	return p.nr;
}

unsigned long paging_walk_areas(void)
{
	return walk_areas;
}
