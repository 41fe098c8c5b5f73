/* SPDX-License-Identifier: MIT */
/*
 * The lowest 2 GiB, as MAP_32BIT has them, filled with blocks of which every other one is given back: half a gigabyte
 * is free, and nothing larger than a block can be mapped.
 *
 *   fragments
 */
#include "case.h"

#define BLOCK (1UL << 20)
#define MANY  2048

static culprit char *map_block(unsigned long size)
{
	return sys_mmap(NULL, size, READ_WRITE, ANONYMOUS | MAP_32BIT, -1, 0);
}

int main(void)
{
	static char *block[MANY];
	unsigned int n = 0;
	char *large;

	while (n < MANY && !failed(block[n] = map_block(BLOCK)))
		n++;
	for (unsigned int i = 0; i < n; i += 2)
		if (sys_munmap(block[i], BLOCK))
			return 1;
	large = map_block(64 * BLOCK);
	printf("%u blocks, %u given back, one of 64 MiB: %s\n", n, (n + 1) / 2,
		failed(large) ? strerror((int)-(long)large) : "mapped");
	return failed(large) ? 0 : 1;
}
