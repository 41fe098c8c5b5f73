/* SPDX-License-Identifier: MIT */
/*
 * Workloads for reverse maps: those for which one was praised or blamed.  docs/reverse-mapping.md says where each
 * comes from.
 */
#include "rmap_lab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "lab.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define FAR  0x100000000000UL /* where areas are laid out by hand */

static unsigned long map_anon(
	struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long len)
{
	return rmap_mmap(run, p,
		&(struct mmap_request){ .addr = addr,
			.len = len,
			.prot = RW,
			.flags = MAP_PRIVATE | MAP_ANONYMOUS | (addr ? MAP_FIXED : 0) });
}

static unsigned long map_file(struct rmap_run *run, struct rmap_process *p, unsigned long addr,
	unsigned long len, struct vm_file *file, unsigned long pgoff, unsigned long flags)
{
	return rmap_mmap(run, p,
		&(struct mmap_request){ .addr = addr,
			.len = len,
			.prot = flags & MAP_SHARED ? RW : PROT_READ,
			.flags = flags | (addr ? MAP_FIXED : 0),
			.offset = pgoff * PAGE,
			.file = file });
}

static void put_file(struct vm_file *file)
{
	free(file);
}

/* A file of @pages pages; a reference is the caller's. */
static struct vm_file *new_file(struct rmap_run *run, unsigned long pages)
{
	struct vm_file *file = calloc(1, sizeof(*file));

	if (!file) {
		rmap_fail(run, "no memory for a file");
		return NULL;
	}
	*file = (struct vm_file){ .refs = 1,
		.kind = VM_FILE_REGULAR,
		.readable = true,
		.writable = true,
		.size = pages * PAGE,
		.ino = rmap_random(run, 1 << 20),
		.name = "file",
		.release = put_file };
	return file;
}

static void touch_all(
	struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long pages, bool write)
{
	for (unsigned long i = 0; i < pages && !run->failed; i++) {
		if (write)
			rmap_write(run, p, addr + i * PAGE);
		else
			rmap_read(run, p, addr + i * PAGE);
	}
}

/*
 * "Some workload with zillon of vmas in the same file" (2004): @n areas of four pages, anywhere in a
 * file of @n pages.
 */
static void run_one_file(struct rmap_run *run, unsigned long n)
{
	struct rmap_process *p = rmap_begin(run, n + 4096, 1) ? rmap_exec(run) : NULL;
	struct vm_file *file = p ? new_file(run, n + 4) : NULL;

	for (unsigned long i = 0; i < n && !run->failed; i++) {
		map_file(run, p, FAR + i * 5 * PAGE, 4 * PAGE, file, rmap_random(run, n), MAP_SHARED);
		touch_all(run, p, FAR + i * 5 * PAGE, 4, false);
	}
	if (!run->failed) {
		rmap_note(run);
		rmap_reclaim(run, n);
	}
	vm_file_put(file);
}

/* A server that forks @n children; each writes some of what it got, and some of its own. Then memory is short. */
static void run_fork_server(struct rmap_run *run, unsigned long n)
{
	struct rmap_process *p = rmap_begin(run, 40 * n + 8192, n + 1) ? rmap_exec(run) : NULL;
	unsigned long heap = p ? map_anon(run, p, 0, 256 * PAGE) : 0;

	touch_all(run, p, heap, 256, true);
	for (unsigned long i = 0; i < n && !run->failed; i++) {
		struct rmap_process *child = rmap_fork(run, p);

		if (!child)
			return;
		touch_all(run, child, heap + rmap_random(run, 240) * PAGE, 16, true);
		touch_all(run, child, map_anon(run, child, 0, 8 * PAGE), 8, true);
	}
	if (run->failed)
		return;
	rmap_note(run);
	rmap_reclaim(run, 24 * n);
}

/* One area, touched, then cut by mprotect into @n; then it is asked who maps some of its pages. */
static void run_cut(struct rmap_run *run, unsigned long n)
{
	struct rmap_process *p = rmap_begin(run, n + 4096, 1) ? rmap_exec(run) : NULL;
	unsigned long addr = p ? map_anon(run, p, FAR, n * PAGE) : 0;

	touch_all(run, p, addr, n, true);
	for (unsigned long i = 1; i < n && !run->failed; i += 2)
		rmap_mprotect(run, p, addr + i * PAGE, PAGE, PROT_READ);
	if (run->failed)
		return;
	rmap_note(run);
	/* Reclaim would look at all pages, as all were accessed: with lists, n * n areas. */
	for (int i = 0; i < 256 && !run->failed; i++)
		rmap_ask(run, p, addr + rmap_random(run, n) * PAGE);
}

/* "Under 500M swap load without problems" (2004): @n pages are used by turns, in a quarter of the memory. */
static void run_swap(struct rmap_run *run, unsigned long n)
{
	struct rmap_process *p = rmap_begin(run, n / 4 + 2048, 1) ? rmap_exec(run) : NULL;
	unsigned long addr = p ? map_anon(run, p, 0, n * PAGE) : 0;

	touch_all(run, p, addr, n, true);
	for (unsigned long i = 0; i < n && !run->failed; i++) {
		unsigned long at = addr + rmap_random(run, n) * PAGE;

		if (i & 1)
			rmap_write(run, p, at);
		else
			rmap_read(run, p, at);
	}
	if (!run->failed)
		rmap_note(run);
}

/* "Take a look at User Mode Linux" (2004): single pages of one file, mapped all over a window of @n pages. */
static void run_uml(struct rmap_run *run, unsigned long n, bool window)
{
	struct rmap_process *p = rmap_begin(run, n + 4096, 1) ? rmap_exec(run) : NULL;
	struct vm_file *file = p ? new_file(run, n) : NULL;

	if (!run->failed)
		map_file(run, p, FAR, n * PAGE, file, 0, MAP_SHARED);
	for (unsigned long i = 0; i < n && !run->failed; i++) {
		unsigned long at = FAR + rmap_random(run, n) * PAGE;

		rmap_remap(run, p, at, rmap_random(run, n), window);
		rmap_write(run, p, at);
	}
	if (!run->failed) {
		rmap_note(run);
		rmap_reclaim(run, n / 2);
	}
	vm_file_put(file);
}

static void run_uml_window(struct rmap_run *run, unsigned long n)
{
	run_uml(run, n, true);
}

static void run_uml_areas(struct rmap_run *run, unsigned long n)
{
	run_uml(run, n, false);
}

#define LIBRARIES     20
#define LIBRARY_PAGES 64

struct desktop {
	struct vm_file *library[LIBRARIES];
	struct rmap_process **program;
	unsigned long *blocks; /* four of each program, of 8 pages */
};

/* What a program does at its start: libraries, read and a bit written; a heap of a few blocks. */
static void start_program(struct rmap_run *run, struct desktop *d, unsigned long i)
{
	struct rmap_process *p = d->program[i];

	for (int l = 0; l < LIBRARIES && !run->failed; l++) {
		unsigned long addr = map_file(run, p, 0, LIBRARY_PAGES * PAGE, d->library[l], 0, MAP_PRIVATE);

		rmap_mprotect(run, p, addr + 48 * PAGE, 8 * PAGE, RW);
		touch_all(run, p, addr + rmap_random(run, 32) * PAGE, 12, false);
		touch_all(run, p, addr + 48 * PAGE, 4, true);
	}
	for (int b = 0; b < 4 && !run->failed; b++) {
		d->blocks[4 * i + b] = map_anon(run, p, FAR + 64UL * (4 * i + b) * PAGE, 8 * PAGE);
		touch_all(run, p, d->blocks[4 * i + b], 8, true);
	}
}

/* A helper that runs for a moment: forked, it writes a little, moves a block of the heap beside another, and ends. */
static void run_helper(struct rmap_run *run, struct desktop *d, unsigned long i)
{
	struct rmap_process *child = rmap_fork(run, d->program[i]);
	unsigned long *block = &d->blocks[4 * i];

	if (!child)
		return;
	touch_all(run, child, block[0], 4, true);
	rmap_mremap(run, child,
		&(struct mremap_request){
			block[1], 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, block[0] + 8 * PAGE });
	touch_all(run, child, block[0] + 8 * PAGE, 2, true);
	touch_all(run, child, map_anon(run, child, block[2] + 8 * PAGE, 8 * PAGE), 8, true);
	if (!run->failed && rmap_random(run, 4))
		rmap_exit(run, child);
}

/* @n programs of a user at a desk, which share their libraries and run helpers. */
static void run_desktop(struct rmap_run *run, unsigned long n)
{
	struct desktop d = { .program = calloc(n, sizeof(struct rmap_process *)),
		.blocks = calloc(4 * n, sizeof(*d.blocks)) };

	if (!d.program || !d.blocks)
		rmap_fail(run, "no memory for the workload");
	for (int l = 0; l < LIBRARIES; l++)
		d.library[l] = new_file(run, LIBRARY_PAGES);
	if (!run->failed && rmap_begin(run, 120 * n + 8192, 8 * n))
		for (unsigned long i = 0; i < n && !run->failed; i++) {
			d.program[i] = rmap_exec(run);
			if (d.program[i])
				start_program(run, &d, i);
		}
	for (unsigned long i = 0; i < 8 * n && !run->failed; i++)
		run_helper(run, &d, rmap_random(run, n));
	if (!run->failed) {
		rmap_note(run);
		rmap_reclaim(run, 60 * n);
	}
	for (int l = 0; l < LIBRARIES; l++)
		vm_file_put(d.library[l]);
	free(d.program);
	free(d.blocks);
}

const struct rmap_workload rmap_workloads[] = {
	{ "one-file", "one file, mapped by many areas of four pages", 10000, "areas", run_one_file },
	{ "fork-server", "a server and its children, each with pages of its own", 1000, "children",
		run_fork_server },
	{ "cut", "one area, touched, then cut by mprotect", 100000, "areas", run_cut },
	{ "swap", "more pages in use than memory", 128000, "pages", run_swap },
	{ "uml-window", "single pages of a file all over, remap_file_pages as it was", 8192, "pages",
		run_uml_window },
	{ "uml-areas", "the same with an area each, as today", 8192, "pages", run_uml_areas },
	{ "desktop", "programs that share libraries and fork helpers", 64, "programs", run_desktop },
};

const int rmap_nr_workloads = sizeof(rmap_workloads) / sizeof(rmap_workloads[0]);

#define WALKS 200

bool rmap_walk_cost(const struct rmap_ops *ops, unsigned long areas, double *ns, double *looked)
{
	struct rmap_run run = { .ops = ops, .random = 1 };
	struct rmap_process *p = rmap_begin(&run, areas + 4096, 1) ? rmap_exec(&run) : NULL;
	unsigned long addr = p ? map_anon(&run, p, FAR, areas * PAGE) : 0, walks = 0;
	uint64_t before, least = ~0UL, spent = 0;

	touch_all(&run, p, addr, areas, true);
	for (unsigned long i = 1; i < areas && !run.failed; i += 2)
		rmap_mprotect(&run, p, addr + i * PAGE, PAGE, PROT_READ);
	/* The fastest of some rounds, each over pages of its own; of many, where they are short. */
	for (int round = 0; !run.failed && (round < 5 || (round < 100 && spent < 500000000)); round++) {
		unsigned long total = 0;

		before = lab_now_ns();
		for (walks = 0; walks < WALKS; walks++) {
			paging_walk(&p->mm, addr + rmap_random(&run, areas) * PAGE, NULL, NULL);
			total += paging_walk_areas();
		}
		before = lab_since(before);
		least = before < least ? before : least;
		spent += before;
		*looked = (double)total / WALKS;
	}
	*ns = (double)least / WALKS;
	rmap_end(&run);
	return !run.failed;
}
