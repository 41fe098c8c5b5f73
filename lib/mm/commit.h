/* SPDX-License-Identifier: MIT */
/*
 * How many pages the address spaces of a machine have charged together: a count that is exact, whatever threads they
 * are changed by, and costs who is alone no atomic operation.
 *
 * 1. Two counters.  The first thread that charges is the machine's *committer*. It alone changes `committed`, by a plain
 *    load and store; all others add atomically to `committed_others`. What is charged is the sum of both, modulo 2^64: a
 *    page may be charged by one thread and given back by another.  (Biased reference counts do the same: Choi, Shull,
 *    Torrellas, PACT 2018. An atomic addition each for mmap and munmap made a pair of them a tenth to a third slower.)
 * 2. Who a thread is: the address of a thread-local variable. A thread that ends may leave its address, and with it the
 *    right to the counter, to a later one. Between the two lie the end of the one and the start of the other.
 * 3. Nothing else is ordered by the counters.
 *
 * Invariant (mm_validate names it: account.h)
 *    AC3  what the machine has charged is at least what each mm accounts for.
 */
#ifndef MM_COMMIT_H
#define MM_COMMIT_H

#include <vmaple/mm_types.h>

#include "hidden.h"
#include "thread_local.h"

extern THREAD_LOCAL char mm_this_thread THREAD_LOCAL_STATIC HIDDEN;

/* The calling thread is not known to be the committer: @npages more, unless it can become it. */
void commit_account_others(struct mm_system *sys, unsigned long npages);

/* Count @npages (may be negative) as charged, asked or not. O(1). */
static inline void commit_account(struct mm_system *sys, long npages)
{
	if (!npages)
		return;
	if (__atomic_load_n(&sys->committer, __ATOMIC_RELAXED) == &mm_this_thread)
		__atomic_store_n(&sys->committed, sys->committed + (unsigned long)npages, __ATOMIC_RELAXED);
	else
		commit_account_others(sys, (unsigned long)npages);
}

#endif /* MM_COMMIT_H */
