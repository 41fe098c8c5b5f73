/* SPDX-License-Identifier: MIT */
/*
 * The loops around a red-black tree, ours or the kernel's: the same source for both.  Included after the tree's header
 * and
 *
 *     #define RB_OPS name      of the struct rb_ops
 */
#include <stdlib.h>

#include "trees.h"

/* A cache line, as a small area would be. */
struct item {
	struct rb_node rb;
	unsigned int key, number;
	unsigned long weight, heaviest;
	struct item *twin; /* has the same key; one of the two is in the tree */
	struct item *spare;
};
_Static_assert(sizeof(struct item) == 64, "an item is one cache line");

struct tree {
	struct rb_root root;
	struct item *items;
	struct item **in; /* the one of two twins that is in the tree, by number */
	size_t nr;
	bool augmented;
};

#define item_of(node) rb_entry(node, struct item, rb)

static inline unsigned long item_weight(const struct item *item)
{
	return item->weight;
}

RB_DECLARE_CALLBACKS_MAX(static, heaviest, struct item, rb, unsigned long, heaviest, item_weight);

static inline void insert_plain(struct tree *t, struct item *item)
{
	struct rb_node **link = &t->root.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item->key < item_of(parent)->key ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&item->rb, parent, link);
	rb_insert_color(&item->rb, &t->root);
}

static inline void insert_augmented(struct tree *t, struct item *item)
{
	struct rb_node **link = &t->root.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (item_of(parent)->heaviest < item->weight)
			item_of(parent)->heaviest = item->weight;
		link = item->key < item_of(parent)->key ? &parent->rb_left : &parent->rb_right;
	}
	item->heaviest = item->weight;
	rb_link_node(&item->rb, parent, link);
	rb_insert_augmented(&item->rb, &t->root, &heaviest);
}

static void ops_insert(void *tree, const unsigned int *which, size_t nr)
{
	struct tree *t = tree;

	if (t->augmented)
		for (size_t i = 0; i < nr; i++)
			insert_augmented(t, t->in[which[i]]);
	else
		for (size_t i = 0; i < nr; i++)
			insert_plain(t, t->in[which[i]]);
}

static void ops_erase(void *tree, const unsigned int *which, size_t nr)
{
	struct tree *t = tree;

	if (t->augmented)
		for (size_t i = 0; i < nr; i++)
			rb_erase_augmented(&t->in[which[i]]->rb, &t->root, &heaviest);
	else
		for (size_t i = 0; i < nr; i++)
			rb_erase(&t->in[which[i]]->rb, &t->root);
}

static void *ops_create(const unsigned int *keys, size_t nr, bool augmented)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->nr = nr;
	t->augmented = augmented;
	t->items = make_items(2 * nr, sizeof(*t->items));
	t->in = calloc(nr, sizeof(*t->in));
	if (!t->in)
		abort();
	for (size_t i = 0; i < 2 * nr; i++) {
		struct item *item = &t->items[i];

		item->number = (unsigned int)(i % nr);
		item->key = keys[i % nr];
		item->weight = keys[i % nr] * 2654435761UL % 1000003;
		item->twin = &t->items[(i + nr) % (2 * nr)];
	}
	for (unsigned int i = 0; i < nr; i++) {
		t->in[i] = &t->items[i];
		ops_insert(t, &i, 1);
	}
	return t;
}

static void ops_destroy(void *tree)
{
	struct tree *t = tree;

	free(t->items);
	free(t->in);
	free(t);
}

static unsigned long ops_search(void *tree, const unsigned int *key, size_t nr)
{
	struct tree *t = tree;
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++) {
		struct rb_node *node = t->root.rb_node;

		while (node && item_of(node)->key != key[i])
			node = key[i] < item_of(node)->key ? node->rb_left : node->rb_right;
		sum += node ? item_of(node)->number : 0;
	}
	return sum;
}

static void ops_replace(void *tree, const unsigned int *which, size_t nr)
{
	struct tree *t = tree;

	for (size_t i = 0; i < nr; i++) {
		struct item *old = t->in[which[i]];

		rb_replace_node(&old->rb, &old->twin->rb, &t->root);
		t->in[which[i]] = old->twin;
	}
}

static unsigned long ops_next(void *tree)
{
	unsigned long sum = 0;

	for (struct rb_node *node = rb_first(&((struct tree *)tree)->root); node; node = rb_next(node))
		sum = sum * 31 + item_of(node)->number;
	return sum;
}

static unsigned long ops_prev(void *tree)
{
	unsigned long sum = 0;

	for (struct rb_node *node = rb_last(&((struct tree *)tree)->root); node; node = rb_prev(node))
		sum = sum * 31 + item_of(node)->number;
	return sum;
}

/* Trees of one history are of one shape: so is this order. */
static unsigned long ops_postorder(void *tree)
{
	unsigned long sum = 0;

	for (struct rb_node *node = rb_first_postorder(&((struct tree *)tree)->root); node;
		node = rb_next_postorder(node))
		sum = sum * 31 + item_of(node)->number;
	return sum;
}

const struct rb_ops RB_OPS = { { ops_destroy, ops_insert, ops_erase }, ops_create, ops_search, ops_replace,
	ops_next, ops_prev, ops_postorder };
