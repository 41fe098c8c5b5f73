/* SPDX-License-Identifier: MIT */
/*
 * Interval maps: validation, one pass over all nodes, checking IM1 to IM6 of <vmaple/interval_map.h>, and how much
 * memory they take.
 */
#include "internal.h"

/* What the pass knows so far. */
struct pass {
	const struct interval_map *map;
	struct slot before; /* the interval before */
	size_t nr;
	const char **reason;
};

static bool fail(const struct pass *pass, const char *rule)
{
	*pass->reason = rule;
	return false;
}

static bool check_unused(const struct pass *pass, const struct interval_map_node *node)
{
	for (unsigned long i = node->nr; i < SLOTS; i++)
		if (node->start[i] != ULONG_MAX || node->last[i])
			return fail(pass, "IM5: a slot that is not used is no hit");
	return true;
}

static bool check_interval(struct pass *pass, const struct slot *slot)
{
	if (slot->last < slot->start)
		return fail(pass, "IM1: an interval does not end before it starts");
	if (pass->nr++ && !key_below(&pass->before, slot))
		return fail(pass, "IM2: intervals ascend");
	pass->before = *slot;
	return true;
}

static bool check_node( // NOLINT(misc-no-recursion): a level deeper each time
	struct pass *pass, struct interval_map_node *node, unsigned int level, bool edge)
{
	bool top = node == pass->map->root;

	if (!node->nr || node->nr > SLOTS || (!top && !edge && node->nr < FEWEST) ||
		(top && level && node->nr == 1))
		return fail(pass, "IM4: a node is filled as far as its place asks");
	if (!check_unused(pass, node))
		return false;
	for (unsigned long i = 0; i < node->nr; i++) {
		struct slot slot = slot_at(node, level, i), first;

		if (!level) {
			if (!check_interval(pass, &slot))
				return false;
			continue;
		}
		first = slot_at(slot.entry, level - 1, 0);
		if (key_below(&first, &slot) || (pass->nr && !key_below(&pass->before, &slot)) ||
			slot.last != node_max(slot.entry))
			return fail(pass, "IM3: keys and lasts are those of the child");
		if (!check_node(pass, slot.entry, level - 1, edge && i + 1 == node->nr))
			return false;
	}
	return true;
}

bool interval_map_validate(const struct interval_map *map, const char **reason)
{
	struct pass pass = { .map = map, .reason = reason };

	if (!map->root)
		return !map->nr && !map->height ? true : fail(&pass, "IM6: a map without a root is empty");
	if (!check_node(&pass, map->root, map->height, true))
		return false;
	return pass.nr == map->nr ? true
				  : fail(&pass, "IM6: the leaves hold as many intervals as are counted");
}

static size_t bytes_below( // NOLINT(misc-no-recursion): a level deeper each time
	const struct interval_map_node *node, unsigned int level)
{
	size_t bytes = node_size(level);

	for (unsigned long i = 0; level && i < node->nr; i++)
		bytes += bytes_below(node->entry[i], level - 1);
	return bytes;
}

size_t interval_map_bytes(const struct interval_map *map)
{
	return map->root ? bytes_below(map->root, map->height) : 0;
}
