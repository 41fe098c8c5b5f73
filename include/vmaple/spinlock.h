/* SPDX-License-Identifier: MIT */
/**
 * @file spinlock.h
 * The lock inside a maple tree: one word, no host behind it.
 *
 * Meant for the few hundred nanoseconds of one tree operation. A holder that may be descheduled for long, or
 * callers in great number, want a lock of their own: see MT_FLAGS_LOCK_EXTERN in <vmaple/maple_tree.h>.
 */
#ifndef VMAPLE_SPINLOCK_H
#define VMAPLE_SPINLOCK_H

#include <vmaple/types.h>

/** All zero is unlocked. */
typedef struct spinlock {
	bool locked;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, false, __ATOMIC_RELAXED);
}

/** Wait until the lock is free and take it. Not recursive. The acquire pairs with the release in spin_unlock(). */
static inline void spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->locked, true, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
#if defined(__x86_64__) || defined(__i386__)
			__builtin_ia32_pause();
#else
			;
#endif
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, false, __ATOMIC_RELEASE);
}

#endif /* VMAPLE_SPINLOCK_H */
