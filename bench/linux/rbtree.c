/* SPDX-License-Identifier: MIT */
/*
 * Contender `linux-rbtree`: areas in Linux 7.3's lib/rbtree.c, augmented with the largest gap of each subtree, as
 * the kernel kept them before it had a maple tree. A node is one cache line.
 */
#include <linux/rbtree_augmented.h>

#include "contender.h"

struct node {
	struct rb_node rb;
	unsigned long first, last;
	struct area *area;
	unsigned long gap;         /* free bytes just before the area */
	unsigned long subtree_gap; /* the longest gap of this node and all below it */
};
_Static_assert(sizeof(struct node) == 64, "a node is one cache line");

typedef struct {
	struct rb_root root;
	struct node *free; /* chained through rb.rb_left */
	size_t nr;
} tree_t;

#define node_of(link) container_of(link, struct node, rb)

static inline unsigned long node_gap(const struct node *node)
{
	return node->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, gap_callbacks, struct node, rb, unsigned long, subtree_gap, node_gap)

static struct node *node_alloc(tree_t *tree)
{
	struct node *node = tree->free;

	if (node) {
		tree->free = (struct node *)node->rb.rb_left;
		return node;
	}
	node = aligned_alloc(64, sizeof(*node));
	if (!node)
		abort();
	return node;
}

static inline struct node *find(const tree_t *tree, unsigned long index)
{
	struct rb_node *link = tree->root.rb_node;

	while (link) {
		struct node *node = node_of(link);

		if (index < node->first)
			link = link->rb_left;
		else if (index > node->last)
			link = link->rb_right;
		else
			return node;
	}
	return NULL;
}

static inline void *tree_load(tree_t *tree, unsigned long index)
{
	struct node *node = find(tree, index);

	return node ? node->area : NULL;
}

/* The area before @node ends at @end: what lies between is @node's gap. */
static void set_gap(struct node *node, unsigned long end)
{
	node->gap = node->first - end;
	gap_callbacks_propagate(&node->rb, NULL);
}

static inline void tree_insert(tree_t *tree, struct area *area)
{
	struct rb_node **link = &tree->root.rb_node, *parent = NULL, *prev, *next;
	struct node *node = node_alloc(tree);

	node->first = area->first;
	node->last = area->last;
	node->area = area;
	while (*link) {
		parent = *link;
		link = area->first < node_of(parent)->first ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&node->rb, parent, link);
	prev = rb_prev(&node->rb);
	next = rb_next(&node->rb);
	node->subtree_gap = 0;
	set_gap(node, prev ? node_of(prev)->last + 1 : 0);
	if (next)
		set_gap(node_of(next), area->last + 1);
	rb_insert_augmented(&node->rb, &tree->root, &gap_callbacks);
	tree->nr++;
}

static inline void tree_erase(tree_t *tree, struct area *area)
{
	struct node *node = find(tree, area->first);
	struct rb_node *prev = rb_prev(&node->rb), *next = rb_next(&node->rb);

	rb_erase_augmented(&node->rb, &tree->root, &gap_callbacks);
	if (next)
		set_gap(node_of(next), prev ? node_of(prev)->last + 1 : 0);
	node->rb.rb_left = (struct rb_node *)tree->free;
	tree->free = node;
	tree->nr--;
}

#include "loops.h"

static void *rbtree_create(bool rcu)
{
	return calloc(1, sizeof(tree_t));
}

static void rbtree_destroy(void *arg)
{
	tree_t *tree = arg;
	struct rb_node *link;

	while ((link = tree->root.rb_node)) {
		rb_erase(link, &tree->root);
		free(node_of(link));
	}
	while (tree->free) {
		struct node *node = tree->free;

		tree->free = (struct node *)node->rb.rb_left;
		free(node);
	}
	free(tree);
}

/* Does the gap before @node, clipped to the window, hold the run? */
static bool gap_fits(
	const struct node *node, const struct gap_query *q, unsigned long *begin, unsigned long *end)
{
	*begin = max(node->first - node->gap, q->min);
	*end = min(node->first, q->max + 1);
	return *begin < *end && *end - *begin >= q->size;
}

static unsigned long search_lowest(const struct rb_node *link, const struct gap_query *q)
{
	const struct node *node;
	unsigned long begin, end, found;

	while (link && (node = node_of(link))->subtree_gap >= q->size) {
		if (node->first > q->min) {
			found = search_lowest(link->rb_left, q);
			if (found)
				return found;
			if (gap_fits(node, q, &begin, &end))
				return begin;
		}
		if (node->last >= q->max)
			return 0;
		link = link->rb_right;
	}
	return 0;
}

static unsigned long search_highest(const struct rb_node *link, const struct gap_query *q)
{
	const struct node *node;
	unsigned long begin, end, found;

	while (link && (node = node_of(link))->subtree_gap >= q->size) {
		if (node->last < q->max) {
			found = search_highest(link->rb_right, q);
			if (found)
				return found;
		}
		if (node->first <= q->min)
			return 0;
		if (gap_fits(node, q, &begin, &end))
			return end - q->size;
		link = link->rb_left;
	}
	return 0;
}

/* The windows of the questions end inside an area: what follows the last one is not looked at. */
static unsigned long rbtree_gap_lowest(void *tree, const struct gap_query *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += search_lowest(((tree_t *)tree)->root.rb_node, &query[i]);
	return sum;
}

static unsigned long rbtree_gap_highest(void *tree, const struct gap_query *query, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += search_highest(((tree_t *)tree)->root.rb_node, &query[i]);
	return sum;
}

static unsigned long rbtree_iterate(void *tree)
{
	unsigned long sum = 0;

	for (struct rb_node *link = rb_first(&((tree_t *)tree)->root); link; link = rb_next(link))
		sum += (unsigned long)node_of(link)->area;
	return sum;
}

static size_t rbtree_bytes(void *tree)
{
	return ((tree_t *)tree)->nr * sizeof(struct node);
}

const struct contender contender_linux_rbtree = {
	.name = "linux-rbtree",
	.create = rbtree_create,
	.destroy = rbtree_destroy,
	.insert = loop_insert,
	.append = loop_insert,
	.load = loop_load,
	.chase = loop_chase,
	.mix = loop_mix,
	.gap_lowest = rbtree_gap_lowest,
	.gap_highest = rbtree_gap_highest,
	.iterate = rbtree_iterate,
	.bytes = rbtree_bytes,
};
