/* SPDX-License-Identifier: MIT */
/*
 * Code that a JIT writes through one mapping and runs through another: a memfd, mapped twice, piece by piece.
 *
 *   jit_double [PIECES]
 */
#include "case.h"

#define PIECE (64UL << 10)

static culprit int map_piece(int fd, unsigned long offset)
{
	char *writable = sys_mmap(NULL, PIECE, READ_WRITE, MAP_SHARED, fd, offset);
	char *runnable = sys_mmap(NULL, PIECE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, offset);

	if (failed(writable) || failed(runnable))
		return 0;
	*(volatile char *)writable = (char)0xc3;
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 1650);
	int fd = memfd_create("jit code", 0);

	if (fd < 0 || ftruncate(fd, (off_t)(n * PIECE)))
		return 1;
	for (unsigned long i = 0; i < n; i++)
		if (!map_piece(fd, i * PIECE))
			return 1;
	return 0;
}
