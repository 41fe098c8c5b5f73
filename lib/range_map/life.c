/* SPDX-License-Identifier: MIT */
/* Maps as wholes: made, ended, copied; snapshots and what differs between two. */
#include "piece.h"

#include "alloc.h"
#include "bytes.h"

void range_map_init(struct range_map *map, const struct range_map_ops *ops, void *ctx)
{
	memset(map, 0, sizeof(*map));
	map->ops = ops;
	map->ctx = ctx;
	map->recent = range_map_nowhere;
	map->change = 1; /* pieces of none have 0 */
	map->plain = !ops || (!ops->split && !ops->free && !ops->class_of);
	map->merges = ops && ops->may_merge;
	map->equals = map->merges && ops->may_merge == range_map_equal && !ops->merge;
	see_direct(map);
}

bool range_map_equal(void *ctx, const struct range_map_range *left, const struct range_map_range *right)
{
	(void)ctx;
	return left->bits == right->bits && left->value == right->value;
}

void range_map_destroy(struct range_map *map)
{
	uint64_t most_ranges, most_covered;

	if (map->ops && map->ops->free)
		for (struct place at = { 0, 0 }; !place_is_end(map, at); at = place_next(map, at)) {
			struct range_map_range range = place_range(map, at);

			if (!range_is_tombstone(&range))
				map->ops->free(map->ctx, &range);
		}
	pieces_free(map);
	most_ranges = map->most_ranges;
	most_covered = map->most_covered;
	range_map_init(map, map->ops, map->ctx);
	range_map_limit(map, most_ranges, most_covered);
}

void range_map_limit(struct range_map *map, uint64_t ranges, uint64_t covered)
{
	map->most_ranges = ranges;
	map->most_covered = covered;
	map->plain = !ranges && !covered &&
		     (!map->ops || (!map->ops->split && !map->ops->free && !map->ops->class_of));
	see_direct(map);
}

int range_map_append(struct range_map *map, const struct range_map_range *range)
{
	struct place end = { map->nr_pieces, 0 };
	int err = pieces_reserve(map, 1, REPLACE_CHANGES);

	if (err)
		return err;
	piece_replace(map, end, end, range, 1);
	count_range(map, range, 1);
	change_ends(map);
	return 0;
}

int range_map_copy(struct range_map *to, const struct range_map *from)
{
	int err = 0;

	if (to->nr_pieces || to->view || to == from)
		return -EINVAL;
	for (struct place at = { 0, 0 }; !err && !place_is_end(from, at); at = place_next(from, at)) {
		struct range_map_range range = place_range(from, at);

		if (range_is_tombstone(&range))
			continue;
		err = pieces_reserve(to, 1, REPLACE_CHANGES);
		if (!err && from->ops && from->ops->copy)
			err = from->ops->copy(from->ctx, &range, &range.value);
		if (!err)
			err = range_map_append(to, &range);
	}
	if (err)
		range_map_destroy(to);
	return err;
}

int range_map_snapshot(const struct range_map *map, struct range_map_snapshot *snapshot)
{
	size_t nr = map->counters.ranges, i = 0;

	snapshot->nr = 0;
	snapshot->ranges = NULL;
	if (nr == 0)
		return 0;
	snapshot->ranges = port_alloc(nr * sizeof(snapshot->ranges[0]), sizeof(uint64_t) * 2, GFP_KERNEL);
	if (!snapshot->ranges)
		return -ENOMEM;
	for (struct place at = { 0, 0 }; !place_is_end(map, at); at = place_next(map, at))
		if (!place_is_tombstone(map, at))
			snapshot->ranges[i++] = place_range(map, at);
	snapshot->nr = nr;
	return 0;
}

void range_map_snapshot_free(struct range_map_snapshot *snapshot)
{
	if (snapshot->ranges)
		port_free(snapshot->ranges, snapshot->nr * sizeof(snapshot->ranges[0]));
	snapshot->nr = 0;
	snapshot->ranges = NULL;
}

/* One of two snapshots, and what of it is still to come. */
struct side {
	const struct range_map_range *next, *end;
};

/* What lies at @at, NULL for a hole; *last becomes its end, if that is lower. */
static const struct range_map_range *side_at(struct side *side, uint64_t at, uint64_t *last)
{
	const struct range_map_range *range;

	while (side->next != side->end && side->next->last < at)
		side->next++;
	range = side->next;
	if (range == side->end)
		return NULL;
	if (range->first > at) {
		if (range->first - 1 < *last)
			*last = range->first - 1;
		return NULL;
	}
	if (range->last < *last)
		*last = range->last;
	return range;
}

size_t range_map_difference(const struct range_map_snapshot *before, const struct range_map_snapshot *after,
	void (*tell)(void *ctx, uint64_t first, uint64_t last, const struct range_map_range *before,
		const struct range_map_range *after),
	void *ctx)
{
	struct side was = { before->ranges, before->nr ? before->ranges + before->nr : before->ranges };
	struct side is = { after->ranges, after->nr ? after->ranges + after->nr : after->ranges };
	uint64_t first = 0, last;
	size_t told = 0;

	do {
		const struct range_map_range *a, *b;

		last = UINT64_MAX;
		a = side_at(&was, first, &last);
		b = side_at(&is, first, &last);
		if (!a != !b || (a && (a->value != b->value || a->bits != b->bits))) {
			tell(ctx, first, last, a, b);
			told++;
		}
		first = last + 1;
	} while (last != UINT64_MAX);
	return told;
}
