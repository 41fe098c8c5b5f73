/* SPDX-License-Identifier: MIT */
/*
 * Was the machine ours? A probe beside what is timed: it spins for a number of steps that never changes, from register to
 * register, and so takes as long as ever unless something else has had the core meanwhile, or its other half, or the clock
 * has slowed down. What the fastest spin of late took is what one takes.
 */
#ifndef BENCH_QUIET_H
#define BENCH_QUIET_H

#include <stdbool.h>

#include "bench.h"

/* A spin may take so much longer than the fastest one before the machine counts as not ours. */
#define PROBE_SLACK 1.10
/* Of the wall clock's time, this part a thread that never waits must have had a core. */
#define PROBE_SHARE 0.95

/* Spin once, by @clock. @return is the machine ours? */
bool probe_quiet(enum bench_clock clock);
/*
 * Spin in @threads threads at once, by the wall: has each a core of its own, all of them at the same time? Between
 * cores_begin() and cores_end().
 */
bool probe_cores(unsigned int threads);
/* The judgement of probe_cores() about spins that began and ended at these times, when one takes @least; for tests. */
bool probe_apart(const double *begin, const double *end, unsigned int nr, double least);

#endif /* BENCH_QUIET_H */
