/* SPDX-License-Identifier: MIT */
/* Bytes and pages of an address space. */
#ifndef MM_PAGES_H
#define MM_PAGES_H

#include <vmaple/mm.h>

#include "linux_names.h"

static inline unsigned long offset_in_page(const struct mm_struct *mm, unsigned long addr)
{
	return addr & (mm_page_size(mm) - 1);
}

static inline unsigned long to_pages(const struct mm_struct *mm, unsigned long bytes)
{
	return bytes >> mm->sys->page_shift;
}

#endif /* MM_PAGES_H */
