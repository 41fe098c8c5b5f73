/* SPDX-License-Identifier: MIT */
/*
 * From where calls were made: the walk of stacks/ in a copy of the stack that the programs have taken when the call returned.
 *
 * By then the program runs on, so that nothing is asked of it: which code lay where is known from the areas that were told
 * until the call, and what lies behind the copy ends the stack as lost.  Files of code are read as they are now, if
 * they are still the same ones.
 *
 * Who calls: note_areas() after each look (callers_note()), emit_call() for each call (callers_of()),
 * and what ends a space. The code list and what stacks/ keeps of an address space are two things: the
 * first is what the areas are, the second which of them were told as modules; callers_note() keeps them
 * in step.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/mm.h>

#include "../machine.h"
#include "minmax.h"
#include "source.h"

/*
 * mm and task stand for those of the other source in what stacks/ asks: they have an id and a tid, and
 * nothing is read through them.
 */
struct callers {
	struct followed *of;
	struct live_mm mm;
	struct task task;
	struct area_list code; /* what can be executed, ascending */
};

/* What stacks/ tells (modules, stacks) goes the way of this source's events, with its times. */
static int on_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct live_bpf *s = (struct live_bpf *)((char *)sink - offsetof(struct live_bpf, of_stacks));
	struct trace_event copy = *e;

	emit_event(s, &copy, e->pid, e->tid, e->mm, s->last_ns + s->start_ns);
	return s->err;
}

/* live.code_at of stacks/modules.c: false means that nothing can be executed there. O(areas of code). */
static bool code_at(struct live *l, struct task *t, uint64_t addr, char *name, struct trace_area *area)
{
	struct live_bpf *s = (struct live_bpf *)((char *)l - offsetof(struct live_bpf, machine));
	struct callers *c = (struct callers *)((char *)t->mm - offsetof(struct callers, mm));

	for (uint32_t i = 0; i < c->code.nr; i++) {
		const struct bpf_area *a = &c->code.areas[i];

		if (addr < a->start || addr >= a->end)
			continue;
		area_as_told(s, c->of, a, true, area);
		snprintf(name, AREA_NAME_MAX, "%s", area->name);
		area->name = name;
		return true;
	}
	return false;
}

/* -EOPNOTSUPP in a build without libdw, -ENOMEM. */
int callers_open(struct live_bpf *s, char *error, size_t size)
{
	const char *missing = stacks_missing();

	if (missing) {
		snprintf(error, size, "%s", missing);
		return -EOPNOTSUPP;
	}
	s->of_stacks.event = on_event;
	s->machine.sink = &s->of_stacks;
	s->machine.code_at = code_at;
	if (stacks_open(&s->machine))
		return 0;
	snprintf(error, size, "out of memory");
	return -ENOMEM;
}

/* pending is of the other source's emit.c, which stacks/ tells through. */
void callers_close(struct live_bpf *s)
{
	stacks_close(&s->machine);
	free(s->machine.pending);
}

/* True as well where stacks are not wanted: f->callers stays NULL. */
bool callers_add(struct live_bpf *s, struct followed *f)
{
	if (!s->machine.stacks)
		return true;
	f->callers = calloc(1, sizeof(*f->callers));
	if (!f->callers)
		return false;
	f->callers->of = f;
	f->callers->mm.maps_fd = f->callers->mm.pagemap_fd = -1;
	f->callers->task.mm = &f->callers->mm;
	return true;
}

void callers_free(struct followed *f)
{
	if (!f->callers)
		return;
	stacks_leave(&f->callers->mm);
	free(f->callers->code.areas);
	free(f->callers);
}

void callers_copy(struct live_bpf *s, const struct followed *from, struct followed *to)
{
	if (!from->callers || !to->callers)
		return;
	for (uint32_t i = 0; i < from->callers->code.nr; i++)
		if (!area_list_add(&to->callers->code, &from->callers->code.areas[i]))
			s->err = -ENOMEM;
	stacks_copy(&from->callers->mm, &to->callers->mm);
}

static bool is_same(const struct bpf_area *a, const struct bpf_area *b)
{
	return a->start == b->start && a->end == b->end && a->pgoff == b->pgoff && a->file == b->file;
}

/* Areas [@from, @to) of the code are as @l has them. */
static bool is_known(const struct area_list *code, uint32_t from, uint32_t to, const struct area_list *l)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].vm_flags & VM_EXEC &&
			(from == to || !is_same(&code->areas[from++], &l->areas[i])))
			return false;
	return from == to;
}

/*
 * Put the code of @l in place of the areas [@from, @to). False: no memory; what could be taken over
 * was, and the error ends the recording.
 */
static bool replace(struct area_list *code, uint32_t from, uint32_t to, const struct area_list *l)
{
	struct area_list now = { 0 };
	bool whole = true;

	for (uint32_t i = 0; i < from; i++)
		whole &= area_list_add(&now, &code->areas[i]);
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->areas[i].vm_flags & VM_EXEC)
			whole &= area_list_add(&now, &l->areas[i]);
	for (uint32_t i = to; i < code->nr; i++)
		whole &= area_list_add(&now, &code->areas[i]);
	free(code->areas);
	*code = now;
	return whole;
}

/*
 * As a rule nothing of the code has changed, which is_known() finds out without allocating. @l can
 * reach beyond @seen, since its areas touch it: what is replaced is as wide as they are.
 */
void callers_note(struct live_bpf *s, struct followed *f, const struct area_list *l, const struct range *seen)
{
	struct area_list *code = f->callers ? &f->callers->code : NULL;
	uint64_t lo = seen->start, hi = seen->end;
	uint32_t from = 0, to;

	if (!code || lo >= hi)
		return;
	if (l->nr) {
		lo = min(lo, l->areas[0].start);
		hi = max(hi, l->areas[l->nr - 1].end);
	}
	while (from < code->nr && code->areas[from].end <= lo)
		from++;
	for (to = from; to < code->nr && code->areas[to].start < hi; to++)
		;
	if (is_known(code, from, to, l))
		return;
	stacks_forget(&f->callers->mm, lo, hi);
	if (!replace(code, from, to, l))
		s->err = -ENOMEM;
}

/*
 * The one task of the space, under the number and the process of whose call it is: one thread tells all
 * of them.
 */
static struct task *task_of(struct followed *f, uint32_t pid, uint32_t tid)
{
	struct task *t = &f->callers->task;

	t->tid = (pid_t)tid;
	t->tgid = (pid_t)pid;
	t->mm->id = f->mm;
	return t;
}

/* The registers that functions do not keep for their callers are left 0: no frame's rule is about them. */
uint32_t callers_of(struct live_bpf *s, struct followed *f, const struct item *it)
{
	const struct stack_copy *k = it->stack;
	struct registers regs = { 0 };
	uint32_t number;

	if (!k || !f->callers)
		return 0;
	regs.user.rip = it->call.ip;
	regs.user.rsp = it->call.sp;
	regs.user.rbx = k->bx;
	regs.user.rbp = k->bp;
	regs.user.r12 = k->r12;
	regs.user.r13 = k->r13;
	regs.user.r14 = k->r14;
	regs.user.r15 = k->r15;
	number = stacks_of_copy(
		&s->machine, task_of(f, it->pid, it->tid), &regs, k->bytes, min(k->size, STACK_BYTES));
	emit_flush(&s->machine);
	return number;
}

/* By /tmp/perf-PID.map of the process, which has to be there still: jit.c. */
void callers_before_end(struct live_bpf *s, struct followed *f)
{
	if (!f->callers)
		return;
	stacks_before_end(&s->machine, task_of(f, f->pid, f->pid));
	emit_flush(&s->machine);
}
