/* SPDX-License-Identifier: MIT */
/*
 * The form in which a program and a recording of it tell of calls: a line each, number, what it is about, its result.
 *
 * Only calls on addresses from AT on are told, and of those of the heap what comes behind the sealed ones: libraries have a
 * use for it, too.
 */
#ifndef TESTS_TOLD_H
#define TESTS_TOLD_H

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define PAGE   4096UL
#define AT     0x6f0000000000UL
#define AT_END 0x6fffffffffffUL
#define SEALED 700UL /* pages from AT */

static char told[65536];
static size_t told_len;

/* @first: what the call is about; for brk, what the heap's end was moved by. */
static inline void tell(long nr, uint64_t first, uint64_t second, int64_t result)
{
	told_len += (size_t)snprintf(told + told_len, sizeof(told) - told_len,
		"%ld %#" PRIx64 " %#" PRIx64 " = %" PRId64 "\n", nr, first, second, result);
}

static inline int print_told(void)
{
	return write(STDOUT_FILENO, told, told_len) == (ssize_t)told_len ? 0 : 1;
}

#endif /* TESTS_TOLD_H */
