/* SPDX-License-Identifier: MIT */
/* What the tasks of a recording are called: each name since a step, the names of a task a chain from the last one back. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "symbols_internal.h"

struct task_name {
	struct task_name *before;
	uint64_t step;
	char name[];
};

struct named_task {
	uint32_t tid;
	struct task_name *last;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct named_task *)a)->tid, y = ((const struct named_task *)b)->tid;

	return x < y ? -1 : x > y;
}

/* NULL: no memory. */
static struct named_task *task_of(struct symbols *s, uint32_t tid)
{
	struct named_task **found, *t = malloc(sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct named_task){ .tid = tid };
	found = tsearch(t, &s->named_tasks, by_number);
	if (!found || *found != t)
		free(t);
	return found ? *found : NULL;
}

int task_name_add(struct symbols *s, const struct trace_event *e)
{
	size_t size = strlen(e->name.name) + 1;
	struct named_task *t = task_of(s, e->tid);
	struct task_name *n = t ? malloc(sizeof(*n) + size) : NULL;

	if (!n)
		return -1;
	n->before = t->last;
	n->step = e->step;
	memcpy(n->name, e->name.name, size);
	t->last = n;
	return 0;
}

const char *symbols_task(const struct symbols *s, uint32_t tid, uint64_t step)
{
	const struct named_task key = { .tid = tid };
	struct named_task *const *found = tfind(&key, &s->named_tasks, by_number);
	const struct task_name *n = found ? (*found)->last : NULL;

	while (n && n->step > step)
		n = n->before;
	return n ? n->name : NULL;
}

static void task_free(void *node)
{
	struct named_task *t = node;

	while (t->last) {
		struct task_name *n = t->last;

		t->last = n->before;
		free(n);
	}
	free(t);
}

void task_names_free(struct symbols *s)
{
	tdestroy(s->named_tasks, task_free);
}
