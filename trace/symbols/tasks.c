/* SPDX-License-Identifier: MIT */
/* What the tasks of a recording are called: each name since a step, the names of a task a chain from the last one back. */
#include <stdlib.h>
#include <string.h>

#include "symbols_internal.h"

#define BUCKETS_FIRST 64

struct task_name {
	struct task_name *before; /* of the same task */
	struct task_name *next;   /* of other tasks in the bucket; of the last name only */
	uint32_t tid;
	uint64_t step;
	char name[];
};

/* Where the task's last name is, or would be put. */
static struct task_name **place_of(struct task_name **buckets, uint32_t nr, uint32_t tid)
{
	struct task_name **at = &buckets[tid * 2654435761u & (nr - 1)];

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	return at;
}

static bool grow(struct symbols *s)
{
	uint32_t nr = s->nr_buckets ? 2 * s->nr_buckets : BUCKETS_FIRST;
	struct task_name **buckets = calloc(nr, sizeof(struct task_name *)), *n, *next;

	if (!buckets)
		return false;
	for (uint32_t i = 0; i < s->nr_buckets; i++)
		for (n = s->task_names[i]; n; n = next) {
			next = n->next;
			n->next = NULL;
			*place_of(buckets, nr, n->tid) = n;
		}
	free(s->task_names);
	s->task_names = buckets;
	s->nr_buckets = nr;
	return true;
}

int task_name_add(struct symbols *s, const struct trace_event *e)
{
	size_t size = strlen(e->name.name) + 1;
	struct task_name *n, **at;

	if (s->nr_named == s->nr_buckets && !grow(s))
		return -1;
	n = malloc(sizeof(*n) + size);
	if (!n)
		return -1;
	n->tid = e->tid;
	n->step = e->step;
	memcpy(n->name, e->name.name, size);
	at = place_of(s->task_names, s->nr_buckets, e->tid);
	n->before = *at;
	n->next = *at ? (*at)->next : NULL;
	s->nr_named += !*at;
	*at = n;
	return 0;
}

const char *symbols_task(const struct symbols *s, uint32_t tid, uint64_t step)
{
	const struct task_name *n = s->nr_buckets ? *place_of(s->task_names, s->nr_buckets, tid) : NULL;

	while (n && n->step > step)
		n = n->before;
	return n ? n->name : NULL;
}

void task_names_free(struct symbols *s)
{
	for (uint32_t i = 0; i < s->nr_buckets; i++)
		while (s->task_names[i]) {
			struct task_name *n = s->task_names[i];

			s->task_names[i] = n->before ? n->before : n->next;
			if (n->before)
				n->before->next = n->next;
			free(n);
		}
	free(s->task_names);
}
