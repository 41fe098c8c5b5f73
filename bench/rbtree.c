/* SPDX-License-Identifier: MIT */
/*
 * `rbtree-search`, `-insert`, `-erase`, `-replace`, `-next`, `-prev`, `-postorder`: our red-black tree beside the one
 * of Linux 6.12, whose interface it has, each in the same loops over items of one cache line each.
 *
 * insert and erase take a quarter of the items out of a full tree, in random order, and put them back, in another;
 * plain, and with the largest weight of each subtree.
 */
#include <stdlib.h>

#include "change.h"

#define SEARCHES 200000

struct rb_bench {
	struct changes changes;
	bool augmented;
	unsigned int *keys, *looked_for;
};

static const struct contender sides[] = {
	{ .name = "vmaple", .ops = &vmaple_rb_ops },
#ifdef HAVE_LINUX
	{ .name = "linux-rbtree", .ops = &linux_rb_ops },
#endif
};

static const struct rb_ops *ops_of(const struct trial *trial)
{
	return trial->contender->ops;
}

static void *tree_of(const struct trial *trial)
{
	return ((const struct changed_tree *)trial->tree)->tree;
}

static void begin(struct trial *trial, void *arg)
{
	const struct rb_bench *b = arg;
	const struct rb_ops *ops = ops_of(trial);

	trial->tree = changed_tree_new(&ops->change, ops->create(b->keys, b->changes.n, b->augmented));
}

static void new_round(void *arg)
{
	struct rb_bench *b = arg;

	changes_round(&b->changes);
	changes_order(&b->changes, &b->changes.random);
	for (size_t i = 0; i < SEARCHES; i++)
		b->looked_for[i] = (unsigned int)random_below(&b->changes.random, b->changes.n);
}

static unsigned long run_change(struct trial *trial, void *arg)
{
	changes_run(&((struct rb_bench *)arg)->changes, trial->tree);
	return ops_of(trial)->next(tree_of(trial));
}

static unsigned long run_search(struct trial *trial, void *arg)
{
	return ops_of(trial)->search(tree_of(trial), ((struct rb_bench *)arg)->looked_for, SEARCHES);
}

static unsigned long run_replace(struct trial *trial, void *arg)
{
	const struct changes *c = &((struct rb_bench *)arg)->changes;

	for (size_t i = 0; i < c->times; i++)
		ops_of(trial)->replace(tree_of(trial), c->out, c->part);
	return 0;
}

static unsigned long run_pass(
	const struct trial *trial, const struct rb_bench *b, unsigned long (*pass)(void *))
{
	unsigned long sum = 0;

	for (size_t i = 0; i < b->changes.times; i++)
		sum += pass(tree_of(trial));
	return sum;
}

static unsigned long run_next(struct trial *trial, void *arg)
{
	return run_pass(trial, arg, ops_of(trial)->next);
}

static unsigned long run_prev(struct trial *trial, void *arg)
{
	return run_pass(trial, arg, ops_of(trial)->prev);
}

static unsigned long run_postorder(struct trial *trial, void *arg)
{
	return run_pass(trial, arg, ops_of(trial)->postorder);
}

/* How many operations one round is. */
static size_t changed(const struct rb_bench *b)
{
	return changes_in_round(&b->changes);
}
static size_t searches(const struct rb_bench *b)
{
	return SEARCHES;
}
static size_t steps(const struct rb_bench *b)
{
	return b->changes.times * b->changes.n;
}

static void compare(struct work work, size_t n, bool augmented, size_t (*operations)(const struct rb_bench *))
{
	struct rb_bench b = { .augmented = augmented };

	changes_begin(&b.changes, n, (struct random){ n });
	b.keys = bench_alloc(n, sizeof(*b.keys));
	b.looked_for = bench_alloc(SEARCHES, sizeof(*b.looked_for));
	for (unsigned int i = 0; i < n; i++)
		b.keys[i] = i;
	bench_shuffle(b.keys, n, &b.changes.random);
	work.n = n;
	work.operations = operations(&b);
	work.clock = BENCH_THREAD;
	work.arg = &b;
	work.contenders = sides;
	work.nr_contenders = sizeof(sides) / sizeof(sides[0]);
	work.begin = begin;
	work.round = new_round;
	work.end = changed_tree_end;
	work.anew = true;
	bench_compare(&work);
	changes_end(&b.changes);
	free(b.keys);
	free(b.looked_for);
}

static const size_t sizes[] = { 1000, 100000, 0 };

static void ask(struct work work, size_t (*operations)(const struct rb_bench *))
{
	work.which = "";
	for (const size_t *n = bench_sizes(sizes); *n; n++)
		compare(work, *n, false, operations);
}

static void ask_change(const char *question, double (*took)(struct trial *trial, void *arg))
{
	struct work work = { .question = question, .run = run_change, .took = took };

	for (const size_t *n = bench_sizes(sizes); *n; n++)
		for (int augmented = 0; augmented < 2; augmented++) {
			work.which = augmented ? "augmented" : "plain";
			compare(work, *n, augmented, changed);
		}
}

void question_rbtree_search(void)
{
	ask((struct work){ .question = "rbtree-search", .run = run_search }, searches);
}

void question_rbtree_insert(void)
{
	ask_change("rbtree-insert", changes_took_insert);
}

void question_rbtree_erase(void)
{
	ask_change("rbtree-erase", changes_took_erase);
}

void question_rbtree_replace(void)
{
	ask((struct work){ .question = "rbtree-replace", .run = run_replace }, changed);
}

void question_rbtree_next(void)
{
	ask((struct work){ .question = "rbtree-next", .run = run_next }, steps);
}

void question_rbtree_prev(void)
{
	ask((struct work){ .question = "rbtree-prev", .run = run_prev }, steps);
}

void question_rbtree_postorder(void)
{
	ask((struct work){ .question = "rbtree-postorder", .run = run_postorder }, steps);
}
