/* SPDX-License-Identifier: MIT */
/*
 * What the files of the room share.
 *
 *   live_map.c   the seam: which source, names and numbers for what it has read
 *   map_bpf.c    areas by the program of map.bpf.c
 *   map_proc.c   areas by /proc/PID/smaps
 *   map_build.c  the engine's areas out of those
 *   live_tasks.c the seam: all processes with the number of their areas
 *   tasks_bpf.c  by the program of tasks.bpf.c
 *   tasks_proc.c by the lines of every /proc/PID/maps
 *   numbers.c    pointers of the kernel become small numbers
 *
 * Both seams have the same form: a reading by BPF is tried first, and what keeps that from working is a
 * sentence (reason) beside the answer of /proc. The *_none.c files stand in for the *_bpf.c ones in a
 * build without clang, bpftool and libbpf.
 */
#ifndef LIVE_BPF_INTERNAL_H
#define LIVE_BPF_INTERNAL_H

#include <inttypes.h>
#include <stdio.h>

#include <vmaple/live_map.h>
#include <vmaple/live_tasks.h>
#include <vmaple/maple_tree.h>

/*
 * A map as it is being made; the public part comes first, and its strings and reason live here.
 * allocated: of map.areas. Areas move while they are added (realloc), names do not (live_map.c).
 */
struct reading {
	struct live_map map;
	uint32_t allocated;
	bool names_only; /* LIVE_MAP_NAMES */
	char reason[256];
	struct name_chunk *names;
};

/* One area more, cleared; its name is given by reading_name(). NULL: out of memory. */
struct live_area *reading_add(struct reading *r);
/* A copy of @name that lives as long as the map. NULL: out of memory. */
const char *reading_name(struct reading *r, const char *name);

/*
 * Fill @r. 0; -errno and a sentence: BPF cannot be used here, or the process has no map to read (-ESRCH), which is then true
 * of any source.
 */
int map_read_bpf(struct reading *r, char *error, size_t size);
int map_read_proc(struct reading *r, char *error, size_t size);
/* Names, devices and inodes as /proc/PID/maps shows them, for the areas of @r that are still there. */
void map_name_areas(struct reading *r);

struct tasks_bpf;

/*
 * Kept over readings: with BPF the programs stay loaded, the list's memory stays in both cases. reason:
 * why it is /proc; "" with BPF. The list is valid until the next reading.
 */
struct live_tasks {
	struct tasks_bpf *bpf; /* NULL: /proc */
	struct live_task *list;
	uint32_t nr, allocated;
	char reason[256];
};
/* One process more, cleared. NULL: out of memory. */
struct live_task *tasks_add(struct live_tasks *t);
/* The program in the kernel; NULL and a sentence. */
struct tasks_bpf *tasks_bpf_open(char *error, size_t size);
int tasks_bpf_read(struct live_tasks *t);
void tasks_bpf_close(struct tasks_bpf *b);
int tasks_proc_read(struct live_tasks *t);
/* The lines of its maps that are areas. 0: it has none, or they may not be read. */
uint32_t proc_count_areas(pid_t pid);

/*
 * Numbers for pointers, from 1 in the order of asking; 0 for NULL and where memory has run out. O(log
 * n) each. The indices of the tree are pointers, its values numbers.
 */
struct numbers {
	struct maple_tree tree;
	uint32_t last;
};
void numbers_init(struct numbers *n);
uint32_t number_of(struct numbers *n, uint64_t pointer);
void numbers_destroy(struct numbers *n);

#endif /* LIVE_BPF_INTERNAL_H */
