/* SPDX-License-Identifier: MIT */
/*
 * Page tables: four levels of 512 entries, as x86-64 has them.
 *
 *      addr   | 9 bits | 9 bits | 9 bits | 9 bits | page |
 *               top       |        |        leaf
 *
 * Tables come as they are needed, put in place by a compare-and-exchange: faults of several threads may race.  They
 * go when an munmap leaves a gap that covers them whole, and at exit, with `tables` held for writing: walks of the
 * reverse map, which have no mmap_lock, descend with it held for reading.
 */

#include "internal.h"
#include "pool.h"
#include "bytes.h"

_Static_assert(sizeof(struct page_tables) <= POOL_SMALL_SIZE, "page_tables_new() has one of the pool");

static unsigned int slot_of(const struct mm_struct *mm, unsigned long addr, int level)
{
	return (addr >> table_shift(mm, level)) & (TABLE_ENTRIES - 1);
}

static struct table *table_alloc(struct paging *paging)
{
	struct table *t = table_block_alloc();

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	count(paging, tables, 1);
	return t;
}

static struct leaf *leaf_alloc(struct page_tables *pt, unsigned long addr)
{
	struct leaf *leaf = table_block_alloc();

	if (!leaf)
		return NULL;
	memset(leaf, 0, sizeof(*leaf));
	leaf->id.mm = pt->mm;
	leaf->id.base = addr & ~((1UL << table_shift(pt->mm, 1)) - 1);
	leaf->lock.rank = LOCK_PTE;
	count(pt->paging, tables, 1);
	return leaf;
}

static void free_one(struct paging *paging, void *table)
{
	table_block_free(table);
	__atomic_fetch_sub(&paging->stats.tables, 1, __ATOMIC_RELAXED);
}

struct page_tables *page_tables_new(struct paging *paging, struct mm_struct *mm)
{
	struct page_tables *pt = pool_alloc(POOL_SMALL, GFP_KERNEL);

	if (!pt)
		return NULL;
	*pt = (struct page_tables){ .mmap_lock = RW_LOCK_INIT(LOCK_MMAP),
		.prepare = RW_LOCK_INIT(LOCK_PREPARE),
		.tables = RW_LOCK_INIT(LOCK_TABLES),
		.top = table_alloc(paging),
		.paging = paging,
		.mm = mm };
	if (!pt->top) {
		pool_free(POOL_SMALL, pt);
		return NULL;
	}
	rw_write_lock(&paging->spaces_lock);
	list_add_tail(&pt->same_paging, &paging->spaces);
	rw_write_unlock(&paging->spaces_lock);
	return pt;
}

struct leaf *leaf_find(struct page_tables *pt, unsigned long addr)
{
	struct table *t = pt->top;

	for (int level = LEVELS - 1; t && level > 0; level--)
		t = __atomic_load_n(&t->slot[slot_of(pt->mm, addr, level)], __ATOMIC_ACQUIRE);
	return (struct leaf *)t;
}

/* What is in the slot; put there now, if nothing was. NULL: out of memory. */
static void *descend_or_make(struct page_tables *pt, struct table *t, unsigned long addr, int level)
{
	void **slot = &t->slot[slot_of(pt->mm, addr, level)];
	void *below = __atomic_load_n(slot, __ATOMIC_ACQUIRE), *made;

	if (below)
		return below;
	made = level == 1 ? (void *)leaf_alloc(pt, addr) : (void *)table_alloc(pt->paging);
	if (!made)
		return NULL;
	/* Release: whoever finds it finds it zeroed. */
	if (__atomic_compare_exchange_n(slot, &below, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return made;
	free_one(pt->paging, made);
	return below;
}

struct leaf *leaf_make(struct page_tables *pt, unsigned long addr)
{
	void *t = pt->top;

	for (int level = LEVELS - 1; t && level > 0; level--)
		t = descend_or_make(pt, t, addr, level);
	return t;
}

/* What is below the first slot from *addr on that is not empty. NULL: none up to @end or the end of the table, and
 * *addr is there. */
static void *next_below(
	const struct page_tables *pt, struct table *t, int level, unsigned long *addr, unsigned long end)
{
	const unsigned int shift = table_shift(pt->mm, level);
	const unsigned int first = slot_of(pt->mm, *addr, level);
	const unsigned long wanted = ((end - 1) >> shift) - (*addr >> shift) + 1;
	const unsigned int stop =
		wanted < TABLE_ENTRIES - first ? first + (unsigned int)wanted : TABLE_ENTRIES;
	void *below = NULL;
	unsigned int i = first;

	while (i < stop && !(below = __atomic_load_n(&t->slot[i], __ATOMIC_ACQUIRE)))
		i++;
	if (i != first)
		*addr = ((*addr >> shift) + (i - first)) << shift;
	return below;
}

struct leaf *leaf_next(struct page_tables *pt, unsigned long *addr, unsigned long end)
{
	void *t = NULL;

	while (!t && *addr < end) {
		t = pt->top;
		for (int level = LEVELS - 1; t && level > 0; level--)
			t = next_below(pt, t, level, addr, end);
	}
	return t;
}

static struct leaf *lock_leaf(struct mm_struct *mm, unsigned long addr, bool try_lock, bool *busy)
{
	struct leaf *leaf = leaf_find(mm->pgd, addr);

	*busy = false;
	if (!leaf)
		return NULL;
	if (!try_lock) {
		rw_write_lock(&leaf->lock);
		return leaf;
	}
	*busy = !rw_write_trylock(&leaf->lock);
	return *busy ? NULL : leaf;
}

static bool maps(const struct paging *paging, const struct page *page, pte_t pte)
{
	return (pte & PTE_PRESENT) && pte_page(paging, pte) == page;
}

enum rmap_found look_at_pte(struct page *page, struct mm_struct *mm, struct vm_area_struct *vma,
	unsigned long addr, bool try_lock, void *arg)
{
	struct pte_look *look = arg;
	enum rmap_found found = RMAP_GO_ON;
	struct leaf *leaf;
	bool busy;

	/* Tables stay: they go with `tables` held for writing, if only this area is not in their way. */
	if (!try_lock)
		rw_read_lock(&mm->pgd->tables);
	leaf = lock_leaf(mm, addr, try_lock, &busy);
	if (leaf) {
		if (maps(look->paging, page, *leaf_pte(leaf, addr)))
			found = look->at(look, page, leaf_pte(leaf, addr));
		rw_write_unlock(&leaf->lock);
	}
	if (!try_lock)
		rw_read_unlock(&mm->pgd->tables);
	return busy ? RMAP_BUSY : found;
}

enum rmap_found pte_is_there(struct pte_look *look, struct page *page, pte_t *pte)
{
	look->found = true;
	return RMAP_GO_ON;
}

/* The tables under @t that lie in [floor, ceiling) as a whole, of those that have an address of [start, end). */
static void trim_below(struct page_tables *pt, struct table *t, int level, unsigned long base,
	const unsigned long bounds[4]) // NOLINT(misc-no-recursion): four levels
{
	unsigned long span = 1UL << table_shift(pt->mm, level);
	unsigned int i = bounds[0] > base ? (unsigned int)((bounds[0] - base) / span) : 0;

	for (; i < TABLE_ENTRIES && base + i * span < bounds[1]; i++) {
		unsigned long from = base + i * span, to = from + span;

		if (!t->slot[i])
			continue;
		if (level > 1)
			trim_below(pt, t->slot[i], level - 1, from, bounds);
		if (from < bounds[2] || to > bounds[3])
			continue;
		free_one(pt->paging, t->slot[i]);
		t->slot[i] = NULL;
	}
}

void page_tables_trim(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned long floor,
	unsigned long ceiling)
{
	struct page_tables *pt = mm->pgd;
	unsigned long mask = (1UL << table_shift(mm, 1)) - 1;
	unsigned long first = start & ~mask, last = (end + mask) & ~mask;
	const unsigned long bounds[4] = { start, end, floor, ceiling };

	/* Mostly there is nothing: a neighbour uses the same leaf. */
	first = first < floor ? (floor + mask) & ~mask : first;
	last = last > ceiling ? ceiling & ~mask : last;
	if (first >= last)
		return;
	rw_write_lock(&pt->tables);
	trim_below(pt, pt->top, LEVELS - 1, 0, bounds);
	rw_write_unlock(&pt->tables);
}

void page_tables_free(struct page_tables *pt)
{
	struct paging *paging = pt->paging;
	const unsigned long all[4] = { 0, ~0UL, 0, ~0UL };

	rw_write_lock(&paging->spaces_lock);
	list_del(&pt->same_paging);
	rw_write_unlock(&paging->spaces_lock);
	rw_write_lock(&pt->tables);
	trim_below(pt, pt->top, LEVELS - 1, 0, all);
	rw_write_unlock(&pt->tables);
	free_one(paging, pt->top);
	pool_free(POOL_SMALL, pt);
}
