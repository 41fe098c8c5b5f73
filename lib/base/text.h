/* SPDX-License-Identifier: MIT */
/*
 * Text from a format, without a C library: what the rooms write about areas, invariants and locks.
 *
 * As snprintf(3) as far as it goes: %s %c %lu %lx %p %%, the flags 0 and -, and a width.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* @return the length that the whole text has; @buf holds what fits, and a final 0 unless @size is 0. */
int text_format(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif /* BASE_TEXT_H */
