/* SPDX-License-Identifier: MIT */
/*
 * A program whose areas are known by arithmetic: prints the first address of the range in which it works.
 *
 *     WINDOW pages without access; every other one is made readable: WINDOW areas, from 1 + 2 + 3 (WINDOW / 2 - 1) lives
 *     the lower half is unmapped: WINDOW / 2 areas to the end
 *     FAILING munmaps of an address that is no page's
 *     a mapping of 3 pages that lives for less than a millisecond, and a file's page that stays
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE    4096ul
#define WINDOW  128ul
#define FAILING 7

int main(int argc, char **argv)
{
	char *base = mmap(NULL, WINDOW * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *brief;
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
	struct timespec pause = { 0, 20000000 };

	if (base == MAP_FAILED || fd < 0)
		return 1;
	printf("%lx\n", (unsigned long)(uintptr_t)base);
	fflush(stdout);
	for (unsigned long i = 0; i < WINDOW; i += 2)
		if (mprotect(base + i * PAGE, PAGE, PROT_READ))
			return 1;
	if (munmap(base, WINDOW / 2 * PAGE))
		return 1;
	for (int i = 0; i < FAILING; i++)
		if (munmap((void *)1, PAGE) == 0)
			return 1;
	brief = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (brief == MAP_FAILED || munmap(brief, 3 * PAGE))
		return 1;
	if (mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return 1;
	nanosleep(&pause, NULL);
	return 0;
}
