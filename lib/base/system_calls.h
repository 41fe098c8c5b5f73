/* SPDX-License-Identifier: MIT */
/*
 * The system calls that are about maps: one table for all who name, number, stop at or carry out one.
 *
 *    CA1  A call has one number here and in recordings, whatever machine it was made on: x86-64's, as NR_mmap.
 *    CA2  A row has the numbers of the tables of calls that programs come through: x86-64's, i386's (int 0x80, sysenter), x32's
 *         (without its bit), and that of aarch64, riscv64 and all newer machines.  NOT_THERE: not there.
 *    CA3  What has another form on its way in, and becomes one of these (mmap2, ipc), is a row of CALL_DOORS.
 *
 * The last columns: who stops at it, and its arguments as strace(1) writes them.
 */
#ifndef BASE_CALLS_H
#define BASE_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Who wants to see it. */
enum call_stop {
	STOP_NEVER, /* it is named in logs only */
	STOP_RULE,  /* an argument tells: trace/live/filter.c */
	STOP_ALWAYS
};

/* How an argument is written. */
enum call_argument {
	CALL_NO_MORE,
	CALL_ADDR,
	CALL_SIZE,
	CALL_PROT,
	CALL_MMAP_FLAGS,
	CALL_MREMAP_FLAGS,
	CALL_ADVICE,
	CALL_NUMBER,
	CALL_HEX
};

#define NOT_THERE (-1)

/* clang-format off */
/* X(name, x86-64, i386, x32, newer machines, who stops, arguments ...) */
#define SYSTEM_CALLS(X) \
	X(mmap,             9, NOT_THERE,   9, 222, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_PROT, CALL_MMAP_FLAGS, CALL_NUMBER, CALL_HEX) \
	X(munmap,          11,   91,  11, 215, STOP_ALWAYS, CALL_ADDR, CALL_SIZE) \
	X(mprotect,        10,  125,  10, 226, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_PROT) \
	X(pkey_mprotect,  329,  380, 329, 288, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_PROT, CALL_NUMBER) \
	X(mremap,          25,  163,  25, 216, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_SIZE, CALL_MREMAP_FLAGS, CALL_ADDR) \
	X(brk,             12,   45,  12, 214, STOP_RULE,   CALL_ADDR) \
	X(madvise,         28,  219,  28, 233, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_ADVICE) \
	X(mlock,          149,  150, 149, 228, STOP_ALWAYS, CALL_ADDR, CALL_SIZE) \
	X(mlock2,         325,  376, 325, 284, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_HEX) \
	X(munlock,        150,  151, 150, 229, STOP_ALWAYS, CALL_ADDR, CALL_SIZE) \
	X(mlockall,       151,  152, 151, 230, STOP_ALWAYS, CALL_HEX) \
	X(munlockall,     152,  153, 152, 231, STOP_ALWAYS, CALL_NO_MORE) \
	X(mseal,          462,  462, 462, 462, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_HEX) \
	X(process_madvise, 440, 440, 440, 440, STOP_ALWAYS, CALL_NUMBER, CALL_ADDR, CALL_NUMBER, CALL_ADVICE, CALL_HEX) \
	X(prctl,          157,  172, 157, 167, STOP_RULE,   CALL_HEX, CALL_HEX, CALL_ADDR, CALL_SIZE, CALL_ADDR) \
	X(arch_prctl,     158, NOT_THERE, 158, NOT_THERE, STOP_RULE,  CALL_HEX, CALL_ADDR) \
	X(mbind,          237,  274, 237, 235, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_NUMBER, CALL_ADDR, CALL_NUMBER, CALL_HEX) \
	X(set_mempolicy_home_node, 450, 450, 450, 450, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_NUMBER, CALL_HEX) \
	X(shmat,           30,  397,  30, 196, STOP_ALWAYS, CALL_NUMBER, CALL_ADDR, CALL_HEX) \
	X(shmdt,           67,  398,  67, 197, STOP_ALWAYS, CALL_ADDR) \
	X(ioctl,           16,   54, 514,  29, STOP_RULE,   CALL_NUMBER, CALL_HEX, CALL_ADDR) \
	X(remap_file_pages, 216, 257, 216, 234, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_PROT, CALL_NUMBER, CALL_HEX) \
	X(io_setup,       206,  245, 543,   0, STOP_ALWAYS, CALL_NUMBER, CALL_ADDR) \
	X(io_destroy,     207,  246, 207,   1, STOP_ALWAYS, CALL_ADDR) \
	X(map_shadow_stack, 453, 453, 453, 453, STOP_ALWAYS, CALL_ADDR, CALL_SIZE, CALL_HEX) \
	/* tasks */ \
	X(fork,            57,    2,  57, NOT_THERE, STOP_ALWAYS, CALL_NO_MORE) \
	X(vfork,           58,  190,  58, NOT_THERE, STOP_ALWAYS, CALL_NO_MORE) \
	X(clone,           56,  120,  56, 220, STOP_ALWAYS, CALL_HEX, CALL_ADDR, CALL_ADDR, CALL_ADDR, CALL_ADDR) \
	X(clone3,         435,  435, 435, 435, STOP_ALWAYS, CALL_ADDR, CALL_SIZE) \
	X(execve,          59,   11, 520, 221, STOP_ALWAYS, CALL_ADDR, CALL_ADDR, CALL_ADDR) \
	X(execveat,       322,  358, 545, 281, STOP_ALWAYS, CALL_NUMBER, CALL_ADDR, CALL_ADDR, CALL_ADDR, CALL_HEX) \
	/* limits and rights */ \
	X(capset,         126,  185, 126,  91, STOP_ALWAYS, CALL_ADDR, CALL_ADDR) \
	X(setuid,         105,  213, 105, 146, STOP_ALWAYS, CALL_NUMBER) \
	X(setreuid,       113,  203, 113, 145, STOP_ALWAYS, CALL_NUMBER, CALL_NUMBER) \
	X(setresuid,      117,  208, 117, 147, STOP_ALWAYS, CALL_NUMBER, CALL_NUMBER, CALL_NUMBER) \
	X(unshare,        272,  310, 272,  97, STOP_ALWAYS, CALL_HEX) \
	X(setns,          308,  346, 308, 268, STOP_ALWAYS, CALL_NUMBER, CALL_HEX) \
	X(personality,    135,  136, 135,  92, STOP_RULE,   CALL_HEX) \
	X(setrlimit,      160,   75, 160, 164, STOP_RULE,   CALL_NUMBER, CALL_ADDR) \
	X(prlimit64,      302,  340, 302, 261, STOP_RULE,   CALL_NUMBER, CALL_NUMBER, CALL_ADDR, CALL_ADDR) \
	X(ptrace,         101,   26, 521, 117, STOP_RULE,   CALL_NUMBER, CALL_NUMBER, CALL_ADDR, CALL_ADDR) \
	X(seccomp,        317,  354, 317, 277, STOP_RULE,   CALL_NUMBER, CALL_HEX, CALL_ADDR) \
	/* it changes no map, but whose map later calls are about */ \
	X(userfaultfd,    323,  374, 323, 282, STOP_ALWAYS, CALL_HEX) \
	/* in logs of tools that have no name for them */ \
	X(memfd_create,   319,  356, 319, 279, STOP_NEVER,  CALL_ADDR, CALL_HEX) \
	X(close_range,    436,  436, 436, 436, STOP_NEVER,  CALL_NUMBER, CALL_NUMBER, CALL_HEX)

/* X(name, the call that it is, i386's number, who stops) */
#define CALL_DOORS(X) \
	X(old_mmap,     mmap,       90, STOP_ALWAYS) \
	X(mmap2,        mmap,      192, STOP_ALWAYS) \
	X(ipc,          shmat,     117, STOP_RULE) \
	X(old_setuid,   setuid,     23, STOP_ALWAYS) \
	X(old_setreuid, setreuid,   70, STOP_ALWAYS) \
	X(old_setresuid, setresuid, 164, STOP_ALWAYS)
/* clang-format on */

#define CALL_NUMBER_OF(name, nr, ...) NR_##name = nr,
enum { SYSTEM_CALLS(CALL_NUMBER_OF) };
#undef CALL_NUMBER_OF

/*
 * Results inside the kernel (include/linux/errno.h), which a tracer sees and the program does not: a signal came, and the call
 * begins again, or is EINTR.
 */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

/* By a signal; what has been done by then may stay. */
static inline bool call_is_interrupted(int64_t result)
{
	return result == -EINTR || (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK);
}

#endif /* BASE_CALLS_H */
