/* SPDX-License-Identifier: MIT */
/*
 * What lib/maple_tree.c and lib/rbtree.c of Linux 6.12 and 7.3 ask of the kernel around them, for a program in user space.
 *
 * The two files are compiled unchanged. build-peers writes a header of one line, including this one, for
 * each <linux/...> that they include. Names and meanings are the kernel's; the code is ours.
 *
 * Everything that could be charged to the kernel's tree unfairly is as cheap here as it is for ours: the lock is
 * the same, read-side sections are nothing (as in a kernel without preemption; who wants one enters it around the
 * call), memory comes from a free list of the thread, and a grace period is paid once for many nodes (reclaim.c).
 */
#ifndef BENCH_LINUX_SHIM_H
#define BENCH_LINUX_SHIM_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_64BIT  1
#define BITS_PER_LONG 64

/* Types and compiler words */
typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int gfp_t;
typedef struct {
	int counter;
} atomic_t;
#define __rcu
#define __must_hold(lock)
#define __init
#define __maybe_unused __attribute__((unused))
#define __ro_after_init
#define fallthrough  __attribute__((fallthrough))
#define noinline     __attribute__((noinline))
#define likely(x)    __builtin_expect(!!(x), 1)
#define unlikely(x)  __builtin_expect(!!(x), 0)
#define barrier()    __asm__ __volatile__("" ::: "memory")
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)                               \
	do {                                           \
		*(volatile __typeof__(x) *)&(x) = (v); \
	} while (0)
#define smp_rmb()                       __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()                       __atomic_thread_fence(__ATOMIC_RELEASE)
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                          (1UL << (n))
#define DIV_ROUND_UP(n, d)              (((n) + (d)-1) / (d))
#define min(a, b)                       ((a) < (b) ? (a) : (b))
#define max(a, b)                       ((a) > (b) ? (a) : (b))
#define swap(a, b)                         \
	do {                               \
		__typeof__(a) swap_ = (a); \
		(a) = (b);                 \
		(b) = swap_;               \
	} while (0)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)

/* Complaints */
#define pr_err(...)  fprintf(stderr, __VA_ARGS__)
#define pr_info(...) fprintf(stderr, __VA_ARGS__)
#define pr_cont(...) fprintf(stderr, __VA_ARGS__)
#define BUG()        abort()
#define BUG_ON(x)    ((x) ? abort() : (void)0)
static inline bool warn(bool happened)
{
	return unlikely(happened);
}
#define WARN(x, ...)    warn(x)
#define WARN_ON(x)      warn(x)
#define WARN_ON_ONCE(x) warn(x)

/* Error pointers */
#define MAX_ERRNO       4095
#define IS_ERR_VALUE(x) unlikely((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long error)
{
	return (void *)error;
}
static inline bool IS_ERR(const void *p)
{
	return IS_ERR_VALUE(p);
}
static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

/* Bits */
static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}
static inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}
#define ilog2(n) (63 - __builtin_clzl(n))

/* Entries of the XArray, which the maple tree shares: the same bit patterns as in <vmaple/maple_tree.h> */
static inline void *xa_mk_value(unsigned long v)
{
	return (void *)((v << 1) | 1);
}
static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}
static inline bool xa_is_value(const void *entry)
{
	return (unsigned long)entry & 1;
}
static inline void *xa_mk_internal(unsigned long v)
{
	return (void *)((v << 2) | 2);
}
static inline unsigned long xa_to_internal(const void *entry)
{
	return (unsigned long)entry >> 2;
}
static inline bool xa_is_internal(const void *entry)
{
	return ((unsigned long)entry & 3) == 2;
}
static inline bool xa_is_node(const void *entry)
{
	return xa_is_internal(entry) && (unsigned long)entry > 4096;
}
#define XA_ZERO_ENTRY xa_mk_internal(257)
static inline bool xa_is_zero(const void *entry)
{
	return entry == XA_ZERO_ENTRY;
}
static inline bool xa_is_err(const void *entry)
{
	return xa_is_internal(entry) && entry >= xa_mk_internal((unsigned long)-MAX_ERRNO);
}
static inline int xa_err(void *entry)
{
	return xa_is_err(entry) ? (int)((long)entry >> 2) : 0;
}
static inline bool xa_is_advanced(const void *entry)
{
	return xa_is_internal(entry) && entry <= xa_mk_internal(256);
}

/* The lock: the one of <vmaple/spinlock.h> */
typedef struct {
	bool locked;
} spinlock_t;
#define __SPIN_LOCK_UNLOCKED(name) \
	{                          \
		false              \
	}
#define spin_lock_init(lock)                ((void)((lock)->locked = false))
#define spin_lock_nested(lock, subclass)    spin_lock(lock)
#define spin_lock_irqsave(lock, flags)      ((void)((flags) = 0), spin_lock(lock))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), spin_unlock(lock))
#define lockdep_is_held(lock)               1
static inline void spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->locked, true, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}
static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, false, __ATOMIC_RELEASE);
}

/* RCU */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};
#define rcu_read_lock()                 ((void)0)
#define rcu_read_unlock()               ((void)0)
#define rcu_dereference_check(p, c)     __atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_dereference_protected(p, c) (p)
#define rcu_dereference_raw(p)          __atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_assign_pointer(p, v)        __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v)          ((void)((p) = (v)))
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* As the kernel has it: a function that small is the head's offset in an object that just goes back. */
#define kfree_rcu(object, member) \
	call_rcu(&(object)->member, (void (*)(struct rcu_head *))offsetof(__typeof__(*(object)), member))

/* Memory */
#define GFP_KERNEL       1u
#define GFP_NOWAIT       2u
#define __GFP_NOWARN     4u
#define __GFP_NOFAIL     8u
#define might_alloc(gfp) ((void)0)
#define SLAB_PANIC       1u
static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & GFP_KERNEL;
}
struct kmem_cache;
struct kmem_cache_args {
	unsigned int align, sheaf_capacity;
};
struct kmem_cache *linux_cache(unsigned int size, unsigned int align);
static inline unsigned int align_of_args(const struct kmem_cache_args *args)
{
	return args->align;
}
static inline unsigned int align_itself(unsigned long align)
{
	return (unsigned int)align;
}
/* (name, size, align, flags, ctor), or since 6.12 (name, size, args, flags) */
#define kmem_cache_create(name, size, a, ...) \
	linux_cache(size, _Generic((a), struct kmem_cache_args * : align_of_args, default : align_itself)(a))
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t nr, void **objects);
void kmem_cache_free(struct kmem_cache *cache, void *object);
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **objects);
#define kfree(object) kmem_cache_free(NULL, object)
/* Objects that are sure to be had: since 6.18. */
struct slab_sheaf;
struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, gfp_t gfp, unsigned int nr);
int kmem_cache_refill_sheaf(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf **sheaf, unsigned int nr);
void *kmem_cache_alloc_from_sheaf(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf *sheaf);
unsigned int kmem_cache_sheaf_size(struct slab_sheaf *sheaf);
void kmem_cache_return_sheaf(struct kmem_cache *cache, gfp_t gfp, struct slab_sheaf *sheaf);

/* Tracing */
#define trace_ma_read(...)  ((void)0)
#define trace_ma_write(...) ((void)0)
#define trace_ma_op(...)    ((void)0)

#endif /* BENCH_LINUX_SHIM_H */
