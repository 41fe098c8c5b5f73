/* SPDX-License-Identifier: MIT */
/*
 * Frames: free ones, references, and the two lists of those in use.
 *
 * A page is free when nothing refers to it: no PTE, no cache, nobody who works on it.  The lists do not count; who
 * takes a page off a list to work on it gets a reference first, which fails if the page is just being freed.
 *
 * What enters is inactive.  Reclaim takes from the cold end of the inactive list and puts back as active what was
 * accessed; active pages cool down while there are more of them than inactive ones.
 */
#include "internal.h"

#define page_of_lru(link) list_entry(link, struct page, lru)

void page_lock_at(struct page *page, const char *where)
{
	unsigned int spins = 0;

	lockdep_acquire(page, LOCK_PAGE, 0, true, where);
	while (__atomic_fetch_or(&page->flags, PAGE_LOCKED, __ATOMIC_ACQUIRE) & PAGE_LOCKED)
		lock_relax(&spins);
}

bool page_trylock_at(struct page *page, const char *where)
{
	if (__atomic_fetch_or(&page->flags, PAGE_LOCKED, __ATOMIC_ACQUIRE) & PAGE_LOCKED)
		return false;
	lockdep_acquire(page, LOCK_PAGE, 0, false, where);
	return true;
}

void page_unlock(struct page *page)
{
	lockdep_release(page);
	__atomic_fetch_and(&page->flags, ~PAGE_LOCKED, __ATOMIC_RELEASE);
}

struct page *page_alloc_free(struct paging *paging)
{
	struct page *page = NULL;

	rw_write_lock(&paging->lru_lock);
	if (!list_empty(&paging->free)) {
		page = page_of_lru(paging->free.next);
		list_del(&page->lru);
		paging->nr_free--;
	}
	rw_write_unlock(&paging->lru_lock);
	if (!page)
		return NULL;
	page->index = 0;
	page->stamp = 0;
	page->chain = 0;
	page->swap = 0;
	page->_mapcount = -1;
	__atomic_store_n(&page->mapping, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->flags, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->_refcount, 1, __ATOMIC_RELEASE);
	return page;
}

#define RECLAIM_BATCH 32
#define RECLAIM_TRIES 4

struct page *page_alloc(struct paging *paging)
{
	struct page *page = page_alloc_free(paging);

	for (int i = 0; !page && i < RECLAIM_TRIES; i++) {
		unsigned int spins = 0;

		/* What others are just working on may be had the next time. */
		if (!reclaim_pages(paging, RECLAIM_BATCH))
			lock_relax(&spins);
		page = page_alloc_free(paging);
	}
	return page;
}

void page_free_frozen(struct paging *paging, struct page *page)
{
	if (page_is_anon(page) && paging->rmap->disown)
		paging->rmap->disown(page);
	__atomic_store_n(&page->mapping, 0, __ATOMIC_RELAXED);
	rw_write_lock(&paging->lru_lock);
	if (page_flags(page) & PAGE_LRU) {
		list_del(&page->lru);
		if (page_flags(page) & PAGE_ACTIVE)
			paging->nr_active--;
		else
			paging->nr_inactive--;
		page_test_clear(page, PAGE_LRU | PAGE_ACTIVE);
	}
	list_add(&page->lru, &paging->free);
	paging->nr_free++;
	rw_write_unlock(&paging->lru_lock);
}

void page_put(struct paging *paging, struct page *page)
{
	if (__atomic_sub_fetch(&page->_refcount, 1, __ATOMIC_ACQ_REL) == 0)
		page_free_frozen(paging, page);
}

/* A reference, unless there is none left to share. */
static bool page_try_get(struct page *page)
{
	int refs = __atomic_load_n(&page->_refcount, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(
			    &page->_refcount, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

static void add_locked(struct paging *paging, struct page *page, bool active)
{
	list_add(&page->lru, active ? &paging->active : &paging->inactive);
	page_set(page, active ? PAGE_LRU | PAGE_ACTIVE : PAGE_LRU);
	if (active)
		paging->nr_active++;
	else
		paging->nr_inactive++;
}

void lru_add(struct paging *paging, struct page *page, bool active)
{
	rw_write_lock(&paging->lru_lock);
	add_locked(paging, page, active);
	rw_write_unlock(&paging->lru_lock);
}

unsigned int lru_isolate(struct paging *paging, struct page **pages, unsigned int nr)
{
	unsigned int got = 0;

	rw_write_lock(&paging->lru_lock);
	while (got < nr && !list_empty(&paging->inactive)) {
		struct page *page = page_of_lru(paging->inactive.prev);

		list_del(&page->lru);
		if (page_try_get(page)) {
			page_test_clear(page, PAGE_LRU);
			paging->nr_inactive--;
			pages[got++] = page;
		} else {
			/* Its last reference is gone: who gave it up waits for this lock. */
			list_add(&page->lru, &paging->inactive);
			break;
		}
	}
	rw_write_unlock(&paging->lru_lock);
	return got;
}

void lru_balance(struct paging *paging)
{
	rw_write_lock(&paging->lru_lock);
	while (paging->nr_inactive < paging->nr_active) {
		struct page *page = page_of_lru(paging->active.prev);

		list_del(&page->lru);
		page_test_clear(page, PAGE_ACTIVE);
		paging->nr_active--;
		add_locked(paging, page, false);
	}
	rw_write_unlock(&paging->lru_lock);
}
