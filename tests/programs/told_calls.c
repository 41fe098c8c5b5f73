/* SPDX-License-Identifier: MIT */
/*
 * Calls with their results, as the program had them; recorded_calls.c prints those of a recording.
 *
 *   told_calls calls FOLDER    make calls of every kind whose end a recorder need not wait for, some of which fail, and
 *                              print each with its result
 *   told_calls flips COUNT     change the access of an area as often, and print how often this process had to wait
 *   told_calls exec-flips COUNT  the same, and what it becomes can be executed
 *   told_calls killed MS       change it once, compute for as long, and be killed
 *   told_calls race COUNT      as often a process ends while four threads of it change the access of pages
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "told.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define RACE_PAGES 4096UL
#define RW         (PROT_READ | PROT_WRITE)
#define PRIVATE    (MAP_PRIVATE | MAP_FIXED)
#define ANON       (PRIVATE | MAP_ANONYMOUS)

static long call(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d, long e, long f)
{
	long result = syscall(nr, a, b, c, d, e, f);

	tell(nr, a, b, result == -1 ? -errno : result);
	return result;
}

static void map(unsigned long page, unsigned long pages, int prot, int flags, int fd, unsigned long offset)
{
	call(SYS_mmap, AT + page * PAGE, pages * PAGE, (unsigned long)prot, (unsigned long)flags, fd,
		(long)offset);
}

static void unmap(unsigned long page, unsigned long pages)
{
	call(SYS_munmap, AT + page * PAGE, pages * PAGE, 0, 0, 0, 0);
}

static void protect(unsigned long page, unsigned long pages, int prot)
{
	call(SYS_mprotect, AT + page * PAGE, pages * PAGE, (unsigned long)prot, 0, 0, 0);
}

static void touch(unsigned long page)
{
	*(volatile char *)(AT + page * PAGE) = 1;
}

static void move_heap(unsigned long start, long by)
{
	unsigned long end = (unsigned long)syscall(SYS_brk, 0);

	tell(SYS_brk, 0, 0, (int64_t)(end - start));
	tell(SYS_brk, end + (unsigned long)by - start, 0,
		(int64_t)((unsigned long)syscall(SYS_brk, end + by) - start));
}

static void anonymous_calls(void)
{
	map(0, 16, RW, ANON, -1, 0);
	map(4, 4, PROT_READ, ANON, -1, 0);
	map(4, 4, PROT_READ, ANON, -1, 0);
	touch(0);
	protect(0, 2, PROT_READ);
	protect(0, 2, PROT_READ);
	protect(0, 12, PROT_NONE);
	protect(14, 4, PROT_READ);
	protect(20, 1, PROT_READ);
	call(SYS_mprotect, AT + 1, PAGE, PROT_READ, 0, 0, 0);
	unmap(1, 2);
	unmap(1, 2);
	unmap(0, 16);
	call(SYS_munmap, AT, 0, 0, 0, 0, 0);
}

/* A descriptor that is known, then one that has its number and is of another file. */
static void file_calls(const char *folder)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY), fd = openat(dir, "one", O_RDWR | O_CREAT, 0600);

	(void)!ftruncate(fd, 16 * PAGE);
	map(32, 8, PROT_READ, PRIVATE, fd, 0);
	map(34, 2, RW, PRIVATE, fd, 2 * PAGE);
	map(36, 2, PROT_READ | PROT_EXEC, PRIVATE, fd, 8 * PAGE);
	map(38, 1, PROT_READ, PRIVATE, fd, 1);
	map(39, 4, RW, ANON, -1, 0);
	close(fd);
	map(44, 1, PROT_READ, PRIVATE, fd, 0);
	fd = openat(dir, "two", O_RDWR | O_CREAT, 0600);
	(void)!ftruncate(fd, 4 * PAGE);
	map(34, 4, PROT_READ, PRIVATE, fd, 0);
	map(46, 2, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	close(dir);
	unmap(32, 16);
}

/* What is above grows into the hole before anybody has looked at it. */
static void hole_under_what_grows(void)
{
	map(600, 8, RW, ANON | MAP_GROWSDOWN, -1, 0);
	map(590, 10, RW, ANON, -1, 0);
	unmap(590, 10);
	touch(599);
	touch(598);
	protect(600, 8, PROT_READ);
	unmap(590, 18);
}

static void sealed_calls(void)
{
	map(SEALED, 4, RW, ANON, -1, 0);
	if (call(SYS_mseal, AT + SEALED * PAGE, 2 * PAGE, 0, 0, 0, 0))
		return;
	protect(SEALED, 2, RW);
	protect(SEALED, 2, PROT_READ);
	unmap(SEALED, 4);
	map(SEALED + 1, 1, PROT_READ, ANON, -1, 0);
}

static void heap_calls(void)
{
	unsigned long start = (unsigned long)syscall(SYS_brk, 0);
	struct rlimit small = { 64 * PAGE, RLIM_INFINITY };

	tell(SYS_brk, 0, 0, 0);
	move_heap(start, 3 * PAGE);
	move_heap(start, 100);
	move_heap(start, 4 * PAGE);
	move_heap(start, -(long)(2 * PAGE));
	move_heap(start, -100);
	setrlimit(RLIMIT_DATA, &small);
	move_heap(start, 100 * PAGE);
	map(800, 100, RW, ANON, -1, 0);
	map(800, 100, PROT_READ, ANON, -1, 0);
	protect(800, 100, RW);
	small.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_DATA, &small);
}

/* What the kernel itself has mapped says no where others do not; from here on nobody may ask it for the time. */
static void kernels_own_calls(void)
{
	static char text[65536];
	unsigned long start = 0, end = 0;
	int fd = open("/proc/self/maps", O_RDONLY);
	const char *name;

	/* Nothing here may allocate: the heap is told of. */
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	name = strstr(text, "[vvar]");
	while (name && name > text && name[-1] != '\n')
		name--;
	if (name)
		(void)!sscanf(name, "%lx-%lx", &start, &end);
	if (!end || mremap((void *)start, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED,
			    (void *)(AT + 1000 * PAGE)) == MAP_FAILED)
		return;
	protect(1000, 1, RW);
	protect(1000, 1, PROT_NONE);
}

static long waits(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_nvcsw;
}

static int make_calls(const char *folder)
{
	anonymous_calls();
	file_calls(folder);
	hole_under_what_grows();
	sealed_calls();
	heap_calls();
	kernels_own_calls();
	return print_told();
}

static int flip(int count, int exec)
{
	long before = waits();

	map(0, 16, RW, ANON, -1, 0);
	for (int i = 0; i < count; i++)
		protect(0, 2, (i & 1 ? RW : PROT_READ) | exec), told_len = 0;
	printf("%ld\n", waits() - before);
	return 0;
}

static int be_killed(int ms)
{
	struct timespec begin, now;

	map(0, 16, RW, ANON, -1, 0);
	protect(0, 16, PROT_READ);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
	return kill(getpid(), SIGKILL);
}

static void *open_every_fourth(void *first)
{
	for (uintptr_t page = (uintptr_t)first;; page = (page + 4) % RACE_PAGES)
		mprotect((void *)(AT + page * PAGE), PAGE, RW);
	return NULL;
}

static void end_beside_threads(long us)
{
	pthread_t thread;

	(void)!mmap((void *)AT, RACE_PAGES * PAGE, PROT_NONE, ANON, -1, 0);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&thread, NULL, open_every_fourth, (void *)i);
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
	_exit(0);
}

static int race(int count)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			end_beside_threads(500 + i * 37 % 900);
		wait(NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";

	if (strcmp(what, "calls") == 0)
		return make_calls(argv[2]);
	if (strcmp(what, "flips") == 0)
		return flip(atoi(argv[2]), 0);
	if (strcmp(what, "exec-flips") == 0)
		return flip(atoi(argv[2]), PROT_EXEC);
	if (strcmp(what, "killed") == 0)
		return be_killed(atoi(argv[2]));
	if (strcmp(what, "race") == 0)
		return race(atoi(argv[2]));
	fprintf(stderr, "usage: told_calls calls|flips|exec-flips|killed|race ARGUMENT\n");
	return 2;
}
