/* SPDX-License-Identifier: MIT */
/*
 * An ordered map of C++ as a contender: from the last address of an area to its first and the area, so that one
 * lower_bound() finds the only area that can hold an address. Included after
 *
 *     using tree_t = ...;    a map whose allocator is counting_allocator
 */
#ifndef BENCH_PEERS_MAP_HPP
#define BENCH_PEERS_MAP_HPP

#include <cstdlib>

#include "contender.h"

static inline void *tree_load(tree_t *tree, unsigned long index)
{
	auto it = tree->lower_bound(index);

	return it != tree->end() && it->second.first <= index ? it->second.area : nullptr;
}

static inline void tree_insert(tree_t *tree, struct area *area)
{
	tree->emplace(area->last, range{ area->first, area });
}

static inline void tree_erase(tree_t *tree, struct area *area)
{
	tree->erase(area->last);
}

#include "loops.h"

static void *map_create(bool)
{
	return new tree_t;
}

static void map_destroy(void *tree)
{
	delete static_cast<tree_t *>(tree);
}

static void map_append(void *arg, struct area *const *areas, size_t nr)
{
	auto *tree = static_cast<tree_t *>(arg);

	for (size_t i = 0; i < nr; i++)
		tree->emplace_hint(tree->end(), areas[i]->last, range{ areas[i]->first, areas[i] });
}

static void map_overwrite(void *arg, struct area *const *areas, size_t nr)
{
	auto *tree = static_cast<tree_t *>(arg);

	for (size_t i = 0; i < nr; i++)
		tree->find(areas[i]->last)->second.area = areas[i];
}

static unsigned long map_iterate(void *tree)
{
	unsigned long sum = 0;

	for (const auto &item : *static_cast<tree_t *>(tree))
		sum += reinterpret_cast<unsigned long>(item.second.area);
	return sum;
}

static void *map_duplicate(void *tree)
{
	return new tree_t(*static_cast<tree_t *>(tree));
}

/* What all maps of this kind have allocated: the question `memory` has one at a time. */
static size_t map_bytes(void *)
{
	return counted_bytes;
}

#define MAP_OPERATIONS                                                                                     \
	.create = map_create, .destroy = map_destroy, .rcu = false, .same_but_for_rcu = false,             \
	.insert = loop_insert, .append = map_append, .load = loop_load, .load_many = nullptr,              \
	.load_near = nullptr, .chase = loop_chase, .mix = loop_mix, .overwrite = map_overwrite,            \
	.gap_lowest = nullptr, .gap_highest = nullptr, .iterate = map_iterate, .duplicate = map_duplicate, \
	.bytes = map_bytes, .read_lock = nullptr, .read_unlock = nullptr, .write_lock = nullptr,           \
	.write_unlock = nullptr, .barrier = nullptr, .thread_exit = nullptr, .ops = nullptr

#endif /* BENCH_PEERS_MAP_HPP */
