/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the programs keep: the address spaces that are followed, their tasks, what was told; and the
 * records' way out.
 *
 * Who writes what. rows is written by the programs (space_add(), space_remove()) and by the reader,
 * which maps it (adopt.c, let_go()): a way is taken by compare-and-swap. A slot of spaces is written by
 * the reader before its row names it, and by the holder of the mmap lock from then on. tasks is written
 * by both. losses and any_lost are counted up by programs, last_space by both; woken is
 * set by a program and cleared by the reader. The last four are plain variables of the program's .bss,
 * which the skeleton maps.
 *
 * Contexts. Raw tracepoints run in whatever task or interrupt comes by, without sleeping: user memory that
 * is not there is not faulted in, and reads as failed. Before Linux 7.0 preemption is disabled meanwhile,
 * from there on only migration. No program waits for another.
 */
#ifndef LIVE_BPF_SPACES_BPF_H
#define LIVE_BPF_SPACES_BPF_H

#include <asm/prctl.h>
#include <linux/prctl.h>

#include "areas.bpf.h"
#include "system_calls.h"

#define NO_CALL   (~0u)
#define PAGE      4096ull
#define WHOLE_MAX 131072 /* of a whole map */
#define NR_CALLS  512

#define TOLD_SLOTS 32768

#define PAIRS_MAX  (RECORD_DATA_BYTES / 16) /* of process_madvise, told one by one */
#define WAKE_BYTES (1 << 21)

/* From <linux/userfaultfd.h>, <sys/mman.h> and the like, which do not compile for BPF beside kernel.h. */
#define UFFDIO_REGISTER   0xc020aa00u
#define UFFDIO_UNREGISTER 0x8010aa01u
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#define MREMAP_FIXED       2
#define MREMAP_DONTUNMAP   4
#define MAP_FIXED          16
#define MAP_ANONYMOUS      32
#define MAX_ERRNO          4095
#define MADV_GUARD_INSTALL 102

/*
 * Which calls are told: set before loading. Read-only once loaded, so that the verifier knows the
 * values; by the numbers of x86-64.
 */
const volatile __u8 wanted[NR_CALLS];

/* Calls are told with the stacks that they are made from: as well. */
const volatile bool wants_stacks;

/* The address spaces that are followed: SPACE_WAYS in a row by their mm, and what is known of each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SPACE_ROWS);
	__type(key, u32);
	__type(value, struct space_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPACE_ROWS *SPACE_WAYS);
	__type(key, u32);
	__type(value, struct space);
} spaces SEC(".maps");

/* The space of each task: 0 for vmaple's child until it becomes the program. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, u32);
} tasks SEC(".maps");

/* What was told of files and of areas' first writes: as long as it is the same, nothing has to be told again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOLD_SLOTS);
	__type(key, u32);
	__type(value, u64);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23); /* or more, before it is loaded */
} records SEC(".maps");

/* Areas on their way into a record.  No two programs use it at once: on a CPU they do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct section_areas);
} gathered SEC(".maps");

/* As above: a call with many ranges. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ranges_record);
} ranges SEC(".maps");

__u32 last_space; /* numbers of address spaces */
__u32 woken;      /* the reader was, and has not looked yet */

/* Records for which there was no room, by whose they were, and whether there were any. */
__u32 losses[LOSS_SLOTS];
__u32 any_lost;

/* Counted by slot: the reader finds out whose it was by sections that are missing too (check_sequence()). */
static __always_inline void note_lost(u32 space)
{
	__sync_fetch_and_add(&losses[space & (LOSS_SLOTS - 1)], 1);
	any_lost = 1;
}

/* --- address spaces ------------------------------------------------------------------------------------------ */

/* NULL cannot come of a row and a way that are within their bounds; the verifier wants it asked for. */
static __always_inline struct space *space_at(u32 row, u32 way)
{
	u32 at = row * SPACE_WAYS + way;

	return bpf_map_lookup_elem(&spaces, &at);
}

/* 0: it is not followed. One cache line is looked at, and this is what every other process's lock costs. */
static __always_inline struct space *space_of(u64 mm)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);

	if (!r || !mm)
		return 0;
	for (u32 way = 0; way < SPACE_WAYS; way++)
		if (r->mm[way] == mm)
			return space_at(row, way);
	return 0;
}

/*
 * Follow @mm, as a space of the next number: what that is. 0: there are too many, which is a loss of
 * @from's, which it comes of.  It is new: a slot that has it is of one that the kernel has freed, or
 * was put there when exec had just made it. A child is added by its parent in sched_process_fork, an
 * exec's new space by the task itself: two of them may want ways of one row at once.
 */
static __always_inline u32 space_add(u64 mm, u32 from)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);
	struct space *s;

	if (!r)
		return 0;
	for (u32 way = 0; way < SPACE_WAYS; way++) {
		if (r->mm[way] != mm &&
			(r->mm[way] || __sync_val_compare_and_swap(&r->mm[way], 0, SPACE_TAKEN)))
			continue;
		s = space_at(row, way);
		if (!s)
			return 0;
		s->mm = mm;
		s->id = __sync_fetch_and_add(&last_space, 1) + 1;
		s->tid = s->acted = s->unserved = 0;
		s->under = 0;
		/* Last: from here on other programs find it. */
		r->mm[way] = mm;
		return s->id;
	}
	note_lost(from);
	return 0;
}

/*
 * By the last holder of the write lock, in exit_mmap(): the kernel frees the mm afterwards, and its
 * address may come again only then.
 */
static __always_inline void space_remove(u64 mm)
{
	u32 row = space_row_of(mm);
	struct space_row *r = bpf_map_lookup_elem(&rows, &row);

	for (u32 way = 0; r && way < SPACE_WAYS; way++)
		if (r->mm[way] == mm)
			r->mm[way] = 0;
}

/* --- records ------------------------------------------------------------------------------------------------- */

static __always_inline struct task_struct *task_by(u64 addr)
{
	return POINTER(task_struct, addr);
}

static __always_inline struct task_struct *current_task(void)
{
	return task_by(bpf_get_current_task());
}

/* 0 of a kernel thread, and of a task that has let its address space go (exit_mm()). */
static __always_inline u64 mm_of(u64 task)
{
	return word_at(task + bpf_core_field_offset(struct task_struct, mm));
}

static __always_inline u64 current_mm(void)
{
	return mm_of(bpf_get_current_task());
}

/*
 * Of its user space, when it entered the kernel. At the base of the task's kernel stack: of a call they
 * are what it entered with, of a fault in user mode what that interrupted.
 */
static __always_inline struct pt_regs *current_registers(void)
{
	return POINTER(pt_regs, bpf_task_pt_regs(bpf_get_current_task_btf()));
}

/*
 * Without a time: of what a call does its end has one. The reader gives such records the time of the
 * call's own.
 */
static __always_inline void head_fill(struct record_head *h, u32 type, u32 space, u64 sequence)
{
	u64 id = bpf_get_current_pid_tgid();

	h->type = type;
	h->space = space;
	h->tid = (u32)id;
	h->pid = id >> 32;
	h->time_ns = 0;
	h->sequence = sequence;
}

static __always_inline void head_now(struct record_head *h, u32 type, u32 space)
{
	head_fill(h, type, space, 0);
	h->time_ns = bpf_ktime_get_ns();
}

/*
 * NULL: the ring is full, which is counted as a loss of @space. What was reserved has to be submitted
 * on every path, which the verifier sees to.
 */
static __always_inline void *reserve(u64 size, u32 space)
{
	void *r = bpf_ringbuf_reserve(&records, size, 0);

	if (!r)
		note_lost(space);
	return r;
}

/*
 * Once for each time that much waits: the reader clears woken when it has read. Not atomic: two
 * programs may both wake it, which costs a wakeup. BPF_RB_NO_WAKEUP otherwise, because the ring's own
 * rule wakes a reader that has read all for each record.
 */
static __always_inline u64 wakeup(void)
{
	if (woken || bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < WAKE_BYTES)
		return BPF_RB_NO_WAKEUP;
	woken = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void submit(void *record)
{
	bpf_ringbuf_submit(record, wakeup());
}

/*
 * A record of any size. Copied into the ring, where the size is not known to the verifier (reserve
 * wants a constant).
 */
static __always_inline void output(struct record_head *record, u64 size)
{
	if (bpf_ringbuf_output(&records, record, size, wakeup()))
		note_lost(record->space);
}

#endif
