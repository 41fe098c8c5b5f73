/* SPDX-License-Identifier: MIT */
/* Userfaultfds by which others ask than those whose map they serve: scenarios.h. */
#include "scenarios.h"

/* clang-format off */
#define HAS(task, fd, id)     task " file " fd " " id " anon_inode:[userfaultfd]\n"
#define MAKES(task, fd, id)   task " userfaultfd 0\n" HAS(task, fd, id) task " = " fd "\n"
#define FORK(parent, child)   parent " clone 0\n" parent " forks " child "\n" child " born\n" parent " = " child "\n"
#define REGISTER(at, where)   "100 memory A+30 " at "\n" where " 0xc020aa00 A+30"
#define UNREGISTER(at, where) "100 memory A+30 " at "\n" where " 0x8010aa01 A+30"
#define ZEROPAGE(at, where)   "100 memory A+31 " at " 0 0\n" where " 0xc020aa04 A+31"

/* A, two pages, which 5 of 100 serves, has grown to four; of the child's nothing is served. */
#define GROWN(opened) \
	"100 mmap A 2p rw anon|fixed = A\n" \
	opened \
	REGISTER("A 2p 1", "100 ioctl 5") "\n" \
	"100 area A A+2 rw uffd\n" \
	"100 = 0\n" \
	"100 mremap A 2p 4p 0 = A\n" \
	"100 clone 0\n" \
	"100 forks 101\n" \
	"101 area A A+4 rw\n" \
	"101 born\n" \
	"100 = 101\n" \
	HAS("101", "5", "25")

const struct scenario scenarios_of_served[] = {
	{ "a userfaultfd that a child has inherited serves its parent's map",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  UNREGISTER("A 2p", "101 ioctl 5") "\n"
	  "100 area A A+2 rw\n"
	  "101 = 0\n"
	  REGISTER("A 2p 1", "101 ioctl 5") " = -16\n"
	  "101 exit 0\n"
	  "100 munmap A 1p = 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: ioctl=0 ioctl=0 101: map exit! 100: munmap=0 map map exit!", NONE,
	  NULL, EVERY },
	{ "also where one of the child's own serves the same addresses, in an area that has grown",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  "101 munmap A+2 2p = 0\n"
	  MAKES("101", "6", "35")
	  REGISTER("A 2p 1", "101 ioctl 6") "\n"
	  "101 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 mremap A 2p 4p 0 = A\n"
	  REGISTER("A+2 2p 1", "101 ioctl 5") "\n"
	  "100 area A+2 A+4 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map munmap=0 map ioctl=0 map mremap=A map 100: ioctl=0 101: map exit! "
	  "100: map exit!", NONE, NULL, EVERY },
	{ "a child's own has the number of one that it has inherited",
	  BEGIN
	  GROWN(MAKES("100", "5", "25"))
	  MAKES("101", "6", "35")
	  REGISTER("A+2 2p 1", "101 ioctl 6") "\n"
	  "101 area A+2 A+4 rw uffd\n"
	  "101 = 0\n"
	  "101 mremap A+2 2p 1p 0 = A+2\n"
	  UNREGISTER("A+2 1p", "101 ioctl 6") "\n"
	  "101 area A+2 A+3 rw\n"
	  "101 = 0\n"
	  "101 mremap A 3p 4p 0 = A\n"
	  "101 shut 5\n"
	  MAKES("101", "5", "45")
	  REGISTER("A+2 2p 1", "101 ioctl 5") "\n"
	  "101 area A+2 A+4 rw uffd\n"
	  "101 = 0\n"
	  REGISTER("A+2 100 1", "101 ioctl 5") " = -22\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map ioctl=0 map mremap=A map fork 101: map ioctl=0 map mremap=A+2 map map ioctl=0 map "
	  "mremap=A map ioctl=0 map ioctl=-22 map map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "and its child asks by that",
	  BEGIN
	  GROWN(MAKES("100", "5", "25"))
	  "101 shut 5\n"
	  MAKES("101", "5", "35")
	  FORK("101", "102")
	  HAS("102", "5", "35")
	  REGISTER("A+2 2p 1", "102 ioctl 5") "\n"
	  "101 area A+2 A+4 rw uffd\n"
	  "102 = 0\n"
	  "102 exit 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map ioctl=0 map mremap=A map fork 101: map fork 102: map 101: ioctl=0 102: map exit! "
	  "101: map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "one that has passed an exec serves what it did",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  "101 execve 0\n"
	  "101 exec\n"
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  ZEROPAGE("A 1p", "101 ioctl 5") " = 0\n"
	  "100 write A\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map map exit> space map* 100: ioctl=0 write@A 101: map exit! 100: map exit!",
	  NONE, NULL, EVERY },
	{ "so does one made by /dev/userfaultfd; another device makes none",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  "100 file 7 75 /dev/userfaultfd device\n"
	  "100 file 8 85 /dev/other device\n"
	  "100 ioctl 7 0xaa00 0\n"
	  HAS("100", "5", "25")
	  "100 = 5\n"
	  "100 ioctl 8 0xaa00 0 = 7\n"
	  "100 ioctl 8 0xaa00 0 = -25\n"
	  FORK("100", "101")
	  "101 execve 0\n"
	  "101 exec\n"
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map map exit> space map* 100: ioctl=0 101: map exit! 100: map exit!", NONE,
	  NULL, EVERY },
	{ "whose map it serves has gone",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  FORK("100", "101")
	  MAKES("101", "5", "25")
	  FORK("101", "102")
	  HAS("102", "5", "25")
	  "101 exit 0\n"
	  REGISTER("A 2p 1", "102 ioctl 5") " = -3\n"
	  ZEROPAGE("A 1p", "102 ioctl 5") " = -3\n"
	  "102 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map fork 102: map 101: map exit! 102: map exit! 100: map exit!", NONE, NULL,
	  EVERY },
	{ "a call waits for one that is about its map",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 munmap A+3 1p\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: ioctl=0 munmap=0 map 101: map exit! 100: map exit!", NONE, NULL,
	  EVERY },
	{ "and the other way round",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  "100 munmap A+3 1p\n"
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 = 0\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: munmap=0 map ioctl=0 101: map exit! 100: map exit!", NONE, NULL,
	  EVERY },
	{ "also where no end of a call would be waited for",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  "100 munmap A+3 1p\n"
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 = 0\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A fork munmap=0 ioctl=0 101: map exit! 100: map exit!", NONE, NULL, AT_END },
	{ "a page comes beside a call there",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "100 munmap A+3 1p\n"
	  ZEROPAGE("A 1p", "101 ioctl 5") " = 0\n"
	  "100 write A\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: ioctl=0 write?@A munmap=0 map 101: map exit! 100: map exit!", NONE,
	  NULL, EVERY },
	{ "who asks is blocked in the kernel",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 munmap A+3 1p\n"
	  "wait 700\n"
	  "100 = 0\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: lost munmap=0 map lost 101: map exit! 100: map exit!",
	  COUNTS(0, 1, 2, 0, 0),
	  "another process that asked was blocked in the kernel", EVERY },
	{ "who asks has waited for one that is blocked",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  "100 munmap A+3 1p\n"
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "wait 700\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "100 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: lost ioctl=0 munmap=0 map 101: map exit! 100: map exit!", LOST(1),
	  "the order of calls", EVERY },
	{ "who asks is killed, or vanishes: the others go on",
	  BEGIN
	  "100 mmap A 4p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  FORK("100", "102")
	  HAS("101", "5", "25")
	  HAS("102", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "101 killed 9\n"
	  "100 munmap A+3 1p = 0\n"
	  REGISTER("A 2p 1", "102 ioctl 5") "\n"
	  "102 gone 9\n"
	  "100 munmap A+2 1p = 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: fork 102: map 101: map exit! 100: munmap=0 map lost 102: exit! "
	  "100: munmap=0 map map exit!", LOST(1), "outcome of its last call", EVERY },
	{ "a thread vanishes while it makes a userfaultfd: nothing is missing",
	  BEGIN
	  "100 clone thread\n"
	  "100 clones 101\n"
	  "101 born\n"
	  "100 = 101\n"
	  "101 userfaultfd 0\n"
	  "100 mmap A 1p rw anon|fixed = A\n"
	  "101 gone 9\n"
	  END,
	  "100: space map* 101: thread 100: mmap=A map 101: exit 100: map exit!", NONE, NULL, EVERY },
	{ "before Linux 5.12 all have one inode: it is guessed whose it is",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  MAKES("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  MAKES("101", "6", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: ioctl=0 101: map exit! 100: map exit!", NONE, NULL, EVERY },
	{ "one whose making was not seen is guessed to be another's, where only that can be",
	  BEGIN
	  "100 mmap A 2p rw anon|fixed = A\n"
	  HAS("100", "5", "25")
	  FORK("100", "101")
	  HAS("101", "5", "25")
	  REGISTER("A 2p 1", "101 ioctl 5") "\n"
	  "100 area A A+2 rw uffd\n"
	  "101 = 0\n"
	  ZEROPAGE("A 1p", "101 ioctl 5") " = 0\n"
	  "100 write A\n"
	  UNREGISTER("A 2p", "101 ioctl 5") "\n"
	  "100 area A A+2 rw\n"
	  "101 = 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map fork 101: map 100: ioctl=0 write@A ioctl=0 101: map exit! 100: map exit!", NONE,
	  NULL, EVERY },
	{ "such a one may be of two, or its maker is in a call",
	  BEGIN
	  GROWN(HAS("100", "5", "25"))
	  "101 shut 5\n"
	  HAS("101", "5", "35")
	  FORK("101", "102")
	  HAS("102", "5", "35")
	  REGISTER("A+2 2p 1", "102 ioctl 5") "\n"
	  "101 area A+2 A+4 rw uffd\n"
	  "102 = 0\n"
	  "102 exit 0\n"
	  "101 exit 0\n"
	  END,
	  "100: space map* mmap=A map ioctl=0 map mremap=A map fork 101: map fork 102: map 100: lost 101: lost "
	  "102: map exit! 101: map exit! 100: map exit!", COUNTS(0, 1, 2, 0, 0), "has inherited", EVERY },
	{ .name = NULL }
};
/* clang-format on */
