/* SPDX-License-Identifier: MIT */
/*
 * RCU of our own: a counter in each reading thread and a fence, and no system call. Theory of operation
 *
 * 1. The word.  Each thread that has registered has one, which it alone writes: how deep it is in sections (the low
 *    bits), and above that how many outermost sections it has ended.
 * 2. Enter, leave.  One store each, so that a signal comes before it or after it, and what a handler's sections do to
 *    the word is undone when it returns, but for the number of those ended: then the main program puts an old number
 *    back, and who waits may wait for one section more.
 * 3. The period.  Who waits has unlinked an object and then, after a full fence, reads the words; who enters has stored
 *    its word and then, after a full fence, reads the structure.  So either the word that is read says that its thread
 *    is inside, or that thread sees the structure without the object.  Of a thread that is inside, the outermost
 *    section that was seen has ended when the number has changed or the depth is 0.
 * 4. Nested sections need no fence, were it not for a signal between store and fence, whose handler takes itself for
 *    nested.  On x86 both are one instruction; elsewhere the fence is there at each depth.
 *
 * What it costs beside membarrier(2), which lets readers do without the fence: some 20 cycles for each outermost
 * section, which calling a library's functions costs as well. What it is worth: nothing that a seccomp filter can forbid.
 */
#ifndef BASE_RCU_OWN_H
#define BASE_RCU_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The word is as long as a pointer, which every machine loads and stores as one. Where that leaves 16 bits for the number
 * and as many sections pass between two looks, who waits takes the newest for the one that it had seen, and waits on.
 */
#define RCU_OWN_DEPTH ((uintptr_t)0xffff) /* the bits of the word that are the depth */

struct rcu_own_thread {
	uintptr_t word;
	uintptr_t
		awaited; /* the word as the period that is under way has met it; 0: not inside. List's lock */
	struct rcu_own_thread *next, **link; /* among all; list's lock */
};

static inline void rcu_own_read_lock(struct rcu_own_thread *me)
{
	uintptr_t word = __atomic_load_n(&me->word, __ATOMIC_RELAXED);

#if defined(__x86_64__) || defined(__i386__)
	if (word & RCU_OWN_DEPTH) {
		__atomic_store_n(&me->word, word + 1, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		return;
	}
	/* A full barrier, as it is locked: pairs with the fence in rcu_own_synchronize(). */
	__atomic_exchange_n(&me->word, word + 1, __ATOMIC_SEQ_CST);
#else
	__atomic_store_n(&me->word, word + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with the fence in rcu_own_synchronize() */
#endif
}

static inline void rcu_own_read_unlock(struct rcu_own_thread *me)
{
	uintptr_t word = __atomic_load_n(&me->word, __ATOMIC_RELAXED);

	word += (word & RCU_OWN_DEPTH) == 1 ? RCU_OWN_DEPTH : (uintptr_t)-1;
	/* What the section read was read before: pairs with the acquire in still_inside(). */
	__atomic_store_n(&me->word, word, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* How deep is this thread in sections? */
static inline uintptr_t rcu_own_read_ongoing(const struct rcu_own_thread *me)
{
	return __atomic_load_n(&me->word, __ATOMIC_RELAXED) & RCU_OWN_DEPTH;
}

/* @me is the calling thread's, outside sections. */
void rcu_own_register(struct rcu_own_thread *me);
void rcu_own_unregister(struct rcu_own_thread *me);
/* Wait for every section that is open now; not inside one. */
void rcu_own_synchronize(void);
/* Around a fork. In the child @me is all that is left; NULL: not even that. */
void rcu_own_before_fork(void);
void rcu_own_after_fork(bool child, struct rcu_own_thread *me);

#endif /* BASE_RCU_OWN_H */
