/* SPDX-License-Identifier: MIT */
/*
 * The reclaimer: a thread that waits for grace periods, so that no writer does (pool.h, 2 and 3).
 *
 * 1. Full magazines of retired objects come in a stack that many push to and one takes whole.  With RECLAIM_AT of
 *    them there the reclaimer is woken, waits for one grace period for all, and gives them to the depot.  What
 *    comes meanwhile waits for the next.  Fewer than RECLAIM_AT may lie there for long.
 * 2. The period.  Who holds it takes from the stack, waits and gives; the reclaimer and reclaim_barrier() do. What it
 *    waits with hangs in `waiting`, whose lock is held while something is put there and while it is given.
 * 3. Sleep.  The reclaimer says that it is idle and then looks once more; who submits pushes and then looks whether it
 *    is idle.  Both with full fences, so that one sees the other.
 *    Where the program polls (vmaple_reclaim_poll()), there is no thread to wake and none is started.
 * 4. Failure.  When no thread can be had, magazines wait until one can, or until reclaim_barrier(): memory that is
 *    not reused, and nothing else.
 * 5. Fork.  Before a fork this file takes every lock of the room but the period, so that fork waits for no reader
 *    (with the bp flavour it must). The child has no reclaimer; what the parent's waits with is submitted again.
 * 6. The thread never ends, so the library must not be unloaded: it is linked with -z nodelete.
 */
#include "reclaim.h"

#ifndef VMAPLE_RCU_NONE

#include <vmaple/rcu.h>

#include "rcu.h"
#include "reclaim_host.h"

#define RECLAIM_AT 8 /* magazines: a wake-up and a grace period, some 10 us, are shared by 496 objects */

static struct magazine *submitted;
static int nr_submitted;
static unsigned int idle; /* the reclaimer sleeps while it is 1 */
static bool running;
static bool polled; /* the program does what the thread would */
static pthread_mutex_t period = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

/* Oldest first, so that the youngest, whose objects are the warmest, end on top of the depot. */
static struct magazine *take_submitted(void)
{
	struct magazine *list = __atomic_exchange_n(&submitted, NULL, __ATOMIC_ACQUIRE), *oldest = NULL;
	unsigned int nr = 0;

	while (list) {
		struct magazine *next = list->next;

		list->next = oldest;
		oldest = list;
		list = next;
		nr++;
	}
	__atomic_fetch_sub(&nr_submitted, nr, __ATOMIC_RELAXED);
	return oldest;
}

static struct {
	pthread_mutex_t lock;
	struct magazine *magazines;
	struct slab *slabs;
} waiting = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void give_waiting(void (*give)(struct magazine *magazine))
{
	while (waiting.magazines) {
		struct magazine *magazine = waiting.magazines;

		waiting.magazines = magazine->next;
		give(magazine);
	}
}

/* The period is held. */
static void reclaim_all(void)
{
	pthread_mutex_lock(&waiting.lock);
	waiting.magazines = take_submitted();
	waiting.slabs = slab_has_retired() ? slab_take_retired() : NULL;
	pthread_mutex_unlock(&waiting.lock);
	if (!waiting.magazines && !waiting.slabs)
		return;
	port_synchronize_rcu();
	pthread_mutex_lock(&waiting.lock);
	give_waiting(magazine_give_after_period);
	slab_free_retired(waiting.slabs);
	waiting.slabs = NULL;
	pthread_mutex_unlock(&waiting.lock);
}

static bool enough(void)
{
	return __atomic_load_n(&nr_submitted, __ATOMIC_SEQ_CST) >= RECLAIM_AT || slab_has_retired();
}

static void sleep_until_woken(void)
{
	__atomic_store_n(&idle, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in wake() */
	while (!enough() && __atomic_load_n(&idle, __ATOMIC_RELAXED))
		host_sleep(&idle);
	__atomic_store_n(&idle, 0, __ATOMIC_RELAXED);
}

static void *reclaimer(void *unused)
{
	(void)unused;
	for (;;) {
		sleep_until_woken();
		pthread_mutex_lock(&period);
		reclaim_all();
		pthread_mutex_unlock(&period);
	}
	return NULL;
}

static void start(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_mutex_trylock(&starting))
		return;
	if (!running && pthread_attr_init(&attr) == 0) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		if (host_start(&thread, &attr, reclaimer) == 0) {
			host_name_thread(thread);
			__atomic_store_n(&running, true, __ATOMIC_RELAXED);
		}
		pthread_attr_destroy(&attr);
	}
	pthread_mutex_unlock(&starting);
}

static void wake(void)
{
	if (!__atomic_load_n(&running, __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&polled, __ATOMIC_RELAXED))
			return;
		start();
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in sleep_until_woken() */
	if (__atomic_load_n(&idle, __ATOMIC_RELAXED) && __atomic_exchange_n(&idle, 0, __ATOMIC_RELAXED))
		host_wake(&idle);
}

void reclaim_submit(struct magazine *magazine)
{
	magazine->next = __atomic_load_n(&submitted, __ATOMIC_RELAXED);
	/* The release pairs with the acquire of take_submitted(). */
	while (!__atomic_compare_exchange_n(
		&submitted, &magazine->next, magazine, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	if (__atomic_add_fetch(&nr_submitted, 1, __ATOMIC_SEQ_CST) >= RECLAIM_AT)
		wake();
}

void reclaim_marked(void)
{
	wake();
}

void reclaim_barrier(void)
{
	magazines_submit();
	pthread_mutex_lock(&period);
	reclaim_all();
	pthread_mutex_unlock(&period);
}

void reclaim_poll(void)
{
	__atomic_store_n(&polled, true, __ATOMIC_RELAXED);
	if (pthread_mutex_trylock(&period))
		return;
	reclaim_all();
	pthread_mutex_unlock(&period);
}

/* --- The ends of threads, and forks ----------------------------------------------------------------------- */

static pthread_key_t thread_ends;
static bool can_watch;

static void at_thread_end(void *unused)
{
	(void)unused;
	vmaple_rcu_unregister_thread();
}

static void before_fork(void)
{
#ifdef VMAPLE_RCU_BP
	pthread_mutex_lock(&period);
#endif
	pthread_mutex_lock(&starting);
	pthread_mutex_lock(&waiting.lock);
	port_rcu_before_fork();
	magazines_lock();
	slab_lock_all();
}

static void after_fork(bool child)
{
	slab_unlock_all();
	magazines_unlock(child);
	port_rcu_after_fork(child);
	pthread_mutex_unlock(&waiting.lock);
	pthread_mutex_unlock(&starting);
#ifdef VMAPLE_RCU_BP
	pthread_mutex_unlock(&period);
#endif
	if (!child)
		return;
	pthread_mutex_init(&period, NULL);
	host_sleeper_init();
	running = false;
	idle = 0;
	give_waiting(reclaim_submit);
	slab_mark_again(waiting.slabs);
	waiting.slabs = NULL;
}

static void in_parent(void)
{
	after_fork(false);
}

static void in_child(void)
{
	after_fork(true);
}

static void watch(void)
{
	can_watch = pthread_key_create(&thread_ends, at_thread_end) == 0;
	host_at_fork(before_fork, in_parent, in_child);
}

void reclaim_watch_thread(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch);
	if (can_watch)
		pthread_setspecific(thread_ends, &thread_ends);
}

#else

void reclaim_watch_thread(void)
{
}

#endif
