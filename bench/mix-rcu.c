/* SPDX-License-Identifier: MIT */
/*
 * `mix-rcu`: insert and erase at steady size. Trees that can are in RCU mode, and a round ends only when every node
 * that it replaced has passed its grace period and been freed: what that costs is counted, as CPU time of all
 * threads. Contenders that cannot be read meanwhile are shown all the same; they do less.
 */
#include "mix.h"

#define STEPS 100000

static void begin(struct trial *trial, void *arg)
{
	const struct contender *contender = trial->contender;

	trial->tree = bench_fill(contender, &((struct mix *)arg)->there, contender->rcu);
}

static void end(struct trial *trial, void *arg)
{
	trial->contender->destroy(trial->tree);
}

static void settle(struct trial *trial, void *arg)
{
	if (trial->contender->barrier)
		trial->contender->barrier();
}

static void next_steps(void *arg)
{
	mix_continue(arg);
}

static unsigned long run(struct trial *trial, void *arg)
{
	const struct mix *mix = arg;

	trial->contender->mix(trial->tree, mix->steps, mix->nr_steps);
	settle(trial, arg);
	return 0;
}

static bool can_mix(const struct contender *contender)
{
	return contender->mix;
}

void question_mix_rcu(void)
{
	static const size_t own[] = { 1000, 10000, 100000, 0 };

	for (const size_t *n = bench_sizes(own); *n; n++) {
		struct mix mix;

		mix_begin(&mix, *n, STEPS);
		bench_compare(&(struct work){
			.question = "mix-rcu",
			.which = "",
			.n = *n,
			.operations = 2 * STEPS,
			.clock = BENCH_PROCESS,
			.arg = &mix,
			.can = can_mix,
			.begin = begin,
			.round = next_steps,
			.before = settle,
			.run = run,
			.check = bench_holds,
			.end = end,
		});
		mix_end(&mix);
	}
}
