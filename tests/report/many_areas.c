/* SPDX-License-Identifier: MIT */
/*
 * A program with AREAS areas that makes CALLS mapping calls: a range without access, every other page of it readable; then, in
 * an order that looks random and is always the same, one of these pages is made writable or read-only again, or a mapping
 * of some pages comes and goes.  Both numbers may be given: many_areas AREAS CALLS.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096ul

static char *base;

static void turn(unsigned long page, int prot)
{
	if (mprotect(base + page * PAGE, PAGE, prot))
		exit(1);
}

static void come_and_go(unsigned long pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || munmap(at, pages * PAGE))
		exit(1);
}

int main(int argc, char **argv)
{
	unsigned long areas = argc > 1 ? strtoul(argv[1], NULL, 0) : 60000, calls = 1;
	unsigned long most = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;
	uint64_t x = 88172645463325252ull;

	base = mmap(NULL, areas * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return 1;
	for (unsigned long page = 0; page < areas; page += 2, calls++)
		turn(page, PROT_READ);
	while (calls < most) {
		/* xorshift64 */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (x >> 40 & 1) {
			come_and_go(1 + (x >> 41) % 64);
			calls += 2;
		} else {
			turn(x % (areas / 2) * 2, x >> 41 & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
			calls++;
		}
	}
	return 0;
}
