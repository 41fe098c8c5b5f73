/* SPDX-License-Identifier: MIT */
/* Processes that run already: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
const struct scenario scenarios_of_attached[] = {
	{ "a process is attached to, and left",
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 getpid = 100\n"
	  "leave\n",
	  "100: found map* mmap=A map map", NONE, NULL, ATTACHED },
	{ "it ends meanwhile",
	  "100 exit 0\n",
	  "100: found map* map exit!", NONE, NULL, ATTACHED },
	{ "with threads, one of which execs",
	  "before 101 is-thread-of 100\n"
	  "101 mmap A 2p rw anon|fixed = A\n"
	  "101 execve 0\n"
	  "100 exec 101\n"
	  "leave\n",
	  "100: found map* 101: thread mmap=A map 100: exit exit> space map* map", NONE, NULL, ATTACHED },
	{ "a signal that comes at the moment of attaching",
	  "100 signal 10\n"
	  "wait 1\n"
	  "100 was-given 10\n"
	  "leave\n",
	  "100: found map* map", NONE, NULL, ATTACHED },
	{ "a process that forks",
	  "100 fork\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 exit 0\n"
	  "leave\n",
	  "100: found map* fork 101: map map exit! 100: map", NONE, NULL, ATTACHED },
	{ "its child wants its parent for a tracer",
	  "100 fork\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 ptrace 0\n"
	  "wait 1\n"
	  "101 nobody's\n"
	  "leave\n",
	  "100: found map* fork 101: map lost 100: map", LOST(1), "wants to be traced by another process", ATTACHED },
	{ "a thread does not stop: its call may be carried out behind a look at all of the map",
	  "before 101 is-thread-of 100\n"
	  "before fail interrupt 3 after 1\n"
	  "wait 9000\n"
	  "works interrupt\n"
	  "100 munlockall = 0\n"
	  "101 area A A+2 rw\n"
	  "100 mmap A+2 1p r anon|fixed = A+2\n"
	  "101 signal 10\n"
	  "100 munlockall = 0\n"
	  "100 mmap A+8 1p r anon|fixed = -12\n"
	  "leave\n",
	  "100: found map* 101: thread lost 100: munlockall=0 map mmap=A+2 map munlockall=0 map mmap=-12 map map",
	  { 1, 1, 1, 0, 0 }, "1 missing: threads that are blocked in the kernel were not stopped", ATTACHED },
	{ "what it asks of its shadow stack, and what changes the map by it",
	  "100 arch_prctl 0x5003 1 = 0\n"
	  "100 arch_prctl 0x5001 1\n"
	  "100 area A A+4 rw\n"
	  "100 = 0\n"
	  "leave\n",
	  "100: found map* arch_prctl=0 map map", NONE, NULL, ATTACHED },
	{ "another task traces it",
	  "before fail seize 1\n"
	  "before text /proc/100/status Tgid: 100\\nTracerPid: 77\\nVmSize: 8\n",
	  "", NONE, "traced by process", ATTACHED | REFUSED },
	{ "nobody may attach", "before fail seize 1\nbefore text /proc/sys/kernel/yama/ptrace_scope 3\n", "", NONE,
	  "no process can be attached to", ATTACHED | REFUSED },
	{ "it takes a right", "before fail seize 1\nbefore text /proc/sys/kernel/yama/ptrace_scope 1\n", "", NONE,
	  "takes CAP_SYS_PTRACE, for kernel.yama.ptrace_scope is 1", ATTACHED | REFUSED },
	{ "it is another user's", "before fail seize 1\n", "", NONE, "it is another user's", ATTACHED | REFUSED },
	{ "it has ended", "before 100 gone 0\n", "", NONE, "there is no process 100", ATTACHED | REFUSED },
	{ "it ends while it is attached to", "before fail each_thread 3\n", "", NONE,
	  "there is no process 100", ATTACHED | REFUSED },
	{ "/proc is another's", "before text /proc/self 1\n", "", NONE, "/proc is not there", ATTACHED | REFUSED },
	{ "a kernel thread", "before text /proc/100/status Tgid: 100\n", "", NONE, "has no map", ATTACHED | REFUSED },
	{ "it does not stop", "before fail interrupt 3\n", "", NONE, "does not stop", ATTACHED | REFUSED },
	{ .name = NULL }
};
/* clang-format on */
