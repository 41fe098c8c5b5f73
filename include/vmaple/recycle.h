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

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Before the mmap_lock is taken: set aside all that a mapping call may need (areas, tree nodes, links of the reverse
 * map, a name, the file of shared memory), so that it asks the host for nothing under the lock. Enough for a call that
 * changes up to 8 areas of at most two generations of forks; what stays unused is kept for the next.  fork, and page tables,
 * are not provided for: what they need has no bound.  @return 0, or -ENOMEM: the call may still succeed.
 */
VMAPLE_API int prepopulate_vma(void);

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
