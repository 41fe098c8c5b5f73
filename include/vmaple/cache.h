/* SPDX-License-Identifier: MIT */
/**
 * @file cache.h
 * The object cache that tree nodes, areas and their links come from: what it holds, and giving it back.
 *
 * Objects of one size are cut from slabs of the host's memory. Each thread keeps up to 124 free objects of each kind
 * for itself (magazines, after Bonwick), so that most are had without a lock; what a tree in RCU mode replaces is
 * handed out again after a grace period.  A thread's own are given back when it ends.
 */
#ifndef VMAPLE_CACHE_H
#define VMAPLE_CACHE_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Maple tree leaves, inner nodes; areas, areas with links; small, middle, large objects; pieces of range maps. */
#define VMAPLE_CACHE_KINDS 8

/** What one kind's cache holds and did. Exact when no other thread is inside the library. */
struct vmaple_cache_stats {
	const char *name;
	size_t object_size;      /**< bytes */
	unsigned long slabs;     /**< blocks of the host's memory, 16 KiB each */
	unsigned long objects;   /**< that they hold, used or free */
	unsigned long used;      /**< handed out, and neither freed nor retired */
	unsigned long retired;   /**< waiting for a grace period */
	unsigned long allocated; /**< handed out so far */
	unsigned long missed;    /**< of these: the thread had none of its own */
};

/** @return false when there is no kind @p kind (0 to VMAPLE_CACHE_KINDS - 1). */
VMAPLE_API bool vmaple_cache_stats(unsigned int kind, struct vmaple_cache_stats *stats);

/** Give the host back what is free: in the calling thread, and in what all threads share. Takes locks; O(objects). */
VMAPLE_API void vmaple_cache_shrink(void);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_CACHE_H */
