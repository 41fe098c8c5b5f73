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
 * Only range_map_lookup() and the generation may be beside a change, and in any signal handler: range_map_share().
 * Errors.  0 or -errno. A call that fails has changed nothing. -EINVAL: first > last, a size of 0, or
 * RANGE_MAP_TOMBSTONE in bits that the caller gives. -EBUSY: a tombstone is met. -ENOSPC: a limit. -ENOMEM.
 * Cost.  n ranges lie in pieces of up to 64. A search is O(log n). A change moves the rest of a piece, and now and
 * then, when a piece fills or empties, a word for each piece: O(64 + n / 4096) and O(k) for k ranges that it meets.
 *
 * The order of the callbacks in a call, which is also what makes failure harmless:
 *   1. memory is set aside;
 *   2. split(), for the lower cut, then for the upper one; either may fail;
 *   3. nothing fails any more: free() for each range that vanishes, ascending;
 *   4. may_merge() and, where it agrees, merge(), ascending.
 * A payload ends exactly once: by free(), or as the right one of merge(). Callbacks must not call the map.
 * C++: <vmaple/range_map.hpp>. docs/range-map.md
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
	uint64_t bits; /**< rights, classes: what range_map_update() changes. 63: the highest is the map's */
};
/** In bits: range_map_unmap_begin() was here. No look shows such a range. */
#define RANGE_MAP_TOMBSTONE (1ULL << 63)
/** Classes of payload that are counted apart. */
#define RANGE_MAP_CLASSES 8

/** What happens to payloads. Any may be NULL. */
struct range_map_ops {
	/**
	 * @p whole is about to be cut before @p at. The left part keeps its value; *right, at first the same, becomes
	 * that of the right part. @p whole may not be changed: another cut may fail, and then free() is called
	 * for the right part. NULL: both parts have the same value. @return 0, or -errno to refuse the whole call.
	 */
	int (*split)(void *ctx, const struct range_map_range *whole, uint64_t at, void **right);
	/** May these neighbours become one range? NULL: never. range_map_equal: where value and bits are the same. */
	bool (*may_merge)(void *ctx, const struct range_map_range *left, const struct range_map_range *right);
	/** They do: the range will have left's value and bits; right's value ends here. */
	void (*merge)(void *ctx, const struct range_map_range *left, const struct range_map_range *right);
	/** range_map_copy(): *copy, at first the same value, becomes that of the copy. @return 0 or -errno */
	int (*copy)(void *ctx, const struct range_map_range *range, void **copy);
	/** The range vanishes, and its value with it. */
	void (*free)(void *ctx, const struct range_map_range *range);
	/**
	 * Modulo RANGE_MAP_CLASSES, which of range_map_count_class() the range is counted in. NULL: all are of class 0.
	 * It follows from value and bits, and changes with the bits only.
	 */
	unsigned int (*class_of)(void *ctx, const struct range_map_range *range);
};

/** A may_merge(): the same value and the same bits. Maps know it, and where there is no merge() do without the call. */
VMAPLE_API bool range_map_equal(
	void *ctx, const struct range_map_range *left, const struct range_map_range *right);

/** How much there is, and how much has happened since range_map_init(). */
struct range_map_counters {
	uint64_t ranges;     /**< now in the map */
	uint64_t covered;    /**< indexes in them, modulo 2^64 */
	uint64_t splits;     /**< cuts that were made */
	uint64_t merges;     /**< neighbours that became one */
	uint64_t pieces;     /**< that the ranges lie in now */
	uint64_t tombstones; /**< now; they are not among the ranges */
};
/** The same of one class. */
struct range_map_class {
	uint64_t ranges, covered;
};

struct range_map_piece;
struct range_map_view;
/** A map. The members are private. */
struct range_map {
	const struct range_map_ops *ops;
	void *ctx;
	uint64_t *firsts;                /* where each piece begins */
	uint64_t *holes;                 /* no hole before a range of it is longer */
	struct range_map_piece **pieces; /* ascending */
	struct range_map_piece *spare;   /* that the next changes take */
	unsigned int nr_pieces, capacity, nr_spare;
	bool plain;  /* no callback but may_merge() and merge(), and no limit */
	bool merges; /* has may_merge() */
	bool equals; /* it is range_map_equal(), and there is no merge() */
	bool direct; /* and neither readers nor tombstones */
	struct range_map_counters counters;
	struct range_map_class classes[RANGE_MAP_CLASSES];
	uint64_t most_ranges, most_covered;
	/* Of a map with readers: lib/range_map/share.c. */
	struct range_map_view *view, *spare_view, *old_views;
	struct range_map_piece *replaced;
	uint64_t generation, change;
	unsigned int nr_changed, changed, nr_old_views;
	bool reshaped;
	unsigned int recent_piece; /* where recent is, or was */
	const struct range_map_range
		*recent; /* three slots: where the last look or change was, and beside it */
};

/** @name Life
 * @{ */
/** Make @p map empty. @p ops (NULL: no callbacks) must live as long as the map. Allocates nothing. O(1) */
VMAPLE_API void range_map_init(struct range_map *map, const struct range_map_ops *ops, void *ctx);
/** free() for each range, ascending; gives all memory back. The map is empty and can be used again. O(n) */
VMAPLE_API void range_map_destroy(struct range_map *map);
/**
 * Make @p to, which must be initialised and empty, a copy of @p from: copy() of from->ops for each range, ascending.
 * @return 0, -EINVAL (not empty), -ENOMEM, or what copy() said; then to's free() was called for all that was copied,
 * and it is empty. O(n)
 */
VMAPLE_API int range_map_copy(struct range_map *to, const struct range_map *from) __must_check;
VMAPLE_API struct range_map_counters range_map_count(const struct range_map *map);
/** @p class less than RANGE_MAP_CLASSES. */
VMAPLE_API struct range_map_class range_map_count_class(const struct range_map *map, unsigned int class_nr);
/**
 * From now on a call that would leave more than @p ranges ranges, or @p covered indexes in them, fails with -ENOSPC; 0:
 * no limit. It is judged before neighbours merge, as Linux judges max_map_count. What is there already stays.
 */
VMAPLE_API void range_map_limit(struct range_map *map, uint64_t ranges, uint64_t covered);
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

/** @name Two-phase unmap
 * The host's work takes time, and until it is done nobody else may have the place.
 * @{ */
/**
 * All that is in [first, last] ends, as for range_map_erase(), and the whole of [first, last] becomes one tombstone:
 * the looks find a hole, the free-room search does not, and a change that meets it fails with -EBUSY. It has no value,
 * is never merged, and is neither copied, saved nor counted among the ranges.
 */
VMAPLE_API int range_map_unmap_begin(struct range_map *map, uint64_t first, uint64_t last) __must_check;
/** It is done: the place is free. @return also -ENOENT: no tombstone is [first, last]. Memory: in a shared map only. */
VMAPLE_API int range_map_unmap_finish(struct range_map *map, uint64_t first, uint64_t last) __must_check;
/** @} */

/** @name Look
 * @{ */
/** The range that covers @p at. @return false and *range untouched: none does. O(log n) */
VMAPLE_API bool range_map_find(const struct range_map *map, uint64_t at, struct range_map_range *range);
/** What range_map_at() does where @p beside, which is so of the last look, does not answer. Not to be called. */
VMAPLE_API const struct range_map_range *range_map_at_far(
	const struct range_map *map, uint64_t at, const struct range_map_range *beside);
/**
 * As range_map_find(), in the map itself: what comes back is there until the next change. NULL: nothing covers @p at.
 * A dozen instructions where the last look or change was, or beside it. O(log n)
 */
static inline const struct range_map_range *range_map_at(const struct range_map *map, uint64_t at)
{
	const struct range_map_range *three = __atomic_load_n(&map->recent, __ATOMIC_RELAXED);
	/* The last of them that begins at @at or before: counted and not branched on, since they take turns. */
	const struct range_map_range *s = three + (three[1].first <= at) + (three[2].first <= at);
	unsigned int covers = (s->first <= at) & (at <= s->last);

	/* For the compiler a number: two branches would be foretold half of the time where each look is elsewhere, one always. */
	__asm__("" : "+r"(covers));
	if (!covers || (s->bits & RANGE_MAP_TOMBSTONE))
		return range_map_at_far(map, at, s);
	if (s == three + 2) /* the next look begins in the middle again */
		__atomic_store_n((const struct range_map_range **)&map->recent, three + 1, __ATOMIC_RELAXED);
	return s;
}
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

/** @name Readers beside a change
 * @{ */
/**
 * From now on changes are made in copies of the pieces that they meet, and published by one store: a reader sees all of
 * a call or nothing of it. A change costs a copy of up to 2 KiB more, and what it replaced is reused after a grace
 * period (<vmaple/rcu.h>); beyond some 2,000 ranges a change may wait for one, so that no section may be open around
 * it. range_map_destroy(): when no reader can come any more. @return 0 or -ENOMEM.
 */
VMAPLE_API int range_map_share(struct range_map *map) __must_check;
/**
 * range_map_find() for any thread and any signal handler, at any time, on a shared map: no lock, no allocation, no
 * retry, the same number of steps whatever writers do. Nothing that was there all the time is missed.
 * What *range points to: a value that free() or merge() was told of is out of readers' sight once the call that told
 * has returned and a grace period has passed; who follows values calls this between vmaple_rcu_read_lock() and
 * vmaple_rcu_read_unlock(), and follows them there. O(log n)
 */
VMAPLE_API bool range_map_lookup(const struct range_map *map, uint64_t at, struct range_map_range *range);
/**
 * Before a batch of lookups. Never waits. A value that is odd was taken while a change was being published.
 */
VMAPLE_API uint64_t range_map_generation(const struct range_map *map);
/** After it: did all that the batch has found exist at one and the same time? */
VMAPLE_API bool range_map_unchanged(const struct range_map *map, uint64_t generation);
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

/** [min, max], both included. */
struct range_map_window {
	uint64_t min, max;
};
/** What @p bits bits of address reach, from @p min on: 31, 32, 47, 48. */
static inline struct range_map_window range_map_window_of_bits(unsigned int bits, uint64_t min)
{
	struct range_map_window window = { min, bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1 };

	return window;
}
enum range_map_order { RANGE_MAP_LOWEST, RANGE_MAP_HIGHEST, RANGE_MAP_NEAREST };
/** A search in several windows, around ranges that are not in the map and not to be had either. */
struct range_map_search {
	uint64_t size, align; /**< as in struct range_map_room */
	enum range_map_order order;
	uint64_t hint; /**< RANGE_MAP_NEAREST: to what */
	/** For lowest and highest: in the order in which they are to be tried. For nearest: the best of all. */
	const struct range_map_window *windows;
	size_t nr_windows;
	const struct range_map_window *excluded; /**< in any order, may overlap */
	size_t nr_excluded;
};
/** As above. At most nr_windows * (nr_excluded + 1) searches, each with a glance at all that is excluded. */
VMAPLE_API int range_map_search(
	struct range_map *map, const struct range_map_search *search, uint64_t *at) __must_check;
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

/** @name Save and load
 * A stream of bytes, the same on every machine: a head with the number of ranges, then of each first, last, bits, and
 * what the owner has written for its value; a sum at the end.
 * @{ */
/** Where bytes go to or come from. @return 0, or -errno, which ends the call with it. */
struct range_map_stream {
	int (*write)(void *ctx, const void *bytes, size_t size);
	int (*read)(void *ctx, void *bytes, size_t size); /**< all of @p size, or -errno */
	void *ctx;
	/** The value of @p range as at most @p size bytes of @p bytes: how many. NULL: none, values load as NULL. */
	int (*encode)(void *ctx, const struct range_map_range *range, unsigned char *bytes, size_t size);
	/**
	 * The value that @p size bytes stand for; range->value is NULL as yet. NULL: bytes are passed over. The sum is checked
	 * behind all ranges: what comes here, bits among it, may be damaged.
	 */
	int (*decode)(void *ctx, struct range_map_range *range, const unsigned char *bytes, size_t size);
};
/** Most bytes of one value. */
#define RANGE_MAP_ENCODED 256
VMAPLE_API int range_map_save(
	const struct range_map *map, const struct range_map_stream *stream) __must_check;
/**
 * Into @p map, which must be initialised and empty. A stream that was cut or damaged is told by -EBADMSG; whatever
 * went wrong, free() was called for what had been decoded, and the map is empty. Limits hold. O(n)
 */
VMAPLE_API int range_map_load(struct range_map *map, const struct range_map_stream *stream) __must_check;
/** @} */

/** Check the map. @return false and the name of the broken invariant (lib/range_map/piece.h) in *reason. O(n) */
VMAPLE_API bool range_map_validate(const struct range_map *map, const char **reason);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_RANGE_MAP_H */
