/* SPDX-License-Identifier: MIT */
/* What decides about calls and is no call of the map: limits of another user, numbers of the machine, segments. */
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>

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
	{ "refused-over-others", refused_over_others, "" } };
CASES_MAIN(cases)
