/* SPDX-License-Identifier: MIT */
/* Lines that let tasks do something, and which comes next (script.h). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#include "call_table.h"
#include "script.h"

/* --- calls ------------------------------------------------------------------------------------------------------ */

static bool must_run(const struct scr_task *t)
{
	if (t->stop == RUNS && !t->listens)
		return true;
	scr_complain("task %d stands still", (int)t->tid);
	return false;
}

void return_from(struct scr_task *t, int64_t result, bool is_refused)
{
	if (!must_run(t))
		return;
	if (t->refused && !is_refused)
		scr_complain("the call of %d was refused", (int)t->tid);
	if (!is_refused)
		space_after_call(t, result);
	t->refused = false;
	t->regs.rax = (uint64_t)result;
	t->in_call = false;
	if (!t->by_syscall)
		return;
	t->stop = AT_EXIT;
	scr_report(t->tid, (SIGTRAP | 0x80) << 8 | 0x7f);
}

/* A call, and its result in the line after it, so to speak. */
static struct {
	bool is;
	pid_t tid;
	int64_t result;
} returning;

static void call(const struct line *l, struct scr_task *t)
{
	const struct call_row *row = NULL;
	int at = 2;

	for (size_t i = 0; i < nr_call_rows && !row; i++)
		if (strcmp(call_rows[i].name, l->word[1]) == 0 && call_rows[i].numbers[t->abi] != NOT_THERE)
			row = &call_rows[i];
	if (!row && !says(l, 1, "getpid")) {
		scr_complain("what is \"%s\"?", l->word[1]);
		return;
	}
	if (!must_run(t))
		return;
	t->nr = row ? (uint64_t)row->numbers[t->abi] : 39;
	t->kind = row ? row->nr : 39;
	memset(t->args, 0, sizeof(t->args));
	for (; at < l->nr && !says(l, at, "="); at++)
		t->args[at - 2] = value(l, at);
	if (at < l->nr) {
		returning.is = true;
		returning.tid = t->tid;
		returning.result = (int64_t)value(l, at + 1);
	}
	/* Where no filter is and calls are not asked for, nobody sees it. */
	if (t->filtered || t->by_syscall)
		scr_enter(t);
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

static struct scr_task *make_child(const struct scr_task *parent, pid_t tid, const char *how)
{
	bool thread = *how == 'c';
	struct scr_space *mm = *how == 'f' ? space_copy(parent->mm) : parent->mm;
	struct scr_task *t = scr_task(tid);

	if (!t)
		t = scr_add(tid, thread ? parent->tgid : tid, mm);
	t->traced = true;
	t->filtered = parent->filtered;
	t->mark = parent->mark;
	return t;
}

static void made(const struct line *l, struct scr_task *t, int event)
{
	pid_t tid = (pid_t)value(l, 2);

	if (!must_run(t))
		return;
	if (!scr_task(tid))
		make_child(t, tid, l->word[1]);
	scr_event(t, event, (unsigned long)tid);
}

static void born(const struct line *l, pid_t tid)
{
	struct scr_task *parent = scr_task((pid_t)value(l, 3)), *t = scr_task(tid);

	if (parent)
		t = make_child(parent, tid, l->word[2]);
	if (!t) {
		scr_complain("whose child is %d?", (int)tid);
		return;
	}
	t->stop = AT_EVENT;
	t->event = PTRACE_EVENT_STOP;
	scr_report(tid, PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f);
}

static void begin_program(const struct line *l, struct scr_task *t)
{
	pid_t former = l->nr > 2 ? (pid_t)value(l, 2) : t->tid;
	struct scr_task *thread = scr_task(former);

	if (former != t->tid && thread) {
		pid_t tid = t->tid;

		*t = *thread;
		thread->tid = 0;
		t->tid = tid;
	}
	if (!must_run(t))
		return;
	t->in_call = false;
	t->mm = space_new();
	space_of_program(t->mm);
	scr_event(t, PTRACE_EVENT_EXEC, (unsigned long)former);
}

static void stop_by(struct scr_task *t, int sig, bool group)
{
	if (!group && !must_run(t))
		return;
	t->listens = false;
	t->stop = group ? AT_EVENT : AT_SIGNAL;
	t->event = PTRACE_EVENT_STOP;
	scr_report(t->tid, (group ? PTRACE_EVENT_STOP << 16 : 0) | sig << 8 | 0x7f);
}

static void given(const struct line *l, struct scr_task *t)
{
	t->signal = (int)value(l, 2);
	t->fault_at = l->nr > 3 ? value(l, 3) : 0;
	stop_by(t, t->signal, false);
}

/* From wherever it stands; its call has returned so much, if it has. */
static void killed(const struct line *l, struct scr_task *t)
{
	if (l->nr > 3)
		t->regs.rax = value(l, 3);
	scr_killed(t, (int)value(l, 2));
}

static bool of_task(const struct line *l, struct scr_task *t)
{
	if (says(l, 1, "="))
		return_from(t, (int64_t)value(l, 2), false);
	else if (says(l, 1, "exec"))
		begin_program(l, t);
	else if (says(l, 1, "clones"))
		made(l, t, PTRACE_EVENT_CLONE);
	else if (says(l, 1, "forks"))
		made(l, t, PTRACE_EVENT_FORK);
	else if (says(l, 1, "vforks"))
		made(l, t, PTRACE_EVENT_VFORK);
	else if (says(l, 1, "exit") && must_run(t))
		scr_event(t, PTRACE_EVENT_EXIT, value(l, 2) << 8);
	else if (says(l, 1, "killed"))
		killed(l, t);
	else if (says(l, 1, "gone"))
		scr_report(t->tid, (int)value(l, 2)), t->tid = 0;
	else if (says(l, 1, "signal"))
		given(l, t);
	else if (says(l, 1, "stop"))
		stop_by(t, (int)value(l, 2), true);
	else if (says(l, 1, "continued"))
		stop_by(t, SIGTRAP, true);
	else
		return says(l, 1, "exit");
	return true;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static bool take_line(struct line *l)
{
	size_t n = strcspn(scr.at, "\n");
	char *save = NULL;

	l->nr = 0;
	if (!*scr.at)
		return false;
	snprintf(l->text, sizeof(l->text), "%.*s", (int)n, scr.at);
	scr.at += n + (scr.at[n] == '\n');
	scr.line++;
	for (char *w = strtok_r(l->text, " \t", &save); w && l->nr < MAX_WORDS;
		w = strtok_r(NULL, " \t", &save))
		l->word[l->nr++] = w;
	return true;
}

bool scr_step(void)
{
	struct scr_task *t;
	struct line l;

	if (scr.now < scr.wait_until)
		return false;
	if (returning.is) {
		returning.is = false;
		t = scr_task(returning.tid);
		if (t)
			return_from(t, returning.result, false);
		return true;
	}
	if (!take_line(&l))
		return false;
	if (!l.nr || of_machine(&l))
		return true;
	if (says(&l, 0, "wait")) {
		scr.wait_until = scr.now + value(&l, 1) * 1000000;
		return false;
	}
	t = scr_task((pid_t)value(&l, 0));
	if (says(&l, 1, "born"))
		born(&l, (pid_t)value(&l, 0));
	else if (says(&l, 1, "is-thread-of") && (t = scr_task((pid_t)value(&l, 2))) != NULL)
		scr_add((pid_t)value(&l, 0), t->tgid, t->mm);
	else if (!t)
		scr_complain("there is no task %s", l.word[0]);
	else if (!of_task(&l, t) && !of_facts(&l, t))
		call(&l, t);
	return true;
}
