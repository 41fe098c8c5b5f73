/* SPDX-License-Identifier: MIT */
/*
 * The compiler's hooks: what code built with -fsanitize=thread calls at every access to memory.  Nothing of
 * ThreadSanitizer's own library is linked; where that is wanted, in a build with a sanitizer, this file is left out.
 */
#include <stdbool.h>

#include "touch.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define SIZED(bytes)                                      \
	void __tsan_read##bytes(void *p)                  \
	{                                                 \
		touch((uintptr_t)p, bytes);               \
	}                                                 \
	void __tsan_write##bytes(void *p)                 \
	{                                                 \
		touch((uintptr_t)p, bytes);               \
	}                                                 \
	void __tsan_unaligned_read##bytes(const void *p)  \
	{                                                 \
		touch((uintptr_t)p, bytes);               \
	}                                                 \
	void __tsan_unaligned_write##bytes(const void *p) \
	{                                                 \
		touch((uintptr_t)p, bytes);               \
	}                                                 \
	void __tsan_read_write##bytes(void *p)            \
	{                                                 \
		touch((uintptr_t)p, bytes);               \
	}
SIZED(1)
SIZED(2)
SIZED(4)
SIZED(8)
SIZED(16)

void __tsan_read_range(const void *p, unsigned long size)
{
	if (size)
		touch((uintptr_t)p, size);
}
void __tsan_write_range(const void *p, unsigned long size)
{
	if (size)
		touch((uintptr_t)p, size);
}

void __tsan_init(void)
{
}
void __tsan_func_entry(const void *caller)
{
	(void)caller;
}
void __tsan_func_exit(void)
{
}
/* Of the RCU port, under a thread sanitizer. */
char port_tsan_grace;
void __tsan_acquire(const void *p)
{
	(void)p;
}
void __tsan_release(const void *p)
{
	(void)p;
}

/* Atomic accesses are made here, as strong as can be. */
#define ATOMIC(bits)                                                                                       \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int order)             \
	{                                                                                                  \
		(void)order;                                                                               \
		touch((uintptr_t)p, (bits) / 8);                                                           \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                               \
	}                                                                                                  \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t v, int order)          \
	{                                                                                                  \
		(void)order;                                                                               \
		touch((uintptr_t)p, (bits) / 8);                                                           \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                  \
	}                                                                                                  \
	ATOMIC_CHANGE(bits, exchange, __atomic_exchange_n)                                                 \
	ATOMIC_CHANGE(bits, fetch_add, __atomic_fetch_add)                                                 \
	ATOMIC_CHANGE(bits, fetch_sub, __atomic_fetch_sub)                                                 \
	ATOMIC_CHANGE(bits, fetch_and, __atomic_fetch_and)                                                 \
	ATOMIC_CHANGE(bits, fetch_or, __atomic_fetch_or)                                                   \
	ATOMIC_CHANGE(bits, fetch_xor, __atomic_fetch_xor)                                                 \
	ATOMIC_COMPARE(bits, strong)                                                                       \
	ATOMIC_COMPARE(bits, weak)                                                                         \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                         \
		volatile uint##bits##_t *p, uint##bits##_t want, uint##bits##_t v, int yes, int no)        \
	{                                                                                                  \
		(void)yes, (void)no;                                                                       \
		touch((uintptr_t)p, (bits) / 8);                                                           \
		(void)__atomic_compare_exchange_n(p, &want, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		return want;                                                                               \
	}
#define ATOMIC_CHANGE(bits, name, change)                                                                    \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *p, uint##bits##_t v, int order) \
	{                                                                                                    \
		(void)order;                                                                                 \
		touch((uintptr_t)p, (bits) / 8);                                                             \
		return change(p, v, __ATOMIC_SEQ_CST);                                                       \
	}
#define ATOMIC_COMPARE(bits, name)                                                                         \
	int __tsan_atomic##bits##_compare_exchange_##name(                                                 \
		volatile uint##bits##_t *p, uint##bits##_t *want, uint##bits##_t v, int yes, int no)       \
	{                                                                                                  \
		(void)yes, (void)no;                                                                       \
		touch((uintptr_t)p, (bits) / 8);                                                           \
		return __atomic_compare_exchange_n(p, want, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	}
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}
