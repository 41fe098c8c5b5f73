/* SPDX-License-Identifier: MIT */
/* Random changes of trees, for the questions about red-black trees and intervals: see change.h. */
#include "change.h"

#include <stdlib.h>
#include <string.h>

#define CHANGES 50000 /* in a round, at least */

void changes_begin(struct changes *c, size_t n, struct random random)
{
	*c = (struct changes){ .random = random, .n = n, .part = n / 4 ? n / 4 : 1 };
	c->times = CHANGES / c->part + 1;
	c->out = bench_alloc(n, sizeof(*c->out));
	c->in = bench_alloc(n, sizeof(*c->in));
}

void changes_end(struct changes *c)
{
	free(c->out);
	free(c->in);
}

size_t changes_in_round(const struct changes *c)
{
	return c->times * c->part;
}

void changes_round(struct changes *c)
{
	c->round = c->random;
}

void changes_order(struct changes *c, struct random *random)
{
	for (size_t i = 0; i < c->n; i++)
		c->out[i] = (unsigned int)i;
	bench_shuffle(c->out, c->n, random);
	memcpy(c->in, c->out, c->part * sizeof(*c->in));
	bench_shuffle(c->in, c->part, random);
}

void changes_run(struct changes *c, struct changed_tree *t)
{
	struct random order = c->round;
	double at[3];

	t->ns[0] = t->ns[1] = 0;
	for (size_t i = 0; i < c->times; i++) {
		changes_order(c, &order);
		at[0] = bench_seconds(BENCH_THREAD);
		t->ops->erase(t->tree, c->out, c->part);
		at[1] = bench_seconds(BENCH_THREAD);
		t->ops->insert(t->tree, c->in, c->part);
		at[2] = bench_seconds(BENCH_THREAD);
		t->ns[0] += (at[1] - at[0]) * 1e9;
		t->ns[1] += (at[2] - at[1]) * 1e9;
	}
}

struct changed_tree *changed_tree_new(const struct change_ops *ops, void *tree)
{
	struct changed_tree *t = bench_alloc(1, sizeof(*t));

	t->ops = ops;
	t->tree = tree;
	return t;
}

void changed_tree_end(struct trial *trial, void *arg)
{
	struct changed_tree *t = trial->tree;

	t->ops->destroy(t->tree);
	free(t);
}

double changes_took_erase(struct trial *trial, void *arg)
{
	return ((struct changed_tree *)trial->tree)->ns[0];
}

double changes_took_insert(struct trial *trial, void *arg)
{
	return ((struct changed_tree *)trial->tree)->ns[1];
}

double changes_took_both(struct trial *trial, void *arg)
{
	return changes_took_erase(trial, arg) + changes_took_insert(trial, arg);
}
