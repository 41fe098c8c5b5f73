/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for tests: one seed, printed, taken from VMAPLE_SEED when it is set, so that a failing run can
 * be repeated.
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
	uint64_t state;
};

#ifdef RANDOM_IS_INPUT
/* Of a fuzz target (fuzz/model.c): numbers are the bytes of its input, as few as do, and 0 behind its end. */
extern const uint8_t *random_input, *random_input_end;

static inline uint64_t random_bytes(unsigned int count)
{
	uint64_t x = 0;

	for (unsigned int i = 0; i < count && random_input < random_input_end; i++)
		x |= (uint64_t)*random_input++ << (8 * i);
	return x;
}

static inline uint64_t random_u64(struct random *r)
{
	(void)r;
	return random_bytes(8);
}

static inline uint64_t random_below(struct random *r, uint64_t n)
{
	unsigned int count = 0;

	(void)r;
	while (count < 8 && (n - 1) >> (8 * count))
		count++;
	return n > 1 ? random_bytes(count) % n : 0;
}

static inline bool random_lasts(void)
{
	return random_input < random_input_end;
}
#else
static inline bool random_lasts(void)
{
	return true;
}

/* splitmix64: Steele, Lea and Flood 2014 */
static inline uint64_t random_u64(struct random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint64_t random_below(struct random *r, uint64_t n)
{
	uint64_t x = random_u64(r);

#ifdef __SIZEOF_INT128__
	return (uint64_t)(((unsigned __int128)x * n) >> 64);
#else
	uint64_t low = n & UINT32_MAX, high = n >> 32;
	uint64_t middle = (x & UINT32_MAX) * low / (UINT64_C(1) << 32) + (x >> 32) * low;
	uint64_t other = (x & UINT32_MAX) * high + (middle & UINT32_MAX);

	return (x >> 32) * high + (middle >> 32) + (other >> 32);
#endif
}
#endif

/* A number for words of 64 bits, and one for those of 32. */
#define BY_WORD(of_64, of_32) (ULONG_MAX > UINT_MAX ? (of_64) : (of_32))

/* The seed of this run, printed as a TAP comment. */
static inline uint64_t random_seed(void)
{
	const char *given = getenv("VMAPLE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;

	printf("# VMAPLE_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/* How much work: VMAPLE_OPERATIONS when it is set. */
static inline uint64_t test_operations(uint64_t normally)
{
	const char *given = getenv("VMAPLE_OPERATIONS");

	return given ? strtoull(given, NULL, 0) : normally;
}

#endif /* TESTS_RANDOM_H */
