/* SPDX-License-Identifier: MIT */
/*
 * The stack of a call gets its number; equal ones are told once.
 *
 * Numbers are given from 1 in the order in which stacks are told, over all address spaces: equal
 * addresses are one stack, whatever they mean in each of them. Memory grows with the number of distinct
 * stacks, and is given back at the end.
 *
 *     call 1 from main+5 < _start+33      STACK 1 is told, then CALL with stack 1
 *     call 2 from main+9 < _start+33      STACK 2
 *     call 3 from main+5 < _start+33      CALL with stack 1, nothing is told of the stack
 */
#include <stdlib.h>
#include <string.h>

#include "stacks.h"
#include "system_calls.h"

const char *stacks_missing(void)
{
	return NULL;
}

/* False: no memory. */
bool stacks_open(struct live *l)
{
	elf_version(EV_CURRENT);
	l->stacks = calloc(1, sizeof(*l->stacks));
	return l->stacks != NULL;
}

void stacks_close(struct live *l)
{
	struct stacks *s = l->stacks;

	if (!s)
		return;
	for (size_t i = 0; i < s->told_size; i++)
		free(s->told[i].frames);
	free(s->told);
	code_files_free(s);
	free(s);
	l->stacks = NULL;
}

/* --- distinct stacks ---------------------------------------------------------------------------------------- */

/*
 * Fibonacci hashing of one address after the other; the shift brings the upper half down to where slots
 * are taken from.
 */
static uint64_t hash_of(const struct trace_stack *k)
{
	uint64_t h = k->end;

	for (uint32_t i = 0; i < k->count; i++) {
		h = (h ^ k->frames[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h;
}

/* The hash first: it differs for nearly all. */
static bool is_same(const struct told_stack *told, const struct trace_stack *k, uint64_t hash)
{
	return told->hash == hash && told->count == k->count && told->end == k->end &&
	       memcmp(told->frames, k->frames, k->count * sizeof(*k->frames)) == 0;
}

/* Where it is, or may be put. */
static struct told_stack *find_told(struct stacks *s, const struct trace_stack *k, uint64_t hash)
{
	size_t i = (size_t)hash & (s->told_size - 1);

	while (s->told[i].id && !is_same(&s->told[i], k, hash))
		i = (i + 1) & (s->told_size - 1);
	return &s->told[i];
}

/* Half full at most. False: no memory, and the table is as it was. */
static bool told_room(struct stacks *s)
{
	size_t size = s->told_size ? 2 * s->told_size : 1024;
	struct told_stack *grown;

	if ((size_t)s->nr_told * 2 < s->told_size)
		return true;
	grown = calloc(size, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < s->told_size; i++) {
		size_t at = (size_t)s->told[i].hash & (size - 1);

		if (!s->told[i].id)
			continue;
		while (grown[at].id)
			at = (at + 1) & (size - 1);
		grown[at] = s->told[i];
	}
	free(s->told);
	s->told = grown;
	s->told_size = size;
	return true;
}

/* Its number; 0: no memory. The STACK event is given out before the call that refers to it. */
static uint32_t number_of(struct live *l, struct task *t, struct trace_stack *k)
{
	struct stacks *s = l->stacks;
	struct trace_event e = { .type = TRACE_EVENT_STACK };
	uint64_t hash = hash_of(k);
	struct told_stack *told;

	if (!told_room(s))
		return 0;
	told = find_told(s, k, hash);
	if (told->id)
		return told->id;
	told->frames = malloc(k->count * sizeof(*k->frames));
	if (!told->frames)
		return 0;
	memcpy(told->frames, k->frames, k->count * sizeof(*k->frames));
	told->hash = hash;
	told->end = k->end;
	told->count = k->count;
	told->id = k->id = ++s->nr_told;
	e.stack = *k;
	emit(l, t, &e);
	return told->id;
}

/* --- a call ------------------------------------------------------------------------------------------------- */

/*
 * All registers are known in the first frame. u->copy is not cleared, 64 KiB of it: copied says what is
 * in it.
 */
static void begin_walk(struct unwind *u, struct live *l, struct task *t, const struct registers *regs)
{
	u->live = l;
	u->task = t;
	registers_for_dwarf(regs, u->reg);
	u->known = (1u << DWARF_REGISTERS) - 1;
	u->copied_from = registers_sp(regs) & ~7ull;
	u->copied = 0;
	u->only_copy = false;
}

/* At least one frame: the instruction behind the call itself. */
static uint32_t walk(struct live *l, struct task *t, struct unwind *u)
{
	uint64_t frames[TRACE_STACK_FRAMES];
	struct trace_stack k = { .frames = frames };
	enum trace_stack_end end;
	bool more;

	do
		frames[k.count++] = u->reg[DWARF_RIP];
	while ((more = unwind_step(u, &end)) && k.count < TRACE_STACK_FRAMES);
	k.end = more ? TRACE_STACK_DEEP : end;
	return number_of(l, t, &k);
}

/* Calls that stop as well, and are told as something else. */
static bool may_change_map(uint32_t nr)
{
	return nr != NR_setrlimit && nr != NR_prlimit64 && nr != NR_personality && nr != NR_capset &&
	       nr != NR_setuid && nr != NR_setreuid && nr != NR_setresuid && nr != NR_unshare &&
	       nr != NR_setns;
}

/* At the stop behind the call or before it, the user's registers are the same but for the result. */
uint32_t stacks_of_call(struct live *l, struct task *t)
{
	struct registers regs;
	struct unwind u;

	/* Frames of 32-bit code are not walked. */
	if (!l->stacks || !may_change_map(t->call.nr) || t->call.abi != machine_tables->abi ||
		!registers_take(&regs, t->tid))
		return 0;
	begin_walk(&u, l, t, &regs);
	return walk(l, t, &u);
}

/* @stack: memory from the stack pointer on, rounded down to 8 bytes, @size of it. */
uint32_t stacks_of_copy(
	struct live *l, struct task *t, const struct registers *regs, const void *stack, size_t size)
{
	struct unwind u;

	if (!l->stacks || size > sizeof(u.copy))
		return 0;
	begin_walk(&u, l, t, regs);
	u.only_copy = true;
	u.copied = size;
	memcpy(u.copy, stack, size);
	return walk(l, t, &u);
}
