/* SPDX-License-Identifier: MIT */
/*
 * From one frame to its caller.
 *
 *      higher   | caller's frame  |
 *               |-----------------| <- the frame begins here (CFA); the caller's stack pointer
 *               | return address  |
 *               | kept registers  |    rules say where, from the beginning
 *      lower    | locals          | <- stack pointer
 *
 * The stack's memory is copied once, 16 KiB at a time as the walk goes up; what lies elsewhere (another stack, after a signal)
 * is read word by word.
 *
 * A walk ends, because each frame has to lie above the one before, or by TRACE_STACK_FRAMES where a
 * signal's frame allows one below.
 */
#include <string.h>

#include "stacks.h"

#define COPY_STEP 16384u

/*
 * Copy more, up to the end of the buffer. read_memory() is all or nothing: where it fails the part up
 * to the last border of a page is tried, until nothing is left. False: not even the next eight bytes
 * are there.
 */
static bool copy_more(struct unwind *u)
{
	size_t room = sizeof(u->copy) - u->copied, want = room < COPY_STEP ? room : COPY_STEP;
	uint64_t from = u->copied_from + u->copied;

	/* What lies behind the stack's end may not be there. */
	while (want >= 8 && !read_memory(u->task->tid, from, u->copy + u->copied, want)) {
		uint64_t page_end = (from + want - 1) & ~4095ull;

		if (page_end <= from)
			return false;
		want = page_end - from;
	}
	if (want < 8)
		return false;
	u->copied += want;
	return true;
}

/*
 * Eight bytes. False: nobody has them. An address below the copy, or beyond what it has room for, is
 * read of the task, unless the copy is all there is.
 */
bool unwind_read(struct unwind *u, uint64_t addr, uint64_t *value)
{
	uint64_t at = addr - u->copied_from;

	if (u->only_copy && (addr < u->copied_from || at + 8 > u->copied))
		return false;
	if (addr < u->copied_from || at > sizeof(u->copy) - 8)
		return read_memory(u->task->tid, addr, value, sizeof(*value));
	while (at + 8 > u->copied)
		if (!copy_more(u))
			return read_memory(u->task->tid, addr, value, sizeof(*value));
	memcpy(value, u->copy + at, sizeof(*value));
	return true;
}

/* known[i] is set with a value alone: "same" takes over whether it was known in the frame below. */
static void set_register(
	struct unwind *u, uint64_t reg[], uint32_t *known, int i, enum kept_how how, uint64_t v)
{
	if (how == KEPT_SAME) {
		reg[i] = u->reg[i];
		*known = (*known & ~(1u << i)) | (u->known & 1u << i);
	} else {
		reg[i] = v;
		*known = (*known & ~(1u << i)) | (uint32_t)(how == KEPT_AT) << i;
	}
}

/* Where rules are plain. */
static bool step_plain(
	struct unwind *u, const struct unwind_rule *r, uint64_t *cfa, uint64_t reg[], uint32_t *known)
{
	if (!(u->known >> r->cfa_register & 1))
		return false;
	*cfa = u->reg[r->cfa_register] + (uint64_t)(int64_t)r->cfa_offset;
	for (int i = 0; i < KEPT_REGISTERS; i++) {
		uint64_t v = 0;

		if (r->how[i] == KEPT_AT && !unwind_read(u, *cfa + (uint64_t)(int64_t)r->at[i], &v))
			return false;
		set_register(u, reg, known, kept_registers[i], r->how[i], v);
	}
	return true;
}

/* All registers, since a signal's frame has all of them in memory, where compilers' rules are about seven. */
static bool step_by_expressions(
	struct unwind *u, Dwarf_Frame *frame, uint64_t *cfa, uint64_t reg[], uint32_t *known)
{
	if (!value_of_cfa(u, frame, cfa))
		return false;
	for (int i = 0; i < DWARF_REGISTERS; i++) {
		enum kept_how how = KEPT_UNDEFINED;
		uint64_t v = 0;

		if (!value_of_register(u, frame, i, *cfa, &how, &v))
			how = KEPT_UNDEFINED;
		/* The return address is always kept somewhere; where it is not, this is the outermost frame. */
		if (i == DWARF_RIP && how == KEPT_SAME)
			how = KEPT_UNDEFINED;
		set_register(u, reg, known, i, how, v);
	}
	return true;
}

/*
 * Code that nothing is known of, if it keeps the frame pointer. [rbp] is the caller's rbp, [rbp + 8]
 * the return address, where the function has set it up. In a function's first instructions, or without
 * -fno-omit-frame-pointer, this passes over one frame or ends; nothing can tell.
 */
static bool step_by_frame_pointer(struct unwind *u, enum trace_stack_end *end)
{
	uint64_t rbp = u->reg[DWARF_RBP], caller, ip;

	*end = TRACE_STACK_LOST;
	if (!(u->known >> DWARF_RBP & 1))
		return false;
	/* The kernel and the threads' beginnings clear it. */
	if (!rbp) {
		*end = TRACE_STACK_WHOLE;
		return false;
	}
	if (rbp % 8 || rbp < u->reg[DWARF_RSP] || !unwind_read(u, rbp, &caller) ||
		!unwind_read(u, rbp + 8, &ip))
		return false;
	u->known = 1u << DWARF_RBP | 1u << DWARF_RSP | 1u << DWARF_RIP;
	u->reg[DWARF_RBP] = caller;
	u->reg[DWARF_RSP] = rbp + 16;
	u->reg[DWARF_RIP] = ip;
	return true;
}

/*
 * *end is WHOLE where the rule says that there is no return address: the outermost frame, as _start()
 * marks it. u is changed with success alone.
 */
static bool step_by_rule(struct unwind *u, const struct unwind_rule *r, enum trace_stack_end *end)
{
	uint64_t reg[DWARF_REGISTERS] = { 0 }, cfa;
	uint32_t known = 0;
	bool left = r->frame ? step_by_expressions(u, r->frame, &cfa, reg, &known)
			     : step_plain(u, r, &cfa, reg, &known);

	*end = TRACE_STACK_LOST;
	if (!left)
		return false;
	if (!(known >> DWARF_RIP & 1)) {
		*end = TRACE_STACK_WHOLE;
		return false;
	}
	/* Every frame but a signal's is above the one that it called. */
	if (!r->signal) {
		if (cfa <= u->reg[DWARF_RSP])
			return false;
		reg[DWARF_RSP] = cfa;
		known |= 1u << DWARF_RSP;
	}
	memcpy(u->reg, reg, sizeof(reg));
	u->known = known;
	/* An interrupted instruction has not been left behind yet: all other addresses are one too far. */
	u->reg[DWARF_RIP] += r->signal;
	return true;
}

/*
 * The address that is looked up is one less: a return address is behind the call, and may be in the
 * next function where that is the last instruction. The sum of 1 in step_by_rule() makes up for it
 * where nothing was called.
 */
bool unwind_step(struct unwind *u, enum trace_stack_end *end)
{
	uint64_t ip = u->reg[DWARF_RIP] - 1;
	const struct code_module *m = code_module_at(u->live, u->task, ip);
	const struct unwind_rule *r;

	*end = TRACE_STACK_LOST;
	if (!m)
		return false;
	r = m->file && m->has_bias ? code_file_rule(m->file, ip - m->bias) : NULL;
	if (r && r->known ? !step_by_rule(u, r, end) : !step_by_frame_pointer(u, end))
		return false;
	if (u->reg[DWARF_RIP])
		return true;
	*end = TRACE_STACK_WHOLE;
	return false;
}
