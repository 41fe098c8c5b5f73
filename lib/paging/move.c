/* SPDX-License-Identifier: MIT */
/*
 * mremap, and the stack of exec: PTEs move to another address of the same space.
 *
 * 1. Walks meanwhile.  A walk visits areas one after the other and holds the rmap lock throughout, but it looks at
 *    PTEs one by one.  If it visits the new place first and the old one later, and the PTE moves in between, it
 *    misses a page that was mapped all the time.  Two ways out:
 *
 *      - the rmap locks are held (for writing) while PTEs move: no walk is under way;
 *      - the design says that every walk meets the old area before the new one.  Then a walk that finds the old PTE
 *        empty comes to the new place later, and finds it there: a PTE moves under both leaves' locks, so that
 *        no one sees neither.  Both areas were in the tree before the walk began, as they came under the lock
 *        that it holds; if the new one came after the walk had begun, so did the move, which waits for that.
 *
 *    With interval trees the first is needed where the new area starts at a lower index than the old one, or at the
 *    same and is older: that is, where a part of an area comes back to what it was cut off from.
 *
 *    A stack that exec is making needs neither: walks pass over it or may miss it (lib/mm/exec.c), and nobody else has
 *    its pages.  But where pages are known by their address, which changes, walks read what moves them writes: that
 *    takes the lock, wherever it is not in order.
 *
 * 2. Failure.  The new place's leaf is made before a batch is moved.  If it cannot be, or a page has to be copied and
 *    there is none, all that was moved goes back: the old leaves are still there, and what was copied has no need
 *    to be copied again.
 */
#include "internal.h"

struct mover {
	struct paging *paging;
	struct vm_area_struct *from, *to;
	struct leaf *old_leaf, *new_leaf;
	struct page *spare; /* for a copy; NULL */
};

/* The page cannot be known at its new place while others map it: it gets a copy of its own there. */
static bool move_copy(struct mover *m, const struct rmap_place *from, const struct rmap_place *to, pte_t pte)
{
	struct page *copy = m->spare, *page = pte_page(m->paging, pte);

	if (!copy)
		return false;
	m->spare = NULL;
	copy->stamp = __atomic_load_n(&page->stamp, __ATOMIC_RELAXED);
	page_set(copy, PAGE_DIRTY);
	pte_unmap(m->old_leaf, from, pte);
	m->paging->rmap->own(copy, to, true);
	pte_map(m->new_leaf, to, copy, pte & (PTE_READ | PTE_LOCKED | PTE_ACCESSED));
	lru_add(m->paging, copy, false);
	count(m->paging, move_copies, 1);
	return true;
}

/* False: a copy is wanted, and there is none. */
static bool move_pte(struct mover *m, unsigned long old_addr, unsigned long new_addr)
{
	const struct rmap_place from = { m->from, old_addr, &m->old_leaf->id, NULL };
	const struct rmap_place to = { m->to, new_addr, &m->new_leaf->id, NULL };
	pte_t *old = leaf_pte(m->old_leaf, old_addr), pte = *old;
	struct page *page = pte_page(m->paging, pte);

	if ((pte & PTE_PRESENT) && page != zero_page(m->paging) && m->paging->rmap->move &&
		!m->paging->rmap->move(page, &from, &to)) {
		if (!move_copy(m, &from, &to, pte))
			return false;
	} else {
		*leaf_pte(m->new_leaf, new_addr) = pte;
	}
	*old = 0;
	count(m->paging, moved, 1);
	return true;
}

static void lock_leaves(struct mover *m)
{
	rw_write_lock(&m->old_leaf->lock);
	if (m->new_leaf != m->old_leaf)
		rw_write_lock_nested(&m->new_leaf->lock);
}

static void unlock_leaves(struct mover *m)
{
	if (m->new_leaf != m->old_leaf)
		rw_write_unlock(&m->new_leaf->lock);
	rw_write_unlock(&m->old_leaf->lock);
}

/* Move up to @len bytes from where a leaf of old PTEs is, within one leaf on either side; how many were. */
static unsigned long move_some(
	struct mover *m, unsigned long old_addr, unsigned long new_addr, unsigned long len, bool locks)
{
	unsigned long page = page_bytes(m->to->vm_mm), done = 0;
	bool moved = true;

	if (locks) {
		m->paging->rmap->lock(m->from);
		count(m->paging, move_locked, 1);
	}
	lock_leaves(m);
	while (done < len && moved) {
		if (*leaf_pte(m->old_leaf, old_addr + done))
			moved = move_pte(m, old_addr + done, new_addr + done);
		done += moved ? page : 0;
	}
	unlock_leaves(m);
	if (locks)
		m->paging->rmap->unlock(m->from);
	return done;
}

/* Move [addr, addr + len) of the old place; *done: up to where that went well. 0 or -ENOMEM. */
static int move_all(struct mover *m, const struct mm_move *mv, bool locks, unsigned long *done)
{
	struct page_tables *pt = mv->to->vm_mm->pgd;
	unsigned long addr = mv->old_addr, end = mv->old_addr + mv->len;

	while ((m->old_leaf = leaf_next(pt, &addr, end)) != NULL) {
		unsigned long new_addr = mv->new_addr + (addr - mv->old_addr),
			      stop = leaf_stop(m->old_leaf, end);
		unsigned long some;

		*done = addr - mv->old_addr;
		m->new_leaf = leaf_make(pt, new_addr);
		if (!m->new_leaf)
			return -ENOMEM;
		some = leaf_stop(m->new_leaf, new_addr + (stop - addr)) - new_addr;
		stop = addr + some;
		addr += move_some(m, addr, new_addr, some, locks);
		*done = addr - mv->old_addr;
		if (addr == stop)
			continue;
		m->spare = page_alloc(m->paging);
		if (!m->spare)
			return -ENOMEM;
	}
	*done = mv->len;
	return 0;
}

static bool needs_locks(const struct rmap_ops *rmap, const struct mm_move *mv)
{
	if (mv->temporary && !rmap->by_address)
		return false;
	return !rmap->in_order(mv->from, mv->to, mv->fresh);
}

/* What was moved goes back, the last page first: the two places may overlap. */
static void move_back(struct mover *m, const struct mm_move *mv, unsigned long done)
{
	unsigned long page = page_bytes(mv->to->vm_mm);
	struct mm_move undo = { .from = mv->to, .to = mv->from, .len = page };

	m->from = mv->to;
	m->to = mv->from;
	while (done) {
		unsigned long ignored;

		done -= page;
		undo.old_addr = mv->new_addr + done;
		undo.new_addr = mv->old_addr + done;
		(void)move_all(m, &undo, true, &ignored);
	}
}

int move_pages(const struct mm_move *mv)
{
	struct mover m = { .paging = paging_of(mv->to), .from = mv->from, .to = mv->to };
	bool locks = needs_locks(m.paging->rmap, mv);
	unsigned long done = 0;
	int err;

	err = move_all(&m, mv, locks, &done);
	if (err)
		move_back(&m, mv, done);
	if (m.spare)
		page_put(m.paging, m.spare);
	return err;
}
