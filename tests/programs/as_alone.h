/* SPDX-License-Identifier: MIT */
/*
 * For programs that a tracer could disturb.  Each case looks at what happens to itself, and fails where it is not what happens
 * without a tracer.
 */
#ifndef TESTS_AS_ALONE_H
#define TESTS_AS_ALONE_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "cases.h"

#define expect(what)                                                       \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #what); \
			exit(1);                                           \
		}                                                          \
	} while (0)

static inline void map_a_little(void)
{
	char *p = place(3);

	expect(mprotect(p, PAGE, RW) == 0);
	p[0] = 1;
	expect(munmap(p + PAGE, PAGE) == 0);
}

static inline void ends_well(pid_t pid)
{
	int status = -1;

	expect(waitpid(pid, &status, __WALL) == pid);
	expect(status == 0);
}

/* --- calls of i386's table --------------------------------------------------------------------------------------- */

#define I386_EXIT    1
#define I386_GETPID  20
#define I386_PTRACE  26
#define I386_CLONE   120
#define I386_PRCTL   172
#define I386_SECCOMP 354

static inline void no_32_bit_calls(int sig)
{
	(void)sig;
	fputs("this kernel has no 32-bit calls\n", stderr);
	_exit(77);
}

/* A call of i386's table. */
static inline long int80(long nr, long a, long b, const void *c)
{
	static bool tried; /* afterwards it may not be allowed to ask for the signal */
	long result;

	if (!tried)
		signal(SIGSEGV, no_32_bit_calls);
	tried = true;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* Memory that its calls can name. */
static inline void *low_memory(size_t size)
{
	void *p = mmap(NULL, size, RW, PRIVATE | MAP_32BIT, -1, 0);

	need(p != MAP_FAILED, "mmap");
	return p;
}

/* A child whose stack is there: a recorder that makes calls in its place can do so through the same table. */
static inline pid_t child_on_low_stack(int (*work)(void *))
{
	const size_t size = 1 << 16;
	pid_t pid = clone(work, (char *)low_memory(size) + size, SIGCHLD, NULL);

	need(pid >= 0, "clone");
	return pid;
}

#endif /* TESTS_AS_ALONE_H */
