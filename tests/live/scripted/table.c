/* SPDX-License-Identifier: MIT */
/* The scenarios: a script, the events that have to come of it, and what their replay counts. */
#include "scenarios.h"

#define BEGIN "100 exec\n"
#define END   "100 exit 0\n"

/* Differences, uncertain, lost, foreign, outside. */
#define NONE                  \
	{                     \
		0, 0, 0, 0, 0 \
	}
#define LOST(n)               \
	{                     \
		0, 0, n, 0, 0 \
	}

/* clang-format off */
const struct scenario scenarios[] = {
	/* --- one task ------------------------------------------------------------------------------------------ */
	{ "a program that maps nothing", BEGIN END, "100: space map* map exit!", NONE, NULL, EVERY },
	{ "one that is mapped and unmapped",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 munmap A 2p = 0\n"
	  END,
	  "100: space map* mmap=A map munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "a call that fails, and has done half",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A+1 2p r\n"
	  "100 area A+1 A+2 r\n"
	  "100 = -12\n"
	  END,
	  "100: space map* mmap=A map mprotect=-12 map map exit!", NONE, NULL, EVERY },
	{ "the kernel has done what no call asked for",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A+5 2p r\n"
	  "100 area A+1 A+2 r\n"
	  "100 = -12\n"
	  END,
	  "100: space map* mmap=A map mprotect=-12 map map exit!", { 0, 0, 0, 0, 1 }, "changed from outside", EVERY },
	{ "the kernel's result is not the mirror's",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed\n"
	  "100 = -12\n"
	  END,
	  "100: space map* mmap=-12 map map exit!", { 1, 0, 0, 0, 0 }, NULL, EVERY },
	{ "a mapping that shows another protection",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A 2p r\n"
	  "100 = 0\n"
	  "100 mprotect A 1p rx\n"
	  "100 area A+1 A+2 rw\n"
	  "100 = 0\n"
	  END,
	  "100: space map* mmap=A map mprotect=0 map mprotect=0 map map exit!", { 1, 0, 0, 0, 0 }, NULL, EVERY },
	{ "a page that was written is told before the call that depends on it",
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 write A+1\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map write@A+1 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "pages that were read only, or guarded, are no first writes",
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 zero A+1\n"
	  "100 guard A+2\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "the stack has grown",
	  BEGIN
	  "100 grow\n"
	  "100 mmap A 1p rw anon|fixed = A\n"
	  END,
	  "100: space map* grow@S-1 mmap=A map map exit!", NONE, NULL, EVERY },
	/* --- threads ------------------------------------------------------------------------------------------- */
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
};
/* clang-format on */
const size_t nr_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);
