/* SPDX-License-Identifier: MIT */
/*
 * A program of small cases: `PROGRAM list` prints each name with what a recording of it has to count (counts.py), and
 * `PROGRAM NAME` is that case.  Exit status 77: something is missing here, said on stderr.
 */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE    4096UL
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

struct test_case {
	const char *name;
	void (*run)(void);
	const char *counts; /* "foreign=1 uncertain=0-2"; what is not named is 0 */
};

static inline void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(errno == ENOSYS || errno == EPERM || errno == ENOENT || errno == EACCES ? 77 : 1);
}

/* Pages that are apart from all others: what is put on them has no neighbours but each other. */
static inline char *place(unsigned long pages)
{
	char *p = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, PRIVATE, -1, 0);

	need(p != MAP_FAILED, "mmap");
	return p + PAGE;
}

static inline int run_cases(const struct test_case *cases, int n, int argc, char **argv)
{
	for (int i = 0; i < n; i++) {
		if (argc == 2 && strcmp(argv[1], "list") == 0)
			printf("%s %s\n", cases[i].name, cases[i].counts);
		if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return argc == 2 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}

#define CASES_MAIN(cases)                                                                \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		return run_cases(cases, sizeof(cases) / sizeof((cases)[0]), argc, argv); \
	}

#endif /* TESTS_CASES_H */
