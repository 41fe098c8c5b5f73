/* SPDX-License-Identifier: MIT */
/*
 * The language of scripts (scripted.h).  One line, one thing that happens:
 *
 *   100 exec [101]             a new program; what was thread 101 takes the number
 *   100 mmap A 2p rw anon = A  a call, and its return; without "= A" its entry alone
 *   100 = A                    the return of a call that has begun
 *   100 clones 101             the call has made a thread; forks, vforks: a process
 *   101 born [clone|fork 100]  its first stop; with the rest: before its parent's
 *   100 exit 0                 its last stop; "killed 9" from wherever it stands, "gone 9" without any stop
 *   100 signal 10 [A] / stop 19 / continued
 *                              with the rest: of an access there
 *   100 is-refused [0]         its call has not been made, and returns ENOSYS, or this
 *   100 argument 7             this has to be its call's first argument; nobody's; was-given 10, a signal
 *   100 write A                a page becomes written; zero, swap, guard, huge; grow: the stack, by a page
 *   100 area A A+2 rw [uffd]   there is one that no call made; noarea A A+2
 *   100 file 3 7 PATH [...]    a descriptor of the file that comes 7th; shmem, huge, zero, device, pipe, sealed, readable
 *   100 memory A 1 2 3         numbers of 64 bits; "bytes" of 8; "text" a name
 *   100 abi i386 / mark 5      of the calls that follow
 *   100 inside 34              it is stopped in this call
 *   wait 600                   so many milliseconds nothing is to be reported
 *   fail open 24 [after 3]     this member, with this errno; works open
 *   text /proc/x ...           what the file has, or -ERRNO
 *   puppet-result 5            of calls that are made in place of a task's own
 *   descriptors 40 / leave [after 3] / launch-error N / sink-error N / raise SIGNAL / killed TASK
 *   before ...                 as soon as the recorder is there
 *
 * A+2 is two pages from A; S is the stack's lower end, H the heap's; 2p two pages; words and numbers are joined by |.
 */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include "scripted.h"

enum { MAX_WORDS = 16 };

struct line {
	char text[256];
	char *word[MAX_WORDS];
	int nr;
};

/* words.c: what a word says, by its place; 0 where there is none.  A number, an address, or words joined by |. */
uint64_t value(const struct line *l, int i);
bool says(const struct line *l, int i, const char *word);

/* facts.c: is it a line of such, which has been done?  Of a task, and of the machine. */
bool of_facts(const struct line *l, struct scr_task *t);
bool of_machine(const struct line *l);

/* script.c: the call of @t returns; @is_refused: and was not made. */
void return_from(struct scr_task *t, int64_t result, bool is_refused);

#endif /* TESTS_SCRIPT_H */
