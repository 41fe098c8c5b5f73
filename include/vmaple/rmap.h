/* SPDX-License-Identifier: MIT */
/**
 * @file rmap.h
 * Reverse mapping: from a page back to everything that maps it.
 *
 * Two users.  An mm tells its reverse map when an area is written for the first time, copied, inherited, resized or
 * given up, and asks it whether two areas may become one; it knows nothing of pages.  Paging tells it which page is
 * mapped where, and asks it to walk over all places where a page may be.  Neither knows which design is behind
 * struct rmap_ops.  The designs, their history and what they cost: docs/reverse-mapping.md.
 *
 * Locks, in their order: mmap_lock of the mm, the page's lock, i_mmap_rwsem of a file (struct address_space), the
 * lock of the root anon_vma, page-table locks. <vmaple/lock.h> has the whole list, and checks it.
 */
#ifndef VMAPLE_RMAP_H
#define VMAPLE_RMAP_H

#include <vmaple/interval_tree.h>
#include <vmaple/lock.h>
#include <vmaple/mm_types.h>
#include <vmaple/prio_tree.h>
#include <vmaple/recycle.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Pages
 * @{ */
/** A frame of memory, or what the reverse map has to know of it: the kernel's `struct page`. */
struct page {
	struct list_link lru; /**< among active, inactive or free ones; the LRU lock */
	/**
	 * Whose it is: a struct address_space; with PAGE_ANON set the design's own, or nothing at all; 0: free.
	 * The page lock; what walks for anonymous pages go by, also the lock of the root anon_vma.
	 */
	uintptr_t mapping;
	pgoff_t index;       /**< in the file; anonymous: as vm_pgoff counts. Guarded as mapping is */
	uint64_t stamp;      /**< its contents: what was last written to it */
	unsigned long chain; /**< pte_chain: one place, or a chain of them; the page's chain lock */
	unsigned int flags;  /**< enum page_flags, atomic */
	int _mapcount;       /**< PTEs that map it, less one; atomic */
	int _refcount;       /**< PTEs, caches and those who work on it; 0: free; atomic */
	unsigned int swap;   /**< its place in swap plus one, 0: none; the page lock and the swap lock */
};

enum page_flags {
	PAGE_LOCKED = 1 << 0,
	PAGE_DIRTY = 1 << 1,  /**< its contents are nowhere else */
	PAGE_LRU = 1 << 2,    /**< is on a list of the LRU */
	PAGE_ACTIVE = 1 << 3, /**< on that of the active ones */
	PAGE_CHAIN_LOCKED = 1 << 4
};

#define PAGE_ANON 1UL

static inline bool page_is_anon(const struct page *page)
{
	return __atomic_load_n(&page->mapping, __ATOMIC_RELAXED) & PAGE_ANON;
}
/** How many PTEs map it. */
static inline int page_mapcount(const struct page *page)
{
	return __atomic_load_n(&page->_mapcount, __ATOMIC_ACQUIRE) + 1;
}

/** What a page table says of itself: its owner, and the address of its first entry. The first member of one. */
struct rmap_table {
	struct mm_struct *mm;
	unsigned long base;
};

/**
 * rmap_ops.moved() of a part of @p vma, or of what adjoins it, that lies at @p addr: @p moved is that of @p vma, @p pgoff
 * what is mapped at @p addr.
 */
static inline pgoff_t rmap_moved_on(
	pgoff_t moved, const struct vm_area_struct *vma, unsigned long addr, pgoff_t pgoff)
{
	unsigned int shift = vma->vm_mm->sys->page_shift;

	return moved + (vma->vm_start >> shift) + pgoff - vma->vm_pgoff - (addr >> shift);
}

/** A place where a page is mapped. */
struct rmap_place {
	struct vm_area_struct *vma;
	unsigned long addr;
	struct rmap_table *table; /**< aligned to 64 bytes */
	/** What rmap_ops.reserve() set aside; NULL where there is no such function. */
	struct rmap_reserve *reserve;
};

/** Memory set aside for places to come. */
struct rmap_reserve {
	void *blocks;
	unsigned int nr;
};
/** @} */

/** @name Files
 * @{ */
/** How a file keeps the areas that map it. */
enum i_mmap_kind {
	I_MMAP_LIST,     /**< Linux from 2.3 on, for truncation; McCracken 2003: for reverse mapping */
	I_MMAP_PRIO,     /**< Venkatasubramanian 2004: Linux 2.6.7 to 3.6 */
	I_MMAP_INTERVAL, /**< Lespinasse 2012: Linux since 3.7 */
};

/** The pages of a file, and who maps it: the kernel's `struct address_space`. One for all its open vm_files. */
struct address_space {
	struct rw_lock i_mmap_rwsem;
	union {
		struct list_link list;
		struct prio_tree_root prio;
		struct rb_root_cached interval;
	} i_mmap;                                       /**< areas that map it linearly */
	struct list_link i_mmap_nonlinear;              /**< the others */
	unsigned long nr_areas;                         /**< in both */
	unsigned long refs;                             /**< vm_files; atomic */
	void *pages;                                    /**< of paging */
	void (*release)(struct address_space *mapping); /**< nobody has it open any more */
};
/** Begin one without areas, for machines with the design @p ops. */
VMAPLE_API void address_space_init(struct address_space *mapping, const struct rmap_ops *ops);
/** @} */

/** @name Walks
 * @{ */
/** What a visitor found. */
enum rmap_found {
	RMAP_GO_ON,    /**< looked, and left as it was */
	RMAP_UNMAPPED, /**< the page is not mapped there any more: the visitor took it out */
	RMAP_STOP,     /**< enough */
	RMAP_BUSY      /**< only if try_lock: could not look without waiting */
};

struct rmap_walk {
	/**
	 * Look whether @p page is mapped at @p addr of @p mm. @p vma: the area that says so; NULL where the design
	 * does not know. With @p try_lock it must not wait for the page table's lock.
	 */
	enum rmap_found (*visit)(struct page *page, struct mm_struct *mm, struct vm_area_struct *vma,
		unsigned long addr, bool try_lock, void *arg);
	void *arg;
	unsigned long areas; /**< result: areas looked at, whether they had the page or not */
};
/**
 * Visit all places where @p page may be mapped. Places at which it is mapped throughout are visited for sure, others
 * may be; but of an area that is a temporary stack (vma_is_temporary_stack()) they may be missed, and the visitor sees
 * that it is one. The caller holds the page's lock. Never allocates.
 */
VMAPLE_API void rmap_walk(const struct rmap_ops *ops, struct page *page, struct rmap_walk *walk);
/**
 * Visit the linear areas of a file that map an index from @p first on, until @p visit returns true.
 */
VMAPLE_API void rmap_for_each_linear(const struct rmap_ops *ops, struct address_space *mapping, pgoff_t first,
	bool (*visit)(struct vm_area_struct *vma, void *arg), void *arg);
/** Visit the nonlinear areas of a file, until @p visit returns true. @return how many were visited. */
VMAPLE_API unsigned long rmap_for_each_nonlinear(
	struct address_space *mapping, bool (*visit)(struct vm_area_struct *vma, void *arg), void *arg);
/** @} */

/**
 * A design. Functions on areas run under the mm's lock for writing (prepare: for reading, and a lock of its own);
 * those that return int may fail with -ENOMEM, unchanged.
 */
struct rmap_ops {
	const char *name, *summary;
	enum i_mmap_kind i_mmap;
	bool no_anon_vma; /**< areas do not have to be prepared: vma->anon_vma stays NULL */
	bool file_chains; /**< pages of files are known by walk(), too; a file's areas serve truncation alone */
	bool area_list;   /**< an anon_vma has its areas in a list, not in an interval tree */
	bool by_address; /**< anonymous pages are known by their address: a moved area takes the offset of its place */

	/** @p vma is about to be written for the first time; its neighbours may lend what they have. */
	int (*prepare)(struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next);
	/** Which of the two would lend @p vma its anon_vma in prepare(); NULL: neither. The function NULL: none ever does. */
	const struct vm_area_struct *(*lender)(const struct vm_area_struct *vma,
		const struct vm_area_struct *prev, const struct vm_area_struct *next);
	/** The empty @p dst of the same mm gets pages of @p src: split, merge, move. */
	int (*clone)(struct vm_area_struct *dst, const struct vm_area_struct *src);
	/** The empty @p child inherits the pages of @p parent. */
	int (*fork)(struct vm_area_struct *child, const struct vm_area_struct *parent);
	/** @p vma gives up its anonymous pages. Never fails. */
	void (*unlink)(struct vm_area_struct *vma);
	/**
	 * May pages known by @p src (whose area is @p src_vma; NULL: no area yet) and those of @p target be in one
	 * area, @p target?
	 */
	bool (*may_merge)(const struct vm_area_struct *target, const struct anon_vma *src,
		const struct vm_area_struct *src_vma);
	/**
	 * By how many pages, modulo 2^64, the anonymous pages of @p vma lie below where they were first written: mremap has
	 * moved them. 0 if it has none. NULL: not known here.
	 */
	pgoff_t (*moved)(const struct vm_area_struct *vma);
	/** @p vma, with final bounds, becomes one of those that map its file; and not any more. */
	int (*attach)(struct vm_area_struct *vma);
	void (*detach)(struct vm_area_struct *vma);
	/**
	 * Bounds and offsets of @p a and @p b (NULL: one only), which have one file and agree in their anon_vmas, change
	 * between the two. No walk meets them meanwhile.
	 */
	void (*adjust_begin)(struct vm_area_struct *a, struct vm_area_struct *b);
	void (*adjust_end)(struct vm_area_struct *a, struct vm_area_struct *b);
	/** Check what this design knows of @p vma; false and the broken invariant in @p reason. */
	bool (*validate)(const struct vm_area_struct *vma, const char **reason);

	/** Add to @p needs what clone(), fork() and attach() of @p vma may take. */
	void (*needs)(const struct vm_area_struct *vma, struct mm_needs *needs);

	/** The same for reserve(). NULL: nothing. */
	void (*reserve_needs)(unsigned long nr, struct mm_needs *needs);
	/** Set memory aside for @p nr calls of map(). NULL: none is needed. */
	int (*reserve)(struct rmap_reserve *reserve, unsigned int nr);
	void (*unreserve)(struct rmap_reserve *reserve);
	/** The anonymous @p page, known by nobody, is to be known by @p place; @p alone: nobody else will inherit it. */
	void (*own)(struct page *page, const struct rmap_place *place, bool alone);
	/** The anonymous @p page is mapped by @p place alone, and locked: it may be known by it alone. */
	void (*own_alone)(struct page *page, const struct rmap_place *place);
	/**
	 * @p page, which is known, is mapped at @p place now; and not any more. NULL: needs nothing. Under
	 * its table's lock.
	 */
	void (*map)(struct page *page, const struct rmap_place *place);
	void (*unmap)(struct page *page, const struct rmap_place *place);
	/** Would a walk of the anonymous @p page find it at @p place? NULL: anywhere where it is inherited. */
	bool (*fits)(const struct page *page, const struct rmap_place *place);
	/**
	 * @p page, mapped at @p from, is from now on mapped at @p to. False: only a copy of it can be. NULL: needs
	 * nothing. Under both tables' locks.
	 */
	bool (*move)(struct page *page, const struct rmap_place *from, const struct rmap_place *to);
	/** The anonymous @p page is free: forget it. NULL: nothing to forget. */
	void (*disown)(struct page *page);
	/** No walk for pages of @p vma, or that it inherits, runs between the two. */
	void (*lock)(struct vm_area_struct *vma);
	void (*unlock)(struct vm_area_struct *vma);
	/**
	 * Does each walk that meets both areas, of one mm, meet @p first before @p then? @p fresh: @p then came later,
	 * and did not take the place of another.
	 */
	bool (*in_order)(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh);
	/** Walk over an anonymous page; of a page of a file, with file_chains. */
	void (*walk)(struct page *page, struct rmap_walk *walk);
};

/** @name Designs
 * @{ */
/** anon_vma with anon_vma_chain, interval trees, and today's reuse heuristics: the default. Linux since 3.7. */
extern VMAPLE_API const struct rmap_ops anon_vma_rmap;
/** The same with lists in place of interval trees, and a prio_tree for files: Linux 2.6.34 to 3.6. */
extern VMAPLE_API const struct rmap_ops anon_vma_chain_rmap;
/** One anon_vma with a list for an area and all that come from it: Linux 2.6.7 to 2.6.33. */
extern VMAPLE_API const struct rmap_ops anon_list_rmap;
/** Anonymous pages known by process and address: proposed in 2004. */
extern VMAPLE_API const struct rmap_ops anonmm_rmap;
/** Every page knows its PTEs: Linux 2.5.27 to 2.6.6. */
extern VMAPLE_API const struct rmap_ops pte_chain_rmap;
/** Anonymous pages do; those of files are found through a list of areas: proposed in 2003. */
extern VMAPLE_API const struct rmap_ops objrmap_rmap;
/** All of them, in the order in which they came; NULL behind the last. */
extern VMAPLE_API const struct rmap_ops *const rmap_designs[];
/**
 * May pages of both live in one anon_vma? @p a ends where @p b begins, and they would be one area but for what mprotect
 * can change. Under the mmap_lock. O(1). Linux's anon_vma_compatible().
 */
VMAPLE_API bool anon_vma_compatible(const struct vm_area_struct *a, const struct vm_area_struct *b);
/** The bytes that all designs together have allocated and not given back. */
VMAPLE_API unsigned long rmap_bytes(void);
/** The one of that name, or NULL. */
VMAPLE_API const struct rmap_ops *rmap_design(const char *name);
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RMAP_H */
