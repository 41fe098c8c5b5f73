/* SPDX-License-Identifier: MIT */
/*
 * Two processes with the same calls: memory that was written and cut before a fork, and made whole again by both.
 *
 *   fork_touched [PIECES]
 *
 * The parent has one area again.  The child has as many as there were pieces: a fork gives each its own record of
 * whose pages are whose.  Prints the child's pid.
 */
#include <sys/wait.h>

#include "case.h"

static culprit void cut(char *piece)
{
	if (sys_mprotect(piece, PAGE, PROT_READ))
		exit(1);
}

static culprit void make_whole(char *heap, unsigned long size)
{
	if (sys_mprotect(heap, size, READ_WRITE))
		_exit(1);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 11000);
	char *heap = sys_mmap(NULL, n * PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	if (failed(heap))
		return 1;
	memset(heap, 1, n * PAGE);
	for (unsigned long i = 0; i < n; i += 2)
		cut(heap + i * PAGE);
	child = fork();
	make_whole(heap, n * PAGE);
	if (!child)
		_exit(0);
	printf("%d\n", (int)child);
	return child < 0 || waitpid(child, &status, 0) < 0 || status;
}
