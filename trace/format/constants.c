/* SPDX-License-Identifier: MIT */
/*
 * The names of protections, flags and advices, as numbers of x86-64 Linux.  A name that is given twice to a number is
 * written as the first.
 */
#include <stddef.h>

#include "constants.h"

const struct constant prot_constants[] = { { "PROT_NONE", 0 }, { "PROT_READ", 1 }, { "PROT_WRITE", 2 },
	{ "PROT_EXEC", 4 }, { "PROT_SEM", 8 }, { "PROT_BTI", 0 }, { "PROT_MTE", 0 },
	{ "PROT_GROWSDOWN", 0x01000000 }, { "PROT_GROWSUP", 0x02000000 }, { NULL, 0 } };
/*
 * MAP_HUGE_SHIFT is a number to shift by, and MAP_HUGE_2MB has several bits: they are here to be read from
 * logs, and describe.c, which writes single bits, never writes them.
 */
const struct constant mmap_constants[] = { { "MAP_PRIVATE", 2 }, { "MAP_ANONYMOUS", 0x20 },
	{ "MAP_FIXED", 0x10 }, { "MAP_SHARED", 1 }, { "MAP_DENYWRITE", 0x800 }, { "MAP_STACK", 0x20000 },
	{ "MAP_NORESERVE", 0x4000 }, { "MAP_POPULATE", 0x8000 }, { "MAP_SHARED_VALIDATE", 3 },
	{ "MAP_DROPPABLE", 8 }, { "MAP_FILE", 0 }, { "MAP_32BIT", 0x40 }, { "MAP_ABOVE4G", 0x80 },
	{ "MAP_GROWSDOWN", 0x100 }, { "MAP_EXECUTABLE", 0x1000 }, { "MAP_LOCKED", 0x2000 },
	{ "MAP_NONBLOCK", 0x10000 }, { "MAP_HUGETLB", 0x40000 }, { "MAP_SYNC", 0x80000 },
	{ "MAP_FIXED_NOREPLACE", 0x100000 }, { "MAP_UNINITIALIZED", 0x4000000 }, { "MAP_ANON", 0x20 },
	{ "MAP_HUGE_SHIFT", 26 }, { "MAP_HUGE_2MB", 21ull << 26 }, { "MAP_HUGE_1GB", 30ull << 26 },
	{ NULL, 0 } };
/* include/uapi/linux/mman.h. */
const struct constant mremap_constants[] = { { "MREMAP_MAYMOVE", 1 }, { "MREMAP_FIXED", 2 },
	{ "MREMAP_DONTUNMAP", 4 }, { NULL, 0 } };
/* include/uapi/asm-generic/mman-common.h: the same on all machines that recordings come from. */
const struct constant advice_constants[] = { { "MADV_NORMAL", 0 }, { "MADV_RANDOM", 1 },
	{ "MADV_SEQUENTIAL", 2 }, { "MADV_WILLNEED", 3 }, { "MADV_DONTNEED", 4 }, { "MADV_FREE", 8 },
	{ "MADV_REMOVE", 9 }, { "MADV_DONTFORK", 10 }, { "MADV_DOFORK", 11 }, { "MADV_MERGEABLE", 12 },
	{ "MADV_UNMERGEABLE", 13 }, { "MADV_HUGEPAGE", 14 }, { "MADV_NOHUGEPAGE", 15 },
	{ "MADV_DONTDUMP", 16 }, { "MADV_DODUMP", 17 }, { "MADV_WIPEONFORK", 18 }, { "MADV_KEEPONFORK", 19 },
	{ "MADV_COLD", 20 }, { "MADV_PAGEOUT", 21 }, { "MADV_POPULATE_READ", 22 },
	{ "MADV_POPULATE_WRITE", 23 }, { "MADV_DONTNEED_LOCKED", 24 }, { "MADV_COLLAPSE", 25 },
	{ "MADV_HWPOISON", 100 }, { "MADV_SOFT_OFFLINE", 101 }, { "MADV_GUARD_INSTALL", 102 },
	{ "MADV_GUARD_REMOVE", 103 }, { NULL, 0 } };
