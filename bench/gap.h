/* SPDX-License-Identifier: MIT */
/* What the three questions about free-area search share. */
#ifndef BENCH_GAP_H
#define BENCH_GAP_H

#include "bench.h"

/*
 * Ask @question about free runs of 1 to 16 pages. @window 0: between the first area and the last; otherwise in
 * windows of that many bytes from the middle of an area to the middle of another.
 */
void gap_compare(const char *question, unsigned long window, bool highest);

#endif /* BENCH_GAP_H */
