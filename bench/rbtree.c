/* SPDX-License-Identifier: MIT */
/*
 * `rbtree-search`, `-insert`, `-erase`, `-replace`, `-next`, `-prev`, `-postorder`: our red-black tree beside the one
 * of Linux 6.12, whose interface it has, each in the same loops over items of one cache line each.
 *
 * insert and erase take a quarter of the items out of a full tree, in random order, and put them back, in another;
 * plain, and with the largest weight of each subtree.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "trees.h"

#define SEARCHES 200000
#define CHANGES  50000 /* in a round, at least */

struct rb_bench {
	struct random random, round; /* round: the same orders for all contenders */
	size_t n, part;              /* items; of them, those that leave and come again */
	size_t times;                /* so often in a round */
	bool augmented;
	unsigned int *keys, *out, *in, *looked_for;
};

struct rb_trial {
	const struct rb_ops *ops;
	void *tree;
	double ns[2]; /* of erasing, of inserting */
};

static const struct contender sides[] = {
	{ .name = "vmaple", .ops = &vmaple_rb_ops },
#ifdef HAVE_LINUX
	{ .name = "linux-rbtree", .ops = &linux_rb_ops },
#endif
};

static void begin(struct trial *trial, void *arg)
{
	struct rb_bench *b = arg;
	struct rb_trial *t = bench_alloc(1, sizeof(*t));

	t->ops = trial->contender->ops;
	t->tree = t->ops->create(b->keys, b->n, b->augmented);
	trial->tree = t;
}

static void end(struct trial *trial, void *arg)
{
	struct rb_trial *t = trial->tree;

	(void)arg;
	t->ops->destroy(t->tree);
	free(t);
}

/* Other items, in other orders: what the branch predictor has learned of the last ones is of no use. */
static void new_order(struct rb_bench *b, struct random *random)
{
	for (size_t i = 0; i < b->n; i++)
		b->out[i] = (unsigned int)i;
	bench_shuffle(b->out, b->n, random);
	memcpy(b->in, b->out, b->part * sizeof(*b->in));
	bench_shuffle(b->in, b->part, random);
}

static void new_round(void *arg)
{
	struct rb_bench *b = arg;

	b->round = b->random;
	random_u64(&b->random);
	new_order(b, &b->random);
	for (size_t i = 0; i < SEARCHES; i++)
		b->looked_for[i] = (unsigned int)random_below(&b->random, b->n);
}

static unsigned long run_change(struct trial *trial, void *arg)
{
	struct rb_bench *b = arg;
	struct rb_trial *t = trial->tree;
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
	return t->ops->next(t->tree);
}

static double took_erase(struct trial *trial, void *arg)
{
	(void)arg;
	return ((struct rb_trial *)trial->tree)->ns[0];
}

static double took_insert(struct trial *trial, void *arg)
{
	(void)arg;
	return ((struct rb_trial *)trial->tree)->ns[1];
}

static unsigned long run_search(struct trial *trial, void *arg)
{
	struct rb_trial *t = trial->tree;

	return t->ops->search(t->tree, ((struct rb_bench *)arg)->looked_for, SEARCHES);
}

static unsigned long run_replace(struct trial *trial, void *arg)
{
	struct rb_bench *b = arg;
	struct rb_trial *t = trial->tree;

	for (size_t i = 0; i < b->times; i++)
		t->ops->replace(t->tree, b->out, b->part);
	return 0;
}

static unsigned long run_pass(const struct rb_bench *b, struct rb_trial *t, unsigned long (*pass)(void *tree))
{
	unsigned long sum = 0;

	for (size_t i = 0; i < b->times; i++)
		sum += pass(t->tree);
	return sum;
}

static unsigned long run_next(struct trial *trial, void *arg)
{
	struct rb_trial *t = trial->tree;

	return run_pass(arg, t, t->ops->next);
}

static unsigned long run_prev(struct trial *trial, void *arg)
{
	struct rb_trial *t = trial->tree;

	return run_pass(arg, t, t->ops->prev);
}

static unsigned long run_postorder(struct trial *trial, void *arg)
{
	struct rb_trial *t = trial->tree;

	return run_pass(arg, t, t->ops->postorder);
}

/* How many operations one round is. */
static size_t changes(const struct rb_bench *b)
{
	return b->times * b->part;
}
static size_t searches(const struct rb_bench *b)
{
	(void)b;
	return SEARCHES;
}
static size_t steps(const struct rb_bench *b)
{
	return b->times * b->n;
}

static void compare(
	struct work work, size_t n, bool augmented, size_t (*operations)(const struct rb_bench *b))
{
	struct rb_bench b = { .random = { n }, .n = n, .part = n / 4 ? n / 4 : 1, .augmented = augmented };

	b.times = CHANGES / b.part + 1;
	b.keys = bench_alloc(n, sizeof(*b.keys));
	b.out = bench_alloc(n, sizeof(*b.out));
	b.in = bench_alloc(n, sizeof(*b.in));
	b.looked_for = bench_alloc(SEARCHES, sizeof(*b.looked_for));
	for (unsigned int i = 0; i < n; i++)
		b.keys[i] = b.out[i] = i;
	bench_shuffle(b.keys, n, &b.random);
	work.n = n;
	work.which = augmented ? "augmented" : work.which;
	work.operations = operations(&b);
	work.clock = BENCH_THREAD;
	work.arg = &b;
	work.contenders = sides;
	work.nr_contenders = sizeof(sides) / sizeof(sides[0]);
	work.begin = begin;
	work.round = new_round;
	work.end = end;
	bench_compare(&work);
	free(b.keys);
	free(b.out);
	free(b.in);
	free(b.looked_for);
}

static const size_t sizes[] = { 1000, 100000, 0 };

void question_rbtree_search(void)
{
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = "rbtree-search", .which = "", .run = run_search }, *n,
			false, searches);
}

void question_rbtree_insert(void)
{
	const struct work w = {
		.question = "rbtree-insert", .which = "plain", .run = run_change, .took = took_insert
	};

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		for (int augmented = 0; augmented < 2; augmented++)
			compare(w, *n, augmented, changes);
}

void question_rbtree_erase(void)
{
	const struct work w = {
		.question = "rbtree-erase", .which = "plain", .run = run_change, .took = took_erase
	};

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		for (int augmented = 0; augmented < 2; augmented++)
			compare(w, *n, augmented, changes);
}

void question_rbtree_replace(void)
{
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = "rbtree-replace", .which = "", .run = run_replace }, *n,
			false, changes);
}

void question_rbtree_next(void)
{
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = "rbtree-next", .which = "", .run = run_next }, *n, false,
			steps);
}

void question_rbtree_prev(void)
{
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = "rbtree-prev", .which = "", .run = run_prev }, *n, false,
			steps);
}

void question_rbtree_postorder(void)
{
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare((struct work){ .question = "rbtree-postorder", .which = "", .run = run_postorder },
			*n, false, steps);
}
