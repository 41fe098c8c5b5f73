/* SPDX-License-Identifier: MIT */
/**
 * @file mm_operations.h
 * The embedder's seam: what an emulator, a tracker or a sandbox adds to an address space.
 *
 * 1. Payload.  Each area has a vm_private_data of the embedder's.  It is set in open(), comes to copies as the same
 *    pointer, which split() and duplicate() may replace, and ends with close(): exactly one for each open(), split()
 *    and duplicate() that returned 0.
 *
 * 2. The work itself.  Every call decides first, and gets all memory that it needs; then host() does what is to be
 *    done in the embedder's world (mmap, mprotect and so on of its host), and then the map is changed, which cannot
 *    fail.  So when host() has returned 0, the map will say what it did; and when it returns an error, the call
 *    returns that error and leaves the map as Linux leaves it where it runs out of memory there:
 *
 *      mmap, brk, growing     as it was, except that areas may have been cut at the ends of the range
 *      munmap                 likewise
 *      mprotect, mlock, ...   areas before the one in question have changed, this one and those behind it have not
 *      mremap                 what lay at the target of MREMAP_FIXED, and what the mapping was to lose, is gone: for
 *                             both there was an UNMAP before.  When the cuts at the old place fail after the
 *                             MOVE, the old range stays mapped, without its pages: it is told as a MAP
 *
 * 3. All of it is optional: an operation that is NULL is one that agrees and does nothing.  Operations run under the
 *    lock of the mm; they may look at it, and must not change it.  An mm without operations pays for one test.
 */
#ifndef VMAPLE_MM_OPERATIONS_H
#define VMAPLE_MM_OPERATIONS_H

#include <vmaple/mm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is about to be done to a range. */
enum mm_change_kind {
	MM_CHANGE_MAP,   /**< it is mapped: by mmap, brk, shmat, an mremap that grows, a stack that grows */
	MM_CHANGE_UNMAP, /**< what is mapped in it goes */
	MM_CHANGE_FLAGS, /**< one area's part of it gets other flags: mprotect, mlock, madvise, mseal, userfaultfd */
	MM_CHANGE_MOVE,  /**< it is mapped, and has what [from, from_end) had */
	MM_CHANGE_ADVISE /**< madvise about contents, for one area's part of it; no area changes */
};

struct mm_change {
	enum mm_change_kind kind;
	unsigned long start, end;     /**< the range, bytes */
	vm_flags_t flags;             /**< that it will have, ADVISE: that it has; UNMAP: 0 */
	vm_flags_t old_flags;         /**< FLAGS: that it has had */
	struct vm_file *file;         /**< MAP, MOVE: what is mapped; NULL: anonymous memory */
	pgoff_t pgoff;                /**< of start, in file; pages */
	bool replaces;                /**< MAP: something is mapped there and goes: no UNMAP is told */
	unsigned long from, from_end; /**< MOVE: where it was; empty for a second view of shared memory */
	bool keeps_source; /**< MOVE: MREMAP_DONTUNMAP, areas stay there, empty; else no UNMAP is told */
	int advice;        /**< ADVISE: MADV_* */
};

struct mm_operations {
	/** @p vma is new, in no map yet. 0 or -errno, then the call fails with it. */
	int (*open)(struct vm_area_struct *vma);
	/** May @p vma be cut at @p addr? 0 or -errno. */
	int (*may_split)(struct vm_area_struct *vma, unsigned long addr);
	/** @p vma, whole as yet, will lose the range of @p part, which is a copy of it. 0 or -errno. */
	int (*split)(struct vm_area_struct *part, struct vm_area_struct *vma);
	/** @p copy is a copy of @p vma: in the same mm, moved; or in a fork's child, whose mm has the parent's ops. */
	int (*duplicate)(struct vm_area_struct *copy, const struct vm_area_struct *vma);
	/**
	 * May they become one, as far as the embedder is concerned?  @p other NULL: a range that is being mapped
	 * would join @p area.  Also asked by vma_merge_blockers().
	 */
	bool (*may_merge)(const struct vm_area_struct *area, const struct vm_area_struct *other);
	/** @p vma has grown by [start, end), which @p from has lost; NULL: it is newly mapped, or moved there. */
	void (*adjust)(struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start,
		unsigned long end);
	/** @p into has grown by all of @p gone, whose close() is next. */
	void (*merge)(struct vm_area_struct *into, struct vm_area_struct *gone);
	/** @p vma ends: unmapped, merged, at exit, or because the call that made it failed after all. */
	void (*close)(struct vm_area_struct *vma);
	/** Do the work of @p change, or refuse: see above. 0 or -errno. */
	int (*host)(struct mm_struct *mm, const struct mm_change *change);
	/**
	 * @p vma, whose flags were @p old_flags, has other flags, another name, policy or userfaultfd than before, or
	 * perhaps the same again; or MREMAP_DONTUNMAP has taken its pages, and its anon_vma with them.  What an area had
	 * when open(), split() or duplicate() was called, and what it takes over in a merge, is not told.
	 */
	void (*changed)(struct vm_area_struct *vma, vm_flags_t old_flags);
	/** @p vma was written for the first time: it has its anon_vma. May be called under the mm's lock for reading. */
	void (*written)(struct vm_area_struct *vma);
};

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_OPERATIONS_H */
