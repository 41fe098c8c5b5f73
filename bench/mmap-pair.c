/* SPDX-License-Identifier: MIT */
/*
 * `mmap-pair`: mmap and munmap of one anonymous page, in an address space of n areas: the engine beside the system
 * calls of the running kernel. Per pair. No page is touched on either side.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#include "bench.h"

#define PAIRS 20000

static struct mm_system sys;
static struct mm_struct mm;
static char *kernels; /* the n areas in our own address space */

static const struct mmap_request one_page = {
	.len = BENCH_PAGE,
	.prot = PROT_READ | PROT_WRITE,
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
};

static void die(const char *what)
{
	fprintf(stderr, "mmap-pair: %s\n", what);
	exit(1);
}

/* Areas of one page that do not merge: every other one is read-only, also the lowest, that new pages lie below. */
static void *engine_create(bool rcu)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	return &mm;
}

static void engine_fill(size_t n)
{
	struct mmap_request all = one_page;
	unsigned long start;

	all.len = n * BENCH_PAGE;
	start = mm_mmap(&mm, &all);
	if (IS_ERR_VALUE(start))
		die("the engine cannot map");
	for (size_t i = 0; i < n; i += 2)
		if (mm_mprotect(&mm, start + i * BENCH_PAGE, BENCH_PAGE, PROT_READ, -1))
			die("the engine cannot protect");
}

static void kernel_fill(size_t n)
{
	kernels = mmap(NULL, n * BENCH_PAGE, one_page.prot, one_page.flags, -1, 0);
	if (kernels == MAP_FAILED)
		die("the kernel cannot map");
	for (size_t i = 0; i < n; i += 2)
		if (mprotect(kernels + i * BENCH_PAGE, BENCH_PAGE, PROT_READ))
			die("the kernel cannot protect (max_map_count?)");
}

static const struct contender sides[] = { { .name = "vmaple", .create = engine_create },
	{ .name = "kernel" } };

static void begin(struct trial *trial, void *arg)
{
	size_t n = *(const size_t *)arg;

	if (trial->contender->create) {
		trial->tree = trial->contender->create(false);
		engine_fill(n);
	} else {
		kernel_fill(n);
	}
}

static void end(struct trial *trial, void *arg)
{
	if (trial->tree)
		mm_exit(trial->tree);
	else
		munmap(kernels, *(const size_t *)arg * BENCH_PAGE);
}

static void engine_pairs(void)
{
	for (int i = 0; i < PAIRS; i++) {
		unsigned long address = mm_mmap(&mm, &one_page);

		if (IS_ERR_VALUE(address) || mm_munmap(&mm, address, BENCH_PAGE))
			die("the engine fails");
	}
}

static void kernel_pairs(void)
{
	for (int i = 0; i < PAIRS; i++) {
		void *address = mmap(NULL, BENCH_PAGE, one_page.prot, one_page.flags, -1, 0);

		if (address == MAP_FAILED || munmap(address, BENCH_PAGE))
			die("the kernel fails");
	}
}

static unsigned long run(struct trial *trial, void *arg)
{
	if (trial->tree)
		engine_pairs();
	else
		kernel_pairs();
	return 0;
}

void question_mmap_pair(void)
{
	static const size_t own[] = { 100, 1000, 10000, 60000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++)
		bench_compare(&(struct work){
			.question = "mmap-pair",
			.which = "",
			.n = *n,
			.operations = PAIRS,
			.clock = BENCH_THREAD,
			.arg = (void *)n,
			.contenders = sides,
			.nr_contenders = 2,
			.begin = begin,
			.run = run,
			.end = end,
		});
}
