/* SPDX-License-Identifier: MIT */
/*
 * Changes of a tree whose items are known by numbers: a part of them leaves, in random order, and comes back, in
 * another.  Erasing and inserting are timed apart.
 *
 * The items and orders are others each time: what the branch predictor has learned of the last ones is of no use.  In
 * one round they are the same for all contenders.
 */
#ifndef BENCH_CHANGE_H
#define BENCH_CHANGE_H

#include "bench.h"
#include "trees.h"

struct changes {
	struct random random; /* of the whole question: its input comes from it, too */
	struct random round;  /* where it stood when the round began */
	size_t n, part;       /* items; of them, those that leave and come again */
	size_t times;         /* so often in a round */
	unsigned int *out, *in;
};

/* A contender's tree: what struct trial holds. */
struct changed_tree {
	const struct change_ops *ops;
	void *tree;
	double ns[2]; /* of erasing, of inserting, in the last round */
};

void changes_begin(struct changes *c, size_t n, struct random random);
void changes_end(struct changes *c);

/* How many operations of either kind one round is. */
size_t changes_in_round(const struct changes *c);

/* Begin a round: remember where the random numbers stand. */
void changes_round(struct changes *c);

/* All items in a new order: the first part of @c->out is to leave, and to come back as in @c->in. */
void changes_order(struct changes *c, struct random *random);

/* One contender's round. */
void changes_run(struct changes *c, struct changed_tree *t);

struct changed_tree *changed_tree_new(const struct change_ops *ops, void *tree);
/* For struct work. */
void changed_tree_end(struct trial *trial, void *arg);
double changes_took_erase(struct trial *trial, void *arg);
double changes_took_insert(struct trial *trial, void *arg);
double changes_took_both(struct trial *trial, void *arg);

#endif /* BENCH_CHANGE_H */
