/* SPDX-License-Identifier: MIT */
/*
 * Makes, cuts, moves and names mappings in ways that do not depend on when it runs, and then copies /proc/self/maps to its
 * standard output: what a log of its calls should lead to.  With an argument areas are among them that page faults alone explain.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static void anonymous(void)
{
	char *p = map(64, RW, ANON, -1);

	mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ);
	munmap(p + 20 * PAGE, 4 * PAGE);
	madvise(p + 30 * PAGE, PAGE, MADV_DONTFORK);
	mremap(map(16, RW, MAP_SHARED | MAP_ANONYMOUS, -1), 16 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	/* Fails at the hole that the munmap has left, and has changed what lies before it. */
	mprotect(p + 18 * PAGE, 8 * PAGE, PROT_NONE);
}

static void files(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), copy = dup(fd), memory = memfd_create("jit", 0);
	char *p = map(3, PROT_NONE, ANON, -1);

	mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, copy, 2 * PAGE);
	close(fd);
	close(copy);
	if (ftruncate(memory, 16 * PAGE))
		exit(2);
	map(16, PROT_READ | PROT_EXEC, MAP_SHARED, memory);
	map(16, RW, MAP_SHARED, memory);
}

/* Two areas with the same flags stay apart, since each was written when they differed. */
static void written(void)
{
	char *p = map(4, RW, ANON, -1);

	madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTFORK);
	*(volatile char *)p = 1;
	*(volatile char *)(p + 2 * PAGE) = 1;
	madvise(p + 2 * PAGE, 2 * PAGE, MADV_DOFORK);
}

static void *thread(void *arg)
{
	munmap((char *)arg + 2 * PAGE, PAGE);
	return NULL;
}

static void tasks(void)
{
	char *p = map(8, PROT_READ, ANON, -1);
	pthread_t t;
	int status;

	if (pthread_create(&t, NULL, thread, p))
		exit(2);
	pthread_join(t, NULL);
	if (fork() == 0) {
		munmap(p, 8 * PAGE);
		_exit(0);
	}
	wait(&status);
	if (vfork() == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	wait(&status);
}

int main(int argc, char **argv)
{
	static char buf[65536];
	ssize_t n;
	int fd;

	anonymous();
	files(argv[0]);
	tasks();
	if (argc > 1)
		written();
	if (sbrk(64 * PAGE) == (void *)-1 || sbrk(-PAGE) == (void *)-1)
		return 2;
	fd = open("/proc/self/maps", O_RDONLY);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, (size_t)n) != n)
			return 2;
	return 0;
}
