/* SPDX-License-Identifier: MIT */
/*
 * Buffers that are written, and then moved to where they are to lie side by side.
 *
 *   moved [BUFFERS]
 *
 * What was written keeps the page numbers of its old place, so that none of them joins its new neighbour.
 */
#include "case.h"

static culprit char *move(char *buffer, char *to)
{
	return sys_mremap(buffer, PAGE, PAGE, to);
}

/* In a place of its own, between pages that nobody writes to: it is no part of written memory from the start. */
static culprit char *map_buffer(char *bench)
{
	return sys_mmap(bench + PAGE, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 500);
	char *shelf = sys_mmap(NULL, n * PAGE, PROT_NONE, ANONYMOUS, -1, 0);
	char *bench = sys_mmap(NULL, 3 * PAGE, PROT_NONE, ANONYMOUS, -1, 0);

	if (failed(shelf) || failed(bench))
		return 1;
	for (unsigned long i = 0; i < n; i++) {
		char *buffer = map_buffer(bench);

		if (failed(buffer))
			return 1;
		*(volatile char *)buffer = 1;
		if (failed(move(buffer, shelf + i * PAGE)))
			return 1;
	}
	return 0;
}
