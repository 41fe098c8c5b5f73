/* SPDX-License-Identifier: MIT */
/* All processes with the number of their areas: which source is asked. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* Those given before may have moved. */
struct live_task *tasks_add(struct live_tasks *t)
{
	struct live_task *task;

	if (t->nr == t->allocated) {
		uint32_t more = t->allocated ? t->allocated * 2 : 256;
		struct live_task *grown = realloc(t->list, more * sizeof(*grown));

		if (!grown)
			return NULL;
		t->list = grown;
		t->allocated = more;
	}
	task = &t->list[t->nr++];
	*task = (struct live_task){ .pid = 0 };
	return task;
}

/* -ENOMEM alone: without BPF there is /proc. */
int live_tasks_open(struct live_tasks **tasks)
{
	struct live_tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->bpf = tasks_bpf_open(t->reason, sizeof(t->reason));
	*tasks = t;
	return 0;
}

const char *live_tasks_reason(const struct live_tasks *t)
{
	return t->reason;
}

/* How many, or -errno; *list is good until the next reading. */
int live_tasks_read(struct live_tasks *t, const struct live_task **list)
{
	int err;

	t->nr = 0;
	err = t->bpf ? tasks_bpf_read(t) : tasks_proc_read(t);
	*list = t->list;
	return err ? err : (int)t->nr;
}

void live_tasks_close(struct live_tasks *t)
{
	if (t->bpf)
		tasks_bpf_close(t->bpf);
	free(t->list);
	free(t);
}
