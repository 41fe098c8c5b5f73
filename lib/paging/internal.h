/* SPDX-License-Identifier: MIT */
/*
 * What the files of lib/paging share: see paging.c for the theory.
 *
 *   paging.c     machines and spaces, from beginning to end
 *   frames.c     frames, references to them, the two lists
 *   tables.c     page tables of four levels
 *   preallocate.c      tables set aside before a lock is taken
 *   swap.c       slots, the device, the swap cache
 *   file.c       pages of files
 *   fault.c      what a touch does
 *   fork.c, zap.c, move.c  what the calls of an mm do to page tables
 *   truncate.c   files that become shorter
 *   reclaim.c    taking pages away
 *   validate.c   comparing all that with itself
 */
#ifndef PAGING_INTERNAL_H
#define PAGING_INTERNAL_H

#include <vmaple/paging.h>

#include "alloc.h"
#include "linux_names.h"
#include "list.h"
#include "lock.h"

/* --- page table entries ---------------------------------------------------------------------------------- */

typedef uint64_t pte_t;

/* Can a descriptor be swapped to? pread(2) is POSIX's. */
#ifdef _WIN32
#define PAGING_HAS_FILES 0
#else
#define PAGING_HAS_FILES __STDC_HOSTED__
#endif

#define PTE_PRESENT  (1ULL << 0) /* its value is a frame */
#define PTE_READ     (1ULL << 1)
#define PTE_WRITE    (1ULL << 2)
#define PTE_ACCESSED (1ULL << 3)
#define PTE_DIRTY    (1ULL << 4)
#define PTE_LOCKED   (1ULL << 5)  /* its area is VM_LOCKED: reclaim leaves it alone */
#define PTE_SWAP     (1ULL << 6)  /* its value is a swap slot */
#define PTE_FILE     (1ULL << 7)  /* its value is an index, of a nonlinear area's file */
#define PTE_SEEN     (1ULL << 8)  /* by a walk of paging_validate() */
#define PTE_ODD      (1ULL << 9)  /* of a nonlinear area */
#define PTE_GUARD    (1ULL << 10) /* no value: an access is a SIGSEGV, whatever its area allows */
#define PTE_SHIFT    12

static inline unsigned long pte_value(pte_t pte)
{
	return pte >> PTE_SHIFT;
}

#define TABLE_BITS    9
#define TABLE_ENTRIES (1u << TABLE_BITS)
#define LEVELS        4

/* The lowest level: entries, and whose they are. */
struct leaf {
	struct rmap_table id;
	struct rw_lock lock; /* guards the entries */
	pte_t pte[TABLE_ENTRIES] __attribute__((aligned(64)));
};

struct table {
	void *slot[TABLE_ENTRIES]; /* tables or leaves; atomic */
};

struct page_tables {
	struct rw_lock mmap_lock;
	struct rw_lock prepare; /* an area gets its anon_vma: faults have mmap_lock for reading only */
	struct rw_lock tables;  /* for writing: tables go */
	struct table *top;
	struct paging *paging;
	struct mm_struct *mm;
	struct list_link same_paging; /* in paging->spaces, under its lock */
};

/* An entry of a table of @level leads to as many bytes, as a power of two; a leaf's level is 0. */
static inline unsigned int table_shift(const struct mm_struct *mm, int level)
{
	return mm->sys->page_shift + TABLE_BITS * (unsigned int)level;
}

/* --- machines ---------------------------------------------------------------------------------------------- */

struct swap {
	struct rw_lock lock;
	unsigned long nr, used, hint;
	unsigned int *refs;  /* PTEs that lead to a slot */
	struct page **cache; /* a page with the slot's contents, or that are to be its */
	uint64_t *store;     /* the device; NULL: fd */
	int fd;
};

struct paging {
	struct mm_page_ops ops; /* first: sys->pages leads here */
	struct mm_system *sys;
	const struct rmap_ops *rmap;
	struct page *frames; /* the first one is the zero page */
	unsigned long nr_frames;
	struct rw_lock lru_lock; /* guards the three lists, their numbers, and page->lru */
	struct list_link free, active, inactive;
	unsigned long nr_free, nr_active, nr_inactive;
	struct swap swap;
	struct rw_lock spaces_lock;
	struct list_link spaces;
	unsigned long sweep_cursor; /* bytes; atomic */
	struct paging_stats stats;  /* atomic */
};

#define count(paging, what, n) \
	((void)__atomic_fetch_add(&(paging)->stats.what, (unsigned long)(n), __ATOMIC_RELAXED))

static inline unsigned long page_bytes(const struct mm_struct *mm)
{
	return 1UL << mm->sys->page_shift;
}

static inline struct page *zero_page(const struct paging *paging)
{
	return paging->frames;
}

static inline struct page *pte_page(const struct paging *paging, pte_t pte)
{
	return paging->frames + pte_value(pte);
}

static inline pte_t pte_of(const struct paging *paging, const struct page *page, pte_t flags)
{
	return ((pte_t)(page - paging->frames) << PTE_SHIFT) | PTE_PRESENT | flags;
}

static inline pgoff_t linear_index(const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> vma->vm_mm->sys->page_shift);
}

static inline struct paging *paging_of(const struct vm_area_struct *vma)
{
	return vma->vm_mm->pgd->paging;
}

/* Private memory of its own. */
static inline bool vma_is_private_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_file || (vma->vm_file->kind == VM_FILE_ZERO && !(vma->vm_flags & VM_SHARED));
}

/* --- frames.c ------------------------------------------------------------------------------------------------ */

/* A frame with one reference, the caller's, on no list. Reclaims if it has to; no lock but mmap_locks is held. */
struct page *page_alloc(struct paging *paging) __must_check;
/* The same in the course of reclaim, or before anything else is there: only what is free. */
struct page *page_alloc_free(struct paging *paging) __must_check;
static inline void page_get(struct page *page)
{
	__atomic_fetch_add(&page->_refcount, 1, __ATOMIC_RELAXED);
}
/* Give up a reference; the last one frees the page. */
void page_put(struct paging *paging, struct page *page);
/* Nobody can get at @page any more, whose references were taken to 0. */
void page_free_frozen(struct paging *paging, struct page *page);
static inline unsigned int page_flags(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);
}
static inline void page_set(struct page *page, unsigned int flags)
{
	__atomic_fetch_or(&page->flags, flags, __ATOMIC_RELEASE);
}
static inline bool page_test_clear(struct page *page, unsigned int flags)
{
	return __atomic_fetch_and(&page->flags, ~flags, __ATOMIC_ACQ_REL) & flags;
}
#define page_lock(page)    page_lock_at((page), LOCK_HERE)
#define page_trylock(page) page_trylock_at((page), LOCK_HERE)
void page_lock_at(struct page *page, const char *where);
bool page_trylock_at(struct page *page, const char *where);
void page_unlock(struct page *page);
/* Put @page on a list, the inactive or the active one. */
void lru_add(struct paging *paging, struct page *page, bool active);
/* Take up to @nr pages from the cold end of the inactive list, with a reference each. */
unsigned int lru_isolate(struct paging *paging, struct page **pages, unsigned int nr);
/* Move cold active pages over, while fewer are inactive than active. */
void lru_balance(struct paging *paging);

/* --- preallocate.c -------------------------------------------------------------------------------------------------- */

/* Room for one table of any level, aligned to 64, of those that the thread has set aside if there are any; or NULL. */
void *table_block_alloc(void) __must_check;
void table_block_free(void *block);
/* See that this thread has @nr. 0 or -ENOMEM. */
int tables_preallocate(unsigned long nr) __must_check;
/* As struct mm_page_ops says. */
void fork_needs(struct mm_struct *parent, struct mm_needs *needs);
void move_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs);
void guard_needs(struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs);

/* --- tables.c ------------------------------------------------------------------------------------------------- */

struct page_tables *page_tables_new(struct paging *paging, struct mm_struct *mm) __must_check;
void page_tables_free(struct page_tables *pt);
/* The leaf with @addr's entry; NULL: there is none. mmap_lock or pt->tables is held. */
struct leaf *leaf_find(struct page_tables *pt, unsigned long addr);
/* The same, made if need be; NULL: out of memory. */
struct leaf *leaf_make(struct page_tables *pt, unsigned long addr) __must_check;
/* The first leaf that has an entry of [addr, end); *addr becomes the first address of it that counts. */
struct leaf *leaf_next(struct page_tables *pt, unsigned long *addr, unsigned long end);
static inline pte_t *leaf_pte(struct leaf *leaf, unsigned long addr)
{
	return &leaf->pte[(addr - leaf->id.base) >> leaf->id.mm->sys->page_shift];
}
/* One past the last address of @leaf, or @end. */
static inline unsigned long leaf_stop(const struct leaf *leaf, unsigned long end)
{
	unsigned long last = leaf->id.base + ((unsigned long)TABLE_ENTRIES << leaf->id.mm->sys->page_shift);

	return end < last ? end : last;
}
/* What a walk of the reverse map looks for: PTEs that map the page. */
struct pte_look {
	struct paging *paging;
	/* *@pte maps @page, and its leaf is locked. */
	enum rmap_found (*at)(struct pte_look *look, struct page *page, pte_t *pte);
	bool found; /* for at() */
};
/* The visitor: @arg is a struct pte_look. */
enum rmap_found look_at_pte(struct page *page, struct mm_struct *mm, struct vm_area_struct *vma,
	unsigned long addr, bool try_lock, void *arg);
/* An at() that asks only whether there is one. */
enum rmap_found pte_is_there(struct pte_look *look, struct page *page, pte_t *pte);
void page_tables_trim(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned long floor,
	unsigned long ceiling);

/* --- swap.c ------------------------------------------------------------------------------------------------------ */

int swap_init(struct swap *swap, const struct paging_options *options) __must_check;
void swap_destroy(struct swap *swap);
/* A slot for the locked @page, which enters the cache; false: none is free. */
bool swap_add(struct paging *paging, struct page *page);
/* @page, locked and with the contents of @slot, enters the cache. False: another is there, or the slot is free. */
bool swap_add_at(struct paging *paging, struct page *page, unsigned long slot);
/* The page in the cache for @slot with a reference, or NULL. */
struct page *swap_find(struct paging *paging, unsigned long slot);
/* The locked @page leaves the cache; the caller has a reference to it. */
void swap_remove(struct paging *paging, struct page *page);
/* The locked @page is in the cache, mapped nowhere, and only the caller has another reference: it goes. */
bool swap_freeze(struct paging *paging, struct page *page);
/* One more PTE leads to @slot, or one less. */
void swap_get(struct paging *paging, unsigned long slot);
void swap_put(struct paging *paging, unsigned long slot);
unsigned int swap_refs(struct paging *paging, unsigned long slot);
int swap_read(struct paging *paging, unsigned long slot, uint64_t *stamp) __must_check;
int swap_write(struct paging *paging, unsigned long slot, uint64_t stamp) __must_check;
static inline unsigned long page_slot(const struct page *page)
{
	return (unsigned long)__atomic_load_n(&page->swap, __ATOMIC_RELAXED) - 1;
}
static inline bool page_in_swap(const struct page *page)
{
	return __atomic_load_n(&page->swap, __ATOMIC_RELAXED);
}

/* --- file.c ------------------------------------------------------------------------------------------------------- */

int file_open(struct mm_system *sys, struct vm_file *file);
/* The page of @file at @index, with a reference. ERR_PTR(-EFAULT): beyond its end; ERR_PTR(-ENOMEM). */
struct page *file_page(struct paging *paging, struct vm_file *file, pgoff_t index);
/* Write the locked @page back. */
void file_write(struct paging *paging, struct page *page);
/* Is @index behind the last page? */
bool file_ends_before(const struct paging *paging, const struct vm_file *file, pgoff_t index);
/* The pages from @first on leave the cache, and what the file holds there is 0. Linear areas map none of them. */
void file_forget(struct paging *paging, struct vm_file *file, pgoff_t first);
/* As swap_freeze(). */
bool file_freeze(struct paging *paging, struct page *page);

/* --- PTEs: zap.c -------------------------------------------------------------------------------------------------- */

/* Map @page, of which the caller's reference goes to the PTE, where nothing is mapped. The leaf's lock is held. */
void pte_map(struct leaf *leaf, const struct rmap_place *place, struct page *page, pte_t flags);
/* What was mapped at @addr is not any more: counts, dirt, reference. The entry is the caller's. */
void pte_unmap(struct leaf *leaf, const struct rmap_place *place, pte_t pte);
/* What an area allows, as flags of a PTE; WRITE not among them. */
pte_t vma_pte_flags(const struct vm_area_struct *vma);
void zap_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/* The same, but that guards stay. */
void zap_contents(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/* And a nonlinear area keeps what index is where. */
void discard_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
/* Of a nonlinear area: pages of the file from index @first on are unmapped; their entries keep it. */
void zap_indexes(struct vm_area_struct *vma, pgoff_t first);
/* Guards take the place of what is there, or go. 0 or -ENOMEM: unchanged. */
int guard_range(struct vm_area_struct *vma, unsigned long start, unsigned long end, bool install);
void protect_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);

/* --- validate.c --------------------------------------------------------------------------------------------------- */

/* Compare all page tables with all pages; panics. Skipped where there is no memory for it. */
void paging_verify(struct mm_system *sys);
/* An operation that is no call of an mm is over: the same, if it is wanted. */
static inline void paging_verify_if_asked(const struct paging *paging)
{
	if (paging->sys->verify >= MM_VERIFY_PAGES)
		paging_verify(paging->sys);
}

/* --- the rest -------------------------------------------------------------------------------------------------- */

#define FORK_BATCH 32 /* PTEs copied with what was reserved at once */
int copy_pages(struct vm_area_struct *child, struct vm_area_struct *parent);
int move_pages(const struct mm_move *move);
/* paging_reclaim() in the middle of something else. */
unsigned long reclaim_pages(struct paging *paging, unsigned long nr);
/* Let nobody map the locked @page any more, as far as that can be. */
void try_to_unmap(struct paging *paging, struct page *page);
/* Unmap the file's @page from nonlinear areas, and what lies beside it. */
void sweep_nonlinear(struct paging *paging, struct page *page);
/* Has anybody accessed the locked @page since last time? */
bool page_referenced(struct paging *paging, struct page *page);

#endif /* PAGING_INTERNAL_H */
