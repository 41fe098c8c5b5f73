/* SPDX-License-Identifier: MIT */
/*
 * madvise: advice that changes an area's flags cuts and joins like mprotect; advice about contents leaves the map
 * as it is, but is refused where Linux refuses it.  A hole is ENOMEM after the rest was done.
 */
#include "internal.h"
#include "machine.h"

static bool populates(int advice)
{
	return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
}

static bool advice_known(const struct mm_struct *mm, int advice)
{
	if (advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE)
		return mm->sys->kernel->guard_regions;
	if (populates(advice))
		return mm->sys->kernel->populates;
	if (advice == MADV_DONTNEED_LOCKED || advice == MADV_COLLAPSE)
		return advice == MADV_COLLAPSE ? mm->sys->kernel->collapses
					       : mm->sys->kernel->dontneed_locked;
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_DOFORK) ||
	       (advice >= MADV_MERGEABLE && advice <= MADV_COLLAPSE);
}

static int fork_advice(const struct vm_area_struct *vma, int advice, vm_flags_t *flags)
{
	switch (advice) {
	case MADV_DONTFORK:
		*flags |= VM_DONTCOPY;
		return 0;
	case MADV_DOFORK:
		*flags &= ~VM_DONTCOPY;
		return vma->vm_flags & (vma->vm_mm->sys->kernel->special_stays_unforked ? VM_SPECIAL : VM_IO)
			       ? -EINVAL
			       : 0;
	case MADV_WIPEONFORK:
		*flags |= VM_WIPEONFORK;
		return vma_file(vma) || (vma->vm_flags & VM_SHARED) ? -EINVAL : 0;
	default: /* MADV_KEEPONFORK */
		*flags &= ~VM_WIPEONFORK;
		return vma->vm_flags & VM_DROPPABLE ? -EINVAL : 0;
	}
}

static int dump_advice(const struct vm_area_struct *vma, int advice, vm_flags_t *flags)
{
	if (advice == MADV_DONTDUMP) {
		*flags |= VM_DONTDUMP;
		return 0;
	}
	*flags &= ~VM_DONTDUMP;
	if (vma->vm_flags & VM_DROPPABLE)
		return -EINVAL;
	return !(vma->vm_flags & VM_HUGETLB) && (vma->vm_flags & VM_SPECIAL) ? -EINVAL : 0;
}

/* *flags become what @advice makes of them. 0 or -EINVAL. */
static int advised_flags(const struct vm_area_struct *vma, int advice, vm_flags_t *flags)
{
	*flags = vma->vm_flags;
	switch (advice) {
	case MADV_NORMAL:
		*flags &= ~(VM_RAND_READ | VM_SEQ_READ);
		return 0;
	case MADV_SEQUENTIAL:
		*flags = (*flags & ~VM_RAND_READ) | VM_SEQ_READ;
		return 0;
	case MADV_RANDOM:
		*flags = (*flags & ~VM_SEQ_READ) | VM_RAND_READ;
		return 0;
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return fork_advice(vma, advice, flags);
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return dump_advice(vma, advice, flags);
	case MADV_MERGEABLE:
		if (!(*flags & VM_KSM_EXCLUDED))
			*flags |= VM_MERGEABLE;
		return 0;
	case MADV_UNMERGEABLE:
		if ((*flags & VM_MERGEABLE) && vma->vm_mm->sys->kernel->unmergeable_clears_high)
			*flags &= VM_MERGEABLE - 1;
		*flags &= ~VM_MERGEABLE;
		return 0;
	case MADV_HUGEPAGE:
		*flags = (*flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
		return 0;
	case MADV_NOHUGEPAGE:
		*flags = (*flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
		return 0;
	default:
		return 0;
	}
}

static bool is_about_contents(int advice)
{
	switch (advice) {
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_COLLAPSE:
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		return true;
	default:
		return false;
	}
}

static bool discards(int advice)
{
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
	case MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

/* A sealed area keeps what its owner could not have written anyway. */
static bool may_advise(const struct vm_area_struct *vma, int advice)
{
	if (!vma_is_sealed(vma) || !discards(advice) || (vma->vm_flags & (VM_SHARED | VM_WRITE)))
		return true;
	return vma->vm_mm->sys->kernel->zero_sealed ? !vma_is_anonymous(vma) : vma_file(vma) != NULL;
}

/* Is there a whole huge page in it? */
static bool huge_page_fits(const struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_mm->sys->pmd_size;

	return size && ((vma->vm_start + size - 1) & ~(size - 1)) + size <= vma->vm_end;
}

/* Advice about contents: may it be given here? */
static int content_advice(struct vm_area_struct *vma, int advice)
{
	vm_flags_t flags = vma->vm_flags;

	switch (advice) {
	case MADV_REMOVE:
		if ((flags & VM_LOCKED) || !vma_file(vma))
			return -EINVAL;
		return (flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE) ? 0 : -EACCES;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB) ? -EINVAL : 0;
	case MADV_FREE:
		return !vma_is_anonymous(vma) || (flags & (VM_LOCKED | VM_PFNMAP)) ? -EINVAL : 0;
	case MADV_DONTNEED:
		if ((flags & VM_HUGETLB) && !vma->vm_mm->sys->kernel->dontneed_locked)
			return -EINVAL;
		return flags & (VM_LOCKED | VM_PFNMAP) ? -EINVAL : 0;
	case MADV_DONTNEED_LOCKED:
		return flags & VM_PFNMAP ? -EINVAL : 0;
	case MADV_GUARD_INSTALL:
		if (flags & (VM_SPECIAL | VM_HUGETLB | VM_LOCKED))
			return -EINVAL;
		return vma_is_anonymous(vma) || !vma->vm_mm->sys->kernel->marks_guards ? anon_vma_prepare(vma)
										       : 0;
	case MADV_COLLAPSE:
		return huge_page_fits(vma) ? 0 : -EINVAL;
	case MADV_GUARD_REMOVE:
		return flags & (VM_SPECIAL | VM_HUGETLB) ? -EINVAL : 0;
	default:
		return 0;
	}
}

/*
 * The part of @vma from @start to @end.  Of pages of one size the first one decides for all; a huge page may fit only where the
 * first one does not.
 */
static int populate_area(struct vm_area_struct *vma, unsigned long start, unsigned long end, bool write)
{
	unsigned long next = vma_next_huge_page(vma, start);
	int err = mm_fault(vma->vm_mm, start, write ? MM_FAULT_WRITE : 0);

	if (!err && !write && next < min(end, vma->vm_end))
		err = mm_fault(vma->vm_mm, next, 0);
	return err;
}

/* MADV_POPULATE_*: stops at the first page that cannot be faulted in. */
static int populate(struct mm_struct *mm, unsigned long start, unsigned long end, int advice)
{
	bool write = advice == MADV_POPULATE_WRITE;

	while (start < end) {
		struct vm_area_struct *vma = index_find(mm, start);

		if (!vma || vma->vm_start > start)
			return -ENOMEM;
		if ((vma->vm_flags & (VM_IO | VM_PFNMAP)) || vma_is_secret(vma))
			return -EINVAL;
		if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
			return -EINVAL;
		if (populate_area(vma, start, end, write) == -ENOMEM)
			return -ENOMEM;
		if (vma_reaches_beyond_file(vma, end))
			return -EFAULT;
		start = vma->vm_end;
	}
	return 0;
}

/* All of it, however small the part is. */
static void mark_guarded(struct vm_area_struct *vma)
{
	vma_start_write(vma);
	vma_set_flags(vma, vma->vm_flags | VM_MAYBE_GUARD);
}

/* What Linux answers when it runs out of memory for a cut; and of map_count, but for old kernels. */
static int no_memory(const struct mm_struct *mm)
{
	return mm->map_count >= mm->sys->max_map_count && !mm->sys->kernel->full_map_is_eagain ? -ENOMEM
											       : -EAGAIN;
}

/* One area's part of the range; *reached: up to where it is done. */
static int advise_area(struct vm_area_struct *vma, unsigned long start, unsigned long end, int advice,
	unsigned long *reached)
{
	struct mm_struct *mm = vma->vm_mm;
	vm_flags_t flags;
	int err;

	if (!may_advise(vma, advice))
		return -EPERM;
	*reached = end;
	if (populates(advice))
		return populate(vma->vm_mm, start, end, advice);
	err = advised_flags(vma, advice, &flags);
	if (!err)
		err = content_advice(vma, advice);
	if (!err && is_about_contents(advice))
		err = ops_host_advise(vma, start, end, advice);
	if (!err && vma->vm_mm->pgd && (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED))
		vma->vm_mm->sys->pages->discard(vma, start, end);
	if (!err && vma->vm_mm->pgd && (advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE))
		err = vma->vm_mm->sys->pages->guard(vma, start, end, advice == MADV_GUARD_INSTALL);
	if (!err && advice == MADV_GUARD_INSTALL && vma->vm_mm->sys->kernel->marks_guards)
		mark_guarded(vma);
	if (err || flags == vma->vm_flags || is_about_contents(advice))
		return err;
	vma = vma_modify_flags(vma, start, end, flags);
	if (IS_ERR(vma))
		return PTR_ERR(vma) == -ENOMEM ? no_memory(mm) : (int)PTR_ERR(vma);
	*reached = vma->vm_end;
	return 0;
}

int mm_madvise(struct mm_struct *mm, unsigned long addr, unsigned long len, int advice)
{
	unsigned long end;
	int unmapped = 0, err;
	mm_call(mm);

	addr = plain_address(mm, addr);
	end = addr + mm_page_align(mm, len);
	if (!advice_known(mm, advice) || offset_in_page(mm, addr) || (len && !mm_page_align(mm, len)) ||
		end < addr)
		return -EINVAL;
	if (populates(advice) && mm->sys->kernel->populate_ends_at_hole)
		return populate(mm, addr, end, advice);
	while (addr < end) {
		struct vm_area_struct *vma = index_find(mm, addr);

		if (!vma || vma->vm_start > addr)
			unmapped = -ENOMEM;
		if (!vma || vma->vm_start >= end)
			break;
		err = advise_area(vma, max(addr, vma->vm_start), min(vma->vm_end, end), advice, &addr);
		if (err)
			return err;
	}
	return unmapped;
}
