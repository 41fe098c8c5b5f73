/* SPDX-License-Identifier: MIT */
/*
 * pte_chain: each page knows every place where it is mapped.
 *
 * 1. Meaning.  page->chain is nothing, one place, or a chain of blocks of seven places each.  A place is the page
 *    table and the entry in it, packed into a word, as long as the pointer to the entry that Linux kept; whose
 *    table it is and for which address says the table.
 * 2. What it costs.  Every page that is mapped more than once pays, and fork pays for each of its pages: that is where
 *    Linux 2.5 spent its time and its low memory, and why objrmap came.  What it gives: nothing depends on areas;
 *    they merge freely, nonlinear ones are as good as others, and a walk looks at nothing in vain.
 * 3. Only the first block of a chain has free entries, at its beginning; what is taken out is replaced by the first.
 * 4. Locks.  The page's chain lock, a bit of its flags, after the page table's.  A walk has the chain first, and so
 *    must not wait for a table: if it cannot have it, it lets go of the chain and starts again.  A place in a chain
 *    that is locked is a place in a table that stays: to take the entry out, it has to be taken out of the chain.
 * 5. Failure.  Blocks are set aside before a table is locked: reserve().
 *
 * Two designs: pte_chain has chains for all pages (van Riel 2002, Linux 2.5.27 to 2.6.6); objrmap for anonymous ones
 * only, and finds those of files through the list of areas (McCracken 2003) that the other has too, for truncation.
 */
#include "internal.h"
#include "lock.h"

#define PLACES 7

struct pte_chain {
	unsigned long next;          /* of type pte_chain; 0: the last */
	unsigned long place[PLACES]; /* 0: free; only in the first block, and first in it */
};

#define IS_CHAIN 1UL /* in page->chain; a place is even */

_Static_assert(sizeof(struct pte_chain) == 64, "a block is a cache line");

static struct pte_chain *chain_of(unsigned long word)
{
	return (struct pte_chain *)(uintptr_t)(word & ~IS_CHAIN);
}

/* A table is aligned to 64 bytes and has 512 entries: six bits are free, ten are needed, and the lowest is 0. */
static unsigned long pack(const struct rmap_place *place)
{
	unsigned int shift = place->vma->vm_mm->sys->page_shift;

	return ((unsigned long)(uintptr_t)place->table >> 6 << 10) |
	       (place->addr - place->table->base) >> shift << 1;
}

static const struct rmap_table *table_of(unsigned long place)
{
	return (const struct rmap_table *)(uintptr_t)(place >> 10 << 6);
}

static unsigned long address_of(unsigned long place)
{
	const struct rmap_table *table = table_of(place);

	return table->base + ((place & 1023) >> 1 << table->mm->sys->page_shift);
}

static void chain_lock(struct page *page)
{
	unsigned int spins = 0;

	lockdep_acquire(&page->chain, LOCK_CHAIN, 0, true, LOCK_HERE);
	while (__atomic_fetch_or(&page->flags, PAGE_CHAIN_LOCKED, __ATOMIC_ACQUIRE) & PAGE_CHAIN_LOCKED)
		lock_relax(&spins);
}

static void chain_unlock(struct page *page)
{
	lockdep_release(&page->chain);
	__atomic_fetch_and(&page->flags, ~PAGE_CHAIN_LOCKED, __ATOMIC_RELEASE);
}

static int pte_chain_reserve(struct rmap_reserve *reserve, unsigned int nr)
{
	while (reserve->nr < nr) {
		struct pte_chain *block = rmap_alloc(sizeof(*block));

		if (!block)
			return -ENOMEM;
		block->next = (uintptr_t)reserve->blocks;
		reserve->blocks = block;
		reserve->nr++;
	}
	return 0;
}

static void pte_chain_reserve_needs(unsigned long nr, struct mm_needs *needs)
{
	rmap_needs(needs, sizeof(struct pte_chain), nr);
}

static void pte_chain_unreserve(struct rmap_reserve *reserve)
{
	while (reserve->nr) {
		struct pte_chain *block = reserve->blocks;

		reserve->blocks = (void *)(uintptr_t)block->next;
		reserve->nr--;
		rmap_free(block, sizeof(*block));
	}
}

/* A new first block, empty. */
static struct pte_chain *push_block(struct page *page, struct rmap_reserve *reserve)
{
	struct pte_chain *block = reserve->blocks;
	unsigned long next = page->chain & IS_CHAIN ? page->chain : 0;

	reserve->blocks = (void *)(uintptr_t)block->next;
	reserve->nr--;
	*block = (struct pte_chain){ .next = next };
	if (page->chain && !next)
		block->place[PLACES - 1] = page->chain;
	page->chain = (uintptr_t)block | IS_CHAIN;
	return block;
}

static void add_place(struct page *page, unsigned long place, struct rmap_reserve *reserve)
{
	struct pte_chain *block;
	int i = PLACES;

	if (!page->chain) {
		page->chain = place;
		return;
	}
	block = page->chain & IS_CHAIN ? chain_of(page->chain) : NULL;
	if (!block || block->place[0])
		block = push_block(page, reserve);
	while (block->place[i - 1])
		i--;
	block->place[i - 1] = place;
}

/* The word that holds @place. */
static unsigned long *find_place(struct page *page, unsigned long place)
{
	if (!(page->chain & IS_CHAIN))
		return page->chain == place ? &page->chain : NULL;
	for (struct pte_chain *b = chain_of(page->chain); b; b = chain_of(b->next))
		for (int i = PLACES; i-- > 0 && b->place[i];)
			if (b->place[i] == place)
				return &b->place[i];
	return NULL;
}

/* Take the place in *@at out: the first one comes there.  A first block that is empty goes. */
static void remove_place(struct page *page, unsigned long *at)
{
	struct pte_chain *block;
	int i = 0;

	if (at == &page->chain) {
		page->chain = 0;
		return;
	}
	block = chain_of(page->chain);
	while (!block->place[i])
		i++;
	*at = block->place[i];
	block->place[i] = 0;
	if (i < PLACES - 1)
		return;
	page->chain = block->next;
	rmap_free(block, sizeof(*block));
}

/* --- of areas nothing is known ------------------------------------------------------------------------------- */

static int nothing_to_prepare(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	return 0;
}

static int nothing_to_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	return 0;
}

static void nothing_to_do(struct vm_area_struct *vma)
{
}

static bool always_merge(
	const struct vm_area_struct *target, const struct anon_vma *src, const struct vm_area_struct *src_vma)
{
	return true;
}

/* --- pages ----------------------------------------------------------------------------------------------------- */

static void pte_chain_own(struct page *page, const struct rmap_place *place, bool alone)
{
	__atomic_store_n(&page->mapping, PAGE_ANON, __ATOMIC_RELAXED);
}

static void pte_chain_own_alone(struct page *page, const struct rmap_place *place)
{
}

static void pte_chain_map(struct page *page, const struct rmap_place *place)
{
	chain_lock(page);
	add_place(page, pack(place), place->reserve);
	chain_unlock(page);
}

static void pte_chain_unmap(struct page *page, const struct rmap_place *place)
{
	unsigned long *at;

	chain_lock(page);
	at = find_place(page, pack(place));
	if (at)
		remove_place(page, at);
	chain_unlock(page);
}

/* In one step: a walk finds it at the one or the other. */
static bool pte_chain_move(struct page *page, const struct rmap_place *from, const struct rmap_place *to)
{
	unsigned long *at;

	chain_lock(page);
	at = find_place(page, pack(from));
	if (at)
		*at = pack(to);
	chain_unlock(page);
	return true;
}

static enum rmap_found visit_place(struct page *page, struct rmap_walk *walk, unsigned long *at)
{
	const struct rmap_table *table = table_of(*at);
	enum rmap_found found = walk->visit(page, table->mm, NULL, address_of(*at), true, walk->arg);

	walk->areas++;
	if (found == RMAP_UNMAPPED)
		remove_place(page, at);
	return found;
}

/*
 * What was unmapped is replaced by the first place of the chain, which has been visited; a block that goes was
 * visited to its end.
 */
static enum rmap_found visit_chain(struct page *page, struct rmap_walk *walk)
{
	enum rmap_found found = RMAP_GO_ON;
	struct pte_chain *next;

	if (!(page->chain & IS_CHAIN))
		return page->chain ? visit_place(page, walk, &page->chain) : found;
	for (struct pte_chain *b = chain_of(page->chain); b; b = next) {
		next = chain_of(b->next);
		for (int i = 0; i < PLACES; i++) {
			if (b->place[i])
				found = visit_place(page, walk, &b->place[i]);
			if (found == RMAP_STOP || found == RMAP_BUSY)
				return found;
		}
	}
	return found;
}

static void pte_chain_walk(struct page *page, struct rmap_walk *walk)
{
	unsigned int spins = 0;
	enum rmap_found found;

	do {
		chain_lock(page);
		found = visit_chain(page, walk);
		chain_unlock(page);
		if (found == RMAP_BUSY)
			lock_relax(&spins);
	} while (found == RMAP_BUSY);
}

#define PTE_CHAIN_OPS                                                                                       \
	.i_mmap = I_MMAP_LIST, .no_anon_vma = true, .by_address = true, .prepare = nothing_to_prepare,      \
	.clone = nothing_to_clone, .fork = nothing_to_clone, .unlink = nothing_to_do,                       \
	.may_merge = always_merge, .attach = i_mmap_attach, .detach = i_mmap_detach, .needs = i_mmap_needs, \
	.adjust_begin = i_mmap_adjust_begin, .adjust_end = i_mmap_adjust_end, .validate = i_mmap_validate,  \
	.reserve_needs = pte_chain_reserve_needs, .reserve = pte_chain_reserve,                             \
	.unreserve = pte_chain_unreserve, .own = pte_chain_own, .own_alone = pte_chain_own_alone,           \
	.walk = pte_chain_walk, .lock = i_mmap_lock, .unlock = i_mmap_unlock, .in_order = i_mmap_in_order

const struct rmap_ops pte_chain_rmap = {
	.name = "pte_chain",
	.summary = "every page knows its PTEs (Linux 2.5.27)",
	.file_chains = true,
	PTE_CHAIN_OPS,
	.map = pte_chain_map,
	.unmap = pte_chain_unmap,
	.move = pte_chain_move,
};

/* --- objrmap: only anonymous pages have chains -------------------------------------------------------------------- */

static void objrmap_map(struct page *page, const struct rmap_place *place)
{
	if (page_is_anon(page))
		pte_chain_map(page, place);
}

static void objrmap_unmap(struct page *page, const struct rmap_place *place)
{
	if (page_is_anon(page))
		pte_chain_unmap(page, place);
}

static bool objrmap_move(struct page *page, const struct rmap_place *from, const struct rmap_place *to)
{
	return !page_is_anon(page) || pte_chain_move(page, from, to);
}

const struct rmap_ops objrmap_rmap = {
	.name = "objrmap",
	.summary = "files by a list of areas, anonymous pages by their PTEs (2003)",
	PTE_CHAIN_OPS,
	.map = objrmap_map,
	.unmap = objrmap_unmap,
	.move = objrmap_move,
};
