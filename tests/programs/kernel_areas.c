/* SPDX-License-Identifier: MIT */
/* The kernel's own areas, [vdso] and [vvar]: never cut, moved as a whole only, mapped again when they are gone. */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cases.h"
#include "uapi.h"

#define AREAS 4

static struct {
	char *start;
	size_t len;
} area[AREAS];
static int nr_areas;

/* In their order; all before the first call. */
static void find_areas(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];

	need(f != NULL, "/proc/self/maps");
	while (nr_areas < AREAS && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vdso]") && !strstr(line, "[vvar"))
			continue;
		need(sscanf(line, "%lx-%lx", &start, &end) == 2, "a line of maps");
		area[nr_areas].start = (char *)start;
		area[nr_areas++].len = end - start;
	}
	fclose(f);
	errno = ENOENT;
	need(nr_areas > 0, "no area of the kernel's");
}

static void advise(char *at, size_t len)
{
	static const int advices[] = { MADV_DONTFORK, MADV_DODUMP, MADV_DOFORK, MADV_NOHUGEPAGE, MADV_RANDOM,
		MADV_NORMAL, MADV_DONTNEED, MADV_MERGEABLE };

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		madvise(at, len, advices[i]);
}

static void cut(void)
{
	char *to = place(64);

	find_areas();
	for (int i = 0; i < nr_areas; i++) {
		char *at = area[i].start;

		mprotect(at, PAGE, PROT_NONE);
		mprotect(at + PAGE, PAGE, PROT_NONE);
		advise(at, PAGE);
		mlock(at, PAGE);
		mmap(at, PAGE, PROT_READ, PRIVATE | MAP_FIXED, -1, 0);
		munmap(at, PAGE);
		mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		mremap(at, area[i].len, PAGE, 0);
		mremap(at, area[i].len, area[i].len + PAGE, MREMAP_MAYMOVE);
		mremap(at, area[i].len, area[i].len, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
	}
}

static void whole(void)
{
	find_areas();
	for (int i = 0; i < nr_areas; i++) {
		mprotect(area[i].start, area[i].len, PROT_READ);
		advise(area[i].start, area[i].len);
		mmap(area[i].start, area[i].len, PROT_READ, PRIVATE | MAP_FIXED, -1, 0);
		munmap(area[i].start, area[i].len);
	}
}

static void move(void)
{
	char *to = place(64);

	find_areas();
	for (int i = 0; i < nr_areas; i++) {
		to = mremap(area[i].start, area[i].len, area[i].len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		need(to != MAP_FAILED, "mremap");
		munmap(to, PAGE);
		to += area[i].len;
	}
}

/* The names are those that exec gave, also in a child. */
static void fork_them(void)
{
	int status;
	pid_t pid;

	find_areas();
	mprotect(area[0].start, PAGE, PROT_NONE);
	pid = fork();
	need(pid >= 0, "fork");
	if (pid == 0) {
		munmap(area[0].start, PAGE);
		munmap(area[nr_areas - 1].start, area[nr_areas - 1].len);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	mprotect(area[nr_areas - 1].start, PAGE, PROT_NONE);
}

static void map_again(void)
{
	char *to = place(64);

	find_areas();
	syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, to);
	for (int i = 0; i < nr_areas; i++) {
		munmap(area[i].start, area[i].len);
		syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, i + 1 < nr_areas ? 0 : to + 12345);
	}
	syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, to);
	munmap(to, 64 * PAGE);
	syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, to + 12345);
	munmap(to, PAGE);
}

static const struct test_case cases[] = { { "cut", cut, "" }, { "whole", whole, "" }, { "move", move, "" },
	{ "fork", fork_them, "" }, { "map-again", map_again, "" } };
CASES_MAIN(cases)
