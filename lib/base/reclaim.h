/* SPDX-License-Identifier: MIT */
/* What the layers of the object cache (pool.h) need of each other. */
#ifndef BASE_RECLAIM_H
#define BASE_RECLAIM_H

#include <vmaple/spinlock.h>

#include "pool.h"

#define MAGAZINE_SIZE 62

/* 512 bytes. */
struct magazine {
	struct magazine *next; /* in the depot, among the empty, or on the way to the reclaimer */
	unsigned int nr;
	enum pool_kind kind;
	void *object[MAGAZINE_SIZE];
};

/* --- slab.c: the objects --------------------------------------------------------------------------------- */

size_t pool_object_size(enum pool_kind kind);
/* Up to @nr objects into @object[]: how many there were memory for. */
unsigned int slab_fill(enum pool_kind kind, void **object, unsigned int nr, gfp_t gfp);
void slab_drain(enum pool_kind kind, void *const *object, unsigned int nr);
/* Mark a retired object that no magazine holds. */
void slab_retire(enum pool_kind kind, void *object);
/* Have retired objects been marked?  Take them before a grace period, free them after it. */
bool slab_has_retired(void);
struct slab *slab_take_retired(void);
void slab_free_retired(struct slab *slabs);
/* Or wait for another period first. */
void slab_mark_again(struct slab *slabs);
/* Give slabs without a used object back to the host. */
void slab_shrink(void);
void slab_stats(enum pool_kind kind, struct vmaple_cache_stats *stats);
void slab_lock_all(void);
void slab_unlock_all(void);
#ifdef VMAPLE_CHECKS
/* The object changes hands: panics when it cannot. */
void slab_check_alloc(enum pool_kind kind, void *object);
void slab_check_free(enum pool_kind kind, void *object);
void slab_check_retire(enum pool_kind kind, void *object);
void slab_check_period(enum pool_kind kind, void *object);
#else
static inline void slab_check_alloc(enum pool_kind kind, void *object)
{
}
static inline void slab_check_free(enum pool_kind kind, void *object)
{
}
static inline void slab_check_retire(enum pool_kind kind, void *object)
{
}
static inline void slab_check_period(enum pool_kind kind, void *object)
{
}
#endif

/* --- depot.c --------------------------------------------------------------------------------------------- */

/* Put into the depot a magazine that holds objects which no reader sees. */
void depot_give(struct magazine *magazine);
/* A full one; NULL: there is none. */
struct magazine *depot_take(enum pool_kind kind);
void depot_give_empty(struct magazine *magazine);
/* NULL when there is no memory. */
struct magazine *depot_take_empty(gfp_t gfp);
void depot_count_reclaimed(enum pool_kind kind, unsigned int nr);
unsigned long depot_reclaimed(enum pool_kind kind);
/* Back to slabs and the host with all of them. */
void depot_empty(void);
void depot_lock(void);
void depot_unlock(void);

/* --- magazine.c ------------------------------------------------------------------------------------------ */

/* The same for a magazine that was submitted, a grace period ago. */
void magazine_give_after_period(struct magazine *magazine);
/* Submit what the calling thread has gathered. */
void magazines_submit(void);
void magazines_lock(void);
/* @child: of all threads only the calling one is left. */
void magazines_unlock(bool child);

/* --- reclaim.c ------------------------------------------------------------------------------------------- */

#ifndef VMAPLE_RCU_NONE
/* Wait for a grace period, some time, and then depot_give(). Never blocks. */
void reclaim_submit(struct magazine *magazine);
/* The same for what slab_retire() has marked. */
void reclaim_marked(void);
/* Do so now for everything that was submitted: blocks for a grace period. */
void reclaim_barrier(void);
/* The same, if nobody is at it; from now on the program does so instead of a thread. */
void reclaim_poll(void);
#endif
/* See that the calling thread gives everything back when it ends, and that forks find no lock held. */
void reclaim_watch_thread(void);

#endif /* BASE_RECLAIM_H */
