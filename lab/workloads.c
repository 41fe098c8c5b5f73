/* SPDX-License-Identifier: MIT */
/*
 * Workloads: programs that make the calls for which an index was praised or blamed.  docs/unmapped-area.md says
 * where each comes from.
 */
#include "lab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <vmaple/mm_types.h>

#define PAGE  4096UL
#define MB    (1UL << 20)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define PLACE (ANON | MAP_FIXED)

static unsigned long map(
	struct lab_run *run, unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags)
{
	return (unsigned long)lab_do(
		run, (struct lab_call){ .kind = LAB_MMAP, .a = { addr, len, prot, flags, 0 } });
}

static void unmap(struct lab_run *run, unsigned long addr, unsigned long len)
{
	lab_do(run, (struct lab_call){ .kind = LAB_MUNMAP, .a = { addr, len } });
}

static void touch(struct lab_run *run, unsigned long addr)
{
	lab_do(run, (struct lab_call){ .kind = LAB_FAULT, .a = { addr, 3 } });
}

static void find(struct lab_run *run, unsigned long addr)
{
	lab_do(run, (struct lab_call){ .kind = LAB_FIND, .a = { addr } });
}

/* Neighbours that cannot merge: every other one is read-only. */
static unsigned long apart(unsigned long i)
{
	return i & 1 ? PROT_READ : RW;
}

/*
 * @n long-lived pages with a hole of one page beside each; then, again and again, two pages and one page are mapped
 * and unmapped.  Two do not fit the holes, and the search that passes over all of them is forgotten when one is
 * looked for.
 */
static void run_fragments(struct lab_run *run, unsigned long n)
{
	unsigned long base = map(run, 0, 2 * n * PAGE, PROT_NONE, ANON);

	for (unsigned long i = 0; i < n && !run->failed; i++) {
		map(run, base + 2 * i * PAGE, PAGE, apart(i), PLACE);
		unmap(run, base + (2 * i + 1) * PAGE, PAGE);
	}
	lab_start_clock(run);
	for (unsigned long i = 0; i < 2000 && !run->failed; i++) {
		unsigned long two = map(run, 0, 2 * PAGE, RW, ANON), one = map(run, 0, PAGE, RW, ANON);

		find(run, base + lab_random(run, 2 * n) * PAGE);
		unmap(run, two, 2 * PAGE);
		unmap(run, one, PAGE);
	}
}

/*
 * @n areas one below the other, and none is ever unmapped: the cache knows each time where the next one goes.  Between
 * them searches for what would come next.
 */
static void run_growing(struct lab_run *run, unsigned long n)
{
	for (unsigned long i = 0; i < n && !run->failed; i++) {
		map(run, 0, PAGE, apart(i), ANON);
		lab_do(run, (struct lab_call){ .kind = LAB_SEARCH, .a = { 0, PAGE, 0 } });
	}
	lab_note_shape(run);
}

#define STACK (8 * MB + PAGE)

static unsigned long make_thread(struct lab_run *run)
{
	unsigned long stack = map(run, 0, STACK, PROT_NONE, ANON | MAP_NORESERVE | MAP_STACK);

	lab_do(run, (struct lab_call){ .kind = LAB_MPROTECT, .a = { stack + PAGE, STACK - PAGE, RW } });
	touch(run, stack + STACK - PAGE);
	return stack;
}

/* @n thread stacks with their guard pages, as glibc makes them; some end and others begin; then all end. */
static void run_threads(struct lab_run *run, unsigned long n)
{
	unsigned long *stacks = calloc(n, sizeof(*stacks));

	if (!stacks)
		return;
	for (unsigned long i = 0; i < n && !run->failed; i++)
		stacks[i] = make_thread(run);
	lab_note_shape(run);
	for (unsigned long i = 0; i < n && !run->failed; i++) {
		unsigned long which = lab_random(run, n);

		unmap(run, stacks[which], STACK);
		find(run, stacks[lab_random(run, n)]);
		stacks[which] = make_thread(run);
	}
	for (unsigned long i = 0; i < n && !run->failed; i++)
		unmap(run, stacks[i], STACK);
	free(stacks);
}

#define FULL_BASE (1UL << 36)

/*
 * An address space that is full below mmap_base: @n pages with a hole of one page between any two, and at the lower
 * end the one hole that is large enough for what is asked for.
 */
static void run_one_gap(struct lab_run *run, unsigned long n)
{
	unsigned long low = FULL_BASE - 2 * n * PAGE, gap = low - 16 * PAGE;

	map(run, 65536, gap - 65536, PROT_NONE, PLACE | MAP_NORESERVE);
	for (unsigned long i = 0; i < n && !run->failed; i++)
		map(run, low + 2 * i * PAGE, PAGE, apart(i), PLACE);
	lab_start_clock(run);
	for (unsigned long i = 0; i < 1000 && !run->failed; i++) {
		unsigned long addr = map(run, 0, 16 * PAGE, RW, ANON);

		unmap(run, addr, 16 * PAGE);
		addr = map(run, 0, PAGE, RW, ANON);
		unmap(run, addr, PAGE);
		find(run, low + lab_random(run, 2 * n) * PAGE);
		lab_do(run, (struct lab_call){ .kind = LAB_SEARCH, .a = { 0, 8 * PAGE, 0 } });
	}
}

/*
 * Buffers of a graphics driver: @n at a time, of all sizes, each at its own offset of the device, so
 * that none merge.
 */
static void run_buffers(struct lab_run *run, unsigned long n)
{
	struct vm_file device = { .refs = 1,
		.kind = VM_FILE_REGULAR,
		.readable = true,
		.writable = true,
		.vm_flags = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP,
		.name = "/dev/dri/renderD128" };
	struct {
		unsigned long addr, len;
	} *buffers = calloc(n, sizeof(*buffers));

	for (unsigned long i = 0; buffers && i < 8 * n && !run->failed; i++) {
		unsigned long which = i < n ? i : lab_random(run, n),
			      offset = lab_random(run, 1 << 20) * PAGE;

		if (buffers[which].addr)
			unmap(run, buffers[which].addr, buffers[which].len);
		buffers[which].len = PAGE << lab_random(run, 13);
		buffers[which].addr = (unsigned long)lab_do(
			run, (struct lab_call){ .kind = LAB_MMAP,
				     .a = { 0, buffers[which].len, RW, MAP_SHARED, offset },
				     .file = &device });
		find(run, buffers[lab_random(run, i < n ? i + 1 : n)].addr);
	}
	lab_note_shape(run);
	for (unsigned long i = 0; buffers && i < n && !run->failed; i++)
		unmap(run, buffers[i].addr, buffers[i].len);
	free(buffers);
}

struct block {
	unsigned long addr, len;
};

static void change_block(struct lab_run *run, struct block *b)
{
	unsigned long len = (32 + lab_random(run, 480)) * PAGE;

	switch (lab_random(run, 8)) {
	case 0:
		lab_do(run,
			(struct lab_call){ .kind = LAB_MADVISE, .a = { b->addr, b->len, MADV_DONTNEED } });
		break;
	case 1:
		lab_do(run, (struct lab_call){ .kind = LAB_MPROTECT, .a = { b->addr, 4 * PAGE, PROT_NONE } });
		lab_do(run, (struct lab_call){ .kind = LAB_MPROTECT, .a = { b->addr, 4 * PAGE, RW } });
		break;
	case 2:
		b->addr = (unsigned long)lab_do(
			run, (struct lab_call){
				     .kind = LAB_MREMAP, .a = { b->addr, b->len, len, MREMAP_MAYMOVE, 0 } });
		b->len = len;
		break;
	case 3:
		touch(run, b->addr);
		break;
	default:
		unmap(run, b->addr, b->len);
		*b = (struct block){ map(run, 0, len, RW, ANON), len };
		touch(run, b->addr);
	}
}

/* A heap that grows and shrinks, and @n large blocks that come, go, grow and lose their pages. */
static void run_malloc(struct lab_run *run, unsigned long n)
{
	unsigned long brk = 0x10000000;
	struct block *blocks = calloc(n, sizeof(*blocks));

	for (unsigned long i = 0; blocks && i < n && !run->failed; i++) {
		blocks[i].len = (32 + lab_random(run, 480)) * PAGE;
		blocks[i].addr = map(run, 0, blocks[i].len, RW, ANON);
		if (i % 3 == 0)
			touch(run, blocks[i].addr);
	}
	for (unsigned long i = 0; blocks && i < 20 * n && !run->failed; i++) {
		change_block(run, &blocks[lab_random(run, n)]);
		if (lab_random(run, 4))
			continue;
		brk = lab_random(run, 16) ? brk + 33 * PAGE : 0x10000000;
		lab_do(run, (struct lab_call){ .kind = LAB_BRK, .a = { brk } });
	}
	lab_note_shape(run);
	free(blocks);
}

#define MAPS 4000000 /* vm.max_map_count: not in the way */

const struct lab_workload lab_workloads[] = {
	{ "fragments", "small maps and unmaps around long-lived ones", { .max_map_count = MAPS }, 10000,
		run_fragments },
	{ "growing", "areas one below the other, none unmapped", { .max_map_count = MAPS }, 20000,
		run_growing },
	{ "threads", "thread stacks made, ended and made again", { .max_map_count = MAPS }, 20000,
		run_threads },
	{ "one-gap", "a full address space with one gap that fits",
		{ .mmap_base = FULL_BASE, .max_map_count = MAPS }, 60000, run_one_gap },
	{ "buffers", "a graphics driver's buffers", { .max_map_count = MAPS }, 4000, run_buffers },
	{ "malloc", "a heap and large blocks", { .brk = 0x10000000, .max_map_count = MAPS }, 2000,
		run_malloc },
};

const int lab_nr_workloads = sizeof(lab_workloads) / sizeof(lab_workloads[0]);
