/* SPDX-License-Identifier: MIT */
/* The boundaries of a running process, decided and counted. */
#ifndef CLI_BOUNDARIES_H
#define CLI_BOUNDARIES_H

#include <vmaple/live_map.h>
#include <vmaple/merge.h>

#define BOUNDARY_REASONS 11 /* of enum vma_merge_blocker */

/* Two areas that follow each other, in the callback of each_boundary(); the areas are the map's. */
struct boundary {
	const struct live_area *left, *right;
	unsigned int certain; /* sum of enum vma_merge_blocker; VMA_BLOCK_GAP: they do not touch */
	unsigned int perhaps; /* what the source could not see and may keep them apart */
};

/*
 * Boundaries between areas that touch. alone + together are certain; uncertain counts those only for
 * which nothing certain is known.
 */
struct reason_count {
	uint64_t alone, together, uncertain; /* boundaries with this reason only, with others, and perhaps */
};

/* Of one reading of a map. boundaries + gaps is the number of areas less one. */
struct boundary_tally {
	struct reason_count reasons[BOUNDARY_REASONS];
	uint64_t boundaries, gaps; /* between areas that touch, and others */
	uint64_t joinable;         /* nothing keeps them apart */
};

/*
 * Each pair of neighbours of @map in turn, and count them.  @each may be NULL.  0 or -errno of live_map_build().
 */
int each_boundary(const struct live_map *map, struct boundary_tally *tally,
	void (*each)(void *ctx, const struct boundary *b), void *ctx);

#endif /* CLI_BOUNDARIES_H */
