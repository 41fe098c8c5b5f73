/* SPDX-License-Identifier: MIT */
/*
 * mlock and kin: VM_LOCKED area by area, then faulting in, which gives writable private areas their anon_vma.
 */
#include "internal.h"
#include "machine.h"

/* Areas that are never locked, or always: the call passes over them. */
static bool never_locked(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE)) || vma_is_secret(vma);
}

/* Lock or unlock [start, end) of one area; *reached: up to where it is done. */
static int lock_area(struct vm_area_struct *vma, unsigned long start, unsigned long end, vm_flags_t lock,
	unsigned long *reached)
{
	struct mm_struct *mm = vma->vm_mm;
	vm_flags_t old = vma->vm_flags, flags = (old & ~VM_LOCKED_MASK) | lock;
	unsigned long npages = to_pages(mm, end - start);

	*reached = vma->vm_end;
	if (flags == old || never_locked(vma))
		return 0;
	vma = vma_modify_flags(vma, start, end, flags);
	if (IS_ERR(vma))
		return (int)PTR_ERR(vma);
	*reached = vma->vm_end;
	if (!(flags & VM_LOCKED))
		mm->locked_vm -= npages;
	else if (!(old & VM_LOCKED))
		mm->locked_vm += npages;
	return 0;
}

static int lock_range(struct mm_struct *mm, unsigned long start, unsigned long end, vm_flags_t lock)
{
	if (end < start)
		return -EINVAL;
	while (start < end) {
		struct vm_area_struct *vma = find_vma(mm, start);
		int err;

		if (!vma || vma->vm_start > start)
			return -ENOMEM;
		err = lock_area(vma, start, min(vma->vm_end, end), lock, &start);
		if (err)
			return err;
	}
	return 0;
}

/* Pages of [start, end) that are locked already. */
static unsigned long locked_pages(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long n = 0;
	VMA_ITERATOR(vmi, mm, start);

	if (end <= start)
		return 0;
	for_each_vma_range (vmi, vma, end)
		if (vma->vm_flags & VM_LOCKED)
			n += to_pages(mm, min(vma->vm_end, end) - max(vma->vm_start, start));
	return n;
}

static bool lock_limit_ok(struct mm_struct *mm, unsigned long start, unsigned long len)
{
	unsigned long limit = to_pages(mm, mm->limits.memlock), locked = to_pages(mm, len) + mm->locked_vm;

	if (mm->limits.cap_ipc_lock || mm->limits.memlock == MM_UNLIMITED || locked <= limit)
		return true;
	return locked - locked_pages(mm, start, start + len) <= limit;
}

int mm_mlock(struct mm_struct *mm, unsigned long addr, unsigned long len, int flags)
{
	vm_flags_t lock = VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0);
	int err;
	mm_call(mm);

	addr = plain_address(mm, addr);
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	len = mm_page_align(mm, len + offset_in_page(mm, addr));
	addr -= offset_in_page(mm, addr);
	if (!lock_limit_ok(mm, addr, len))
		return -ENOMEM;
	err = lock_range(mm, addr, addr + len, lock);
	if (err || !len)
		return err;
	return mm_populate(mm, addr, addr + len, false);
}

int mm_munlock(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	mm_call(mm);

	addr = plain_address(mm, addr);
	len = mm_page_align(mm, len + offset_in_page(mm, addr));
	addr -= offset_in_page(mm, addr);
	return lock_range(mm, addr, addr + len, 0);
}

/* Every area; one that cannot be changed is passed over. */
static void lock_all(struct mm_struct *mm, vm_flags_t lock)
{
	struct vm_area_struct *vma;
	unsigned long addr = 0;

	while ((vma = find_vma(mm, addr)) != NULL)
		(void)!lock_area(vma, vma->vm_start, vma->vm_end, lock, &addr);
}

int mm_mlockall(struct mm_struct *mm, int flags)
{
	vm_flags_t lock = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	mm_call(mm);

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	if ((flags & MCL_CURRENT) && !mm->limits.cap_ipc_lock && mm->limits.memlock != MM_UNLIMITED &&
		mm->total_vm > to_pages(mm, mm->limits.memlock))
		return -ENOMEM;
	mm->def_flags = (mm->def_flags & ~VM_LOCKED_MASK) | (flags & MCL_FUTURE ? lock : 0);
	if (flags & MCL_CURRENT) {
		lock_all(mm, lock);
		(void)mm_populate(mm, 0, end_for_calls(mm), true);
	}
	return 0;
}

int mm_munlockall(struct mm_struct *mm)
{
	mm_call(mm);

	mm->def_flags &= ~VM_LOCKED_MASK;
	lock_all(mm, 0);
	return 0;
}
