/* SPDX-License-Identifier: MIT */
/* A recording's modules, by address space, and its stacks, by number. */
#include "symbols_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct space_code *find_space(const struct symbols *s, uint32_t mm)
{
	struct space_code *c = s->spaces;

	while (c && c->mm != mm)
		c = c->next;
	return c;
}

static struct space_code *add_space(struct symbols *s, uint32_t mm)
{
	struct space_code *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mm = mm;
	c->next = s->spaces;
	s->spaces = c;
	return c;
}

static void end_space(struct symbols *s, uint32_t mm)
{
	struct space_code **at = &s->spaces, *c;

	while (*at && (*at)->mm != mm)
		at = &(*at)->next;
	c = *at;
	if (!c)
		return;
	*at = c->next;
	free(c->at);
	free(c);
}

/* The first that ends above @addr. */
static size_t first_above(const struct space_code *c, uint64_t addr)
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

static int add_module(struct symbols *s, uint32_t mm, const struct trace_module *m)
{
	struct space_code *c = find_space(s, mm);
	size_t from, to, want;
	struct code_at *grown;

	if (!c && !(c = add_space(s, mm)))
		return -1;
	if (c->nr == c->allocated) {
		want = c->nr ? 2 * c->nr : 16;
		grown = realloc(c->at, want * sizeof(*grown));
		if (!grown)
			return -1;
		c->at = grown;
		c->allocated = want;
	}
	from = to = first_above(c, m->start);
	while (to < c->nr && c->at[to].start < m->end)
		to++;
	memmove(&c->at[from + 1], &c->at[to], (c->nr - to) * sizeof(c->at[0]));
	c->nr = c->nr - (to - from) + 1;
	c->at[from] =
		(struct code_at){ m->start, m->end, m->offset, m->bias, m->has_bias, symbols_module(s, m) };
	return c->at[from].module ? 0 : -1;
}

static int copy_space(struct symbols *s, uint32_t from, uint32_t to)
{
	struct space_code *parent = find_space(s, from), *child;

	if (!parent || !parent->nr)
		return 0;
	child = add_space(s, to);
	if (!child)
		return -1;
	child->at = malloc(parent->nr * sizeof(*child->at));
	if (!child->at)
		return -1;
	memcpy(child->at, parent->at, parent->nr * sizeof(*child->at));
	child->nr = child->allocated = parent->nr;
	return 0;
}

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

int symbols_event(struct symbols *s, const struct trace_event *e)
{
	return follow(s, e) ? -ENOMEM : 0;
}

const struct trace_stack *symbols_stack(const struct symbols *s, uint32_t id)
{
	return id && id <= s->nr_stacks ? &s->stacks[id - 1] : NULL;
}

bool symbols_frame(struct symbols *s, uint32_t mm, uint32_t pid, uint64_t frame, struct symbol *symbol)
{
	const struct space_code *c = find_space(s, mm);
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
	while (s->spaces)
		end_space(s, s->spaces->mm);
	for (uint32_t i = 0; i < s->nr_stacks; i++)
		free((void *)s->stacks[i].frames);
	free(s->stacks);
}
