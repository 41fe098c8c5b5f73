/* SPDX-License-Identifier: MIT */
/*
 * What tasks are called.  Read before a task's first calls, for a thread is named when it begins, at its end, and between them
 * once a second at most.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define FIRST_CALLS   32
#define LOOK_AGAIN_NS 1000000000u

static void look(struct live *l, struct task *t)
{
	struct trace_event e = { .type = TRACE_EVENT_NAME };
	char path[64], name[TASK_NAME_MAX];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->tid);
	read_file(path, name, sizeof(name));
	n = strlen(name);
	t->looked++;
	t->named_ns = l->ticked_ns;
	/* The kernel ends it with a newline; one within is the program's own. */
	if (n <= 1)
		return;
	name[n - 1] = '\0';
	if (strcmp(t->name, name) == 0)
		return;
	memcpy(t->name, name, sizeof(name));
	e.name.name = t->name;
	emit(l, t, &e);
}

void name_before_call(struct live *l, struct task *t)
{
	if (t->looked < FIRST_CALLS || l->ticked_ns - t->named_ns >= LOOK_AGAIN_NS)
		look(l, t);
}

void name_before_end(struct live *l, struct task *t)
{
	/* Of a task without a call nobody asks. */
	if (t->looked)
		look(l, t);
}
