/* SPDX-License-Identifier: MIT */
/*
 * Pages of files: the page cache, and what the file holds where a page is not in it.
 *
 * Both are kept in chunks of 64 pages, which come when one of them is first wanted and stay: writing back never
 * allocates.  The cache has a reference to each of its pages, and references to them are taken under the cache lock;
 * so a page that nobody maps, with two references (the cache's and reclaim's), is reclaim's alone.
 */
#include <vmaple/maple_tree.h>

#include "internal.h"
#include "pool.h"

#define CHUNK_BITS 6
#define CHUNK      (1u << CHUNK_BITS)

struct chunk {
	struct page *page[CHUNK];
	uint64_t stored[CHUNK]; /* what is in the file itself */
};

/* A struct address_space with its pages. */
struct cached_file {
	struct address_space mapping;
	struct paging *paging;
	struct rw_lock lock; /* guards all below */
	struct maple_tree chunks;
	unsigned long nr_pages;
	pgoff_t zero_from; /* the file has ended before it: what has no chunk is 0 */
};

uint64_t paging_file_stamp(const struct vm_file *file, pgoff_t index)
{
	/* splitmix64: Steele, Lea and Flood 2014 */
	uint64_t z = (file->ino << 32) ^ (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return file->kind == VM_FILE_SHMEM || file->kind == VM_FILE_ZERO ? 0 : z;
}

_Static_assert(sizeof(struct cached_file) <= POOL_LARGE_SIZE, "it can be set aside: mmap opens files");

static struct cached_file *cached(const struct address_space *mapping)
{
	return (struct cached_file *)mapping;
}

static void drop_chunk(struct cached_file *cf, struct chunk *chunk)
{
	for (unsigned int i = 0; i < CHUNK; i++)
		if (chunk->page[i])
			page_put(cf->paging, chunk->page[i]);
	port_free(chunk, sizeof(*chunk));
}

static void file_release(struct address_space *mapping)
{
	struct cached_file *cf = cached(mapping);
	unsigned long index = 0;
	struct chunk *chunk;

	mt_for_each (&cf->chunks, chunk, index, ~0UL)
		drop_chunk(cf, chunk);
	mtree_destroy(&cf->chunks);
	pool_free_size(cf, sizeof(*cf));
}

int file_open(struct mm_system *sys, struct vm_file *file)
{
	struct paging *paging = (struct paging *)sys->pages;
	struct cached_file *cf = pool_alloc_size(sizeof(*cf));

	if (!cf)
		return -ENOMEM;
	*cf = (struct cached_file){ .paging = paging, .lock = RW_LOCK_INIT(LOCK_CACHE), .zero_from = ~0UL };
	address_space_init(&cf->mapping, paging->rmap);
	cf->mapping.release = file_release;
	mt_init_flags(&cf->chunks, MT_FLAGS_LOCK_EXTERN);
	file->mapping = &cf->mapping;
	return 0;
}

static uint64_t stamp_of_hole(const struct cached_file *cf, const struct vm_file *file, pgoff_t index)
{
	return index < cf->zero_from ? paging_file_stamp(file, index) : 0;
}

static struct chunk *new_chunk(const struct cached_file *cf, const struct vm_file *file, pgoff_t first)
{
	struct chunk *chunk = port_alloc(sizeof(*chunk), _Alignof(struct chunk), GFP_KERNEL);

	for (unsigned int i = 0; chunk && i < CHUNK; i++) {
		chunk->page[i] = NULL;
		chunk->stored[i] = stamp_of_hole(cf, file, first + i);
	}
	return chunk;
}

/* The chunk with @index, made if need be; NULL: out of memory. Under the cache lock. */
static struct chunk *chunk_of(struct cached_file *cf, const struct vm_file *file, pgoff_t index)
{
	unsigned long nr = index >> CHUNK_BITS;
	struct chunk *chunk = mtree_load(&cf->chunks, nr);

	if (chunk)
		return chunk;
	chunk = new_chunk(cf, file, nr << CHUNK_BITS);
	if (chunk && mtree_store(&cf->chunks, nr, chunk, GFP_KERNEL)) {
		port_free(chunk, sizeof(*chunk));
		return NULL;
	}
	return chunk;
}

/* Put @page, with the caller's reference and one for the cache, there; NULL: out of memory. */
static struct page *add_page(
	struct cached_file *cf, const struct vm_file *file, struct page *page, pgoff_t index)
{
	struct chunk *chunk;
	struct page *there;

	rw_write_lock(&cf->lock);
	chunk = chunk_of(cf, file, index);
	there = chunk ? chunk->page[index & (CHUNK - 1)] : NULL;
	if (there) {
		page_get(there);
	} else if (chunk) {
		page->stamp = chunk->stored[index & (CHUNK - 1)];
		page->index = index;
		__atomic_store_n(&page->mapping, (uintptr_t)&cf->mapping, __ATOMIC_RELAXED);
		page_get(page);
		chunk->page[index & (CHUNK - 1)] = there = page;
		cf->nr_pages++;
	}
	rw_write_unlock(&cf->lock);
	return there;
}

static struct page *find_page(struct cached_file *cf, pgoff_t index)
{
	struct page *page = NULL;
	struct chunk *chunk;

	rw_write_lock(&cf->lock);
	chunk = mtree_load(&cf->chunks, index >> CHUNK_BITS);
	if (chunk)
		page = chunk->page[index & (CHUNK - 1)];
	if (page)
		page_get(page);
	rw_write_unlock(&cf->lock);
	return page;
}

bool file_ends_before(const struct paging *paging, const struct vm_file *file, pgoff_t index)
{
	/* With the store in paging_truncate(): who sees that it has grown sees also what it had lost. */
	unsigned long size = __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
	unsigned int shift = paging->sys->page_shift;

	return size && index >= (size + (1UL << shift) - 1) >> shift;
}

struct page *file_page(struct paging *paging, struct vm_file *file, pgoff_t index)
{
	struct cached_file *cf = cached(file->mapping);
	struct page *page, *there;

	if (file_ends_before(paging, file, index))
		return ERR_PTR(-EFAULT);
	page = find_page(cf, index);
	if (page)
		return page;
	page = page_alloc(paging);
	if (!page)
		return ERR_PTR(-ENOMEM);
	there = add_page(cf, file, page, index);
	if (there == page)
		lru_add(paging, page, false);
	else
		page_put(paging, page);
	return there ? there : ERR_PTR(-ENOMEM);
}

static struct chunk *chunk_of_page(struct page *page)
{
	return mtree_load(&cached((struct address_space *)page->mapping)->chunks, page->index >> CHUNK_BITS);
}

void file_write(struct paging *paging, struct page *page)
{
	struct cached_file *cf = cached((struct address_space *)page->mapping);

	rw_write_lock(&cf->lock);
	chunk_of_page(page)->stored[page->index & (CHUNK - 1)] =
		__atomic_load_n(&page->stamp, __ATOMIC_RELAXED);
	rw_write_unlock(&cf->lock);
	count(paging, written_back, 1);
}

bool file_freeze(struct paging *paging, struct page *page)
{
	struct cached_file *cf = cached((struct address_space *)page->mapping);
	int two = 2;
	bool alone;

	rw_write_lock(&cf->lock);
	alone = page_mapcount(page) == 0 && !(page_flags(page) & PAGE_DIRTY) &&
		__atomic_compare_exchange_n(
			&page->_refcount, &two, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (alone) {
		chunk_of_page(page)->page[page->index & (CHUNK - 1)] = NULL;
		cf->nr_pages--;
	}
	rw_write_unlock(&cf->lock);
	return alone;
}

/* The first page from *index on, locked, with a reference; NULL: there is none. What has no page is 0 from here on. */
static struct page *next_to_forget(struct cached_file *cf, pgoff_t *index)
{
	struct page *page = NULL;
	struct chunk *chunk;
	unsigned long nr = *index >> CHUNK_BITS;

	rw_write_lock(&cf->lock);
	while (!page && (chunk = mt_find(&cf->chunks, &nr, ~0UL)) != NULL) {
		pgoff_t base = (nr - 1) << CHUNK_BITS; /* mt_find() is one further */

		*index = *index > base ? *index : base;
		for (; !page && *index < base + CHUNK; ++*index) {
			page = chunk->page[*index & (CHUNK - 1)];
			chunk->stored[*index & (CHUNK - 1)] = 0;
		}
	}
	if (page)
		page_get(page);
	rw_write_unlock(&cf->lock);
	if (page)
		page_lock(page);
	return page;
}

/* The locked @page is not the file's any more, if reclaim has not taken it meanwhile. */
static bool leave_cache(struct cached_file *cf, struct page *page, pgoff_t index)
{
	struct chunk *chunk;
	bool there;

	rw_write_lock(&cf->lock);
	chunk = mtree_load(&cf->chunks, index >> CHUNK_BITS);
	there = chunk->page[index & (CHUNK - 1)] == page;
	if (there) {
		chunk->page[index & (CHUNK - 1)] = NULL;
		cf->nr_pages--;
		__atomic_store_n(&page->mapping, 0, __ATOMIC_RELAXED);
	}
	chunk->stored[index & (CHUNK - 1)] = 0;
	rw_write_unlock(&cf->lock);
	return there;
}

void file_forget(struct paging *paging, struct vm_file *file, pgoff_t first)
{
	struct cached_file *cf = cached(file->mapping);
	struct page *page;

	rw_write_lock(&cf->lock);
	cf->zero_from = first < cf->zero_from ? first : cf->zero_from;
	rw_write_unlock(&cf->lock);
	while ((page = next_to_forget(cf, &first)) != NULL) {
		bool there;

		there = leave_cache(cf, page, first - 1);
		page_unlock(page);
		if (there)
			page_put(paging, page);
		page_put(paging, page);
	}
}

uint64_t paging_file_read(const struct vm_file *file, pgoff_t index)
{
	struct cached_file *cf = cached(file->mapping);
	struct chunk *chunk;
	uint64_t stamp;

	if (!cf)
		return paging_file_stamp(file, index);
	rw_write_lock(&cf->lock);
	stamp = stamp_of_hole(cf, file, index);
	chunk = mtree_load(&cf->chunks, index >> CHUNK_BITS);
	if (chunk && chunk->page[index & (CHUNK - 1)])
		stamp = __atomic_load_n(&chunk->page[index & (CHUNK - 1)]->stamp, __ATOMIC_RELAXED);
	else if (chunk)
		stamp = chunk->stored[index & (CHUNK - 1)];
	rw_write_unlock(&cf->lock);
	return stamp;
}
