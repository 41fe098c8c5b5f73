/* SPDX-License-Identifier: MIT */
/**
 * @file mm_plan.h
 * Advise, act, commit: ask what a call would do, before it is done or dropped.
 *
 * A plan is a rehearsal: an address space that equals the real one, on which the engine itself carries out the call,
 * while nothing is done to the real one, its files, its reverse map or the host. So the answer is the call's own, with
 * the partial effects of a failure, and any call of <vmaple/mm.h> can be asked: those without a function here are made
 * on plan->mm. Several may follow one another.
 *
 *     struct mm_plan plan;
 *
 *     if (mm_plan_begin(&plan, mm) == 0 && mm_plan_mmap(&plan, &request) == 0) {
 *             for (size_t i = 0; i < plan.nr_changes; i++)
 *                     ... plan.changes[i]: what would be unmapped, mapped, moved ...
 *             if (agreed)
 *                     addr = mm_plan_commit(&plan);       now it is done
 *     }
 *     mm_plan_drop(&plan);
 *
 * What is not foretold: that the host or an operation of the embedder (<vmaple/mm_operations.h>) refuses, memory that
 * runs out, and what page tables take. may_split() and may_merge() are asked, of areas of the rehearsal, which have the
 * vm_private_data of the real ones; the other operations are not called.
 *
 * Owner.  The caller owns the struct; it must not move, and ends with mm_plan_drop().
 * Locks.  As a call on the mm; the mm may change between, then the plan does not hold any more.
 * Cost.  O(areas) for mm_plan_begin(), some 30 ns each, and then that of the call.
 * docs/plan.md
 */
#ifndef VMAPLE_MM_PLAN_H
#define VMAPLE_MM_PLAN_H

#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/rmap.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What mm_plan_commit() does. */
enum mm_plan_call {
	MM_PLAN_NOTHING,
	MM_PLAN_MMAP,
	MM_PLAN_MUNMAP,
	MM_PLAN_MPROTECT,
	MM_PLAN_MREMAP,
	MM_PLAN_BRK,
	MM_PLAN_MADVISE
};

struct mm_plan {
	/** The rehearsal: the address space as it will be. May be looked at in any way, and calls be made on it. */
	struct mm_struct mm;
	/** What the host would be told to do, in order: struct mm_operations, host(). */
	const struct mm_change *changes;
	size_t nr_changes;
	/** What the last call would return: an address or 0, or -errno (test with IS_ERR_VALUE). */
	unsigned long result;

	/* Private. */
	struct mm_struct *of;
	struct mm_system sys;
	struct rmap_ops rmap;
	struct mm_operations ops;
	struct mm_change *told;
	size_t room;
	uint64_t fingerprint; /* of the mm, when it was copied */
	struct list_link one; /* what the chain of an area written in the rehearsal has in it */
	enum mm_plan_call call;
	union {
		struct mmap_request mmap;
		struct mremap_request mremap;
		struct {
			unsigned long addr, len, prot;
			int number; /* pkey, advice */
		} range;
	} arg;
};

/** Rehearse on @p mm. @return 0 or -ENOMEM: then the plan is dropped already, and to drop it once more does no harm. */
VMAPLE_API int mm_plan_begin(struct mm_plan *plan, struct mm_struct *mm) __must_check;
/**
 * The call of the same name in <vmaple/mm.h>. @return 0: plan->result is what it would return, which may be an error;
 * -ENOMEM: it cannot be told.
 * @{ */
VMAPLE_API int mm_plan_mmap(struct mm_plan *plan, const struct mmap_request *req) __must_check;
VMAPLE_API int mm_plan_munmap(struct mm_plan *plan, unsigned long addr, unsigned long len) __must_check;
VMAPLE_API int mm_plan_mprotect(struct mm_plan *plan, unsigned long addr, unsigned long len,
	unsigned long prot, int pkey) __must_check;
VMAPLE_API int mm_plan_mremap(struct mm_plan *plan, const struct mremap_request *req) __must_check;
VMAPLE_API int mm_plan_brk(struct mm_plan *plan, unsigned long brk) __must_check;
VMAPLE_API int mm_plan_madvise(
	struct mm_plan *plan, unsigned long addr, unsigned long len, int advice) __must_check;
/** @} */
/** Is the mm, its limits and what its machine has charged as when the plan began? Answers may differ else. O(areas) */
VMAPLE_API bool mm_plan_holds(const struct mm_plan *plan);
/**
 * Make the last call of the functions above on the mm itself. @return what it returns; -EAGAIN: the plan does not hold
 * any more, and nothing was done; -EINVAL: there was no call. The plan has still to be dropped.
 */
VMAPLE_API unsigned long mm_plan_commit(struct mm_plan *plan);
/** The rehearsal ends. The mm is as it was before mm_plan_begin(), unless mm_plan_commit() was called. O(areas) */
VMAPLE_API void mm_plan_drop(struct mm_plan *plan);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_PLAN_H */
