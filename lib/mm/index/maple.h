/* SPDX-License-Identifier: MIT */
/*
 * The index that libvmaple has: the maple tree, by name, so that the compiler sees through it.
 *
 * 1. What was found last.  A call asks for the same area two or three times, and so does the next call: mm->found is
 *    the area that was found or stored last, and most looks are two compares. It is in the index: a store takes its
 *    place when it covers it.  The tree keeps the path to its neighbours (mt_writer_look()).  A look in the tree
 *    takes 100 instructions, and a mapping call asks two to four times.
 * 2. Whose it is.  Without RCU mode it belongs to all who hold the mmap_lock, for reading too: it is loaded and stored at
 *    once, and what any of them found is true for all of them until a call that changes areas, which excludes them.  In
 *    RCU mode, where it is not so, it belongs to those calls alone, and others look in the tree: index_read().  The
 *    path is the calls' own, always.
 * 3. Invariants (mm_validate names the one that fails)
 *    VM1  the index is a valid tree (docs/maple-tree.md).
 *    VM2  each area lies in the index exactly over [vm_start, vm_end).
 *    VM3  what was found last is an area of the index, or NULL.
 */
#ifndef MM_INDEX_MAPLE_H
#define MM_INDEX_MAPLE_H

#include "alloc.h"
#include "probe.h"

#define INDEX_AREA_POOL  POOL_AREA
#define INDEX_AREA_SIZE  POOL_AREA_SIZE
#define INDEX_LINK_BYTES 0
#define INDEX_KEEPS_HOLE true

struct index_store {
	struct mm_struct *mm;
	unsigned long start, end;
	/* What takes no memory: a change at the writer's place, or a store; else a cursor that has it. */
	enum { INDEX_CUT, INDEX_BORDER, INDEX_GROW, INDEX_PUT, INDEX_CURSOR } way;
	unsigned long at; /* of a cut or border; between what stands below and above it then, */
	struct vm_area_struct *lower, *upper;
	const struct vm_area_struct *cut; /* and in place of what */
	struct ma_state mas;
	struct mt_plan plan;
};

static inline void index_init(struct mm_struct *mm)
{
	mt_init_flags(&mm->mm_mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	mm->found = NULL;
}

/* May readers be beside the call that changes @mm? */
static inline bool index_in_rcu(const struct mm_struct *mm)
{
	return mt_in_rcu(&mm->mm_mt);
}

static inline void index_destroy(struct mm_struct *mm)
{
	mm->found = NULL;
	__mt_destroy(&mm->mm_mt);
}

/*
 * The copy of an index for a fork's child: the tree is duplicated, node by node, and then each of the parent's areas in
 * it is replaced.  Nobody else sees the child, so that its nodes are edited where they are.
 */
struct index_fork {
	struct ma_state mas;
	bool in_rcu;
};

static inline int index_fork_begin(struct index_fork *f, struct mm_struct *child, struct mm_struct *parent)
{
	int err;

	f->in_rcu = index_in_rcu(parent);
	if (f->in_rcu)
		mt_set_in_rcu(&child->mm_mt);
	err = __mt_dup(&parent->mm_mt, &child->mm_mt, GFP_KERNEL);
	mt_clear_in_rcu(&child->mm_mt);
	f->mas = mas_at(&child->mm_mt, 0, 0);
	return err;
}

static inline struct vm_area_struct *index_fork_next(struct index_fork *f)
{
	return mas_find_step(&f->mas, ULONG_MAX);
}

/* Of the very range of an area that is there: needs no memory. */
static inline void index_fork_put(struct index_fork *f, struct vm_area_struct *vma)
{
	mas_store(&f->mas, vma);
}

static inline int index_fork_drop(struct index_fork *f)
{
	return mas_store_gfp(&f->mas, NULL, GFP_KERNEL);
}

/* Add what the copy, and the erasure of @dropped areas from it, may take. */
static inline void index_fork_needs(struct mm_struct *mm, unsigned long dropped, struct mm_needs *needs)
{
	struct mt_stats stats;

	mt_statistics(&mm->mm_mt, &stats);
	needs->leaves += stats.leaves - stats.wide_leaves + dropped;
	needs->inner_nodes += stats.inner_nodes + stats.wide_leaves + dropped;
}

static inline void index_fork_end(struct index_fork *f)
{
	if (f->in_rcu)
		mt_set_in_rcu(f->mas.tree);
}

/* Set memory aside for storing @vma (NULL: a hole) over [start, end). 0 or -ENOMEM. */
static inline int index_prepare(
	struct index_store *st, struct mm_struct *mm, unsigned long start, unsigned long end, void *vma)
{
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_PUT;
	if (mt_prepare_put(&mm->mm_mt, start, end - 1, vma, &st->plan))
		return 0;
	st->way = INDEX_CURSOR;
	st->mas = mas_at(&mm->mm_mt, start, end - 1);
	return mas_prepare(&st->mas, vma, GFP_KERNEL, &st->plan);
}

/* The same where @part takes [start, end) from @vma, which keeps its other end. */
static inline int index_prepare_cut(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma, struct vm_area_struct *part)
{
	bool below = start == vma->vm_start;

	st->at = below ? end : start;
	if (!mt_can_cut(&mm->mm_mt, vma, st->at))
		return index_prepare(st, mm, start, end, part);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_CUT;
	st->cut = vma;
	st->lower = below ? part : vma;
	st->upper = below ? vma : part;
	return 0;
}

/* The same where @vma becomes [start, end), and gains what @other loses, which stands beside it. */
static inline int index_prepare_border(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma, struct vm_area_struct *other)
{
	bool below = start == vma->vm_start;

	st->at = below ? end : start;
	st->lower = below ? vma : other;
	st->upper = below ? other : vma;
	if (!mt_can_move_border(&mm->mm_mt, st->lower, st->upper, st->at))
		return index_prepare(st, mm, start, end, vma);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_BORDER;
	return 0;
}

/* The same where @vma becomes [start, end), and gains a part of a hole. */
static inline int index_prepare_growth(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma)
{
	if (!mt_can_grow(&mm->mm_mt, vma, start, end - 1))
		return index_prepare(st, mm, start, end, vma);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_GROW;
	return 0;
}

/* The hole that was found last stays: @vma is stored beside it, or elsewhere, and fills others at most (hole.c, 2). */
static inline void index_keep_hole(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	struct mm_hole *h = &mm->hole;

	if (h->changes != mm->changes)
		return;
	if (end <= h->start) {
		h->prev = end == h->start ? vma : h->prev;
	} else if (start >= h->end && h->end != h->high) {
		h->next = start == h->end ? vma : h->next;
		h->behind_known = false;
	} else {
		return;
	}
	h->changes++;
}

/* @vma (NULL: a hole) has been stored over [start, end): what lay there is gone from the index. */
static inline void index_stored(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	const struct vm_area_struct *found = mm->found;

	if (vma || (found && found->vm_start < end && found->vm_end > start))
		mm->found = vma;
	if (vma)
		index_keep_hole(mm, start, end, vma);
	mm->changes++;
	if (mm->sys->verify)
		index_verify(mm);
}

/* @return false: a look has led the writer elsewhere. */
static inline bool index_commit_here(struct index_store *st, void *vma)
{
	struct maple_tree *mt = &st->mm->mm_mt;
	bool done = false;

	if (st->way == INDEX_CUT)
		done = mt_cut(mt, st->cut, st->at, st->lower, st->upper);
	else if (st->way == INDEX_BORDER)
		done = mt_move_border(mt, st->lower, st->upper, st->at);
	else
		done = mt_grow(mt, vma, st->start, st->end - 1);
	if (done)
		PROBE4(maple_store, mt, st->start, st->end - 1, vma);
	return done;
}

static inline void index_commit(struct index_store *st, void *vma)
{
	struct maple_tree *mt = &st->mm->mm_mt;

	if (st->way == INDEX_CURSOR)
		mas_commit(&st->mas, vma, &st->plan);
	else if (st->way == INDEX_PUT)
		mt_commit_put(mt, st->start, st->end - 1, vma, &st->plan);
	else if (!index_commit_here(st, vma) && mt_put(mt, st->start, st->end - 1, vma, GFP_KERNEL))
		port_panic("mm: a store that needs no memory has failed");
	index_stored(st->mm, st->start, st->end, vma);
}

/* Both at once, where nothing lies between them. 0, or -ENOMEM: nothing has changed. */
static inline int index_put(struct mm_struct *mm, unsigned long start, unsigned long end, void *vma)
{
	if (mt_put(&mm->mm_mt, start, end - 1, vma, GFP_KERNEL))
		return -ENOMEM;
	index_stored(mm, start, end, vma);
	return 0;
}

/* @vma leaves the index. 0, or -ENOMEM: nothing has changed. */
static inline int index_drop(struct mm_struct *mm, struct vm_area_struct *vma)
{
	if (!mt_drop(&mm->mm_mt, vma))
		return index_put(mm, vma->vm_start, vma->vm_end, NULL);
	PROBE4(maple_store, &mm->mm_mt, vma->vm_start, vma->vm_end - 1, NULL);
	index_stored(mm, vma->vm_start, vma->vm_end, NULL);
	return 0;
}

/* Give up a prepared store. */
static inline void index_cancel(struct index_store *st)
{
	if (st->way == INDEX_CURSOR)
		mas_destroy(&st->mas);
}

/* For readers beside a call that changes areas: the area at @addr or the next above it that begins at or below @last. */
static inline struct vm_area_struct *index_read(struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	return mt_look(&mm->mm_mt, addr, last);
}

/* For the same: and the one before it. */
static inline struct vm_area_struct *index_read_prev(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	void *before, *vma = mt_look_around(&mm->mm_mt, addr, &before, NULL);

	*prev = before;
	return vma;
}

/* For the same: the areas around one that is in the index. */
static inline void index_read_neighbours(
	const struct vm_area_struct *vma, struct vm_area_struct **prev, struct vm_area_struct **next)
{
	void *before, *after;

	(void)mt_look_around(&vma->vm_mm->mm_mt, vma->vm_start, &before, &after);
	*prev = before;
	*next = after;
}

/* For who holds the mmap_lock, without RCU mode: as index_find_until(). */
static inline struct vm_area_struct *index_find_shared(
	struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	struct vm_area_struct *vma = __atomic_load_n(&mm->found, __ATOMIC_RELAXED);

	if (vma && addr - vma->vm_start < vma->vm_end - vma->vm_start)
		return addr <= last ? vma : NULL;
	vma = mt_look(&mm->mm_mt, addr, last);
	if (vma)
		__atomic_store_n(&mm->found, vma, __ATOMIC_RELAXED);
	return vma;
}

/* The area at @addr or the next above it, and those on both sides. */
static inline struct vm_area_struct *index_find_around(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev, struct vm_area_struct **next)
{
	void *before, *after, *vma = mt_writer_look_step(&mm->mm_mt, addr, &before, &after);

	*prev = before;
	*next = after;
	if (vma)
		mm->found = vma;
	return vma;
}

/* The call has more to ask about where it looks, so that the writer's place is there then. */
static inline struct vm_area_struct *index_find(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = mm->found, *prev, *next;

	if (vma && addr - vma->vm_start < vma->vm_end - vma->vm_start)
		return vma;
	return index_find_around(mm, addr, &prev, &next);
}

static inline struct vm_area_struct *index_find_until(
	struct mm_struct *mm, unsigned long addr, unsigned long last)
{
	struct vm_area_struct *vma = index_find(mm, addr);

	return vma && vma->vm_start <= last ? vma : NULL;
}

static inline struct vm_area_struct *index_find_prev(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	struct vm_area_struct *next;

	return index_find_around(mm, addr, prev, &next);
}

static inline void index_neighbours(
	const struct vm_area_struct *vma, struct vm_area_struct **prev, struct vm_area_struct **next)
{
	void *before, *after;

	mt_writer_beside(&vma->vm_mm->mm_mt, vma->vm_start, vma, &before, &after);
	*prev = before;
	*next = after;
}

/* Few calls go on from the second area: a look finds two, and only for the third is there a cursor in the tree. */
struct index_cursor {
	struct vm_area_struct *second;
	bool begun;
	struct ma_state mas;
};

static inline struct vm_area_struct *index_begin(
	struct index_cursor *c, struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	c->begun = false;
	return index_find_around(mm, addr, prev, &c->second);
}

static inline struct vm_area_struct *index_next(struct index_cursor *c)
{
	struct vm_area_struct *second = c->second;

	if (c->begun)
		return mas_find_step(&c->mas, ULONG_MAX);
	c->begun = true;
	if (second)
		mas_init(&c->mas, &second->vm_mm->mm_mt, second->vm_end);
	return second;
}

/* Free-area search over indices: bytes. 0 and *start, or -EBUSY. */
static inline int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len,
	bool topdown, unsigned long *start)
{
	return mt_writer_gap(&mm->mm_mt, low, high - 1, len, topdown, start);
}

static inline bool index_validate(struct mm_struct *mm, const char **reason)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	if (!mt_check(&mm->mm_mt, reason))
		return false;
	for_each_vma (vmi, vma)
		if (vmi.mas.index != vma->vm_start || vmi.mas.last != vma->vm_end - 1)
			return index_wrong(
				reason, vma, "VM2: vm_start or vm_end is not that of its range in the tree");
	if (mm->found && mt_look(&mm->mm_mt, mm->found->vm_start, mm->found->vm_start) != mm->found)
		return index_wrong(reason, mm->found, "VM3: what was found last is not in the index");
	return true;
}

#endif /* MM_INDEX_MAPLE_H */
