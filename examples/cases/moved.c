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

static culprit char *map_buffer(unsigned long pages)
{
	return sys_mmap(NULL, pages * PAGE, READ_WRITE, ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 500);
	char *shelf = sys_mmap(NULL, n * PAGE, PROT_NONE, ANONYMOUS, -1, 0);

	if (failed(shelf))
		return 1;
	for (unsigned long i = 0; i < n; i++) {
		char *buffer = map_buffer(1);

		if (failed(buffer))
			return 1;
		*(volatile char *)buffer = 1;
		if (failed(move(buffer, shelf + i * PAGE)))
			return 1;
	}
	return 0;
}
