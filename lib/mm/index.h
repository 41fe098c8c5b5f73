/* SPDX-License-Identifier: MIT */
/*
 * The VMA index: which structure holds the areas of an mm, keyed by address.  A seam for the compiler, not for the
 * processor: each index is a header of inlines under index/, and a build has one of them (<vmaple/mm_index.h>).
 *
 * A change of the map is one store: an area that grows is stored over its new range, whatever lay there before; a
 * hole is NULL.  A store is prepared (may fail, changes nothing) before the point of no return of a call and
 * committed after it (cannot fail).  Between the two the caller gives all areas that stay the bounds that they are
 * to have; those that lie in the range and are not the one stored leave the index, and are the caller's.
 *
 * Each index gives
 *
 *   index_init, index_destroy          an empty index; forget all areas
 *   index_in_rcu                       may readers be beside a store?
 *   struct index_store                 a store that has its memory
 *   index_prepare, _commit, _cancel    see above; at most one store of an mm at a time
 *   index_prepare_cut, _border         index_prepare where an area takes one end of another: with a part of it, or growing.
 *                                      Bounds of areas are still what they were
 *   index_prepare_growth               index_prepare where an area grows, over a hole and others, which go
 *   index_commit_cut                   index_commit of what _cut has prepared
 *   index_commit_join                  index_commit of what _border or _growth has prepared
 *   index_prepare_shorten              index_prepare where an area loses one end, which is a hole then
 *   index_commit_shorten               index_commit of what _shorten has prepared
 *   index_put                          prepare and commit of an area in one: may fail, then nothing has changed
 *   index_clear                        the same of a hole
 *   index_drop                         index_clear of the range of one area
 *   index_find                         the area that contains an address, or the next above
 *   index_find_until                   the same, NULL when it begins above a last address
 *   index_find_shared                  the same, for those who hold the mmap_lock for reading, where there is no RCU mode
 *   index_read, index_read_prev        index_find_until, index_find_prev, index_neighbours for readers beside a call that
 *   index_read_neighbours              changes the index: what was found last is not theirs
 *   index_begin, index_next            index_find_prev with a cursor; the next areas, each before NULL has been
 *                                      returned. A change of the index ends the cursor, but not a cut of the area that it
 *                                      begins with, which keeps the upper part
 *   index_find_prev                    index_find, and the area before that: the last one if there is none
 *   index_neighbours                   the areas before and after one that is in the index; or NULL
 *   index_gap                          free-area search: the lowest or highest hole of a length between two limits
 *   index_fork_begin, _next, _end      fork: the empty index of a child becomes that of its parent, area by area. Begun
 *                                      it may hold areas of the parent still, whose vm_mm says so; and what it allows
 *                                      beside it, it does when it has ended
 *   index_fork_put, _drop              the area that _next has found is replaced by the child's; or is not inherited
 *                                      (may fail)
 *   index_fork_needs                   what that takes: <vmaple/recycle.h>
 *   index_validate                     its own invariants; the area and the field that is wrong
 *   INDEX_AREA_POOL, INDEX_AREA_SIZE, INDEX_LINK_BYTES    where areas live; what of one is the index's
 *   INDEX_KEEPS_HOLE                   the hole that was found last is remembered, and mm->changes counts stores
 */
#ifndef MM_INDEX_H
#define MM_INDEX_H

#include <vmaple/mm.h>
#include <vmaple/recycle.h>

#include "pool.h"

/*
 * Say in *reason what is wrong with @vma (NULL: with the index), in the thread's own text, and return false: for
 * "return index_wrong(...)".
 */
bool index_wrong(const char **reason, const struct vm_area_struct *vma, const char *rule);
/* After a change: verify all, when it is time (enum mm_verify); panics. */
void index_verify(struct mm_struct *mm);

#if defined(MM_INDEX_AUGMENTED)
#include "index/augmented.h"
#elif defined(MM_INDEX_CLASSIC)
#include "index/classic.h"
#else
#include "index/maple.h"
#endif

#endif /* MM_INDEX_H */
