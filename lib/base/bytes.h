/* SPDX-License-Identifier: MIT */
/*
 * What the rooms need of <string.h>, with a C library and without.
 *
 * Freestanding, memcpy(), memmove(), memset() and memcmp() are the embedder's, whom the compiler asks for them anyway; what
 * is about text is here.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#if __STDC_HOSTED__
#include <string.h>
#else

#include <stdbool.h>
#include <stddef.h>

#define memcpy(to, from, n)  __builtin_memcpy(to, from, n)
#define memmove(to, from, n) __builtin_memmove(to, from, n)
#define memset(to, c, n)     __builtin_memset(to, c, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)

static inline size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--) {
		a++;
		b++;
	}
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

static inline int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, (size_t)-1);
}

/* How many of @s, from its beginning, are (@among) or are not one of @set. */
static inline size_t span_of(const char *s, const char *set, bool among)
{
	size_t n = 0;

	for (; s[n]; n++) {
		const char *c = set;

		while (*c && *c != s[n])
			c++;
		if ((*c != '\0') != among)
			break;
	}
	return n;
}

static inline size_t strspn(const char *s, const char *set)
{
	return span_of(s, set, true);
}

static inline size_t strcspn(const char *s, const char *set)
{
	return span_of(s, set, false);
}

#endif
#endif /* BASE_BYTES_H */
