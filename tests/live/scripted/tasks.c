/* SPDX-License-Identifier: MIT */
/* Tasks of a scripted kernel: how they stop, and what is reported of it (scripted.h). */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#include "scripted.h"

struct scripted scr;

void scr_complain(const char *format, ...)
{
	va_list args;
	int n;

	if (*scr.error || scr.lenient)
		return;
	n = snprintf(scr.error, sizeof(scr.error), "line %d: ", scr.line);
	va_start(args, format);
	vsnprintf(scr.error + n, sizeof(scr.error) - (size_t)n, format, args);
	va_end(args);
}

bool scr_is_failing(const char *member)
{
	for (int i = 0; i < MAX_FAILING; i++) {
		struct scr_failing *f = &scr.failing[i];

		if (strcmp(f->member, member) != 0 || (f->after && f->after--))
			continue;
		errno = f->error;
		return true;
	}
	return false;
}

struct scr_task *scr_task(pid_t tid)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (tid && scr.tasks[i].tid == tid)
			return &scr.tasks[i];
	return NULL;
}

struct scr_task *scr_add(pid_t tid, pid_t tgid, struct scr_space *mm)
{
	for (int i = 0; i < MAX_TASKS; i++) {
		if (scr.tasks[i].tid)
			continue;
		scr.tasks[i] = (struct scr_task){ .tid = tid, .tgid = tgid, .mm = mm, .mark = FILTER_MARK };
		scr.tasks[i].regs.rsp = SCR_TOP - 512;
		scr.tasks[i].regs.rip = SCR_TEXT;
		return &scr.tasks[i];
	}
	scr_complain("too many tasks");
	return &scr.tasks[0];
}

void scr_report(pid_t tid, int status)
{
	if (scr.nr_reports == MAX_REPORTS) {
		scr_complain("too many reports");
		return;
	}
	scr.reports[scr.nr_reports].tid = tid;
	scr.reports[scr.nr_reports++].status = status;
}

void scr_event(struct scr_task *t, int event, unsigned long message)
{
	t->stop = AT_EVENT;
	t->event = event;
	t->message = message;
	scr_report(t->tid, event << 16 | SIGTRAP << 8 | 0x7f);
}

/* At the entry of the call that it is to make. */
void scr_enter(struct scr_task *t)
{
	uint64_t nr = t->nr | (t->abi == TRACE_ABI_X32 ? X32_BIT : 0);
	const uint64_t *a = t->args;

	t->in_call = true;
	t->refused = false;
	t->regs.orig_rax = nr;
	t->regs.rax = (uint64_t)-ENOSYS;
	t->regs.rip = SCR_TEXT;
	t->regs.rdi = a[0];
	t->regs.rsi = a[1];
	t->regs.rdx = a[2];
	t->regs.r10 = a[3];
	t->regs.r8 = a[4];
	t->regs.r9 = a[5];
	if (t->abi == TRACE_ABI_I386)
		t->regs.rbx = a[0];
	t->stop = AT_ENTRY;
	t->puppet = t->regs;
	if (t->filtered)
		scr_report(t->tid, PTRACE_EVENT_SECCOMP << 16 | SIGTRAP << 8 | 0x7f);
	else
		scr_report(t->tid, SYSCALL_STOP << 8 | 0x7f);
}

/* It leaves where it stands for its last stop; what was to be reported of it is not any more. */
void scr_killed(struct scr_task *t, int status)
{
	t->listens = false;
	scr_event(t, PTRACE_EVENT_EXIT, (unsigned long)status);
}

static bool has_other_threads(const struct scr_task *t)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (scr.tasks[i].tid && &scr.tasks[i] != t && scr.tasks[i].tgid == t->tgid)
			return true;
	return false;
}

/* A first thread whose process goes on is there until that ends, and nothing is told of it. */
void scr_end(struct scr_task *t)
{
	struct scr_task *first = scr_task(t->tgid);

	if (t == first && has_other_threads(t)) {
		t->ended = true;
		return;
	}
	if (t->tid == 100 || t->stop == RUNS)
		scr_report(t->tid, (int)t->message);
	t->tid = 0;
	if (first && first->ended && !has_other_threads(first)) {
		first->ended = false;
		scr_end(first);
	}
}

int scr_no_such_task(void)
{
	errno = ESRCH;
	return -1;
}
