/* SPDX-License-Identifier: MIT */
/*
 * The object cache: where tree nodes, areas and their links come from and go to. Theory of operation
 *
 * 1. Layers.  Slabs (slab.c) cut memory of the host into equal objects.  Magazines (magazine.c) are arrays of 62
 *    objects; a thread has one of each kind to take from and put into, without a lock, last in first out, so that
 *    the object handed out is the one whose cache lines are warm.  Magazines are exchanged with the depot, a stack
 *    under a lock.  (Bonwick's words; Vmem and magazines, USENIX 2001.)
 * 2. Deferred reuse.  pool_retire() gives back an object that RCU readers may still be looking at.  The
 *    thread gathers them in another magazine; a full one goes to the reclaimer (reclaim.c), a thread that
 *    waits for a grace period as soon as a few have come, and puts them, full as they are, into the depot.
 *    It never touches an object.  No writer waits for a reader.
 * 3. How many are under way: those that are retired while one grace period passes, a thousand or so beside a writer
 *    flat out. That they fit the processor's cache is what the reclaimer is for: call_rcu() of liburcu sleeps 10 ms
 *    between two periods, and tens of thousands of cold objects are under way meanwhile.
 * 4. Failure.  pool_alloc() alone can fail.  An object that is retired when there is no memory for a magazine is
 *    marked in its slab instead, which needs none.
 * 5. Checks (-Dchecks=true).  A free object is filled with a pattern that must be there when it is handed out, behind
 *    each lies a red zone, and each slab knows the state of each object: a write after free, a write beyond the
 *    end and a second free panic, with the object's kind.  AddressSanitizer is told what is free.
 *
 * Invariants
 *    PL1  an object is in exactly one place: in use, in one magazine, marked as retired in its slab, or free there.
 *    PL2  what lies in the depot, in a magazine to take from, or free in a slab is seen by no reader.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <vmaple/cache.h>
#include <vmaple/types.h>

/*
 * The kinds of object there are: the two sizes of maple tree node, and areas, bare and with links of an index; three
 * sizes for what is of no kind of its own: links of the reverse map, names, files of shared memory; pieces of range maps.
 */
enum pool_kind {
	POOL_LEAF,
	POOL_INNER,
	POOL_AREA,
	POOL_LINKED_AREA,
	POOL_SMALL,
	POOL_MIDDLE,
	POOL_LARGE,
	POOL_PIECE,
	POOL_KINDS
};
#define POOL_LEAF_SIZE        512
#define POOL_INNER_SIZE       768
#define POOL_AREA_SIZE        160
#define POOL_LINKED_AREA_SIZE 192
#define POOL_SMALL_SIZE       64
#define POOL_MIDDLE_SIZE      96
#define POOL_LARGE_SIZE       384
#define POOL_PIECE_SIZE       2176

_Static_assert((int)POOL_KINDS <= VMAPLE_CACHE_KINDS, "every kind has its place in the statistics");

/*
 * Aligned to a cache line, where its size is a multiple of one, else to 32. NULL when there is no memory. Contents
 * undefined.
 */
void *pool_alloc(enum pool_kind kind, gfp_t gfp) __must_check;
void pool_free(enum pool_kind kind, void *object);
/* Reuse @object after a grace period. Never blocks, never fails. */
void pool_retire(enum pool_kind kind, void *object);
/*
 * The next @nr objects of @kind, at most half a magazine, and freeing or retiring as many, need nothing of the host.
 * 0 or -ENOMEM.
 */
int pool_prefill(enum pool_kind kind, unsigned int nr) __must_check;
/* The next @nr objects of @kind need nothing of the host. 0 or -ENOMEM. */
int pool_preallocate(enum pool_kind kind, unsigned long nr) __must_check;
/* Nor does freeing or retiring @nr of all kinds together. */
int pool_preallocate_room(unsigned long nr) __must_check;
/* The smallest kind that holds @size bytes; POOL_KINDS: none does. */
enum pool_kind pool_kind_of_size(size_t size);
/* An object of the smallest kind that holds @size bytes; beyond POOL_LARGE_SIZE it is the host's. */
void *pool_alloc_size(size_t size) __must_check;
/* NULL is allowed and ignored. @size as given to pool_alloc_size(). */
void pool_free_size(void *object, size_t size);
/* Is an object of @kind to be refused, for a test? pool_alloc() asks by itself. */
bool pool_refuses(enum pool_kind kind);
/*
 * When the calling thread ends, or gives back what it has, call @give_back there: what it frees is given back, too.
 * False: nothing will call it.
 */
bool pool_at_thread_exit(void (*give_back)(void));
/* The calling thread gives back what it has set aside; it may begin again. */
void pool_thread_exit(void);

#endif /* BASE_POOL_H */
