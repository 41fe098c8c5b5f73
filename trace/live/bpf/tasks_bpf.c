/* SPDX-License-Identifier: MIT */
/* All processes by the program of tasks.bpf.c: each reading of its file is one pass over all tasks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "internal.h"
#include "permitted.h"
#include "record.h"
#include "tasks.skel.h" /* after the records that it has */

/* Loaded once, read many times. link: NULL while it is opened. */
struct tasks_bpf {
	struct tasks_program *skel;
	struct bpf_link *link;
};

/* A link of the iterator is made once; bpf_iter_create() makes a file of it for each reading. */
struct tasks_bpf *tasks_bpf_open(char *error, size_t size)
{
	struct tasks_bpf *b;

	if (bpf_permitted(error, size))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b) {
		bpf_refused(-ENOMEM, error, size);
		return NULL;
	}
	b->skel = tasks_program__open_and_load();
	if (!b->skel) {
		bpf_refused(-errno, error, size);
		free(b);
		return NULL;
	}
	b->link = bpf_program__attach_iter(b->skel->progs.list_tasks, NULL);
	if (!b->link) {
		bpf_refused(-errno, error, size);
		tasks_bpf_close(b);
		return NULL;
	}
	return b;
}

/* -ENOMEM: the list has some of them. */
static int take_tasks(struct live_tasks *t, const struct task_count *c, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct live_task *task = tasks_add(t);

		if (!task)
			return -ENOMEM;
		task->pid = (pid_t)c[i].pid;
		task->count = c[i].count;
		task->total_pages = c[i].total_pages;
		task->changes = c[i].changes;
		task->born = c[i].born_ns;
		memcpy(task->command, c[i].command, sizeof(task->command));
	}
	return 0;
}

/*
 * Each iterator file is one pass; a read(2) gives some pages of it. 0 or -errno. The kernel makes the
 * records while they are read, so that the list is of no one moment: who begins or ends meanwhile may
 * be in it or not.
 */
int tasks_bpf_read(struct live_tasks *t)
{
	struct task_count buf[256];
	int fd = bpf_iter_create(bpf_link__fd(t->bpf->link)), err = 0;
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (!err && (n = read(fd, (char *)buf + have, sizeof(buf) - have)) != 0) {
		if (n < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		have += (size_t)n;
		err = take_tasks(t, buf, have / sizeof(buf[0]));
		/* A record may come in two pieces. */
		memmove(buf, (char *)buf + have / sizeof(buf[0]) * sizeof(buf[0]), have % sizeof(buf[0]));
		have %= sizeof(buf[0]);
	}
	close(fd);
	return err;
}

void tasks_bpf_close(struct tasks_bpf *b)
{
	bpf_link__destroy(b->link);
	tasks_program__destroy(b->skel);
	free(b);
}
