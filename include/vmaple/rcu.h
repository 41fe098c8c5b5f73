/* SPDX-License-Identifier: MIT */
/**
 * @file rcu.h
 * What a thread must do to read structures in RCU mode.
 *
 * The flavour of userspace RCU is chosen when the library is built (`-Drcu=memb|qsbr|bp|none`). Readers never
 * wait for writers; a writer's replaced nodes are reused after a grace period.
 */
#ifndef VMAPLE_RCU_H
#define VMAPLE_RCU_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Before the calling thread first reads or writes a structure in RCU mode. Needless with the bp flavour. */
VMAPLE_API void vmaple_rcu_register_thread(void);
/** Before a registered thread ends; gives back what it had set aside for reuse. */
VMAPLE_API void vmaple_rcu_unregister_thread(void);
/** Begin a read-side section; may nest, may be in a signal handler of a registered thread. Never blocks. */
VMAPLE_API void vmaple_rcu_read_lock(void);
VMAPLE_API void vmaple_rcu_read_unlock(void);
/** Wait until everything retired so far has been reclaimed. Blocks some 10 ms; not inside a section. */
VMAPLE_API void vmaple_rcu_barrier(void);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RCU_H */
