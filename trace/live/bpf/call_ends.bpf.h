/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Calls are told when they return (4 in source.bpf.c), with what their arguments point to.
 *
 * The hook is in the way of every call of every process as long as it is attached (the kernel sets
 * SYSCALL_WORK_SYSCALL_TRACEPOINT for all tasks): what is not wanted leaves after two comparisons, what
 * is of nobody followed after one more look at a cache line.
 *
 * Which record. A call without data and stack: its head alone. With data: built on the stack, since its
 * size is no constant, and copied. Of many ranges: built in a buffer of the CPU's. With stacks wanted:
 * one of fixed size, reserved and filled in place. Each of them is a function that is verified by
 * itself, and each has the verifier's 512 bytes of stack to share with its callers.
 */
#ifndef LIVE_BPF_CALL_ENDS_H
#define LIVE_BPF_CALL_ENDS_H

#include "limits.bpf.h"
#include "served.bpf.h"

/*
 * What an argument points to, or what the limits are now. r->data_len stays 0 where nothing could be
 * read: the reader knows by the call's number what it lacks. Memory that the program has changed since
 * the call read it is told as it is now.
 */
static __always_inline void read_data(const struct call *c, struct call_record *r)
{
	const void *from = 0;
	u32 len = 0;

	/* The result is not asked: what is in force now is told, whatever came of the call. */
	if (changes_limits(c->nr)) {
		read_limits((u64 *)r->data, current_task());
		r->data_len = RECORD_LIMITS * sizeof(u64);
		return;
	}
	if (c->nr == NR_prctl && c->args[0] == PR_SET_VMA && c->args[4]) {
		/*
		 * At the call's end: another thread may have changed the text since; the kernel's own copy
		 * is what the area has, if it is one that this call has named.
		 */
		long n = bpf_probe_read_user_str(r->data, sizeof(r->data), (void *)c->args[4]);

		r->data_len = n > 0 ? n : 0;
		return;
	}
	if (c->nr == NR_ioctl) {
		from = (void *)c->args[2];
		len = (u32)c->args[1] == UFFDIO_REGISTER ? 24 : 16;
	} else if (c->nr == NR_prctl && c->args[0] == PR_SET_MM && c->args[1] == PR_SET_MM_MAP) {
		from = (void *)c->args[2];
		len = sizeof(struct prctl_mm_map);
	} else if (c->nr == NR_mbind) {
		from = (void *)c->args[3];
		/* get_nodes() counts maxnode one too many. */
		len = (c->args[4] + 6) >> 3;
		len = len > 64 ? 64 : len;
	} else if (c->nr == NR_process_madvise && c->args[2] <= PAIRS_MAX) {
		from = (void *)c->args[1];
		len = c->args[2] * 16;
	}
	if (from && len <= RECORD_DATA_BYTES && !bpf_probe_read_user(r->data, len, from))
		r->data_len = len;
}

/* Calls for which read_data() is worth its stack. */
static __always_inline bool has_data(u32 nr)
{
	return nr == NR_prctl || nr == NR_ioctl || nr == NR_mbind || nr == NR_process_madvise ||
	       changes_limits(nr);
}

/* The time is that of the way out of the kernel. */
static __always_inline void call_fill(struct call_record *r, const struct call *c, u32 space, long result)
{
	struct pt_regs *regs = current_registers();

	head_now(&r->head, RECORD_CALL, space);
	__builtin_memcpy(r->args, c->args, sizeof(r->args));
	r->result = result;
	r->ip = regs->ip;
	r->sp = regs->sp;
	r->nr = c->nr;
	r->data_len = 0;
}

/* len is bounded again for the verifier, which has lost what it knew of it by way of memory. */
__noinline int emit_call_with_data(const struct call *c, u32 space, long result)
{
	struct call_record r;
	u32 len;

	if (!c)
		return 0;
	call_fill(&r, c, space, result);
	__builtin_memset(r.data, 0, sizeof(r.data));
	read_data(c, &r);
	len = r.data_len;
	if (len <= RECORD_DATA_BYTES)
		output(&r.head, CALL_BYTES + len);
	return 0;
}

/* More than RANGES_MOST are refused by the kernel with EINVAL. */
static __always_inline bool has_many_ranges(const struct call *c)
{
	return c->nr == NR_process_madvise && c->args[2] > PAIRS_MAX && c->args[2] <= RANGES_MOST;
}

__noinline int emit_ranges(const struct call *c, u32 space, long result)
{
	u32 zero = 0, len;
	struct ranges_record *r = bpf_map_lookup_elem(&ranges, &zero);

	if (!c || !r)
		return 0;
	call_fill(&r->call, c, space, result);
	len = (u32)c->args[2] * 16;
	if (len > RANGES_MOST * 16 || bpf_probe_read_user(r->call.data, len, (void *)c->args[1]))
		len = 0;
	r->call.data_len = len;
	output(&r->call.head, CALL_BYTES + len);
	return 0;
}

/* The file of a mapping that was refused, which no area shows: it decides, and may have cut what lies there before that. */
static __always_inline bool refused_file(const struct call *c, long result)
{
	return c->nr == NR_mmap && result < 0 && result >= -MAX_ERRNO && !(c->args[3] & MAP_ANONYMOUS);
}

/* Tell of it. Its file is 0: there is none. */
__noinline int emit_refused_file(const struct call *c, u32 space, struct refused_file *refused)
{
	struct sample sm = { .space = space };
	const struct fdtable *table;

	if (!c || !refused)
		return 0;
	table = current_task()->files->fdt;
	if (c->args[4] < table->max_fds)
		sm.file = word_at((u64)table->fd + c->args[4] * 8);
	refused->file = sm.file;
	if (sm.file) {
		emit_file(&sm);
		refused->flags = is_sealed(POINTER(file, sm.file)) ? AREA_SEALED : 0;
	}
	return 0;
}

static __always_inline void note_refused(struct call_record *r, const struct refused_file *refused)
{
	r->data_len = sizeof(*refused);
	__builtin_memcpy(r->data, refused, sizeof(*refused));
}

/* The file's own record comes before, if it was not told yet. */
__noinline int emit_refused(const struct call *c, u32 space, long result)
{
	struct refused_file refused = { 0 };
	struct call_record *r;

	if (!c)
		return 0;
	emit_refused_file(c, space, &refused);
	r = reserve(CALL_BYTES + sizeof(refused), space);
	if (!r)
		return 0;
	call_fill(r, c, space, result);
	note_refused(r, &refused);
	submit(r);
	return 0;
}

/*
 * Up to the end of the stack pointer's page first, then page by page: a page that is not in memory ends
 * it, for nothing is faulted in here. to->size says how much there is. The condition on @first holds
 * always; the verifier has to see it.
 */
static __always_inline void copy_stack(struct stack_copy *to)
{
	struct pt_regs *regs = current_registers();
	u64 from = regs->sp & ~7ull, first = PAGE - (from & (PAGE - 1));

	to->bx = regs->bx;
	to->bp = regs->bp;
	to->r12 = regs->r12;
	to->r13 = regs->r13;
	to->r14 = regs->r14;
	to->r15 = regs->r15;
	to->size = to->pad = 0;
	/* What lies behind the stack's end may not be there. */
	if (first > PAGE || bpf_probe_read_user(to->bytes, first, (void *)from))
		return;
	to->size = first;
	for (int i = 1; i < STACK_PAGES; i++) {
		if (bpf_probe_read_user(to->bytes + first, PAGE, (void *)(from + first)))
			return;
		first += PAGE;
		to->size = first;
	}
}

/*
 * Four pages and more are reserved in the ring for each call, whether or not all of it is filled: the
 * reader takes what size says.
 */
__noinline int emit_deep_call(const struct call *c, u32 space, long result)
{
	struct refused_file refused = { 0 };
	struct deep_call_record *r;

	if (!c)
		return 0;
	if (refused_file(c, result))
		emit_refused_file(c, space, &refused);
	r = reserve(sizeof(*r), space);
	if (!r)
		return 0;
	call_fill(&r->call, c, space, result);
	if (has_data(c->nr))
		read_data(c, &r->call);
	if (refused.file)
		note_refused(&r->call, &refused);
	copy_stack(&r->stack);
	submit(r);
	return 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_ends, struct pt_regs *regs, long result)
{
	u64 nr = word_at((u64)regs + bpf_core_field_offset(struct pt_regs, orig_ax)), mm;
	struct call c = { 0 };
	struct call_record *r;
	struct space *s;

	/* Every call of every process comes here. */
	if (nr >= NR_CALLS || !wanted[nr & (NR_CALLS - 1)])
		return 0;
	mm = current_mm();
	if (nr == NR_ioctl)
		mm = call_read(&c) ? mm_of_call(&c) : 0;
	s = space_of(mm);
	if (!s || !call_read(&c))
		return 0;
	if (s->acted == (u32)bpf_get_current_pid_tgid())
		s->acted = 0;
	if (is_fork(c.nr) && !result)
		return 0; /* the child's */
	if (has_many_ranges(&c)) {
		emit_ranges(&c, s->id, result);
		return 0;
	}
	if (wants_stacks) {
		emit_deep_call(&c, s->id, result);
		return 0;
	}
	if (has_data(c.nr)) {
		emit_call_with_data(&c, s->id, result);
		return 0;
	}
	if (refused_file(&c, result)) {
		emit_refused(&c, s->id, result);
		return 0;
	}
	r = reserve(CALL_BYTES, s->id);
	if (!r)
		return 0;
	call_fill(r, &c, s->id, result);
	submit(r);
	return 0;
}

#endif
