/* SPDX-License-Identifier: MIT */
/*
 * brk: the heap, extended in place where it can be.
 *
 * Growth looks only at the area that it extends: it never joins the heap with what lies above.
 */
#include "internal.h"
#include "machine.h"

static bool data_limit_ok(const struct mm_struct *mm, unsigned long brk)
{
	return mm->limits.data == MM_UNLIMITED ||
	       brk - mm->start_brk + (mm->end_data - mm->start_data) <= mm->limits.data;
}

static int shrink(struct mm_struct *mm, unsigned long newbrk, unsigned long oldbrk)
{
	if (!index_find_until(mm, newbrk, oldbrk - 1) && mm->sys->kernel->brk_minds_heap)
		return -ENOMEM;
	return do_munmap(mm, newbrk, oldbrk);
}

/* The range must be the user's, lockable, and a page away from what follows. *prev: what lies before it. */
static bool may_grow(
	struct mm_struct *mm, unsigned long oldbrk, unsigned long newbrk, struct vm_area_struct **prev)
{
	unsigned long len = newbrk - oldbrk; /* beyond all addresses where newbrk was rounded up to 0 */
	struct vm_area_struct *next = index_find_prev(mm, oldbrk, prev);

	if (IS_ERR_VALUE(mm_get_unmapped_area(mm, NULL, oldbrk, len, 0, MAP_FIXED)))
		return false;
	if (!mlock_future_ok(mm, mm->def_flags, len))
		return false;
	return !next || newbrk < vm_start_gap(next); /* both are a page's */
}

static struct vm_area_struct *expand_or_make(struct mm_struct *mm, struct vm_area_struct *prev,
	unsigned long addr, unsigned long end, vm_flags_t flags)
{
	struct vma_merge vmg = { .mm = mm,
		.prev = prev,
		.start = addr,
		.end = end,
		.pgoff = to_pages(mm, addr),
		.flags = mm->sys->kernel->mergeable_joins ? mergeable_flags(mm, flags) : flags,
		.just_expand = true,
		.work = MM_CHANGE_MAP };
	struct vm_area_struct *vma;

	if (prev && (prev->vm_end > mm->start_brk || !mm->sys->kernel->brk_minds_heap)) {
		vma = vma_merge_new_range(&vmg);
		if (vma)
			mm->counters.new_merged++;
		if (vma || vmg.err)
			return vma;
	}
	vmg.flags = mergeable_flags(mm, flags);
	return vma_make_range(&vmg, NULL);
}

static int grow(struct mm_struct *mm, struct vm_area_struct *prev, unsigned long oldbrk, unsigned long newbrk)
{
	vm_flags_t flags =
		VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_ACCOUNT | machine_of(mm)->data_flags | mm->def_flags;
	unsigned long npages = to_pages(mm, newbrk - oldbrk);

	if (mm->limits.read_implies_exec)
		flags |= VM_EXEC;
	if (!may_expand_vm(mm, flags, npages) || mm->map_count > mm->sys->max_map_count ||
		vm_charge(mm, npages))
		return -ENOMEM;
	if (!expand_or_make(mm, prev, oldbrk, newbrk, flags)) {
		vm_uncharge(mm, npages);
		return -ENOMEM;
	}
	vm_stat_account(mm, flags, (long)npages);
	if (flags & VM_LOCKED)
		mm->locked_vm += npages;
	mm->counters.new_areas++;
	return 0;
}

unsigned long mm_brk(struct mm_struct *mm, unsigned long brk)
{
	unsigned long newbrk = mm_page_align(mm, brk), oldbrk = mm_page_align(mm, mm->brk);
	struct vm_area_struct *prev = NULL;
	mm_call(mm);

	if (brk < mm->start_brk || !data_limit_ok(mm, brk))
		return mm->brk;
	if (newbrk != oldbrk && brk <= mm->brk) {
		if (shrink(mm, newbrk, oldbrk))
			return mm->brk;
	} else if (newbrk != oldbrk) {
		if (!may_grow(mm, oldbrk, newbrk, &prev) || grow(mm, prev, oldbrk, newbrk))
			return mm->brk;
		if (mm->def_flags & VM_LOCKED)
			(void)mm_populate(mm, oldbrk, newbrk, true);
	}
	mm->brk = brk;
	return brk;
}
