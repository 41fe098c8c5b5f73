/* SPDX-License-Identifier: MIT */
/*
 * Instructions instead of nanoseconds, which repeat exactly: valgrind's callgrind counts those of the calling thread
 * between these two calls, and writes a file that bears the name of what was counted. tools/bench-instructions starts
 * it and reads the files. Under valgrind our searches are at most those of AVX2.
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include "bench.h"

/* Is there somebody who counts? */
bool count_can(void);
void count_begin(void);
void count_end(const struct work *work, const struct contender *contender);

#endif /* BENCH_COUNT_H */
