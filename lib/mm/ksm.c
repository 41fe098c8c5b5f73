/* SPDX-License-Identifier: MIT */
/*
 * PR_SET_MEMORY_MERGE: all memory that same-page merging can take is VM_MERGEABLE, now and from now on.
 *
 * Areas get and lose the flag where they are: none is joined with another, though they may be alike afterwards.
 */
#include "internal.h"

int mm_set_memory_merge(struct mm_struct *mm, bool enable)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	mm_call(mm);

	if (!mm->sys->kernel->memory_merge)
		return -EINVAL;
	if (enable == mm->merge_any)
		return 0;
	mm->merge_any = enable;
	for_each_vma (vmi, vma) {
		vm_flags_t flags =
			enable ? mergeable_flags(mm, vma->vm_flags) : vma->vm_flags & ~VM_MERGEABLE;

		if (flags == vma->vm_flags)
			continue;
		vma_start_write(vma);
		vma_set_flags(vma, flags);
	}
	return 0;
}
