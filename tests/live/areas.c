/* SPDX-License-Identifier: MIT */
/*
 * A program whose areas are apart for known reasons: it makes them, says where they meet, and waits to be killed.
 *
 * usage: areas FILE [COUNT]    FILE: one that may be made, of two pages; COUNT: so many areas more
 * Each line: the address where two areas meet, and the name of the case.  "ready" is the last.
 */
#include <fcntl.h>
#include <signal.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* @n pages of memory with a hole on either side. */
static char *pages(unsigned long n)
{
	char *p = mmap(NULL, (n + 2) * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	munmap(p, PAGE);
	munmap(p + (n + 1) * PAGE, PAGE);
	return p + PAGE;
}

static void protect(char *p, int prot)
{
	if (mprotect(p, PAGE, prot))
		die("mprotect");
}

static void say(const char *at, const char *name)
{
	printf("%lx %s\n", (unsigned long)at, name);
}

static void flags(void)
{
	char *p = pages(2);

	protect(p + PAGE, PROT_READ);
	say(p + PAGE, "flags");
}

/* Both ends are written while the middle is something else; when it is as they are again, it joins one of them. */
static void anon_vmas(void)
{
	char *p = pages(3);

	protect(p + PAGE, PROT_NONE);
	p[0] = p[2 * PAGE] = 1;
	protect(p + PAGE, RW);
	say(p + 2 * PAGE, "anon_vma");
}

static void files(const char *path)
{
	char *p = pages(2);
	int a = open(path, O_RDWR | O_CREAT, 0600), b = open(path, O_RDWR);

	if (a < 0 || b < 0 || ftruncate(a, 2 * PAGE))
		die(path);
	if (mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, a, 0) == MAP_FAILED ||
		mmap(p + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, b, PAGE) == MAP_FAILED)
		die("mmap of a file");
	say(p + PAGE, "file");
}

static void offsets(const char *path)
{
	char *p = pages(2);
	int a = open(path, O_RDWR);

	if (mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, a, 0) == MAP_FAILED ||
		mmap(p + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, a, 0) == MAP_FAILED)
		die("mmap of a file");
	say(p + PAGE, "offset");
}

static void names(void)
{
	char *p = pages(2);

	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, PAGE, "tests") == 0)
		say(p + PAGE, "name");
}

static void policies(void)
{
	char *p = pages(2);
	unsigned long node = 1;

	if (syscall(SYS_mbind, p, PAGE, 2 /* MPOL_BIND */, &node, 8, 0) == 0)
		say(p + PAGE, "policy");
}

static void userfaultfds(void)
{
	char *p = pages(2);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .range = { (uintptr_t)p, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &r) == 0)
		say(p + PAGE, "uffd");
}

/* In the child: written by the parent, beside what nobody has written. */
static void inherited(char *p)
{
	protect(p + PAGE, RW);
	say(p + PAGE, "inherited");
}

/* Every other page of another kind. */
static void many(unsigned long n)
{
	char *p = pages(n);

	for (unsigned long i = 1; i < n; i += 2)
		protect(p + i * PAGE, PROT_READ);
}

int main(int argc, char **argv)
{
	char *before_fork = pages(2);

	protect(before_fork + PAGE, PROT_NONE);
	before_fork[0] = 1;
	if (fork()) {
		/* The areas are the child's; both end when the test closes our input. */
		while (getchar() != EOF)
			;
		kill(0, SIGKILL);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 2)
		die("usage: areas FILE [COUNT]");
	inherited(before_fork);
	flags();
	anon_vmas();
	files(argv[1]);
	offsets(argv[1]);
	names();
	policies();
	userfaultfds();
	if (argc > 2)
		many(strtoul(argv[2], NULL, 10));
	printf("ready %d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}
