/* SPDX-License-Identifier: MIT */
/*
 * Many processes, one after the other: what a recorder knows of one that has ended is of no use any more.
 *
 * usage: many_processes N.  Of three children one maps and writes, one is killed while it does, and one execs.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64ul << 12)

static void map_and_write(void)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; p != MAP_FAILED && at < SIZE; at += SIZE / 16) {
		p[at] = 1;
		mprotect(p + at, SIZE / 32, PROT_READ);
	}
}

static void be_child(int kind)
{
	map_and_write();
	if (kind == 1)
		raise(SIGKILL);
	if (kind == 2)
		execl("/bin/true", "true", (char *)NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			be_child(i % 3);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}
