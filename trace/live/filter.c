/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter: which calls stop.
 *
 *    FI1  A call that can change a map stops, before it is made.  One that only asks does not: what tells them apart is an
 *        argument in a register.
 *    FI2  Everything else is let through at full speed: the kernel remembers which calls a filter always allows.
 *    FI3  Calls through other tables (32-bit, x32) are let through: programs made of them are not recorded.  Only a task that
 *        they make is looked at (births.c, BI1).
 *    FI4  So does one that is about filters of the program's own (sandbox.c).
 *    FI5  The answer has a mark: a filter of the program's own may ask a tracer, too, and is not answered.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "internal.h"
#include "uapi.h"

/* Stopped whatever their arguments. */
static const uint32_t stopped[] = { SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mlock,
	SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_mlock2, SYS_pkey_mprotect, SYS_mseal, SYS_mbind,
	SYS_set_mempolicy_home_node, SYS_remap_file_pages, SYS_shmat, SYS_shmdt, SYS_io_setup, SYS_io_destroy,
	SYS_map_shadow_stack, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_execve, SYS_execveat,
	SYS_capset, SYS_setuid, SYS_setreuid, SYS_setresuid, SYS_process_madvise, X32_BIT | SYS_clone,
	X32_BIT | SYS_clone3 };

enum verdict {
	STOP_IF,  /* the argument is one of the values; otherwise the next rule decides */
	PASS_IF,  /* likewise; only its lower half counts */
	PASS_NULL /* all of it is 0 */
};

/* Decided by an argument; rules of one call are asked in this order, and after the last of them it is let through. */
static const struct rule {
	uint32_t nr;
	enum verdict verdict;
	uint32_t arg, nr_values, values[4];
} rules[] = {
	{ SYS_brk, PASS_NULL, 0, 0, { 0 } },
	{ SYS_brk, STOP_IF, 0, 0, { 0 } },
	{ SYS_personality, PASS_IF, 0, 1, { UINT32_MAX } },
	{ SYS_personality, STOP_IF, 0, 0, { 0 } },
	{ SYS_setrlimit, STOP_IF, 0, 4, { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK } },
	{ SYS_prlimit64, PASS_NULL, 2, 0, { 0 } },
	{ SYS_prlimit64, STOP_IF, 1, 4, { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK } },
	{ SYS_ptrace, STOP_IF, 0, 3, { PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE } },
	{ SYS_prctl, STOP_IF, 0, 3, { PR_SET_VMA, PR_SET_MM, PR_SET_MDWE } },
	{ SYS_prctl, STOP_IF, 0, 2, { PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS } },
	{ SYS_seccomp, STOP_IF, 0, 2, { SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER } },
	{ SYS_arch_prctl, STOP_IF, 0, 3, { ARCH_MAP_VDSO_X32, ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64 } },
	{ SYS_ioctl, STOP_IF, 1, 4, { UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_ZEROPAGE, UFFDIO_MOVE } },
};

#define NR_STOPPED (sizeof(stopped) / sizeof(stopped[0]))
#define NR_RULES   (sizeof(rules) / sizeof(rules[0]))
#define MAX_RULE   8
_Static_assert(24 + 2 * NR_STOPPED + MAX_RULE * NR_RULES <= FILTER_MAX,
	"the filter may be longer than is kept for it");

struct program {
	unsigned short len;
	struct sock_filter *code;
};

static void load(struct program *p, size_t offset)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static void answer(struct program *p, uint32_t action)
{
	p->code[p->len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

/* If what was loaded is @value go on after @then more instructions, else after @otherwise. */
static void branch(struct program *p, uint32_t value, unsigned int then, unsigned int otherwise)
{
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, value, (unsigned char)then, (unsigned char)otherwise);
}

static void add_rule(struct program *p, const struct rule *r, uint32_t stop)
{
	size_t low = offsetof(struct seccomp_data, args) + sizeof(uint64_t) * r->arg;
	unsigned short begin;

	load(p, offsetof(struct seccomp_data, nr));
	begin = p->len;
	branch(p, r->nr, 0, 0);
	if (r->verdict == PASS_NULL) {
		load(p, low + 4);
		branch(p, 0, 0, 3);
		load(p, low);
		branch(p, 0, 0, 1);
	} else if (r->nr_values) {
		load(p, low);
		for (uint32_t i = 0; i < r->nr_values; i++)
			branch(p, r->values[i], r->nr_values - 1 - i, i + 1 == r->nr_values);
	}
	answer(p, r->verdict == STOP_IF ? stop : SECCOMP_RET_ALLOW);
	p->code[begin].jf = (unsigned char)(p->len - begin - 1);
}

/* clone(2) with CLONE_UNTRACED, and clone3(2), whose flags are in memory: by their 32-bit numbers. */
static void add_i386(struct program *p, uint32_t stop)
{
	load(p, offsetof(struct seccomp_data, nr));
	branch(p, 435, 3, 0);
	branch(p, 120, 0, 3);
	load(p, offsetof(struct seccomp_data, args));
	p->code[p->len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 0, 1);
	answer(p, stop);
	answer(p, SECCOMP_RET_ALLOW);
}

static void build(struct program *p, uint32_t stop)
{
	unsigned short foreign;

	load(p, offsetof(struct seccomp_data, arch));
	foreign = p->len;
	branch(p, AUDIT_ARCH_X86_64, 0, 0);
	add_i386(p, stop);
	p->code[foreign].jt = (unsigned char)(p->len - foreign - 1);
	load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NR_STOPPED; i++) {
		branch(p, stopped[i], 0, 1);
		answer(p, stop);
	}
	for (size_t i = 0; i < NR_RULES; i++)
		add_rule(p, &rules[i], stop);
	answer(p, SECCOMP_RET_ALLOW);
}

bool filter_has(uint32_t *nr)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < NR_STOPPED; i++)
		if (stopped[i] >= *nr && stopped[i] < next)
			next = stopped[i];
	for (size_t i = 0; i < NR_RULES; i++)
		if (rules[i].nr >= *nr && rules[i].nr < next)
			next = rules[i].nr;
	*nr = next;
	return next != UINT32_MAX;
}

static bool rule_holds(const struct rule *r, uint64_t arg)
{
	if (r->verdict == PASS_NULL)
		return arg == 0;
	for (uint32_t i = 0; i < r->nr_values; i++)
		if ((uint32_t)arg == r->values[i])
			return true;
	return r->nr_values == 0;
}

bool filter_stops(const struct trace_call *c)
{
	for (size_t i = 0; i < NR_STOPPED; i++)
		if (stopped[i] == c->nr)
			return true;
	for (size_t i = 0; i < NR_RULES; i++)
		if (rules[i].nr == c->nr && rule_holds(&rules[i], c->args[rules[i].arg]))
			return rules[i].verdict == STOP_IF;
	return false;
}

unsigned short filter_build(struct sock_filter *code, uint32_t stop)
{
	struct program p = { .code = code };

	build(&p, stop);
	return p.len;
}

/* Without privilege, Linux wants the promise that no program gains any: setuid programs then run without. */
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
