/* SPDX-License-Identifier: MIT */
/*
 * The index of Linux 2.6 to 3.7: list and red-black tree; free areas are searched for area by area, from where the
 * last search ended.  See classic.c.
 */
#ifndef MM_INDEX_CLASSIC_H
#define MM_INDEX_CLASSIC_H

#include "linked.h"

static inline void index_init(struct mm_struct *mm)
{
	linked_forget(mm);
	mm->free_area = (struct free_area_cache){ .base = 0 };
}

/* Areas hold what there is. */
static inline void index_destroy(struct mm_struct *mm)
{
	index_init(mm);
}

#endif /* MM_INDEX_CLASSIC_H */
