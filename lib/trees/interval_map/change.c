/* SPDX-License-Identifier: MIT */
/*
 * Interval maps: insertion and erasure. Theory, invariants and failure: internal.h.
 *
 * A change goes down once, to the one leaf where its key may lie, and remembers the way; then up it, level by level.
 */
#include "alloc.h"
#include "bytes.h"
#include "internal.h"
#include "linux_names.h"

/* The way down: a node of each level, and which slot of it was entered; in the leaf, where the key is or would be. */
struct path {
	struct interval_map_node *node[INTERVAL_MAP_DEEPEST];
	unsigned long at[INTERVAL_MAP_DEEPEST];
};

static void slot_set(
	struct interval_map_node *node, unsigned int level, unsigned long i, const struct slot *slot)
{
	node->start[i] = slot->start;
	node->last[i] = slot->last;
	node->entry[i] = slot->entry;
	if (level) {
		inner_of(node)->key_last[i] = slot->key_last;
		inner_of(node)->key_entry[i] = slot->key_entry;
	}
}

static void slot_clear(struct interval_map_node *node, unsigned long i)
{
	node->start[i] = ULONG_MAX;
	node->last[i] = 0;
}

static struct interval_map_node *node_new(unsigned int level)
{
	struct interval_map_node *node = port_alloc(node_size(level), 64, GFP_KERNEL);

	if (!node)
		return NULL;
	node->nr = 0;
	for (unsigned long i = 0; i < SLOTS; i++)
		slot_clear(node, i);
	return node;
}

static void node_free(struct interval_map_node *node, unsigned int level)
{
	port_free(node, node_size(level));
}

/* @nr slots of @from, from @at on, go to @to, from @place on; what they leave is as it was. */
static void slots_move(struct interval_map_node *to, unsigned long place, struct interval_map_node *from,
	unsigned long at, unsigned int level, unsigned long nr)
{
	memmove(&to->start[place], &from->start[at], nr * sizeof(to->start[0]));
	memmove(&to->last[place], &from->last[at], nr * sizeof(to->last[0]));
	memmove(&to->entry[place], &from->entry[at], nr * sizeof(to->entry[0]));
	if (!level)
		return;
	memmove(&inner_of(to)->key_last[place], &inner_of(from)->key_last[at], nr * sizeof(to->last[0]));
	memmove(&inner_of(to)->key_entry[place], &inner_of(from)->key_entry[at], nr * sizeof(to->entry[0]));
}

static void slot_insert(
	struct interval_map_node *node, unsigned int level, unsigned long at, const struct slot *slot)
{
	slots_move(node, at + 1, node, at, level, node->nr - at);
	slot_set(node, level, at, slot);
	node->nr++;
}

static void slot_erase(struct interval_map_node *node, unsigned int level, unsigned long at)
{
	node->nr--;
	slots_move(node, at, node, at + 1, level, node->nr - at);
	slot_clear(node, node->nr);
}

static void slots_cut(struct interval_map_node *node, unsigned long nr)
{
	while (node->nr > nr)
		slot_clear(node, --node->nr);
}

/* The last @nr slots of @left go before all of @right. */
static void slots_to_right(
	struct interval_map_node *left, struct interval_map_node *right, unsigned int level, unsigned long nr)
{
	slots_move(right, nr, right, 0, level, right->nr);
	slots_move(right, 0, left, left->nr - nr, level, nr);
	right->nr += nr;
	slots_cut(left, left->nr - nr);
}

/* The first @nr slots of @right go behind all of @left. */
static void slots_to_left(
	struct interval_map_node *left, struct interval_map_node *right, unsigned int level, unsigned long nr)
{
	slots_move(left, left->nr, right, 0, level, nr);
	left->nr += nr;
	slots_move(right, 0, right, nr, level, right->nr - nr);
	slots_cut(right, right->nr - nr);
}

/* How many of its keys are below @key. */
static unsigned long below(struct interval_map_node *node, unsigned int level, const struct slot *key)
{
	unsigned long i = 0;

	/* What is not used is never below. */
	for (unsigned int j = 0; j < SLOTS; j++)
		i += node->start[j] < key->start;
	for (; i < node->nr && node->start[i] == key->start; i++) {
		struct slot slot = slot_at(node, level, i);

		if (!key_below(&slot, key))
			break;
	}
	return i;
}

static bool same_key(const struct slot *a, const struct slot *b)
{
	return a->start == b->start && a->key_last == b->key_last && a->key_entry == b->key_entry;
}

/* To the leaf. @return whether @key is there */
static bool go_down(const struct interval_map *map, const struct slot *key, struct path *path)
{
	struct interval_map_node *node = map->root;

	for (unsigned int level = map->height;; level--) {
		unsigned long at = below(node, level, key);
		struct slot slot = at < node->nr ? slot_at(node, level, at) : (struct slot){ .start = 0 };
		bool same = at < node->nr && same_key(&slot, key);

		path->node[level] = node;
		path->at[level] = at;
		if (!level)
			return same;
		/* The child whose key is the last that is not above. */
		path->at[level] = at + same > 0 ? at + same - 1 : 0;
		node = node->entry[path->at[level]];
	}
}

/* How a node is told of above. */
static struct slot child_slot(struct interval_map_node *node, unsigned int level)
{
	struct slot slot = slot_at(node, level, 0);

	slot.last = node_max(node);
	slot.entry = node;
	return slot;
}

/* The child at @at has changed. */
static void refresh(struct interval_map_node *node, unsigned int level, unsigned long at)
{
	struct slot slot = child_slot(node->entry[at], level - 1);

	slot_set(node, level, at, &slot);
}

/* @key came into the child at @at. */
static void cover(
	struct interval_map_node *node, unsigned int level, unsigned long at, const struct slot *key)
{
	struct slot slot = slot_at(node, level, at);

	slot.last = slot.last < key->last ? key->last : slot.last;
	if (key_below(key, &slot)) {
		slot.start = key->start;
		slot.key_last = key->key_last;
		slot.key_entry = key->key_entry;
	}
	slot_set(node, level, at, &slot);
}

static bool at_right_edge(const struct interval_map *map, const struct path *path, unsigned int level)
{
	while (level++ < map->height)
		if (path->at[level] + 1 < path->node[level]->nr)
			return false;
	return true;
}

/*
 * Half of a full node goes to @right; or nothing but what comes, where that comes last. @return what takes the slot
 * at @at
 */
static struct interval_map_node *split(struct interval_map_node *node, struct interval_map_node *right,
	unsigned int level, unsigned long *at, bool edge)
{
	if (!edge || *at < SLOTS)
		slots_to_right(node, right, level, SLOTS / 2);
	if (*at <= node->nr && node->nr < SLOTS)
		return node;
	*at -= node->nr;
	return right;
}

/* New nodes for all that will split: the lowest ones, from the leaf on, and a root where all do. */
static int preallocate(
	const struct interval_map *map, const struct path *path, struct interval_map_node **spare)
{
	unsigned int level = 0;

	for (; level <= map->height && path->node[level]->nr == SLOTS; level++) {
		spare[level] = node_new(level);
		if (!spare[level])
			goto no_memory;
	}
	if (level <= map->height)
		return 0;
	spare[level] = node_new(level);
	if (spare[level])
		return 0;
no_memory:
	while (level-- > 0)
		node_free(spare[level], level);
	return -ENOMEM;
}

/* A root above the two halves of the one before. */
static void grow(struct interval_map *map, struct interval_map_node *root, const struct slot *right)
{
	struct slot left = child_slot(map->root, map->height);

	map->height++;
	slot_insert(root, map->height, 0, &left);
	slot_insert(root, map->height, 1, right);
	map->root = root;
}

/* Put @key where @path leads, and what splits off into the levels above. */
static void put(struct interval_map *map, const struct path *path, const struct slot *key,
	struct interval_map_node **spare)
{
	struct slot slot = *key;
	bool more = true; /* slot is to be put */

	for (unsigned int level = 0; level <= map->height; level++) {
		struct interval_map_node *node = path->node[level], *into = node;
		unsigned long at = path->at[level];

		if (level && !more) {
			cover(node, level, at, key);
			continue;
		}
		if (level)
			refresh(node, level, at++);
		more = node->nr == SLOTS;
		if (more) // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): preallocate() made it, the node is full
			into = split(node, spare[level], level, &at, at_right_edge(map, path, level));
		slot_insert(into, level, at, &slot);
		if (more)
			slot = child_slot(spare[level], level);
	}
	if (more)
		grow(map, spare[map->height + 1], &slot);
}

int interval_map_insert(struct interval_map *map, unsigned long start, unsigned long last, void *entry)
{
	struct slot slot = { start, last, entry, last, entry };
	struct interval_map_node *spare[INTERVAL_MAP_DEEPEST + 1];
	struct path path;
	int error;

	if (last < start)
		return -EINVAL;
	if (!map->root) {
		map->root = node_new(0);
		if (!map->root)
			return -ENOMEM;
	}
	if (go_down(map, &slot, &path))
		return -EEXIST;
	error = preallocate(map, &path, spare);
	if (error)
		return error;
	put(map, &path, &slot, spare);
	map->nr++;
	return 0;
}

/* The child at @at is short of slots, or has none: it takes some from the one beside it, or becomes one with that. */
static void mend(struct interval_map_node *node, unsigned int level, unsigned long at)
{
	struct interval_map_node *child = node->entry[at], *left, *right;

	if (!child->nr) {
		slot_erase(node, level, at);
		node_free(child, level - 1);
		return;
	}
	if (node->nr == 1) { /* at the right edge */
		refresh(node, level, at);
		return;
	}
	at -= at + 1 == node->nr;
	left = node->entry[at];
	right = node->entry[at + 1];
	if (left->nr + right->nr <= SLOTS) {
		slots_to_left(left, right, level - 1, right->nr);
		slot_erase(node, level, at + 1);
		node_free(right, level - 1);
	} else {
		if (left->nr > right->nr)
			slots_to_right(left, right, level - 1, (left->nr - right->nr) / 2);
		else
			slots_to_left(left, right, level - 1, (right->nr - left->nr) / 2);
		refresh(node, level, at + 1);
	}
	refresh(node, level, at);
}

/* One child alone is no branch, and no interval no map. */
static void shrink(struct interval_map *map)
{
	while (map->height && map->root->nr == 1) {
		struct interval_map_node *root = map->root;

		map->root = root->entry[0];
		node_free(root, map->height--);
	}
	if (map->root->nr)
		return;
	node_free(map->root, map->height);
	*map = (struct interval_map){ .root = NULL };
}

int interval_map_erase(struct interval_map *map, unsigned long start, unsigned long last, void *entry)
{
	struct slot slot = { start, last, entry, last, entry };
	struct path path;

	if (!map->root || !go_down(map, &slot, &path))
		return -ENOENT;
	slot_erase(path.node[0], 0, path.at[0]);
	map->nr--;
	for (unsigned int level = 1; level <= map->height; level++) {
		struct interval_map_node *child = path.node[level - 1];
		unsigned long *ends = &path.node[level]->last[path.at[level]];

		if (child->nr < FEWEST)
			mend(path.node[level], level, path.at[level]);
		else if (*ends == last)
			*ends = node_max(child);
	}
	shrink(map);
	return 0;
}

static void free_below( // NOLINT(misc-no-recursion): a level deeper each time
	struct interval_map_node *node, unsigned int level)
{
	for (unsigned long i = 0; level && i < node->nr; i++)
		free_below(node->entry[i], level - 1);
	node_free(node, level);
}

void interval_map_clear(struct interval_map *map)
{
	if (map->root)
		free_below(map->root, map->height);
	*map = (struct interval_map){ .root = NULL };
}
