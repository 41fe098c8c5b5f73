/* SPDX-License-Identifier: MIT */
/**
 * @file rcu.h
 * What a thread must do to read structures in RCU mode.
 *
 * The flavour of userspace RCU is chosen when the library is built (`-Drcu=memb|qsbr|bp|none`). Readers never
 * wait for writers; a writer's replaced nodes are reused after a grace period, for which a thread of the library
 * waits: it is started when there is first something to wait for, has all signals blocked, and stays.
 *
 * Any thread may read. One that has registered reads faster; one that has not, or whose signal handler runs while it
 * registers, is counted in a word that all such threads share. Neither takes a lock or allocates.
 *
 * fork(2) may be called anywhere. The child can use everything that its own locks allow it to; what the parent's
 * other threads had set aside for reuse is lost to it, and its threads read at the speed of those that have not
 * registered. With the bp flavour they keep theirs, but fork waits for the grace period that is under way: not inside
 * a section then, nor with a lock held that a reader may want inside one.
 */
#ifndef VMAPLE_RCU_H
#define VMAPLE_RCU_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RCU_H */
