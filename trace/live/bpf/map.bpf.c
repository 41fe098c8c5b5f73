/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The map of a running process, whole: one call of a program that the process does not notice.
 *
 * Every area is read under one hold of the mmap lock, for reading, which bpf_find_vma() takes with a trylock and keeps while
 * it calls back.  That fails also where somebody waits for the lock, and with threads that map all the time somebody always
 * does: then the caller takes the lock as others do, by a system call that reads memory of the process, and the areas are
 * read when it has it.  Calls that change the map wait so long; faults do not.  The kernel's iterator of areas is no
 * way to that: newer ones lock one area at a time.
 *
 * Dual licence, because the kernel lends its helpers to programs under the GPL only.
 *
 * Two programs of one object share the request: read_map, which is run by a call of the reader's, and
 * lock_taken, which is attached only while the reader waits for a lock (wait_for_lock() of map_bpf.c).
 * bpf_rdonly_cast() and bpf_task_from_pid() are found by name here (no HAS_PLACES): this object is
 * loaded by libbpf as it comes.
 */
#include "areas.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define MOST_SLOTS (1 << 23) /* of the tree's: areas and holes */

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct named_bpf_area);
} areas SEC(".maps");

/* One at a time: the reader sets pid (and waiting), runs the program, and reads the rest before the next. */
struct map_request request;

/*
 * An anonymous name since 5.17, with CONFIG_ANON_VMA_NAME. What an area with a file is called by
 * prctl(2) (shared anonymous memory, since 6.2) is not told.
 */
static __always_inline void name_read(struct named_bpf_area *to, const struct vm_area_struct *vma)
{
	if (vma->vm_file) {
		file_read(&to->file, vma->vm_file);
		return;
	}
	to->name[0] = 0;
	if (!bpf_core_field_exists(vma->anon_name) || !vma->anon_name)
		return;
	to->area.flags |= AREA_NAMED;
	bpf_probe_read_kernel_str(to->name, sizeof(to->name), vma->anon_name->name);
}

/*
 * mm is what was asked for: a task that execs between two steps has another one by then. status as it
 * will be in the answer.
 */
struct reading {
	u64 mm, next; /* next: where the walk is */
	struct walk walk;
	u32 status, pad;
};

/*
 * Its next area or hole. 1: there is none, or no room for it. No room: count stays what was read so
 * far, and the reader tries with more.
 */
__noinline int read_step(struct reading *r)
{
	struct named_bpf_area *to;
	u64 at;
	u32 i = request.count;

	if (!r)
		return 1;
	at = walk_to(r->mm, r->next, &r->walk);
	r->next = r->walk.last + 1;
	/* A hole is a step, too. */
	if (at) {
		to = bpf_map_lookup_elem(&areas, &i);
		if (!to) {
			r->status = STATUS_TOO_LARGE;
			return 1;
		}
		area_read(&to->area, area_by(at));
		name_read(to, area_by(at));
		request.count++;
	}
	return !r->next;
}

static long read_one(u32 i, struct reading *r)
{
	return read_step(r) ? 1 : 0;
}

/* Under the lock, so that no write section is under way: the sequence is even. */
static __always_inline void read_space(const struct mm_struct *mm)
{
	request.mm = (u64)mm;
	request.map_count = (u64)(u32)mm->map_count;
	request.sequence = sequence_of(mm, false);
	request.task_size = mm->task_size;
	request.mmap_base = mm->mmap_base;
	request.start_brk = mm->start_brk;
	request.brk = mm->brk;
	request.start_stack = mm->start_stack;
	request.def_flags = mm->def_flags;
}

/*
 * The lock is held until it returns. held_ns is measured around it, as the time that others had to wait
 * at least.
 */
static __always_inline void read_held(struct reading *r)
{
	u64 begin = bpf_ktime_get_ns();

	request.count = 0;
	r->status = STATUS_READ;
	read_space(mm_by(r->mm));
	bpf_loop(MOST_SLOTS, read_one, r, 0);
	request.held_ns = bpf_ktime_get_ns() - begin;
}

/*
 * Called back by bpf_find_vma() with the lock held for reading; @vma is the area that was asked for,
 * and the number that its mm has tells whether the task is still in the same one.
 */
static long lock_tried(struct task_struct *task, struct vm_area_struct *vma, struct reading *r)
{
	/* Otherwise it has become another program meanwhile. */
	if (word_at((u64)vma + bpf_core_field_offset(struct vm_area_struct, vm_mm)) == r->mm)
		read_held(r);
	return 0;
}

/*
 * By the task that waits for it, as by everybody else while this is attached. waiting is cleared first,
 * so that it answers once.
 */
SEC("raw_tracepoint/mmap_lock_acquire_returned")
int lock_taken(const u64 *ctx)
{
	struct reading r = { .mm = ctx[0], .status = STATUS_BUSY };
	bool write, success;

	LOCK_TAKEN(ctx, write, success);
	if ((u32)bpf_get_current_pid_tgid() != request.waiting || r.mm != request.mm || write || !success)
		return 0;
	request.waiting = 0;
	read_held(&r);
	request.status = r.status;
	return 0;
}

/*
 * The lock comes with an area: the first one, which is looked for without it and may be gone then.
 * bpf_find_vma() answers -ENOENT when that area is gone, and -EBUSY when the lock was not free: both
 * leave STATUS_BUSY, and the reader tries again.
 */
static __always_inline u32 read_areas(struct task_struct *task)
{
	struct reading r = { .mm = word_at((u64)task + bpf_core_field_offset(struct task_struct, mm)),
		.status = STATUS_BUSY };
	struct walk first = { 0 };
	u64 vma;

	request.mm = r.mm;
	if (!r.mm)
		return STATUS_NO_SPACE;
	vma = walk_to(r.mm, 0, &first);
	if (!vma && first.last != ~0ull)
		vma = walk_to(r.mm, first.last + 1, &first);
	if (!vma)
		return STATUS_NO_SPACE;
	/* -EBUSY when the trylock fails leaves STATUS_BUSY. */
	bpf_find_vma(task, area_by(vma)->vm_start, lock_tried, &r, 0);
	return r.status;
}

/*
 * Run by BPF_PROG_RUN in the reader's task, one at a time. The task's reference is put on every path,
 * which the verifier sees to.
 */
SEC("syscall")
int read_map(void *ctx)
{
	struct task_struct *task;

	request.count = 0;
	request.sequence = 0;
	request.status = STATUS_NO_TASK;
	task = bpf_task_from_pid((int)request.pid);
	if (!task)
		return 0;
	if (task->flags & PF_KTHREAD)
		request.status = STATUS_NO_SPACE;
	else
		request.status = read_areas(task);
	bpf_task_release(task);
	return 0;
}
