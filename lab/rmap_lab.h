/* SPDX-License-Identifier: MIT */
/*
 * The second half of the lab: the same processes on every reverse map.
 *
 * A run is one workload on a machine of its own (struct paging) with one design.  It times what the processes do, by
 * kinds; reclaim is kept apart from faults by freeing pages, timed, before memory is short.
 */
#ifndef RMAP_LAB_H
#define RMAP_LAB_H

#include <vmaple/paging.h>

enum rmap_kind {
	RMAP_FORK,
	RMAP_FAULT, /* accesses that led to one */
	RMAP_EXIT,
	RMAP_MMAP,
	RMAP_MUNMAP,
	RMAP_MPROTECT,
	RMAP_MREMAP,
	RMAP_REMAP, /* remap_file_pages */
	RMAP_WALK,  /* from one page to all who map it */
	RMAP_RECLAIM,
	RMAP_KINDS
};
const char *rmap_kind_name(enum rmap_kind kind);

struct rmap_process {
	struct mm_struct mm;
	bool alive;
};

struct rmap_run {
	const struct rmap_ops *ops;
	struct mm_system sys;
	struct paging *paging;
	struct rmap_process *processes;
	unsigned long nr_processes; /* places for them */
	unsigned long frames;
	uint64_t calls[RMAP_KINDS], ns[RMAP_KINDS];
	uint64_t stamp;
	uint64_t random;
	unsigned long swap_pages; /* asked for */
	/* Noted when the workload says so: at its largest. */
	unsigned long areas, alive, pages, bytes, refused;
	unsigned long merges; /* of all processes, also those that ended */
	struct paging_stats stats;
	bool failed;
	int err; /* then: why, of a recording: -errno; 0: what is in error */
	char error[200];
};

struct rmap_workload {
	const char *name, *summary;
	unsigned long n; /* how large, normally */
	const char *what_n_is;
	void (*run)(struct rmap_run *run, unsigned long n);
};
extern const struct rmap_workload rmap_workloads[];
extern const int rmap_nr_workloads;

/* Carry out @w with @ops: results in @run. False: run->error says why. */
bool rmap_run_workload(struct rmap_run *run, const struct rmap_ops *ops, const struct rmap_workload *w,
	unsigned long n, unsigned long swap_pages);
/* A recording's calls, faults, forks and exits. */
bool rmap_run_recording(
	struct rmap_run *run, const struct rmap_ops *ops, const char *path, unsigned long swap_pages);
/* ns for one walk over a page of an area that was touched and cut into @areas; and how many areas it looked at. */
bool rmap_walk_cost(const struct rmap_ops *ops, unsigned long areas, double *ns, double *looked);

/* --- for workloads ---------------------------------------------------------------------------------------- */

/* A machine with @frames pages of memory, and room for @processes. */
bool rmap_begin(struct rmap_run *run, unsigned long frames, unsigned long processes);
void rmap_fail(struct rmap_run *run, const char *what);
/* Free some pages, timed, if few are left. */
void rmap_keep_some_free(struct rmap_run *run);
struct rmap_process *rmap_exec(struct rmap_run *run);
struct rmap_process *rmap_fork(struct rmap_run *run, struct rmap_process *parent);
void rmap_exit(struct rmap_run *run, struct rmap_process *p);
unsigned long rmap_mmap(struct rmap_run *run, struct rmap_process *p, const struct mmap_request *req);
void rmap_munmap(struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long len);
void rmap_mprotect(struct rmap_run *run, struct rmap_process *p, unsigned long addr, unsigned long len,
	unsigned long prot);
unsigned long rmap_mremap(struct rmap_run *run, struct rmap_process *p, const struct mremap_request *req);
void rmap_remap(struct rmap_run *run, struct rmap_process *p, unsigned long addr, pgoff_t pgoff, bool window);
void rmap_read(struct rmap_run *run, struct rmap_process *p, unsigned long addr);
void rmap_write(struct rmap_run *run, struct rmap_process *p, unsigned long addr);
/* Who maps the page at @addr? */
void rmap_ask(struct rmap_run *run, struct rmap_process *p, unsigned long addr);
/* Take away @nr pages, wherever they are. */
void rmap_reclaim(struct rmap_run *run, unsigned long nr);
/* All processes end, and the machine. */
void rmap_end(struct rmap_run *run);
/* Note what there is now. */
void rmap_note(struct rmap_run *run);
uint64_t rmap_random(struct rmap_run *run, uint64_t below);

#endif /* RMAP_LAB_H */
