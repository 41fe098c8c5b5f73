/* SPDX-License-Identifier: MIT */
/* First writes that leave no page behind, or are seen when what they decide has happened. */
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "outside.h"

/* A page of its own that nobody can find any more: what it decides is uncertain, and no more than that. */
static void written_and_truncated(void)
{
	char name[] = "/tmp/vmaple-XXXXXX", *at = place(4), *far = place(4);
	int fd = mkstemp(name);

	need(fd >= 0 && !ftruncate(fd, 4 * PAGE), "mkstemp");
	unlink(name);
	mmap(at, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(far, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
	at[0] = far[0] = 1;
	need(!ftruncate(fd, PAGE), "ftruncate");
	mremap(far, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE);
}

static sigjmp_buf refused;

static void on_refusal(int sig)
{
	siglongjmp(refused, sig);
}

/* What was written stays accounted for when it loses its access, and apart from what was not. */
static void written_without_a_page(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	volatile char *p = area(3);

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	mprotect((char *)p, PAGE, PROT_NONE);
	serve(fd, (char *)p + PAGE, 2, UFFDIO_REGISTER_MODE_MISSING);
	signal(SIGBUS, on_refusal);
	if (!sigsetjmp(refused, 1))
		p[PAGE] = 1;
	close(fd);
	mprotect((char *)p + PAGE, 2 * PAGE, PROT_NONE);
}

/* The lower one was written before, and so has an anon_vma of its own. */
static void stack_meets_another(void)
{
	volatile char *p = place(5);

	munmap((char *)p, 5 * PAGE);
	mmap((char *)p, 2 * PAGE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mmap((char *)p + 3 * PAGE, 2 * PAGE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	p[PAGE] = 1;
	p[2 * PAGE] = 1;
	mprotect((char *)p, 5 * PAGE, PROT_READ);
}

/* The first and the last of three are written; then the last is joined with the one between, which lies beside the first. */
static void written_beyond_what_is_joined(void)
{
	char *p = area(12);

	mprotect(p + 4 * PAGE, 4 * PAGE, RW | PROT_EXEC);
	p[0] = p[8 * PAGE] = 1;
	mprotect(p + 6 * PAGE, 6 * PAGE, RW | PROT_EXEC);
	mprotect(p, 4 * PAGE, RW | PROT_EXEC);
}

/* As written_without_a_page(), by a segment. */
static void written_under_a_segment(void)
{
	volatile char *p = area(4);
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	need(id >= 0, "shmget");
	mprotect((char *)p + 2 * PAGE, 2 * PAGE, PROT_NONE);
	p[0] = 1;
	need(shmat(id, (char *)p, SHM_REMAP) == p, "shmat");
	shmctl(id, IPC_RMID, NULL);
	mprotect((char *)p + PAGE, PAGE, PROT_NONE);
}

/* A stack that begins at @p and is as large as two pages, or larger. @first: written before, with no call between; or NULL. */
static void touch_below_what_may_not_grow(volatile char *p, volatile char *first)
{
	const struct rlimit two = { 2 * PAGE, RLIM_INFINITY };
	struct rlimit before;

	signal(SIGSEGV, on_refusal);
	need(!getrlimit(RLIMIT_STACK, &before) && !setrlimit(RLIMIT_STACK, &two), "setrlimit");
	if (first)
		*first = 1;
	if (!sigsetjmp(refused, 1))
		p[-1] = 1;
	setrlimit(RLIMIT_STACK, &before);
}

/* As written_without_a_page(), by a limit. */
static void stack_that_may_not_grow(void)
{
	volatile char *p = place(12);

	munmap((char *)p, 12 * PAGE);
	p = mmap((char *)p + 6 * PAGE, 4 * PAGE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mprotect((char *)p + 2 * PAGE, 2 * PAGE, PROT_NONE);
	touch_below_what_may_not_grow(p, NULL);
	mprotect((char *)p, 2 * PAGE, PROT_NONE);
}

/* Likewise of one that may not be accessed, of which there is nothing to be searched for; above it one that is locked. */
static void stack_without_access_that_may_not_grow(void)
{
	volatile char *p = place(16);

	munmap((char *)p, 16 * PAGE);
	p = mmap((char *)p + 6 * PAGE, 8 * PAGE, PROT_NONE, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mprotect((char *)p + 6 * PAGE, 2 * PAGE, RW);
	need(!mlock((char *)p + 6 * PAGE, 2 * PAGE), "mlock");
	touch_below_what_may_not_grow(p, NULL);
	munlock((char *)p + 6 * PAGE, 2 * PAGE);
	mprotect((char *)p, 6 * PAGE, RW);
}

/* What is above it was written before it was refused, and lends it its anon_vma. */
static void stack_that_may_not_grow_beside_what_was_written(void)
{
	volatile char *p = place(12);

	munmap((char *)p, 12 * PAGE);
	p = mmap((char *)p + 4 * PAGE, 8 * PAGE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mprotect((char *)p + 4 * PAGE, 4 * PAGE, RW | PROT_EXEC);
	touch_below_what_may_not_grow(p, &p[7 * PAGE]);
	mprotect((char *)p, 4 * PAGE, RW | PROT_EXEC);
}

/* What was made writable from the beginning of the area on is written there, and stays charged. */
static void made_writable_from_its_beginning(void)
{
	char *p = place(8);

	munmap(p, 8 * PAGE);
	mmap(p, 8 * PAGE, PROT_READ, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mprotect(p + 7 * PAGE, PAGE, PROT_READ);
	need(!mprotect(p + 6 * PAGE, PAGE, RW | PROT_GROWSDOWN), "mprotect");
	p[0] = 1;
	mprotect(p + 4 * PAGE, PAGE, PROT_READ);
	mprotect(p, 4 * PAGE, PROT_READ);
	mprotect(p + 5 * PAGE, 2 * PAGE, PROT_READ);
}

static const struct test_case cases[] = {
	{ "made-writable-from-its-beginning", made_writable_from_its_beginning, "" },
	{ "stack-without-access-that-may-not-grow", stack_without_access_that_may_not_grow, "" },
	{ "stack-that-may-not-grow-beside-what-was-written", stack_that_may_not_grow_beside_what_was_written,
		"" },
	{ "written-without-a-page", written_without_a_page, "" },
	{ "written-beyond-what-is-joined", written_beyond_what_is_joined, "" },
	{ "written-under-a-segment", written_under_a_segment, "" },
	{ "stack-that-may-not-grow", stack_that_may_not_grow, "" },
	{ "stack-that-meets-another", stack_meets_another, "uncertain=1 bpf:uncertain=0" },
	{ "written-and-truncated", written_and_truncated, "uncertain=1 bpf:uncertain=0" },
};

CASES_MAIN(cases)
