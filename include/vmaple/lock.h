/* SPDX-License-Identifier: MIT */
/**
 * @file lock.h
 * Reader-writer locks with a rank, and who holds what in builds that check.
 *
 * Every lock of the reverse map and of paging has a rank; a thread takes them in ascending order, and two of one
 * rank only where it says so (LOCK_NESTED).  In builds with `-Dchecks=true` each acquisition is looked at, and one
 * out of order panics through the port with the names of both and where they were taken.
 *
 * The locks spin, and give the processor away after a while. A writer that waits keeps new readers out: a thread
 * must not take for reading what it has for reading already.
 */
#ifndef VMAPLE_LOCK_H
#define VMAPLE_LOCK_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a lock guards, in the order in which they are taken; docs/reverse-mapping.md. */
enum lock_rank {
	LOCK_MMAP,    /**< an address space's areas */
	LOCK_PREPARE, /**< an area getting its anon_vma */
	LOCK_PAGE,    /**< a page's identity and contents: mapping, index, place in swap */
	LOCK_I_MMAP,  /**< which areas map a file */
	LOCK_ANON,    /**< which areas map anonymous pages: the root anon_vma's */
	LOCK_TABLES,  /**< which page tables there are */
	LOCK_PTE,     /**< the entries of one page table */
	LOCK_CHAIN,   /**< one page's chain of places */
	LOCK_CACHE,   /**< pages of a file */
	LOCK_SWAP,    /**< swap slots */
	LOCK_LRU,     /**< lists of pages, free frames */
	LOCK_RANKS
};

/** All zero but the rank is unlocked. */
struct rw_lock {
	unsigned int state;
	unsigned int rank;
};

#define RW_LOCK_INIT(rank_)                 \
	{                                   \
		.state = 0, .rank = (rank_) \
	}

enum { LOCK_NESTED = 1 };

#define LOCK_STR_(line)            #line
#define LOCK_STR(line)             LOCK_STR_(line)
#define LOCK_HERE                  __FILE__ ":" LOCK_STR(__LINE__)
#define rw_read_lock(lock)         rw_read_lock_at((lock), 0, LOCK_HERE)
#define rw_write_lock(lock)        rw_write_lock_at((lock), 0, LOCK_HERE)
#define rw_write_lock_nested(lock) rw_write_lock_at((lock), LOCK_NESTED, LOCK_HERE)
#define rw_write_trylock(lock)     rw_write_trylock_at((lock), LOCK_HERE)

/**
 * Wait for the lock, and have it; by the macros above, which say where that is.
 * @param how LOCK_NESTED: another of the same rank is held already
 */
VMAPLE_API void rw_read_lock_at(struct rw_lock *lock, unsigned int how, const char *where);
VMAPLE_API void rw_read_unlock(struct rw_lock *lock);
VMAPLE_API void rw_write_lock_at(struct rw_lock *lock, unsigned int how, const char *where);
/** Whether it was free, and is ours now. In any order, as it does not wait. */
VMAPLE_API bool rw_write_trylock_at(struct rw_lock *lock, const char *where);
VMAPLE_API void rw_write_unlock(struct rw_lock *lock);
/** Is it held by anyone, for writing at least? */
static inline bool rw_write_locked(const struct rw_lock *lock)
{
	return __atomic_load_n(&lock->state, __ATOMIC_RELAXED) >> 31;
}

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_LOCK_H */
