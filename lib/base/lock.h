/* SPDX-License-Identifier: MIT */
/*
 * What the locks of <vmaple/lock.h> and the one bit that is a page's lock have in common: waiting, and the record of
 * what each thread holds (builds that check).
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <vmaple/lock.h>

/* Wait a little; @spins counts how often it was called. */
void lock_relax(unsigned int *spins);

#ifdef VMAPLE_CHECKS
/* @lock of @rank is about to be taken @where; @waits: not a mere try. Panics when it is out of order. */
void lockdep_acquire(const void *lock, unsigned int rank, unsigned int how, bool waits, const char *where);
void lockdep_release(const void *lock);
#else
static inline void lockdep_acquire(
	const void *lock, unsigned int rank, unsigned int how, bool waits, const char *where)
{
}
static inline void lockdep_release(const void *lock)
{
}
#endif

#endif /* BASE_LOCK_H */
