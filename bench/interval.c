/* SPDX-License-Identifier: MIT */
/*
 * `interval-stab`: all intervals that hold a point, of which there are 1, 10 or 100 on average.
 * `interval-insert`, `interval-erase`, `interval-update`: a quarter of the intervals leaves, in random order, and comes
 * back, in another; update is one of each.
 *
 * A boost-icl map holds each interval once for every piece that it covers: at 100 hits too often for a machine's memory.
 *
 * Intervals start anywhere in a file of 2^28 pages, and are half to one and a half times as long as it takes.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "trees.h"

#define SPACE   (1UL << 28)
#define POINTS  20000
#define CHANGES 50000

struct interval_bench {
	struct random random, round; /* round: the same orders for all contenders */
	size_t n, part, times;
	struct span *spans;
	unsigned int *out, *in;
	unsigned long *points;
};

struct interval_trial {
	const struct interval_ops *ops;
	void *tree;
	double ns[2]; /* of erasing, of inserting */
};

static const struct contender sides[] = {
	{ .name = "vmaple", .ops = &vmaple_interval_ops },
	{ .name = "vmaple-iter", .ops = &vmaple_iter_interval_ops },
#ifdef HAVE_LINUX
	{ .name = "linux-interval-tree", .ops = &linux_interval_ops },
#endif
	{ .name = "prio-tree", .ops = &prio_tree_interval_ops },
#ifdef HAVE_ICL
	{ .name = "boost-icl", .ops = &icl_interval_ops },
#endif
	{ .name = "implicit-tree", .ops = &implicit_interval_ops },
};
#define NR_SIDES (sizeof(sides) / sizeof(sides[0]))

static void begin(struct trial *trial, void *arg)
{
	struct interval_bench *b = arg;
	struct interval_trial *t = bench_alloc(1, sizeof(*t));

	t->ops = trial->contender->ops;
	t->tree = t->ops->create(b->spans, b->n);
	trial->tree = t;
}

static void end(struct trial *trial, void *arg)
{
	struct interval_trial *t = trial->tree;

	(void)arg;
	t->ops->destroy(t->tree);
	free(t);
}

static void new_order(struct interval_bench *b, struct random *random)
{
	for (size_t i = 0; i < b->n; i++)
		b->out[i] = (unsigned int)i;
	bench_shuffle(b->out, b->n, random);
	memcpy(b->in, b->out, b->part * sizeof(*b->in));
	bench_shuffle(b->in, b->part, random);
}

static void new_round(void *arg)
{
	struct interval_bench *b = arg;

	b->round = b->random;
	for (size_t i = 0; i < POINTS; i++)
		b->points[i] = random_below(&b->random, SPACE);
}

static unsigned long run_stab(struct trial *trial, void *arg)
{
	struct interval_trial *t = trial->tree;

	return t->ops->stab(t->tree, ((struct interval_bench *)arg)->points, POINTS);
}

/* The sum is over what the first points find afterwards. */
static unsigned long run_change(struct trial *trial, void *arg)
{
	struct interval_bench *b = arg;
	struct interval_trial *t = trial->tree;
	struct random order = b->round;
	double at[3];

	t->ns[0] = t->ns[1] = 0;
	for (size_t i = 0; i < b->times; i++) {
		new_order(b, &order);
		at[0] = bench_seconds(BENCH_THREAD);
		t->ops->erase(t->tree, b->out, b->part);
		at[1] = bench_seconds(BENCH_THREAD);
		t->ops->insert(t->tree, b->in, b->part);
		at[2] = bench_seconds(BENCH_THREAD);
		t->ns[0] += (at[1] - at[0]) * 1e9;
		t->ns[1] += (at[2] - at[1]) * 1e9;
	}
	return t->ops->stab(t->tree, b->points, 100);
}

static double took_erase(struct trial *trial, void *arg)
{
	(void)arg;
	return ((struct interval_trial *)trial->tree)->ns[0];
}

static double took_insert(struct trial *trial, void *arg)
{
	(void)arg;
	return ((struct interval_trial *)trial->tree)->ns[1];
}

static double took_both(struct trial *trial, void *arg)
{
	return took_erase(trial, arg) + took_insert(trial, arg);
}

static void fill(struct interval_bench *b, unsigned long hits)
{
	unsigned long length = SPACE * hits / b->n;

	for (size_t i = 0; i < b->n; i++) {
		b->spans[i].start = random_below(&b->random, SPACE);
		b->spans[i].last = b->spans[i].start + length / 2 + random_below(&b->random, length + 1);
	}
}

static void compare(struct work work, const struct contender *who, size_t nr, size_t n, unsigned long hits)
{
	struct interval_bench b = { .random = { n + hits }, .n = n, .part = n / 4 ? n / 4 : 1 };

	b.times = CHANGES / b.part + 1;
	b.spans = bench_alloc(n, sizeof(*b.spans));
	b.out = bench_alloc(n, sizeof(*b.out));
	b.in = bench_alloc(n, sizeof(*b.in));
	b.points = bench_alloc(POINTS, sizeof(*b.points));
	fill(&b, hits);
	work.n = n;
	work.operations = work.took ? b.times * b.part : POINTS;
	work.clock = BENCH_THREAD;
	work.arg = &b;
	work.contenders = who;
	work.nr_contenders = nr;
	work.begin = begin;
	work.round = new_round;
	work.end = end;
	bench_compare(&work);
	free(b.spans);
	free(b.out);
	free(b.in);
	free(b.points);
}

static const size_t sizes[] = { 1000, 100000, 0 };

/* Those that can change; both ways to search in ours change alike. */
static bool changes(const struct interval_ops *ops)
{
	return ops->insert && ops != &vmaple_iter_interval_ops;
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
	ask_change("interval-insert", took_insert);
}

void question_interval_erase(void)
{
	ask_change("interval-erase", took_erase);
}

void question_interval_update(void)
{
	ask_change("interval-update", took_both);
}
