/* SPDX-License-Identifier: MIT */
/* What the figures were taken on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

/* A line: CPU, how many, caches, kernel, compiler, the load when we began. */
void machine_describe(char *text, size_t size);

#endif /* BENCH_MACHINE_H */
