/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What asks to end: who is sent it, the recorder, its program, or both at once as parts of a process
 * group.
 *
 * Times, not flags: whoever reads these asks whether both were sent one within a moment (program.c).
 * Set without any lock, by the sender's task or an interrupt; the last one counts.
 */
#ifndef LIVE_BPF_SIGNALS_H
#define LIVE_BPF_SIGNALS_H

#include "spaces.bpf.h"

struct kernel_siginfo;

#define SIGHUP  1
#define SIGTERM 15

__u32 recorder, program; /* processes; 0: none */
/* When each was sent one last, by enum signal_to_pass. */
__u64 recorder_asked[PASSED_SIGNALS], program_asked[PASSED_SIGNALS];

/*
 * By the sender, once for each signal, also where it is blocked or ignored. A group's members are told
 * of one by one.
 */
SEC("raw_tp/signal_generate")
int BPF_PROG(signal_sent, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	u32 process, which = sig == SIGTERM ? PASSED_TERM : PASSED_HUP;

	if (sig != SIGTERM && sig != SIGHUP)
		return 0;
	process = (u32)task_by((u64)task)->tgid;
	if (process == recorder)
		recorder_asked[which] = bpf_ktime_get_ns();
	if (process == program)
		program_asked[which] = bpf_ktime_get_ns();
	return 0;
}

#endif
