/* SPDX-License-Identifier: MIT */
/*
 * How sequences are written in C: W(3) is the window's page 3, H(2) the heap's page 2, L(4) four pages.
 */
#ifndef CONFORM_NOTATION_H
#define CONFORM_NOTATION_H

#include <sys/mman.h>

#include "conform.h"

#define W(pages) CONFORM_ARG(CONFORM_WINDOW, pages, 0)
#define H(pages) CONFORM_ARG(CONFORM_HEAP, pages, 0)
#define L(pages) CONFORM_ARG(CONFORM_LENGTH, pages, 0)

#define RW      ((unsigned long)(PROT_READ | PROT_WRITE))
#define RX      ((unsigned long)(PROT_READ | PROT_EXEC))
#define R       ((unsigned long)PROT_READ)
#define NONE    ((unsigned long)PROT_NONE)
#define PRIVATE ((unsigned long)(MAP_PRIVATE | MAP_ANONYMOUS))
#define SHARED  ((unsigned long)(MAP_SHARED | MAP_ANONYMOUS))
#define FIXED   ((unsigned long)MAP_FIXED)
#define MOVE    ((unsigned long)MREMAP_MAYMOVE)
#define MOVE_TO ((unsigned long)(MREMAP_MAYMOVE | MREMAP_FIXED))
#define LEAVE   4UL /* MREMAP_DONTUNMAP */

#define MMAP(addr, len, prot, flags, ...)                   \
	{                                                   \
		CONFORM_MMAP,                               \
		{                                           \
			addr, len, prot, flags, __VA_ARGS__ \
		}                                           \
	}
/* Private anonymous memory at a place. */
#define MAP(page, pages, prot) MMAP(W(page), L(pages), prot, PRIVATE | FIXED, 0)
#define MAP_FILE_AT(page, pages, prot, flags, offset) \
	MMAP(W(page), L(pages), prot, (flags) | FIXED, CONFORM_MEMFD, L(offset))
#define CALL(op, ...)               \
	{                           \
		op,                 \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define MUNMAP(page, pages)                   CALL(CONFORM_MUNMAP, W(page), L(pages))
#define MPROTECT(page, pages, prot)           CALL(CONFORM_MPROTECT, W(page), L(pages), prot)
#define MADVISE(page, pages, advice)          CALL(CONFORM_MADVISE, W(page), L(pages), advice)
#define MREMAP(page, old, new, flags, to)     CALL(CONFORM_MREMAP, W(page), L(old), L(new), flags, W(to))
#define MSYNC(page, pages, flags)             CALL(CONFORM_MSYNC, W(page), L(pages), flags)
#define MLOCK(page, pages, flags)             CALL(CONFORM_MLOCK, W(page), L(pages), flags)
#define MUNLOCK(page, pages)                  CALL(CONFORM_MUNLOCK, W(page), L(pages))
#define MLOCKALL(flags)                       CALL(CONFORM_MLOCKALL, flags)
#define MUNLOCKALL                            CALL(CONFORM_MUNLOCKALL, 0)
#define BRK(pages)                            CALL(CONFORM_BRK, H(pages))
#define REMAP_FILE_PAGES(page, pages, offset) CALL(CONFORM_REMAP_FILE_PAGES, W(page), L(pages), 0, offset, 0)
#define WRITE(page)                           CALL(CONFORM_WRITE, W(page))
#define READ(page)                            CALL(CONFORM_READ, W(page))
#define FORK                                  CALL(CONFORM_FORK, 0)
#define EXIT                                  CALL(CONFORM_EXIT, 0)

/* One that somebody thought of. */
struct conform_named {
	const char *name;
	struct conform_call call[CONFORM_MAX_CALLS];
};
/* NULL behind the last. */
const struct conform_named *conform_named_at(unsigned int i);

/* @nr calls of sequence @number of the family; its name. NULL: there is no such family. */
const char *conform_generate(
	unsigned int family, unsigned int number, struct conform_call *call, unsigned int *nr);

#endif /* CONFORM_NOTATION_H */
