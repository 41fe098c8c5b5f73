/* SPDX-License-Identifier: MIT */
/* What the benchmark asks of the memory under the kernel's maple tree: reclaim.c. */
#ifndef BENCH_LINUX_RECLAIM_H
#define BENCH_LINUX_RECLAIM_H

#include <stdbool.h>

/* Nodes in use, or waiting for a grace period. Exact when no other thread writes. */
long linux_live_objects(void);
/* One call to the RCU library for each node, instead of one for 62. */
extern bool linux_call_rcu_each;
/* A read-side section, for a reader beside a writer. */
void linux_read_lock(void);
void linux_read_unlock(void);
/* Hand in the unfinished batch, and wait until all has been freed. */
void linux_barrier(void);
/* Hand in the unfinished batch, and leave free memory to the other threads. */
void linux_thread_exit(void);

#endif /* BENCH_LINUX_RECLAIM_H */
