/* SPDX-License-Identifier: MIT */
/* Maps that change, and limits of theirs, by other ways than the calls of the map. */
#include <linux/io_uring.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "outside.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define HUGE_PAGE (2UL << 20)

static void advised_through_itself(void)
{
	static const int advices[] = { MADV_DONTNEED, MADV_MERGEABLE, MADV_NOHUGEPAGE, MADV_DONTFORK,
		MADV_DONTDUMP };
	char *p = area(64);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	need(self >= 0, "pidfd_open");
	p[0] = 1;
	for (unsigned long i = 0; i < 5; i++) {
		struct iovec v = { p + 4 * i * PAGE, PAGE };

		syscall(SYS_process_madvise, self, &v, 1UL, advices[i], 0UL);
	}
	/* Whether nothing can be advised so is the kernel's own. */
	syscall(SYS_process_madvise, self, &(struct iovec){ p, 0 }, 1UL, -1, 0UL);
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
}

static void advised_in_many_places(void)
{
	char *p = area(64);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct iovec v[20];

	need(self >= 0, "pidfd_open");
	for (unsigned long i = 0; i < 20; i++)
		v[i] = (struct iovec){ p + 3 * i * PAGE, PAGE };
	syscall(SYS_process_madvise, self, v, 20UL, MADV_DONTFORK, 0UL);
	/* None, where one reaches beyond all addresses. */
	v[7].iov_base = (void *)((1UL << 47) - PAGE);
	need(syscall(SYS_process_madvise, self, v, 20UL, MADV_DONTDUMP, 0UL) == -1, "process_madvise");
	v[7] = v[6];
	/* Of these only what comes before the hole. */
	munmap(p + 30 * PAGE, PAGE);
	syscall(SYS_process_madvise, self, v, 20UL, MADV_DONTDUMP, 0UL);
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
}

/* An error, and what comes before the place that is refused has been advised. */
static void advised_up_to_a_shared_area(void)
{
	char *p = area(8);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct iovec v = { p + 2 * PAGE, 4 * PAGE };

	need(self >= 0, "pidfd_open");
	need(mmap(p + 4 * PAGE, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
		"mmap");
	syscall(SYS_process_madvise, self, &v, 1UL, MADV_WIPEONFORK, 0UL);
	mprotect(p, PAGE, PROT_READ);
}

/* A seal refuses huge pages when what lies below it has been cut. */
static void huge_pages_on_a_seal(void)
{
	char *p = area(1536), *huge = (char *)(((unsigned long)p + PAGE + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));

	syscall(SYS_mseal, huge + HUGE_PAGE / 2, PAGE, 0UL);
	mmap(huge, HUGE_PAGE, RW, PRIVATE | MAP_FIXED | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	mprotect(p, PAGE, PROT_READ);
}

/* A break that a stack is in the way of is refused without an error, and the stack goes on growing. */
static void break_refused_by_a_stack(void)
{
	char *heap = (char *)(((unsigned long)sbrk(0) + PAGE - 1) & ~(PAGE - 1)), *stack = heap + 600 * PAGE;

	need(mmap(stack, 8 * PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN, -1, 0) == stack,
		"mmap");
	need(brk(heap + 700 * PAGE) == -1, "the break");
	stack[-1] = 1;
	mprotect(stack + 4 * PAGE, PAGE, PROT_READ);
}

static void another_ones_limit(void)
{
	struct rlimit rl, none = { 0, 0 };
	int go[2];
	pid_t pid;

	need(!pipe(go) && !getrlimit(RLIMIT_AS, &rl), "pipe");
	none.rlim_max = rl.rlim_max;
	pid = fork();
	if (pid == 0) {
		char byte;

		(void)!read(go[0], &byte, 1);
		/* Refused, and without a difference. */
		mmap(NULL, PAGE, RW, PRIVATE, -1, 0);
		_exit(0);
	}
	need(!prlimit(pid, RLIMIT_AS, &none, NULL), "prlimit");
	need(mmap(NULL, PAGE, RW, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	(void)!write(go[1], "", 1);
	waitpid(pid, NULL, 0);
}

static void moved_break(void)
{
	struct prctl_mm_map m;
	char *heap;
	FILE *f = fopen("/proc/self/stat", "r");
	unsigned long v[60] = { 0 };
	char *text = calloc(1, 4096), *at;

	need(f && fgets(text, 4096, f) != NULL, "stat");
	at = strrchr(text, ')') + 4;
	for (int i = 4; i < 53; i++)
		v[i] = strtoul(at, &at, 10);
	heap = sbrk(0);
	m = (struct prctl_mm_map){ .start_code = v[26],
		.end_code = v[27],
		.start_data = v[45],
		.end_data = v[46],
		.start_brk = (unsigned long)heap,
		.brk = (unsigned long)heap,
		.start_stack = v[28],
		.arg_start = v[48],
		.arg_end = v[49],
		.env_start = v[50],
		.env_end = v[51],
		.exe_fd = (unsigned int)-1 };
	m.start_brk = m.brk = (unsigned long)heap + 16 * PAGE;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m), 0)) {
		fprintf(stderr, "PR_SET_MM_MAP: %s\n", strerror(errno));
		exit(77);
	}
	syscall(SYS_brk, m.brk + 4 * PAGE);
	syscall(SYS_brk, m.brk + 2 * PAGE);
}

/* Limits that only it itself may ask for, once it is another user. */
static void limits_of_another_user(void)
{
	struct rlimit rl = { 64 * PAGE, 64 * PAGE };

	if (getuid()) {
		fprintf(stderr, "only root becomes another user\n");
		exit(77);
	}
	need(!setresuid(1234, 1234, 1234) && !setrlimit(RLIMIT_MEMLOCK, &rl), "setresuid");
	mlock(area(100) + PAGE, 90 * PAGE);
	mlock(area(10), 10 * PAGE);
}

/* A call of the 32-bit table, with six arguments. */
static long call32(long nr, long a, long b, long c, long d, long e)
{
	long result;

	__asm__ volatile("push %%rbp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%rbp"
			 : "=a"(result)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void no_such_table(int sig)
{
	static const char why[] = "int 0x80 is no system call here\n";

	(void)!write(2, why, sizeof(why) - 1);
	(void)sig;
	_exit(77);
}

static void by_the_32_bit_table(void)
{
	long at;

	signal(SIGSEGV, no_such_table);
	at = call32(192, 0x20000000, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);

	if (at != 0x20000000) {
		fprintf(stderr, "int 0x80 does not map here: %ld\n", at);
		exit(77);
	}
	*(char *)at = 1;
	call32(125, at + (long)PAGE, PAGE, PROT_READ, 0, 0);
	place(4);
	call32(91, at + 3 * (long)PAGE, PAGE, 0, 0, 0);
	place(5);
}

/* The kernel does it, later, on behalf of a ring. */
static void by_a_ring(void)
{
	struct io_uring_params params = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	char *ring, *p = area(8);
	struct io_uring_sqe *sqe;
	unsigned int *tail, *array;

	need(fd >= 0, "io_uring_setup");
	ring = mmap(NULL, params.sq_off.array + params.sq_entries * 4, RW, MAP_SHARED | MAP_POPULATE, fd,
		IORING_OFF_SQ_RING);
	sqe = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	need(ring != MAP_FAILED && sqe != MAP_FAILED, "mmap");
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_MADVISE,
		.addr = (unsigned long)p + 2 * PAGE,
		.len = PAGE,
		.fadvise_advice = MADV_DONTFORK };
	tail = (unsigned int *)(ring + params.sq_off.tail);
	array = (unsigned int *)(ring + params.sq_off.array);
	array[*tail & (params.sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1, "io_uring_enter");
	place(5);
}

/* What has a policy is cut where its home node is another; what has none is not. */
static void home_of_a_policy(void)
{
	unsigned long node = 1;
	char *p = place(8);

	mprotect(p, 8 * PAGE, RW);
	need(syscall(SYS_mbind, p + PAGE, 6 * PAGE, 2 /* MPOL_BIND */, &node, 64, 0) == 0, "mbind");
	need(syscall(SYS_set_mempolicy_home_node, p, 4 * PAGE, 0, 0) == 0, "set_mempolicy_home_node");
	mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ);
	mprotect(p + 3 * PAGE, 2 * PAGE, RW);
	if (syscall(SYS_set_mempolicy_home_node, p, PAGE, 12345, 0) != -1)
		exit(1);
	need(syscall(SYS_set_mempolicy_home_node, p + 4 * PAGE, 4 * PAGE, 0, 0) == 0,
		"set_mempolicy_home_node");
	/* The same home once more is the same policy, and what has it is one area. */
	need(syscall(SYS_set_mempolicy_home_node, p + 2 * PAGE, 6 * PAGE, 0, 0) == 0,
		"set_mempolicy_home_node");
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	mprotect(p + 2 * PAGE, PAGE, RW);
}

/* What PR_SET_MEMORY_MERGE makes of areas is in no line of the map, but decides what they join; fork and exec keep it. */
static void use_memory(char *at)
{
	mmap(at, 2 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	mmap(at + 2 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(at + 4 * PAGE, 2 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	madvise(at + 4 * PAGE, PAGE, MADV_UNMERGEABLE);
	mmap(at + 6 * PAGE, 2 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	sbrk(8 * PAGE);
}

static void merged_memory(void)
{
	char *p = place(32);

	use_memory(p);
	errno = ENOSYS;
	need(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) == 0, "PR_SET_MEMORY_MERGE");
	use_memory(p + 8 * PAGE);
	if (fork() == 0) {
		use_memory(p + 16 * PAGE);
		prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0);
		use_memory(p + 24 * PAGE);
		prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
		execlp("sh", "sh", "-c", "true", (char *)NULL);
	}
	wait(NULL);
	use_memory(p + 24 * PAGE);
}

static void nothing(int signal)
{
	(void)signal;
}

/* It takes pages apart that same-page merging may have made one, and a signal ends that: what it has unmapped by then is gone. */
static void moved_while_signals_come(void)
{
	const struct itimerval soon = { { 0, 100 }, { 0, 100 } }, never = { 0 };
	const struct sigaction act = { .sa_handler = nothing };
	const unsigned long all = 4096;
	int interrupted = 0;

	sigaction(SIGALRM, &act, NULL);
	for (int round = 0; round < 1000 && interrupted < 5; round++) {
		char *from = area(all), *to = area(all);

		errno = ENOSYS;
		need(madvise(from, all * PAGE, MADV_MERGEABLE) == 0, "MADV_MERGEABLE");
		from[0] = to[0] = 1;
		setitimer(ITIMER_REAL, &soon, NULL);
		interrupted += mremap(from, all * PAGE, all / 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
				       MAP_FAILED &&
			       errno == EINTR;
		setitimer(ITIMER_REAL, &never, NULL);
		mprotect(from + PAGE, PAGE, PROT_READ);
		munmap(from - PAGE, (all + 2) * PAGE);
		munmap(to - PAGE, (all + 2) * PAGE);
	}
	errno = EINTR;
	need(interrupted == 5, "no mremap was interrupted");
}

static const struct test_case cases[] = {
	{ "process_madvise-of-itself", advised_through_itself, "" },
	{ "process_madvise-in-many-places", advised_in_many_places, "" },
	{ "process_madvise-up-to-a-shared-area", advised_up_to_a_shared_area, "" },
	{ "huge-pages-on-a-seal", huge_pages_on_a_seal, "" },
	{ "by-the-32-bit-table", by_the_32_bit_table, "bpf:lost=3" },
	{ "by-a-ring", by_a_ring, "outside=1 end:outside=0 end:uncertain=1 bpf:outside=0 bpf:lost=1" },
	{ "home-of-a-policy", home_of_a_policy, "" },
	{ "limit-of-another-process", another_ones_limit, "" },
	{ "break-moved", moved_break, "" },
	{ "break-refused-by-a-stack", break_refused_by_a_stack, "" },
	{ "limits-of-another-user", limits_of_another_user, "" },
	{ "merged-memory", merged_memory, "" },
	{ "moved-while-signals-come", moved_while_signals_come, "" },
};

CASES_MAIN(cases)
