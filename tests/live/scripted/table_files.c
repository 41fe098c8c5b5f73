/* SPDX-License-Identifier: MIT */
/* Which file a mapping is of: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
const struct scenario scenarios_of_files[] = {
	{ "mappings of one open file, through two descriptors",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 file 4 15 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 mmap A+2 2p r private|fixed 4 2p = A+2\n"
	  END,
	  "100: space map* file1.0 mmap=A map file1.0 mmap=A+2 map map exit!", NONE, NULL, EVERY },
	{ "two open files of one inode do not join",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 file 4 16 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 mmap A+2 2p r private|fixed 4 2p = A+2\n"
	  END,
	  "100: space map* file1.0 mmap=A map file2.0 mmap=A+2 map map exit!", NONE, NULL, EVERY },
	{ "likewise below one that is there",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 file 4 16 /lib/one\n"
	  "100 mmap A+2 2p r private|fixed 3 2p = A+2\n"
	  "100 mmap A 2p r private|fixed 4 0 = A\n"
	  END,
	  "100: space map* file1.0 mmap=A+2 map file2.0 mmap=A map map exit!", NONE, NULL, EVERY },
	{ "files that cannot be compared go by their descriptors",
	  BEGIN
	  "fail kcmp 1\n"
	  "100 file 3 15 /lib/one\n"
	  "100 file 4 25 /lib/two\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 mmap A+2 2p r private|fixed 4 2p = A+2\n"
	  END,
	  "100: space map* file1.0 mmap=A map file2.0 mmap=A+2 map map exit!", NONE, NULL, EVERY },
	{ "there are few descriptors for marks",
	  "before descriptors 2\n"
	  "descriptors 20\n"
	  BEGIN
	  "100 file 3 5 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  END,
	  "100: space map* file1.0 mmap=A map map exit!", NONE, NULL, EVERY },
	{ "there are no descriptors at all",
	  "before descriptors 0\n"
	  BEGIN END,
	  "100: lost", LOST(1), "a program whose map cannot be read", EVERY },
	{ "a mapping of a file fails",
	  BEGIN
	  "100 file 3 15 /lib/one readable\n"
	  "100 mmap A 2p rw shared|fixed 3 0 = -13\n"
	  END,
	  "100: space map* file1.0 mmap=-13 map map exit!", NONE, NULL, EVERY },
	{ "of no descriptor",
	  BEGIN
	  "100 mmap A 2p r private|fixed 7 0 = -9\n"
	  END,
	  "100: space map* mmap=-9 map map exit!", NONE, NULL, EVERY },
	{ "shared memory that is sealed",
	  BEGIN
	  "100 file 3 15 /memfd:one shmem sealed\n"
	  "100 mmap A 2p r shared|fixed 3 0 = A\n"
	  END,
	  "100: space map* file1.1 mmap=A map map exit!", NONE, NULL, EVERY },
	{ "seals that cannot be looked at",
	  BEGIN
	  "100 file 3 15 /memfd:one shmem sealed\n"
	  "fail copy_descriptor 24\n"
	  "100 mmap A 2p rw shared|fixed 3 0 = A\n"
	  END,
	  "100: space map* file1.1 mmap=A map map exit!", NONE, NULL, EVERY },
	{ "a device, and one that refuses",
	  BEGIN
	  "100 file 3 15 /dev/one device\n"
	  "100 mmap A 2p rw shared|fixed 3 0 = A\n"
	  "100 file 4 25 pipe:[25] pipe\n"
	  "100 mmap A+8 2p r private|fixed 4 0 = -19\n"
	  END,
	  "100: space map* file1.5 mmap=A map file2.5 mmap=-19 map map exit!", NONE, NULL, EVERY },
	{ "/dev/zero, and a file that may only be written",
	  BEGIN
	  "100 file 3 15 /dev/zero zero\n"
	  "100 mmap A 2p rw private|fixed 3 0 = -12\n"
	  "100 file 5 35 /tmp/one writable\n"
	  "100 mmap A 2p rw shared|fixed 5 0 = -13\n"
	  END,
	  "100: space map* file1.3 mmap=-12 map file2.0 mmap=-13 map map exit!", COUNTS(1, 0, 0, 0, 0), NULL,
	  EVERY },
	{ "what kind of file it is vanishes",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "fail statx 2\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "works statx\n"
	  "fail statfs 2\n"
	  "100 mmap A+8 2p r private|fixed 3 0 = A+8\n"
	  "works statfs\n"
	  "100 mmap A+16 2p r private|fixed 3 0 = A+16\n"
	  END,
	  "100: space map* file1.0 mmap=A map file1.0 mmap=A+8 map file1.0 mmap=A+16 map map exit!", NONE, NULL, EVERY },
	{ "shared anonymous memory, and a segment",
	  BEGIN
	  "100 mmap A 2p rw shared|anonymous|fixed = A\n"
	  "100 shmat 77 A+8 0 = A+8\n"
	  "100 shmdt A+8\n"
	  "100 noarea A+8 A+10\n"
	  "100 = 0\n"
	  END,
	  "100: space map* file1.1 mmap=A map file2.1 shmat=A+8 map shmdt=0 map map exit!", NONE, NULL, EVERY },
	{ "a known file's mapping is not waited for",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 mmap A+8 2p rw private|fixed 3 2p = A+8\n"
	  END,
	  "100: space map* file1.0 mmap=A file1.0 mmap=A+8 map exit!", NONE, NULL, AT_END },
	{ "a mapped file moves, and its descriptor is shut",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 shut 3\n"
	  "100 mremap A 2p 2p maymove|to A+32 = A+32\n"
	  "100 munmap A+32 1p = 0\n"
	  END,
	  "100: space map* file1.0 mmap=A map mremap=A+32 map map munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "a child's areas are of its parent's files",
	  BEGIN
	  "100 file 3 15 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 clone 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "101 file 3 15 /lib/one\n"
	  "101 mmap A+2 2p r private|fixed 3 2p = A+2\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* file1.0 mmap=A map fork 101: map file1.0 mmap=A+2 map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ .name = NULL }
};
/* clang-format on */
