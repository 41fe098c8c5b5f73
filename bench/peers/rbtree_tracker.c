/* SPDX-License-Identifier: MIT */
/*
 * Contender `rbtree-tracker`: a red-black tree of disjoint ranges, as emulators write it by hand.  Nodes that were freed
 * are kept for the next ranges. What lies inside one range is changed in place; free room is looked for from range to range.
 */
#include <stdlib.h>

#include <vmaple/rbtree.h>

#include "../bench.h"
#include "../range-map.h"

struct node {
	struct rb_node rb;
	unsigned long first, last, bits;
	struct node *next_free;
};

struct tracker {
	struct rb_root root;
	struct node *spare;
};

static struct node *node_of(struct rb_node *rb)
{
	return rb ? rb_entry(rb, struct node, rb) : NULL;
}

/* The first range that ends at @at or later. */
static struct node *from(const struct tracker *t, unsigned long at)
{
	struct rb_node *rb = t->root.rb_node;
	struct node *best = NULL;

	while (rb) {
		struct node *node = node_of(rb);

		if (node->last < at) {
			rb = rb->rb_right;
			continue;
		}
		best = node;
		if (node->first <= at)
			break;
		rb = rb->rb_left;
	}
	return best;
}

static void add(struct tracker *t, unsigned long first, unsigned long last, unsigned long bits)
{
	struct rb_node **link = &t->root.rb_node, *parent = NULL;
	struct node *node = t->spare;

	if (node)
		t->spare = node->next_free;
	else
		node = bench_alloc(1, sizeof(*node));
	node->first = first;
	node->last = last;
	node->bits = bits;
	while (*link) {
		parent = *link;
		link = first < node_of(parent)->first ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&node->rb, parent, link);
	rb_insert_color(&node->rb, &t->root);
}

static struct node *drop(struct tracker *t, struct node *node)
{
	struct node *next = node_of(rb_next(&node->rb));

	rb_erase(&node->rb, &t->root);
	node->next_free = t->spare;
	t->spare = node;
	return next;
}

/* [first, last] lies inside @node, which has other bits and reaches out of it on both sides. */
static void set_inside(
	struct tracker *t, struct node *node, unsigned long first, unsigned long last, unsigned long bits)
{
	unsigned long end = node->last;

	node->last = first - 1;
	add(t, first, last, bits);
	add(t, last + 1, end, node->bits);
}

static void set_one(void *tracker, unsigned long first, unsigned long last, unsigned long bits)
{
	struct tracker *t = tracker;
	struct node *node = from(t, first - 1), *keep = NULL; /* with the neighbour below */

	if (node && node->first <= first && node->last >= last && node->bits == bits)
		return;
	if (node && node->first < first && node->last > last) {
		set_inside(t, node, first, last, bits);
		return;
	}
	if (node && node->first < first) {
		if (node->bits == bits)
			keep = node;
		else if (node->last >= first)
			node->last = first - 1;
		node = node_of(rb_next(&node->rb));
	}
	while (node && node->last <= last) {
		if (keep) {
			node = drop(t, node);
		} else {
			keep = node;
			node = node_of(rb_next(&node->rb));
		}
	}
	if (node && node->first <= last + 1) {
		if (node->bits == bits) {
			if (keep) {
				last = node->last;
				drop(t, node);
			} else {
				keep = node;
				last = node->last;
			}
		} else if (node->first <= last) {
			node->first = last + 1; /* the order stays */
		}
	}
	if (!keep) {
		add(t, first, last, bits);
		return;
	}
	if (keep->first > first || keep->bits != bits)
		keep->first = first;
	keep->last = last;
	keep->bits = bits;
}

static void erase_one(void *tracker, unsigned long first, unsigned long last)
{
	struct tracker *t = tracker;
	struct node *node = from(t, first);

	if (node && node->first < first) {
		unsigned long end = node->last;

		node->last = first - 1;
		if (end > last) {
			add(t, last + 1, end, node->bits);
			return;
		}
		node = node_of(rb_next(&node->rb));
	}
	while (node && node->last <= last)
		node = drop(t, node);
	if (node && node->first <= last)
		node->first = last + 1; /* the order stays */
}

static void *create(void)
{
	return bench_alloc(1, sizeof(struct tracker));
}

static void destroy(void *tracker)
{
	struct tracker *t = tracker;

	for (struct node *node = node_of(rb_first(&t->root)); node;)
		node = drop(t, node);
	while (t->spare) {
		struct node *node = t->spare;

		t->spare = node->next_free;
		free(node);
	}
	free(t);
}

static unsigned long find_one(void *tracker, unsigned long at)
{
	const struct tracker *t = tracker;
	struct rb_node *rb = t->root.rb_node;

	while (rb) {
		const struct node *node = node_of(rb);

		if (node->last < at)
			rb = rb->rb_right;
		else if (node->first > at)
			rb = rb->rb_left;
		else
			return node->last + node->bits;
	}
	return 0;
}

TRACKER_BATCHES(set_one, erase_one, find_one)

static unsigned long room(void *tracker, const struct tracker_set *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		unsigned long at = query[i].first;

		for (struct node *node = from(tracker, at); node; node = node_of(rb_next(&node->rb))) {
			if (node->first >= at + query[i].last)
				break;
			at = node->last + 1;
		}
		sum += at;
	}
	return sum;
}

const struct tracker_ops rbtree_tracker = { create, destroy, set_one, erase_one, find_one, set_all, erase_all,
	find_all, room };
