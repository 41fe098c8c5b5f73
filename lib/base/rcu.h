/* SPDX-License-Identifier: MIT */
/*
 * The RCU port: read-side sections and deferred calls, over the flavour of liburcu that the build chose.
 *
 * 1. Meaning.  What is unlinked inside rcu_call() is handed to its function only after every read-side section
 *    that could still see it has ended.
 * 2. Threads that read, or write to structures in RCU mode, are registered with vmaple_rcu_register_thread();
 *    the bp flavour does it by itself.
 * 3. With -Drcu=none there are no readers beside a writer, sections are nothing, and calls happen at once.
 *
 * ThreadSanitizer cannot see the ordering that a grace period gives, nor that liburcu hands a call from one thread to
 * another: the annotations state both, from the end of each section, and from port_call_rcu(), to the deferred call.
 */
#ifndef BASE_RCU_H
#define BASE_RCU_H

#if defined(VMAPLE_RCU_NONE)

struct rcu_head {
	char unused;
};
static inline void port_rcu_read_lock(void)
{
}
static inline void port_rcu_read_unlock(void)
{
}
static inline void port_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	func(head);
}
static inline void port_rcu_barrier(void)
{
}

#else

#if defined(VMAPLE_RCU_QSBR)
#include <urcu/urcu-qsbr.h>
#define PORT_RCU(name) urcu_qsbr_##name
#elif defined(VMAPLE_RCU_BP)
#include <urcu/urcu-bp.h>
#define PORT_RCU(name) urcu_bp_##name
#else
#include <urcu/urcu-memb.h>
#define PORT_RCU(name) urcu_memb_##name
#endif

#if defined(__SANITIZE_THREAD__)
#define PORT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PORT_TSAN 1
#endif
#endif

#ifdef PORT_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
extern char port_tsan_grace;
#define port_section_ends()   __tsan_release(&port_tsan_grace)
#define port_period_passed()  __tsan_acquire(&port_tsan_grace)
#define port_hands_over(head) __tsan_release(head)
#define port_takes_over(head) __tsan_acquire(head)
#else
#define port_section_ends()   ((void)0)
#define port_period_passed()  ((void)0)
#define port_hands_over(head) ((void)0)
#define port_takes_over(head) ((void)0)
#endif

static inline void port_rcu_read_lock(void)
{
	PORT_RCU(read_lock)();
}
static inline void port_rcu_read_unlock(void)
{
	port_section_ends();
	PORT_RCU(read_unlock)();
}
static inline void port_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	port_hands_over(head);
	PORT_RCU(call_rcu)(head, func);
}
static inline void port_rcu_barrier(void)
{
	PORT_RCU(barrier)();
}

#endif
#endif /* BASE_RCU_H */
