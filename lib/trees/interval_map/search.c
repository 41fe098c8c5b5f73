/* SPDX-License-Identifier: MIT */
/*
 * Interval maps: searches. Theory, invariants and failure: internal.h.
 *
 * For each level on the way down the mask says which children are still to be entered. What is entered next is fetched
 * before the one in hand is compared.
 */
#include "internal.h"

/*
 * A bit for each slot that overlaps [from, to].  Sums with the carry of a comparison: two instructions for a start and
 * for a last.
 */
static inline unsigned int hits(const struct interval_map_node *node, unsigned long from, unsigned long to)
{
	unsigned int early = 0, late = 0, nr = (unsigned int)node->nr;

	for (unsigned int i = SLOTS; i-- > 0;) {
		early = early + early + (node->last[i] < from);
		late += to < node->start[i];
	}
	nr = SLOTS - late < nr ? SLOTS - late : nr;
	return ~early & ((1U << nr) - 1);
}

/* What hits() reads of it. */
static inline void fetch(const struct interval_map_node *node)
{
	const char *at = (const char *)node;

	for (size_t i = 0; i < offsetof(struct interval_map_node, entry); i += 64)
		__builtin_prefetch(at + i);
}

void interval_map_iter_init(struct interval_map_iter *iter, const struct interval_map *map,
	unsigned long start, unsigned long last)
{
	iter->from = start;
	iter->to = last;
	iter->mask = 0;
	iter->height = iter->level = map->height;
	iter->leaf = NULL;
	iter->nodes[map->height] = map->root;
	iter->masks[map->height] = 0;
	if (!map->root)
		return;
	iter->masks[map->height] = hits(map->root, start, last);
}

bool interval_map_next_leaf(struct interval_map_iter *iter)
{
	unsigned int level = iter->level;

	for (;;) {
		unsigned int mask = iter->masks[level];
		const struct interval_map_node *node;

		if (!mask) {
			if (level == iter->height)
				return false;
			level++;
			continue;
		}
		if (!level) {
			iter->leaf = iter->nodes[0];
			iter->mask = mask;
			iter->masks[0] = 0;
			iter->level = iter->height ? 1 : 0;
			return true;
		}
		node = iter->nodes[level]->entry[__builtin_ctz(mask)];
		mask &= mask - 1;
		iter->masks[level] = mask;
		fetch(node);
		if (mask)
			fetch(iter->nodes[level]->entry[__builtin_ctz(mask)]);
		level--;
		iter->nodes[level] = node;
		iter->masks[level] = hits(node, iter->from, iter->to);
	}
}
