/* SPDX-License-Identifier: MIT */
/*
 * `range-map-recorded`: what a tracker of mappings has to do while a recorded program runs, from the first call to the last.
 *
 * The calls are a file's, which tools/tracker-calls has made of a recording: --calls FILE. Each contender begins empty and
 * carries out all of them, again and again until there were OPERATIONS; an mprotect is a set of all of its range. A tracker
 * that does nothing is timed in the same round, and what it takes is subtracted: to read a million calls takes a third
 * as long as to carry them out.
 */
#include <stdlib.h>

#include "../examples/tracker_calls.h"
#include "bench.h"
#include "range-map.h"

#define OPERATIONS 100000

static void no_set(void *tracker, unsigned long first, unsigned long last, unsigned long bits)
{
	/* The compiler may not leave out what leads here. */
	__asm__ volatile("" : : "r"(tracker), "r"(first), "r"(last), "r"(bits));
}

static void no_erase(void *tracker, unsigned long first, unsigned long last)
{
	__asm__ volatile("" : : "r"(tracker), "r"(first), "r"(last));
}

static unsigned long no_find(void *tracker, unsigned long at)
{
	__asm__ volatile("" : : "r"(tracker), "r"(at));
	return 0;
}

static const struct tracker_ops no_ops = { .set_one = no_set, .erase_one = no_erase, .find_one = no_find };

static unsigned long carry_out(const struct tracker_calls *all, const struct tracker_ops *ops, void *tracker)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < all->nr; i++) {
		const struct tracker_call *call = &all->calls[i];

		if (call->kind == TRACKER_FIND)
			sum += ops->find_one(tracker, call->first);
		else if (call->kind == TRACKER_ERASE)
			ops->erase_one(tracker, call->first, call->last);
		else
			ops->set_one(tracker, call->first, call->last, call->bits);
	}
	return sum;
}

/* Each round makes its own. */
static void no_tracker(struct trial *trial, void *arg)
{
	trial->tree = NULL;
}

struct recorded {
	struct tracker_calls all;
	double ns; /* that the last run took, without the reading of the calls */
};

static unsigned long run(struct trial *trial, void *arg)
{
	struct recorded *r = arg;
	const struct tracker_ops *ops = trial->contender->ops;
	double start = bench_seconds(BENCH_THREAD), middle;
	unsigned long sum = 0;

	for (size_t done = 0; done < OPERATIONS; done += r->all.nr) {
		void *tracker = ops->create();

		sum += carry_out(&r->all, ops, tracker);
		ops->destroy(tracker);
	}
	middle = bench_seconds(BENCH_THREAD);
	for (size_t done = 0; done < OPERATIONS; done += r->all.nr)
		sum += carry_out(&r->all, &no_ops, NULL);
	r->ns = (middle - start - (bench_seconds(BENCH_THREAD) - middle)) * 1e9;
	return sum;
}

static double took(struct trial *trial, void *arg)
{
	const struct recorded *r = arg;

	return r->ns;
}

void question_range_map_recorded(void)
{
	struct recorded r;
	struct work work = { .question = "range-map-recorded", .which = "", .clock = BENCH_THREAD };

	if (!bench_calls()) {
		fprintf(stderr, "range-map-recorded: wants --calls FILE, of tools/tracker-calls\n");
		return;
	}
	if (tracker_calls_read(&r.all, bench_calls()) || !r.all.nr)
		exit(2);
	work.n = r.all.nr;
	work.operations = (OPERATIONS + r.all.nr - 1) / r.all.nr * r.all.nr;
	work.arg = &r;
	work.contenders = trackers;
	work.nr_contenders = nr_trackers;
	work.begin = no_tracker;
	work.run = run;
	work.took = took;
	work.end = no_tracker;
	bench_compare(&work);
	free(r.all.calls);
}
