/* SPDX-License-Identifier: MIT */
/*
 * Interval maps: theory of operation.
 *
 * 1. A B-tree whose leaves hold intervals and whose inner nodes hold, for each child, a key and the largest last:
 *
 *            key  2    8   20                 which overlap [10, 11]?
 *            last 9   30   25                 start <= 11 and last >= 10: the second child alone
 *                /     |     \
 *      [2,4]       [8,30]     [20,25]
 *      [5,9]       [12,14]    [21,21]
 *
 * 2. Invariants: IM1 to IM6 of <vmaple/interval_map.h>.
 * 3. Equal starts are the rule where files are mapped, so a key is all three of start, last and entry, and leads to
 *    one leaf. Searches for hits read starts and lasts alone.
 * 4. A slot that is not used is no hit (IM5), unless all of the space is asked for; so a node is compared whole, by a
 *    loop of fixed length, and what it has too many is cut off.
 * 5. An insertion that comes last into a full node at the right edge leaves that node full: ascending order fills
 *    nodes.
 * 6. Failure. What splits on the way up is known when the way down has been gone, and set aside first. An erase needs
 *    nothing: nodes that are short of slots take some from one beside them, or go up in it.
 */
#ifndef INTERVAL_MAP_INTERNAL_H
#define INTERVAL_MAP_INTERNAL_H

#include <limits.h>

#include <vmaple/interval_map.h>

#define SLOTS  INTERVAL_MAP_SLOTS
#define FEWEST (SLOTS / 3)

/* Of what is above the leaves: with start, the rest of each child's key. */
struct inner {
	struct interval_map_node node;
	unsigned long key_last[SLOTS];
	void *key_entry[SLOTS];
};

/* An interval, or a child with its key. */
struct slot {
	unsigned long start, last;
	void *entry;
	unsigned long key_last;
	void *key_entry;
};

static inline struct inner *inner_of(struct interval_map_node *node)
{
	return (struct inner *)node;
}

/* Level 0 are the leaves. */
static inline size_t node_size(unsigned int level)
{
	return level ? sizeof(struct inner) : sizeof(struct interval_map_node);
}

static inline struct slot slot_at(struct interval_map_node *node, unsigned int level, unsigned long i)
{
	struct slot slot = { node->start[i], node->last[i], node->entry[i], node->last[i], node->entry[i] };

	if (level) {
		slot.key_last = inner_of(node)->key_last[i];
		slot.key_entry = inner_of(node)->key_entry[i];
	}
	return slot;
}

/* IM2 */
static inline bool key_below(const struct slot *a, const struct slot *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	if (a->key_last != b->key_last)
		return a->key_last < b->key_last;
	return (uintptr_t)a->key_entry < (uintptr_t)b->key_entry;
}

/* IM3; slots that are not used end at 0. */
static inline unsigned long node_max(const struct interval_map_node *node)
{
	unsigned long max = 0;

	for (int i = 0; i < SLOTS; i++)
		max = node->last[i] > max ? node->last[i] : max;
	return max;
}

#endif /* INTERVAL_MAP_INTERNAL_H */
