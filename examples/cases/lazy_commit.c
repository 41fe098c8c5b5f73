/* SPDX-License-Identifier: MIT */
/*
 * An allocator that commits its arena slice by slice, as threads ask for them: what is committed and what is not
 * alternate.
 *
 *   lazy_commit [SLICES]
 */
#include "case.h"

#define SLICE (64UL << 10)

static culprit void commit_slice(char *slice)
{
	if (sys_mprotect(slice, SLICE, READ_WRITE))
		exit(1);
	*(volatile char *)slice = 1;
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 6000);
	char *arena = sys_mmap(NULL, 2 * n * SLICE, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (failed(arena))
		return 1;
	for (unsigned long i = 0; i < n; i++)
		commit_slice(arena + 2 * i * SLICE);
	return 0;
}
