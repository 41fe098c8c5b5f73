/* SPDX-License-Identifier: MIT */
/*
 * The machine x86-64, with its three tables of calls: its own, x32 and i386.
 *
 * Which table a call is of is said twice.  seccomp and PTRACE_GET_SYSCALL_INFO tell i386's by the architecture, for int
 * 0x80 goes there from 64-bit code as well; x32's has the architecture of the native one, and a bit in its numbers.
 * The registers are always those of struct user_regs_struct, whichever table it is.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_view.h"
#include "machine.h"

#define X32_BIT      0x40000000u
#define SYSCALL_SIZE 2 /* of the instruction: syscall, sysenter, int 0x80 */

#define TASK_SIZE_47 ((1ull << 47) - 4096)
/* With five levels of page tables, 57 bits with the sign: half of them are the program's. */
#define TASK_SIZE_57   ((1ull << 56) - 4096)
#define TASK_SIZE_32   0xffffe000ull
#define TASK_SIZE_3_GB 0xc0000000ull

/*
 * Numbers of x32 are in neither list of strict mode (mode1_syscalls, mode1_syscalls_32); i386's are read,
 * write, exit, sigreturn.
 */
const struct machine_table machine_tables[] = {
	{ TRACE_ABI_X86_64, AUDIT_ARCH_X86_64, 0, { SYS_read, SYS_write, SYS_exit, SYS_rt_sigreturn } },
	{ TRACE_ABI_X32, AUDIT_ARCH_X86_64, X32_BIT, { -1, -1, -1, -1 } },
	{ TRACE_ABI_I386, AUDIT_ARCH_I386, 0, { 3, 4, 1, 119 } },
};
const size_t nr_machine_tables = sizeof(machine_tables) / sizeof(machine_tables[0]);
const bool machine_follows_narrow = true;

/* The bit is looked at in numbers of the native architecture alone: i386 has no such numbers. */
bool machine_table_of(uint32_t arch, uint64_t nr, enum trace_abi *abi, uint32_t *number)
{
	*number = (uint32_t)nr;
	if (arch == AUDIT_ARCH_I386) {
		*abi = TRACE_ABI_I386;
		return true;
	}
	*abi = nr & X32_BIT ? TRACE_ABI_X32 : TRACE_ABI_X86_64;
	*number &= ~X32_BIT;
	return arch == AUDIT_ARCH_X86_64;
}

enum trace_abi machine_table_at(pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };

	/* Where a call is of x32 decides its number, so that of another one may be native. */
	if (kernel->ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
		info.arch == AUDIT_ARCH_I386)
		return TRACE_ABI_I386;
	return TRACE_ABI_X86_64;
}

/*
 * i386's numbers of the five calls that puppet.c and sandbox.c make; x32 shares its numbers with the
 * native table for all of them.
 */
int64_t machine_number(enum trace_abi abi, long native)
{
	static const struct {
		long native;
		int64_t i386;
	} numbers[] = { { SYS_exit, 1 }, { SYS_close, 6 }, { SYS_getpid, 20 }, { SYS_prctl, 172 },
		{ SYS_seccomp, 354 } };

	for (size_t i = 0; abi == TRACE_ABI_I386 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].native == native)
			return numbers[i].i386;
	return native;
}

uint64_t machine_plain_address(uint64_t addr)
{
	return addr;
}

bool registers_take(struct registers *r, pid_t tid)
{
	return kernel->ptrace(PTRACE_GETREGS, tid, NULL, &r->user) == 0;
}

bool registers_put(const struct registers *r, pid_t tid)
{
	return kernel->ptrace(PTRACE_SETREGS, tid, NULL, (void *)&r->user) == 0;
}

uint64_t registers_ip(const struct registers *r)
{
	return r->user.rip;
}

uint64_t registers_sp(const struct registers *r)
{
	return r->user.rsp;
}

int64_t registers_call(const struct registers *r)
{
	return (int64_t)r->user.orig_rax;
}

int64_t registers_result(const struct registers *r)
{
	return (int64_t)r->user.rax;
}

void registers_set_call(struct registers *r, int64_t nr)
{
	r->user.orig_rax = (unsigned long)nr;
}

void registers_set_result(struct registers *r, int64_t result)
{
	r->user.rax = (unsigned long)result;
}

/* rbx, rcx, rdx, rsi, rdi, rbp and rdi, rsi, rdx, r10, r8, r9: the order of the two entries. */
void registers_set_arguments(struct registers *r, enum trace_abi abi, const uint64_t args[3])
{
	struct user_regs_struct *u = &r->user;

	if (abi == TRACE_ABI_I386) {
		u->rbx = args[0];
		u->rcx = args[1];
		u->rdx = args[2];
		u->rsi = u->rdi = u->rbp = 0;
	} else {
		u->rdi = args[0];
		u->rsi = args[1];
		u->rdx = args[2];
		u->r10 = u->r8 = u->r9 = 0;
	}
}

uint64_t registers_first_argument(const struct registers *r, enum trace_abi abi)
{
	return abi == TRACE_ABI_I386 ? r->user.rbx : r->user.rdi;
}

void registers_set_first_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
	*(abi == TRACE_ABI_I386 ? &r->user.rbx : &r->user.rdi) = value;
}

/* r10 and not rcx, which the instruction syscall overwrites. */
void registers_set_fourth_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
	*(abi == TRACE_ABI_I386 ? &r->user.rsi : &r->user.r10) = value;
}

/* The kernel leaves arguments as they came, so what a tracer has put there would stay. */
void registers_put_back_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
	registers_set_first_argument(r, abi, value);
}

/*
 * orig_rax of -1 tells the kernel that no call is to be restarted (arch_do_signal_or_restart()), which
 * would move rip once more.
 */
void registers_call_again(struct registers *r, int64_t nr)
{
	r->user.rip -= SYSCALL_SIZE;
	r->user.rax = (unsigned long)nr;
	r->user.orig_rax = (unsigned long)-1;
}

void registers_for_dwarf(const struct registers *r, uint64_t reg[DWARF_REGISTERS])
{
	const struct user_regs_struct *u = &r->user;
	/* System V ABI, AMD64, figure 3.36: not the order of the encoding. */
	const uint64_t order[DWARF_REGISTERS] = { u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp,
		u->rsp, u->r8, u->r9, u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rip };

	memcpy(reg, order, sizeof(order));
}

/*
 * "ospke": the kernel has switched protection keys on, not the processor alone. "la57": five levels of
 * page tables are in use.
 */
void machine_features(const char *cpuinfo, struct machine_features *f)
{
	*f = (struct machine_features){ .pkeys = strstr(cpuinfo, " ospke") != NULL,
		.wide_addresses = strstr(cpuinfo, " la57") != NULL };
}

/* Of 32-bit programs it is arch/x86's IA32_PAGE_OFFSET, which asks for the personality. */
uint64_t machine_task_size(bool wide, bool narrow, uint64_t personality)
{
	if (narrow)
		return personality & ADDR_LIMIT_3GB ? TASK_SIZE_3_GB : TASK_SIZE_32;
	return wide ? TASK_SIZE_57 : TASK_SIZE_47;
}

/* Those of 32-bit programs are placed by get_unmapped_area(). */
bool machine_places_vdso(bool narrow)
{
	return narrow;
}

/*
 * Whether strict mode takes the time stamp counter away (prctl(2), PR_SET_SECCOMP): a child asks, and is
 * killed by the instruction then.
 *
 * One child each time it is asked, which is once for a program that wants strict mode. _exit() would be
 * exit_group(2), which strict mode forbids: exit(2) itself.
 */
bool machine_stops_the_clock(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0)
			__builtin_ia32_rdtsc();
		syscall(SYS_exit, 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}
