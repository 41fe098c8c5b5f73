/* SPDX-License-Identifier: MIT */
/*
 * The embedder's seam, from the inside: operations that are not there agree and do nothing; huge pages are not cut,
 * nor what the kernel itself has mapped.
 *
 * Where they are called is where a call can still fail: memory is there, nothing has changed.  What is told after the
 * change (adjust, merge, close) cannot fail.
 */
#include "internal.h"

int ops_open(struct vm_area_struct *vma, const struct vm_area_struct *from)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (!ops)
		return 0;
	if (from)
		return ops->duplicate ? ops->duplicate(vma, from) : 0;
	return ops->open ? ops->open(vma) : 0;
}

int ops_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (addr & vma_page_mask(vma))
		return -EINVAL;
	if (vma->vm_file && vma->vm_file->no_split &&
		(vma->vm_file->kind != VM_FILE_SPECIAL || vma->vm_mm->sys->kernel->special_whole))
		return -EINVAL;
	return ops && ops->may_split ? ops->may_split(vma, addr) : 0;
}

int ops_split(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	return ops && ops->split ? ops->split(part, vma) : 0;
}

bool ops_may_merge(const struct vm_area_struct *area, const struct vm_area_struct *other)
{
	const struct mm_operations *ops = area->vm_mm->ops;

	return !ops || !ops->may_merge || ops->may_merge(area, other);
}

void ops_adjust(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (ops && ops->adjust)
		ops->adjust(vma, from, start, end);
}

void ops_merge(struct vm_area_struct *into, struct vm_area_struct *gone)
{
	const struct mm_operations *ops = into->vm_mm->ops;

	if (ops && ops->merge)
		ops->merge(into, gone);
}

void ops_close(struct vm_area_struct *vma)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (ops && ops->close)
		ops->close(vma);
}

void ops_changed(struct vm_area_struct *vma, vm_flags_t old_flags)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (ops && ops->changed)
		ops->changed(vma, old_flags);
}

void ops_written(struct vm_area_struct *vma)
{
	const struct mm_operations *ops = vma->vm_mm->ops;

	if (ops && ops->written)
		ops->written(vma);
}

bool ops_has_host(const struct mm_struct *mm)
{
	return mm->ops && mm->ops->host;
}

int ops_host(const struct vma_merge *vmg)
{
	struct mm_change change;

	if (!ops_has_host(vmg->mm))
		return 0;
	change = (struct mm_change){ .kind = vmg->work,
		.start = vmg->start,
		.end = vmg->end,
		.flags = vmg->flags,
		.old_flags = vmg->middle ? vmg->middle->vm_flags : 0,
		.file = vmg->file,
		.pgoff = vmg->pgoff,
		.replaces = vmg->replaces,
		.from = vmg->from,
		.from_end = vmg->from_end,
		.keeps_source = vmg->keeps_source };
	/* A name or a memory policy is nothing that a host has. */
	if (vmg->work == MM_CHANGE_FLAGS && change.flags == change.old_flags)
		return 0;
	return vmg->mm->ops->host(vmg->mm, &change);
}

int ops_host_unmap(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct mm_change change = { .kind = MM_CHANGE_UNMAP, .start = start, .end = end };

	return ops_has_host(mm) ? mm->ops->host(mm, &change) : 0;
}

int ops_host_advise(struct vm_area_struct *vma, unsigned long start, unsigned long end, int advice)
{
	struct mm_change change = {
		.kind = MM_CHANGE_ADVISE, .start = start, .end = end, .flags = vma->vm_flags, .advice = advice
	};

	return ops_has_host(vma->vm_mm) ? vma->vm_mm->ops->host(vma->vm_mm, &change) : 0;
}
