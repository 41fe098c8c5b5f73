/* SPDX-License-Identifier: MIT */
/*
 * Waiting for readers that are counted: see rcu_own.h.
 *
 * Locks: `period` is held by who waits, for as long as that takes; `list`, inside it or alone, for the length of a walk.
 * A fork waits for the second only: in the child nobody has either.
 */
#include "rcu_own.h"

#ifndef VMAPLE_RCU_NONE

#include <vmaple/spinlock.h>

#include "lock.h"
#include "rest.h"

static struct {
	spinlock_t period;
	spinlock_t list;
	struct rcu_own_thread *first;
} readers;

static void insert(struct rcu_own_thread *me)
{
	me->next = readers.first;
	me->link = &readers.first;
	if (me->next)
		me->next->link = &me->next;
	readers.first = me;
}

void rcu_own_register(struct rcu_own_thread *me)
{
	spin_lock(&readers.list);
	me->awaited = 0;
	insert(me);
	spin_unlock(&readers.list);
}

void rcu_own_unregister(struct rcu_own_thread *me)
{
	spin_lock(&readers.list);
	*me->link = me->next;
	if (me->next)
		me->next->link = me->link;
	spin_unlock(&readers.list);
}

/* Of the sections that were open as the period began. */
static bool still_inside(struct rcu_own_thread *reader)
{
	uintptr_t now;

	if (!reader->awaited)
		return false;
	now = __atomic_load_n(&reader->word, __ATOMIC_ACQUIRE);
	if ((now & RCU_OWN_DEPTH) && (now & ~RCU_OWN_DEPTH) == (reader->awaited & ~RCU_OWN_DEPTH))
		return true;
	reader->awaited = 0;
	return false;
}

/* Is anyone inside whom the period waits for?  The first look says who that is. */
static bool anyone_inside(bool first_look)
{
	bool inside = false;

	spin_lock(&readers.list);
	for (struct rcu_own_thread *r = readers.first; r; r = r->next) {
		if (first_look)
			r->awaited = __atomic_load_n(&r->word, __ATOMIC_ACQUIRE);
		if (still_inside(r))
			inside = true;
	}
	spin_unlock(&readers.list);
	return inside;
}

/* A period may be long: who wants the next one sleeps meanwhile. */
static void take_period(void)
{
	while (__atomic_exchange_n(&readers.period.locked, true, __ATOMIC_ACQUIRE))
		base_rest();
}

void rcu_own_synchronize(void)
{
	unsigned int spins = 0;

	take_period();
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the one in rcu_own_read_lock() */
	if (anyone_inside(true)) {
		while (spins < 300 && anyone_inside(false))
			lock_relax(&spins);
		while (anyone_inside(false))
			base_rest();
	}
	spin_unlock(&readers.period);
}

void rcu_own_before_fork(void)
{
	spin_lock(&readers.list);
}

void rcu_own_after_fork(bool child, struct rcu_own_thread *me)
{
	if (child) {
		readers.first = NULL;
		spin_lock_init(&readers.period);
		if (me)
			insert(me);
	}
	spin_unlock(&readers.list);
}

#endif
