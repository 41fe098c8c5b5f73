/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter: which calls stop.
 *
 *    FI1  A call that can change a map stops, before it is made, and one that makes a userfaultfd (makers.c).  One that only asks
 *        does not: what tells them apart is an argument in a register.
 *    FI2  Everything else is let through at full speed: the kernel remembers which calls a filter always allows.
 *    FI3  Calls through all tables of the machine stop likewise (machine.h); those by which the program wants a tracer or a filter
 *        of its own through the native one only, where they can be answered.
 *    FI4  So does one that is about filters of the program's own (sandbox.c).
 *    FI5  The answer has a mark: a filter of the program's own may ask a tracer, too, and is not answered.
 *    FI6  PTRACE_TRACEME of a task that was let go passes: its last argument, which Linux does not look at, says so (letgo.c).
 *
 * The program, table by table; a call meets the first that is its own:
 *
 *      load arch; not this table's: next table
 *      load nr; not of this table's bit: next table
 *      nr is one that always stops: answer
 *      for each rule of nr: load the argument; it holds: answer or allow
 *      allow
 *
 * Jumps of classic BPF are 8 bits wide, which is why over a table there is a BPF_JA, and lists of calls
 * are kept in front of their answer.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "call_table.h"
#include "internal.h"
#include "machine.h"
#include "uapi.h"

/*
 * Values are compared with the lower half of the argument, as the calls themselves take an int; PASS_NULL
 * with both, for it is about a pointer or an address.
 */
enum verdict {
	STOP_IF,  /* the argument is one of the values; otherwise the next rule decides */
	STOP_LOW, /* likewise; only its lower 16 bits count */
	PASS_IF,  /* likewise; only its lower half counts */
	PASS_NULL /* all of it is 0 */
};

/* i386's ipc(2), which is shmat and shmdt; above the lower 16 bits of its argument is a version. */
#define IPC_SHMAT 21
#define IPC_SHMDT 22

/*
 * Decided by an argument; rules of one call are asked in this order, and after the last of them it is let
 * through. They are about the rows of the table with STOP_RULE. arg: which argument, from 0. Without
 * values the rule always holds.
 */
static const struct rule {
	uint32_t nr;
	enum verdict verdict;
	uint32_t arg, nr_values, values[4];
} rules[] = {
	{ NR_brk, PASS_NULL, 0, 0, { 0 } },
	{ NR_brk, STOP_IF, 0, 0, { 0 } },
	{ NR_personality, PASS_IF, 0, 1, { UINT32_MAX } },
	{ NR_personality, STOP_IF, 0, 0, { 0 } },
	{ NR_setrlimit, STOP_IF, 0, 4, { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK } },
	{ NR_prlimit64, PASS_NULL, 2, 0, { 0 } },
	{ NR_prlimit64, STOP_IF, 1, 4, { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK } },
	{ NR_ptrace, PASS_IF, 3, 1, { FILTER_LET_GO } },
	{ NR_ptrace, STOP_IF, 0, 3, { PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE } },
	{ NR_prctl, STOP_IF, 0, 4, { PR_SET_VMA, PR_SET_MM, PR_SET_MDWE, PR_SET_NO_NEW_PRIVS } },
	{ NR_prctl, STOP_IF, 0, 2, { PR_SET_MEMORY_MERGE, PR_SET_SHADOW_STACK_STATUS } },
	{ NR_prctl, STOP_IF, 0, 1, { PR_SET_SECCOMP } },
	{ NR_seccomp, STOP_IF, 0, 2, { SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER } },
	{ NR_arch_prctl, STOP_IF, 0, 3, { ARCH_MAP_VDSO_X32, ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64 } },
	{ NR_arch_prctl, STOP_IF, 0, 2, { ARCH_SHSTK_ENABLE, ARCH_SHSTK_DISABLE } },
	{ NR_shmat, STOP_LOW, 0, 2, { IPC_SHMAT, IPC_SHMDT } },
	{ NR_ioctl, STOP_IF, 1, 4, { UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_ZEROPAGE, UFFDIO_MOVE } },
	{ NR_ioctl, STOP_IF, 1, 1, { USERFAULTFD_IOC_NEW } },
};

#define NR_RULES      (sizeof(rules) / sizeof(rules[0]))
#define ONE_MORE(...) +1
#define NR_ROWS       (0 SYSTEM_CALLS(ONE_MORE) CALL_DOORS(ONE_MORE))
#define MAX_RULE      8
_Static_assert(MACHINE_TABLES *(10 + NR_ROWS + MAX_RULE * (NR_RULES + 1)) < FILTER_MAX,
	"the filter may be longer than is kept for it");
#define TABLE_BITS 0x40000000u /* numbers from here on have the bit of a table */

/* A program of classic BPF that is being written; code has room for FILTER_MAX. */
struct program {
	unsigned short len;
	struct sock_filter *code;
};

/*
 * 32 bits of struct seccomp_data: classic BPF has no wider loads, so an argument is two. @offset in
 * bytes.
 */
static void load(struct program *p, size_t offset)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static void answer(struct program *p, uint32_t action)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

/*
 * If what was loaded is @value go on after @then more instructions, else after @otherwise. Both distances
 * are counted in instructions from the next one.
 */
static void branch(struct program *p, uint32_t value, unsigned int then, unsigned int otherwise)
{
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, value, (unsigned char)then, (unsigned char)otherwise);
}

static bool is_stop(const struct rule *r)
{
	return r->verdict == STOP_IF || r->verdict == STOP_LOW;
}

/*
 * One rule of a call of this number: if it holds, its answer; else, and for other numbers, what comes
 * behind. The jump over it is written when its length is known.
 *
 * The end of the last value's branch jumps over the answer; each other one to it, where it is equal.
 */
static void add_rule(struct program *p, const struct rule *r, uint32_t number, uint32_t stop)
{
	size_t low = offsetof(struct seccomp_data, args) + sizeof(uint64_t) * r->arg;
	unsigned short begin;

	load(p, offsetof(struct seccomp_data, nr));
	begin = p->len;
	branch(p, number, 0, 0);
	if (r->verdict == PASS_NULL) {
		/* Little endian, as both machines are. */
		load(p, low + 4);
		branch(p, 0, 0, 3);
		load(p, low);
		branch(p, 0, 0, 1);
	} else if (r->nr_values) {
		load(p, low);
		if (r->verdict == STOP_LOW)
			p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff);
		for (uint32_t i = 0; i < r->nr_values; i++)
			branch(p, r->values[i], r->nr_values - 1 - i, i + 1 == r->nr_values);
	}
	answer(p, is_stop(r) ? stop : SECCOMP_RET_ALLOW);
	p->code[begin].jf = (unsigned char)(p->len - begin - 1);
}

/*
 * Those that stop whatever their arguments: each jumps behind the last of them, to the answer.
 *
 * As many as fit 255 instructions: the table has fifty rows.
 */
static void add_stopped(struct program *p, const struct machine_table *m, uint32_t stop)
{
	unsigned short first = p->len;

	for (size_t i = 0; i < nr_call_rows; i++)
		if (call_rows[i].stop == STOP_ALWAYS && call_rows[i].numbers[m->abi] != NOT_THERE)
			branch(p, (uint32_t)call_rows[i].numbers[m->abi] | m->bit, 0, 0);
	for (unsigned short at = first; at < p->len; at++)
		p->code[at].jt = (unsigned char)(p->len - at);
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
	answer(p, stop);
}

/* A door (ipc) is a row of its own with the number of what it leads to, so a rule is written for each. */
static void add_rules(struct program *p, const struct machine_table *m, uint32_t stop)
{
	for (size_t i = 0; i < NR_RULES; i++) {
		for (size_t k = 0; k < nr_call_rows; k++) {
			const struct call_row *row = &call_rows[k];

			if (row->nr == rules[i].nr && row->stop == STOP_RULE &&
				row->numbers[m->abi] != NOT_THERE)
				add_rule(p, &rules[i], (uint32_t)row->numbers[m->abi] | m->bit, stop);
		}
	}
}

/*
 * Through one table; what came through another one goes on behind it.
 *
 * An architecture has two tables where one has a bit in its numbers: both tests are made, so each number
 * has one table.
 */
static void add_table(struct program *p, const struct machine_table *m, uint32_t stop)
{
	unsigned short other;

	load(p, offsetof(struct seccomp_data, arch));
	branch(p, m->arch, 0, 2);
	load(p, offsetof(struct seccomp_data, nr));
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JGE | BPF_K, TABLE_BITS, m->bit ? 1 : 0, m->bit ? 0 : 1);
	other = p->len++;
	add_stopped(p, m, stop);
	add_rules(p, m, stop);
	answer(p, SECCOMP_RET_ALLOW);
	p->code[other] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(p->len - other - 1));
}

/* For who goes through all of them: *@nr is the next such number, or UINT32_MAX. */
bool filter_has(const struct machine_table *m, uint32_t *nr)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < nr_call_rows; i++) {
		const struct call_row *row = &call_rows[i];
		uint32_t number = (uint32_t)row->numbers[m->abi] | m->bit;

		/* If a userfaultfd is made unseen, it is guessed whose it is. */
		if (row->stop != STOP_NEVER && row->nr != NR_userfaultfd &&
			row->numbers[m->abi] != NOT_THERE && number >= *nr && number < next)
			next = number;
	}
	*nr = next;
	return next != UINT32_MAX;
}

/* What add_rule() writes, in C: both have to say the same. */
static bool rule_holds(const struct rule *r, uint64_t arg)
{
	if (r->verdict == PASS_NULL)
		return arg == 0;
	if (r->verdict == STOP_LOW)
		arg &= 0xffff;
	for (uint32_t i = 0; i < r->nr_values; i++)
		if ((uint32_t)arg == r->values[i])
			return true;
	return r->nr_values == 0;
}

/*
 * The filter's program, run on a call that was decoded, for tasks that do not have it (AT1). False of a
 * call that is in no row.
 */
bool filter_stops(const struct trace_call *c)
{
	const struct call_row *row = call_of(c->nr);

	/* What has another form in its table is one of these by now. */
	if (row && row->stop == STOP_ALWAYS)
		return true;
	for (size_t i = 0; i < NR_RULES; i++)
		if (rules[i].nr == c->nr && rule_holds(&rules[i], c->args[rules[i].arg]))
			return is_stop(&rules[i]);
	return false;
}

/* @code has room for FILTER_MAX instructions. @stop is the answer to what stops. */
unsigned short filter_build(struct sock_filter *code, uint32_t stop)
{
	struct program p = { .code = code };

	for (size_t i = 0; i < nr_machine_tables; i++)
		add_table(&p, &machine_tables[i], stop);
	answer(&p, SECCOMP_RET_ALLOW);
	return p.len;
}

/*
 * Without privilege, Linux wants the promise that no program gains any: setuid programs then run without.
 *
 * 0, or -errno. In the child, before exec: it is inherited by all that it starts, and can never be taken
 * off. EACCES is the answer without CAP_SYS_ADMIN (seccomp_prepare_filter()); as root no promise is made.
 */
int filter_install(void)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog prog = { .len = filter_build(code, SECCOMP_RET_TRACE | FILTER_MARK),
		.filter = code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}
