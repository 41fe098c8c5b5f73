/* SPDX-License-Identifier: MIT */
/* Barriers, by the kernel's names. */
#ifndef BASE_BARRIER_H
#define BASE_BARRIER_H

/* A full barrier after an atomic read-modify-write, which on x86 is one by itself. */
static inline void smp_mb__after_atomic(void)
{
#if defined(__x86_64__)
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif /* BASE_BARRIER_H */
