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
 * the others the child never asks liburcu again: all its threads are strangers, and fork waits for nobody.  Our own
 * flavour forgets them.
 */
#include "rcu.h"

#include <vmaple/rcu.h>

#ifndef VMAPLE_RCU_NONE

#include <errno.h>
#include <pthread.h>

#include "barrier.h"
#include "reclaim.h"
#include "rest.h"

__thread struct rcu_thread my_rcu;

static struct {
	uintptr_t inside;
	char pad[64 - sizeof(uintptr_t)];
} strangers[2] __attribute__((aligned(64)));
static unsigned char enter_here; /* the hint */
static bool all_are_strangers;   /* written in the only thread of a forked child */

static unsigned int chosen =
	FAST_FLAVOUR;        /* what the next thread registers with; written under the registry's lock */
static bool chosen_for_good; /* one has registered. The registry's lock */

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER; /* held while liburcu's own may be, for fork */

#if defined(PORT_TSAN) && HAS_LIBURCU
char port_tsan_grace;
#endif

/*
 * A signal may come between any two lines: what its section does to my_rcu.stranger it has undone when it returns, and
 * the one store that says that this thread is inside says in which counter.
 */
static void stranger_enters(void)
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

static void stranger_leaves(void)
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

void port_section_begins_slowly(void)
{
	if (my_rcu.stranger || my_rcu.known == RCU_STRANGER)
		stranger_enters();
	else if (my_rcu.known == RCU_OWN)
		rcu_own_read_lock(&my_rcu.own);
	else
		liburcu_lock();
}

void port_section_ends_slowly(void)
{
	if (my_rcu.stranger)
		stranger_leaves();
	else if (my_rcu.known == RCU_OWN)
		rcu_own_read_unlock(&my_rcu.own);
	else
		liburcu_unlock();
}

static void wait_for_strangers(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned char i = 0; i < 2; i++) {
		if (!__atomic_load_n(&strangers[i].inside, __ATOMIC_ACQUIRE))
			continue;
		__atomic_store_n(&enter_here, !i, __ATOMIC_RELAXED);
		while (__atomic_load_n(&strangers[i].inside, __ATOMIC_ACQUIRE))
			base_rest();
	}
}

/* --- What liburcu is asked --------------------------------------------------------------------------------- */

#if HAS_LIBURCU
static int liburcu_prepare(void)
{
#ifdef VMAPLE_RCU_LOADED
	return rcu_load();
#else
	return 0;
#endif
}
static void liburcu_synchronize(void)
{
	if (!all_are_strangers)
		PORT_RCU(synchronize_rcu)();
	port_period_passed();
}
static void register_with(unsigned int flavour)
{
	if (flavour == RCU_OWN)
		rcu_own_register(&my_rcu.own);
	else
		PORT_RCU(register_thread)();
}
static void unregister_from(unsigned int flavour)
{
	if (flavour == RCU_OWN)
		rcu_own_unregister(&my_rcu.own);
	else
		PORT_RCU(unregister_thread)();
}
#else
static int liburcu_prepare(void)
{
	return -EOPNOTSUPP;
}
static void liburcu_synchronize(void)
{
}
static void register_with(unsigned int flavour)
{
	rcu_own_register(&my_rcu.own);
}
static void unregister_from(unsigned int flavour)
{
	rcu_own_unregister(&my_rcu.own);
}
#endif

void port_synchronize_rcu(void)
{
	if (__atomic_load_n(&chosen, __ATOMIC_RELAXED) == RCU_OWN)
		rcu_own_synchronize();
	else
		liburcu_synchronize();
	wait_for_strangers();
}

void port_rcu_before_fork(void)
{
	pthread_mutex_lock(&registry);
#ifdef VMAPLE_RCU_BP
	urcu_bp_before_fork();
#endif
	rcu_own_before_fork();
}

/* The section that the forking thread is in goes on in the child, as a stranger's where liburcu had it. */
static void become_a_stranger(void)
{
#if HAS_LIBURCU && !defined(VMAPLE_RCU_BP)
	if (chosen == RCU_LIBURCU)
		all_are_strangers = true;
	if (my_rcu.known == RCU_LIBURCU) {
		if (liburcu_ongoing())
			my_rcu.stranger = 2U * (unsigned int)liburcu_ongoing();
		my_rcu.known = RCU_STRANGER;
	}
#endif
	strangers[0].inside = my_rcu.stranger && !(my_rcu.stranger & 1);
	strangers[1].inside = my_rcu.stranger & 1;
}

void port_rcu_after_fork(bool child)
{
	rcu_own_after_fork(child, my_rcu.known == RCU_OWN ? &my_rcu.own : NULL);
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

int vmaple_rcu_choose(enum vmaple_rcu_flavour flavour)
{
	unsigned int choice = flavour == VMAPLE_RCU_FLAVOUR_OWN ? RCU_OWN : RCU_LIBURCU;
	int err = 0;

	if (flavour != VMAPLE_RCU_FLAVOUR_OWN && flavour != VMAPLE_RCU_FLAVOUR_LIBURCU)
		return -EINVAL;
	if (choice == RCU_LIBURCU && !HAS_LIBURCU)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&registry);
	if (chosen_for_good && choice != chosen)
		err = -EBUSY;
	else if (choice == RCU_LIBURCU)
		err = liburcu_prepare();
	if (!err)
		__atomic_store_n(&chosen, choice, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&registry);
	return err;
}

void vmaple_rcu_register_thread(void)
{
	if (my_rcu.known || my_rcu.stranger)
		return;
	reclaim_watch_thread();
	pthread_mutex_lock(&registry);
	chosen_for_good = true;
	if (!all_are_strangers) {
		register_with(chosen);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		my_rcu.known = chosen;
	}
	pthread_mutex_unlock(&registry);
}

void vmaple_rcu_unregister_thread(void)
{
	unsigned int known;

	pool_thread_exit();
	pthread_mutex_lock(&registry);
	known = my_rcu.known;
	if (known) {
		my_rcu.known = RCU_STRANGER;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		unregister_from(known);
	}
	pthread_mutex_unlock(&registry);
}

void vmaple_rcu_quiescent_state(void)
{
#ifdef VMAPLE_RCU_QSBR
	if (my_rcu.known == RCU_LIBURCU) {
		port_section_ends();
		urcu_qsbr_quiescent_state();
	}
#endif
}

/* A known thread of the qsbr flavour reads, but while it waits. */
static bool go_offline(void)
{
#ifdef VMAPLE_RCU_QSBR
	if (my_rcu.known == RCU_LIBURCU) {
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

void vmaple_reclaim_poll(void)
{
	bool was_online = go_offline();

	reclaim_poll();
	go_online(was_online);
}

#else /* VMAPLE_RCU_NONE */

#include "linux_names.h"
#include "pool.h"

int vmaple_rcu_choose(enum vmaple_rcu_flavour flavour)
{
	return -EOPNOTSUPP;
}

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

void vmaple_reclaim_poll(void)
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
