/* SPDX-License-Identifier: MIT */
/* Charged pages of a machine, where another thread than its committer charges: see commit.h. */
#include "commit.h"
#include "thread_local.h"

THREAD_LOCAL char mm_this_thread;

void commit_account_others(struct mm_system *sys, unsigned long npages)
{
	const void *nobody = NULL;

	if (__atomic_compare_exchange_n(
		    &sys->committer, &nobody, &mm_this_thread, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&sys->committed, sys->committed + npages, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&sys->committed_others, npages, __ATOMIC_RELAXED);
}
