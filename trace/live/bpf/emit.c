/* SPDX-License-Identifier: MIT */
/*
 * Items become events: who begins, forks, ends and becomes another program; the rest is in the files of its name.
 *
 * Times never run backwards in what is told, whatever an item has waited for; the first error of the sink ends all telling.
 */
#include <string.h>
#include <sys/personality.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "source.h"

const struct range everywhere = { 0, UINT64_MAX }, nowhere = { 0, 0 };

/* The step counts here, so events that are not told (s->err) have none. */
void emit_event(
	struct live_bpf *s, struct trace_event *e, uint32_t pid, uint32_t tid, uint32_t mm, uint64_t time_ns)
{
	uint64_t time = time_ns > s->start_ns ? time_ns - s->start_ns : 0;
	int err;

	if (s->err)
		return;
	/* An item may have waited while others were told. */
	s->last_ns = time > s->last_ns ? time : s->last_ns;
	e->step = ++s->steps;
	e->time_ns = s->last_ns;
	e->pid = pid;
	e->tid = tid;
	e->mm = mm;
	err = s->sink->event(s->sink, e);
	if (err)
		s->err = err;
}

/* Of @f; NULL: of the recorder as a whole. count 0: what is lost is no number of records. */
void emit_lost_records(struct live_bpf *s, struct followed *f, uint64_t count, const char *what)
{
	struct trace_event e = { .type = TRACE_EVENT_LOST, .lost = { count, what } };

	emit_event(s, &e, f ? f->pid : 0, f ? f->pid : 0, f ? f->mm : 0, now_ns());
}

/*
 * The child's number is given here, when the fork is told: numbers in a recording ascend in its own
 * order. Both mirrors are alike from here on; a child that began by a map of its own (adopted) is not
 * told of as a fork.
 */
static void emit_fork(struct live_bpf *s, struct followed *f, const struct item *it)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK, .fork.child_pid = it->fork.child_pid };
	struct followed *child = followed_find(s, it->fork.child_space);

	emit_first_writes(s, f, it, &it->before);
	/* It has begun by itself. */
	if (child && (child->known || child->is_late))
		return;
	e.fork.child_mm = ++s->next_mm;
	if (child)
		child->mm = s->next_mm;
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	if (!child)
		return;
	child->known = true;
	callers_copy(s, f, child);
	followed_limits_copy(child, f, it);
	/* What was written in the parent is so in the child, if it is there. */
	for (uint32_t i = 0; i < it->before.nr; i++)
		if (!(it->before.areas[i].vm_flags & (VM_WIPEONFORK | VM_DONTCOPY)))
			remember(&child->written, it->before.areas[i].start, it->before.areas[i].end);
}

/*
 * last: nobody uses the space any more. The mirror's is gone behind it, so that nothing of @f is told
 * then.
 */
static void emit_end(struct live_bpf *s, struct followed *f, const struct item *it, bool last, bool exec)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT,
		.exit = { .status = it->status, .last = last, .exec = exec } };

	if (last && !f->ended)
		callers_before_end(s, f);
	if (!f->ended)
		emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	f->ended |= last;
	followed_limits_end(f, it->pid, it->tid);
	name_forget(s, it->tid);
}

/* Its end has no status that anybody knows: 0. */
void emit_gone(struct live_bpf *s, struct followed *f)
{
	const struct item it = { .pid = f->pid, .tid = f->pid };

	if (f->known)
		emit_end(s, f, &it, true, false);
	f->users = 0;
	f->finished = true;
	f->held_exit = false;
}

/*
 * The last task's EXIT is held until the map was compared (RECORD_FINAL), for it ends the mirror's address
 * space.
 */
static void on_exit_item(struct live_bpf *s, struct followed *f, const struct item *it)
{
	if (f->users)
		f->users--;
	if (f->users || f->finished) {
		emit_end(s, f, it, !f->users, false);
		return;
	}
	/* Its areas are looked at before they go. */
	f->exit = *it;
	f->held_exit = true;
}

/* The last look: all areas as exit_mmap() meets them. What the mirror has otherwise is a difference. */
static void on_final_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	emit_first_writes(s, f, it, &it->before);
	emit_map(s, f, &it->after, TRACE_MAP_CHECK, 0, UINT64_MAX);
	note_areas(s, f, &it->after, &everywhere, &nowhere);
	emit_anon(s, f, &it->after);
	f->finished = true;
	if (f->held_exit)
		emit_end(s, f, &f->exit, true, false);
	else if (f->passed_over)
		emit_gone(s, f);
	f->held_exit = false;
}

/*
 * By its exec's record, which has what /proc is asked for elsewhere: limits, and where code, data,
 * heap, stack, arguments and environment lie. passed_over: records of it were lost before it began, so
 * that it goes on from its map as it is.
 */
static void begin_space(struct live_bpf *s, struct followed *f, struct item *it)
{
	const struct exec_record *x = it->exec;
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = { .path = x->path } };
	struct trace_space *t = &e.space;

	f->mm = ++s->next_mm;
	memcpy(t->limits, x->limits, sizeof(t->limits));
	followed_limits_set(f, t->limits);
	t->start_code = x->start_code;
	t->end_code = x->end_code;
	t->start_data = x->start_data;
	t->end_data = x->end_data;
	t->start_brk = x->start_brk;
	t->brk = x->brk;
	t->start_stack = x->start_stack;
	t->arg_start = x->arg_start;
	t->arg_end = x->arg_end;
	t->env_start = x->env_start;
	t->env_end = x->env_end;
	t->mmap_base = x->mmap_base;
	t->task_size = x->task_size;
	t->topdown = !(x->limits[TRACE_LIMIT_PERSONALITY] & ADDR_COMPAT_LAYOUT);
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
	emit_map(s, f, &it->after, TRACE_MAP_BEGIN, 0, UINT64_MAX);
	note_areas(s, f, &it->after, &everywhere, &everywhere);
	f->known = true;
	if (f->passed_over) {
		emit_lost_records(s, f, 1, "what it did before it was told of");
		resync(s, f);
	}
}

/* What comes of it is not told: no sections, no calls. */
static void refuse_space(struct live_bpf *s, struct followed *f)
{
	emit_lost_records(s, f, 0, "a 32-bit program: BPF does not follow it, `--via ptrace` does");
	f->users = 0;
	f->finished = true;
}

/*
 * The task leaves @f, if it was in one that is followed, for a new one. @f is the new one itself where
 * the task was in none that is followed, as vmaple's child.
 */
static void on_exec_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct followed *new = followed_find(s, it->exec->head.space);

	if (f && f != new) {
		if (f->users)
			f->users--;
		emit_end(s, f, it, !f->users, true);
		f->finished |= !f->users;
	}
	if (new && it->exec->narrow)
		refuse_space(s, new);
	else if (new)
		begin_space(s, new, it);
}

/* What comes behind an end that was not seen: it begins others. */
static void emit_behind_end(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct followed *child = it->fork.child_tid ? followed_find(s, it->fork.child_space) : NULL;

	if (it->kind == ITEM_EXEC)
		on_exec_item(s, f, it);
	else if (it->kind <= ITEM_CALL && child && !child->known)
		child->is_late = true;
}

/* By who is at the head of its space's queue, ready. Whatever has ended (f->ended) tells only of others. */
void emit_item(struct live_bpf *s, struct followed *f, struct item *it)
{
	struct trace_event task = { .type = TRACE_EVENT_TASK };

	if (f->ended) {
		emit_behind_end(s, f, it);
		return;
	}
	if (it->drop) {
		/* Of several sections and looks of a call only the last is told; what was written before them is. */
		if (it->kind <= ITEM_CALL)
			emit_first_writes(s, f, it, &it->before);
		if (it->kind == ITEM_CALL)
			emit_written_meanwhile(s, f, it);
		return;
	}
	switch (it->kind) {
	case ITEM_SECTION:
		if (it->fork.child_tid)
			emit_fork(s, f, it);
		else
			emit_section(s, f, it);
		break;
	case ITEM_CALL:
		emit_call_item(s, f, it);
		break;
	case ITEM_UNDER:
		note_limits(s, f, it);
		break;
	case ITEM_TASK:
		f->users++;
		followed_limits_inherit(s, f, it);
		task.task.parent_tid = it->tid;
		task.task.thread = it->fork.child_pid == it->pid;
		emit_event(s, &task, it->fork.child_pid, it->fork.child_tid, f->mm, it->time_ns);
		break;
	case ITEM_EXIT:
		on_exit_item(s, f, it);
		break;
	case ITEM_EXEC:
		on_exec_item(s, f, it);
		break;
	case ITEM_FINAL:
		on_final_item(s, f, it);
		break;
	}
}
