/* SPDX-License-Identifier: MIT */
/*
 * Call sequences as the kit carries them out and vmaple computes their answers.  Included by both.
 *
 * 1. The window is CONFORM_PAGES pages, free when a sequence begins, between two fences of CONFORM_FENCE pages of
 *    shared memory without rights, which nothing merges with.  Wherever the system has put it, its addresses are
 *    said relative to it.  The heap is what brk(2) moves; it is empty when a sequence begins.
 *
 * 2. An argument is a number, or says in its highest four bits that it is a place in the window, a place in the
 *    heap, or a length: then it has pages and bytes, so that a sequence is the same for every size of pages.
 *
 * 3. A file has CONFORM_FILE_PAGES pages, the first byte of each a letter, 'A' and on.
 */
#ifndef CONFORM_SEQUENCE_H
#define CONFORM_SEQUENCE_H

#define CONFORM_VERSION    1
#define CONFORM_PAGES      24
#define CONFORM_FENCE      16
#define CONFORM_FILE_PAGES 8
#define CONFORM_BELOW      64 /* pages below the window's fence that are free, too */
#define CONFORM_LOCKABLE   16 /* pages: RLIMIT_MEMLOCK, without CAP_IPC_LOCK; 64 KiB is what anybody may have */
#define CONFORM_MAX_CALLS  16

enum conform_op {
	CONFORM_NOTHING, /* behind the last one */
	CONFORM_MMAP,    /* addr len prot flags file offset */
	CONFORM_MUNMAP,
	CONFORM_MPROTECT,
	CONFORM_MREMAP,
	CONFORM_MADVISE,
	CONFORM_MSYNC,
	CONFORM_MLOCK, /* addr len flags: mlock, or mlock2 if there are flags */
	CONFORM_MUNLOCK,
	CONFORM_MLOCKALL,
	CONFORM_MUNLOCKALL,
	CONFORM_BRK,
	CONFORM_REMAP_FILE_PAGES,
	CONFORM_WRITE, /* addr: the system writes a byte there, for read(2) */
	CONFORM_READ,  /* addr: reads one, for write(2) */
	CONFORM_FORK,  /* the child goes on, until it exits; then its parent does */
	CONFORM_EXIT,
	CONFORM_OPS
};

enum conform_file {
	CONFORM_ANONYMOUS, /* -1 */
	CONFORM_MEMFD,     /* for reading and writing */
	CONFORM_READ_ONLY, /* the same memory, opened for reading */
	CONFORM_PIPE,      /* cannot be mapped */
	CONFORM_CLOSED     /* a number that is no descriptor */
};

struct conform_call {
	enum conform_op op;
	unsigned long arg[6];
};

struct conform_sequence {
	const char *name;
	unsigned int first, nr; /* of the calls */
	unsigned int needs;     /* CONFORM_NEEDS_*, without which it is left out */
};
#define CONFORM_NEEDS_FORK      1U
#define CONFORM_NEEDS_MEMFD     2U
#define CONFORM_NEEDS_READ_ONLY 4U

#define CONFORM_BASE_SHIFT 60
#define CONFORM_PAGE_SHIFT 24
#define CONFORM_BYTE_MASK  0xffffffUL
#define CONFORM_COUNT_MASK 0xfffffUL
enum conform_base { CONFORM_NUMBER, CONFORM_WINDOW, CONFORM_HEAP, CONFORM_LENGTH };
#define CONFORM_ARG(base, pages, bytes)                \
	((unsigned long)(base) << CONFORM_BASE_SHIFT | \
		((unsigned long)(pages)&CONFORM_COUNT_MASK) << CONFORM_PAGE_SHIFT | (unsigned long)(bytes))

/* What an argument is here. */
static inline unsigned long conform_value(
	unsigned long arg, unsigned long window, unsigned long heap, unsigned long page)
{
	unsigned long base = arg >> CONFORM_BASE_SHIFT,
		      count = arg >> CONFORM_PAGE_SHIFT & CONFORM_COUNT_MASK;
	long pages = (long)(count ^ 0x80000UL) - 0x80000L;
	unsigned long bytes = (unsigned long)pages * page + (arg & CONFORM_BYTE_MASK);

	if (base == CONFORM_WINDOW)
		return window + bytes;
	if (base == CONFORM_HEAP)
		return heap + bytes;
	return base == CONFORM_LENGTH ? bytes : arg;
}

#endif /* CONFORM_SEQUENCE_H */
