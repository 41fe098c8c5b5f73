/* SPDX-License-Identifier: MIT */
/*
 * The index of Linux 3.8 to 6.0: list and red-black tree, where each node knows the longest hole of its subtree.
 * See augmented.c.
 */
#ifndef MM_INDEX_AUGMENTED_H
#define MM_INDEX_AUGMENTED_H

#include "linked.h"

_Static_assert(offsetof(struct vm_area_struct, rb_subtree_gap) + sizeof(unsigned long) == 64,
	"what a free-area search reads is one cache line");

static inline void index_init(struct mm_struct *mm)
{
	linked_forget(mm);
	mm->highest_vm_end = 0;
}

/* Areas hold what there is. */
static inline void index_destroy(struct mm_struct *mm)
{
	index_init(mm);
}

#endif /* MM_INDEX_AUGMENTED_H */
