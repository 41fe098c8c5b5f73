/* SPDX-License-Identifier: MIT */
/* Tasks that are born, stop, wait for each other and end: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
const struct scenario scenarios_of_tasks[] = {
	{ "a thread's call waits for the other's",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mmap A 1p rw anon|fixed\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "100 = A\n"
	  "101 = A+8\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread 100: mmap=A map 101: mmap=A+8 map exit 100: map exit!", NONE, NULL, EVERY },
	{ "a thread is killed inside its call",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 munmap A 1p\n"
	  "101 killed 9\n"
	  END,
	  "100: space map* 101: thread exit 100: map exit!", NONE, NULL, EVERY },
	{ "a thread vanishes inside its call",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 munmap A 1p\n"
	  "101 gone 9\n"
	  END,
	  "100: space map* 101: thread lost exit 100: map exit!", LOST(1), "outcome of its last call", EVERY },
	{ "a child with a copy",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 munmap A 1p = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map munmap=0 map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "what was written before a fork is told before it",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 write A\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map write@A fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "what a thread writes beside a fork is older than it where the child has it",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 clone 0\n"
	  "101 write A\n"
	  "100 forks 102\n"
	  "102 born\n"
	  "102 exit 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread 100: write@A fork 102: map map exit! 101: exit 100: map exit!",
	  NONE, NULL, EVERY },
	{ "and younger where it has not, which then joins what its parent does not",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 clone 0\n"
	  "102 born fork 100\n"
	  "101 write A\n"
	  "100 forks 102\n"
	  "102 mmap A+2 2p rw anon|fixed\n"
	  "102 noarea A A+2\n"
	  "102 area A A+4 rw\n"
	  "102 = A+2\n"
	  "102 exit 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread 100: fork write@A 102: map mmap=A+2 map map exit! 101: exit 100: map exit!",
	  NONE, NULL, EVERY },
	{ "a call that is blocked loses its turn to the others",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 madvise A 1p 23\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "wait 1200\n"
	  "101 = A+8\n"
	  "101 exit 0\n"
	  "100 = -12\n"
	  END,
	  "100: space map* 101: thread lost mmap=A+8 map exit 100: madvise=-12 map map exit!", LOST(1),
	  "1 missing: the order of calls", EVERY },
	{ "of two that wait one gets its turn, and the other when that is blocked, too",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 clone thread\n"
	  "100 clones 102\n"
	  "102 born\n"
	  "100 madvise A 1p 23\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "102 mmap A+10 1p r anon|fixed\n"
	  "wait 1200\n"
	  "wait 1200\n"
	  "102 = A+10\n"
	  "101 = A+8\n"
	  "102 exit 0\n"
	  "101 exit 0\n"
	  "100 = -12\n"
	  END,
	  "100: space map* 101: thread 102: thread 101: lost 102: lost mmap=A+10 map 101: mmap=A+8 map 102: exit 101: exit "
	  "100: madvise=-12 map map exit!", LOST(2),
	  "1 missing: the order of calls", EVERY },
	{ "all of the map is seen while the blocked call is in the kernel still",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mprotect A 1p r\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "wait 1200\n"
	  "101 = A+8\n"
	  "101 munlockall = 0\n"
	  "100 area A A+1 r\n"
	  "101 munmap A+1 1p = 0\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread lost mmap=A+8 map munlockall=0 map munmap=0 map 100: mprotect=0 map "
	  "101: exit 100: map exit!", { 0, 1, 1, 0, 0 }, "events of it were lost", EVERY },
	{ "likewise where every second call is looked at",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 munmap A 1p\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "wait 1200\n"
	  "101 = A+8\n"
	  "100 noarea A A+1\n"
	  "101 mmap A+10 1p r anon|fixed = A+10\n"
	  "101 mmap A+12 1p r anon|fixed = A+12\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A 101: thread lost mmap=A+8 map mmap=A+10 mmap=A+12 map "
	  "100: munmap=0 101: exit 100: map exit!",
	  { 0, 1, 1, 0, 0 }, "events of it were lost", NTH },
	{ "all of it is seen when the blocked call has returned: that ends the doubt",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mmap A 4p rw anon|fixed\n"
	  "101 mmap A+8 1p r anon|fixed\n"
	  "wait 1200\n"
	  "101 = A+8\n"
	  "101 munlockall = 0\n"
	  "100 = A\n"
	  "101 munlockall = 0\n"
	  "101 mmap A+16 2p rw anon|fixed = -12\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread lost mmap=A+8 map munlockall=0 map 100: mmap=A map 101: munlockall=0 map mmap=-12 map "
	  "exit 100: map exit!", { 1, 0, 1, 0, 0 }, "the order of calls", EVERY },
	{ "a thread execs: its process goes on under the number that it had",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 execve 0\n"
	  "100 exec 101\n"
	  "100 mmap A 1p r anon|fixed = A\n"
	  END,
	  "100: space map* 101: thread 100: exit exit> space map* mmap=A map map exit!", NONE, NULL, EVERY },
	{ "a thread execs, whose first thread has ended",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 exit 0\n"
	  "101 execve 0\n"
	  "100 exec 101\n"
	  "100 exit 0\n",
	  "100: space map* 101: thread 100: exit 101: map 100: exit> space map* map exit!", NONE, NULL, EVERY },
	{ "vfork, and the child's exec",
	  BEGIN
	  "100 vfork\n"
	  "100 vforks 101\n"
	  "101 born\n"
	  "101 execve 0\n"
	  "101 exec\n"
	  "101 mmap A 1p r anon|fixed = A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: task exit> space map* mmap=A map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "a child that is not to be traced is, all the same",
	  BEGIN
	  "100 clone thread|untraced\n"
	  "100 argument thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "wait 1\n"
	  "100 argument thread|untraced\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread exit 100: map exit!", NONE, NULL, EVERY },
	{ "likewise by clone3",
	  BEGIN
	  "100 memory A+30 thread|untraced 0 0 0 0 0 0 0\n"
	  "100 clone3 A+30 64\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread exit 100: map exit!", NONE, NULL, EVERY },
	{ "one whose arguments cannot be changed is refused",
	  BEGIN
	  "100 memory A+30 thread|untraced 0 0 0 0 0 0 0\n"
	  "fail write_memory 14\n"
	  "100 clone3 A+30 64\n"
	  "100 is-refused\n"
	  "works write_memory\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "a child stops before its parent tells of it",
	  BEGIN
	  "100 clone 0\n"
	  "101 born fork 100\n"
	  "100 forks 101\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "a child is killed before its parent tells of it",
	  BEGIN
	  "100 clone 0\n"
	  "101 born fork 100\n"
	  "101 killed 9\n"
	  "100 forks 101\n"
	  END,
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "a task that nobody tells of goes on after a while, unrecorded",
	  BEGIN
	  "101 born fork 100\n"
	  "wait 3500\n"
	  "101 mmap A 1p r anon|fixed = A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: lost 100: map exit!", LOST(1), "whose beginning was not seen", EVERY },
	{ "a parent is killed in the call that has made a child",
	  BEGIN
	  "100 clone 0\n"
	  "101 born fork 100\n"
	  "100 killed 9 101\n"
	  "101 exit 0\n",
	  "100: space map* fork 101: map 100: map exit! 101: map exit!", NONE, NULL, EVERY },
	{ "a child's map cannot be read",
	  BEGIN
	  "100 clone 0\n"
	  "text /proc/101/maps -13\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* lost map exit!", LOST(1), "0 missing: a child whose map cannot be read", EVERY },
	{ "stopped by a signal, for long, and continued",
	  BEGIN
	  "100 stop 19\n"
	  "wait 2000\n"
	  "100 continued\n"
	  END,
	  "100: space map* map exit!", NONE, "is stopped by a signal", EVERY },
	{ "reports are waited for, of one task and of two",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "wait 3\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 mmap A+8 1p r anon|fixed = A+8\n"
	  "wait 3\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread mmap=A+8 map exit 100: map exit!", NONE, NULL, EVERY },
	{ "stopped by a signal, and continued soon",
	  BEGIN
	  "100 stop 19\n"
	  "wait 100\n"
	  "100 continued\n"
	  END,
	  "100: space map* map exit!", NONE, "!is stopped by a signal", EVERY },
	{ "what a task is called is told when it changes",
	  BEGIN
	  "text /proc/100/comm cellar\\n\n"
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "wait 2000\n"
	  "100 munmap A 1p = 0\n"
	  "text /proc/100/comm attic\\n\n"
	  "wait 2000\n"
	  "100 munmap A+1 1p = 0\n"
	  END,
	  "100: space map* other mmap=A map munmap=0 map other munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "signals are the program's",
	  BEGIN
	  "100 signal 10\n"
	  "wait 1\n"
	  "100 was-given 10\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "a signal that ends is passed on to the program",
	  BEGIN
	  "raise 15\n"
	  "wait 400\n"
	  "killed 100\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "so is a terminal's that goes away",
	  BEGIN
	  "raise 1\n"
	  "wait 400\n"
	  "killed 100\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "one that the program has had is not",
	  BEGIN
	  "raise 1\n"
	  "wait 1\n"
	  "100 signal 1\n"
	  "wait 400\n"
	  "killed 0\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "killed in a call that was carried out",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed\n"
	  "100 area A A+2 rw\n"
	  "100 killed 9 A\n",
	  "100: space map* mmap=A map map exit!", NONE, NULL, EVERY },
	{ "killed in a call that may have done part of its work",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 madvise A 2p 23\n"
	  "100 killed 9 -4\n",
	  "100: space map* mmap=A map lost map exit!", LOST(1), "how much of it was done", EVERY },
	{ "killed in a call, and the registers are gone",
	  BEGIN
	  "100 munmap A 2p\n"
	  "fail getregs 3\n"
	  "100 killed 9\n",
	  "100: space map* lost map exit!", LOST(1), "outcome of its last call", EVERY },
	{ "killed at the entry, before it was looked at",
	  BEGIN
	  "fail callinfo 3\n"
	  "100 munmap A 2p\n"
	  "100 killed 9\n",
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "killed at the event of a child",
	  BEGIN
	  "100 clone 0\n"
	  "fail ptrace 3 after 99\n"
	  "fail siginfo 3\n"
	  "100 forks 101\n"
	  "works siginfo\n"
	  "100 killed 9 101\n"
	  "101 born\n"
	  "101 exit 0\n",
	  "100: space map* fork 101: map 100: map exit! 101: map exit!", NONE, NULL, EVERY },
	{ "all tasks are gone, and nobody has said so",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n",
	  "100: space map* mmap=A map exit!", NONE, NULL, EVERY },
	{ "a thread writes while another one is in a call",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mprotect A+1 1p r\n"
	  "100 write A+3\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread 100: write?@A+3 mprotect=0 map 101: exit 100: map exit!",
	  NONE, NULL, EVERY },
	{ "a fresh area is written between calls of threads",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "101 write A\n"
	  "100 mmap A+100 1p r anon|fixed = A+100\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread 100: mmap=A map write@A mmap=A+100 map 101: exit 100: map exit!",
	  NONE, NULL, EVERY },
	{ "an area that was there before the first thread is written between calls",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "101 write A\n"
	  "100 mmap A+100 1p r anon|fixed = A+100\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map 101: thread 100: write@A mmap=A+100 map 101: exit 100: map exit!",
	  NONE, NULL, EVERY },
	{ "a stack grows while a thread is looked at",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mmap A 2p rw anon|fixed\n"
	  "101 grow\n"
	  "100 = A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread 100: grow?@S-1 mmap=A map 101: exit 100: map exit!", NONE, NULL, EVERY },
	{ "the sink takes no more: the program runs on",
	  BEGIN
	  "sink-error 28\n"
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 exit 0\n",
	  "100: space map* mmap=A", NONE, "no event was taken after event 2", REFUSED },
	{ "the program does not begin",
	  "before launch-error -2\n"
	  "100 gone 0x7f00\n",
	  "", NONE, "cannot be started: No such file", EVERY },
	{ "the filter is refused",
	  "before launch-error -4109\n"
	  "100 gone 0x7e00\n",
	  "", NONE, "the seccomp filter cannot be installed: Permission denied", EVERY },
	{ "no process can be made", "before fail launch 11\n", "", NONE, "cannot start a process", REFUSED },
	{ "there is no program", "before fail launch 2\n", "", NONE, "cannot be started: No such file", REFUSED },
	{ "it may not be run", "before fail launch 13\n", "", NONE, "cannot be started: Permission denied", REFUSED },
	{ "tracing is not permitted", "before fail seize 1\n", "", NONE, "tracing is not permitted here", REFUSED },
	{ .name = NULL }
};
/* clang-format on */
