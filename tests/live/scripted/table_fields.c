/* SPDX-License-Identifier: MIT */
/*
 * What each field of an event says, worked out from the script: scenarios.h, fields.c.  The program is process 100, its
 * address space the first; calls are made from SCR_TEXT.
 */
#include "scenarios.h"

/* Its brk and stack are where scripted programs have them, and of its limits the stack's alone is one. */
#define PROGRAM                                                                                     \
	"100: space(100/100:1 start_brk=H brk=H start_stack=0x7fffffffee00 task_size=S+33 topdown " \
	"0xffffffffffffffff "                                                                       \
	"0xffffffffffffffff 0x800000 0xffffffffffffffff 0 0 0xffffffffffffffff) map*(100/100:1)"

/* clang-format off */
const struct scenario scenarios_of_fields[] = {
	{ "the fields of a mapping, a write, a change of access",
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 write A+1\n"
	  "100 mprotect A+1 1p r = 0\n"
	  "100 munmap A+2 1p = 0\n"
	  END,
	  PROGRAM
	  " mmap=A(100/100:1 A 0x3000 3 50)"
	  " map(100/100:1 0x7effffffffff..0x7f0000003001 A..A+3rw-p)"
	  " write@A+1(100/100:1 write known)"
	  " mprotect=0(100/100:1 A+1 0x1000 1)"
	  " map(100/100:1 0x7f0000000fff..0x7f0000002001 A..A+1rw-p A+1..A+2r--p A+2..A+3rw-p)"
	  " munmap=0(100/100:1 A+2 0x1000)"
	  " map(100/100:1 0x7f0000001fff..0x7f0000003001 A+1..A+2r--p)"
	  " map(100/100:1 names H-4..H-2r-xp+0@11 A..A+1rw-p A+1..A+2r--p S..S+33rw-p)"
	  " exit!(100/100:1 0)", NONE, NULL, EVERY | FIELDS },
	{ "the fields of files",
	  BEGIN
	  "100 file 3 15 /lib/one readable\n"
	  "100 mmap A 2p r private|fixed 3 1p = A\n"
	  "100 file 4 25 /tmp/two\n"
	  "100 mmap A+8 2p rw shared|fixed 4 3p = A+8\n"
	  "100 file 5 35 /memfd:three shmem sealed\n"
	  "100 mmap A+16 2p r shared|fixed 5 0 = A+16\n"
	  "100 file 6 45 pipe:[45] pipe\n"
	  "100 mmap A+24 2p r private|fixed 6 0 = -19\n"
	  "100 file 7 55 /dev/one device\n"
	  "100 mmap A+32 1p r private|fixed 7 0 = -19\n"
	  END,
	  PROGRAM
	  " file1.0(100/100:0 /lib/one open0 ino101 dev0:9)"
	  " mmap=A(100/100:1 A 0x2000 1 18 3 0x1000 file1)"
	  " map(100/100:1 0x7effffffffff..0x7f0000002001 A..A+2r--p+0x1000@101)"
	  " file2.0(100/100:0 /tmp/two open2 ino102 dev0:9)"
	  " mmap=A+8(100/100:1 A+8 0x2000 3 17 4 0x3000 file2)"
	  " map(100/100:1 0x7f0000007fff..0x7f000000a001 A+8..A+10rw-s+0x3000@102)"
	  " file3.1(100/100:0 /memfd:three open2 ino103 dev0:9 off32)"
	  " mmap=A+16(100/100:1 A+16 0x2000 1 17 5 file3)"
	  " map(100/100:1 0x7f000000ffff..0x7f0000012001 A+16..A+18r--s+0@103)"
	  " file4.5(100/100:0 pipe:[45] open2 ino0 dev0:0)"
	  " mmap=-19(100/100:1 A+24 0x2000 1 18 6 file4)"
	  " map(100/100:1 0x7f0000017fff..0x7f000001a001)"
	  " file5.5(100/100:0 /dev/one open2 ino0 dev0:0)"
	  " mmap=-19(100/100:1 A+32 0x1000 1 18 7 file5)"
	  " map(100/100:1 0x7f000001ffff..0x7f0000021001)"
	  " map(100/100:1 names H-4..H-2r-xp+0@11 A..A+2r--p+0x1000@101"
	  " A+8..A+10rw-s+0x3000@102 A+16..A+18r--s+0@103 S..S+33rw-p)"
	  " exit!(100/100:1 0)", NONE, NULL, EVERY | FIELDS },
	{ "the fields of memory for which the kernel makes a file",
	  BEGIN
	  "100 mmap A 2p rw shared|anonymous|fixed = A\n"
	  "100 mmap A+512 512p rw shared|anonymous|fixed|hugetlb = A+512\n"
	  "100 shmat 77 A+8 0 = A+8\n"
	  "100 shmat 78 A+16 010000 = A+16\n"
	  END,
	  PROGRAM
	  " file1.1(100/100:0 /dev/zero (deleted) open2 ino1912 dev0:9 anonymous)"
	  " mmap=A(100/100:1 A 0x2000 3 49 file1)"
	  " map(100/100:1 0x7effffffffff..0x7f0000002001 A..A+2rw-s+0@1912)"
	  " file2.2(100/100:0 /dev/zero (deleted) open2 ino1424 dev0:9 anonymous flags0x440000 align0x200000)"
	  " mmap=A+512(100/100:1 A+512 0x200000 3 0x40031 file2)"
	  " map(100/100:1 0x7f00001fffff..0x7f0000400001 A+512..A+1024rw-s+0@1424)"
	  " file3.1(100/100:0 /SYSV00000000 (deleted) open2 ino77 dev0:9 close)"
	  " shmat=A+8(100/100:1 77 A+8 file3 data8)"
	  " map(100/100:1 0x7f0000007fff..0x7f0000009001 A+8..A+10rw-s+0@77)"
	  " file4.1(100/100:0 /SYSV00000000 (deleted) open0 ino78 dev0:9 close)"
	  " shmat=A+16(100/100:1 78 A+16 0x1000 file4 data8)"
	  " map(100/100:1 0x7f000000ffff..0x7f0000011001 A+16..A+18r--s+0@78)"
	  " map(100/100:1 names H-4..H-2r-xp+0@11 A..A+2rw-s+0@1912"
	  " A+8..A+10rw-s+0@77 A+16..A+18r--s+0@78 A+512..A+1024rw-s+0@1424 S..S+33rw-p)"
	  " exit!(100/100:1 0)", NONE, NULL, EVERY | FIELDS },
	{ "the fields of processes and threads",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 = 101\n"
	  "101 mmap A 1p rw anon|fixed = A\n"
	  "101 exit 3\n"
	  "100 clone 0\n"
	  "100 forks 102\n"
	  "102 born\n"
	  "100 = 102\n"
	  "102 munmap A 1p = 0\n"
	  "102 killed 9\n"
	  END,
	  PROGRAM
	  " 101: thread(100/101:1 of 100)"
	  " mmap=A(100/101:1 A 0x1000 3 50)"
	  " map(100/101:1 0x7effffffffff..0x7f0000001001 A..A+1rw-p)"
	  " exit(100/101:1 0x300)"
	  " 100: fork(100/100:1 102:2)"
	  " 102: map(102/102:2 names H-4..H-2r-xp+0@11 A..A+1rw-p S..S+33rw-p)"
	  " munmap=0(102/102:2 A 0x1000)"
	  " map(102/102:2 0x7effffffffff..0x7f0000001001)"
	  " map(102/102:2 names H-4..H-2r-xp+0@11 S..S+33rw-p)"
	  " exit!(102/102:2 0x9)"
	  " 100: map(100/100:1 names H-4..H-2r-xp+0@11 A..A+1rw-p S..S+33rw-p)"
	  " exit!(100/100:1 0)", NONE, NULL, EVERY | FIELDS },
	{ .name = NULL }
};
/* clang-format on */
