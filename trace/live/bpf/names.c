/* SPDX-License-Identifier: MIT */
/*
 * What tasks are called: read from /proc before a task's calls are told, once a second at most.  One that has ended by then, or
 * was called otherwise in between, has no name, or not that one.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "internal.h"
#include "source.h"

#define LOOK_AGAIN_NS 1000000000u

/* looked_ns 0: never. name is what was told last. */
struct named_task {
	uint32_t tid;
	uint64_t looked_ns;
	char name[TASK_NAME_MAX];
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct named_task *)a)->tid, y = ((const struct named_task *)b)->tid;

	return x < y ? -1 : x > y;
}

/* NULL: no memory. */
static struct named_task *task_of(struct live_bpf *s, uint32_t tid)
{
	const struct named_task key = { .tid = tid };
	struct named_task **found = tfind(&key, &s->named_tasks, by_number), *t;

	if (found)
		return *found;
	t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	*t = key;
	if (tsearch(t, &s->named_tasks, by_number))
		return t;
	free(t);
	return NULL;
}

/*
 * read_task_name() says whether there is another name than before. @it's time counts, not the time of
 * now: what waits is told in bursts.
 */
void emit_name(struct live_bpf *s, const struct followed *f, const struct item *it)
{
	struct named_task *t = task_of(s, it->tid);
	struct trace_event e = { .type = TRACE_EVENT_NAME };

	if (!t) {
		s->err = s->err ? s->err : -ENOMEM;
		return;
	}
	if (t->looked_ns && it->time_ns - t->looked_ns < LOOK_AGAIN_NS)
		return;
	t->looked_ns = it->time_ns;
	if (!read_task_name((pid_t)it->tid, t->name))
		return;
	e.name.name = t->name;
	emit_event(s, &e, it->pid, it->tid, f->mm, it->time_ns);
}

void name_forget(struct live_bpf *s, uint32_t tid)
{
	const struct named_task key = { .tid = tid };
	struct named_task **found = tfind(&key, &s->named_tasks, by_number), *t = found ? *found : NULL;

	if (!t)
		return;
	tdelete(&key, &s->named_tasks, by_number);
	free(t);
}

void names_free(struct live_bpf *s)
{
	tdestroy(s->named_tasks, free);
}
