/* SPDX-License-Identifier: MIT */
/*
 * Calls in place of a task's own.
 *
 * The task stands at the entry of a call, or is stopped by a signal inside one.  What it was about to do is put aside with
 * its registers, calls are made, and it is as it was.  Signals that come meanwhile are held.
 *
 * Order: puppet_begin(); then, for a task that is not at an entry, puppet_enter_again(); calls, each of
 * which uses up the entry, so puppet_enter_again() between two; puppet_put_back(), or puppet_return() with
 * a result; puppet_send_held() last. Nothing of the memory of the task is changed but below its red zone.
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

/* False: the task has been killed; nothing of it was changed. */
bool puppet_begin(struct puppet *p, pid_t tid)
{
	*p = (struct puppet){ .tid = tid, .abi = machine_table_at(tid) };
	sigemptyset(&p->held);
	return registers_take(&p->before, tid);
}

/*
 * To the next entry or exit of a call.
 *
 * False: it has ended, or is about to; puppet_put_back() does no harm then. Other events than signals (a
 * group-stop) are passed over.
 */
static bool step(struct puppet *p)
{
	int status;

	for (;;) {
		if (kernel->ptrace(PTRACE_SYSCALL, p->tid, NULL, NULL) ||
			kernel->waitpid(p->tid, &status, __WALL) != p->tid || !WIFSTOPPED(status) ||
			status >> 16 == PTRACE_EVENT_EXIT)
			return false;
		if (WSTOPSIG(status) == SYSCALL_STOP)
			return true;
		if (status >> 16 == 0)
			/*
			 * PTRACE_SYSCALL without a signal drops it: puppet_send_held() sends it anew,
			 * without what its siginfo said.
			 */
			sigaddset(&p->held, WSTOPSIG(status));
	}
}

/*
 * At an entry: the number is exchanged there, and the result read at the exit. -errno, as in the kernel;
 * -ESRCH also where the task is gone.
 */
long puppet_call(struct puppet *p, long nr, long a, long b, long c)
{
	const uint64_t args[] = { (uint64_t)a, (uint64_t)b, (uint64_t)c };
	struct registers regs = p->before;

	registers_set_call(&regs, machine_number(p->abi, nr));
	registers_set_arguments(&regs, p->abi, args);
	if (!registers_put(&regs, p->tid) || !step(p) || !registers_take(&regs, p->tid))
		return -ESRCH;
	return (long)registers_result(&regs);
}

/*
 * getpid(2), for a call that has no effect if it is made after all. False: as step(). The stop at the
 * entry comes before any filter is asked (since Linux 4.8).
 */
bool puppet_enter_again(struct puppet *p)
{
	struct registers regs = p->before;

	registers_call_again(&regs, machine_number(p->abi, SYS_getpid));
	return registers_put(&regs, p->tid) && step(p);
}

/*
 * At an entry: the program's own call is made again from its instruction, and stops there once more
 * (takes_its_own).
 */
void puppet_put_back(struct puppet *p, bool at_entry)
{
	struct registers regs = p->before;

	if (at_entry)
		registers_call_again(&regs, registers_call(&p->before));
	registers_put(&regs, p->tid);
}

/* What lies below the red zone is nobody's: no signal handler runs meanwhile, for signals are held. */
long puppet_install(struct puppet *p, const struct sock_filter *code, unsigned short len, long flags)
{
	struct {
		union {
			struct sock_fprog prog;
			struct narrow_fprog narrow;
		};
		struct sock_filter code[FILTER_MAX];
	} below = { .prog.len = len };
	uint64_t at = (registers_sp(&p->before) - RED_ZONE - sizeof(below)) & ~(uint64_t)15;

	memcpy(below.code, code, len * sizeof(*code));
	if (trace_abi_is_32bit(p->abi))
		below.narrow.filter = (uint32_t)(at + offsetof(__typeof__(below), code));
	else
		below.prog.filter = (struct sock_filter *)(uintptr_t)(at + offsetof(__typeof__(below), code));
	if (trace_abi_is_32bit(p->abi) && at > UINT32_MAX)
		return -EFAULT;
	if (!write_memory(p->tid, at, &below, sizeof(below)))
		return -EFAULT;
	return puppet_call(p, SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)at);
}

/* No call: -1 keeps the kernel from restarting what it believes to be interrupted. */
void puppet_return(struct puppet *p, long result)
{
	struct registers regs = p->before;

	registers_set_result(&regs, result);
	registers_set_call(&regs, -1);
	registers_put(&regs, p->tid);
}

/* Each kind once, as if it had been sent by this process. */
void puppet_send_held(struct puppet *p, pid_t tgid)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&p->held, sig) == 1)
			kernel->tgkill(tgid, p->tid, sig);
}
