/* SPDX-License-Identifier: MIT */
/*
 * `interval-stab`: all intervals that hold a point, of which there are 1, 10 or 100 on average.
 * `interval-insert`, `interval-erase`, `interval-update`: a quarter of the intervals leaves, in random order, and comes
 * back, in another; update is one of each.
 *
 * A boost-icl map holds each interval once for every piece that it covers: at 100 hits too often for a machine's
 * memory.
 *
 * Intervals start anywhere in a file of 2^28 pages, and are half to one and a half times as long as it takes.
 */
#include <stdlib.h>

#include "change.h"

#define SPACE  (1UL << 28)
#define POINTS 20000

struct interval_bench {
	struct changes changes;
	struct span *spans;
	unsigned long *points;
};

static const struct contender sides[] = {
	{ .name = "vmaple", .ops = &vmaple_interval_ops },
	{ .name = "vmaple-iter", .ops = &vmaple_iter_interval_ops },
#ifdef HAVE_LINUX
	{ .name = "linux-interval-tree", .ops = &linux_interval_ops },
#endif
	{ .name = "interval-map", .ops = &interval_map_interval_ops },
	{ .name = "prio-tree", .ops = &prio_tree_interval_ops },
#ifdef HAVE_ICL
	{ .name = "boost-icl", .ops = &icl_interval_ops },
#endif
	{ .name = "implicit-tree", .ops = &implicit_interval_ops },
};
#define NR_SIDES (sizeof(sides) / sizeof(sides[0]))

static void begin(struct trial *trial, void *arg)
{
	const struct interval_bench *b = arg;
	const struct interval_ops *ops = trial->contender->ops;

	trial->tree = changed_tree_new(&ops->change, ops->create(b->spans, b->changes.n));
}

static void new_round(void *arg)
{
	struct interval_bench *b = arg;

	changes_round(&b->changes);
	for (size_t i = 0; i < POINTS; i++)
		b->points[i] = random_below(&b->changes.random, SPACE);
}

static unsigned long stab(const struct trial *trial, const struct interval_bench *b, size_t points)
{
	const struct interval_ops *ops = trial->contender->ops;

	return ops->stab(((const struct changed_tree *)trial->tree)->tree, b->points, points);
}

static unsigned long run_stab(struct trial *trial, void *arg)
{
	return stab(trial, arg, POINTS);
}

/* The sum is over what the first points find afterwards. */
static unsigned long run_change(struct trial *trial, void *arg)
{
	changes_run(&((struct interval_bench *)arg)->changes, trial->tree);
	return stab(trial, arg, 100);
}

static void fill(struct interval_bench *b, unsigned long hits)
{
	unsigned long length = SPACE * hits / b->changes.n;
	struct random *random = &b->changes.random;

	for (size_t i = 0; i < b->changes.n; i++) {
		b->spans[i].start = random_below(random, SPACE);
		b->spans[i].last = b->spans[i].start + length / 2 + random_below(random, length + 1);
	}
}

static void compare(struct work work, const struct contender *who, size_t nr, size_t n, unsigned long hits)
{
	struct interval_bench b;

	changes_begin(&b.changes, n, (struct random){ n + hits });
	b.spans = bench_alloc(n, sizeof(*b.spans));
	b.points = bench_alloc(POINTS, sizeof(*b.points));
	fill(&b, hits);
	work.n = n;
	work.operations = work.took ? changes_in_round(&b.changes) : POINTS;
	work.clock = BENCH_THREAD;
	work.arg = &b;
	work.contenders = who;
	work.nr_contenders = nr;
	work.begin = begin;
	work.round = new_round;
	work.end = changed_tree_end;
	work.anew = true;
	bench_compare(&work);
	changes_end(&b.changes);
	free(b.spans);
	free(b.points);
}

static const size_t sizes[] = { 1000, 100000, 0 };

/* Those that can change; both ways to search in ours change alike. */
static bool changes(const struct interval_ops *ops)
{
	return ops->change.insert && ops != &vmaple_iter_interval_ops;
}

static bool holds_many(const struct interval_ops *ops)
{
#ifdef HAVE_ICL
	return ops != &icl_interval_ops;
#else
	return true;
#endif
}

static bool anyone(const struct interval_ops *ops)
{
	return true;
}

static size_t choose(struct contender *who, bool (*can)(const struct interval_ops *ops))
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_SIDES; i++)
		if (can(sides[i].ops))
			who[nr++] = sides[i];
	return nr;
}

static void ask_change(const char *question, double (*took)(struct trial *trial, void *arg))
{
	struct contender who[NR_SIDES];
	size_t nr = choose(who, changes);

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = question, .which = "", .run = run_change, .took = took },
			who, nr, *n, 1);
}

void question_interval_stab(void)
{
	static const struct {
		unsigned long hits;
		const char *name;
		bool (*can)(const struct interval_ops *ops);
	} kinds[] = { { 1, "1 hit", anyone }, { 10, "10 hits", anyone }, { 100, "100 hits", holds_many } };
	struct contender who[NR_SIDES];

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		for (int i = 0; i < 3; i++)
			compare((struct work){ .question = "interval-stab",
					.which = kinds[i].name,
					.run = run_stab },
				who, choose(who, kinds[i].can), *n, kinds[i].hits);
}

void question_interval_insert(void)
{
	ask_change("interval-insert", changes_took_insert);
}

void question_interval_erase(void)
{
	ask_change("interval-erase", changes_took_erase);
}

void question_interval_update(void)
{
	ask_change("interval-update", changes_took_both);
}
