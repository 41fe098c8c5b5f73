/* SPDX-License-Identifier: MIT */
/*
 * remap_file_pages: since Linux 4.0 an mmap() over a part of a shared mapping, with its access and its file.
 */
#include "internal.h"

struct request {
	unsigned long start, end, pgoff, flags;
};

/* Is [start, end) covered by areas that are like @vma, which holds its first page? */
static bool is_uniform(const struct vm_area_struct *vma, unsigned long end)
{
	unsigned long at = vma->vm_end;

	while (at < end) {
		const struct vm_area_struct *next = vma_lookup(vma->vm_mm, at);

		if (!next || next->vm_file != vma->vm_file || next->vm_flags != vma->vm_flags)
			return false;
		at = next->vm_end;
	}
	return true;
}

static int map_again(struct mm_struct *mm, const struct vm_area_struct *vma, const struct request *r)
{
	struct mmap_request req = { .addr = r->start,
		.len = r->end - r->start,
		.flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (r->flags & MAP_NONBLOCK),
		.file = vm_file_get(vma->vm_file) };
	unsigned long result;

	req.prot = (vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
		   (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
	req.flags |= vma->vm_flags & VM_LOCKED ? MAP_LOCKED : 0;
	result = do_mmap(mm, &req, r->pgoff);
	vm_file_put(req.file);
	return IS_ERR_VALUE(result) ? (int)(long)result : 0;
}

int mm_remap_file_pages(struct mm_struct *mm, unsigned long start, unsigned long size, unsigned long prot,
	unsigned long pgoff, unsigned long flags)
{
	struct request r = { .start = start - offset_in_page(mm, start), .pgoff = pgoff, .flags = flags };
	const struct vm_area_struct *vma;

	size -= offset_in_page(mm, size);
	r.end = r.start + size;
	if (prot || r.end <= r.start || pgoff + to_pages(mm, size) < pgoff)
		return -EINVAL;
	vma = vma_lookup(mm, r.start);
	if (!vma || !(vma->vm_flags & VM_SHARED) || !is_uniform(vma, r.end))
		return -EINVAL;
	return map_again(mm, vma, &r);
}
