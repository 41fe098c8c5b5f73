/* SPDX-License-Identifier: MIT */
/*
 * Locks left out on purpose.
 *
 * tests/concurrency builds the reverse map and paging again with one of these macros each, and requires that the
 * torture then finds it:
 *
 *  VMAPLE_BREAK_MOVE    page tables move without the rmap locks even where walks do not meet the places in order
 *  VMAPLE_BREAK_ADJUST  the bounds of an area change without the lock of its anon_vma
 *  VMAPLE_BREAK_SIZE    a fault rests before it maps a page, and does not look at the size of its file again
 *  VMAPLE_BREAK_PAGE    a fault rests for long before it maps a page, and does not ask whether its file still has that
 *  VMAPLE_SLOW_EXEC     which breaks nothing: a stack that exec moves rests when its area is at both places, so that walks
 *                       come meanwhile
 *
 * No other build defines them: each constant is then 0 and the compiler drops what depends on it.
 */
#ifndef RMAP_BROKEN_H
#define RMAP_BROKEN_H

#ifdef VMAPLE_BREAK_MOVE
#define BREAK_MOVE 1
#else
#define BREAK_MOVE 0
#endif

#ifdef VMAPLE_BREAK_ADJUST
#define BREAK_ADJUST 1
#else
#define BREAK_ADJUST 0
#endif

#ifdef VMAPLE_BREAK_SIZE
#define BREAK_SIZE 1
#else
#define BREAK_SIZE 0
#endif

#ifdef VMAPLE_BREAK_PAGE
#define BREAK_PAGE 1
#else
#define BREAK_PAGE 0
#endif

#ifdef VMAPLE_SLOW_EXEC
#define SLOW_EXEC 1
#else
#define SLOW_EXEC 0
#endif

#endif /* RMAP_BROKEN_H */
