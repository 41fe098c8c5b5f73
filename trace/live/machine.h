/* SPDX-License-Identifier: MIT */
/*
 * What is the machine's, not the kernel's: registers, tables of calls, the size of an address space.  One file for each
 * machine (machine_x86.c, machine_arm64.c); all else in this room asks here.
 *
 *    MA1  A task's call came through one of machine_tables; the native one is what the programs of this machine use.  Calls in
 *         place of a task's own (puppet.c) are made through the table of the one in whose place they are.
 *    MA2  Registers are the tracer's copy: nothing changes before registers_put().
 */
#ifndef LIVE_MACHINE_H
#define LIVE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include <vmaple/trace.h>

/*
 * A table of calls: which calls come through it. Constant; the order of machine_tables is an index in
 * tasks (own_marks).
 */
struct machine_table {
	enum trace_abi abi;
	uint32_t arch; /* AUDIT_ARCH_... */
	uint32_t bit;  /* of the numbers of its calls; 0: none */
	int strict
		[4]; /* what a program in strict mode may call through it: read, write, exit, sigreturn; -1: nothing */
};
/* The native one first. */
#define MACHINE_TABLES 3 /* at most */
extern const struct machine_table machine_tables[];
extern const size_t nr_machine_tables;
/* The calls of its 32-bit programs come through one of them. */
extern const bool machine_follows_narrow;

/* Which one it is, and the number without its bit. False: none that is known. */
bool machine_table_of(uint32_t arch, uint64_t nr, enum trace_abi *abi, uint32_t *number);
/* Through whose table the task's present call came, or its program's calls come when it is in none: one that calls can be made
 * through in its place. */
enum trace_abi machine_table_at(pid_t tid);
/* There, the number of one of the few native calls that are made in a task's place, or instead of its own. */
int64_t machine_number(enum trace_abi abi, long native);
/* An address as calls take it that are about what is mapped: without what else the program keeps in its bits. */
uint64_t machine_plain_address(uint64_t addr);

/*
 * user is as PTRACE_GETREGS, or NT_PRSTATUS, has it; a copy of one stop, of no use behind the next
 * resume.
 */
struct registers {
	struct user_regs_struct user;
	int call; /* the number of the call that it is in, where that is beside the registers */
};

/* False: the task has been killed, or does not stand. */
bool registers_take(struct registers *r, pid_t tid);
bool registers_put(const struct registers *r, pid_t tid);
uint64_t registers_ip(const struct registers *r);
uint64_t registers_sp(const struct registers *r);
/* Of the call that it is in, as it came in; -1: it is in none. */
int64_t registers_call(const struct registers *r);
int64_t registers_result(const struct registers *r);
/* At the entry of a call: another one is made instead; -1: none. */
void registers_set_call(struct registers *r, int64_t nr);
void registers_set_result(struct registers *r, int64_t result);
/* The first three arguments, of a call of this table; the others are 0. */
void registers_set_arguments(struct registers *r, enum trace_abi abi, const uint64_t args[3]);
uint64_t registers_first_argument(const struct registers *r, enum trace_abi abi);
void registers_set_first_argument(struct registers *r, enum trace_abi abi, uint64_t value);
void registers_set_fourth_argument(struct registers *r, enum trace_abi abi, uint64_t value);
/* At the end of a call, which leaves the program its arguments on some machines: the first one is this again. */
void registers_put_back_argument(struct registers *r, enum trace_abi abi, uint64_t value);
/* Back to the instruction that has made the call, to make this one of its table. */
void registers_call_again(struct registers *r, int64_t nr);

/* For stacks/, of x86-64 alone: in the order of their DWARF numbers, with the address of the instruction behind them. */
#define DWARF_REGISTERS 17
void registers_for_dwarf(const struct registers *r, uint64_t reg[DWARF_REGISTERS]);

/* What the processor has, as far as maps depend on it. */
struct machine_features {
	bool pkeys, branch_targets, memory_tags;
	bool wide_addresses; /* a program can have more than usual */
};
/* By the flags of /proc/cpuinfo, which a kernel takes away that does not use them. */
void machine_features(const char *cpuinfo, struct machine_features *f);

/* Where the addresses of a program end: @wide: it can have more than usual; @narrow: it is of 32 bits. */
uint64_t machine_task_size(bool wide, bool narrow, uint64_t personality);
/* Exec places [vdso] as it places what is mapped without a hint; otherwise somewhere near the stack. */
bool machine_places_vdso(bool narrow);
/* Strict mode (SECCOMP_MODE_STRICT) takes the time stamp counter away: a child of ours tries. */
bool machine_stops_the_clock(void);

#endif /* LIVE_MACHINE_H */
