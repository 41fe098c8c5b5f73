/* SPDX-License-Identifier: MIT */
/*
 * Programs that make seccomp filters of their own, which meet the recorder's.
 *
 *    SB1  Strict mode (SECCOMP_MODE_STRICT) is refused to who has a filter, which is every recorded task.  One that has no other
 *        gets a filter that is strict in the same way: read, write, exit and sigreturn; what else it calls is asked of us,
 *        and it is killed, as the kernel would.  Some kernels take the time stamp counter away, too: a child of ours tries.
 *    SB2  A filter with a listener (SECCOMP_RET_USER_NOTIF) is answered before ours is: calls that it is asked about, and that
 *        its supervisor lets continue, pass by unseen.  The filter's program is looked at: can it ask about a call that is
 *        recorded?  If so, no more is told of that address space, and this is told as lost; the program goes on as it would.
 *    SB3  Other answers of the program's own filters leave the call undone, and the map as it is, or rank below ours.
 *    SB4  Of filters that ask a tracer the last one's mark is told.  One of the program's own that has ours is looked at like
 *        those of SB2: what it can answer so is refused, as alone.  An answer that it computes is not known to be that one.
 *
 * Who calls: on_filter() at the entry of seccomp(2), or of prctl(2) about it, before the kernel looks at
 * its arguments; is_forbidden() and asks_by_itself() at each seccomp stop. A task that was attached to
 * has none of our filter, and meets nothing of this.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "machine.h"
#include "puppet.h"
#include "system_calls.h"

/*
 * In the answers of the filter that stands for strict mode; another one than FILTER_MARK's. Both marks
 * are the lower half of SECCOMP_RET_TRACE, which is all of it that a tracer is told (ret_data).
 */
#define STRICT_MARK 0x6d71

bool is_about_filters(const struct trace_call *c)
{
	return c->nr == NR_seccomp ||
	       (c->nr == NR_prctl && (c->args[0] == PR_SET_SECCOMP || c->args[0] == PR_SET_NO_NEW_PRIVS));
}

/* --- SB1 ------------------------------------------------------------------------------------------------------- */

#define STRICT_MAX (MACHINE_TABLES * (NR_STRICT + 5))
#define NR_STRICT  (sizeof(machine_tables->strict) / sizeof(machine_tables->strict[0]))

/*
 * What strict mode allows through each table of the machine; all else is asked of us.
 *
 * Each table is 5 instructions and one for each allowed call: which architecture, which number, over it,
 * allow. -1 with x32's bit is a number that no call has.
 */
static unsigned short strict_filter(struct sock_filter code[STRICT_MAX + 1])
{
	unsigned short n = 0;

	for (size_t i = 0; i < nr_machine_tables; i++) {
		const struct machine_table *m = &machine_tables[i];

		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
		code[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, m->arch, 0, NR_STRICT + 3);
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
		for (size_t k = 0; k < NR_STRICT; k++)
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				(uint32_t)m->strict[k] | m->bit, (unsigned char)(NR_STRICT - k), 0);
		/* Over the answer, to the next table. */
		code[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | STRICT_MARK);
	return n;
}

/*
 * Alone it would not be refused: it has no filter but ours, and its arguments are good.
 *
 * seccomp_filters of 1 is ours alone. With more the kernel's answer is the same with us and without:
 * EINVAL, as a filter of its own is there (seccomp_may_assign_mode()).
 */
static bool wants_strict_mode(const struct task *t)
{
	const uint64_t *a = t->call.args;
	bool asks = t->call.nr == NR_prctl ? a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_STRICT
					   : a[0] == SECCOMP_SET_MODE_STRICT && !a[1] && !a[2];

	/* In /proc/PID/status since Linux 5.9. */
	return asks && status_number(t->tid, "\nSeccomp_filters:", 10, 0) == 1;
}

/*
 * At the entry of its call, or back there. Without CAP_SYS_ADMIN a filter takes no_new_privs
 * (seccomp_prepare_filter()): who has become another user since gets it, which changes nothing for who
 * cannot exec any more.
 */
static bool install_strict(struct puppet *p)
{
	struct sock_filter code[STRICT_MAX + 1];
	unsigned short len = strict_filter(code);
	long err = puppet_install(p, code, len, 0);

	/* Who has become another user since needs the promise, which changes nothing for who cannot exec any more. */
	if (err == -EACCES && puppet_enter_again(p) &&
		puppet_call(p, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0) == 0 && puppet_enter_again(p))
		err = puppet_install(p, code, len, 0);
	return err == 0;
}

/*
 * The call ends with 0 as if the kernel had done it; where that cannot be brought about the task makes it
 * itself, and is refused.
 *
 * Held signals are sent behind it: in strict mode a handler is allowed to run (sigreturn is).
 */
static void be_strict(struct live *l, struct task *t)
{
	struct puppet p;

	t->known_ns = 0;
	if (!puppet_begin(&p, t->tid))
		return;
	t->strict = install_strict(&p);
	if (t->strict && machine_stops_the_clock() && puppet_enter_again(&p))
		puppet_call(&p, SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0);
	if (t->strict)
		puppet_return(&p, 0);
	else
		puppet_put_back(&p, true);
	t->takes_its_own = !t->strict;
	if (!t->strict)
		notice(l, NOTICE_NOT_STRICT, t->tgid);
	puppet_send_held(&p, t->tgid);
}

bool is_forbidden(const struct task *t, uint32_t mark)
{
	return t->strict && mark == STRICT_MARK;
}

/*
 * The kernel ends the thread, by SIGKILL. The last one's end is that of its process.
 *
 * exit(2) in place of the call ends one thread and leaves its process; SIGKILL would be the end of all.
 * The status differs from the kernel's for such a thread, whom nobody can wait for.
 */
void end_strictly(struct live *l, struct task *t)
{
	struct registers regs;

	if (status_number(t->tid, "\nThreads:", 10, 1) > 1 && registers_take(&regs, t->tid)) {
		registers_set_call(&regs, machine_number(machine_table_at(t->tid), SYS_exit));
		registers_put(&regs, t->tid);
	} else {
		kernel->kill(t->tid, SIGKILL);
	}
	resume(l, t, 0);
}

/* --- SB2 ------------------------------------------------------------------------------------------------------- */

/*
 * What is known of the accumulator. ANYTHING is above the others: a value that is not known any more.
 * KINDS is how many.
 */
enum known { ANYTHING, NUMBER, ARCH, KINDS };

/*
 * At which instructions the program can be, with what known of the accumulator: an abstract run of it for
 * one number and architecture. Some 45 KiB, so it is allocated.
 */
struct reach {
	struct sock_filter code[BPF_MAXINSNS];
	unsigned short len;
	uint32_t nr, arch, answer, mask; /* which answer is looked for */
	bool computed;                   /* one that is computed may be it */
	bool at[BPF_MAXINSNS][KINDS];
};

/* Beyond the end is no instruction: the kernel has checked jumps, or will refuse the program. */
static void reach(struct reach *r, uint32_t pc, enum known a)
{
	if (pc < r->len)
		r->at[pc][a] = true;
}

/* BPF_JSET is the last. */
static bool holds(const struct sock_filter *i, uint32_t value)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return value == i->k;
	case BPF_JGT:
		return value > i->k;
	case BPF_JGE:
		return value >= i->k;
	default:
		return value & i->k;
	}
}

/* What a comparison with an argument or with X decides is not known: both ways are gone. */
static void reach_by_jump(struct reach *r, uint32_t pc, enum known a)
{
	const struct sock_filter *i = &r->code[pc];
	/* X may be anything, and so may what came from an argument. */
	bool both = a == ANYTHING || BPF_SRC(i->code) == BPF_X, yes;

	if (BPF_OP(i->code) == BPF_JA) {
		if (i->k < r->len)
			reach(r, pc + 1 + i->k, a);
		return;
	}
	yes = holds(i, a == NUMBER ? r->nr : r->arch);
	if (both || yes)
		reach(r, pc + 1 + i->jt, a);
	if (both || !yes)
		reach(r, pc + 1 + i->jf, a);
}

/* Of struct seccomp_data; its loads are absolute words alone (seccomp_check_filter()). */
static enum known loaded(const struct sock_filter *i)
{
	if (BPF_MODE(i->code) != BPF_ABS)
		return ANYTHING;
	return i->k == offsetof(struct seccomp_data, nr)     ? NUMBER
	       : i->k == offsetof(struct seccomp_data, arch) ? ARCH
							     : ANYTHING;
}

static bool is_answer(const struct reach *r, const struct sock_filter *i)
{
	if (BPF_CLASS(i->code) != BPF_RET)
		return false;
	return BPF_RVAL(i->code) != BPF_K ? r->computed : (i->k & r->mask) == r->answer;
}

/*
 * One instruction. True: it may be the answer.
 *
 * A store keeps the accumulator; what is loaded back from memory is anything.
 */
static bool reach_from(struct reach *r, uint32_t pc, enum known a)
{
	const struct sock_filter *i = &r->code[pc];

	switch (BPF_CLASS(i->code)) {
	case BPF_RET:
		return is_answer(r, i);
	case BPF_JMP:
		reach_by_jump(r, pc, a);
		return false;
	case BPF_LD:
		reach(r, pc + 1, loaded(i));
		return false;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		reach(r, pc + 1, a);
		return false;
	case BPF_MISC:
		reach(r, pc + 1, BPF_MISCOP(i->code) == BPF_TXA ? ANYTHING : a);
		return false;
	default:
		reach(r, pc + 1, ANYTHING);
		return false;
	}
}

/* Jumps go forward: one pass meets all that can be reached. */
static bool may_ask(struct reach *r, uint32_t arch, uint32_t nr)
{
	memset(r->at, 0, sizeof(r->at));
	r->arch = arch;
	r->nr = nr;
	reach(r, 0, ANYTHING);
	for (uint32_t pc = 0; pc < r->len; pc++)
		for (int a = 0; a < KINDS; a++)
			if (r->at[pc][a] && reach_from(r, pc, (enum known)a))
				return true;
	return false;
}

/*
 * About a call of any table of the machine that is recorded?
 *
 * O(calls of ours * instructions), once for each filter that the program makes.
 */
static bool may_ask_about_ours(struct reach *r)
{
	for (size_t i = 0; i < nr_machine_tables; i++)
		for (uint32_t nr = 0; filter_has(&machine_tables[i], &nr); nr++)
			if (may_ask(r, machine_tables[i].arch, nr))
				return true;
	return false;
}

/*
 * Where the program of the filter is that the task is about to put in place. The width of the pointer in
 * it is the table's.
 */
static bool read_fprog(const struct task *t, struct sock_fprog *prog)
{
	struct narrow_fprog narrow;

	if (!trace_abi_is_32bit(t->call.abi))
		return read_memory(t->tid, t->call.args[2], prog, sizeof(*prog));
	if (!read_memory(t->tid, t->call.args[2], &narrow, sizeof(narrow)))
		return false;
	*prog = (struct sock_fprog){ .len = narrow.len,
		.filter = (struct sock_filter *)(uintptr_t)narrow.filter };
	return true;
}

/*
 * That filter. NULL: it cannot be looked at. To be freed. A length of 0 is looked at and answers nothing:
 * the kernel refuses it.
 */
static struct reach *look_at_filter(const struct task *t, uint32_t answer, uint32_t mask)
{
	struct reach *r = malloc(sizeof(*r));
	struct sock_fprog prog = { 0 };

	if (r && read_fprog(t, &prog) && prog.len <= BPF_MAXINSNS &&
		read_memory(t->tid, (uintptr_t)prog.filter, r->code, prog.len * sizeof(r->code[0]))) {
		r->len = prog.len;
		r->computed = false;
		r->answer = answer;
		r->mask = mask;
		return r;
	}
	free(r);
	return NULL;
}

/* What cannot be looked at may do anything. computed: BPF_RET of the accumulator may be this answer. */
static bool may_hide_calls(const struct task *t)
{
	struct reach *r = look_at_filter(t, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ACTION_FULL);
	bool hides = !r;

	if (r) {
		r->computed = true;
		hides = may_ask_about_ours(r);
	}
	free(r);
	return hides;
}

/* --- SB4 ------------------------------------------------------------------------------------------------------- */

/* TSYNC gives the filter to all threads of the process. */
static void add_own_marks(struct live *l, struct task *t, uint32_t table, uint32_t nr)
{
	struct task *other;
	unsigned long tid = 0;

	t->own_marks[table][nr / 64] |= 1ull << nr % 64;
	if (t->call.nr == NR_seccomp && (t->call.args[1] & SECCOMP_FILTER_FLAG_TSYNC))
		mt_for_each (&l->tasks, other, tid, ULONG_MAX)
			if (other->tgid == t->tgid)
				other->own_marks[table][nr / 64] |= 1ull << nr % 64;
}

/*
 * One that cannot be read is refused by the kernel, too.
 *
 * Most filters have no such answer anywhere, and are done with after one pass over their instructions.
 */
static void note_own_marks(struct live *l, struct task *t)
{
	struct reach *r = look_at_filter(
		t, SECCOMP_RET_TRACE | FILTER_MARK, SECCOMP_RET_ACTION_FULL | SECCOMP_RET_DATA);
	bool any = false;

	for (uint32_t pc = 0; r && pc < r->len; pc++)
		any |= is_answer(r, &r->code[pc]);
	for (uint32_t i = 0; any && i < nr_machine_tables; i++)
		for (uint32_t nr = 0; nr < OWN_MARKS; nr++)
			if (may_ask(r, machine_tables[i].arch, nr | machine_tables[i].bit))
				add_own_marks(l, t, i, nr);
	free(r);
}

/* Numbers from OWN_MARKS on are of no call that we know, and are not asked about. */
bool asks_by_itself(const struct task *t, uint32_t arch, uint64_t nr)
{
	enum trace_abi abi;
	uint32_t number, i = 0;

	if (!machine_table_of(arch, nr, &abi, &number) || number >= OWN_MARKS)
		return false;
	while (machine_tables[i].abi != abi)
		i++;
	return t->own_marks[i][number / 64] >> number % 64 & 1;
}

/* TSYNC: all of its threads; children inherit it (births.c). */
static void mark_unseen(struct live *l, struct task *t)
{
	struct task *other;
	unsigned long tid = 0;

	t->unseen = true;
	if (t->call.args[1] & SECCOMP_FILTER_FLAG_TSYNC)
		mt_for_each (&l->tasks, other, tid, ULONG_MAX)
			other->unseen |= other->tgid == t->tgid;
	if (!t->mm)
		return;
	emit_lost(l, t, 0,
		"a filter of the program's own lets another process decide about mapping calls "
		"(SECCOMP_RET_USER_NOTIF): it and its children are not recorded any more");
	end_recording_of(l, t);
}

/* --- the entry ------------------------------------------------------------------------------------------------- */

/* SECCOMP_SET_MODE_FILTER of seccomp(2), or its older form. */
static bool puts_filter(const struct trace_call *c)
{
	return c->nr == NR_prctl ? c->args[0] == PR_SET_SECCOMP && c->args[1] == SECCOMP_MODE_FILTER
				 : c->args[0] == SECCOMP_SET_MODE_FILTER;
}

/*
 * Before the kernel does: whether it will take the filter is not known, so what is noted may be too much,
 * never too little.
 */
static void look_at_own_filter(struct live *l, struct task *t)
{
	bool listens = t->call.nr == NR_seccomp && (t->call.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER);

	note_own_marks(l, t);
	if (listens && may_hide_calls(t))
		mark_unseen(l, t);
}

/*
 * no_privileges is set at the entry, whether the call succeeds or not: it has one argument that could be
 * wrong.
 */
void on_filter(struct live *l, struct task *t)
{
	const struct trace_call *c = &t->call;

	if (c->nr == NR_prctl && c->args[0] == PR_SET_NO_NEW_PRIVS)
		t->no_privileges = true;
	else if (is_attached(l))
		; /* there is no filter of ours that it could meet */
	else if (wants_strict_mode(t))
		be_strict(l, t);
	else if (puts_filter(c))
		look_at_own_filter(l, t);
	resume(l, t, 0);
}
