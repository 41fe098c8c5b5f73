/* SPDX-License-Identifier: MIT */
/*
 * The writer's side of the per-VMA lock: see vma_lock.c.
 *
 * Every public call that changes an mm begins with mm_call(mm); a call inside of another ends with the outer one.
 * Before it changes a field of an area that is in the map it calls vma_start_write(), and it changes it by set_field(),
 * since others may be reading.
 */
#ifndef MM_VMA_LOCK_H
#define MM_VMA_LOCK_H

#include "index.h"

void vma_start_write_slowly(struct vm_area_struct *vma);
void mm_call_ends_for_readers(struct mm_struct *mm);
/* The outermost call is over: verify all of @mm, if it is time (enum mm_verify); panics. */
void mm_verify(struct mm_struct *mm);

#define mm_call(mm) \
	struct mm_struct *call_of __attribute__((cleanup(mm_call_ends), unused)) = mm_call_begins(mm)

#ifdef VMAPLE_CHECKS
/* In RCU mode: panic when the thread neither holds the mmap_lock nor is in a section; does not hold it. */
void check_may_look(const struct mm_struct *mm);
void check_may_change(const struct mm_struct *mm);
#else
static inline void check_may_look(const struct mm_struct *mm)
{
}
static inline void check_may_change(const struct mm_struct *mm)
{
}
#endif

static inline struct mm_struct *mm_call_begins(struct mm_struct *mm)
{
	check_may_change(mm);
	mm->calls++;
	return mm;
}

static inline void mm_call_ends(struct mm_struct **mm)
{
	if (--(*mm)->calls)
		return;
	if ((*mm)->sys->verify)
		mm_verify(*mm);
	if (index_in_rcu(*mm))
		mm_call_ends_for_readers(*mm);
}

/* Lock @vma for writing until the end of the call; wait for those that hold it for reading. */
static inline void vma_start_write(struct vm_area_struct *vma)
{
	if (index_in_rcu(vma->vm_mm) && vma->vm_lock_seq != vma->vm_mm->mm_lock_seq)
		vma_start_write_slowly(vma);
}

#define set_field(vma, field, value) __atomic_store_n(&(vma)->field, (value), __ATOMIC_RELAXED)

#endif /* MM_VMA_LOCK_H */
