/* SPDX-License-Identifier: MIT */
/*
 * A core for each thread of what is timed.  A new thread begins on the CPU of who made it, and on a machine of two cores
 * it may be some milliseconds until the scheduler moves it: so each is put on a CPU of its own, of those that the program
 * may have, and as long as there are such on a core of its own.  With more threads than CPUs several share one, as the
 * probe will tell (quiet.h).
 */
#ifndef BENCH_CORES_H
#define BENCH_CORES_H

#include <pthread.h>

/* From here to cores_end() the calling thread is thread 0, on its core. Where that is refused all goes as without. */
void cores_begin(void);
void cores_end(void);
/* Begin @thread, which is on the core of number @nr from its first instruction. Between the two. @return 0 or an errno. */
int cores_start(pthread_t *thread, unsigned int nr, void *(*main)(void *), void *arg);

#endif /* BENCH_CORES_H */
