/* SPDX-License-Identifier: MIT */
/*
 * The RCU port: read-side sections and grace periods, over the flavour of liburcu that the build chose.
 *
 * 1. Meaning.  What is unlinked before port_synchronize_rcu() is seen by no section that is still open after it.
 * 2. Known threads have called vmaple_rcu_register_thread(); their sections are liburcu's, and cost what those cost.
 * 3. Strangers are all other threads: one that has not registered, or that a signal has met before or after it was. A
 *    stranger's section is counted in one of two shared counters; that is slower, but takes no lock, allocates
 *    nothing and registers nothing, so that any thread may read in any signal handler.  In the child of a fork
 *    all threads are strangers (rcu.c says why), except with the bp flavour.
 * 4. With -Drcu=none there are no readers beside a writer, and sections are nothing.
 *
 * ThreadSanitizer cannot see the ordering that a grace period of liburcu gives: the annotations state it, from the
 * end of each section to what runs after the period.
 */
#ifndef BASE_RCU_H
#define BASE_RCU_H

#include <vmaple/types.h>

#if defined(VMAPLE_RCU_NONE)

static inline void port_rcu_read_lock(void)
{
}
static inline void port_rcu_read_unlock(void)
{
}
static inline bool port_rcu_read_ongoing(void)
{
	return true;
}
static inline void port_synchronize_rcu(void)
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
#define port_section_ends()  __tsan_release(&port_tsan_grace)
#define port_period_passed() __tsan_acquire(&port_tsan_grace)
#else
#define port_section_ends()  ((void)0)
#define port_period_passed() ((void)0)
#endif

struct rcu_thread {
	bool known;
	unsigned int stranger; /* 2 * sections that it has open as a stranger + the counter that holds it */
};
/* In static TLS: reading it in a signal handler never allocates. */
extern __thread struct rcu_thread my_rcu __attribute__((tls_model("initial-exec"), visibility("hidden")));

void port_stranger_enters(void);
void port_stranger_leaves(void);

static inline void port_rcu_read_lock(void)
{
	/* A section that was begun as a stranger ends as one, whatever happens in between. */
	if (__builtin_expect(my_rcu.known && !my_rcu.stranger, true))
		PORT_RCU(read_lock)();
	else
		port_stranger_enters();
}
static inline void port_rcu_read_unlock(void)
{
	if (__builtin_expect(my_rcu.stranger != 0, 0)) {
		port_stranger_leaves();
		return;
	}
	port_section_ends();
	PORT_RCU(read_unlock)();
}
/* Is the calling thread in a section? */
static inline bool port_rcu_read_ongoing(void)
{
	return my_rcu.stranger || (my_rcu.known && PORT_RCU(read_ongoing)());
}

/* Wait for every section that is open now. Not inside a section. */
void port_synchronize_rcu(void);
/* Around a fork; with the bp flavour nobody is in port_synchronize_rcu() then. */
void port_rcu_before_fork(void);
void port_rcu_after_fork(bool child);

#endif
#endif /* BASE_RCU_H */
