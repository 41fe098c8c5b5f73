/* SPDX-License-Identifier: MIT */
/**
 * @file merge.h
 * Why two neighbours are two: every reason, in the kernel's terms.
 *
 * The calls of <vmaple/mm.h> decide by the same tests, so the answer is what they act on.
 */
#ifndef VMAPLE_MERGE_H
#define VMAPLE_MERGE_H

#include <vmaple/mm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A reason not to merge; a set of them is their sum. */
enum vma_merge_blocker {
	VMA_BLOCK_GAP = 1 << 0,     /**< not adjacent */
	VMA_BLOCK_SPECIAL = 1 << 1, /**< VM_IO, VM_DONTEXPAND, VM_PFNMAP or VM_MIXEDMAP */
	VMA_BLOCK_FLAGS = 1 << 2,   /**< vm_flags differ */
	VMA_BLOCK_FILE = 1 << 3,    /**< not the same open file */
	VMA_BLOCK_OFFSET = 1 << 4,  /**< offsets do not adjoin */
	VMA_BLOCK_ANON_VMA =
		1 << 5,          /**< anon_vmas are not compatible: both were written, or inherited by fork */
	VMA_BLOCK_UFFD = 1 << 6, /**< userfaultfd contexts differ */
	VMA_BLOCK_POLICY = 1 << 7, /**< memory policies differ */
	VMA_BLOCK_NAME = 1 << 8,   /**< anonymous names differ */
	VMA_BLOCK_CLOSE = 1 << 9,  /**< the one that would vanish has a close operation */
	VMA_BLOCK_OPS = 1 << 10,   /**< the embedder's may_merge keeps them apart */
	VMA_BLOCK_MOVED = 1 << 11  /**< written pages of a file's private mapping were moved by mremap */
};

/** Every reason why @p right cannot be joined to @p left, 0 for none. Both in one mm. O(1). */
VMAPLE_API unsigned int vma_merge_blockers(
	const struct vm_area_struct *left, const struct vm_area_struct *right);
/** The word for one reason: "vm_flags differ". */
VMAPLE_API const char *vma_merge_blocker_name(enum vma_merge_blocker blocker);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MERGE_H */
