/* SPDX-License-Identifier: MIT */
/*
 * What the cases share: system calls made where they are written, so that the place that a recording names is the
 * function that made the call and not the C library's.
 */
#ifndef CASE_H
#define CASE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL

/* A function that keeps its name. */
#ifdef __clang__
#define culprit __attribute__((noinline, used))
#else
#define culprit __attribute__((noinline, noclone, used))
#endif

static inline __attribute__((always_inline)) long sys6(long nr, unsigned long a, unsigned long b,
	unsigned long c, unsigned long d, unsigned long e, unsigned long f)
{
	register unsigned long r10 __asm__("r10") = d;
	register unsigned long r8 __asm__("r8") = e;
	register unsigned long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define sys_mmap(addr, len, prot, flags, fd, off)                                                   \
	((char *)sys6(SYS_mmap, (unsigned long)(addr), len, prot, flags, (unsigned long)(long)(fd), \
		(unsigned long)(off)))
#define sys_mprotect(addr, len, prot)  sys6(SYS_mprotect, (unsigned long)(addr), len, prot, 0, 0, 0)
#define sys_munmap(addr, len)          sys6(SYS_munmap, (unsigned long)(addr), len, 0, 0, 0, 0)
#define sys_madvise(addr, len, advice) sys6(SYS_madvise, (unsigned long)(addr), len, advice, 0, 0, 0)
#define sys_mremap(addr, old, new, to)                                                            \
	((char *)sys6(SYS_mremap, (unsigned long)(addr), old, new, MREMAP_MAYMOVE | MREMAP_FIXED, \
		(unsigned long)(to), 0))

#define ANONYMOUS  (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

static inline int failed(const void *p)
{
	return (uintptr_t)p > -4096UL;
}

/* A number from the command line, or what is usual. */
static inline unsigned long number(int argc, char **argv, int i, unsigned long usual)
{
	return argc > i ? strtoul(argv[i], NULL, 0) : usual;
}

#endif /* CASE_H */
