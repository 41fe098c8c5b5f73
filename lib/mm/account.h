/* SPDX-License-Identifier: MIT */
/*
 * Limits and charges: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, overcommit; the counters behind them.
 *
 * Invariants (mm_validate names the one that fails)
 *    AC1  total_vm is the sum of the areas' pages; data_vm, exec_vm and stack_vm the sums over their kinds.
 *    AC2  locked_vm is at least the sum over VM_LOCKED areas: MREMAP_DONTUNMAP unlocks what it leaves and counts it on.
 *    AC3  what the mm has charged is at most the sum over VM_ACCOUNT areas: a private file mapping made writable and
 *        back stays charged.
 *
 * A few instructions each, asked by every call: inline.
 */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include "commit.h"
#include "minmax.h"
#include "pages.h"

static inline bool is_data_mapping(vm_flags_t flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

static inline bool is_exec_mapping(vm_flags_t flags)
{
	return (flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC;
}

/* Limits are compared in pages, rounded down. */
static inline unsigned long limit_pages(const struct mm_struct *mm, unsigned long bytes)
{
	return bytes == MM_UNLIMITED ? MM_UNLIMITED : to_pages(mm, bytes);
}

/* A limit of 0 is for who counts brk's memory himself, as Valgrind does: then what it could be raised to is the limit. */
static inline unsigned long data_limit(const struct mm_struct *mm)
{
	return limit_pages(mm, mm->limits.data ? mm->limits.data : mm->limits.data_hard);
}

/* Is there room for @npages more with @flags under RLIMIT_AS and RLIMIT_DATA? */
static inline bool may_expand_vm(const struct mm_struct *mm, vm_flags_t flags, unsigned long npages)
{
	if (mm->total_vm + npages > limit_pages(mm, mm->limits.as))
		return false;
	return !is_data_mapping(flags) || mm->data_vm + npages <= data_limit(mm);
}

static inline bool can_do_mlock(const struct mm_struct *mm)
{
	return mm->limits.memlock != 0 || mm->limits.cap_ipc_lock;
}

static inline bool mlock_future_ok(const struct mm_struct *mm, vm_flags_t flags, unsigned long bytes)
{
	if (!(flags & VM_LOCKED) || mm->limits.cap_ipc_lock)
		return true;
	return to_pages(mm, bytes) + mm->locked_vm <= limit_pages(mm, mm->limits.memlock);
}

/*
 * Mode 2: what is committed stays below the limit, by a part of the process's own size: it shall not grow so large
 * that its user cannot do anything about it.
 */
static inline bool may_commit(const struct mm_struct *mm, unsigned long npages)
{
	const struct mm_system *sys = mm->sys;
	unsigned long reserve = min(mm->total_vm / 32, sys->user_reserve);

	return !npages || mm_system_committed(sys) + npages + reserve < sys->commit_limit;
}

/* Charge pages to the commit limit. 0 or -ENOMEM. */
static inline int vm_charge(struct mm_struct *mm, unsigned long npages)
{
	struct mm_system *sys = mm->sys;

	if (sys->overcommit_memory == 0 && npages > sys->commit_limit)
		return -ENOMEM;
	if (sys->overcommit_memory == 2 && !may_commit(mm, npages))
		return -ENOMEM;
	commit_account(sys, (long)npages);
	return 0;
}

static inline void vm_uncharge(struct mm_struct *mm, unsigned long npages)
{
	commit_account(mm->sys, -(long)npages);
}

/* Are pages of such a mapping charged? */
static inline bool accountable_mapping(const struct vm_file *file, vm_flags_t flags)
{
	if (file && file->kind == VM_FILE_HUGETLB)
		return false;
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* Count @npages (may be negative) of @flags in total_vm and its parts. */
static inline void vm_stat_account(struct mm_struct *mm, vm_flags_t flags, long npages)
{
	mm->total_vm += (unsigned long)npages;
	if (is_exec_mapping(flags))
		mm->exec_vm += (unsigned long)npages;
	else if (flags & VM_GROWSDOWN)
		mm->stack_vm += (unsigned long)npages;
	else if (is_data_mapping(flags))
		mm->data_vm += (unsigned long)npages;
}

#endif /* MM_ACCOUNT_H */
