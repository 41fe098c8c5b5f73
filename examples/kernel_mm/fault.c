/* SPDX-License-Identifier: MIT */
/*
 * A page for an address.
 *
 * The engine decides: mm_fault() knows whether there is an area, grows a stack, checks rights, and makes an area ready to be
 * written. What is left is to find the frame:
 *
 *      first touch     memory: the page of zeros, which all have     file: the page of the file itself
 *      first write     a copy, if anybody else has the frame; otherwise the frame, from now on writable
 *
 * The page of zeros and pages of files are the kernel's own, and so never written by a program.
 */
#include "kernel.h"

static const char zeros[PAGE] __attribute__((aligned(4096)));

/* What shared memory begins with is seen by all that share it, so it is no page of zeros that a write would replace. */
static unsigned long first_frame(const struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long offset = (vma->vm_pgoff << 12) + (addr - vma->vm_start);

	if (vma->vm_flags & VM_SHARED)
		return frame_take();
	if (!vma->vm_file)
		return frame_of(zeros);
	return offset < vma->vm_file->size ? frame_of(((struct boot_file *)vma->vm_file)->bytes + offset) : 0;
}

int page_map(struct vm_area_struct *vma, unsigned long addr)
{
	pte_t *pte = pte_make(vma->vm_mm, addr);
	unsigned long frame;

	if (!pte || *pte)
		return pte ? 0 : -VMAPLE_ENOMEM;
	frame = first_frame(vma, addr & -PAGE);
	if (!frame)
		return -VMAPLE_EFAULT;
	*pte = frame | pte_rights(vma);
	return 0;
}

/* Copy on write. */
static int allow_writing(const struct vm_area_struct *vma, pte_t *pte)
{
	unsigned long frame = *pte & PTE_FRAME, copy;

	if (!(vma->vm_flags & VM_SHARED) && frame_is_shared(frame)) {
		copy = frame_take();
		if (!copy)
			return -VMAPLE_ENOMEM;
		memcpy(memory_at(copy), memory_at(frame), PAGE);
		frame_put(frame);
		frame = copy;
	}
	*pte = frame | pte_rights(vma) | PTE_WRITE;
	return 0;
}

void *page_at(struct mm_struct *mm, unsigned long addr, enum access access)
{
	struct vm_area_struct *vma;
	pte_t *pte;

	if (mm_fault(mm, addr, access == ACCESS_WRITE ? MM_FAULT_WRITE : MM_FAULT_SMALL))
		return NULL;
	vma = vma_lookup(mm, addr);
	if (access == ACCESS_EXEC && !(vma->vm_flags & VM_EXEC))
		return NULL;
	if (page_map(vma, addr))
		return NULL;
	pte = pte_make(mm, addr);
	if (access == ACCESS_WRITE && !(*pte & PTE_WRITE) && allow_writing(vma, pte))
		return NULL;
	return memory_at(*pte & PTE_FRAME);
}
