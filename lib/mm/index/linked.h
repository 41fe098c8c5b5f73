/* SPDX-License-Identifier: MIT */
/*
 * What the indexes of Linux before 6.1 have in common: areas on a list and in a red-black tree, both by address.
 *
 * 1. Meaning.  The tree finds, the list goes on from there.  mmap_cache is the area that was found last: programs
 *    touch the same area again and again.
 *
 * 2. Invariants (mm_validate names the one that fails, with the area and the field)
 *    LI1  vm_next leads from mm->mmap through all areas of the tree in its order, and ends in NULL; vm_prev is the
 *        way back.
 *    LI2  areas are in ascending order and do not overlap.
 *    LI3  the tree is balanced: RB1 to RB4 of <vmaple/rbtree.h>.
 *    LI4  mmap_cache is an area of the list, or NULL.
 *
 * 3. A store.  At index_prepare() the areas that touch the range are first, ..., up to next; nothing is allocated.
 *    By the time of index_commit() the caller has cut those that stay so that they touch it no more:
 *
 *        prepare   |- prev -|  |---- first ----|   |- b -|  |------ c ------|   |- next -|
 *        range                      [==================================)
 *        commit    |- prev -|  |-1st|                                  |- c -|   |- next -|
 *                                   |------------ vma ---------------|
 *
 *    What is left inside is unlinked, and vma is linked, unless it is there already and has only grown.
 *
 * 4. Failure.  Nothing here allocates, nothing here can fail.
 */
#ifndef MM_INDEX_LINKED_H
#define MM_INDEX_LINKED_H

#include <vmaple/rbtree_augmented.h>

#include "linux_names.h"

#define INDEX_AREA_POOL  POOL_LINKED_AREA
#define INDEX_AREA_SIZE  POOL_LINKED_AREA_SIZE
#define INDEX_KEEPS_HOLE false /* they are what they were */
#define INDEX_LINK_BYTES (offsetof(struct vm_area_struct, vm_flags) - 2 * sizeof(unsigned long))

_Static_assert(2 * sizeof(unsigned long) + INDEX_LINK_BYTES <= 64,
	"what a search, a step on the list or a look at a gap reads is one cache line");

#define vma_of(node) rb_entry(node, struct vm_area_struct, vm_rb)

struct index_store {
	struct mm_struct *mm;
	unsigned long start, end;
	struct vm_area_struct *prev, *first, *next; /* before the range; in it, up to next; or NULL */
};

/* --- the index ---------------------------------------------------------------------------------------------- */

void index_commit(struct index_store *st, struct vm_area_struct *vma);
int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len, bool topdown,
	unsigned long *start);
bool index_validate(struct mm_struct *mm, const char **reason);
/* LI1 to LI4. */
bool linked_validate(struct mm_struct *mm, const char **reason);
/* index_find() without the cache. */
struct vm_area_struct *linked_descend(struct mm_struct *mm, unsigned long addr);

static inline void linked_forget(struct mm_struct *mm)
{
	mm->mm_rb = RB_ROOT;
	mm->mmap = mm->mmap_cache = NULL;
}

static inline bool index_in_rcu(const struct mm_struct *mm)
{
	return false;
}

static inline struct vm_area_struct *index_find(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = mm->mmap_cache;

	if (!vma || vma->vm_start > addr || vma->vm_end <= addr) {
		vma = linked_descend(mm, addr);
		if (vma)
			mm->mmap_cache = vma;
	}
	return vma;
}

static inline struct vm_area_struct *index_find_until(
	struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	struct vm_area_struct *vma = index_find(mm, addr);

	return vma && vma->vm_start <= last ? vma : NULL;
}

#define index_find_shared index_find_until

/* There is no RCU mode, and so nobody beside a call. */
static inline struct vm_area_struct *index_read(struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	return index_find_until(mm, addr, last);
}

struct index_cursor {
	struct vm_area_struct *vma;
};

static inline struct vm_area_struct *index_begin(
	struct index_cursor *c, struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	struct vm_area_struct *vma = index_find(mm, addr);
	struct rb_node *last;

	c->vma = vma;
	if (vma) {
		*prev = vma->vm_prev;
		return vma;
	}
	last = rb_last(&mm->mm_rb);
	*prev = last ? vma_of(last) : NULL;
	return NULL;
}

static inline struct vm_area_struct *index_next(struct index_cursor *c)
{
	c->vma = c->vma->vm_next;
	return c->vma;
}

static inline struct vm_area_struct *index_find_prev(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	struct index_cursor c;

	return index_begin(&c, mm, addr, prev);
}

static inline void index_neighbours(
	const struct vm_area_struct *vma, struct vm_area_struct **prev, struct vm_area_struct **next)
{
	*prev = vma->vm_prev;
	*next = vma->vm_next;
}

#define index_read_prev index_find_prev

static inline int index_prepare(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma)
{
	struct vm_area_struct *next;
	struct index_cursor c;

	*st = (struct index_store){ .mm = mm, .start = start, .end = end };
	st->first = next = index_begin(&c, mm, start, &st->prev);
	while (next && next->vm_start < end)
		next = next->vm_next;
	st->next = next;
	return 0;
}

/* Joins are stores as others are. */
static inline int index_prepare_border(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma, const struct vm_area_struct *other)
{
	return index_prepare(st, mm, start, end, vma);
}

static inline int index_prepare_growth(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma)
{
	return index_prepare(st, mm, start, end, vma);
}

#define index_prepare_cut(st, mm, start, end, vma, part) index_prepare(st, mm, start, end, part)
#define index_commit_cut                                 index_commit
#define index_commit_join                                index_commit
#define index_prepare_shorten(st, mm, start, end, vma)   index_prepare(st, mm, start, end, NULL)
#define index_commit_shorten(st, vma)                    index_commit(st, NULL)

static inline int index_put(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	struct index_store st;

	(void)index_prepare(&st, mm, start, end, vma);
	index_commit(&st, vma);
	return 0;
}

static inline int index_clear(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return index_put(mm, start, end, NULL);
}

static inline int index_drop(struct mm_struct *mm, struct vm_area_struct *vma)
{
	return index_put(mm, vma->vm_start, vma->vm_end, NULL);
}

static inline void index_cancel(struct index_store *st)
{
}

/* A fork's child gets one area after the other. */
struct index_fork {
	struct mm_struct *child;
	struct vm_area_struct *next;
};

static inline int index_fork_begin(struct index_fork *f, struct mm_struct *child, struct mm_struct *parent)
{
	*f = (struct index_fork){ child, parent->mmap };
	return 0;
}

static inline struct vm_area_struct *index_fork_next(struct index_fork *f)
{
	struct vm_area_struct *vma = f->next;

	f->next = vma ? vma->vm_next : NULL;
	return vma;
}

static inline void index_fork_put(struct index_fork *f, struct vm_area_struct *vma)
{
	(void)index_put(f->child, vma->vm_start, vma->vm_end, vma);
}

static inline int index_fork_drop(struct index_fork *f)
{
	return 0;
}

static inline void index_fork_needs(struct mm_struct *mm, unsigned long dropped, struct mm_needs *needs)
{
}

static inline void index_fork_end(struct index_fork *f)
{
}

#endif /* MM_INDEX_LINKED_H */
