/* SPDX-License-Identifier: MIT */
/* Evidence that is not there, or vanishes: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
const struct scenario scenarios_of_evidence[] = {
	{ "/proc is not there",
	  "before text /proc/self -2\n"
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  END,
	  "100: lost", LOST(1), "/proc is not there", EVERY },
	{ "/proc is another's, and a second program begins",
	  "before text /proc/self 1\n"
	  BEGIN
	  "100 execve 0\n"
	  BEGIN
	  END,
	  "100: lost", LOST(1), "other process numbers", EVERY },
	{ "a map that cannot be read at the start",
	  "text /proc/100/smaps -13\n"
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  END,
	  "100: lost", LOST(1), "a program whose map cannot be read", EVERY },
	{ "pages that cannot be looked at from the start",
	  "text /proc/100/pagemap -13\n"
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  END,
	  "100: lost", LOST(1), "a program whose map cannot be read", EVERY },
	{ "a map that cannot be read later",
	  BEGIN
	  "fail rewind 5\n"
	  END,
	  "100: space map* lost exit!", LOST(1), "the map was not looked at", EVERY },
	{ "the kernel cannot be asked for one area: the whole map is read",
	  BEGIN
	  "fail query 25\n"
	  "100 file 3 15 /lib/one\n"
	  "100 mmap A 2p r private|fixed 3 0 = A\n"
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 write A+8\n"
	  "100 mprotect A+8 1p r = 0\n"
	  END,
	  "100: space map* file1.0 mmap=A map mmap=A+8 map write@A+8 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "the kernel cannot be asked for one area: smaps tells the size of its pages",
	  BEGIN
	  "fail query 25\n"
	  "100 mmap A 2p rw shared|anonymous|fixed = A\n"
	  "100 mmap A+512 512p rw shared|anonymous|fixed|hugetlb = A+512\n"
	  "100 shmat 77 A+8 0 = A+8\n"
	  END,
	  "100: space map* file1.1 mmap=A map file2.2 mmap=A+512 map file3.1 shmat=A+8 map map exit!", NONE, NULL, EVERY },
	{ "a page among more than a huge page holds was written",
	  BEGIN
	  "100 mmap A 1024p rw anon|fixed = A\n"
	  "100 write A+7\n"
	  "100 mprotect A 1024p r = 0\n"
	  END,
	  "100: space map* mmap=A map write@A+7 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "pages are words: a page mapped once was written",
	  "before fail scan 25\n"
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 write A+1\n"
	  "100 mprotect A 1p r = 0\n"
	  "100 mmap A+8 3p rw anon|fixed = A+8\n"
	  "100 zero A+9\n"
	  "100 mprotect A+8 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map write@A+1 mprotect=0 map mmap=A+8 map write~@A+9 mprotect=0 map map exit!", NONE,
	  NULL, EVERY },
	{ "a kernel that knows no guards",
	  BEGIN
	  "fail scan 22\n"
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "works scan\n"
	  "100 swap A+1\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map write@A+1 mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "pages cannot be seen at all",
	  "before text /proc/self/pagemap -13\n"
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  END,
	  "100: space map* mmap=A map map exit!", NONE, NULL, EVERY },
	{ "a huge zero page is there: it may be written soon",
	  BEGIN
	  "100 mmap A 1024p rw anon|fixed = A\n"
	  "100 huge A+512\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A map write@A+512 munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "what was joined with one that is known to be written is not told again",
	  BEGIN
	  "100 mmap A 3p rw anon|fixed = A\n"
	  "100 write A\n"
	  "100 munmap A+2 1p = 0\n"
	  "100 mmap A+2 1p rw anon|fixed = A+2\n"
	  "100 munmap A+2 1p = 0\n"
	  END,
	  "100: space map* mmap=A map write@A munmap=0 map mmap=A+2 map munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "that one above is known to be written says nothing of this one",
	  BEGIN
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 write A+8\n"
	  "100 mprotect A+8 1p r = 0\n"
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 write A\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A+8 map write@A+8 mprotect=0 map mmap=A map write@A mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "what was joined with one that could not be written, and can be now, is looked at",
	  BEGIN
	  "100 mmap A 3p r anon|fixed = A\n"
	  "100 munmap A+2 1p = 0\n"
	  "100 mprotect A+1 1p rw = 0\n"
	  "100 mprotect A 1p rw = 0\n"
	  "100 write A+1\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A map munmap=0 map mprotect=0 map mprotect=0 map write@A+1 munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "an area that a userfaultfd serves, until it is shut",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 file 5 25 anon_inode:[userfaultfd]\n"
	  "100 memory A+30 A 2p 1\n"
	  "100 ioctl 5 0xc020aa00 A+30\n"
	  "100 area A A+2 rw uffd\n"
	  "100 = 0\n"
	  "100 shut 5\n"
	  "100 area A A+2 rw\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A map ioctl=0 map change munmap=0 map map exit!", NONE, NULL, EVERY },
	{ "of two areas that a userfaultfd serves one is served no more, and then it is shut",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 file 5 25 anon_inode:[userfaultfd]\n"
	  "100 memory A+30 A 2p 1\n"
	  "100 ioctl 5 0xc020aa00 A+30\n"
	  "100 area A A+2 rw uffd\n"
	  "100 = 0\n"
	  "100 memory A+31 A+8 2p 1\n"
	  "100 ioctl 5 0xc020aa00 A+31\n"
	  "100 area A+8 A+10 rw uffd\n"
	  "100 = 0\n"
	  "100 memory A+32 A+8 2p\n"
	  "100 ioctl 5 0x8010aa01 A+32\n"
	  "100 area A+8 A+10 rw\n"
	  "100 = 0\n"
	  "100 shut 5\n"
	  "100 area A A+2 rw\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A map mmap=A+8 map ioctl=0 map ioctl=0 map ioctl=0 map change munmap=0 map map exit!", NONE,
	  NULL, EVERY },
	{ "a page that a userfaultfd brings",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 file 5 25 anon_inode:[userfaultfd]\n"
	  "100 memory A+30 A 2p 1\n"
	  "100 ioctl 5 0xc020aa00 A+30\n"
	  "100 area A A+2 rw uffd\n"
	  "100 = 0\n"
	  "100 memory A+31 A 1p 0 0\n"
	  "100 ioctl 5 0xc020aa04 A+31 = 0\n"
	  "100 write A\n"
	  "100 ioctl 5 0xc020aa04 A+40 = -14\n"
	  "100 swap A+1\n"
	  "100 mprotect A 1p r = 0\n"
	  END,
	  "100: space map* mmap=A map ioctl=0 map write@A write@A mprotect=0 map map exit!", NONE, NULL, EVERY },
	{ "a write that ends in SIGBUS, and leaves no page",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 signal 7 A+1\n"
	  "100 signal 7 A\n"
	  "100 mmap A+4 2p r anon|fixed = A+4\n"
	  "100 signal 7 A+4\n"
	  "100 mmap A+8 2p rw anon|fixed = A+8\n"
	  "100 write A+8\n"
	  "100 signal 7 A+9\n"
	  "100 mmap A+12 2p rw anon|fixed = A+12\n"
	  "100 signal 7\n"
	  "100 signal 7 A+20\n"
	  END,
	  "100: space map* mmap=A map write~@A+1 mmap=A+4 map mmap=A+8 map write@A+8 mmap=A+12 map map exit!", NONE, NULL,
	  EVERY },
	{ "such a write behind a call whose end was not waited for",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 signal 7 A\n"
	  END,
	  "100: space map* mmap=A write~@A map exit!", NONE, NULL, AT_END },
	{ "a program that gains privileges elsewhere",
	  "text exe-mode 4755\n"
	  BEGIN END,
	  "100: space map* map exit!", NONE, "set-user-ID", EVERY },
	{ "or by its group",
	  "text exe-mode 2755\n"
	  BEGIN END,
	  "100: space map* map exit!", NONE, "gains privilege", EVERY },
	{ "or by capabilities of its file",
	  "text exe-capability yes\n"
	  BEGIN
	  "100 execve 0\n"
	  BEGIN END,
	  "100: space map* map exit> space map* map exit!", NONE, "file capabilities", EVERY },
	{ "the file system gives none",
	  "text exe-capability yes\n"
	  "fail statvfs 2\n"
	  BEGIN END,
	  "100: space map* map exit!", NONE, NULL, EVERY },
	{ .name = NULL }
};
/* clang-format on */
