/* SPDX-License-Identifier: MIT */
/*
 * Address spaces by number, and processes by theirs: how they begin, with what limits, how they are inherited, and how they
 * end with their last task.
 *
 * 1. Two tables.  r->spaces has each space that has begun and not ended.  r->processes has, by process, the number of
 *    its space and how many of its tasks are there, both in the entry itself: a process costs no memory of its own.
 * 2. Inheritance.  fork_event() gives the child all that is known of the space (doubts, what the last call was, how
 *    much was seen), and nothing of what was written or has grown beside a call: that was done by the parent's threads.
 * 3. Invariants
 *    SP1  a space ends with the event that says so (exit.last), and not when the tasks of its process are counted down:
 *         other processes may share it (vfork), and after a loss the count may be wrong.
 *    SP2  r->found is NULL or a space that is in r->spaces; end_space() forgets it.
 *    SP3  what a space has counted is in the statistics once: while it lives it is asked, and added when it ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "alloc.h"
#include "arm64_addresses.h"
#include "internal.h"
#include "minmax.h"

/* Bytes: in none so small there is a part that is only given to who asks for it. */
#define SPACE_WITHOUT_WINDOW (1ul << ARM64_WINDOW_BITS_MAX)

#define CAP_IPC_LOCK  14
#define CAP_SYS_RAWIO 17

void space_note_loss(struct space *s, bool counted)
{
	s->doubt = true;
	s->lost |= counted;
	causes_touch(s, 0, UINT64_MAX);
}

/* Losses that are about all spaces are noted in each when it is looked for next: there may be many of both. */
struct space *find_space(struct replay *r, uint32_t id)
{
	struct space *s = r->found;

	if (!s || s->id != id)
		s = r->found = mtree_load(&r->spaces, id);
	if (s && s->told_losses != r->losses) {
		space_note_loss(s, r->counted_loss > s->told_losses);
		s->told_losses = r->losses;
	}
	return s;
}

/* Of a process: its address space, and how many of its tasks are there. */
static int set_process(struct replay *r, uint32_t pid, uint32_t mm, uint64_t tasks)
{
	return mtree_store(&r->processes, pid, xa_mk_value(tasks << 32 | mm), GFP_KERNEL);
}

/* 0: there is none. */
uint32_t space_of_process(struct replay *r, uint32_t pid)
{
	void *entry = mtree_load(&r->processes, pid);

	return entry ? (uint32_t)xa_to_value(entry) : 0;
}

static uint64_t tasks_of_process(struct replay *r, uint32_t pid)
{
	void *entry = mtree_load(&r->processes, pid);

	return entry ? xa_to_value(entry) >> 32 : 0;
}

/* In r->spaces, without areas. NULL: no memory, or the number is in use. */
static struct space *new_space(struct replay *r, uint32_t id)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s || mtree_insert(&r->spaces, id, s, GFP_KERNEL)) {
		free(s);
		return NULL;
	}
	s->id = id;
	s->told_losses = r->losses;
	s->doubt = r->header.fault_source == TRACE_FAULTS_SOME || r->header.fault_source == TRACE_FAULTS_NONE;
	mm_init(&s->mm, &r->sys);
	s->mm.owner = s;
	copies_init(s);
	return s;
}

void stats_add(struct replay_stats *st, const struct mm_counters *c)
{
	st->splits += c->splits;
	st->merges += c->merges;
	st->new_areas += c->new_areas;
	st->new_merged += c->new_merged;
	if (c->peak_areas > st->vmas_peak)
		st->vmas_peak = c->peak_areas;
}

void stats_note_final(struct replay_stats *st, struct space *s)
{
	st->vmas_final = (uint64_t)s->mm.map_count;
	st->nr_gaps = mm_largest_gaps(&s->mm, st->gaps, 3);
}

/* Not those that are copies of it: they must have been made, or all ends (copies_forget()). */
void space_free(struct space *s)
{
	copies_forget(s);
	inodes_forget(s);
	forget_sharing(s);
	vdso_forget(s);
	causes_end(s);
	mm_exit(&s->mm);
	free(s);
}

static void end_space(struct replay *r, struct space *s)
{
	stats_add(&r->stats, &s->mm.counters);
	mtree_erase(&r->spaces, s->id);
	r->found = NULL;
	space_free(s);
}

#define END_3_GB (3UL << 30)
#define END_4_GB ((1UL << 32) - 0x2000)

/*
 * IA32_PAGE_OFFSET of x86.  Of a 32-bit program's space the end that it began with is moved up, never down: areas may lie as
 * high.  (That of Linux stays; a userfaultfd alone is held to it, and its refusals are not made.)
 */
static void set_compat_end(struct mm_struct *mm, uint64_t personality)
{
	bool small = mm->task_size <= 1UL << 32;

	if (small && mm->task_size != END_3_GB && mm->task_size != END_4_GB)
		return;
	mm->compat_task_size = personality & ADDR_LIMIT_3GB ? END_3_GB : END_4_GB;
	if (small)
		mm->task_size = mm->mmap_window = max(mm->task_size, mm->compat_task_size);
}

void space_set_limit(struct space *s, uint32_t limit, uint64_t value)
{
	struct mm_limits *l = &s->mm.limits;

	switch (limit) {
	case TRACE_LIMIT_AS:
		l->as = value;
		break;
	case TRACE_LIMIT_DATA:
		l->data = value;
		break;
	case TRACE_LIMIT_DATA_HARD:
		l->data_hard = value;
		break;
	case TRACE_LIMIT_STACK:
		l->stack = value;
		break;
	case TRACE_LIMIT_MEMLOCK:
		l->memlock = value;
		break;
	case TRACE_LIMIT_PERSONALITY:
		l->read_implies_exec = value & READ_IMPLIES_EXEC;
		set_compat_end(&s->mm, value);
		break;
	case TRACE_LIMIT_FUTURE_LOCK:
		s->mm.def_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
		s->mm.def_flags |=
			(value & MCL_FUTURE ? VM_LOCKED : 0) | (value & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
		break;
	case TRACE_LIMIT_CAPABILITIES:
		l->cap_ipc_lock = value >> CAP_IPC_LOCK & 1;
		l->cap_sys_rawio = value >> CAP_SYS_RAWIO & 1;
		break;
	default:
		break;
	}
}

int space_event(struct replay *r, const struct trace_event *e)
{
	const struct trace_space *t = &e->space;
	struct space *s = new_space(r, e->mm);
	struct mm_struct *mm;

	if (!s)
		return -ENOMEM;
	mm = &s->mm;
	if (r->options.space)
		r->options.space(r->options.ctx, mm);
	for (uint32_t i = 0; i < TRACE_LIMIT_COUNT; i++)
		space_set_limit(s, i, t->limits[i]);
	/* Said at execve(): what personality(2) asks for later counts for the next one. */
	s->drawn = t->attached || !(t->limits[TRACE_LIMIT_PERSONALITY] & ADDR_NO_RANDOMIZE);
	/* exit_event() has noted it when the exec left the old space. */
	mm->mdwe = mtree_erase(&r->refusing, e->pid) != NULL;
	mm->start_code = t->start_code;
	mm->end_code = t->end_code;
	mm->start_data = t->start_data;
	mm->end_data = t->end_data;
	mm->start_brk = t->start_brk;
	mm->brk = t->brk;
	mm->start_stack = t->start_stack;
	mm->arg_start = t->arg_start;
	mm->arg_end = t->arg_end;
	mm->env_start = t->env_start;
	mm->env_end = t->env_end;
	if (t->task_size <= SPACE_WITHOUT_WINDOW && t->task_size != mm->mmap_window &&
		mm_set_task_size(mm, t->task_size))
		return -EINVAL;
	mm->task_size = t->task_size;
	set_compat_end(mm, t->limits[TRACE_LIMIT_PERSONALITY]);
	mm->topdown = t->topdown;
	s->base_exact = t->mmap_base != 0;
	s->logged = t->attached && !t->mmap_base && r->header.fault_source == TRACE_FAULTS_NONE;
	mm->mmap_base = t->mmap_base;
	mm->mmap_compat_base = 0; /* learned from placements, where there are any */
	if (!t->topdown && t->mmap_base)
		mm->mmap_legacy_base = t->mmap_base;
	s->doubt |= t->attached;
	s->attached = s->brk_in_pages = t->attached;
	s->guards |= t->attached;
	if (!r->first_pid) {
		r->first_pid = e->pid;
		r->stats.processes = r->stats.threads = 1;
	} else if (t->attached) {
		r->stats.processes++;
		r->stats.threads++;
	}
	return set_process(r, e->pid, e->mm, 1);
}

/*
 * A parent that is not known (its events were lost) makes a child that is not known either: its events are
 * passed over.
 */
int fork_event(struct replay *r, const struct trace_event *e)
{
	struct space *parent = find_space(r, e->mm), *child;
	int err;

	r->stats.processes++;
	r->stats.threads++;
	if (!parent)
		return 0;
	child = new_space(r, e->fork.child_mm);
	if (!child)
		return -ENOMEM;
	err = copies_add(child, parent, r->options.fork_at_once);
	if (err)
		return err;
	causes_fork(child, parent);
	child->begun = parent->begun;
	child->base_exact = parent->base_exact;
	child->drawn = parent->drawn;
	child->doubt = parent->doubt;
	child->order = parent->order;
	child->waited = parent->waited;
	child->lost = parent->lost;
	child->attached = parent->attached;
	child->ring = parent->ring;
	child->guards = parent->guards;
	child->partial = parent->partial;
	child->logged = parent->logged;
	child->take_over = parent->take_over;
	child->cut_from = parent->cut_from;
	child->brk_in_pages = parent->brk_in_pages;
	child->call = parent->call;
	child->call_step = parent->call_step;
	vdso_copy(child, parent);
	return set_process(r, e->fork.child_pid, e->fork.child_mm, 1);
}

/* A thread, or a process that shares its parent's space (CLONE_VM without CLONE_THREAD, vfork). */
int task_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = find_space(r, e->mm);

	r->stats.threads++;
	r->stats.processes += !e->task.thread;
	if (!s)
		return 0;
	return set_process(r, e->pid, e->mm, e->task.thread ? tasks_of_process(r, e->pid) + 1 : 1);
}

/*
 * The first thread can end before others of its process.  An exec leaves the old space, and the process goes on in
 * another one: it stays listed.  What the first process had at its end is what the summary calls final, so its areas
 * are made before they go, even if nothing else ever asked for them (copies.c).
 */
int exit_event(struct replay *r, const struct trace_event *e)
{
	struct space *s = find_space(r, e->mm);
	uint64_t tasks = tasks_of_process(r, e->pid);
	bool its = space_of_process(r, e->pid) == e->mm, over = e->exit.last || tasks <= 1;
	bool noted = s && its && over && e->pid == r->first_pid;
	int err = 0;

	if (!s)
		return 0;
	if (noted)
		err = copies_make_own(s);
	/* With its last task its areas go; a copy that was never needed has none. */
	if (!err && e->exit.last && !s->source)
		err = copies_before_change(s);
	if (err)
		return err;
	if (e->exit.exec && s->mm.mdwe && !s->mm.mdwe_no_inherit)
		err = mtree_store(&r->refusing, e->pid, xa_mk_value(1), GFP_KERNEL);
	if (err)
		return err;
	if (noted)
		stats_note_final(&r->stats, s);
	if (!e->exit.exec && its && over)
		mtree_erase(&r->processes, e->pid);
	else if (!e->exit.exec && its)
		err = set_process(r, e->pid, e->mm, tasks - 1);
	if (e->exit.last)
		end_space(r, s);
	return err;
}
