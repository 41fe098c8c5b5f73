/* SPDX-License-Identifier: MIT */
/**
 * @file recycle.h
 * A free area in each thread, and setting memory aside before a lock is taken.
 *
 * After Arjan van de Ven's patch of 2006: a thread keeps one area that it has freed, and gets it when it next needs
 * one. Only its owner touches it, so it needs no lock; it is given back when the thread ends.  What this is worth over
 * the object cache (<vmaple/cache.h>) is measured in docs/vma-recycling.md.
 */
#ifndef VMAPLE_RECYCLE_H
#define VMAPLE_RECYCLE_H

#include <vmaple/mm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Before the mmap_lock is taken
 * What is set aside is the calling thread's: what stays unused is kept for its next call, and given back when it ends.
 * @{ */
/**
 * Set aside all that a mapping call may need (areas, tree nodes, links of the reverse map, a name, the file of shared
 * memory), so that it asks the host for nothing under the lock. Enough for a call that changes up to 8 areas of at
 * most two generations of forks, and moves no pages.  @return 0, or -ENOMEM: the call may still succeed.
 */
VMAPLE_API int prepopulate_vma(void);

/**
 * What a call needs at most where prepopulate_vma() does not suffice, as fork, whose needs have no bound. They
 * are counted under the lock, and set aside without it, until both agree:
 *
 *     struct mm_needs needs = { 0 };
 *
 *     lock(mm);
 *     while (!mm_fork_needs(mm, &needs)) {
 *             unlock(mm);
 *             if (prepopulate_needs(mm, &needs))
 *                     return -ENOMEM;
 *             lock(mm);
 *     }
 *     err = mm_fork(&child, mm);
 *     unlock(mm);
 *
 * Two rounds, unless the space has grown by more than an eighth in between.
 */
struct mm_needs {
	unsigned long areas;               /**< and as many that go */
	unsigned long leaves, inner_nodes; /**< of the tree */
	/** Objects of no kind of their own, as links of the reverse map; vmaple_cache_stats() has the three sizes. */
	unsigned long small, middle, large;
	unsigned long tables; /**< page tables, of all levels */
};
/**
 * @return whether @p needs suffice for mm_fork() of @p mm, as it is. If not, they are raised to what does, and an
 * eighth more.  O(areas and their links, page tables; with pte chains pages).
 * @pre the caller holds the mmap_lock for writing.
 */
VMAPLE_API bool mm_fork_needs(struct mm_struct *mm, struct mm_needs *needs) __must_check;
/**
 * The same for any mapping call on [start, end). For mremap, the old place; then, where it is known, the new one. Page
 * tables for pages that move are among them.
 */
VMAPLE_API bool mm_call_needs(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs) __must_check;
/** The same for what fills [start, end) with entries of page tables: MADV_GUARD_INSTALL, and nonlinear windows. */
VMAPLE_API bool mm_guard_needs(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs) __must_check;
/** Set @p needs aside, and what prepopulate_vma() does. @return 0 or -ENOMEM. */
VMAPLE_API int prepopulate_needs(const struct mm_struct *mm, const struct mm_needs *needs) __must_check;
/** @} */

/** What the calling thread's cache of one area has done. */
struct vma_recycle_stats {
	unsigned long asked;    /**< areas that were needed */
	unsigned long recycled; /**< of these, the thread had one */
};
/** Since the thread began. */
VMAPLE_API void vma_recycle_stats(struct vma_recycle_stats *stats);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RECYCLE_H */
