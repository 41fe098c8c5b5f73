/* SPDX-License-Identifier: MIT */
/* Where mappings go in a program that was started with another layout: it starts itself with that personality. */
#include <sys/personality.h>
#include <sys/resource.h>

#include "cases.h"

/* All sizes, with and without room to be filled. */
static void place_some(void)
{
	char *p[8];

	for (int i = 0; i < 8; i++) {
		p[i] = mmap(NULL, (size_t)(1 + i % 3) * PAGE << (i & 4 ? 9 : 0), RW, PRIVATE, -1, 0);
		need(p[i] != MAP_FAILED, "mmap");
	}
	munmap(p[2], PAGE);
	munmap(p[0], PAGE);
	need(mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	need(mmap(NULL, PAGE, PROT_NONE, PRIVATE, -1, 0) != MAP_FAILED, "mmap");
	mmap(p[1], PAGE, RW, PRIVATE, -1, 0);
	mremap(p[1], 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	need(malloc(1 << 20) != NULL, "malloc");
}

static void as(unsigned long wanted, const char *name)
{
	int now = personality(0xffffffff);

	if (((unsigned long)now & wanted) != wanted) {
		need(personality((unsigned long)now | wanted) >= 0, "personality");
		execl("/proc/self/exe", "layouts", name, NULL);
		need(0, "exec");
	}
	place_some();
}

static void legacy(void)
{
	as(ADDR_COMPAT_LAYOUT, "legacy");
}

static void legacy_fixed(void)
{
	as(ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE, "legacy-fixed");
}

static void fixed(void)
{
	as(ADDR_NO_RANDOMIZE, "fixed");
}

static void without_stack_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		need(setrlimit(RLIMIT_STACK, &limit) == 0, "setrlimit");
		execl("/proc/self/exe", "layouts", "without-stack-limit", NULL);
		need(0, "exec");
	}
	/* A place far above where searches begin, which is asked for. */
	need(mmap((void *)((unsigned long)&limit - 4000 * PAGE), PAGE, RW, PRIVATE, -1, 0) != MAP_FAILED,
		"mmap");
	place_some();
}

/* What is asked for below what may be mapped is asked for there; what is in use is searched for, and where is drawn. */
static void below_2_gib(void)
{
	const int flags = PRIVATE | MAP_32BIT;

	for (unsigned long i = 1; i < 16; i++)
		need(mmap((void *)(i * PAGE), PAGE, RW, flags, -1, 0) != MAP_FAILED, "mmap");
	place_some();
}

static const struct test_case cases[] = { { "legacy", legacy, "" }, { "legacy-fixed", legacy_fixed, "" },
	{ "fixed", fixed, "" }, { "without-stack-limit", without_stack_limit, "" },
	{ "below-2-gib", below_2_gib, "" } };
CASES_MAIN(cases)
