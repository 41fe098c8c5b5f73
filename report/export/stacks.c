/* SPDX-License-Identifier: MIT */
/*
 * Frames of call stacks.
 *
 * What a stack's addresses mean is decided by the address space of the call that names it.  A stack is written when it is first
 * met in one, with the code that is there then; which ones have been is a bit each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static bool is_new(struct export *x, struct export_space *s, uint32_t stack)
{
	uint64_t word = stack / 64, bit = 1ull << stack % 64, words = s->told_words;
	uint64_t *grown;

	if (word >= words) {
		while (word >= words)
			words = words ? words * 2 : 16;
		grown = realloc(s->told, words * sizeof(*grown));
		if (!grown) {
			x->err = -ENOMEM;
			return false;
		}
		memset(grown + s->told_words, 0, (words - s->told_words) * sizeof(*grown));
		s->told = grown;
		s->told_words = words;
	}
	if (s->told[word] & bit)
		return false;
	s->told[word] |= bit;
	return true;
}

static void row_of_frame(
	struct export *x, const struct export_space *s, const struct trace_stack *stack, uint32_t i)
{
	struct symbol symbol = { .function = NULL };

	symbols_frame(x->symbols, s->mm, s->pid, stack->frames[i], &symbol);
	row_begin(x);
	row_integer(x, s->mm);
	row_integer(x, stack->id);
	row_integer(x, i);
	row_integer(x, stack->frames[i]);
	row_text(x, symbol.function);
	row_integer(x, symbol.offset);
	row_text(x, symbol.module);
	row_text(x, symbol.file);
	symbol.line ? row_integer(x, (uint64_t)symbol.line) : row_null(x);
	row_end(x, EXPORT_STACKS);
}

void rows_of_stack(struct export *x, struct export_space *s, uint32_t number)
{
	const struct trace_stack *stack =
		number && x->run->wanted[EXPORT_STACKS] ? symbols_stack(x->symbols, number) : NULL;

	/* A number that was never told has no frames: a damaged recording. */
	if (!stack || !is_new(x, s, number))
		return;
	for (uint32_t i = 0; i < stack->count; i++)
		row_of_frame(x, s, stack, i);
}
