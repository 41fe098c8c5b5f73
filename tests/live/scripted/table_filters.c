/* SPDX-License-Identifier: MIT */
/* Programs with filters and tracers of their own: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
const struct scenario scenarios_of_filters[] = {
	{ "a filter of the program's own asks a tracer",
	  BEGIN
	  "100 mark 5\n"
	  "100 munmap A 1p\n"
	  "100 is-refused\n"
	  "100 mark 0x6d70\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "a promise to gain no privileges",
	  "text exe-mode 4755\n"
	  "fail statvfs 2\n"
	  BEGIN
	  "works statvfs\n"
	  "100 prctl no-new-privs 1 = 0\n"
	  "100 execve 0\n"
	  BEGIN END,
	  "100: space map* map exit> space map* map exit!", NONE, NULL, EVERY },
	{ "a promise of the parent's",
	  "text exe-mode 755\n"
	  BEGIN
	  "100 prctl no-new-privs 1 = 0\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "text exe-mode 4755\n"
	  "101 execve 0\n"
	  "101 exec\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit> space map* map exit! 100: map exit!", NONE, "!set-user-ID", EVERY },
	{ "without one of the parent's",
	  "text exe-mode 755\n"
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "text exe-mode 4755\n"
	  "101 execve 0\n"
	  "101 exec\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit> space map* map exit! 100: map exit!", NONE, "set-user-ID", EVERY },
	{ "a filter that lets another process decide",
	  BEGIN
	  "100 seccomp 1 8 A+30 = 9\n"
	  "100 mmap A 1p r anon|fixed = A\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 execve 0\n"
	  "101 exec\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* lost exit!", LOST(1), "SECCOMP_RET_USER_NOTIF", EVERY },
	{ "strict mode, and a call that it forbids",
	  BEGIN
	  "puppet-result 0\n"
	  "100 prctl strict 1\n"
	  "100 is-refused 0\n"
	  "100 mark 0x6d71\n"
	  "100 munmap A 1p\n"
	  "wait 1\n"
	  "killed 100\n",
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "strict mode of a thread",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "puppet-result 0\n"
	  "101 prctl strict 1\n"
	  "101 is-refused 0\n"
	  "101 mark 0x6d71\n"
	  "101 munmap A 1p\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread exit 100: map exit!", NONE, NULL, EVERY },
	{ "strict mode that another user's process may not have",
	  BEGIN
	  "puppet-result -13\n"
	  "100 prctl strict 1 = -13\n"
	  END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "killed where calls are made in its place",
	  BEGIN
	  "fail puppet 10\n"
	  "100 prctl strict 1\n"
	  "works puppet\n"
	  "100 killed 9\n",
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ "a child wants its parent for a tracer",
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 ptrace 0\n"
	  "wait 1\n"
	  "101 nobody's\n"
	  END,
	  "100: space map* fork 101: map lost 100: map exit!", LOST(1), "wants to be traced by another process", EVERY },
	{ "one that cannot be let go goes on as it is",
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "puppet-result -1\n"
	  "101 ptrace 0 = -1\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "its registers cannot be read",
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "fail getregs 3\n"
	  "101 ptrace 0 = -1\n"
	  "works getregs\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "a task that runs is attached to by another",
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "100 ptrace 16 101 = -1\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, "attaching to process 101 fails", EVERY },
	{ "a task that is stopped inside a call is attached to by another",
	  BEGIN
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 inside 34\n"
	  "101 stop 19\n"
	  "100 ptrace 16 101 = 0\n"
	  "wait 1\n"
	  "101 nobody's\n"
	  END,
	  "100: space map* fork 101: map lost 100: map exit!", LOST(1), "another one traces", EVERY },
	{ .name = NULL }
};
/* clang-format on */
