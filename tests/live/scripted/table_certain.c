/* SPDX-License-Identifier: MIT */
/* Calls that can only succeed, each compared where the task stops next (trace/live/certain.c): scenarios.h. */
#include "scenarios.h"

/* clang-format off */
#define MAPPED BEGIN "100 mmap A 4p rw anon|fixed = A\n"
#define AS_MAPPED "100: space map* mmap=A map "

const struct scenario scenarios_of_certain_calls[] = {
	{ "each call is compared, whether its end was waited for or not",
	  MAPPED
	  "100 mprotect A 1p r = 0\n"
	  "100 munmap A+2 1p = 0\n"
	  "100 brk H+2 = H+2\n"
	  "100 brk H+1 = H+1\n"
	  END,
	  AS_MAPPED "mprotect=0 map munmap=0 map brk=H+2 map brk=H+1 map map exit!", NONE, NULL, EVERY },
	{ "it is told, and compared, while the program computes",
	  MAPPED
	  "100 munmap A 1p\n"
	  "wait 300\n"
	  "100 = 0\n"
	  "wait 300\n"
	  "100 grow\n"
	  END,
	  AS_MAPPED "munmap=0 map grow@S-1 map exit!", NONE, NULL, EVERY },
	{ "munmap is refused, for which there is no reason",
	  MAPPED
	  "100 munmap A+1 1p\n"
	  "100 = -12\n"
	  END,
	  AS_MAPPED "munmap=-4095 map map exit!", COUNTS(1, 0, 0, 0, 0), "(an error that was not seen)", EVERY },
	{ "mprotect is refused, for which there is no reason",
	  MAPPED
	  "100 mprotect A+1 1p r\n"
	  "100 = -12\n"
	  END,
	  AS_MAPPED "mprotect=-4095 map map exit!", COUNTS(1, 0, 0, 0, 0), "(an error that was not seen)", EVERY },
	{ "more is gone than was to be",
	  MAPPED
	  "100 munmap A+1 1p\n"
	  "100 noarea A+2 A+3\n"
	  "100 = 0\n"
	  END,
	  AS_MAPPED "munmap=0 map map exit!", COUNTS(1, 0, 0, 0, 0), NULL, EVERY },
	{ "what is beside it is not what it was",
	  MAPPED
	  "100 mprotect A+1 1p r\n"
	  "100 area A+2 A+4 none\n"
	  "100 = 0\n"
	  END,
	  AS_MAPPED "mprotect=0 map map exit!", COUNTS(1, 0, 0, 0, 0), NULL, EVERY },
	/* --- what has errors is waited for --------------------------------------------------------------------- */
	{ "a part of it is sealed",
	  MAPPED
	  "100 mseal A 4p 0 = 0\n"
	  "100 munmap A+2 1p = -1\n"
	  "100 mprotect A+1 1p r = -1\n"
	  END,
	  AS_MAPPED "mseal=0 map munmap=-1 map mprotect=-1 map map exit!", NONE, NULL, EVERY },
	{ "a child has what is sealed",
	  MAPPED
	  "100 mseal A 4p 0 = 0\n"
	  "100 forks 101\n"
	  "101 born\n"
	  "100 = 101\n"
	  "101 munmap A+1 1p = -1\n"
	  "101 exit 0\n"
	  END,
	  AS_MAPPED "mseal=0 map fork 101: map munmap=-1 map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "it may not become executable",
	  MAPPED
	  "100 mprotect A 1p rx = -13\n"
	  END,
	  AS_MAPPED "mprotect=-13 map map exit!", COUNTS(1, 0, 0, 0, 0), "EACCES", EVERY },
	{ "it is of a file, or shared: one error is foreseen",
	  BEGIN
	  "100 file 3 7 /etc/passwd\n"
	  "100 mmap A 4p r private|fixed 3 0 = A\n"
	  "100 mprotect A 1p rw = -13\n"
	  "100 munmap A 1p = -22\n"
	  "100 mmap A+8 2p r shared|anonymous|fixed = A+8\n"
	  "100 munmap A+8 1p = -22\n"
	  END,
	  "100: space map* file1.0 mmap=A map mprotect=-13 map munmap=-22 map file2.1 mmap=A+8 map munmap=-22 map map exit!", COUNTS(2, 0, 0, 0, 0), NULL, EVERY },
	{ "there may be one area too many",
	  "before text /proc/sys/vm/max_map_count 6\n"
	  MAPPED
	  "100 munmap A+1 1p = -12\n"
	  END,
	  AS_MAPPED "munmap=-12 map map exit!", COUNTS(1, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ "so many calls have been made that areas are counted again",
	  "before text /proc/sys/vm/max_map_count 9\n"
	  MAPPED
	  "100 munmap A+1 1p\n"
	  "100 = -12\n"
	  END,
	  AS_MAPPED "munmap=-4095 map map exit!", COUNTS(1, 0, 0, 0, 0), NULL, EVERY },
	{ "memory is not promised that is not there",
	  "before text /proc/sys/vm/overcommit_memory 2\n"
	  MAPPED
	  "100 mprotect A 1p r = -12\n"
	  END,
	  AS_MAPPED "mprotect=-12 map map exit!", COUNTS(1, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ "the address space is limited",
	  MAPPED
	  "fail get_limit 1\n"
	  "100 prlimit64 0 data A = 0\n"
	  "100 mprotect A 1p r = -12\n"
	  END,
	  AS_MAPPED "limit1 limit6 mprotect=-12 map map exit!", COUNTS(1, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ "what is sealed was moved all the same",
	  MAPPED
	  "100 mseal A 4p 0 = 0\n"
	  "100 mremap A 4p 4p maymove|to A+32 = A+32\n"
	  "100 munmap A+33 1p = -1\n"
	  END,
	  AS_MAPPED "mseal=0 map mremap=A+32 map map munmap=-1 map map exit!", COUNTS(1, 0, 0, 0, 0), "EPERM", EVERY },
	{ "what is beside it grows",
	  BEGIN
	  "100 mmap A-2 2p rw anon|fixed|grows = A-2\n"
	  "100 mmap A 4p rw anon|fixed = A\n"
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 mprotect A 1p r = -12\n"
	  "100 munmap A+3 1p = -12\n"
	  END,
	  "100: space map* mmap=A-2 map mmap=A map mmap=A+8 map mprotect=-12 map munmap=-12 map map exit!", COUNTS(2, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ "what is above it may grow until it meets it",
	  MAPPED
	  "100 mmap A+8 2p rw anon|fixed|grows = A+8\n"
	  "100 mprotect A+3 1p none = -12\n"
	  END,
	  AS_MAPPED "mmap=A+8 map mprotect=-12 map map exit!", COUNTS(1, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ "a userfaultfd serves another area, and may be closed",
	  MAPPED
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 file 5 25 anon_inode:[userfaultfd]\n"
	  "100 memory A+30 A+8 2p 1\n"
	  "100 ioctl 5 0xc020aa00 A+30\n"
	  "100 area A+8 A+10 rw uffd\n"
	  "100 = 0\n"
	  "100 munmap A+1 1p = -12\n"
	  END,
	  AS_MAPPED "mmap=A+8 map ioctl=0 map munmap=-12 map map exit!", COUNTS(1, 0, 0, 0, 0), "ENOMEM", EVERY },
	{ .name = NULL }
};
