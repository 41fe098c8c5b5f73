/* SPDX-License-Identifier: MIT */
/*
 * The machine arm64: one table of calls.  Programs of 32-bit Arm, which some of them run, are not followed.
 *
 * The first argument and the result are one register: at the end of a call its argument is gone, as for any program.  The
 * number of the call that the kernel is in is not among the registers, but beside them.
 *
 * What is fixed by the architecture is in arm64_host.h, which the oracle asks, too; here is what
 * ptrace(2) has of it.
 */
#include <elf.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "arm64_host.h"
#include "kernel_view.h"
#include "machine.h"

/* svc #0. */
#define SYSCALL_SIZE 4
#define NR_REGISTER  8 /* the number of a call, as the program gives it */
/* Of 32-bit programs, which are refused when they begin (calls.c): only bounds are asked with it. */
#define TASK_SIZE_32 (1ull << 32)

const struct machine_table machine_tables[] = {
	{ TRACE_ABI_GENERIC, AUDIT_ARCH_AARCH64, 0, { SYS_read, SYS_write, SYS_exit, SYS_rt_sigreturn } },
};
const size_t nr_machine_tables = sizeof(machine_tables) / sizeof(machine_tables[0]);
const bool machine_follows_narrow = false;

/* AUDIT_ARCH_ARM is a 32-bit program's: none that is followed. */
bool machine_table_of(uint32_t arch, uint64_t nr, enum trace_abi *abi, uint32_t *number)
{
	*abi = TRACE_ABI_GENERIC;
	*number = (uint32_t)nr;
	return arch == AUDIT_ARCH_AARCH64;
}

enum trace_abi machine_table_at(pid_t tid)
{
	return TRACE_ABI_GENERIC;
}

int64_t machine_number(enum trace_abi abi, long native)
{
	return native;
}

/* Without the top byte, where tags are kept (untagged_addr()). */
uint64_t machine_plain_address(uint64_t addr)
{
	return arm64_plain_address(addr);
}

/* Two requests: NT_ARM_SYSTEM_CALL has the number of the call that the kernel is in, -1 in none. */
bool registers_take(struct registers *r, pid_t tid)
{
	struct iovec user = { &r->user, sizeof(r->user) }, call = { &r->call, sizeof(r->call) };

	return kernel->ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &user) == 0 &&
	       kernel->ptrace(PTRACE_GETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &call) == 0;
}

/* The number last, so that a task whose registers could not be set makes its own call. */
bool registers_put(const struct registers *r, pid_t tid)
{
	struct iovec user = { (void *)&r->user, sizeof(r->user) },
		     call = { (void *)&r->call, sizeof(r->call) };

	return kernel->ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &user) == 0 &&
	       kernel->ptrace(PTRACE_SETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &call) == 0;
}

uint64_t registers_ip(const struct registers *r)
{
	return r->user.pc;
}

uint64_t registers_sp(const struct registers *r)
{
	return r->user.sp;
}

int64_t registers_call(const struct registers *r)
{
	return r->call;
}

int64_t registers_result(const struct registers *r)
{
	return (int64_t)r->user.regs[0];
}

void registers_set_call(struct registers *r, int64_t nr)
{
	r->call = (int)nr;
}

void registers_set_result(struct registers *r, int64_t result)
{
	r->user.regs[0] = (uint64_t)result;
}

/* x0 to x5; x8 has the number and stays. */
void registers_set_arguments(struct registers *r, enum trace_abi abi, const uint64_t args[3])
{
	memset(r->user.regs, 0, 6 * sizeof(r->user.regs[0]));
	memcpy(r->user.regs, args, 3 * sizeof(args[0]));
}

uint64_t registers_first_argument(const struct registers *r, enum trace_abi abi)
{
	return r->user.regs[0];
}

void registers_set_first_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
	r->user.regs[0] = value;
}

void registers_set_fourth_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
	r->user.regs[3] = value;
}

/* Nothing: x0 has the result by then. */
void registers_put_back_argument(struct registers *r, enum trace_abi abi, uint64_t value)
{
}

/*
 * The call is made from user mode anew, so its number comes from x8; no restart is pending (call of -1).
 */
void registers_call_again(struct registers *r, int64_t nr)
{
	r->user.pc -= SYSCALL_SIZE;
	r->user.regs[NR_REGISTER] = (uint64_t)nr;
	r->call = -1;
}

void machine_features(const char *cpuinfo, struct machine_features *f)
{
	*f = (struct machine_features){ .wide_addresses = arm64_is_wide_here(),
		.branch_targets = strstr(cpuinfo, " bti") != NULL,
		.memory_tags = strstr(cpuinfo, " mte") != NULL };
}

/* @wide: ARM64_WIDE_BITS, which a program gets by a hint; else the window of usual addresses. */
uint64_t machine_task_size(bool wide, bool narrow, uint64_t personality)
{
	if (narrow)
		return TASK_SIZE_32;
	return 1ull << (wide ? ARM64_WIDE_BITS : arm64_window_bits_here());
}

/* get_unmapped_area() without a hint, in __setup_additional_pages(). */
bool machine_places_vdso(bool narrow)
{
	return true;
}

bool machine_stops_the_clock(void)
{
	return false;
}
