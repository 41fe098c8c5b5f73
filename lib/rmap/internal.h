/* SPDX-License-Identifier: MIT */
/* What the designs share: how files know their areas (i_mmap.c), and addresses. */
#ifndef RMAP_INTERNAL_H
#define RMAP_INTERNAL_H

#include <vmaple/rmap.h>

#include "alloc.h"
#include "linux_names.h"
#include "list.h"

static inline unsigned int page_shift(const struct vm_area_struct *vma)
{
	return vma->vm_mm->sys->page_shift;
}

/* First and last index of what an area maps. */
static inline pgoff_t vma_first_index(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static inline pgoff_t vma_last_index(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff + ((vma->vm_end - vma->vm_start) >> page_shift(vma)) - 1;
}

static inline pgoff_t linear_page_index(const struct vm_area_struct *vma, unsigned long addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> page_shift(vma));
}

/* Where @vma maps @index: it does, as its interval was found for it, and that is no case of error. */
static inline unsigned long vma_address(const struct vm_area_struct *vma, pgoff_t index)
{
	return vma->vm_start + ((index - vma->vm_pgoff) << page_shift(vma));
}

static inline void *page_owner(const struct page *page)
{
	return (void *)(page->mapping & ~(uintptr_t)PAGE_ANON);
}

/* --- designs.c ------------------------------------------------------------------------------------------------ */

/* Of the object cache, so that it can be set aside before a lock is taken; and counted. */
void *rmap_alloc(size_t size) __must_check;
void rmap_free(void *mem, size_t size);

/* Count @nr objects of @size bytes. */
void rmap_needs(struct mm_needs *needs, size_t size, unsigned long nr);

/* --- i_mmap.c: functions of struct rmap_ops for designs with i_mmap, and parts of such ------------------------ */

int i_mmap_attach(struct vm_area_struct *vma);
void i_mmap_detach(struct vm_area_struct *vma);
void i_mmap_needs(const struct vm_area_struct *vma, struct mm_needs *needs);
/* Take the lock of the file that @a and @b map, and both areas out; put them in again, and give it back. */
void i_mmap_adjust_begin(struct vm_area_struct *a, struct vm_area_struct *b);
void i_mmap_adjust_end(struct vm_area_struct *a, struct vm_area_struct *b);
void i_mmap_lock(struct vm_area_struct *vma);
void i_mmap_unlock(struct vm_area_struct *vma);
/* As rmap_ops.in_order, as far as files go. */
bool i_mmap_in_order(const struct vm_area_struct *first, const struct vm_area_struct *then, bool fresh);
bool i_mmap_validate(const struct vm_area_struct *vma, const char **reason);

#endif /* RMAP_INTERNAL_H */
