/* SPDX-License-Identifier: MIT */
/*
 * Anonymous memory of which every piece is given a name of its own.
 *
 *   names [PIECES]
 *
 * Exits with 77 where the kernel was built without such names.
 */
#include <sys/prctl.h>

#include "case.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static culprit long name_piece(char *piece, const char *name)
{
	return sys6(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (unsigned long)piece, PAGE,
		(unsigned long)name, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 500);
	char *heap = sys_mmap(NULL, n * PAGE, READ_WRITE, ANONYMOUS, -1, 0), name[32];

	if (failed(heap))
		return 1;
	for (unsigned long i = 0; i < n; i++) {
		long result;

		snprintf(name, sizeof(name), "object %lu", i);
		result = name_piece(heap + i * PAGE, name);
		if (result)
			return result == -EINVAL ? 77 : 1;
	}
	return 0;
}
