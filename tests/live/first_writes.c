/* SPDX-License-Identifier: MIT */
/*
 * First writes whose order decides which anon_vma an area has, and which come where nothing tells of them by itself.
 *
 * usage: first_writes CASE, those that are told apart in main()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096ul

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static char *map(char *at, unsigned long pages, int prot, int flags)
{
	char *m = mmap(at, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (m == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return m;
}

static void expect(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

/* Three areas side by side, which may lend each other an anon_vma. */
static char *three(void)
{
	char *m = map(NULL, 48, PROT_NONE, 0);

	m = map(m + 16 * PAGE, 12, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED);
	expect(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	return m;
}

/* All three have one access again: those join that share. */
static void join(char *m)
{
	expect(mprotect(m, 12 * PAGE, PROT_READ) == 0, "mprotect");
}

/* The lower two get guard pages, and the highest was written before: the middle one takes what is above it. */
static void guards(int several)
{
	char *m = three();
	struct iovec v[2] = { { m + 2 * PAGE, PAGE }, { m + 5 * PAGE, PAGE } };

	m[0] = 1;
	m[8 * PAGE] = 1;
	if (several)
		expect(syscall(SYS_process_madvise, syscall(SYS_pidfd_open, getpid(), 0), v, 2,
			       MADV_GUARD_INSTALL, 0) == 2 * (long)PAGE,
			"process_madvise");
	else
		expect(madvise(m + 2 * PAGE, 4 * PAGE, MADV_GUARD_INSTALL) == 0, "madvise");
	join(m);
}

/* A stack grows by a fault, beside an area that was written just before. */
static void stack(void)
{
	char *m = map(NULL, 600, PROT_NONE, 0);

	expect(munmap(m, 600 * PAGE) == 0, "munmap");
	m = map(m + 500 * PAGE, 8, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED | MAP_GROWSDOWN);
	expect(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	m[0] = 1;
	expect(madvise(m, PAGE, MADV_DONTDUMP) == 0 && madvise(m, PAGE, MADV_DODUMP) == 0, "madvise");
	m[4 * PAGE] = 1;
	m[-1] = 1;
	expect(mprotect(m, 8 * PAGE, PROT_NONE) == 0, "mprotect");
}

/*
 * An area that was never written moves beside one that was, and leaves a written one behind that is cut off.  The new length is
 * not in whole pages.
 */
static void shrinking_move(void)
{
	char *m = map(NULL, 64, PROT_NONE, 0),
	     *from = map(m + 8 * PAGE, 2, PROT_READ | PROT_WRITE, MAP_FIXED);
	char *beside = map(m + 41 * PAGE, 8, PROT_READ | PROT_WRITE, MAP_FIXED);

	expect(mprotect(from + PAGE, PAGE, PROT_READ) == 0, "mprotect");
	expect(mprotect(from + PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
	from[PAGE] = 1;
	expect(mprotect(from + PAGE, PAGE, PROT_READ | PROT_EXEC) == 0, "mprotect");
	beside[0] = 1;
	expect(mremap(from, 2 * PAGE, 523, MREMAP_MAYMOVE | MREMAP_FIXED, beside - PAGE) == beside - PAGE,
		"mremap");
	/* What has an anon_vma keeps its offset. */
	expect(mremap(beside, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m + 12 * PAGE) ==
			m + 12 * PAGE,
		"mremap");
	map(m + 20 * PAGE, 4, PROT_READ | PROT_WRITE, MAP_FIXED);
}

/*
 * An area takes the anon_vma of the one below it.  Then the one above it joins others that have another one.
 */
static void beside_a_join(void)
{
	char *m = map(NULL, 64, PROT_NONE, 0);

	m = map(m + 8 * PAGE, 32, PROT_READ | PROT_WRITE, MAP_FIXED);
	expect(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
	expect(mprotect(m + 12 * PAGE, 2 * PAGE, PROT_NONE) == 0, "mprotect");
	m[0] = 1;
	m[20 * PAGE] = 1;
	expect(mprotect(m, PAGE, PROT_READ) == 0 && mprotect(m, PAGE, PROT_READ | PROT_WRITE) == 0,
		"mprotect");
	expect(mprotect(m + 30 * PAGE, PAGE, PROT_READ) == 0, "mprotect");
	m[4 * PAGE] = 1;
	expect(mprotect(m + 11 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	expect(munmap(m + 15 * PAGE, PAGE) == 0, "munmap");
	expect(mprotect(m, 12 * PAGE, PROT_READ) == 0, "mprotect");
}

/* One that a call turns out to reach to has taken the anon_vma of the one above, to which the call does not reach. */
static void row_beside_a_cut(void)
{
	char *m = map(NULL, 64, PROT_NONE, 0);

	m = map(m + 8 * PAGE, 12, PROT_READ | PROT_WRITE, MAP_FIXED);
	expect(mprotect(m + 8 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
	m[0] = 1;
	expect(mprotect(m, PAGE, PROT_READ) == 0, "mprotect");
	/* By now what has been cut has been looked at. */
	expect(mprotect(m + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	m[10 * PAGE] = 1;
	m[8 * PAGE] = 1;
	expect(mprotect(m + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
	expect(mprotect(m + 7 * PAGE, 5 * PAGE, PROT_READ) == 0, "mprotect");
}

/* One that a call turns out to reach to shares with what the call is about, and not with the other one beside it. */
static void between_two(void)
{
	char *m = map(NULL, 64, PROT_NONE, 0);

	m = map(m + 8 * PAGE, 16, PROT_READ | PROT_WRITE, MAP_FIXED);
	expect(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
	m[0] = 1;
	m[8 * PAGE] = 1;
	for (int i = 0; i < 3; i++)
		expect(mprotect(m + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0 &&
				mprotect(m + 12 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0,
			"mprotect");
	m[4 * PAGE] = 1;
	expect(munmap(m + 12 * PAGE, PAGE) == 0, "munmap");
	expect(mprotect(m + 3 * PAGE, 8 * PAGE, PROT_READ) == 0, "mprotect");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "guards") == 0)
		guards(0);
	else if (strcmp(what, "several-guards") == 0)
		guards(1);
	else if (strcmp(what, "stack") == 0)
		stack();
	else if (strcmp(what, "shrinking-move") == 0)
		shrinking_move();
	else if (strcmp(what, "beside-a-join") == 0)
		beside_a_join();
	else if (strcmp(what, "row-beside-a-cut") == 0)
		row_beside_a_cut();
	else if (strcmp(what, "between-two") == 0)
		between_two();
	else
		return 2;
	return 0;
}
