/* SPDX-License-Identifier: MIT */
/*
 * `range-map-recorded`: what a tracker of mappings has to do while a recorded program runs, from the first call to the last.
 *
 * The calls are a file's, which tools/tracker-calls has made of a recording: --calls FILE. Each contender begins empty and
 * carries out all of them, again and again until there were OPERATIONS; an mprotect is a set of all of its range.
 */
#include <stdlib.h>

#include "../examples/tracker_calls.h"
#include "bench.h"
#include "range-map.h"

#define OPERATIONS 100000

static unsigned long carry_out(const struct tracker_calls *all, const struct tracker_ops *ops, void *tracker)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < all->nr; i++) {
		const struct tracker_call *call = &all->calls[i];
		struct tracker_set set = { call->first, call->last, call->bits };

		if (call->kind == TRACKER_FIND)
			sum += ops->find(tracker, &call->first, 1);
		else if (call->kind == TRACKER_ERASE)
			ops->erase(tracker, &set, 1);
		else
			ops->set(tracker, &set, 1);
	}
	return sum;
}

/* Each round makes its own. */
static void no_tracker(struct trial *trial, void *arg)
{
	trial->tree = NULL;
}

static unsigned long run(struct trial *trial, void *arg)
{
	const struct tracker_calls *all = arg;
	const struct tracker_ops *ops = trial->contender->ops;
	unsigned long sum = 0;

	for (size_t done = 0; done < OPERATIONS; done += all->nr) {
		void *tracker = ops->create();

		sum += carry_out(all, ops, tracker);
		ops->destroy(tracker);
	}
	return sum;
}

void question_range_map_recorded(void)
{
	struct tracker_calls all;
	struct work work = { .question = "range-map-recorded", .which = "", .clock = BENCH_THREAD };

	if (!bench_calls()) {
		fprintf(stderr, "range-map-recorded: wants --calls FILE, of tools/tracker-calls\n");
		return;
	}
	if (tracker_calls_read(&all, bench_calls()) || !all.nr)
		exit(2);
	work.n = all.nr;
	work.operations = (OPERATIONS + all.nr - 1) / all.nr * all.nr;
	work.arg = &all;
	work.contenders = trackers;
	work.nr_contenders = nr_trackers;
	work.begin = no_tracker;
	work.run = run;
	work.end = no_tracker;
	bench_compare(&work);
	free(all.calls);
}
