/* SPDX-License-Identifier: MIT */
/* What decides about calls and is no call of the map: limits of another user, numbers of the machine, segments. */
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cases.h"

/* A limit of a process of another user is read all the same. */
static void locked_memory_of_another_user(void)
{
	struct rlimit limit = { 7, 10 };

	errno = EPERM;
	need(geteuid() == 0, "not root");
	need(seteuid(65534) == 0, "seteuid");
	need(setrlimit(RLIMIT_MEMLOCK, &limit) == 0, "setrlimit");
	mlockall(MCL_CURRENT);
	mlock(place(1), PAGE);
}

/* With CAP_IPC_LOCK 32 pages are locked whatever the limit; without it 16 of them may be. */
static void lock_more_than_the_limit(void)
{
	char *at = mmap(NULL, 32 * PAGE, RW, PRIVATE, -1, 0);

	need(at != MAP_FAILED, "mmap");
	need(mlock(at, 32 * PAGE) == -1 && errno == ENOMEM, "a limit that does not hold");
	need(mlock(at, 16 * PAGE) == 0, "mlock");
}

static void begin_as_root(void)
{
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };

	errno = EPERM;
	need(geteuid() == 0, "not root");
	need(setrlimit(RLIMIT_MEMLOCK, &limit) == 0, "setrlimit");
}

/* The calls themselves: the C library makes others of some. */
static void setuid_drops_capabilities(void)
{
	begin_as_root();
	need(syscall(SYS_setuid, 65534) == 0, "setuid");
	lock_more_than_the_limit();
}

static void setreuid_drops_capabilities(void)
{
	begin_as_root();
	need(syscall(SYS_setreuid, 65534, 65534) == 0, "setreuid");
	lock_more_than_the_limit();
}

static void setresuid_drops_capabilities(void)
{
	begin_as_root();
	need(syscall(SYS_setresuid, 65534, 65534, 65534) == 0, "setresuid");
	lock_more_than_the_limit();
}

static void capset_drops_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	begin_as_root();
	need(syscall(SYS_capset, &header, none) == 0, "capset");
	lock_more_than_the_limit();
}

static void new_user_namespace_drops_capabilities(void)
{
	begin_as_root();
	need(unshare(CLONE_NEWUSER) == 0, "unshare");
	lock_more_than_the_limit();
}

static int lock_in_child(void *arg)
{
	(void)arg;
	lock_more_than_the_limit();
	return 0;
}

/* Two tasks on one map: the one of them has them still. */
static void child_in_a_user_namespace(void)
{
	char *stack = mmap(NULL, 64 * PAGE, RW, PRIVATE, -1, 0);
	int status;
	pid_t pid;

	begin_as_root();
	need(stack != MAP_FAILED, "mmap");
	pid = clone(lock_in_child, stack + 64 * PAGE, CLONE_VM | CLONE_NEWUSER | SIGCHLD, NULL);
	need(pid > 0, "clone");
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	need(mlock(stack, 40 * PAGE) == 0, "mlock");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void use_the_map(void)
{
	static volatile char sink;
	char deep[100000];

	memset(deep, 1, sizeof(deep));
	sink = deep[sizeof(deep) / 2];
	need(mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	need(mlock(place(2), PAGE) == -1 || errno == 0, "mlock");
	(void)sink;
}

/* It shares the map, until its exec or its end. */
static void child_of_vfork(int resource, rlim_t max, int execs)
{
	const struct rlimit little = { 4096, max };
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		if (setrlimit(resource, &little))
			_exit(1);
		personality(READ_IMPLIES_EXEC);
		mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0);
		if (execs)
			execl("/bin/true", "true", (char *)NULL);
		_exit(0);
	}
	use_the_map();
	need(pid > 0 && waitpid(pid, &status, 0) == pid, "vfork");
}

/* What a child sets before its exec is its own, and the map is its parent's. */
static void child_on_the_parents_map(void)
{
	static const int resources[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK };

	for (int i = 0; i < 8; i++) {
		struct rlimit old;

		need(getrlimit(resources[i / 2], &old) == 0, "getrlimit");
		child_of_vfork(resources[i / 2], old.rlim_max, i % 2);
	}
}

static void *as_other_task(void *arg)
{
	(void)arg;
	need(personality(READ_IMPLIES_EXEC) != -1, "personality");
	for (int i = 0; i < 20; i++)
		need(mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	return NULL;
}

/* A personality is one thread's. */
static void personality_of_a_thread(void)
{
	pthread_t thread;

	need(pthread_create(&thread, NULL, as_other_task, NULL) == 0, "pthread_create");
	for (int i = 0; i < 20; i++)
		need(mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	pthread_join(thread, NULL);
	need(mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
}

static int change_and_map(void *arg)
{
	(void)arg;
	for (int i = 0; i < 12; i++) {
		if (i % 3 == 0)
			personality(i & 1 ? 0 : READ_IMPLIES_EXEC);
		need(mmap(NULL, (1 + (size_t)i % 4) * PAGE, RW, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	}
	return 0;
}

static void *as_others(void *arg)
{
	for (int i = 0; i < 5; i++) {
		char *stack = mmap(NULL, 16 * PAGE, RW, PRIVATE, -1, 0);
		pid_t pid = clone(change_and_map, stack + 16 * PAGE, CLONE_VM | SIGCHLD, NULL);

		need(pid > 0, "clone");
		change_and_map(arg);
		need(waitpid(pid, NULL, 0) == pid, "waitpid");
	}
	return NULL;
}

/* Threads and processes on one map, each with its own, begin and end beside each other's calls. */
static void personalities_of_many(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		need(pthread_create(&threads[i], NULL, as_others, NULL) == 0, "pthread_create");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif

/* What nothing may become is kept over exec, unless it is not to be inherited. */
static void no_gain_of_execution(unsigned long asked, const char *name)
{
	long now = prctl(PR_GET_MDWE, 0, 0, 0, 0);
	char *p;

	if (now < 0)
		errno = ENOSYS;
	need(now >= 0, "PR_GET_MDWE");
	if (!getenv("GAIN_REFUSED")) {
		need(setenv("GAIN_REFUSED", "1", 1) == 0 && prctl(PR_SET_MDWE, asked, 0, 0, 0) == 0,
			"PR_SET_MDWE");
		execl("/proc/self/exe", "limits", name, (char *)NULL);
		need(0, "exec");
	}
	p = mmap(NULL, PAGE, RW, PRIVATE, -1, 0);
	need((mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0) == (asked == 3), "mprotect");
	need((mmap(NULL, PAGE, RW | PROT_EXEC, PRIVATE, -1, 0) != MAP_FAILED) == (asked == 3), "mmap");
}

static void no_gain_over_exec(void)
{
	no_gain_of_execution(1, "no-gain-over-exec");
}

static void gain_over_exec(void)
{
	no_gain_of_execution(3, "gain-over-exec");
}

static int read_max_map_count(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
	int n = 0;

	need(f && fscanf(f, "%d", &n) == 1, "vm.max_map_count");
	fclose(f);
	return n;
}

static int write_max_map_count(int n)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "w");

	return f && fprintf(f, "%d\n", n) > 0 && fclose(f) == 0;
}

/* Fewer areas are allowed for a while, not so few that others suffer. */
static void fewer_areas(void)
{
	int before = read_max_map_count(), lowered = 1200;

	need(before > lowered && write_max_map_count(lowered), "vm.max_map_count");
	for (int n = 0; n < 2000; n++)
		if (mmap(NULL, PAGE, n % 2 ? PROT_READ : PROT_NONE, PRIVATE, -1, 0) == MAP_FAILED)
			break;
	write_max_map_count(before);
	for (int n = 0; n < 100; n++)
		need(mmap(NULL, PAGE, n % 2 ? PROT_READ : PROT_NONE, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
}

static void removed_segment(void)
{
	for (unsigned long pages = 1; pages < 4; pages++) {
		int id = shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0600);
		char *at;

		need(id >= 0, "shmget");
		at = shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
		syscall(SYS_remap_file_pages, at, pages * PAGE, 0, pages / 2, 0);
		shmdt(at);
	}
}

/* What is attached for reading only is never made writable. */
static void read_only_segment(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);
	char *at, *only_read;

	need(id >= 0, "shmget");
	at = shmat(id, NULL, 0);
	only_read = shmat(id, NULL, SHM_RDONLY);
	shmctl(id, IPC_RMID, NULL);
	if (mprotect(only_read, PAGE, RW) != -1 || errno != EACCES)
		exit(1);
	mprotect(at, PAGE, PROT_READ);
	mprotect(at, PAGE, RW);
}

/* A segment that takes the place of what is there is refused when that has been cut already, at one end or at both. */
static void refused_over_others(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	struct rlimit little = { 64 * PAGE, 64 * PAGE };
	char *at = place(16), *other = place(16);

	need(id >= 0, "shmget");
	mprotect(at, 16 * PAGE, RW);
	mprotect(other, 16 * PAGE, RW);
	*at = at[15 * PAGE] = *other = 1;
	/* 462 is mseal. */
	need(syscall(462, at + 6 * PAGE, PAGE, 0) == 0, "mseal");
	if (shmat(id, at + 4 * PAGE, SHM_REMAP) != (void *)-1)
		exit(1);
	mprotect(at, PAGE, PROT_READ);
	mprotect(at, PAGE, RW);
	need(setrlimit(RLIMIT_AS, &little) == 0, "setrlimit");
	if (shmat(id, other + 4 * PAGE, SHM_REMAP) != (void *)-1 || errno != ENOMEM)
		exit(1);
	shmctl(id, IPC_RMID, NULL);
	/* They are of one anon_vma, and join. */
	mprotect(other + 6 * PAGE, 10 * PAGE, PROT_READ);
	mprotect(other + 4 * PAGE, 12 * PAGE, PROT_READ);
	mprotect(other + 4 * PAGE, 12 * PAGE, RW);
}

/* What is asked for is an address, though it is rounded down to 0. */
static void segment_at_0(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	const struct rlimit little = { PAGE, PAGE };
	char *at;

	errno = EPERM;
	need(geteuid() == 0, "not root");
	need(id >= 0, "shmget");
	at = shmat(id, (void *)5, SHM_RND);
	need(at != (void *)-1 || errno == EPERM, "shmat");
	/* Over itself. */
	need(shmat(id, (void *)7, SHM_RND) == at, "shmat");
	need(shmat(id, (void *)7, SHM_RND | SHM_REMAP) == (void *)-1 && errno == EINVAL,
		"nothing is replaced at 0");
	mprotect(at, PAGE, PROT_READ);
	/* What is there has been cut when it is refused. */
	need(mmap(NULL, 16 * PAGE, PROT_NONE, PRIVATE | MAP_FIXED, -1, 0) == NULL, "mmap");
	need(setrlimit(RLIMIT_AS, &little) == 0, "setrlimit");
	need(shmat(id, (void *)5, SHM_RND) == (void *)-1 && errno == ENOMEM, "a limit that does not hold");
	shmctl(id, IPC_RMID, NULL);
	munmap((void *)(64 * PAGE), PAGE);
}

/* A part that reaches beyond the segment stays. */
static void segment_that_has_grown(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	char *at, *p = place(32);

	need(id >= 0, "shmget");
	at = shmat(id, p, SHM_REMAP);
	shmctl(id, IPC_RMID, NULL);
	need(at == p, "shmat");
	munmap(at + PAGE, 2 * PAGE);
	munmap(at + 4 * PAGE, 12 * PAGE);
	need(mremap(at + 3 * PAGE, PAGE, 8 * PAGE, 0) == at + 3 * PAGE, "mremap");
	need(shmdt(at) == 0, "shmdt");
	need(mprotect(at + 3 * PAGE, 8 * PAGE, PROT_NONE) == 0, "mprotect");
}

static void huge_segment(void)
{
	size_t huge = 2UL << 20;
	int id = shmget(IPC_PRIVATE, 2 * huge, IPC_CREAT | SHM_HUGETLB | 0600);
	char *at;

	if (id < 0)
		errno = ENOENT;
	need(id >= 0, "no huge pages in the pool (vm.nr_hugepages)");
	at = shmat(id, NULL, 0);
	mprotect(at, PAGE, PROT_READ);
	mprotect(at, huge, PROT_READ);
	mremap(at + huge, huge, huge, MREMAP_MAYMOVE);
	munmap(at, PAGE);
	shmdt(at);
	at = shmat(id, NULL, SHM_RDONLY);
	shmctl(id, IPC_RMID, NULL);
	shmdt(at);
}

static const struct test_case cases[] = { { "locked-memory", locked_memory_of_another_user, "" },
	{ "setuid", setuid_drops_capabilities, "" }, { "setreuid", setreuid_drops_capabilities, "" },
	{ "setresuid", setresuid_drops_capabilities, "" }, { "capset", capset_drops_capabilities, "" },
	{ "fewer-areas", fewer_areas, "" }, { "removed-segment", removed_segment, "" },
	{ "read-only-segment", read_only_segment, "" }, { "huge-segment", huge_segment, "" },
	{ "refused-over-others", refused_over_others, "" },
	{ "unshare", new_user_namespace_drops_capabilities, "" },
	{ "user-namespace-of-child", child_in_a_user_namespace, "" },
	{ "child-on-the-parents-map", child_on_the_parents_map, "" },
	{ "personality-of-a-thread", personality_of_a_thread, "" },
	{ "personalities-of-many", personalities_of_many, "" }, { "segment-at-0", segment_at_0, "" },
	{ "segment-that-has-grown", segment_that_has_grown, "" },
	{ "no-gain-over-exec", no_gain_over_exec, "" }, { "gain-over-exec", gain_over_exec, "" } };
CASES_MAIN(cases)
