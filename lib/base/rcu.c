/* SPDX-License-Identifier: MIT */
/*
 * Threads that read, and waiting for them: see rcu.h.
 *
 * Strangers.  Two counters hold the strangers that are in a section; which one a new one enters is a hint and no
 * more.  A stranger S counts itself and then, after a full fence, reads the structure; who waits has unlinked an
 * object and then, after a full fence, reads the counters.  So either S is in a counter that is read, from before
 * the reading until S leaves, or S sees the structure without the object.  A period has therefore passed when each
 * counter has been seen to be 0 once, at whatever times.  The hint turns newcomers away from the counter that is
 * waited for, so that the wait ends however many come.
 *
 * Fork.  The child has one thread, but the registry of liburcu still has all of the parent's, and only the bp flavour
 * can forget them, nor can it be asked to let go of its locks, which a thread that waits for a reader holds.  So with
 * the others the child never asks liburcu again: all its threads are strangers, and fork waits for nobody.
 */
#include "rcu.h"

#include <vmaple/rcu.h>

#ifndef VMAPLE_RCU_NONE

#include <pthread.h>
#include <time.h>

#include "barrier.h"
#include "reclaim.h"

__thread struct rcu_thread my_rcu;

static struct {
	unsigned long inside;
	char pad[64 - sizeof(unsigned long)];
} strangers[2] __attribute__((aligned(64)));
static unsigned char enter_here; /* the hint */
static bool all_are_strangers;   /* written in the only thread of a forked child */

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER; /* held while liburcu's own may be, for fork */

#ifdef PORT_TSAN
char port_tsan_grace;
#endif

/*
 * A signal may come between any two lines: what its section does to my_rcu.stranger it has undone when it returns, and
 * the one store that says that this thread is inside says in which counter.
 */
void port_stranger_enters(void)
{
	unsigned int inside = my_rcu.stranger, counter;

	if (inside) {
		__atomic_store_n(&my_rcu.stranger, inside + 2, __ATOMIC_RELAXED);
		return;
	}
	counter = __atomic_load_n(&enter_here, __ATOMIC_RELAXED);
	__atomic_fetch_add(&strangers[counter].inside, 1, __ATOMIC_SEQ_CST);
	smp_mb__after_atomic(); /* pairs with the fence in wait_for_strangers() */
	__atomic_store_n(&my_rcu.stranger, 2 + counter, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void port_stranger_leaves(void)
{
	unsigned int inside = my_rcu.stranger;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (inside >= 4) {
		__atomic_store_n(&my_rcu.stranger, inside - 2, __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&my_rcu.stranger, 0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	/* What the section read was read before: pairs with the acquire in wait_for_strangers(). */
	__atomic_fetch_sub(&strangers[inside & 1].inside, 1, __ATOMIC_RELEASE);
}

static void wait_for_strangers(void)
{
	const struct timespec rest = { .tv_nsec = 20000 };

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned char i = 0; i < 2; i++) {
		if (!__atomic_load_n(&strangers[i].inside, __ATOMIC_ACQUIRE))
			continue;
		__atomic_store_n(&enter_here, !i, __ATOMIC_RELAXED);
		while (__atomic_load_n(&strangers[i].inside, __ATOMIC_ACQUIRE))
			nanosleep(&rest, NULL);
	}
}

void port_synchronize_rcu(void)
{
#ifdef VMAPLE_BREAK_PERIOD /* see lib/mm/broken.h */
	return;
#endif
	if (!all_are_strangers)
		PORT_RCU(synchronize_rcu)();
	wait_for_strangers();
	port_period_passed();
}

void port_rcu_before_fork(void)
{
	pthread_mutex_lock(&registry);
#ifdef VMAPLE_RCU_BP
	urcu_bp_before_fork();
#endif
}

/* The section that the forking thread is in goes on in the child, as a stranger's. */
static void become_a_stranger(void)
{
#ifndef VMAPLE_RCU_BP
	all_are_strangers = true;
	if (my_rcu.known && PORT_RCU(read_ongoing)())
		my_rcu.stranger = 2U * (unsigned int)PORT_RCU(read_ongoing)();
	my_rcu.known = false;
#endif
	strangers[0].inside = my_rcu.stranger && !(my_rcu.stranger & 1);
	strangers[1].inside = my_rcu.stranger & 1;
}

void port_rcu_after_fork(bool child)
{
#ifdef VMAPLE_RCU_BP
	if (child)
		urcu_bp_after_fork_child();
	else
		urcu_bp_after_fork_parent();
#endif
	if (child)
		become_a_stranger();
	pthread_mutex_unlock(&registry);
}

void vmaple_rcu_register_thread(void)
{
	if (my_rcu.known || my_rcu.stranger)
		return;
	reclaim_watch_thread();
	pthread_mutex_lock(&registry);
	if (!all_are_strangers) {
		PORT_RCU(register_thread)();
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		my_rcu.known = true;
	}
	pthread_mutex_unlock(&registry);
}

void vmaple_rcu_unregister_thread(void)
{
	pool_thread_exit();
	pthread_mutex_lock(&registry);
	if (my_rcu.known) {
		my_rcu.known = false;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		PORT_RCU(unregister_thread)();
	}
	pthread_mutex_unlock(&registry);
}

void vmaple_rcu_quiescent_state(void)
{
#ifdef VMAPLE_RCU_QSBR
	if (my_rcu.known) {
		port_section_ends();
		urcu_qsbr_quiescent_state();
	}
#endif
}

/* A known thread of the qsbr flavour reads, but while it waits. */
static bool go_offline(void)
{
#ifdef VMAPLE_RCU_QSBR
	if (my_rcu.known) {
		port_section_ends();
		urcu_qsbr_thread_offline();
		return true;
	}
#endif
	return false;
}

static void go_online(bool was_online)
{
#ifdef VMAPLE_RCU_QSBR
	if (was_online)
		urcu_qsbr_thread_online();
#endif
}

void vmaple_rcu_synchronize(void)
{
	bool was_online = go_offline();

	port_synchronize_rcu();
	go_online(was_online);
}

void vmaple_rcu_barrier(void)
{
	bool was_online = go_offline();

	reclaim_barrier();
	go_online(was_online);
}

#else /* VMAPLE_RCU_NONE */

#include "pool.h"

void vmaple_rcu_register_thread(void)
{
}

void vmaple_rcu_unregister_thread(void)
{
	pool_thread_exit();
}

void vmaple_rcu_quiescent_state(void)
{
}

void vmaple_rcu_synchronize(void)
{
}

void vmaple_rcu_barrier(void)
{
}

#endif

void vmaple_rcu_read_lock(void)
{
	port_rcu_read_lock();
}

void vmaple_rcu_read_unlock(void)
{
	port_rcu_read_unlock();
}
