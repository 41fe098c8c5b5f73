/* SPDX-License-Identifier: MIT */
/*
 * Calls in place of a task's own.
 *
 * The task stands at the entry of a call, or is stopped by a signal inside one.  What it was about to do is put aside with
 * its registers, calls are made, and it is as it was.  Signals that come meanwhile are held.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "puppet.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define SYSCALL_SIZE 2 /* of the instruction */

bool puppet_begin(struct puppet *p, pid_t tid)
{
	*p = (struct puppet){ .tid = tid };
	sigemptyset(&p->held);
	return ptrace(PTRACE_GETREGS, tid, NULL, &p->before) == 0;
}

/* To the next entry or exit of a call. */
static bool step(struct puppet *p)
{
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, p->tid, NULL, NULL) ||
			waitpid(p->tid, &status, __WALL) != p->tid || !WIFSTOPPED(status) ||
			status >> 16 == PTRACE_EVENT_EXIT)
			return false;
		if (WSTOPSIG(status) == SYSCALL_STOP)
			return true;
		if (status >> 16 == 0)
			sigaddset(&p->held, WSTOPSIG(status));
	}
}

long puppet_call(struct puppet *p, long nr, long a, long b, long c)
{
	struct user_regs_struct regs = p->before;

	regs.orig_rax = (unsigned long)nr;
	regs.rdi = (unsigned long)a;
	regs.rsi = (unsigned long)b;
	regs.rdx = (unsigned long)c;
	regs.r10 = regs.r8 = regs.r9 = 0;
	if (ptrace(PTRACE_SETREGS, p->tid, NULL, &regs) || !step(p) ||
		ptrace(PTRACE_GETREGS, p->tid, NULL, &regs))
		return -ESRCH;
	return (long)regs.rax;
}

bool puppet_enter_again(struct puppet *p)
{
	struct user_regs_struct regs = p->before;

	regs.rip -= SYSCALL_SIZE;
	regs.rax = SYS_getpid;
	regs.orig_rax = (unsigned long)-1;
	return ptrace(PTRACE_SETREGS, p->tid, NULL, &regs) == 0 && step(p);
}

void puppet_put_back(struct puppet *p, bool at_entry)
{
	struct user_regs_struct regs = p->before;

	if (at_entry) {
		regs.rip -= SYSCALL_SIZE;
		regs.rax = regs.orig_rax;
		regs.orig_rax = (unsigned long)-1;
	}
	ptrace(PTRACE_SETREGS, p->tid, NULL, &regs);
}

long puppet_install(struct puppet *p, const struct sock_filter *code, unsigned short len, long flags)
{
	struct {
		struct sock_fprog prog;
		struct sock_filter code[FILTER_MAX];
	} below = { .prog.len = len };
	uint64_t at = (p->before.rsp - RED_ZONE - sizeof(below)) & ~(uint64_t)15;

	memcpy(below.code, code, len * sizeof(*code));
	below.prog.filter = (struct sock_filter *)(uintptr_t)(at + offsetof(__typeof__(below), code));
	if (!write_memory(p->tid, at, &below, sizeof(below)))
		return -EFAULT;
	return puppet_call(p, SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)at);
}

void puppet_return(struct puppet *p, long result)
{
	struct user_regs_struct regs = p->before;

	regs.rax = (unsigned long)result;
	regs.orig_rax = (unsigned long)-1;
	ptrace(PTRACE_SETREGS, p->tid, NULL, &regs);
}

void puppet_send_held(struct puppet *p, pid_t tgid)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&p->held, sig) == 1)
			syscall(SYS_tgkill, tgid, p->tid, sig);
}
