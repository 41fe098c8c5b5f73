/* SPDX-License-Identifier: MIT */
/*
 * A recording's modules, by address space, and its stacks, by number.
 *
 * Modules. Each address space has its list, ascending and without overlaps, shared with its child until
 * one of the two is told of another module (code_list.users). A space ends with the EXIT of its last
 * task; an exec's new one begins without any.
 *
 * Stacks are numbered by the recording from 1 on, and kept to the end: calls refer to them from
 * anywhere behind.
 *
 * A fork and what follows:
 *
 *     MODULE mm 1 libc.so      space 1 -> list A (1 user): libc
 *     FORK   mm 1 -> mm 2      space 1, 2 -> list A (2 users)
 *     MODULE mm 2 plugin.so    space 2 -> list B (1 user): libc, plugin;  space 1 -> list A (1 user)
 */
#include "symbols_internal.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* A node's first member is its number, which find_space() gives as a key without the rest. */
static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* NULL: nothing was told of it. */
static struct space_code *find_space(const struct symbols *s, uint32_t mm)
{
	struct space_code *const *found = tfind(&mm, &s->spaces, by_number);

	return found ? *found : NULL;
}

/* NULL: no memory. */
static struct space_code *add_space(struct symbols *s, uint32_t mm)
{
	struct space_code *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mm = mm;
	if (!tsearch(c, &s->spaces, by_number)) {
		free(c);
		return NULL;
	}
	return c;
}

/* @code may be NULL. */
static void leave(struct code_list *code)
{
	if (code && --code->users == 0)
		free(code);
}

static void free_space(void *node)
{
	struct space_code *c = node;

	leave(c->code);
	free(c);
}

/* Its number is not used again. */
static void end_space(struct symbols *s, uint32_t mm)
{
	struct space_code *c = find_space(s, mm);

	if (!c)
		return;
	tdelete(&mm, &s->spaces, by_number);
	free_space(c);
}

/*
 * Its own, with room for one more. NULL: no memory. Copied where others have it or there is no room:
 * what they share is never written to.
 */
static struct code_list *own_code(struct space_code *c)
{
	struct code_list *code = c->code, *own;
	size_t nr = code ? code->nr : 0, room = 2 * nr + 16;

	if (code && code->users == 1 && nr < code->allocated)
		return code;
	own = malloc(sizeof(*own) + room * sizeof(own->at[0]));
	if (!own)
		return NULL;
	own->users = 1;
	own->nr = nr;
	own->allocated = room;
	if (nr)
		memcpy(own->at, code->at, nr * sizeof(own->at[0]));
	leave(code);
	c->code = own;
	return own;
}

/* The first that ends above @addr. */
static size_t first_above(const struct code_list *c, uint64_t addr)
{
	size_t lo = 0, hi = c->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c->at[mid].end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/*
 * What it overlaps is replaced whole, also what reaches beyond it: that was cut, and is told anew when
 * it is met. -1: no memory.
 */
static int add_module(struct symbols *s, uint32_t mm, const struct trace_module *m)
{
	struct space_code *space = find_space(s, mm);
	struct code_list *c;
	size_t from, to;

	if (!space && !(space = add_space(s, mm)))
		return -1;
	c = own_code(space);
	if (!c)
		return -1;
	from = to = first_above(c, m->start);
	while (to < c->nr && c->at[to].start < m->end)
		to++;
	memmove(&c->at[from + 1], &c->at[to], (c->nr - to) * sizeof(c->at[0]));
	c->nr = c->nr - (to - from) + 1;
	c->at[from] =
		(struct code_at){ m->start, m->end, m->offset, m->bias, m->has_bias, symbols_module(s, m) };
	return c->at[from].module ? 0 : -1;
}

/* A fork. O(1): the list is shared. */
static int copy_space(struct symbols *s, uint32_t from, uint32_t to)
{
	struct space_code *parent = find_space(s, from), *child;

	if (!parent || !parent->code)
		return 0;
	child = add_space(s, to);
	if (!child)
		return -1;
	child->code = parent->code;
	child->code->users++;
	return 0;
}

/*
 * Numbers without gaps are all that is taken: a recording that was cut or damaged has others, which are
 * left out. frames are copied, since an event's are valid until the next one.
 */
static int add_stack(struct symbols *s, const struct trace_stack *k)
{
	struct trace_stack *grown;
	uint64_t *frames;

	if (k->id != s->nr_stacks + 1)
		return 0;
	if (s->nr_stacks == s->stacks_allocated) {
		uint32_t want = s->nr_stacks ? 2 * s->nr_stacks : 256;

		grown = realloc(s->stacks, want * sizeof(*grown));
		if (!grown)
			return -1;
		s->stacks = grown;
		s->stacks_allocated = want;
	}
	frames = malloc(k->count * sizeof(*frames));
	if (!frames)
		return -1;
	memcpy(frames, k->frames, k->count * sizeof(*frames));
	s->stacks[s->nr_stacks] = *k;
	s->stacks[s->nr_stacks++].frames = frames;
	return 0;
}

/* NAME events of any kind are tasks.c's. All others tell nothing of code. */
static int follow(struct symbols *s, const struct trace_event *e)
{
	switch (e->type) {
	case TRACE_EVENT_MODULE:
		return add_module(s, e->mm, &e->module);
	case TRACE_EVENT_STACK:
		return add_stack(s, &e->stack);
	case TRACE_EVENT_NAME:
		return task_name_add(s, e);
	case TRACE_EVENT_FORK:
		return copy_space(s, e->mm, e->fork.child_mm);
	case TRACE_EVENT_EXIT:
		if (e->exit.last)
			end_space(s, e->mm);
		return 0;
	default:
		return 0;
	}
}

/* Each event of a recording in its order; 0 or -ENOMEM, after which names may be missing. */
int symbols_event(struct symbols *s, const struct trace_event *e)
{
	return follow(s, e) ? -ENOMEM : 0;
}

/*
 * NULL: 0 (no stack), or one that was not told. Valid as long as @s, but for the struct itself: it may
 * move with the next event.
 */
const struct trace_stack *symbols_stack(const struct symbols *s, uint32_t id)
{
	return id && id <= s->nr_stacks ? &s->stacks[id - 1] : NULL;
}

/*
 * @frame is a return address, or an interrupted instruction's plus one: less one it is in the function
 * that called.
 */
bool symbols_frame(struct symbols *s, uint32_t mm, uint32_t pid, uint64_t frame, struct symbol *symbol)
{
	const struct space_code *space = find_space(s, mm);
	const struct code_list *c = space ? space->code : NULL;
	uint64_t addr = frame - 1;
	size_t i = c ? first_above(c, addr) : 0;
	bool there = c && i < c->nr && c->at[i].start <= addr, known;

	known = symbols_look_up(s, there ? &c->at[i] : NULL, pid, addr, symbol);
	/* As it is seen in a debugger: the address behind the call. */
	symbol->offset++;
	return known;
}

void symbols_follow_free(struct symbols *s)
{
	tdestroy(s->spaces, free_space);
	for (uint32_t i = 0; i < s->nr_stacks; i++)
		free((void *)s->stacks[i].frames);
	free(s->stacks);
}
