/* SPDX-License-Identifier: MIT */
/*
 * Runs of workloads on one reverse map: machines, timed calls, what is noted of them.
 */
#include "rmap_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/merge.h>

#include "lab.h"

#define PAGE 4096UL

const char *rmap_kind_name(enum rmap_kind kind)
{
	static const char *const names[RMAP_KINDS] = { "fork", "fault", "exit", "mmap", "munmap", "mprotect",
		"mremap", "remap_file", "walk", "reclaim" };

	return names[kind];
}

void rmap_fail(struct rmap_run *run, const char *what)
{
	if (!run->failed)
		snprintf(run->error, sizeof(run->error), "%s: %s", run->ops->name, what);
	run->failed = true;
}

/* A call that began at @before is over. */
static void took(struct rmap_run *run, enum rmap_kind kind, uint64_t before, bool failed)
{
	char what[64];

	run->ns[kind] += lab_since(before);
	run->calls[kind]++;
	if (!failed)
		return;
	snprintf(what, sizeof(what), "%s fails", rmap_kind_name(kind));
	rmap_fail(run, what);
}

bool rmap_begin(struct rmap_run *run, unsigned long frames, unsigned long processes)
{
	const struct paging_options options = {
		.frames = frames, .swap_pages = run->swap_pages, .swap_fd = -1
	};

	run->processes = calloc(processes, sizeof(*run->processes));
	run->nr_processes = processes;
	run->frames = frames;
	mm_system_init(&run->sys, run->ops);
	run->sys.max_map_count = 1 << 30;
	if (!run->processes || paging_new(&run->paging, &run->sys, &options))
		rmap_fail(run, "no memory for the machine");
	return !run->failed;
}

static struct rmap_process *place_for_process(struct rmap_run *run)
{
	for (unsigned long i = 0; i < run->nr_processes && !run->failed; i++)
		if (!run->processes[i].alive)
			return &run->processes[i];
	rmap_fail(run, "too many processes");
	return NULL;
}

struct rmap_process *rmap_exec(struct rmap_run *run)
{
	struct rmap_process *p = place_for_process(run);

	if (!p)
		return NULL;
	mm_init(&p->mm, &run->sys);
	if (paging_attach(&p->mm)) {
		rmap_fail(run, "no memory for page tables");
		return NULL;
	}
	p->alive = true;
	return p;
}

struct rmap_process *rmap_fork(struct rmap_run *run, struct rmap_process *parent)
{
	struct rmap_process *p = place_for_process(run);
	uint64_t before;

	if (!p || !parent)
		return NULL;
	before = lab_now_ns();
	if (mm_fork(&p->mm, &parent->mm)) {
		mm_exit(&p->mm);
		rmap_fail(run, "fork: out of memory");
		return NULL;
	}
	took(run, RMAP_FORK, before, false);
	p->alive = true;
	return p;
}

void rmap_exit(struct rmap_run *run, struct rmap_process *p)
{
	uint64_t before = lab_now_ns();

	run->merges += p->mm.counters.merges;
	mm_exit(&p->mm);
	took(run, RMAP_EXIT, before, false);
	p->alive = false;
}

unsigned long rmap_mmap(struct rmap_run *run, struct rmap_process *p, const struct mmap_request *req)
{
	uint64_t before = lab_now_ns();
	unsigned long addr = mm_mmap(&p->mm, req);

	took(run, RMAP_MMAP, before, IS_ERR_VALUE(addr));
	return addr;
}

void rmap_munmap(struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long len)
{
	uint64_t before = lab_now_ns();

	took(run, RMAP_MUNMAP, before, mm_munmap(&p->mm, addr, len));
}

void rmap_mprotect(struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long len,
	unsigned long prot)
{
	uint64_t before = lab_now_ns();

	took(run, RMAP_MPROTECT, before, mm_mprotect(&p->mm, addr, len, prot, -1));
}

unsigned long rmap_mremap(struct rmap_run *run, struct rmap_process *p, const struct mremap_request *req)
{
	uint64_t before = lab_now_ns();
	unsigned long addr = mm_mremap(&p->mm, req);

	took(run, RMAP_MREMAP, before, IS_ERR_VALUE(addr));
	return addr;
}

void rmap_remap(struct rmap_run *run, struct rmap_process *p, unsigned long addr, pgoff_t pgoff, bool window)
{
	uint64_t before = lab_now_ns();

	took(run, RMAP_REMAP, before, paging_remap_file_pages(&p->mm, addr, PAGE, pgoff, window));
}

#define LOW_FRAMES 512 /* fewer free ones, and some are freed before anything else is done */

void rmap_keep_some_free(struct rmap_run *run)
{
	struct paging_stats stats = paging_statistics(run->paging);

	if (stats.free_frames < LOW_FRAMES)
		rmap_reclaim(run, LOW_FRAMES);
}

static void touch(struct rmap_run *run, struct rmap_process *p, unsigned long addr, bool write)
{
	unsigned long faults;
	uint64_t before, ignored;
	int err;

	if (run->failed)
		return;
	rmap_keep_some_free(run);
	faults = paging_statistics(run->paging).faults;
	before = lab_now_ns();
	err = write ? paging_write(&p->mm, addr, ++run->stamp) : paging_read(&p->mm, addr, &ignored);
	if (paging_statistics(run->paging).faults != faults)
		took(run, RMAP_FAULT, before, false);
	if (err)
		rmap_fail(run, "an access fails");
}

void rmap_read(struct rmap_run *run, struct rmap_process *p, unsigned long addr)
{
	touch(run, p, addr, false);
}

void rmap_write(struct rmap_run *run, struct rmap_process *p, unsigned long addr)
{
	touch(run, p, addr, true);
}

void rmap_ask(struct rmap_run *run, struct rmap_process *p, unsigned long addr)
{
	uint64_t before = lab_now_ns();

	took(run, RMAP_WALK, before, paging_walk(&p->mm, addr, NULL, NULL) < 1);
}

void rmap_reclaim(struct rmap_run *run, unsigned long nr)
{
	uint64_t before = lab_now_ns();

	paging_reclaim(run->paging, nr);
	took(run, RMAP_RECLAIM, before, false);
}

/* Neighbours of the same kind that only the reverse map keeps apart: by what they own, or by where that was first. */
static unsigned long refused_in(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *prev = NULL;
	unsigned long nr = 0;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		unsigned int why = prev ? vma_merge_blockers(prev, vma) : 0;

		if (prev && why && !(why & ~(unsigned int)(VMA_BLOCK_ANON_VMA | VMA_BLOCK_OFFSET)) &&
			(!vma->vm_file || !(why & VMA_BLOCK_OFFSET)))
			nr++;
		prev = vma;
	}
	return nr;
}

void rmap_note(struct rmap_run *run)
{
	struct paging_stats stats = paging_statistics(run->paging);

	run->areas = run->alive = run->refused = 0;
	for (unsigned long i = 0; i < run->nr_processes; i++) {
		if (!run->processes[i].alive)
			continue;
		run->alive++;
		run->areas += (unsigned long)run->processes[i].mm.map_count;
		run->refused += refused_in(&run->processes[i].mm);
	}
	run->pages = run->frames - 1 - stats.free_frames;
	run->bytes = rmap_bytes();
}

/* splitmix64: Steele, Lea and Flood 2014 */
uint64_t rmap_random(struct rmap_run *run, uint64_t below)
{
	uint64_t z = (run->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return (uint64_t)(((unsigned __int128)z * below) >> 64);
}

void rmap_end(struct rmap_run *run)
{
	for (unsigned long i = 0; i < run->nr_processes && run->processes; i++)
		if (run->processes[i].alive)
			rmap_exit(run, &run->processes[i]);
	if (run->paging) {
		run->stats = paging_statistics(run->paging);
		paging_free(run->paging);
	}
	free(run->processes);
	run->processes = NULL;
	run->paging = NULL;
}

bool rmap_run_workload(struct rmap_run *run, const struct rmap_ops *ops, const struct rmap_workload *w,
	unsigned long n, unsigned long swap_pages)
{
	*run = (struct rmap_run){ .ops = ops, .random = 1, .swap_pages = swap_pages };
	w->run(run, n);
	rmap_end(run);
	return !run->failed;
}
