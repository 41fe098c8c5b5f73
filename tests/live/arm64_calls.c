/* SPDX-License-Identifier: MIT */
/*
 * A program of arm64 that does what is that machine's alone, and what the recorder changes registers for: addresses with tags,
 * PROT_BTI, PROT_MTE, hints beyond the window, a heap beside mappings, children that want no tracer, strict mode, threads, exec.
 * It says what was not as the manual has it, and ends with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define RW   (PROT_READ | PROT_WRITE)
#define RX   (PROT_READ | PROT_EXEC)
#define BTI  0x10
#define MTE  0x20
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef HWCAP2_BTI
#define HWCAP2_BTI (1 << 17)
#endif
#ifndef HWCAP2_MTE
#define HWCAP2_MTE (1 << 18)
#endif

static int failed;

static void need(bool holds, const char *what)
{
	if (!holds)
		printf("not so: %s (%s)\n", what, strerror(errno));
	failed |= !holds;
}

static void *tagged(void *addr, size_t page)
{
	return (void *)(((uintptr_t)addr + page * PAGE) | 0xa5ul << 56);
}

static void tags(void)
{
	char *at = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);

	need(mprotect(tagged(at, 1), PAGE, PROT_READ) == 0, "mprotect takes a tag");
	need(madvise(tagged(at, 3), PAGE, MADV_DONTFORK) == 0, "madvise takes a tag");
	need(mremap(tagged(at, 5), PAGE, PAGE, 0) == at + 5 * PAGE, "mremap takes a tag");
	need(munmap(tagged(at, 6), PAGE) == 0, "munmap takes a tag");
	need(mmap(tagged(at, 6), PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED, "mmap takes none");
	need(munmap((void *)((uintptr_t)at | 1ul << 55), PAGE) == -1, "bit 55 is no tag");
	need(munmap(at, 8 * PAGE) == 0, "munmap");
}

static void branch_targets(void)
{
	char *at = mmap(NULL, 4 * PAGE, RX, ANON, -1, 0);
	bool known = getauxval(AT_HWCAP2) & HWCAP2_BTI;

	need((mprotect(at, PAGE, RX | BTI) == 0) == known,
		"mprotect knows PROT_BTI where the processor does");
	need(mmap(at + PAGE, PAGE, RX | BTI, ANON | MAP_FIXED, -1, 0) == at + PAGE, "mmap with PROT_BTI");
	need(mprotect(at, PAGE, RX) == 0 && mprotect(at + PAGE, PAGE, RX) == 0, "without it again");
}

static void memory_tags(void)
{
	char *at = mmap(NULL, 6 * PAGE, RW, ANON, -1, 0), *shared;
	bool known = getauxval(AT_HWCAP2) & HWCAP2_MTE;
	int zero = open("/dev/zero", O_RDONLY), memory = memfd_create("tagged", 0);

	need((mprotect(at + PAGE, PAGE, RW | MTE) == 0) == known,
		"mprotect knows PROT_MTE where the processor does");
	need(mprotect(at + PAGE, 2 * PAGE, RW) == 0, "which no mprotect takes away");
	need(mmap(at + 4 * PAGE, PAGE, RW | MTE, ANON | MAP_FIXED, -1, 0) == at + 4 * PAGE,
		"mmap with PROT_MTE");
	need((mmap(NULL, PAGE, PROT_READ | MTE, MAP_PRIVATE, zero, 0) == MAP_FAILED) == known,
		"files have no tags");
	need(mmap(at + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, zero, 0) == at + 3 * PAGE,
		"a file");
	need(mprotect(at + 2 * PAGE, 2 * PAGE, PROT_READ | MTE) == -1 && errno == EINVAL,
		"files get no tags");
	need(ftruncate(memory, (off_t)PAGE) == 0, "ftruncate");
	shared = mmap(NULL, PAGE, RW | MTE, MAP_SHARED, memory, 0);
	need(shared != MAP_FAILED && munmap(shared, PAGE) == 0, "shared memory has tags");
	need(close(zero) == 0 && close(memory) == 0 && munmap(at, 6 * PAGE) == 0, "the end of tags");
}

static void places(void)
{
	char *beyond = (char *)(1ul << 50), *low = mmap(NULL, PAGE, RW, ANON | 0x40 | 0x80, -1, 0), *at;
	int fd = memfd_create("file", 0);

	at = mmap(beyond, PAGE, RW, ANON, -1, 0);
	need(at == beyond || (uintptr_t)at < 1ul << 48, "a hint beyond the window");
	need((uintptr_t)low > 1ul << 32, "there is no MAP_32BIT");
	need(ftruncate(fd, (off_t)PAGE) == 0, "ftruncate");
	need(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x40, fd, 0) == MAP_FAILED && errno == EOPNOTSUPP,
		"MAP_SHARED_VALIDATE without MAP_32BIT");
	need(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0) != MAP_FAILED, "a shared file");
}

/* Memory of mmap's right behind the heap, as if it were more of it. */
static void heap(void)
{
	char *end = sbrk(0), *top = (char *)(((uintptr_t)end + PAGE - 1) & ~(PAGE - 1));

	need(sbrk(top - end + 4 * (long)PAGE) == end, "brk");
	top += 4 * PAGE;
	need(mmap(top, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == top, "behind the heap");
	need(munmap(top, PAGE) == 0 && sbrk(-4 * (long)PAGE) != (void *)-1, "as it was");
}

static int status_of(pid_t pid)
{
	int status = -1;

	need(pid > 0 && waitpid(pid, &status, __WALL) == pid, "a child ends");
	return status;
}

/* The flag is taken out of a register, or of a copy of the arguments: the child and the parent see nothing of that. */
static void untraced(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		mmap(NULL, PAGE, RW, ANON, -1, 0);
		_exit(7);
	}
	need(WEXITSTATUS(status_of(pid)) == 7, "a child of clone");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(8);
	need(WEXITSTATUS(status_of(pid)) == 8 && args.flags == CLONE_UNTRACED, "a child of clone3");
}

static void strict(bool good)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0 &&
			syscall(SYS_write, 1, "strict\n", 7) == 7 && !good)
			syscall(SYS_getpid);
		syscall(SYS_exit, 9);
	}
	if (good)
		need(status_of(pid) == 9 << 8, "strict mode allows write and exit");
	else
		need(WTERMSIG(status_of(pid)) == SIGKILL, "strict mode forbids getpid");
}

static void *maps_and_unmaps(void *unused)
{
	for (int i = 0; i < 20; i++) {
		char *at = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);

		at[0] = 1;
		need(mprotect(at + PAGE, PAGE, PROT_NONE) == 0 && munmap(at, 4 * PAGE) == 0,
			"a thread's calls");
	}
	return unused;
}

static __attribute__((noinline)) int deep(int n)
{
	volatile char frame[16384];

	frame[0] = (char)n;
	return n ? deep(n - 1) + frame[0] : 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 1)
		return puts("after exec") == EOF;
	tags();
	branch_targets();
	memory_tags();
	places();
	heap();
	untraced();
	strict(true);
	strict(false);
	need(deep(40) == 820, "a deep stack");
	need(pthread_create(&thread, NULL, maps_and_unmaps, NULL) == 0, "a thread");
	pthread_join(thread, NULL);
	fflush(stdout);
	if (!failed)
		execl("/proc/self/exe", argv[0], "again", NULL);
	return 1;
}
