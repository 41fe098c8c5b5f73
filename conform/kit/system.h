/* SPDX-License-Identifier: MIT */
/*
 * Linux's system calls without a library: x86-64, aarch64, riscv64.  A failed call returns -errno.  START is where the
 * program begins: it hands the stack that it was given to conform_main().
 */
#ifndef CONFORM_SYSTEM_H
#define CONFORM_SYSTEM_H

#if defined(__x86_64__)
#define MACHINE "x86_64"
enum {
	NR_read = 0,
	NR_write = 1,
	NR_close = 3,
	NR_mmap = 9,
	NR_mprotect = 10,
	NR_munmap = 11,
	NR_brk = 12,
	NR_pwrite64 = 18,
	NR_mremap = 25,
	NR_msync = 26,
	NR_mincore = 27,
	NR_madvise = 28,
	NR_setitimer = 38,
	NR_clone = 56,
	NR_wait4 = 61,
	NR_uname = 63,
	NR_ftruncate = 77,
	NR_capget = 125,
	NR_capset = 126,
	NR_mlock = 149,
	NR_munlock = 150,
	NR_mlockall = 151,
	NR_munlockall = 152,
	NR_remap_file_pages = 216,
	NR_exit_group = 231,
	NR_openat = 257,
	NR_pipe2 = 293,
	NR_prlimit64 = 302,
	NR_memfd_create = 319,
	NR_mlock2 = 325
};
static inline long call6(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
	unsigned long e, unsigned long f)
{
	register unsigned long r10 __asm__("r10") = d;
	register unsigned long r8 __asm__("r8") = e;
	register unsigned long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#define START                                                                                   \
	".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall " \
	"conform_main\n"
#else
enum {
	NR_openat = 56,
	NR_close = 57,
	NR_pipe2 = 59,
	NR_ftruncate = 46,
	NR_read = 63,
	NR_write = 64,
	NR_pwrite64 = 68,
	NR_capget = 90,
	NR_capset = 91,
	NR_exit_group = 94,
	NR_setitimer = 103,
	NR_uname = 160,
	NR_brk = 214,
	NR_munmap = 215,
	NR_mremap = 216,
	NR_clone = 220,
	NR_mmap = 222,
	NR_mprotect = 226,
	NR_msync = 227,
	NR_mlock = 228,
	NR_munlock = 229,
	NR_mlockall = 230,
	NR_munlockall = 231,
	NR_mincore = 232,
	NR_madvise = 233,
	NR_remap_file_pages = 234,
	NR_wait4 = 260,
	NR_prlimit64 = 261,
	NR_memfd_create = 279,
	NR_mlock2 = 284
};
#if defined(__aarch64__)
#define MACHINE "aarch64"
static inline long call6(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
	unsigned long e, unsigned long f)
{
	register long x8 __asm__("x8") = nr;
	register unsigned long x0 __asm__("x0") = a;
	register unsigned long x1 __asm__("x1") = b;
	register unsigned long x2 __asm__("x2") = c;
	register unsigned long x3 __asm__("x3") = d;
	register unsigned long x4 __asm__("x4") = e;
	register unsigned long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (long)x0;
}
#define START   ".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl conform_main\n"
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE "riscv64"
static inline long call6(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
	unsigned long e, unsigned long f)
{
	register long a7 __asm__("a7") = nr;
	register unsigned long a0 __asm__("a0") = a;
	register unsigned long a1 __asm__("a1") = b;
	register unsigned long a2 __asm__("a2") = c;
	register unsigned long a3 __asm__("a3") = d;
	register unsigned long a4 __asm__("a4") = e;
	register unsigned long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return (long)a0;
}
#define START                                                                                               \
	".globl _start\n_start:\n\t.option push\n\t.option norelax\n\tla gp, __global_pointer$\n\t.option " \
	"pop\n\tmv a0, sp\n\tandi sp, sp, -16\n\tcall conform_main\n"
#else
#error "system.h knows x86-64, aarch64 and riscv64: add the calls and the beginning of your machine"
#endif
#endif

/* Calls with less than six arguments. */
#define CALL0(nr)          call6(nr, 0, 0, 0, 0, 0, 0)
#define CALL1(nr, a)       call6(nr, (unsigned long)(a), 0, 0, 0, 0, 0)
#define CALL2(nr, a, b)    call6(nr, (unsigned long)(a), (unsigned long)(b), 0, 0, 0, 0)
#define CALL3(nr, a, b, c) call6(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), 0, 0, 0)
#define CALL4(nr, a, b, c, d) \
	call6(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), (unsigned long)(d), 0, 0)

/* Numbers of Linux's interface that this program speaks of. */
enum {
	PROT_NONE = 0,
	PROT_READ = 1,
	PROT_WRITE = 2,
	MAP_SHARED = 1,
	MAP_PRIVATE = 2,
	MAP_FIXED = 0x10,
	MAP_ANONYMOUS = 0x20,
	MAP_NORESERVE = 0x4000,
	MS_ASYNC = 1,
	MS_INVALIDATE = 2,
	EBADF = 9,
	ENOMEM = 12,
	EFAULT = 14,
	EBUSY = 16,
	EINVAL = 22,
	AT_FDCWD = -100,
	O_RDONLY = 0,
	O_NONBLOCK = 04000,
	SIGCHLD = 17,
	RLIMIT_MEMLOCK = 8,
	CAP_IPC_LOCK = 14,
	AT_PAGESZ = 6
};

#endif /* CONFORM_SYSTEM_H */
