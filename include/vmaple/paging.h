/* SPDX-License-Identifier: MIT */
/**
 * @file paging.h
 * Pages: frames, page tables, faults, copy on write, swap and reclaim, so that reverse mapping has real work to do.
 *
 * A machine (struct paging) has a number of frames and a swap device, and serves the address spaces of one
 * mm_system.  A page's contents are one number, its stamp: what is written can be read again, after any amount of
 * swapping.  Memory that was never written reads 0; a page of a file reads what paging_file_stamp() says until it is
 * written.  Names and ways are Linux's: two lists of pages, reclaim that asks the reverse map, a swap cache.
 *
 * Who maps a page is found by the design in mm_system.rmap; nothing here knows which it is.
 *
 * Locks: calls of <vmaple/mm.h> on a space want its mmap_lock for writing, paging_read() and paging_write() for
 * reading (for writing where they may grow a stack).  With that, spaces and threads are free to run side by side;
 * who has only one thread needs none. The order of locks: <vmaple/lock.h>.
 *
 * Memory: everything comes from the port and can fail with -ENOMEM; frames and the swap map are allocated at once.
 */
#ifndef VMAPLE_PAGING_H
#define VMAPLE_PAGING_H

#include <vmaple/mm.h>
#include <vmaple/mm_pages.h>
#include <vmaple/rmap.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Machines
 * @{ */
struct paging;

struct paging_options {
	unsigned long frames;     /**< pages of memory, PAGING_MIN_FRAMES to PAGING_MAX_FRAMES */
	unsigned long swap_pages; /**< up to PAGING_MAX_FRAMES; 0: no swap */
	int swap_fd; /**< a file to swap to, open for reading and writing; -1: memory, all that a freestanding build has */
};
#define PAGING_MIN_FRAMES 16
#define PAGING_MAX_FRAMES (~0U >> 8) /**< of memory, or of swap: 64 GiB of pages of 4 KiB */

/** A machine for the spaces of @p sys, whose reverse map is chosen already. 0, -EINVAL or -ENOMEM. */
VMAPLE_API int paging_new(
	struct paging **paging, struct mm_system *sys, const struct paging_options *options) __must_check;
/**
 * End it; its spaces have ended before, and its files been put.  The system is not touched, and may be gone;
 * for one that lives on, the caller sets its `pages` to NULL.
 */
VMAPLE_API void paging_free(struct paging *paging);

struct paging_stats {
	unsigned long faults;                                /**< page faults that did something */
	unsigned long copies;                                /**< pages copied on write */
	unsigned long swapped_out, swapped_in, written_back; /**< pages; the last ones to files */
	unsigned long reclaimed; /**< pages taken from somebody to give to another */
	unsigned long unmapped;  /**< PTEs that reclaim took out */
	unsigned long areas;     /**< areas that walks of reclaim looked at */
	unsigned long walks;     /**< walks of reclaim */
	unsigned long swept;     /**< PTEs looked at because a page was in a nonlinear area */
	/** PTEs moved, copied to do it; tables moved under rmap locks. */
	unsigned long moved, move_copies, move_locked;
	unsigned long tables; /**< page tables that exist, of all levels */
	unsigned long free_frames, free_swap;
};
/** Counted since paging_new(). Exact when no other thread is inside. */
VMAPLE_API struct paging_stats paging_statistics(struct paging *paging);
/** @} */

/** @name Spaces
 * @{ */
/**
 * Give @p mm, without areas, page tables; a fork's child gets its own in mm_fork().
 * @return 0; -EINVAL: it has areas or tables, its system no machine, or its task_size is more than tables of four levels
 * reach: 2^48 with pages of 4 KiB; -ENOMEM.
 */
VMAPLE_API int paging_attach(struct mm_struct *mm) __must_check;
/** The mmap_lock of an attached mm. */
VMAPLE_API struct rw_lock *mmap_lock(struct mm_struct *mm);
/** Read the page at @p addr. 0, -EFAULT (no area, not allowed, a guard, beyond the end of a file) or -ENOMEM. */
VMAPLE_API int paging_read(struct mm_struct *mm, unsigned long addr, uint64_t *stamp) __must_check;
/** Write it. 0 or an error, as paging_read(). */
VMAPLE_API int paging_write(struct mm_struct *mm, unsigned long addr, uint64_t stamp) __must_check;
/** What a page of a file holds before it is written. */
VMAPLE_API uint64_t paging_file_stamp(const struct vm_file *file, pgoff_t index);
/**
 * ftruncate(2) to @p size bytes, more than 0: what is mapped behind the last page goes from all spaces, private copies
 * with it, and a touch there is -EFAULT; what the file holds there later is 0.  Contents of the last page stay.  Open
 * files that share a mapping have their sizes each for itself.  Beside faults and calls on other threads; no lock but
 * mmap_locks is held.
 * @return 0, -EINVAL, or, for a file that was never mapped, -ENOMEM: unchanged.
 */
VMAPLE_API int paging_truncate(struct mm_system *sys, struct vm_file *file, unsigned long size) __must_check;
/** What the file holds at @p index now: in memory, or written back. */
VMAPLE_API uint64_t paging_file_read(const struct vm_file *file, pgoff_t index);
/** @} */

/** @name Nonlinear mappings
 * @{ */
/**
 * remap_file_pages(2): map the pages of the file from @p pgoff on at [addr, addr + len), part of one area with
 * VM_SHARED. @p window: as Linux 2.5.46 to 3.19 did, with PTEs that lead elsewhere than the area says; otherwise as
 * today, with an area of its own. 0, -EINVAL or -ENOMEM.
 */
VMAPLE_API int paging_remap_file_pages(
	struct mm_struct *mm, unsigned long addr, unsigned long len, pgoff_t pgoff, bool window) __must_check;
/** @} */

/** @name Reclaim
 * @{ */
/** Free @p nr pages, if that can be. @return how many were freed. No lock is held. */
VMAPLE_API unsigned long paging_reclaim(struct paging *paging, unsigned long nr);
/** @} */

/** @name Checking
 * @{ */
/**
 * Compare all page tables with everything that is known of pages, while nobody else works on the machine.
 *
 *    PG1  a page's _mapcount is the number of PTEs that map it.
 *    PG2  a walk over the page finds each of them, once.
 *    PG3  a design that knows places, and not areas, knows no other.
 *    PG4  _refcount is the number of PTEs and caches that have the page; free frames have none, and are on no list.
 *    PG5  a swap slot counts the PTEs that lead to it.
 *    PG6  pages of use are on one of the two lists, which count them.
 *    PG7  a PTE lies in an area, allows no more than the area does, and maps what the area maps there.
 *
 * @return false, and the first that is broken with its page and place in @p reason, valid until the next check.
 */
VMAPLE_API bool paging_validate(struct paging *paging, const char **reason);
/**
 * Visit every place at which the page at @p addr of @p mm is mapped, as the reverse map finds them.
 * @return how many, or -1: no page is there.
 */
VMAPLE_API long paging_walk(struct mm_struct *mm, unsigned long addr,
	void (*visit)(struct mm_struct *mm, unsigned long addr, void *arg), void *arg);
/** The areas that the last walk of this thread looked at. */
VMAPLE_API unsigned long paging_walk_areas(void);
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_PAGING_H */
