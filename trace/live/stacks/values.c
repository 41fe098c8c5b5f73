/* SPDX-License-Identifier: MIT */
/*
 * Rules that are DWARF expressions: those of signal frames, of the stubs that call into other libraries, and hostile ones.
 * A stack of a few values; no loops, so that each ends.
 *
 * What the stubs of a PLT have is "rsp + 8 + ((rip & 15) >= 11) * 8", which takes DW_OP_and, ge, shl
 * and plus. Branches (DW_OP_bra, DW_OP_skip) are no operation that is known, and end it as failed.
 */
#include <dwarf.h>

#include "stacks.h"

#define DEPTH 16

/*
 * failed is looked at after each operation; what was pushed by one that has failed does not matter.
 * is_value: the result is the register's value itself (DW_OP_stack_value), not where it is.
 */
struct values {
	struct unwind *u;
	uint64_t cfa;
	uint64_t v[DEPTH];
	unsigned int n;
	bool failed;
	bool is_value; /* not the address of one */
};

/* Full: failed. */
static void push(struct values *s, uint64_t v)
{
	if (s->n == DEPTH)
		s->failed = true;
	else
		s->v[s->n++] = v;
}

/* Empty: failed, and 0. */
static uint64_t pop(struct values *s)
{
	if (!s->n) {
		s->failed = true;
		return 0;
	}
	return s->v[--s->n];
}

/* Of the frame that is being left. Failed where nobody knows it. */
static uint64_t register_value(struct values *s, uint64_t reg)
{
	if (reg < DWARF_REGISTERS && s->u->known >> reg & 1)
		return s->u->reg[reg];
	s->failed = true;
	return 0;
}

/* Operations on the two topmost values. */
static void two(struct values *s, uint8_t atom)
{
	uint64_t b = pop(s), a = pop(s);

	switch (atom) {
	case DW_OP_plus:
		return push(s, a + b);
	case DW_OP_minus:
		return push(s, a - b);
	case DW_OP_and:
		return push(s, a & b);
	case DW_OP_or:
		return push(s, a | b);
	case DW_OP_mul:
		return push(s, a * b);
	case DW_OP_shl:
		return push(s, b < 64 ? a << b : 0);
	case DW_OP_shr:
		return push(s, b < 64 ? a >> b : 0);
	case DW_OP_eq:
		return push(s, a == b);
	case DW_OP_ne:
		return push(s, a != b);
	case DW_OP_ge:
		return push(s, (int64_t)a >= (int64_t)b);
	case DW_OP_gt:
		return push(s, (int64_t)a > (int64_t)b);
	case DW_OP_le:
		return push(s, (int64_t)a <= (int64_t)b);
	case DW_OP_lt:
		return push(s, (int64_t)a < (int64_t)b);
	default:
		s->failed = true;
	}
}

/* Eight bytes; other sizes (DW_OP_deref_size) are not known. */
static void deref(struct values *s)
{
	uint64_t v = 0;

	if (!unwind_read(s->u, pop(s), &v))
		s->failed = true;
	push(s, v);
}

/* Operands come as libdw has read them: number and number2, signed ones extended. */
static void operation(struct values *s, const Dwarf_Op *op)
{
	uint8_t atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return push(s, (uint64_t)(atom - DW_OP_lit0));
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push(s, register_value(s, (uint64_t)(atom - DW_OP_breg0)) + op->number);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
		s->is_value = true;
		return push(s, register_value(s, (uint64_t)(atom - DW_OP_reg0)));
	}
	switch (atom) {
	case DW_OP_bregx:
		return push(s, register_value(s, op->number) + op->number2);
	case DW_OP_regx:
		s->is_value = true;
		return push(s, register_value(s, op->number));
	case DW_OP_call_frame_cfa:
		return push(s, s->cfa);
	case DW_OP_plus_uconst:
		return push(s, pop(s) + op->number);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(s, op->number);
	case DW_OP_deref:
		return deref(s);
	case DW_OP_stack_value:
		s->is_value = true;
		return;
	default:
		return two(s, atom);
	}
}

/* The result is on top. False: it is none. */
static bool evaluate(struct values *s, const Dwarf_Op *ops, size_t n)
{
	for (size_t i = 0; i < n && !s->failed; i++)
		operation(s, &ops[i]);
	return !s->failed && s->n;
}

/* With s.cfa 0: an expression for the frame's beginning cannot ask for it. */
bool value_of_cfa(struct unwind *u, Dwarf_Frame *frame, uint64_t *cfa)
{
	struct values s = { .u = u };
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !evaluate(&s, ops, n))
		return false;
	*cfa = pop(&s);
	return true;
}

/* False: libdw or an expression failed. *value counts with KEPT_AT. */
bool value_of_register(
	struct unwind *u, Dwarf_Frame *frame, int reg, uint64_t cfa, enum kept_how *how, uint64_t *value)
{
	struct values s = { .u = u, .cfa = cfa };
	Dwarf_Op memory[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, reg, memory, &ops, &n))
		return false;
	*how = n ? KEPT_AT : ops ? KEPT_UNDEFINED : KEPT_SAME;
	if (!n)
		return true;
	if (!evaluate(&s, ops, n))
		return false;
	*value = pop(&s);
	return s.is_value || unwind_read(u, *value, value);
}
