/* SPDX-License-Identifier: MIT */
/*
 * The lab: every index of areas in one program, driven by the same calls.
 *
 * 1. An index is a table of functions, struct lab_index.  Behind each lies the whole of lib/mm and the replay of
 *    recordings, compiled with that index (driver.c).  The layout of struct mm_struct differs, so that here it has
 *    none.
 * 2. A run is one workload on one index, timed, or on all of them side by side, compared after every call (run.c).
 * 3. Besides, each index is there in a build that counts the cache lines that it touches (touch.h).
 * 4. A workload is a program that makes calls; it sees their results, which are the same on all (workloads.c).
 */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mm_struct;
struct vm_file;
struct replay;
struct trace_header;
struct trace_event;

enum lab_kind {
	LAB_MMAP,     /* addr, len, prot, flags, offset; file */
	LAB_MUNMAP,   /* addr, len */
	LAB_MPROTECT, /* addr, len, prot */
	LAB_MREMAP,   /* addr, old_len, new_len, flags, new_addr */
	LAB_BRK,      /* brk */
	LAB_MADVISE,  /* addr, len, advice */
	LAB_MLOCK,    /* addr, len, on */
	LAB_FAULT,    /* addr, flags */
	LAB_FIND,     /* addr: find_vma(): vm_start of what it finds, or -1 */
	LAB_SEARCH,   /* addr, len, flags: mm_get_unmapped_area() */
	LAB_OTHER,    /* of recordings: forks, exits, and calls of other kinds */
	LAB_KINDS
};
const char *lab_kind_name(enum lab_kind kind);

struct lab_call {
	enum lab_kind kind;
	unsigned long a[5];
	struct vm_file *file;
};

/* What a process begins with. */
struct lab_setup {
	unsigned long mmap_base; /* where searches begin; 0: as usual */
	unsigned long brk;       /* 0: no heap */
	bool bottomup;
	int max_map_count;   /* 0: as usual */
	unsigned int verify; /* enum mm_verify */
};

/* An area, as all indexes must agree on it. */
struct lab_area {
	unsigned long start, end, pgoff;
	uint64_t flags;
	const char *file; /* its name, or "" */
	const char *name; /* given by PR_SET_VMA_ANON_NAME, or "" */
	bool anon_vma;
};

struct lab_counters {
	unsigned long areas, total_vm, locked_vm, committed;
};

struct lab_shape {
	unsigned long areas;
	unsigned long bytes; /* of areas and index together */
	unsigned int depth;  /* nodes on the longest way down */
};

struct lab_index {
	const char *name, *structure;
	/* NULL: out of memory. */
	struct mm_struct *(*mm_new)(const struct lab_setup *setup);
	void (*mm_free)(struct mm_struct *mm);
	/* The result of the call, or -errno. */
	long (*call)(struct mm_struct *mm, const struct lab_call *call);
	/* The first area that ends above @addr. */
	bool (*area)(struct mm_struct *mm, unsigned long addr, struct lab_area *area);
	struct lab_counters (*counters)(const struct mm_struct *mm);
	struct lab_shape (*shape)(struct mm_struct *mm);
	/* What find_vma() of @addr would go through: nodes of a tree, or areas. */
	unsigned int (*nodes)(struct mm_struct *mm, unsigned long addr);
	bool (*validate)(struct mm_struct *mm, const char **reason);
	/* Recordings: see <vmaple/replay.h>. Not compared with the observations in them. verify: enum mm_verify. */
	struct replay *(*replay_new)(const struct trace_header *header, unsigned int verify);
	int (*replay_event)(struct replay *replay, const struct trace_event *event);
	struct mm_struct *(*replay_mm)(struct replay *replay, uint32_t pid);
	void (*replay_free)(struct replay *replay);
	bool counted; /* the cache lines that it touches are counted: touch.h */
};

#define LAB_INDEXES 3
extern const struct lab_index maple_lab_index, augmented_lab_index, classic_lab_index;
/* The default first. */
extern const struct lab_index *const lab_indexes[LAB_INDEXES];
/* The same in the same order, counted.  NULL in builds with a sanitizer. */
extern const struct lab_index touched_maple_lab_index, touched_augmented_lab_index, touched_classic_lab_index;
extern const struct lab_index *const lab_counted_indexes[LAB_INDEXES];

/* Where two indexes differ in [lo, hi] (bytes); false, and one sentence in @error. */
bool lab_same_window(const struct lab_index *const *indexes, struct mm_struct *const *mms, int nr,
	unsigned long lo, unsigned long hi, char *error, size_t size);
/* Their counters, and all areas. */
bool lab_same_counters(const struct lab_index *const *indexes, struct mm_struct *const *mms, int nr,
	char *error, size_t size);

/* --- runs ------------------------------------------------------------------------------------------------- */

struct lab_cost {
	uint64_t calls, ns;
	uint64_t counted, lines; /* of a counted index: cache lines of every LAB_EACHth call */
};
#define LAB_EACH 16

struct lab_run {
	const struct lab_index *indexes[LAB_INDEXES];
	struct mm_struct *mm[LAB_INDEXES];
	struct replay *replay[LAB_INDEXES];
	int nr; /* 1: timed; more: compared */
	struct lab_cost cost[LAB_KINDS];
	struct lab_shape shape;  /* of the first index, when it was largest */
	unsigned long most;      /* areas of one map of a recording */
	uint64_t lookups, nodes; /* of a counted index: calls of find_vma(), and what they went through */
	uint64_t calls;
	uint64_t unchecked; /* calls since all areas were compared */
	bool failed;
	int err; /* then: why, of a recording (-errno) or -ENOMEM; 0: the indexes disagree */
	char error[400];
	uint64_t random;
};

/* An empty run on one index, or on all (NULL). */
void lab_choose(struct lab_run *run, const struct lab_index *only);
/* The same, with an address space on each. 0 or -ENOMEM. */
int lab_begin(struct lab_run *run, const struct lab_index *only, const struct lab_setup *setup);
void lab_end(struct lab_run *run);
/* A call. The result is the same on all indexes; or run->failed is set, and its error says how. */
long lab_do(struct lab_run *run, struct lab_call call);
/* What was built so far is the setting: its calls are not counted. */
void lab_start_clock(struct lab_run *run);
/* Note the shape now, if it is the largest yet. */
void lab_note_shape(struct lab_run *run);
uint64_t lab_random(struct lab_run *run, uint64_t below);
/* Compare all areas now, and validate each index. */
void lab_compare_all(struct lab_run *run);
/* A whole recording, from @path; compared or timed as a workload. On failure the error says why. */
void lab_replay(struct lab_run *run, const struct lab_index *only, unsigned int verify, const char *path);
/* The same on the indexes that @run, begun by nobody, has already. */
void lab_replay_chosen(struct lab_run *run, unsigned int verify, const char *path);
/* What is noted of a call that begins, and of one that ends, on the one index of @run. */
struct lab_watch {
	uint64_t before;
	bool count;
};
struct lab_watch lab_watch(const struct lab_run *run, const struct lab_cost *cost);
void lab_watched(struct lab_run *run, struct lab_cost *cost, struct lab_watch watch);
/* The clock; and what has passed since, less what looking at it costs. */
uint64_t lab_now_ns(void);
uint64_t lab_since(uint64_t before);

/* --- workloads -------------------------------------------------------------------------------------------- */

struct lab_workload {
	const char *name, *summary;
	struct lab_setup setup;
	unsigned long n; /* how large it is, normally: areas that live at the same time, about */
	void (*run)(struct lab_run *run, unsigned long n);
};
extern const struct lab_workload lab_workloads[];
extern const int lab_nr_workloads;

/* --- cost against the number of areas ---------------------------------------------------------------------- */

enum lab_sweep_op {
	SWEEP_FIND, /* find_vma() of a random address */
	SWEEP_WRONG, /* a search for 16 pages, which fit in one place, when the last was for one page; both together */
	SWEEP_RIGHT,  /* the same when the last was for the same */
	SWEEP_UPDATE, /* mmap() of a page in a random hole, by MAP_FIXED, and munmap() of it */
	SWEEP_OPS
};
const char *lab_sweep_name(enum lab_sweep_op op);

struct lab_sweep {
	unsigned long n; /* areas, a page each, with holes of a page; and one hole of 16 */
	struct {
		double ns[SWEEP_OPS];
		double lines[SWEEP_OPS]; /* cache lines; 0: not counted */
		double nodes;            /* that SWEEP_FIND goes through */
		struct lab_shape shape;
	} index[LAB_INDEXES];
};
/* Measure at sweep->n. 0; or -ENOMEM, or -EIO: the indexes differ. */
int lab_sweep(struct lab_sweep *sweep);
/* Draw what was measured at @nr sizes, as SVG. 0, or -EIO when @out could not be written. */
int lab_sweep_picture(FILE *out, const struct lab_sweep *sweeps, size_t nr, const char *note);

#endif /* LAB_H */
