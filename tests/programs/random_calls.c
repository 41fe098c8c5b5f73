/* SPDX-License-Identifier: MIT */
/*
 * Every mapping call, at random: a program to be recorded.
 *
 *   random_calls SEED CALLS [THREADS]
 *
 * Calls fall on a small window, so that areas meet, and on the whole address space; some fail, some are refused half
 * way. Pages are written and read between them, children are forked that go on by themselves.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

#define PAGE   4096UL
#define WINDOW 0x6f0000000000UL
#define PAGES  192UL

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

struct worker {
	struct random r;
	unsigned long calls, window;
	int depth;    /* of forks */
	bool threads; /* others share the address space */
};

static int file_rw, file_ro, memory, uffd = -1, segment = -1;
static __thread sigjmp_buf after_fault;
static __thread volatile sig_atomic_t expecting;

static void on_fault(int sig)
{
	if (expecting)
		siglongjmp(after_fault, 1);
	_exit(sig);
}

static unsigned long pick(struct worker *w, unsigned long n)
{
	return random_below(&w->r, n);
}

static bool one_in(struct worker *w, unsigned long n)
{
	return pick(w, n) == 0;
}

static unsigned long some_page(struct worker *w)
{
	return w->window + pick(w, PAGES) * PAGE;
}

static unsigned long some_length(struct worker *w)
{
	if (one_in(w, 40))
		return 0;
	if (one_in(w, 40))
		return ~0UL - pick(w, 3) * PAGE;
	return (1 + pick(w, one_in(w, 4) ? 64 : 8)) * PAGE - (one_in(w, 5) ? pick(w, PAGE) : 0);
}

/* Mostly aligned. */
static unsigned long some_address(struct worker *w)
{
	return some_page(w) + (one_in(w, 60) ? pick(w, PAGE) : 0);
}

static int some_prot(struct worker *w)
{
	static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC, PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC };

	return prots[pick(w, 8)];
}

static void touch(struct worker *w)
{
	volatile char *p = (volatile char *)some_page(w);

	expecting = 1;
	if (sigsetjmp(after_fault, 1) == 0) {
		if (one_in(w, 4))
			(void)*p;
		else
			*p = 1;
	}
	expecting = 0;
}

static void do_mmap(struct worker *w)
{
	static const int fixes[] = { MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE,
		MAP_FIXED_NOREPLACE, 0, 0 };
	static const int extras[] = { MAP_NORESERVE, MAP_GROWSDOWN, MAP_STACK, MAP_LOCKED, MAP_POPULATE, 0x40,
		MAP_DENYWRITE, MAP_POPULATE | MAP_NONBLOCK };
	int flags = fixes[pick(w, 8)] | (one_in(w, 5) ? extras[pick(w, 8)] : 0), fd = -1;
	unsigned long addr = some_address(w), len = some_length(w);
	off_t offset = 0;
	void *p;

	/* When a stack grows beside another thread's call, only chance decides what the call meets. */
	if (w->threads)
		flags &= ~MAP_GROWSDOWN;
	switch (pick(w, 12)) {
	case 0:
		flags |= MAP_SHARED | MAP_ANONYMOUS;
		break;
	case 1:
		flags |= 8 /* MAP_DROPPABLE */ | MAP_ANONYMOUS;
		break;
	case 2:
	case 3:
		flags |= one_in(w, 2) ? MAP_PRIVATE : one_in(w, 2) ? MAP_SHARED : MAP_SHARED_VALIDATE;
		fd = one_in(w, 3) ? file_ro : one_in(w, 3) ? memory : file_rw;
		offset = (off_t)(((addr - w->window) & ~(PAGE - 1)) + (one_in(w, 20) ? 1 : 0));
		break;
	default:
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		break;
	}
	p = mmap((void *)addr, len, some_prot(w), flags, fd, offset);
	/* What went outside the window is given back, in pieces at times. */
	if (p != MAP_FAILED &&
		((unsigned long)p < w->window || (unsigned long)p >= w->window + PAGES * PAGE)) {
		unsigned long gone = one_in(w, 2) && len > PAGE ? PAGE : 0;

		touch(w);
		if (gone)
			munmap(p, gone);
		/* A thread that begins may have its stack there by now. */
		if (!w->threads)
			gone = 0;
		munmap((char *)p + gone, len - gone);
	}
}

static void do_place(struct worker *w)
{
	unsigned long len = one_in(w, 3) ? (1 + pick(w, 4)) << 21 : (1 + pick(w, 300)) * PAGE;
	unsigned long hint = one_in(w, 2) ? 0 : one_in(w, 2) ? pick(w, 1UL << 47) : some_address(w);
	int fd = one_in(w, 4) ? file_rw : -1;
	void *p = mmap((void *)hint, len, some_prot(w), MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		return;
	if (one_in(w, 3))
		mprotect(p, len / 2 & ~(PAGE - 1), PROT_READ);
	munmap(p, len);
}

static void do_mremap(struct worker *w)
{
	int flags = 0;
	void *p;
	unsigned long new_len = one_in(w, 2) ? some_length(w) : 4 * PAGE,
		      old_len = one_in(w, 2) ? some_length(w) : 4 * PAGE;

	switch (pick(w, 6)) {
	case 0:
		break;
	case 1:
		flags = MREMAP_MAYMOVE;
		break;
	case 2:
		flags = MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */;
		break;
	case 3:
		flags = MREMAP_FIXED;
		break;
	default:
		flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		break;
	}
	if (one_in(w, 3))
		new_len = old_len;
	p = mremap((void *)some_address(w), old_len, new_len, flags, (void *)some_address(w));
	if (p != MAP_FAILED && ((unsigned long)p < w->window || (unsigned long)p >= w->window + PAGES * PAGE))
		munmap(p, new_len);
}

static void do_madvise(struct worker *w)
{
	static const int advices[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTNEED, MADV_FREE,
		MADV_DONTFORK, MADV_DOFORK, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD, 24, 102, 103, 5, 77,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE };

	madvise((void *)some_address(w), some_length(w), advices[pick(w, 23)]);
}

static void do_lock(struct worker *w)
{
	void *addr = (void *)some_address(w);
	unsigned long len = some_length(w);

	switch (pick(w, 12)) {
	case 0:
		mlockall(one_in(w, 2) ? MCL_FUTURE : MCL_FUTURE | MCL_ONFAULT);
		break;
	case 1:
	case 2:
		munlockall();
		break;
	case 3:
	case 4:
		mlock2(addr, len, MLOCK_ONFAULT);
		break;
	case 5:
	case 6:
		mlock(addr, len);
		break;
	default:
		munlock(addr, len);
		break;
	}
}

static void do_name(struct worker *w)
{
	static const char *const names[] = { "red", "blue", "red", NULL };

	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, some_page(w), some_length(w), names[pick(w, 4)]);
}

static void do_shm(struct worker *w)
{
	void *p = shmat(segment, one_in(w, 2) ? NULL : (void *)some_address(w),
		one_in(w, 2) ? SHM_REMAP : SHM_RDONLY);

	if (p != (void *)-1 && one_in(w, 2))
		munmap((char *)p + PAGE, PAGE);
	shmdt(p);
}

static void do_uffd(struct worker *w)
{
	struct uffdio_register reg = { .range = { some_page(w), (1 + pick(w, 8)) * PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP };

	/* An inherited descriptor would register areas of the parent. */
	if (uffd < 0 || w->depth)
		return;
	if (one_in(w, 2))
		ioctl(uffd, UFFDIO_REGISTER, &reg);
	else
		ioctl(uffd, UFFDIO_UNREGISTER, &reg.range);
}

static void do_brk(struct worker *w)
{
	long step = (long)pick(w, 64) * 1024 - 20000;

	(void)!sbrk(step);
}

static void work(struct worker *w);

static void do_fork(struct worker *w)
{
	pid_t pid;

	if (w->depth >= 3)
		return;
	pid = fork();
	if (pid == 0) {
		w->depth++;
		w->calls = w->calls < 60 ? w->calls : 60;
		random_u64(&w->r);
		work(w);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void step(struct worker *w)
{
	unsigned long kind = pick(w, 100);

	if (kind < 28)
		do_mmap(w);
	else if (kind < 38)
		munmap((void *)some_address(w), some_length(w));
	else if (kind < 54)
		mprotect((void *)some_address(w), some_length(w),
			some_prot(w) | (one_in(w, 60) ? PROT_GROWSDOWN : 0));
	else if (kind < 64)
		do_mremap(w);
	else if (kind < 76)
		do_madvise(w);
	else if (kind < 81)
		do_lock(w);
	else if (kind < 84)
		do_name(w);
	else if (kind < 86)
		do_brk(w);
	else if (kind < 91)
		do_place(w);
	else if (kind < 93)
		do_shm(w);
	else if (kind < 95)
		do_uffd(w);
	else if (kind < 96)
		syscall(SYS_remap_file_pages, some_page(w), some_length(w), 0, pick(w, 16), 0);
	else if (kind < 97)
		do_fork(w);
	else
		touch(w);
	if (one_in(w, 2))
		touch(w);
}

static void work(struct worker *w)
{
	while (w->calls-- > 0)
		step(w);
}

static void *run_worker(void *arg)
{
	work(arg);
	return NULL;
}

static int scratch_file(int flags)
{
	char path[] = "/tmp/random_calls.XXXXXX", link[64];
	int fd = mkstemp(path), again;

	if (fd < 0 || ftruncate(fd, (off_t)(PAGES * PAGE)))
		exit(2);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	again = open(link, flags);
	unlink(path);
	return again;
}

static void open_things(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK };

	file_rw = scratch_file(O_RDWR);
	file_ro = scratch_file(O_RDONLY);
	memory = memfd_create("random", 0);
	if (ftruncate(memory, (off_t)(PAGES * PAGE)))
		exit(2);
	segment = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
	shmctl(segment, IPC_RMID, NULL);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api))
		uffd = -1;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1,
		      calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000;
	int threads = argc > 3 ? atoi(argv[3]) : 1;
	static struct worker workers[16];
	pthread_t ids[16];

	open_things();
	for (int i = 0; i < threads && i < 16; i++)
		workers[i] = (struct worker){ .r = { seed + (unsigned long)i * 7919 },
			.calls = calls,
			.window = WINDOW + (unsigned long)i % 2 * PAGES * PAGE,
			.depth = threads > 1 ? 3 : 0,
			.threads = threads > 1 };
	if (threads <= 1) {
		work(&workers[0]);
		return 0;
	}
	for (int i = 0; i < threads && i < 16; i++)
		pthread_create(&ids[i], NULL, run_worker, &workers[i]);
	for (int i = 0; i < threads && i < 16; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
