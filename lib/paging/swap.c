/* SPDX-License-Identifier: MIT */
/*
 * Swap: slots, the device, and the swap cache.
 *
 * A slot is in use while PTEs lead to it or a page is in the cache for it.  A page in the cache has, or is to have,
 * the slot's contents: whoever faults on a PTE that leads there finds the one page that others got, and shares it.
 *
 * Only who has a page's lock puts it into the cache or takes it out; the swap lock guards the maps.  References to a
 * page in the cache are taken under the swap lock, so that under it, and with the page mapped nowhere, two
 * references (the cache's, the caller's) mean that nobody else can come.
 */
#include "internal.h"
#if PAGING_HAS_FILES
#include <unistd.h>
#endif

#include "bytes.h"

static int swap_arrays(struct swap *swap, bool memory)
{
	swap->refs = port_alloc(swap->nr * sizeof(*swap->refs), _Alignof(unsigned int), GFP_KERNEL);
	swap->cache = port_alloc(swap->nr * sizeof(struct page *), _Alignof(void *), GFP_KERNEL);
	if (memory)
		swap->store = port_alloc(swap->nr * sizeof(*swap->store), _Alignof(uint64_t), GFP_KERNEL);
	if (!swap->refs || !swap->cache || (memory && !swap->store)) {
		swap_destroy(swap);
		return -ENOMEM;
	}
	memset(swap->refs, 0, swap->nr * sizeof(*swap->refs));
	memset(swap->cache, 0, swap->nr * sizeof(struct page *));
	return 0;
}

int swap_init(struct swap *swap, const struct paging_options *options)
{
	*swap = (struct swap){
		.lock = RW_LOCK_INIT(LOCK_SWAP), .nr = options->swap_pages, .fd = options->swap_fd
	};
	return swap->nr ? swap_arrays(swap, swap->fd < 0) : 0;
}

void swap_destroy(struct swap *swap)
{
	port_free(swap->refs, swap->nr * sizeof(*swap->refs));
	port_free(swap->cache, swap->nr * sizeof(struct page *));
	port_free(swap->store, swap->nr * sizeof(*swap->store));
	swap->refs = NULL;
	swap->cache = NULL;
	swap->store = NULL;
}

static void enter_cache(struct swap *swap, struct page *page, unsigned long slot)
{
	swap->cache[slot] = page;
	__atomic_store_n(&page->swap, (unsigned int)slot + 1, __ATOMIC_RELAXED);
	page_get(page);
}

static bool slot_is_free(const struct swap *swap, unsigned long slot)
{
	return !swap->refs[slot] && !swap->cache[slot];
}

bool swap_add(struct paging *paging, struct page *page)
{
	struct swap *swap = &paging->swap;
	bool found = false;

	rw_write_lock(&swap->lock);
	if (swap->used < swap->nr) {
		while (!slot_is_free(swap, swap->hint))
			swap->hint = (swap->hint + 1) % swap->nr;
		enter_cache(swap, page, swap->hint);
		swap->used++;
		found = true;
	}
	rw_write_unlock(&swap->lock);
	return found;
}

bool swap_add_at(struct paging *paging, struct page *page, unsigned long slot)
{
	struct swap *swap = &paging->swap;
	bool added = false;

	rw_write_lock(&swap->lock);
	if (swap->refs[slot] && !swap->cache[slot]) {
		enter_cache(swap, page, slot);
		added = true;
	}
	rw_write_unlock(&swap->lock);
	return added;
}

struct page *swap_find(struct paging *paging, unsigned long slot)
{
	struct swap *swap = &paging->swap;
	struct page *page;

	rw_write_lock(&swap->lock);
	page = swap->cache[slot];
	if (page)
		page_get(page);
	rw_write_unlock(&swap->lock);
	return page;
}

static void leave_cache(struct swap *swap, struct page *page)
{
	unsigned long slot = page_slot(page);

	swap->cache[slot] = NULL;
	__atomic_store_n(&page->swap, 0, __ATOMIC_RELAXED);
	if (!swap->refs[slot])
		swap->used--;
}

void swap_remove(struct paging *paging, struct page *page)
{
	rw_write_lock(&paging->swap.lock);
	leave_cache(&paging->swap, page);
	rw_write_unlock(&paging->swap.lock);
	page_put(paging, page);
}

bool swap_freeze(struct paging *paging, struct page *page)
{
	int two = 2;
	bool alone;

	rw_write_lock(&paging->swap.lock);
	alone = page_mapcount(page) == 0 && __atomic_compare_exchange_n(&page->_refcount, &two, 0, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (alone)
		leave_cache(&paging->swap, page);
	rw_write_unlock(&paging->swap.lock);
	return alone;
}

void swap_get(struct paging *paging, unsigned long slot)
{
	rw_write_lock(&paging->swap.lock);
	paging->swap.refs[slot]++;
	rw_write_unlock(&paging->swap.lock);
}

void swap_put(struct paging *paging, unsigned long slot)
{
	struct swap *swap = &paging->swap;

	rw_write_lock(&swap->lock);
	if (--swap->refs[slot] == 0 && !swap->cache[slot])
		swap->used--;
	rw_write_unlock(&swap->lock);
}

unsigned int swap_refs(struct paging *paging, unsigned long slot)
{
	unsigned int refs;

	rw_write_lock(&paging->swap.lock);
	refs = paging->swap.refs[slot];
	rw_write_unlock(&paging->swap.lock);
	return refs;
}

#if PAGING_HAS_FILES
static bool device_read(int fd, uint64_t *stamp, unsigned long slot)
{
	return pread(fd, stamp, sizeof(*stamp), (off_t)(slot * sizeof(*stamp))) == sizeof(*stamp);
}

static bool device_write(int fd, const uint64_t *stamp, unsigned long slot)
{
	return pwrite(fd, stamp, sizeof(*stamp), (off_t)(slot * sizeof(*stamp))) == sizeof(*stamp);
}
#else /* without files swap_fd is -1: paging_new() */
static bool device_read(int fd, uint64_t *stamp, unsigned long slot)
{
	(void)fd;
	(void)stamp;
	(void)slot;
	return false;
}

static bool device_write(int fd, const uint64_t *stamp, unsigned long slot)
{
	return device_read(fd, (uint64_t *)stamp, slot);
}
#endif

int swap_read(struct paging *paging, unsigned long slot, uint64_t *stamp)
{
	const struct swap *swap = &paging->swap;

	count(paging, swapped_in, 1);
	if (swap->store) {
		*stamp = swap->store[slot];
		return 0;
	}
	return device_read(swap->fd, stamp, slot) ? 0 : -EIO;
}

int swap_write(struct paging *paging, unsigned long slot, uint64_t stamp)
{
	const struct swap *swap = &paging->swap;

	count(paging, swapped_out, 1);
	if (swap->store) {
		swap->store[slot] = stamp;
		return 0;
	}
	return device_write(swap->fd, &stamp, slot) ? 0 : -EIO;
}
