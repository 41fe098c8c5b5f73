/* SPDX-License-Identifier: MIT */
/* What a tracer asks of the tasks of a scripted kernel, and what it waits for (scripted.h). */
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "scripted.h"

static long go_on(struct scr_task *t, long request)
{
	bool ends = t->stop == AT_EVENT && t->event == PTRACE_EVENT_EXIT;

	t->by_syscall = request == PTRACE_SYSCALL;
	t->refused = t->in_call && (int64_t)t->regs.orig_rax == -1;
	/* Back before its call, it makes it again; for a step of the recorder's that is another one (step_puppet()). */
	if (t->refused && t->regs.rip < SCR_TEXT && request == PTRACE_CONT) {
		scr_enter(t);
		return 0;
	}
	t->stop = RUNS;
	t->listens = request == PTRACE_LISTEN;
	if (ends)
		scr_end(t);
	return 0;
}

static long seize(struct scr_task *t)
{
	if (t->traced) {
		errno = EPERM;
		return -1;
	}
	t->traced = true;
	return 0;
}

static long interrupt(struct scr_task *t)
{
	if (t->stop == RUNS) {
		t->stop = AT_EVENT;
		t->event = PTRACE_EVENT_STOP;
		scr_report(t->tid, PTRACE_EVENT_STOP << 16 | (t->listens ? SIGSTOP : SIGTRAP) << 8 | 0x7f);
	}
	return 0;
}

static long detach(struct scr_task *t)
{
	bool ends = t->stop == AT_EVENT && t->event == PTRACE_EVENT_EXIT;

	t->traced = t->filtered = false;
	if (ends)
		scr_end(t);
	t->stop = RUNS;
	return 0;
}

static long signal_info(const struct scr_task *t, siginfo_t *info)
{
	*info = (siginfo_t){ .si_signo = SIGTRAP };
	if (t->stop == AT_EVENT)
		info->si_code = SIGTRAP | t->event << 8;
	else if (t->stop == AT_ENTRY && t->filtered)
		info->si_code = SIGTRAP | PTRACE_EVENT_SECCOMP << 8;
	if (t->stop == AT_SIGNAL) {
		info->si_signo = t->signal;
		info->si_code = !t->fault_at ? SI_USER : t->signal == SIGBUS ? BUS_ADRERR : SEGV_MAPERR;
		info->si_addr = (void *)t->fault_at;
	}
	return 0;
}

static long call_info(const struct scr_task *t, struct __ptrace_syscall_info *info)
{
	uint64_t nr = t->nr | (t->abi == TRACE_ABI_X32 ? X32_BIT : 0);

	*info = (struct __ptrace_syscall_info){ .arch = t->abi == TRACE_ABI_I386 ? AUDIT_ARCH_I386
										 : AUDIT_ARCH_X86_64,
		.instruction_pointer = t->regs.rip,
		.stack_pointer = t->regs.rsp };
	if (t->stop == AT_ENTRY) {
		info->op = t->filtered ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
		info->seccomp.nr = nr;
		memcpy((void *)info->seccomp.args, t->args, sizeof(t->args));
		if (t->filtered)
			info->seccomp.ret_data = t->mark;
	} else if (t->stop == AT_EXIT) {
		info->op = PTRACE_SYSCALL_INFO_EXIT;
		info->exit.rval = (int64_t)t->regs.rax;
	}
	return (long)sizeof(*info);
}

static long ask(struct scr_task *t, long request, void *data)
{
	switch (request) {
	case PTRACE_GETSIGINFO:
		return signal_info(t, data);
	case PTRACE_GETEVENTMSG:
		*(unsigned long *)data = t->message;
		return 0;
	case PTRACE_GET_SYSCALL_INFO:
		return call_info(t, data);
	case PTRACE_GETREGS:
		*(struct user_regs_struct *)data = t->regs;
		return 0;
	case PTRACE_SETREGS:
		t->regs = *(struct user_regs_struct *)data;
		return 0;
	default:
		errno = EIO;
		return -1;
	}
}

static const char *name_of_request(long request)
{
	switch (request) {
	case PTRACE_SEIZE:
		return "seize";
	case PTRACE_GETREGS:
		return "getregs";
	case PTRACE_SETREGS:
		return "setregs";
	case PTRACE_GET_SYSCALL_INFO:
		return "callinfo";
	case PTRACE_INTERRUPT:
		return "interrupt";
	default:
		return "ptrace";
	}
}

long scripted_ptrace(long request, pid_t tid, void *addr, void *data)
{
	struct scr_task *t = scr_task(tid);

	if (scr_is_failing(name_of_request(request)))
		return -1;
	if (!t)
		return scr_no_such_task();
	if (request == PTRACE_SEIZE)
		return seize(t);
	if (!t->traced)
		return scr_no_such_task();
	if (request == PTRACE_INTERRUPT)
		return interrupt(t);
	if (t->stop == RUNS)
		return scr_no_such_task();
	if (request == PTRACE_DETACH)
		return detach(t);
	if (request == PTRACE_CONT || request == PTRACE_SYSCALL || request == PTRACE_LISTEN) {
		scr.last_signal = (int)(long)data;
		return go_on(t, request);
	}
	return ask(t, request, data);
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static pid_t take_report(int i, int *status)
{
	pid_t tid = scr.reports[i].tid;

	*status = scr.reports[i].status;
	memmove(&scr.reports[i], &scr.reports[i + 1],
		sizeof(scr.reports[0]) * (size_t)(--scr.nr_reports - i));
	return tid;
}

/* Calls that are made in place of the task's own: from stop to stop, without the script. */
static pid_t step_puppet(struct scr_task *t, int *status)
{
	bool enters = (int64_t)t->regs.orig_rax == -1 && t->regs.rip != t->puppet.rip;

	if (t->stop != RUNS || !t->by_syscall || scr_is_failing("puppet")) {
		errno = ECHILD;
		return -1;
	}
	if (enters) {
		t->regs.orig_rax = t->regs.rax;
		t->regs.rip = t->puppet.rip;
		t->stop = AT_ENTRY;
	} else {
		t->regs.rax = (uint64_t)(t->regs.orig_rax == SYS_seccomp ? scr.puppet_result : 0);
		t->stop = AT_EXIT;
	}
	*status = SYSCALL_STOP << 8 | 0x7f;
	return t->tid;
}

static pid_t wait_for(pid_t tid, int *status, int options)
{
	struct scr_task *t = scr_task(tid);

	for (int i = 0; i < scr.nr_reports; i++)
		if (scr.reports[i].tid == tid)
			return take_report(i, status);
	if (options & WNOHANG)
		return 0;
	if (t)
		return step_puppet(t, status);
	errno = ECHILD;
	return -1;
}

static bool any_task(void)
{
	for (int i = 0; i < MAX_TASKS; i++)
		if (scr.tasks[i].tid && scr.tasks[i].traced)
			return true;
	return false;
}

pid_t scripted_waitpid(pid_t tid, int *status, int options)
{
	int nothing;

	return wait_for(tid, status ? status : &nothing, options);
}

pid_t scripted_wait_awhile(int *status)
{
	while (!scr.nr_reports && scr_step())
		;
	if (scr.nr_reports)
		return take_report(0, status);
	if (scr.now < scr.wait_until || (any_task() && scr.leave)) {
		scr.now += TICK_NS;
		return 0;
	}
	/* Nothing more will come. */
	errno = ECHILD;
	return -1;
}

int scripted_waitid(pid_t tid, siginfo_t *info, int options)
{
	info->si_pid = 0;
	return 0;
}
