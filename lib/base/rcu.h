/* SPDX-License-Identifier: MIT */
/*
 * The RCU port: read-side sections and grace periods, by our own flavour, or one of liburcu's.
 *
 * 1. Meaning.  What is unlinked before port_synchronize_rcu() is seen by no section that is still open after it.
 * 2. Known threads have called vmaple_rcu_register_thread(); their sections are the flavour's, and cost what those cost.
 *    Our own (rcu_own.h) is in every build. With -Drcu=own it is what a program has that chooses nothing; one that
 *    chooses liburcu's before its first thread registers has that loaded (rcu_loaded.h), in a shared library. With
 *    -Drcu=memb, qsbr and bp liburcu's is linked, and it is the other way round.
 * 3. Strangers are all other threads: one that has not registered, or that a signal has met before or after it was. A
 *    stranger's section is counted in one of two shared counters; that is slower, but takes no lock, allocates
 *    nothing and registers nothing, so that any thread may read in any signal handler.  In the child of a fork
 *    all threads are strangers (rcu.c says why), except with the bp flavour and our own.
 * 4. With -Drcu=none there are no readers beside a writer, and sections are nothing.
 *
 * ThreadSanitizer cannot see the ordering that a grace period of liburcu gives: the annotations state it, from the
 * end of each section to what runs after the period.  That of our own and of strangers it sees, and judges.
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

#include "hidden.h"
#include "rcu_own.h"

/* Whose sections a thread's are; FAST_FLAVOUR is the one that is inlined. */
enum { RCU_STRANGER, RCU_LIBURCU, RCU_OWN };

#if defined(VMAPLE_RCU_LOADED)
#include "rcu_loaded.h"
#define PORT_RCU(name) liburcu.name
#elif defined(VMAPLE_RCU_QSBR)
#include <urcu/urcu-qsbr.h>
#define PORT_RCU(name) urcu_qsbr_##name
#elif defined(VMAPLE_RCU_BP)
#include <urcu/urcu-bp.h>
#define PORT_RCU(name) urcu_bp_##name
#elif defined(VMAPLE_RCU_MEMB)
#include <urcu/urcu-memb.h>
#define PORT_RCU(name) urcu_memb_##name
#endif
#ifdef PORT_RCU
#define liburcu_lock()    PORT_RCU(read_lock)()
#define liburcu_unlock()  (port_section_ends(), PORT_RCU(read_unlock)())
#define liburcu_ongoing() PORT_RCU(read_ongoing)()
#define HAS_LIBURCU       1
#else
#define liburcu_lock()    ((void)0)
#define liburcu_unlock()  ((void)0)
#define liburcu_ongoing() 0
#define HAS_LIBURCU       0
#endif
#ifdef VMAPLE_RCU_OWN
#define FAST_FLAVOUR  RCU_OWN
#define fast_lock()   rcu_own_read_lock(&my_rcu.own)
#define fast_unlock() rcu_own_read_unlock(&my_rcu.own)
#else
#define FAST_FLAVOUR  RCU_LIBURCU
#define fast_lock()   liburcu_lock()
#define fast_unlock() liburcu_unlock()
#endif

#if defined(__SANITIZE_THREAD__)
#define PORT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PORT_TSAN 1
#endif
#endif

#if defined(PORT_TSAN) && HAS_LIBURCU
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
	unsigned int known;    /* RCU_STRANGER: it has not registered */
	unsigned int stranger; /* 2 * sections that it has open as a stranger + the counter that holds it */
	struct rcu_own_thread own;
};
/* In static TLS: reading it in a signal handler never allocates. */
extern __thread struct rcu_thread my_rcu __attribute__((tls_model("initial-exec"))) HIDDEN;

/* A section of a stranger, or of the flavour that is not inlined. */
void port_section_begins_slowly(void);
void port_section_ends_slowly(void);

static inline void port_rcu_read_lock(void)
{
	/* A section that was begun as a stranger ends as one, whatever happens in between. */
	if (__builtin_expect(my_rcu.known == FAST_FLAVOUR && !my_rcu.stranger, true))
		fast_lock();
	else
		port_section_begins_slowly();
}
static inline void port_rcu_read_unlock(void)
{
	if (__builtin_expect(my_rcu.known != FAST_FLAVOUR || my_rcu.stranger, 0)) {
		port_section_ends_slowly();
		return;
	}
	fast_unlock();
}
/* Is the calling thread in a section? */
static inline bool port_rcu_read_ongoing(void)
{
	return my_rcu.stranger || (my_rcu.known == RCU_OWN && rcu_own_read_ongoing(&my_rcu.own)) ||
	       (my_rcu.known == RCU_LIBURCU && liburcu_ongoing());
}

/* Wait for every section that is open now. Not inside a section. */
void port_synchronize_rcu(void);
/* Around a fork; with the bp flavour nobody is in port_synchronize_rcu() then. */
void port_rcu_before_fork(void);
void port_rcu_after_fork(bool child);

#endif
#endif /* BASE_RCU_H */
