/* SPDX-License-Identifier: MIT */
/*
 * Pools of equal objects with deferred reuse: where tree nodes come from and go to.
 *
 * 1. Meaning.  pool_alloc() and pool_free() are a free list of the calling thread over the host's allocator.
 *    pool_retire() gives back an object that RCU readers may still be looking at.
 * 2. Batches.  Retired objects are gathered, 62 at a time, into one call of port_call_rcu(): a grace period is
 *    paid once a batch, not once an object.  When it has passed, the batch goes to a list that all threads
 *    share, and the next thread whose own list is empty takes the whole of it with one exchange.
 * 3. Bounds.  A thread keeps at most POOL_KEEP free objects and one unfinished batch; the shared list holds
 *    what has been retired and not yet been taken.
 * 4. Failure.  pool_alloc() alone can fail. A batch's own memory is allocated when the batch is begun; if
 *    there is none, the object waits for a grace period by itself (the call blocks), which cannot fail.
 *
 * A thread gives everything back in pool_thread_exit().
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <vmaple/types.h>

#define POOL_KEEP 256 /* free objects that a thread keeps */

/* The kinds of object there are: the two sizes of maple tree node, and areas, bare and with links of an index. */
enum pool_kind { POOL_LEAF, POOL_INNER, POOL_AREA, POOL_LINKED_AREA, POOL_KINDS };
#define POOL_LEAF_SIZE        512
#define POOL_INNER_SIZE       768
#define POOL_AREA_SIZE        128
#define POOL_LINKED_AREA_SIZE 192

void *pool_alloc(enum pool_kind kind, gfp_t gfp) __must_check;
void pool_free(enum pool_kind kind, void *object);
/* Reuse @object after a grace period. The calling thread is registered for RCU. */
void pool_retire(enum pool_kind kind, void *object);
void pool_thread_exit(void);

#endif /* BASE_POOL_H */
