/* SPDX-License-Identifier: MIT */
/**
 * @file live_map.h
 * The map of a running process, without stopping it, recording it, or having seen it begin.
 *
 * Two sources.  A program in the kernel (BPF; it takes CAP_BPF and CAP_PERFMON) reads every area under one hold of the
 * mmap lock, with what /proc does not show: the open file, the anon_vma, the userfaultfd, the memory policy, whether
 * there is a close operation.  Otherwise /proc/PID/smaps, which takes the right to ptrace the process, is not read at one
 * moment, and leaves these things open.
 *
 * live_map_build() makes an address space of the engine out of it, so that vma_merge_blockers() of <vmaple/merge.h>
 * decides about its neighbours as about any others'.
 */
#ifndef VMAPLE_LIVE_MAP_H
#define VMAPLE_LIVE_MAP_H

#include <sys/types.h>

#include <vmaple/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum live_map_source {
	LIVE_MAP_BPF, /**< all of it is exact */
	LIVE_MAP_PROC /**< open files, anon_vmas, userfaultfds, policies and close operations are not known */
};

/** One area. Numbers count from 1 and are equal where the kernel's objects are; 0 is none. */
struct live_area {
	uint64_t start, end; /**< [start, end) */
	vm_flags_t vm_flags;
	pgoff_t pgoff;
	uint64_t dev, ino; /**< as maps shows them: dev is major << 32 | minor */
	uint32_t file;     /**< open file */
	uint32_t anon_vma, anon_root;
	uint32_t uffd, policy;
	bool inherited; /**< pages of a parent may be mapped here: more than its own anon_vma is in its chain */
	bool has_close;
	const char *name;      /**< as maps shows it; never NULL */
	const char *anon_name; /**< PR_SET_VMA_ANON_NAME; NULL: none */
};

struct live_map {
	pid_t pid;
	enum live_map_source source;
	const char *reason; /**< LIVE_MAP_PROC: why not BPF, one sentence; else "" */
	uint64_t held_ns;   /**< LIVE_MAP_BPF: how long the mmap lock was held for it; else 0 */
	uint64_t max_map_count;
	uint64_t start_brk, brk, start_stack;
	uint32_t nr;
	struct live_area *areas; /**< ascending */
};

enum {
	LIVE_MAP_NO_BPF = 1, /**< read /proc even where BPF is permitted */
	LIVE_MAP_NAMES =
		3 /**< so, and only what /proc/PID/maps has: access, files and names; it costs a fifth of smaps */
};

/**
 * Read the map of process @p pid.
 * @return 0 and the map, or -errno and one sentence in @p error. Cost: the process' own calls that change its map wait
 * for held_ns.
 */
VMAPLE_API int live_map_read(
	struct live_map **map, pid_t pid, unsigned int flags, char *error, size_t error_size) __must_check;
VMAPLE_API void live_map_free(struct live_map *map);

/**
 * Fill @p mm, initialised and empty, with the areas of @p map, which has to outlive it. Of LIVE_MAP_PROC, areas of one
 * inode are taken to be of one open file, and each that was written to have an anon_vma of its own.
 * The vm_private_data of each area is its struct live_area.
 * @return 0 or -ENOMEM; -EEXIST: the areas overlap, as those of a map that changed while /proc was read can.
 */
VMAPLE_API int live_map_build(const struct live_map *map, struct mm_struct *mm) __must_check;

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_LIVE_MAP_H */
