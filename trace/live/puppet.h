/* SPDX-License-Identifier: MIT */
/* Calls in place of a task's own: puppet.c. */
#ifndef LIVE_PUPPET_H
#define LIVE_PUPPET_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "machine.h"

struct sock_filter;

/*
 * A task that calls are made in place of. before is what puppet_put_back() writes, with the call that it
 * stood in; changed by letgo.c alone (FILTER_LET_GO).
 */
struct puppet {
	pid_t tid;
	enum trace_abi abi; /* whose table its calls come through */
	struct registers before;
	sigset_t held; /* signals that came meanwhile */
};

/* It stands at the entry of a call, or is stopped by a signal inside one.  False: it has been killed. */
bool puppet_begin(struct puppet *p, pid_t tid);
/* At the entry of a call: another one instead, by its native number, with three arguments, to its exit.  What it returned. */
long puppet_call(struct puppet *p, long nr, long a, long b, long c);
/* Back to the instruction of the call that it was in, and to the entry of one that nothing stops. */
bool puppet_enter_again(struct puppet *p);
/*
 * At an entry: seccomp(2) with this program, which is put below the red zone of the stack.  What it returned; -EFAULT also
 * where the stack is beyond what a call of 32 bits can name.
 */
long puppet_install(struct puppet *p, const struct sock_filter *code, unsigned short len, long flags);
/* As it was; at an entry: before its call.  A call that a signal has broken off is taken up again when the task goes on. */
void puppet_put_back(struct puppet *p, bool at_entry);
/* Behind its call, which has returned @result. */
void puppet_return(struct puppet *p, long result);
/* What came meanwhile comes now. */
void puppet_send_held(struct puppet *p, pid_t tgid);

#endif /* LIVE_PUPPET_H */
