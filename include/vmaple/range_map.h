/* SPDX-License-Identifier: MIT */
/**
 * @file range_map.h
 * Ranges with a payload, for those who keep track of something and need no Linux semantics: what lies at an
 * address, what comes after it, what is free.
 *
 * A range is [first, last], both included, so that the whole of 64 bits can be covered. What the numbers count
 * (bytes, pages, blocks) is the caller's business. Ranges do not overlap. Each has a pointer and a word of bits.
 *
 * Owner.  The caller owns the struct range_map and what the pointers point to; the map owns its own memory, which
 * comes from the port (<vmaple/port.h>).
 * Locks.  None inside. Functions with a const map may run beside each other; all others need the map for themselves.
 * Errors.  0 or -errno. A call that fails has changed nothing. -EINVAL: first > last, or a size of 0. -ENOMEM.
 * Cost.  n ranges lie in pieces of up to 64. A search is O(log n). A change moves the rest of a piece, and now and
 * then, when a piece fills or empties, a word for each piece: O(64 + n / 4096) and O(k) for k ranges that it meets.
 *
 * The order of the callbacks in a call, which is also what makes failure harmless:
 *   1. memory is set aside;
 *   2. split(), for the lower cut, then for the upper one; either may fail;
 *   3. nothing fails any more: free() for each range that vanishes, ascending;
 *   4. may_merge() and, where it agrees, merge(), ascending.
 * A payload ends exactly once: by free(), or as the right one of merge(). Callbacks must not call the map.
 * docs/range-map.md
 */
#ifndef VMAPLE_RANGE_MAP_H
#define VMAPLE_RANGE_MAP_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A range and its payload. */
struct range_map_range {
	uint64_t first, last; /**< both included */
	void *value;          /**< the caller's; the map only keeps it */
	uint64_t bits;        /**< rights, classes: what range_map_update() changes */
};

/** What happens to payloads. Any may be NULL. */
struct range_map_ops {
	/**
	 * @p whole is about to be cut before @p at. The left part keeps its value; *right, at first the same, becomes
	 * that of the right part. @p whole may not be changed: another cut may fail, and then free() is called
	 * for the right part. NULL: both parts have the same value. @return 0, or -errno to refuse the whole call.
	 */
	int (*split)(void *ctx, const struct range_map_range *whole, uint64_t at, void **right);
	/** May these neighbours become one range? NULL: never. */
	bool (*may_merge)(void *ctx, const struct range_map_range *left, const struct range_map_range *right);
	/** They do: the range will have left's value and bits; right's value ends here. */
	void (*merge)(void *ctx, const struct range_map_range *left, const struct range_map_range *right);
	/** range_map_copy(): *copy, at first the same value, becomes that of the copy. @return 0 or -errno */
	int (*copy)(void *ctx, const struct range_map_range *range, void **copy);
	/** The range vanishes, and its value with it. */
	void (*free)(void *ctx, const struct range_map_range *range);
};

/** How much there is, and how much has happened since range_map_init(). */
struct range_map_counters {
	uint64_t ranges;  /**< now in the map */
	uint64_t covered; /**< indexes in them, modulo 2^64 */
	uint64_t splits;  /**< cuts that were made */
	uint64_t merges;  /**< neighbours that became one */
	uint64_t pieces;  /**< that the ranges lie in now */
};

struct range_map_piece;
/** A map. The members are private. */
struct range_map {
	const struct range_map_ops *ops;
	void *ctx;
	uint64_t *firsts;                /* where each piece begins */
	uint64_t *holes;                 /* no hole before a range of it is longer */
	struct range_map_piece **pieces; /* ascending */
	unsigned int nr_pieces, capacity, nr_spare;
	struct range_map_piece *spare[2];
	struct range_map_counters counters;
};

/** @name Life
 * @{ */
/** Make @p map empty. @p ops (NULL: no callbacks) must live as long as the map. Allocates nothing. O(1) */
VMAPLE_API void range_map_init(struct range_map *map, const struct range_map_ops *ops, void *ctx);
/** free() for each range, ascending; gives all memory back. The map is empty and can be used again. O(n) */
VMAPLE_API void range_map_destroy(struct range_map *map);
/**
 * Make @p to, which must be initialised and empty, a copy of @p from: copy() of from->ops for each range, ascending.
 * @return 0, -EINVAL (not empty), -ENOMEM, or what copy() said; then to's free() was called for all that was copied, and
 * it is empty. O(n)
 */
VMAPLE_API int range_map_copy(struct range_map *to, const struct range_map *from) __must_check;
VMAPLE_API struct range_map_counters range_map_count(const struct range_map *map);
/** @} */

/** @name Change
 * The value given to a call that fails is still the caller's.
 * @{ */
/** [first, last] becomes one range, whatever was there; then it may merge with its neighbours. */
VMAPLE_API int range_map_set(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits) __must_check;
/** As range_map_set(), where nothing is there. @return also -EEXIST */
VMAPLE_API int range_map_set_empty(
	struct range_map *map, uint64_t first, uint64_t last, void *value, uint64_t bits) __must_check;
/** Nothing is left in [first, last]. Needs memory only where both ends cut. */
VMAPLE_API int range_map_erase(struct range_map *map, uint64_t first, uint64_t last) __must_check;
/**
 * bits = (bits & ~clear) | set for all that is in [first, last]; holes stay holes. Ranges that reach out of it are cut
 * if their bits change. Then neighbours that meet at first, after last or between may merge. O(log n + k)
 */
VMAPLE_API int range_map_update(
	struct range_map *map, uint64_t first, uint64_t last, uint64_t set, uint64_t clear) __must_check;
/** Cut the range that covers @p at, so that one begins there. @return also -ENOENT: nothing covers it */
VMAPLE_API int range_map_split(struct range_map *map, uint64_t at) __must_check;
/** Cut what reaches out of [first, last] on either side. Nothing merges. */
VMAPLE_API int range_map_isolate(struct range_map *map, uint64_t first, uint64_t last) __must_check;
/** @} */

/** @name Look
 * @{ */
/** The range that covers @p at. @return false and *range untouched: none does. O(log n) */
VMAPLE_API bool range_map_find(const struct range_map *map, uint64_t at, struct range_map_range *range);
/** The first range that ends at @p at or later: the one that covers it, or the next. O(log n) */
VMAPLE_API bool range_map_first(const struct range_map *map, uint64_t at, struct range_map_range *range);
/** The last range that ends before @p at. O(log n) */
VMAPLE_API bool range_map_previous(const struct range_map *map, uint64_t at, struct range_map_range *range);
/**
 * Is there no hole in [first, last], and has each range in it all of @p bits? @return false also when first > last.
 * *where (may be NULL) becomes the first index where it is not so. O(log n + k)
 */
VMAPLE_API bool range_map_covered(
	const struct range_map *map, uint64_t first, uint64_t last, uint64_t bits, uint64_t *where);

/** An iteration: knows an index, not a place, so that the map may change in any way between two steps. */
struct range_map_cursor {
	uint64_t next; /**< ranges that end before this have been seen */
	bool end;      /**< the last index has been seen */
};
/** From @p at on, with the range that covers it. */
static inline struct range_map_cursor range_map_from(uint64_t at)
{
	struct range_map_cursor cursor = { at, false };

	return cursor;
}
/** The next range. @return false: there is none. O(log n) */
VMAPLE_API bool range_map_next(
	const struct range_map *map, struct range_map_cursor *cursor, struct range_map_range *range);
/** @} */

/** @name Free room
 * @{ */
/** What is looked for: [*at, *at + size - 1], free, within [min, max], *at a multiple of align. */
struct range_map_room {
	uint64_t size;     /**< not 0 */
	uint64_t align;    /**< a power of two; 0 is 1 */
	uint64_t min, max; /**< both included: [0, UINT32_MAX] is what a pointer of 32 bits reaches */
};
/**
 * The lowest, the highest, and the one that begins nearest to @p hint, the lower one of two.
 * @return 0; -ENOSPC and *at untouched: there is none; -EINVAL.
 * Cost: O(log n) and a glance at each piece (n / 64 words). Needs the map for itself: learns how long holes are.
 */
VMAPLE_API int range_map_lowest(
	struct range_map *map, const struct range_map_room *room, uint64_t *at) __must_check;
VMAPLE_API int range_map_highest(
	struct range_map *map, const struct range_map_room *room, uint64_t *at) __must_check;
VMAPLE_API int range_map_nearest(
	struct range_map *map, const struct range_map_room *room, uint64_t hint, uint64_t *at) __must_check;
/** @} */

/** @name Snapshots
 * @{ */
/** What the map held: ranges ascending. Values are pointers as they were, and may have been freed since. */
struct range_map_snapshot {
	size_t nr;
	struct range_map_range *ranges;
};
/** @return 0 or -ENOMEM, and then the snapshot is empty. Ends with range_map_snapshot_free(). O(n) */
VMAPLE_API int range_map_snapshot(
	const struct range_map *map, struct range_map_snapshot *snapshot) __must_check;
VMAPLE_API void range_map_snapshot_free(struct range_map_snapshot *snapshot);
/**
 * Tell, ascending, of each run of indexes whose value or bits differ; NULL stands for a hole, and the ranges are
 * whole ones. Neighbours that differ alike are told of one by one; a cut or a merge alone is no difference.
 * @return how many were told of. O(n of both)
 */
VMAPLE_API size_t range_map_difference(const struct range_map_snapshot *before,
	const struct range_map_snapshot *after,
	void (*tell)(void *ctx, uint64_t first, uint64_t last, const struct range_map_range *before,
		const struct range_map_range *after),
	void *ctx);
/** @} */

/** Check the map. @return false and the name of the broken invariant (lib/range_map/piece.h) in *reason. O(n) */
VMAPLE_API bool range_map_validate(const struct range_map *map, const char **reason);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RANGE_MAP_H */
