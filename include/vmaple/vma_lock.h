/* SPDX-License-Identifier: MIT */
/**
 * @file vma_lock.h
 * Lookups and faults beside the calls that change an address space.
 *
 * 1. mm_set_rcu() allows it, for one mm. The calls of <vmaple/mm.h> that change it remain one at a time, under the
 *    caller's mmap_lock; who only looks needs a read-side section (<vmaple/rcu.h>) and no lock.
 * 2. Inside a section find_vma(), find_vma_intersection(), vma_lookup() and an iterator (that ends with the section)
 *    give areas whose memory stays valid to the section's end, and find every area that is there throughout. They
 *    never wait, allocate or lock, and may be called in a signal handler, also in one that has interrupted a call that
 *    changes the same mm.  The range that an iterator stands at, vmi.mas.index to vmi.mas.last, is one that the
 *    area had.  Its fields, however, may be changing:
 * 3. vma_view() copies those that belong together, without writing anything.
 * 4. The per-VMA lock holds an area as it is: lock_vma_under_rcu() to vma_end_read(). Calls that change that area wait
 *    meanwhile, so what is done between is short, and no call of <vmaple/mm.h> for this mm.  It is meant for page
 *    faults: find, lock, handle; where it cannot be had, or vma_fault() says -EAGAIN, take the mmap_lock and call
 *    mm_fault().
 *
 * An area's vm_file is sure to be there while the area is locked, not in a mere section. The kernel's per-VMA locks
 * (Suren Baghdasaryan, 2023) have these names; the protocol is argued in docs/threads.md.
 *
 * A checking build panics when something is looked up, iterated over or viewed outside a section, or changed, by a
 * thread that mm->mmap_lock_held says not to hold the lock; and when an area that nobody holds is let go or faulted on.
 * (Iterators are inline: the embedder's own are checked if it is compiled with VMAPLE_CHECKS, too.)
 *
 * Only the maple tree index has this.
 */
#ifndef VMAPLE_VMA_LOCK_H
#define VMAPLE_VMA_LOCK_H

#include <vmaple/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Readers may be beside the calls that change @p mm, from now to mm_exit(). Before there are any; a forked child has
 * what its parent has. After mm_exit() the struct is the caller's again when vmaple_rcu_synchronize() has returned.
 */
#ifndef MM_INDEX_LINKED
VMAPLE_API void mm_set_rcu(struct mm_struct *mm);
#endif

/** What an area was at one moment. */
struct vma_view {
	struct vm_area_struct *vma; /**< valid to the end of the section */
	unsigned long vm_start, vm_end;
	vm_flags_t vm_flags;
	pgoff_t vm_pgoff;
	struct vm_file *vm_file; /**< to be compared, not followed */
	void *vm_private_data;
};
/**
 * The area that contains @p addr, in a section. @return 1; 0 when there is none; -EAGAIN when there is one and a
 * call is changing it right now: then only view->vma is set.
 */
VMAPLE_API int vma_view(struct mm_struct *mm, unsigned long addr, struct vma_view *view);
/** The same for @p vma, wherever it is now. -EAGAIN too when it has left the address space. */
VMAPLE_API int vma_view_of(struct vm_area_struct *vma, struct vma_view *view);

/**
 * The area that contains @p addr, locked against change; NULL when there is none or it is being changed. Outside a
 * section or in one; never waits.
 */
VMAPLE_API struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr);
/** Unlock it, in the thread that locked it. The area may be gone afterwards, but in a section. */
VMAPLE_API void vma_end_read(struct vm_area_struct *vma);

/**
 * A page fault at @p addr in the locked @p vma, as mm_fault() answers it. @return 0, -EFAULT, -EINVAL, or -EAGAIN:
 * unlock, take the mmap_lock, and call mm_fault().
 */
VMAPLE_API int vma_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_VMA_LOCK_H */
