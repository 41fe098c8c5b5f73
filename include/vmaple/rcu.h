/* SPDX-License-Identifier: MIT */
/**
 * @file rcu.h
 * What a thread must do to read structures in RCU mode.
 *
 * The flavour of userspace RCU is our own, which makes no system call. A program of the shared library can choose liburcu's
 * before its first thread registers: it is loaded then. (The library can be built so that it is linked with
 * liburcu and begins with it, `-Drcu=memb|qsbr|bp`, or has none, `-Drcu=none`; the static library has our own
 * alone.) Readers never wait for writers; a writer's replaced nodes are reused
 * after a grace period, for which a thread of the library waits: it is started when there is first something to wait
 * for, has all signals blocked, and stays; vmaple_reclaim_poll() does without.
 *
 * Any thread may read. One that has registered reads faster; one that has not, or whose signal handler runs while it
 * registers, is counted in a word that all such threads share. Neither takes a lock or allocates.
 *
 * fork(2) may be called anywhere. The child can use everything that its own locks allow it to; what the parent's
 * other threads had set aside for reuse is lost to it, and its threads read at the speed of those that have not
 * registered. With our own flavour they keep theirs; with bp too, but then fork waits for the grace period that is
 * under way: not inside a section then, nor with a lock held that a reader may want inside one.
 */
#ifndef VMAPLE_RCU_H
#define VMAPLE_RCU_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a grace period comes to know of readers. */
enum vmaple_rcu_flavour {
	VMAPLE_RCU_FLAVOUR_LIBURCU, /**< as that library does: membarrier(2), but in qsbr */
	VMAPLE_RCU_FLAVOUR_OWN, /**< by a counter and a fence in each section: no system call that could be forbidden */
};
/**
 * Choose the flavour of the process: our own, unless it is said otherwise. With liburcu's a seccomp filter that forbids
 * membarrier(2) once it has been used ends the process: who will set up such a filter does not choose it.
 *
 * @return 0; -EBUSY: a thread has registered with another; -EOPNOTSUPP: this library was built without that flavour, or
 * liburcu-memb.so.8 is not installed; -EPERM: a thread of this process has a seccomp filter already, which may kill who
 * loads liburcu; -EINVAL: there is no such flavour. The flavour is what it was, then.
 * @pre no other thread is inside the library.
 */
VMAPLE_API int vmaple_rcu_choose(enum vmaple_rcu_flavour flavour) __must_check;
/** The calling thread is going to read or write structures in RCU mode. Twice is as good as once. */
VMAPLE_API void vmaple_rcu_register_thread(void);
/**
 * Before a thread ends, outside sections; gives back what it had set aside for reuse. A thread that ends without is
 * unregistered then.
 */
VMAPLE_API void vmaple_rcu_unregister_thread(void);
/** Begin a read-side section; may nest, may be in any signal handler. Never blocks, never allocates. */
VMAPLE_API void vmaple_rcu_read_lock(void);
/** End it: pointers had in it are not to be followed any more. */
VMAPLE_API void vmaple_rcu_read_unlock(void);
/**
 * With the qsbr flavour a registered thread is always reading, but when it calls this: it must do so now and then,
 * outside sections, or nothing is ever reused. Nothing to do with the other flavours.
 */
VMAPLE_API void vmaple_rcu_quiescent_state(void);
/** Wait until every section that is open now has ended; then what was unlinked before can be freed. Not inside one. */
VMAPLE_API void vmaple_rcu_synchronize(void);
/**
 * Wait until everything has been reclaimed that this thread retired so far, and other threads' full batches of 62.
 * Waits for the readers that are in a section now; not inside a section.
 */
VMAPLE_API void vmaple_rcu_barrier(void);
/**
 * Reclaim, in the calling thread, the full batches that threads have retired so far, unless another thread is at it:
 * waits for the readers that are in a section now, and not inside a section. A program whose first call of the library
 * is this one gets no thread from it: it has to call it now and then, or nothing is ever reused.
 */
VMAPLE_API void vmaple_reclaim_poll(void);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RCU_H */
