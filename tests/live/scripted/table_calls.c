/* SPDX-License-Identifier: MIT */
/* Calls of one task: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
/* A guarded control stack of arm64: prctl maps one, map_shadow_stack another; the last prctl is refused. */
#define GUARDED_STACK \
	  "100 prctl 75 1\n" \
	  "100 area A A+4 rw\n" \
	  "100 = 0\n" \
	  "100 map_shadow_stack 0 4p 3\n" \
	  "100 area A+8 A+12 rw\n" \
	  "100 = A+8\n" \
	  "100 munmap A+8 4p = 0\n" \
	  "100 prctl 75 7 = -22\n"

const struct scenario scenarios_of_calls[] = {
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
	{ "of two beside each other that are told at one moment nobody knows which was first",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A+1 1p rw|rx = 0\n"
	  "100 write A\n"
	  "100 write A+1\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map mprotect=0 map write@A write?@A+1 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "those beside one that was written are told with it, and those beside them",
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 mprotect A+1 1p rw|rx = 0\n"
	  "100 write A\n"
	  "100 write A+1\n"
	  "100 write A+2\n"
	  "100 mprotect A+2 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map mprotect=0 map write@A+1 write?@A write?@A+2 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "what is written of a shared mapping gives it nothing of its own",
	  BEGIN
	  "100 mmap A 2p rw shared|anonymous|fixed = A\n"
	  "100 write A\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* file1.1 mmap=A map mprotect=0 map map exit!", NONE, NULL, EVERY },
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
	{ "the heap grows and shrinks",
	  BEGIN
	  "100 brk H+2 = H+2\n"
	  "100 brk H+1 = H+1\n"
	  END,
	  "100: space map* brk=H+2 map brk=H+1 map map exit!", NONE, NULL, EVERY },
	{ "a mapping moves with its written page, and becomes longer",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 write A\n"
	  "100 mmap A+64 8p none anon|fixed = A+64\n"
	  "100 mremap A 2p 4p maymove|to A+32 = A+32\n"
	  END,
	  "100: space map* mmap=A map mmap=A+64 map write@A mremap=A+32 map map map exit!", NONE, NULL, EVERY },
	{ "mremap that leaves the old range",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mremap A 2p 2p maymove|dontunmap 0 = A-8\n"
	  END,
	  "100: space map* mmap=A map mremap=A-8 map map map exit!", NONE, NULL, EVERY },
	{ "a mapping that grows is moved, and grows there",
	  BEGIN
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 grow A+8\n"
	  "100 mremap A+7 3p 3p maymove|to A+100 = A+100\n"
	  "100 grow A+100\n"
	  END,
	  "100: space map* mmap=A+8 map grow@A+7 write@A+7 mremap=A+100 map map grow@A+99 map exit!", NONE, NULL, EVERY },
	{ "a mapping grows down to another: what was written by then is told then",
	  BEGIN
	  "100 mmap A+5 2p rw anon|fixed|grows = A+5\n"
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 grow A+8\n"
	  "100 write A+6\n"
	  "100 mprotect A+100 1p r = -12\n"
	  END,
	  "100: space map* mmap=A+5 map mmap=A+8 map grow@A+7 write@A+6 write?@A+7 mprotect=-12 map map exit!", NONE,
	  NULL, EVERY },
	{ "what may not grow is told of, until it was written",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mmap A+5 2p rw anon|fixed|grows = A+5\n"
	  "100 mmap A+20 2p rw anon|fixed = A+20\n"
	  "100 signal 11 A+19\n"
	  "100 signal 11 A+21\n"
	  "100 signal 11 A+3\n"
	  "100 signal 11\n"
	  "100 write A+5\n"
	  "100 mprotect A+20 1p r = 0\n"
	  "100 signal 11 A+4\n"
	  "100 mprotect A+6 1p r = 0\n"
	  "100 signal 11 A+4\n"
	  END,
	  "100: space map* mmap=A map mmap=A+5 map mmap=A+20 map grow@A+3 mprotect=0 map write@A+5 mprotect=0 map "
	  "map exit!", NONE, NULL, EVERY },
	{ "what may not grow is told of where it cannot be written, however often",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mmap A+5 2p none anon|fixed|grows = A+5\n"
	  "100 mprotect A+20 1p r = -12\n"
	  "100 signal 11 A+4\n"
	  "100 mprotect A+6 1p r = 0\n"
	  "100 signal 11 A+4\n"
	  END,
	  "100: space map* mmap=A map mmap=A+5 map mprotect=-12 map grow@A+4 mprotect=0 map grow@A+4 map exit!", NONE, NULL,
	  EVERY },
	{ "what grows is unmapped",
	  BEGIN
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 munmap A+8 1p = 0\n"
	  "100 munmap A+9 1p = 0\n"
	  END,
	  "100: space map* mmap=A+8 map munmap=0 map munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "an unmap that failed has left what grows",
	  BEGIN
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 munmap A+8 1p = -12\n"
	  "100 grow A+8\n"
	  END,
	  "100: space map* mmap=A+8 map munmap=-12 map grow@A+7 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, EVERY },
	{ "what was read or written of an area that is advised away",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 write A\n"
	  "100 madvise A 2p dontneed = 0\n"
	  END,
	  "100: space map* mmap=A map write@A madvise=0 map map exit!", NONE, NULL, EVERY },
	{ "an area gets a name",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 text A+20 cellar\n"
	  "100 prctl set-vma 0 A 2p A+20\n"
	  "100 named A [anon:cellar]\n"
	  "100 = 0\n"
	  END,
	  "100: space map* mmap=A map prctl=0 map map exit!", NONE, NULL, EVERY },
	{ "a name that cannot be read",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 prctl set-vma 0 A 2p A+20 = -14\n"
	  END,
	  "100: space map* mmap=A map prctl=-14 map map exit!", NONE, NULL, EVERY },
	{ "the heap is put elsewhere, by PR_SET_MM",
	  BEGIN
	  "100 prctl set-mm start-brk H+4 = 0\n"
	  "100 prctl set-mm mm-brk H+4 = 0\n"
	  "100 brk H+6 = H+6\n"
	  END,
	  "100: space map* prctl=0 prctl=0 brk=H+6 map map exit!", NONE, NULL, EVERY },
	{ "limits that changed",
	  BEGIN
	  "100 setrlimit stack A = 0\n"
	  "100 setrlimit 8 A = 0\n"
	  "100 setrlimit 9 A = 0\n"
	  "100 prlimit64 0 data A = 0\n"
	  "100 prlimit64 999 data A = 0\n"
	  "100 prlimit64 0 data 0 = 0\n"
	  "100 personality 7 = 0\n"
	  "100 setuid 7 = 0\n"
	  END,
	  "100: space map* limit2 limit3 limit0 limit1 limit6 limit4 limit5 map exit!", NONE, NULL, EVERY },
	{ "limits that may not be asked for are read",
	  BEGIN
	  "fail get_limit 1\n"
	  "100 prlimit64 0 data A = 0\n"
	  "100 setrlimit stack A = 0\n"
	  "text /proc/100/limits -2\n"
	  "100 setrlimit stack A = 0\n"
	  END,
	  "100: space map* limit1 limit6 limit2 limit2 map exit!", NONE, NULL, EVERY },
	{ "numbers of the machine that decided",
	  BEGIN
	  "text /proc/sys/vm/max_map_count 100\n"
	  "text /proc/sys/vm/overcommit_memory 2\n"
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 munmap A-1 0 = -22\n"
	  "100 munmap A-1 0 = -22\n"
	  END,
	  "100: space map* mmap=A map limit16 limit17 munmap=-22 map munmap=-22 map map exit!", NONE, NULL, EVERY },
	{ "numbers of the machine that may decide about as much as this",
	  BEGIN
	  "text /proc/sys/vm/overcommit_memory 2\n"
	  "100 mmap A 0x3ffff000 r anon|fixed = A\n"
	  "100 munmap A 0x3ffff000 = 0\n"
	  "100 mmap A 0x40000000 r anon|fixed = A\n"
	  END,
	  "100: space map* mmap=A map munmap=0 map limit17 mmap=A map map exit!", NONE, NULL, EVERY },
	{ "shadow stacks come and go",
	  BEGIN
	  "100 arch_prctl 0x5001 1\n"
	  "100 area A A+4 rw\n"
	  "100 = 0\n"
	  "100 map_shadow_stack 0 4p 1\n"
	  "100 area A+8 A+12 rw\n"
	  "100 = A+8\n"
	  "100 munmap A+8 4p = 0\n"
	  "100 arch_prctl 0x5002 1\n"
	  "100 noarea A A+4\n"
	  "100 = 0\n"
	  END,
	  "100: space map* arch_prctl=0 map map_shadow_stack=A+8 map munmap=0 map arch_prctl=0 map map exit!", NONE, NULL,
	  EVERY },
	{ "arm64's come with prctl",
	  BEGIN
	  GUARDED_STACK
	  END,
	  "100: space map* prctl=0 map map_shadow_stack=A+8 map munmap=0 map prctl=-22 map map exit!", NONE, NULL, EVERY },
	{ "arm64's, where nothing is compared",
	  BEGIN
	  GUARDED_STACK
	  END,
	  "100: space map* prctl=0 map map_shadow_stack=A+8 map munmap=0 prctl=-22 map map exit!", NONE, NULL, AT_END },
	{ "likewise where nothing is compared",
	  BEGIN
	  "100 arch_prctl 0x5001 1\n"
	  "100 area A A+4 rw\n"
	  "100 = 0\n"
	  "100 map_shadow_stack 0 4p 1\n"
	  "100 area A+8 A+12 rw\n"
	  "100 = A+8\n"
	  "100 munmap A+8 4p = 0\n"
	  "100 arch_prctl 0x5002 1\n"
	  "100 noarea A A+4\n"
	  "100 = 0\n"
	  END,
	  "100: space map* arch_prctl=0 map map_shadow_stack=A+8 map munmap=0 arch_prctl=0 map map exit!", NONE, NULL, AT_END },
	{ "all of it is locked, and let go",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mlock A 2p = 0\n"
	  "100 munlockall = 0\n"
	  END,
	  "100: space map* mmap=A map mlock=0 map munlockall=0 map map exit!", NONE, NULL, EVERY },
	{ "a policy of nodes, of which less than a word is named",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 memory A+30 5\n"
	  "100 mbind A 2p 2 A+30 9 = 0\n"
	  END,
	  "100: space map* mmap=A map mbind{5}=0 map map exit!", NONE, NULL, EVERY },
	{ "advice to a child, through a descriptor, is not about this map",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "text /proc/100/fdinfo/5 pos: 0\\nPid: 101\n"
	  "100 memory A+30 A 1p\n"
	  "100 process_madvise 5 A+30 1 dontneed = 4096\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "advice to itself, through a descriptor",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "text /proc/100/fdinfo/5 pos: 0\\nPid: 100\n"
	  "100 memory A+30 A 1p\n"
	  "100 process_madvise 5 A+30 1 dontneed = 4096\n"
	  "100 process_madvise -10000 A+30 1 dontneed = 4096\n"
	  "100 process_madvise 6 A+30 1 dontneed = 4096\n"
	  "100 process_madvise 5 A+31 1 dontneed = -14\n"
	  END,
	  "100: space map* mmap=A map process_madvise=0x1000 map process_madvise=0x1000 map map exit!", NONE, NULL, EVERY },
	{ "more advice than a call has room for",
	  BEGIN
	  "100 mmap A 9p rw anon|fixed = A\n"
	  "100 memory A+30 A 1p A+1 1p A+2 1p A+3 1p A+4 1p\n"
	  "100 memory A+31 A 1p A+1 1p A+2 1p A+3 1p A+4 1p A+5 1p\n"
	  "100 process_madvise -10000 A+30 5 dontneed = 20480\n"
	  "100 process_madvise -10000 A+30 2000 dontneed = -22\n"
	  END,
	  "100: space map* mmap=A map process_madvise=0x5000 map map exit!", NONE, NULL, EVERY },
	{ "a call of another table",
	  BEGIN
	  "100 mmap 0x10000000 2p rw anon|fixed = 0x10000000\n"
	  "100 abi i386\n"
	  "100 munmap 0x10000000 1p = 0\n"
	  "100 abi x32\n"
	  "100 munmap 0x10001000 1p = 0\n"
	  END,
	  "100: space map* mmap=0x10000000 map munmap=0 map munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "advice of another table, in numbers of 32 bits",
	  BEGIN
	  "100 mmap 0x10000000 4p rw anon|fixed = 0x10000000\n"
	  "100 abi i386\n"
	  "100 words 0x20000000 0x10000000 0x1000 0x10002000 0x2000\n"
	  "100 process_madvise -10000 0x20000000 2 dontneed = 12288\n"
	  END,
	  "100: space map* mmap=0x10000000 map process_madvise=0x3000 map map map exit!", NONE, NULL, EVERY },
	{ "a shared segment, whose place is put into memory",
	  BEGIN
	  "100 abi i386\n"
	  "100 words 0x20000000 0x10000000\n"
	  "100 ipc 21 5 0 0x20000000 0\n"
	  "100 area 0x10000000 0x10002000 rw segment\n"
	  "100 = 0\n"
	  END,
	  "100: space map* file1.1 shmat=0x10000000 map map exit!", NONE, NULL, EVERY },
	{ "what is only seen",
	  BEGIN
	  "100 io_setup 8 A+30\n"
	  "100 area A A+8 rw\n"
	  "100 = 0\n"
	  END,
	  "100: space map* io_setup=0 map map exit!", NONE, NULL, AT_END },
	/* --- ends that are not waited for ---------------------------------------------------------------------- */
	{ "the map tells how a call ended",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A 1p r = 0\n"
	  "100 munmap A 2p = 0\n"
	  "100 brk H+2 = H+2\n"
	  "100 brk H+1 = H+1\n"
	  END,
	  "100: space map* mmap=A mprotect=0 munmap=0 brk=H+2 brk=H+1 map exit!", NONE, NULL, AT_END },
	{ "the map tells that a call has failed",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = -12\n"
	  "100 brk H+2 = H\n"
	  END,
	  "100: space map* mmap=-4095 brk=H map exit!", COUNTS(2, 0, 0, 0, 0), NULL, AT_END },
	{ "a call that has ended is told after a while",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "wait 300\n"
	  "100 munmap A 2p\n"
	  "wait 300\n"
	  "100 = 0\n"
	  END,
	  "100: space map* mmap=A munmap=0 map exit!", NONE, NULL, AT_END },
	{ "killed in a call that was not waited for, before it was made",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed\n"
	  "100 killed 9\n",
	  "100: space map* map exit!", NONE, NULL, AT_END },
	{ "killed in a call that was not waited for, after it was made",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 killed 9\n",
	  "100: space map* mmap=A map exit!", NONE, NULL, AT_END },
	{ "killed in a call that was not waited for, and broken off, but not before it was made",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed\n"
	  "100 area A A+2 rw\n"
	  "100 killed 9 -4\n",
	  "100: space map* mmap=A map exit!", NONE, NULL, AT_END },
	{ "gone behind a call that was not waited for: there is no map any more that could tell",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 gone 9\n",
	  "100: space map* exit!", NONE, NULL, AT_END },
	{ "where the heap ended tells where it ends when it could not grow",
	  BEGIN
	  "100 brk H+2 = H+2\n"
	  "100 brk H+4 = H+2\n"
	  END,
	  "100: space map* brk=H+2 brk=H+2 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "a child's heap ends where its parent's did",
	  BEGIN
	  "100 brk H+2 = H+2\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 brk H+4 = H+2\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* brk=H+2 fork 101: brk=H+2 map exit! 100: map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "the heap ends where PR_SET_MM_BRK has put its end",
	  BEGIN
	  "100 prctl set-mm start-brk H+4 = 0\n"
	  "100 prctl set-mm mm-brk H+4 = 0\n"
	  "100 brk H+6 = H+4\n"
	  END,
	  "100: space map* prctl=0 prctl=0 brk=H+4 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "the heap is put elsewhere, by PR_SET_MM_MAP",
	  BEGIN
	  "100 memory A+30 A A A A H+4 H+4 S S S S S 0 0xffffffff00000000\n"
	  "100 prctl set-mm mm-map A+30 104 = 0\n"
	  "100 brk H+6 = H+4\n"
	  END,
	  "100: space map* prctl=0 brk=H+4 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "what the map shows already tells nothing: the end is waited for",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mprotect A 2p rw\n"
	  "100 = -12\n"
	  END,
	  "100: space map* mmap=A mprotect=-12 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "what a shared file may refuse is waited for",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 mmap A 2p rw shared|fixed 3 0 = A\n"
	  "100 mprotect A 2p r\n"
	  "100 = -13\n"
	  END,
	  "100: space map* file1.0 mmap=A mprotect=-13 map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "with threads every end is waited for: the other's call comes behind it",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 mmap A 2p rw anon|fixed\n"
	  "101 mmap A 2p r anon|fixed\n"
	  "100 = A\n"
	  "101 = A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* 101: thread 100: mmap=A 101: mmap=A exit 100: map exit!", NONE, NULL, AT_END },
	{ "each second call is looked at",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A mmap=A+8 map munmap=0 map exit!", NONE, NULL, NTH },
	{ "where areas get more than was asked for, every end is waited for",
	  "text /proc/100/personality 00400000\n"
	  BEGIN
	  "100 mmap A 2p rw anon|fixed\n"
	  "100 area A A+2 rw|rx\n"
	  "100 = A\n"
	  END,
	  "100: space map* mmap=A map exit!", COUNTS(1, 0, 0, 0, 0), NULL, AT_END },
	{ "what may grow into a hole is waited for",
	  BEGIN
	  "100 mmap A+7 3p rw anon|fixed|grows = A+7\n"
	  "100 munmap A+7 1p = 0\n"
	  END,
	  "100: space map* mmap=A+7 munmap=0 map exit!", NONE, NULL, AT_END },
	{ .name = NULL }
};
/* clang-format on */
