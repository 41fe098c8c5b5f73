/* SPDX-License-Identifier: MIT */
/**
 * @file rmap.h
 * Reverse mapping as the address space sees it: the seam, and the designs behind it.
 *
 * An mm tells its reverse map when an area is written for the first time, copied, inherited or given up, and asks
 * it whether two areas may become one.  It knows nothing of how pages are found.
 */
#ifndef VMAPLE_RMAP_H
#define VMAPLE_RMAP_H

#include <vmaple/mm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A design. All functions run under the mm's lock; those that return int may fail with -ENOMEM, unchanged. */
struct rmap_ops {
	const char *name;
	/** @p vma is about to be written for the first time; its neighbours may lend what they have. */
	int (*prepare)(struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next);
	/** The empty @p dst of the same mm gets pages of @p src: split, merge, move. */
	int (*clone)(struct vm_area_struct *dst, const struct vm_area_struct *src);
	/** The empty @p child inherits the pages of @p parent. */
	int (*fork)(struct vm_area_struct *child, const struct vm_area_struct *parent);
	/** @p vma gives up its pages. Never fails. */
	void (*unlink)(struct vm_area_struct *vma);
	/**
	 * May pages known by @p src (whose area is @p src_vma; NULL: no area yet) and those of @p target be in one
	 * area, @p target?
	 */
	bool (*may_merge)(const struct vm_area_struct *target, const struct anon_vma *src,
		const struct vm_area_struct *src_vma);
	/** Check what this design knows of @p vma; false and the broken invariant in @p reason. */
	bool (*validate)(const struct vm_area_struct *vma, const char **reason);
};

/** anon_vma with anon_vma_chain and today's reuse heuristics: the default. Riel 2010; docs/rmap.md. */
extern VMAPLE_API const struct rmap_ops anon_vma_rmap;

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RMAP_H */
