/* SPDX-License-Identifier: MIT */
/* What is asked where nothing is named: thirty comparisons, one line each. */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include <stdbool.h>
#include <stddef.h>

bool page_has(const char *question, const char *which, size_t n);
/* The sizes that the page has of @question, ending with 0; at most @most with it. @return how many. */
size_t page_sizes(const char *question, size_t *sizes, size_t most);

#endif /* BENCH_PAGE_H */
