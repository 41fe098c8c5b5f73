/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The map of a running process, whole: one call of a program that the process does not notice.
 *
 * Every area is read under one hold of the mmap lock, for reading, which the kernel's iterator takes with a trylock: where
 * that fails the caller asks again.  Calls that change the map wait so long; faults do not.
 *
 * Dual licence, because the kernel lends its helpers to programs under the GPL only.
 */
#include "area.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define EBUSY  16
#define ENOENT 2

struct bpf_iter_task_vma {
	u64 opaque[1];
};

extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 addr) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct named_bpf_area);
} areas SEC(".maps");

struct map_request request;

static __always_inline void name_read(struct named_bpf_area *to, const struct vm_area_struct *vma)
{
	to->name[0] = 0;
	if (!bpf_core_field_exists(vma->anon_name) || vma->vm_file || !vma->anon_name)
		return;
	to->area.flags |= AREA_NAMED;
	bpf_probe_read_kernel_str(to->name, sizeof(to->name), vma->anon_name->name);
}

/* False: there is no room for it. */
static __always_inline bool store(const struct vm_area_struct *vma)
{
	u32 i = request.count++;
	struct named_bpf_area *to = bpf_map_lookup_elem(&areas, &i);

	if (!to)
		return false;
	area_read(&to->area, vma);
	name_read(to, vma);
	return true;
}

static __always_inline void read_space(const struct mm_struct *mm)
{
	request.mm = (u64)mm;
	request.map_count = (u64)(u32)mm->map_count;
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		request.sequence = mm->mm_lock_seq.sequence;
	request.task_size = mm->task_size;
	request.mmap_base = mm->mmap_base;
	request.start_brk = mm->start_brk;
	request.brk = mm->brk;
	request.start_stack = mm->start_stack;
}

static __always_inline u32 read_areas(struct task_struct *task)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	u32 status = STATUS_READ;
	u64 begin;
	int err = bpf_iter_task_vma_new(&it, task, 0);

	begin = bpf_ktime_get_ns();
	if (!err)
		read_space(task->mm);
	while ((vma = bpf_iter_task_vma_next(&it)))
		if (!store(vma))
			status = STATUS_TOO_LARGE;
	request.held_ns = bpf_ktime_get_ns() - begin;
	bpf_iter_task_vma_destroy(&it);
	if (err)
		return err == -ENOENT ? STATUS_NO_SPACE : STATUS_BUSY;
	return status;
}

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
	else if (task->thread_info.flags & 1ul << TIF_ADDR32)
		request.status = STATUS_32BIT;
	else
		request.status = read_areas(task);
	bpf_task_release(task);
	return 0;
}
