/* SPDX-License-Identifier: MIT */
/*
 * What the programs in the kernel and their readers say to each other.  Pointers of the kernel are in it as numbers that
 * only tell equal from different: whoever reads them numbers them anew before anyone sees them.
 */
#ifndef LIVE_BPF_RECORD_H
#define LIVE_BPF_RECORD_H

#include <linux/types.h>

#define AREA_NAME_BYTES 80 /* ANON_VMA_NAME_MAX_LEN */

enum {
	AREA_HAS_CLOSE = 1,
	AREA_INHERITED = 2, /* its chain has more links than its own anon_vma's */
	AREA_NAMED = 4
};

/* One area as the kernel has it. */
struct bpf_area {
	__u64 start, end, vm_flags, pgoff;
	__u64 file, ino;
	__u64 anon_vma, anon_root;
	__u64 uffd, policy;
	__u32 dev, flags;
};

struct named_bpf_area {
	struct bpf_area area;
	char name[AREA_NAME_BYTES]; /* anonymous name; "" when there is none */
};

enum map_status {
	STATUS_NOT_RUN,
	STATUS_READ,
	STATUS_NO_TASK,   /* there is no such task */
	STATUS_NO_SPACE,  /* it has no address space: a kernel thread, or it has ended */
	STATUS_32BIT,     /* its calls are of another table */
	STATUS_BUSY,      /* somebody changes the map now */
	STATUS_TOO_LARGE, /* more areas than there is room for */
};

/* What is asked, and the answer but for the areas. */
struct map_request {
	__u32 pid, room;
	__u32 status, count; /* enum map_status */
	__u64 held_ns;       /* between the first area and the last: the lock was held so long at least */
	__u64 sequence;      /* mm_lock_seq: even outside of a write section; 0 where the kernel has none */
	__u64 mm;
	__u64 map_count, task_size, mmap_base, start_brk, brk, start_stack;
};

/* One process. */
struct task_count {
	__u32 pid, count;
	__u64 total_pages;
	__u64 changes; /* write sections of its mmap lock until now */
	__u64 born_ns; /* since the machine began */
	char command[16];
};

#endif
