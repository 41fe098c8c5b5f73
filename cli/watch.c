/* SPDX-License-Identifier: MIT */
/*
 * All processes, watched.  What was seen before is found again by pid and birth: a number that is used again begins anew.
 *
 * Memory: a forecast for each process, a kilobyte. One thread. The time of a look is that of its begin: a
 * machine with many processes takes a while, and all of them get the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "watch.h"

/* At each look, for it can be set while this runs; Linux's default where /proc does not tell. */
static uint64_t read_limit(void)
{
	uint64_t n = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	/* fscanf() may have written a part: the default is put back. */
	if (f && fscanf(f, "%" SCNu64, &n) != 1)
		n = 65530;
	if (f)
		fclose(f);
	return n;
}

/* watch_close() is wanted after 0 alone. */
int watch_open(struct watch *w)
{
	*w = (struct watch){ .begun = (double)clock_ns() / 1e9 };
	return live_tasks_open(&w->tasks);
}

static int by_pid(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return (x->task.pid > y->task.pid) - (x->task.pid < y->task.pid);
}

/* O(log n), by the order of the last look. */
static struct watched *find(const struct watch *w, pid_t pid)
{
	struct watched key = { .task.pid = pid };

	return w->nr ? bsearch(&key, w->list, w->nr, sizeof(key), by_pid) : NULL;
}

const struct watched *watch_find(const struct watch *w, pid_t pid)
{
	return find(w, pid);
}

/*
 * @now: this look; @before: the same process at the last one, or NULL.
 *
 * A process that is new, or whose number is used again, begins with an empty forecast: growth 0. The
 * first difference of changes is known at its second look.
 */
static void take(const struct watch *w, struct watched *now, const struct live_task *task,
	const struct watched *before, double seconds)
{
	*now = (struct watched){ .task = *task, .changes_second = -1 };
	if (before && before->task.born == task->born) {
		now->forecast = before->forecast;
		/*
		 * 0 is what a source says that cannot see it. A second look at the same moment would
		 * divide by 0.
		 */
		if (task->changes && seconds > w->last)
			now->changes_second =
				(double)(task->changes - before->task.changes) / (seconds - w->last);
	}
	forecast_look(&now->forecast, seconds, task->count);
	now->growth = forecast_growth(&now->forecast);
	now->seconds_left = forecast_seconds(task->count, now->growth, (double)w->limit);
}

/*
 * The new list is made beside the old one, whose forecasts it takes along; only when it is whole the old
 * one goes.
 */
int watch_look(struct watch *w)
{
	const struct live_task *tasks;
	double seconds = (double)clock_ns() / 1e9;
	int nr = live_tasks_read(w->tasks, &tasks);
	struct watched *list;

	if (nr < 0)
		return nr;
	list = malloc(((size_t)nr + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	/* Before the processes: take() forecasts against it. */
	w->limit = read_limit();
	w->total = 0;
	for (int i = 0; i < nr; i++) {
		take(w, &list[i], &tasks[i], find(w, tasks[i].pid), seconds);
		w->total += tasks[i].count;
	}
	/* Only now: find() above goes by the order of the old list. */
	qsort(list, (size_t)nr, sizeof(*list), by_pid);
	free(w->list);
	w->list = list;
	w->nr = (uint32_t)nr;
	w->last = seconds;
	return 0;
}

/* The pointers that it gave end, too. */
void watch_close(struct watch *w)
{
	live_tasks_close(w->tasks);
	free(w->list);
}

const char *duration_text(double seconds, char *buf, size_t size)
{
	if (seconds < 0)
		snprintf(buf, size, "-");
	else if (seconds < 120)
		snprintf(buf, size, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(buf, size, "%.0f min", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(buf, size, "%.1f h", seconds / 3600);
	else
		snprintf(buf, size, "%.0f d", seconds / 86400);
	return buf;
}
