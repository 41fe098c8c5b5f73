/* SPDX-License-Identifier: MIT */
/* One thread reads while another writes: what the two questions about it share. */
#ifndef BENCH_BESIDE_H
#define BENCH_BESIDE_H

#include "mix.h"

enum pace { NOT_AT_ALL, PACED, FLAT_OUT };
#define PACE 100000 /* writes a second */

/*
 * Ask @question: a load beside a writer that goes at @pace, or (@time_writer) a write while another thread reads flat
 * out. Trees in RCU mode stand beside others under a lock of all readers and writers.
 */
void beside_compare(const char *question, const char *which, enum pace pace, bool time_writer);

#endif /* BENCH_BESIDE_H */
