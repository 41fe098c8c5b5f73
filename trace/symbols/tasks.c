/* SPDX-License-Identifier: MIT */
/*
 * What the tasks of a recording are called: each name since a step, the names of a task a chain from
 * the last one back.
 *
 * Steps only ascend in a recording, so that the last name is the first in its chain, and a search from
 * the end of the recording finds it at once. A number that is given to another task goes on in the same
 * chain.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "symbols_internal.h"

/* step: from which on it is called so. before: NULL for the first. */
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

/*
 * NULL: no memory. Made where there was none: a node is allocated first, because tsearch(3) answers
 * with the one that there is.
 */
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

/* e->name.name is copied; e->step is from when on it holds. */
int task_name_add(struct symbols *s, const struct trace_event *e)
{
	size_t size = strlen(e->name.name) + 1;
	struct named_task *t = task_of(s, e->tid);
	struct task_name *n = t ? malloc(sizeof(*n) + size) : NULL;

	if (!n)
		return -1;
	/* Names that are told again are kept again: a change back and forth has both. */
	n->before = t->last;
	n->step = e->step;
	memcpy(n->name, e->name.name, size);
	t->last = n;
	return 0;
}

/* The last name from before @step or of it; NULL: none is known. O(log tasks) and the names behind @step. */
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
