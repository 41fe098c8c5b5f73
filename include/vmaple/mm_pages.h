/* SPDX-License-Identifier: MIT */
/**
 * @file mm_pages.h
 * What an address space tells those who have its pages: the seam between mm and paging.
 *
 * An mm knows areas and no pages. Where mm_struct.pgd is set, the functions below are called at the points of a call
 * at which Linux works on page tables; where it is NULL, nothing is. <vmaple/paging.h> is behind it.
 */
#ifndef VMAPLE_MM_PAGES_H
#define VMAPLE_MM_PAGES_H

#include <vmaple/mm_types.h>
#include <vmaple/recycle.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Pages of one area that get another address. All in bytes, page-aligned; the new range has no pages. */
struct mm_move {
	struct vm_area_struct *from, *to; /**< one area may be both: it reaches over both places */
	unsigned long old_addr, new_addr, len;
	bool temporary; /**< a stack that exec is making: vma_is_temporary_stack() */
	bool fresh;     /**< the area at the new place was made for it, and is not an old one that grew */
};

/** All run under mmap_lock, held for writing. Those that return int may fail with -ENOMEM, with nothing done. */
struct mm_page_ops {
	/** @p file, which has no mapping, is about to be mapped: give it one. */
	int (*open)(struct mm_system *sys, struct vm_file *file);
	/** @p child is being made a copy of @p parent: give it page tables. */
	int (*begin_fork)(struct mm_struct *child, struct mm_struct *parent);
	/** @p child is linked: copy what it has to inherit. A failure leaves part of it copied: the child ends. */
	int (*fork)(struct vm_area_struct *child, struct vm_area_struct *parent);
	/** The pages of [start, end) of @p vma go. */
	void (*zap)(struct vm_area_struct *vma, unsigned long start, unsigned long end);
	/** So do their contents alone, guards stay: MADV_DONTNEED. */
	void (*discard)(struct vm_area_struct *vma, unsigned long start, unsigned long end);
	/** No area is left in [floor, ceiling), nor was there one outside [start, end): tables there can go. */
	void (*free_tables)(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned long floor,
		unsigned long ceiling);
	/** Pages move. A failure leaves them where they were. */
	int (*move)(const struct mm_move *move);
	/** The flags of [start, end) of @p vma have changed. */
	void (*protect)(struct vm_area_struct *vma, unsigned long start, unsigned long end);
	/** MADV_GUARD_INSTALL: contents of [start, end) go, and each access there is a fault; and not any more. */
	int (*guard)(struct vm_area_struct *vma, unsigned long start, unsigned long end, bool install);
	/**
	 * Add to @p needs what the copy of @p parent's pages, those of [start, end) at another place, and entries for
	 * all of [start, end) may need; and set that many tables aside for this thread, 0 or -ENOMEM.
	 */
	void (*fork_needs)(struct mm_struct *parent, struct mm_needs *needs);
	void (*move_needs)(
		struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs);
	void (*guard_needs)(
		struct mm_struct *mm, unsigned long start, unsigned long end, struct mm_needs *needs);
	int (*preallocate)(unsigned long tables);
	/** No area is left: page tables go, mm->pgd becomes NULL. */
	void (*exit)(struct mm_struct *mm);
	/** A call is over, and MM_VERIFY_PAGES is on: compare all that is known of pages; panics. */
	void (*verify)(struct mm_system *sys);
};

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_PAGES_H */
