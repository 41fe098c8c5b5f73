/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Tasks begin, become other programs, and end.
 *
 * These run without the mmap lock. A fork's record comes behind the section in which dup_mmap() copied
 * the map, since copy_process() is through with that; an exec's behind the whole of the new map; an
 * exit's, on older kernels, behind the last section of the task.
 */
#ifndef LIVE_BPF_LIVES_H
#define LIVE_BPF_LIVES_H

#include "limits.bpf.h"
#include "sample.bpf.h"

/*
 * In the parent, the child has not run: its address space is followed from its first change on. Called
 * once for each new task, by the one that makes it, before wake_up_new_task(). A thread, or vfork's
 * child, has its parent's mm. The user's registers of the child are its parent's: it returns from a
 * call that it never made, which call_ends() leaves out by its result.
 */
SEC("raw_tp/sched_process_fork")
int BPF_PROG(task_forked, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *c = task_by((u64)child);
	u64 mm = mm_of((u64)child);
	struct space *s = space_of(mm_of((u64)parent));
	struct fork_record *r;
	u32 id, tid = (u32)c->pid;

	if (!s || !mm)
		return 0;
	/*
	 * A loss of the parent's where there is no way left (space_add()): the child then is not
	 * followed at all.
	 */
	id = mm == s->mm ? s->id : space_add(mm, s->id);
	if (!id)
		return 0;
	bpf_map_update_elem(&tasks, &tid, &id, BPF_ANY);
	r = reserve(sizeof(*r), s->id);
	if (!r)
		return 0;
	head_now(&r->head, RECORD_FORK, s->id);
	r->child_mm = mm;
	r->child_tid = tid;
	r->child_pid = (u32)c->tgid;
	r->child_space = id;
	r->child_apart = c->cred->user_ns->parent != 0;
	submit(r);
	return 0;
}

/* What sample() has gathered and not sent: the last record's worth. */
static __always_inline void emit_exec_areas(const struct sample *s)
{
	u32 zero = 0;
	struct section_areas *r = bpf_map_lookup_elem(&gathered, &zero);

	if (r && s->waiting)
		send_before(s, r, s->waiting);
}

/*
 * Behind the point of no return: the new map is complete, and no instruction has run. By the task that
 * execs, in exec_binprm(). The former number counts, because a thread other than the first takes that
 * one's number over in de_thread(), and is in the table under its own. A task that was in no followed
 * space is passed over.
 */
SEC("raw_tp/sched_process_exec")
int BPF_PROG(task_execs, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
	struct task_struct *t = task_by((u64)task);
	struct linux_binprm *b = POINTER(linux_binprm, bprm);
	u64 key = mm_of((u64)task);
	struct mm_struct *mm = mm_by(key);
	u32 tid = (u32)t->pid, former = (u32)old_tid, *old = bpf_map_lookup_elem(&tasks, &former), was,
	    narrow, id;
	struct sample whole = { .mm = key, .hi = ~0ull };
	struct exec_record *r;

	if (!old)
		return 0;
	was = *old;
	/*
	 * The program's number is given all the same, so that its record finds a space that the reader
	 * can refuse.
	 */
	narrow = mm->task_size < NARROW_SIZE;
	bpf_map_delete_elem(&tasks, &former);
	id = narrow ? __sync_fetch_and_add(&last_space, 1) + 1 : space_add(key, was);
	if (!id)
		return 0;
	if (!narrow) {
		bpf_map_update_elem(&tasks, &tid, &id, BPF_ANY);
		whole.space = id;
		sample(&whole);
		emit_exec_areas(&whole);
	}
	r = reserve(sizeof(*r), was);
	if (!r)
		return 0;
	head_now(&r->head, RECORD_EXEC, id);
	r->mm = key;
	r->areas = whole.told;
	r->narrow = narrow;
	r->old_space = was;
	r->old_tid = former;
	read_limits(r->limits, t);
	r->start_code = mm->start_code;
	r->end_code = mm->end_code;
	r->start_data = mm->start_data;
	r->end_data = mm->end_data;
	r->start_brk = mm->start_brk;
	r->brk = mm->brk;
	r->start_stack = mm->start_stack;
	r->arg_start = mm->arg_start;
	r->arg_end = mm->arg_end;
	r->env_start = mm->env_start;
	r->env_end = mm->env_end;
	r->mmap_base = mm->mmap_base;
	r->task_size = mm->task_size;
	r->path[0] = 0;
	bpf_probe_read_kernel_str(r->path, sizeof(r->path), b->filename);
	submit(r);
	return 0;
}

/*
 * Older kernels have taken its address space away by now. In do_exit(), of each task. The last one's
 * address space may be used by others still, as /proc does: its record comes before RECORD_FINAL or
 * behind it.
 */
SEC("raw_tp/sched_process_exit")
int BPF_PROG(task_exits, struct task_struct *task)
{
	u32 tid = (u32)bpf_get_current_pid_tgid(), *space = bpf_map_lookup_elem(&tasks, &tid), id;
	struct exit_record *r;

	if (!space)
		return 0;
	id = *space;
	bpf_map_delete_elem(&tasks, &tid);
	r = id ? reserve(sizeof(*r), id) : 0;
	if (!r)
		return 0;
	head_now(&r->head, RECORD_EXIT, id);
	r->status = task_by((u64)task)->exit_code;
	r->pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP); /* it may be the end */
	return 0;
}

#endif
