/* SPDX-License-Identifier: MIT */
/*
 * The per-VMA lock, and looking at areas without it: theory of operation
 *
 * 1. Words.  Each call that changes an mm has a number, mm_lock_seq.  An area is locked for writing when its
 *    vm_lock_seq is that number; it is locked by vma_start_write(), before the first field is changed, and the
 *    call's end, which raises mm_lock_seq, unlocks all areas at once.  vm_readers counts those that hold the area
 *    for reading.  No area has the number 0 when a call begins that would have it: see restart_numbers().
 * 2. Reading against writing.  A reader raises vm_readers and then looks at vm_lock_seq; a writer sets vm_lock_seq and
 *    then looks at vm_readers, each with a full fence between.  So at least one sees the other: the reader gives
 *    up, or the writer waits for it.
 * 3. What a reader sees.  It reads mm_lock_seq with acquire, which pairs with the release at the end of the call that
 *    changed the area last: all its fields are from before, and none changes while it is held.
 * 4. Areas that are gone.  One that leaves the map is locked for writing, so its readers are waited for, and is then
 *    made empty (vm_end = vm_start).  Who finds it later in an old node of the tree sees that it does not contain
 *    the address.  Its memory comes after a grace period.
 * 5. New areas are born locked, and seen by readers when the call that made them is over.
 * 6. Views write nothing: read vm_lock_seq, copy, and see that vm_lock_seq is the same.  The writer sets it before,
 *    with a full fence, and never changes a field of an area that is not locked, but for anon_vma, which mm_fault()
 *    sets once; a view does not have it.
 */
#include <vmaple/vma_lock.h>

#include <limits.h>

#include "alloc.h"
#include "barrier.h"
#include "internal.h"
#include "list.h"
#include "rcu.h"
#include "vma_lock.h"

#define TRIES 100 /* of a view, when calls change the area again and again */

#ifndef MM_INDEX_LINKED
void mm_set_rcu(struct mm_struct *mm)
{
	mt_set_in_rcu(&mm->mm_mt);
	mm->mm_lock_seq++; /* the areas that are there were born locked */
}
#endif

#ifdef VMAPLE_CHECKS
static bool lock_missing(const struct mm_struct *mm)
{
	return index_in_rcu(mm) && mm->mmap_lock_held && !mm->mmap_lock_held(mm);
}

void check_may_look(const struct mm_struct *mm)
{
	if (lock_missing(mm) && !port_rcu_read_ongoing())
		port_panic("address space: looked up outside a section and without its mmap_lock");
}

void check_may_change(const struct mm_struct *mm)
{
	if (lock_missing(mm))
		port_panic("address space: changed without its mmap_lock");
}

#ifndef MM_INDEX_LINKED
void vma_iterator_check(const struct vma_iterator *vmi)
{
	check_may_look(list_entry(vmi->mas.tree, struct mm_struct, mm_mt));
}
#endif

static void check_is_held(const struct vm_area_struct *vma)
{
	if (index_in_rcu(vma->vm_mm) && !__atomic_load_n(&vma->vm_readers, __ATOMIC_RELAXED))
		port_panic("address space: an area is used as held that nobody holds");
}
#else
static void check_is_held(const struct vm_area_struct *vma)
{
}
#endif

static bool locked_for_writing(const struct vm_area_struct *vma)
{
	/* The number of a call is in an area only after it was in the mm: this order never reads an older one there. */
	unsigned int seq = __atomic_load_n(&vma->vm_lock_seq, __ATOMIC_ACQUIRE);

	return seq == __atomic_load_n(&vma->vm_mm->mm_lock_seq, __ATOMIC_ACQUIRE);
}

void vma_start_write_slowly(struct vm_area_struct *vma)
{
	__atomic_store_n(&vma->vm_lock_seq, vma->vm_mm->mm_lock_seq, __ATOMIC_RELEASE);
	/* Pairs with the fence in vma_start_read(), and with that in copy_fields(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* What readers did is done: pairs with the release in vma_end_read(). */
	while (__atomic_load_n(&vma->vm_readers, __ATOMIC_ACQUIRE))
		port_relax();
}

/*
 * The last number has been used.  An area with an old number would seem locked when it comes again: all get 0, which no
 * call has.  Release: to who reads it the area is unlocked, and whole.
 */
static void restart_numbers(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma)
		__atomic_store_n(&vma->vm_lock_seq, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&mm->mm_lock_seq, 1, __ATOMIC_RELEASE);
}

void mm_call_ends_for_readers(struct mm_struct *mm)
{
	/* Everything that the call changed is seen by who sees the new number: see 3. */
	if (mm->mm_lock_seq < UINT_MAX)
		__atomic_store_n(&mm->mm_lock_seq, mm->mm_lock_seq + 1, __ATOMIC_RELEASE);
	else
		restart_numbers(mm);
}

static bool contains(const struct vm_area_struct *vma, unsigned long addr)
{
	return __atomic_load_n(&vma->vm_start, __ATOMIC_RELAXED) <= addr &&
	       addr < __atomic_load_n(&vma->vm_end, __ATOMIC_RELAXED);
}

static bool vma_start_read(struct vm_area_struct *vma)
{
	if (locked_for_writing(vma))
		return false;
	__atomic_fetch_add(&vma->vm_readers, 1, __ATOMIC_SEQ_CST);
	smp_mb__after_atomic(); /* pairs with the fence in vma_start_write_slowly() */
	if (!locked_for_writing(vma))
		return true;
	vma_end_read(vma);
	return false;
}

void vma_end_read(struct vm_area_struct *vma)
{
	check_is_held(vma);
	__atomic_fetch_sub(&vma->vm_readers, 1, __ATOMIC_RELEASE);
}

struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	port_rcu_read_lock();
	vma = index_read(mm, addr, addr);
	if (vma && !vma_start_read(vma))
		vma = NULL;
	/* It may have been cut, moved or unmapped between finding and locking it. */
	if (vma && !contains(vma, addr)) {
		vma_end_read(vma);
		vma = NULL;
	}
	port_rcu_read_unlock();
	return vma;
}

/* False: it was changed meanwhile, or is being changed. */
static bool copy_fields(struct vm_area_struct *vma, struct vma_view *view)
{
	unsigned int seq = __atomic_load_n(&vma->vm_lock_seq, __ATOMIC_ACQUIRE);

	if (seq == __atomic_load_n(&vma->vm_mm->mm_lock_seq, __ATOMIC_ACQUIRE))
		return false;
	view->vm_start = __atomic_load_n(&vma->vm_start, __ATOMIC_RELAXED);
	view->vm_end = __atomic_load_n(&vma->vm_end, __ATOMIC_RELAXED);
	view->vm_flags = __atomic_load_n(&vma->vm_flags, __ATOMIC_RELAXED);
	view->vm_pgoff = __atomic_load_n(&vma->vm_pgoff, __ATOMIC_RELAXED);
	view->vm_file = __atomic_load_n(&vma->vm_file, __ATOMIC_RELAXED);
	view->vm_private_data = __atomic_load_n(&vma->vm_private_data, __ATOMIC_RELAXED);
	/* Who has read a field of a later call sees that call's number here. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&vma->vm_lock_seq, __ATOMIC_RELAXED) == seq;
}

int vma_view_of(struct vm_area_struct *vma, struct vma_view *view)
{
	check_may_look(vma->vm_mm);
	view->vma = vma;
	for (int i = 0; i < TRIES; i++)
		if (copy_fields(vma, view))
			return view->vm_start < view->vm_end ? 1 : -EAGAIN;
	return -EAGAIN;
}

int vma_view(struct mm_struct *mm, unsigned long addr, struct vma_view *view)
{
	check_may_look(mm);
	for (int i = 0; i < TRIES; i++) {
		view->vma = index_read(mm, addr, addr);
		if (!view->vma)
			return 0;
		if (copy_fields(view->vma, view) && view->vm_start <= addr && addr < view->vm_end)
			return 1;
	}
	return -EAGAIN;
}

int vma_fault(struct vm_area_struct *vma, unsigned long addr, unsigned int flags)
{
	check_is_held(vma);
	if (flags & ~(unsigned int)MM_FAULT_FLAGS)
		return -EINVAL;
	if (!vma_may_fault(vma, flags))
		return -EFAULT;
	return vma_fault_prepares(vma, addr, flags) ? -EAGAIN : 0;
}
