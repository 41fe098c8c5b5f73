/* SPDX-License-Identifier: MIT */
/*
 * The VMA index: which structure holds the areas of an mm, keyed by address.  Here: the maple tree, by name, so
 * that the compiler sees through it.
 *
 * A change of the map is one store: an area that grows is stored over its new range, whatever lay there before; a
 * hole is NULL.  A store is prepared (may fail, changes nothing) before the point of no return of a call and
 * committed after it (cannot fail).
 */
#ifndef MM_INDEX_H
#define MM_INDEX_H

#include <vmaple/mm.h>

/* A store that has its memory. */
struct index_store {
	struct ma_state mas;
};

/* Set memory aside for storing @vma (NULL: a hole) over [start, end). 0 or -ENOMEM. */
static inline int index_prepare(
	struct index_store *st, struct mm_struct *mm, unsigned long start, unsigned long end, void *vma)
{
	st->mas =
		(struct ma_state){ .tree = &mm->mm_mt, .index = start, .last = end - 1, .status = ma_start };
	return mas_preallocate(&st->mas, vma, GFP_KERNEL);
}

static inline void index_commit(struct index_store *st, void *vma)
{
	mas_store_prealloc(&st->mas, vma);
}

/* Give up a prepared store. */
static inline void index_cancel(struct index_store *st)
{
	mas_destroy(&st->mas);
}

/* The area that contains @addr, or the next above, or NULL; *prev becomes the one before it. */
static inline struct vm_area_struct *index_find_prev(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	MA_STATE(mas, &mm->mm_mt, addr, addr);
	struct vm_area_struct *vma = mas_find(&mas, ULONG_MAX);

	if (!vma)
		mas_set(&mas, ULONG_MAX);
	*prev = mas_prev(&mas, 0);
	return vma;
}

/* Free-area search over indices: bytes. 0 and *start, or -EBUSY. */
static inline int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len,
	bool topdown, unsigned long *start)
{
	MA_STATE(mas, &mm->mm_mt, 0, 0);
	int err = topdown ? mas_empty_area_rev(&mas, low, high - 1, len)
			  : mas_empty_area(&mas, low, high - 1, len);

	if (!err)
		*start = topdown ? mas.last - len + 1 : mas.index;
	return err;
}

#endif /* MM_INDEX_H */
