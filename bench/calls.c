/* SPDX-License-Identifier: MIT */
/*
 * The engine beside the system calls of the running kernel, in an address space of n areas:
 *
 *    mmap-pair       mmap and munmap of one anonymous page
 *    mprotect-pair   mprotect that cuts an area of seven pages in three, and one that joins it again
 *    brk-pair        brk up by a page, and down again
 *    fork-exit       a fork and the exit of the child: the kernel's is a process, with all that it has besides
 *
 * Each per pair. No page is touched on either side.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#include "bench.h"

#define PAIRS 20000
#define FORKS 10
#define HEAP  0x10000000UL     /* the engine's */
#define CUT   (3 * BENCH_PAGE) /* where in the area that is cut, of */
#define WHOLE (8 * BENCH_PAGE) /* of which the lowest page is read-only */

static struct mm_system sys;
static struct mm_struct mm;
static char *kernels; /* the n areas in our own address space */
static char *kernels_whole;
static unsigned long engines_whole; /* below them, what is cut */

static const struct mmap_request one_page = {
	.len = BENCH_PAGE,
	.prot = PROT_READ | PROT_WRITE,
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
};

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* Areas of one page that do not merge: every other one is read-only, also the lowest, that new pages lie below. */
static void *engine_create(bool rcu)
{
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm.start_brk = mm.brk = HEAP;
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
	all.len = WHOLE;
	engines_whole = mm_mmap(&mm, &all);
	if (IS_ERR_VALUE(engines_whole) || mm_mprotect(&mm, engines_whole, BENCH_PAGE, PROT_READ, -1))
		die("the engine cannot map");
}

static void kernel_fill(size_t n)
{
	kernels = mmap(NULL, n * BENCH_PAGE, one_page.prot, one_page.flags, -1, 0);
	if (kernels == MAP_FAILED)
		die("the kernel cannot map");
	for (size_t i = 0; i < n; i += 2)
		if (mprotect(kernels + i * BENCH_PAGE, BENCH_PAGE, PROT_READ))
			die("the kernel cannot protect (max_map_count?)");
	kernels_whole = mmap(NULL, WHOLE, one_page.prot, one_page.flags, -1, 0);
	if (kernels_whole == MAP_FAILED || mprotect(kernels_whole, BENCH_PAGE, PROT_READ))
		die("the kernel cannot map");
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
	else if (munmap(kernels, *(const size_t *)arg * BENCH_PAGE) || munmap(kernels_whole, WHOLE))
		die("the kernel cannot unmap");
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

static void engine_cuts(void)
{
	for (int i = 0; i < PAIRS; i++)
		if (mm_mprotect(&mm, engines_whole + CUT, BENCH_PAGE, PROT_READ, -1) ||
			mm_mprotect(&mm, engines_whole + CUT, BENCH_PAGE, one_page.prot, -1))
			die("the engine fails");
}

static void kernel_cuts(void)
{
	for (int i = 0; i < PAIRS; i++)
		if (mprotect(kernels_whole + CUT, BENCH_PAGE, PROT_READ) ||
			mprotect(kernels_whole + CUT, BENCH_PAGE, (int)one_page.prot))
			die("the kernel fails");
}

static void engine_heaps(void)
{
	for (int i = 0; i < PAIRS; i++)
		if (mm_brk(&mm, HEAP + BENCH_PAGE) != HEAP + BENCH_PAGE || mm_brk(&mm, HEAP) != HEAP)
			die("the engine fails");
}

static void kernel_heaps(void)
{
	for (int i = 0; i < PAIRS; i++)
		if (sbrk((intptr_t)BENCH_PAGE) == (void *)-1 || sbrk(-(intptr_t)BENCH_PAGE) == (void *)-1)
			die("the kernel fails");
}

static void engine_forks(void)
{
	static struct mm_struct child;

	for (int i = 0; i < FORKS; i++) {
		if (mm_fork(&child, &mm))
			die("the engine cannot fork");
		mm_exit(&child);
	}
}

static void kernel_forks(void)
{
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			die("the kernel cannot fork");
	}
}

/* One question: the same work on both sides. */
struct pairs {
	size_t n; /* first: what begin() and end() are given */
	void (*engine)(void), (*kernel)(void);
};

static unsigned long run(struct trial *trial, void *arg)
{
	const struct pairs *pairs = arg;

	if (trial->tree)
		pairs->engine();
	else
		pairs->kernel();
	return 0;
}

static void ask(const char *question, size_t operations, enum bench_clock clock, struct pairs pairs)
{
	static const size_t own[] = { 100, 1000, 10000, 60000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		pairs.n = *n;
		bench_compare(&(struct work){
			.question = question,
			.which = "",
			.n = *n,
			.operations = operations,
			.clock = clock,
			.arg = &pairs,
			.contenders = sides,
			.nr_contenders = 2,
			.begin = begin,
			.run = run,
			.end = end,
		});
	}
}

void question_mmap_pair(void)
{
	ask("mmap-pair", PAIRS, BENCH_THREAD, (struct pairs){ 0, engine_pairs, kernel_pairs });
}

void question_mprotect_pair(void)
{
	ask("mprotect-pair", PAIRS, BENCH_THREAD, (struct pairs){ 0, engine_cuts, kernel_cuts });
}

void question_brk_pair(void)
{
	ask("brk-pair", PAIRS, BENCH_THREAD, (struct pairs){ 0, engine_heaps, kernel_heaps });
}

/* By the wall: the child's exit is another process's time. */
void question_fork_exit(void)
{
	ask("fork-exit", FORKS, BENCH_WALL, (struct pairs){ 0, engine_forks, kernel_forks });
}
