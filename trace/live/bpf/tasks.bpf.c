/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The number of areas of every process, in one pass over all tasks: no lock of theirs is taken and no map is read.
 *
 * Dual licence, because the kernel lends its helpers to programs under the GPL only.
 *
 * The iterator's walk takes and puts a reference of each task, so that task->mm is read as a number
 * that may go at any time: all reads here go through pointers that the verifier knows as fallible, and
 * give 0 then.
 */
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct task_count c = { 0 };
	struct mm_struct *mm;

	/* Once more without a task at the end of the list; threads share what their process has. */
	if (!task || task->pid != task->tgid)
		return 0;
	mm = task->mm;
	if (!mm)
		return 0;
	c.pid = (u32)task->pid;
	c.count = (u32)mm->map_count;
	c.total_pages = mm->total_vm;
	c.born_ns = task->start_boottime;
	c.changes = sequence_of(mm, false) / 2;
	bpf_probe_read_kernel_str(c.command, sizeof(c.command), task->comm);
	bpf_seq_write(seq, &c, sizeof(c));
	return 0;
}
