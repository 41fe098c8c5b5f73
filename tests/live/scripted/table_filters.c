/* SPDX-License-Identifier: MIT */
/* Programs with filters and tracers of their own: scenarios.h. */
#include "scenarios.h"

/*
 * A filter with a listener, of so many instructions, and then a call that is recorded.  One instruction is a number: its
 * code, jt << 16, jf << 24, k << 32.
 */
#define NUMBER "0x20"
#define ARCH   "0x400000020"
#define ASK    "0x7fc0000000000006"
#define ALLOW  "0x7fff000000000006"
#define FILTER(n, code)                                            \
	BEGIN "100 memory A+30 " #n " A+40\n100 memory A+40 " code \
	      "\n100 seccomp 1 8 A+30 = 9\n100 mmap A 1p r anon|fixed = A\n" END
#define ASKS     "100: space map* lost exit!", LOST(1), "SECCOMP_RET_USER_NOTIF", EVERY
#define DOES_NOT "100: space map* mmap=A map map exit!", NONE, "!SECCOMP_RET_USER_NOTIF", EVERY

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
	{ "a filter that asks about a call that is not recorded",
	  FILTER(4, NUMBER " 0x2a01000015 " ASK " " ALLOW), DOES_NOT },
	{ "a filter that asks about userfaultfd",
	  FILTER(4, NUMBER " 0x14301000015 " ASK " " ALLOW), DOES_NOT },
	{ "a filter that asks about mmap", FILTER(4, NUMBER " 0x901000015 " ASK " " ALLOW), ASKS },
	{ "a filter that asks about all calls but one", FILTER(4, NUMBER " 0x2a00010015 " ASK " " ALLOW), ASKS },
	{ "a filter that asks about a call that the other table has",
	  FILTER(6, ARCH " 0xc000003e00030015 " NUMBER " 0x5b01000015 " ASK " " ALLOW), ASKS },
	{ "a filter that asks about one of the other table that is not recorded",
	  FILTER(6, ARCH " 0xc000003e00030015 " NUMBER " 0x2a01000015 " ASK " " ALLOW), DOES_NOT },
	{ "a filter that asks about all calls of a table", FILTER(4, ARCH " 0xc000003e01000015 " ASK " " ALLOW), ASKS },
	{ "a filter of numbers that no call has",
	  FILTER(7, NUMBER " 0x800000030045 0x7fffffff00020025 0x8000000000010035 0x100000005 " ASK " " ALLOW),
	  DOES_NOT },
	{ "a filter of numbers that have a bit", FILTER(4, NUMBER " 0x101000045 " ASK " " ALLOW), ASKS },
	{ "a filter of larger numbers", FILTER(4, NUMBER " 0x801000025 " ASK " " ALLOW), ASKS },
	{ "a filter of numbers as large", FILTER(4, NUMBER " 0x901000035 " ASK " " ALLOW), ASKS },
	{ "a filter that looks at an argument", FILTER(4, "0x1000000020 0x701000015 " ASK " " ALLOW), ASKS },
	{ "a filter that compares with what it computed",
	  FILTER(5, NUMBER " 0x2a00000001 0x100001d " ASK " " ALLOW), ASKS },
	{ "a filter that keeps the number in mind",
	  FILTER(7, NUMBER " 0x1 0x2 0x3 0x7 0x2a01000015 " ASK " " ALLOW), DOES_NOT },
	{ "a filter that computes with the number",
	  FILTER(5, NUMBER " 0xffff00000054 0x2a01000015 " ASK " " ALLOW), ASKS },
	{ "a filter that takes the number from elsewhere", FILTER(5, NUMBER " 0x87 0x2a01000015 " ASK " " ALLOW), ASKS },
	{ "a filter that remembers", FILTER(5, NUMBER " 0x60 0x2a01000015 " ASK " " ALLOW), ASKS },
	{ "a filter whose answer is computed", FILTER(2, NUMBER " 0x16"), ASKS },
	{ "a filter that jumps beyond its end", FILTER(3, NUMBER " 0xffffffff00000005 " ASK), DOES_NOT },
	{ "a filter longer than there are", FILTER(4097, NUMBER " " ALLOW), ASKS },
	{ "a filter of threads that share it",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 memory A+30 1 A+40\n"
	  "100 memory A+40 0x7fc0000000000006\n"
	  "101 seccomp 1 9 A+30 = 9\n"
	  "100 mmap A 1p r anon|fixed = A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread lost 100: exit 101: exit!", LOST(1), "SECCOMP_RET_USER_NOTIF", EVERY },
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
	{ "strict mode that is asked for with more than it takes",
	  BEGIN
	  "puppet-result 0\n"
	  "100 seccomp 0 0 A = -22\n"
	  "100 seccomp 0 1 0 = -22\n"
	  "100 seccomp 0 0 0\n"
	  "100 is-refused 0\n"
	  END,
	  "100: space map* map exit!", NONE, "!wants strict mode", EVERY },
	{ "strict mode that another user's process may not have",
	  BEGIN
	  "puppet-result -13\n"
	  "100 prctl strict 1 = -13\n"
	  END,
	  "100: space map* map exit!", NONE, "wants strict mode", EVERY },
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
	  "100: space map* fork 101: map map exit! 100: map exit!", NONE, "wants to be traced by its parent, and is refused it", EVERY },
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
