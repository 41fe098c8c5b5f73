/* SPDX-License-Identifier: MIT */
/*
 * What tasks are called.  Read before a task's first calls, for a thread is named when it begins, at its end, and between them
 * once a second at most.
 */
#include "internal.h"

#define FIRST_CALLS   32
#define LOOK_AGAIN_NS 1000000000u

/* t->name is what was told last, and is changed by read_task_name() where it answers true. */
static void look(struct live *l, struct task *t)
{
	struct trace_event e = { .type = TRACE_EVENT_NAME };

	t->looked++;
	t->named_ns = l->ticked_ns;
	if (!read_task_name(t->tid, t->name))
		return;
	e.name.name = t->name;
	emit(l, t, &e);
}

/*
 * ticked_ns is the time of the last tick: asking the clock at each call would cost as much as the look.
 */
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
