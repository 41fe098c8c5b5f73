/* SPDX-License-Identifier: MIT */
/*
 * The index that libvmaple has: the maple tree, by name, so that the compiler sees through it.
 *
 * 1. What was found last, and what lies beside it.  A call asks for the same area two or three times, and so does the next
 *    call: mm->found is the area that was found or stored last, and most looks are two compares. It is in the index: a store
 *    takes its place when it covers it.  Areas have links to their neighbours, so that what lies beside one is a load, where a
 *    look in the tree takes 100 instructions: a fault that prepares an area takes 70 less with them, an mprotect 60 to 90
 *    (callgrind, on recordings of node and java).  The links are made of what the tree has beside a store, or of those of
 *    what was found; and with what stands beside it a call says where in the tree its store is, without a search.
 * 2. Whose they are.  Without RCU mode mm->found belongs to all who hold the mmap_lock, for reading too: it is loaded and
 *    stored at once, and what any of them found is true for all of them until a call that changes areas, which excludes them.
 *    In RCU mode, where it is not so, it belongs to those calls alone, and others look in the tree: index_read().  Links are
 *    for who holds the mmap_lock.  The path in the tree is the calls' own, always.
 * 3. Invariants (mm_validate names the one that fails)
 *    VM1  the index is a valid tree (docs/maple-tree.md).
 *    VM2  each area lies in the index exactly over [vm_start, vm_end).
 *    VM3  what was found last is an area of the index, or NULL.
 *    VM4  vm_prev and vm_next are the areas beside it in the index, or NULL.
 */
#ifndef MM_INDEX_MAPLE_H
#define MM_INDEX_MAPLE_H

#include "alloc.h"
#include "minmax.h"
#include "probe.h"

#define INDEX_AREA_POOL  POOL_AREA
#define INDEX_AREA_SIZE  POOL_AREA_SIZE
#define INDEX_LINK_BYTES 0
#define INDEX_KEEPS_HOLE true

struct index_store {
	struct mm_struct *mm;
	unsigned long start, end;
	/* What takes no memory: a change at the writer's place, or a store; else a cursor that has it. */
	enum { INDEX_CUT, INDEX_BORDER, INDEX_GROW, INDEX_JOIN, INDEX_SHORTEN, INDEX_PUT, INDEX_CURSOR } way;
	unsigned long at;   /* of a cut or border; */
	unsigned long from; /* where the border is, or the lowest of what becomes one begins */
	struct vm_area_struct *lower, *upper; /* of a cut; of what grows, what stands beside it then */
	struct ma_state mas;
	struct mt_plan plan;
};

static inline void index_init(struct mm_struct *mm)
{
	mt_init_flags(&mm->mm_mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	mm->found = NULL;
	mm->hole = mm->hole_above = (struct mm_hole){ 0 };
}

/* May readers be beside the call that changes @mm? */
static inline bool index_in_rcu(const struct mm_struct *mm)
{
	return mt_in_rcu(&mm->mm_mt);
}

/* @vma lies between the two; either may be NULL. */
static inline void index_link(
	struct vm_area_struct *vma, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	vma->vm_prev = prev;
	vma->vm_next = next;
	if (prev)
		prev->vm_next = vma;
	if (next)
		next->vm_prev = vma;
}

/* What lay between the two is gone; either may be NULL. */
static inline void index_unlink(struct vm_area_struct *prev, struct vm_area_struct *next)
{
	if (prev)
		prev->vm_next = next;
	if (next)
		next->vm_prev = prev;
}

static inline void index_destroy(struct mm_struct *mm)
{
	mm->found = NULL;
	mm->hole = mm->hole_above = (struct mm_hole){ 0 };
	__mt_destroy(&mm->mm_mt);
}

/*
 * The copy of an index for a fork's child: the tree is duplicated, node by node, and then each of the parent's areas in
 * it is replaced.  Nobody else sees the child, so that its nodes are edited where they are.
 */
struct index_fork {
	struct ma_state mas;
	struct vm_area_struct *last; /* that the child has got */
	bool in_rcu;
};

static inline int index_fork_begin(struct index_fork *f, struct mm_struct *child, struct mm_struct *parent)
{
	int err;

	f->in_rcu = index_in_rcu(parent);
	f->last = NULL;
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
	index_link(vma, f->last, NULL);
	f->last = vma;
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
	int can;

	if (index_in_rcu(mm))
		return index_prepare(st, mm, start, end, part);
	st->at = below ? end : start;
	mt_writer_near(&mm->mm_mt, st->at, NULL, vma);
	can = mt_can_cut_step(&mm->mm_mt, st->at);
	if (can <= 0)
		return can < 0 ? can : index_prepare(st, mm, start, end, part);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_CUT;
	st->lower = below ? part : vma;
	st->upper = below ? vma : part;
	return 0;
}

/* The same where @vma becomes [start, end), and gains what @other loses, which stands beside it. */
static inline int index_prepare_border(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma, struct vm_area_struct *other)
{
	bool below = start == vma->vm_start;

	if (index_in_rcu(mm))
		return index_prepare(st, mm, start, end, vma);
	st->at = below ? end : start;
	st->from = below ? other->vm_start : vma->vm_start;
	mt_writer_near(&mm->mm_mt, st->from, NULL, below ? other : vma);
	if (!mt_can_move_border_step(&mm->mm_mt, below ? vma : other, below ? other : vma, st->from, st->at))
		return index_prepare(st, mm, start, end, vma);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_BORDER;
	return 0;
}

/* The same where @vma becomes [start, end), over a hole and areas that go. */
static inline int index_prepare_growth(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, struct vm_area_struct *vma)
{
	struct vm_area_struct *lowest = vma, *behind = vma->vm_next;

	if (index_in_rcu(mm))
		return index_prepare(st, mm, start, end, vma);
	while (lowest->vm_prev && lowest->vm_prev->vm_start >= start)
		lowest = lowest->vm_prev;
	while (behind && behind->vm_start < end)
		behind = behind->vm_next;
	st->from = lowest->vm_start;
	mt_writer_near(&mm->mm_mt, st->from, NULL, lowest);
	if (lowest == vma && behind == vma->vm_next && mt_can_grow(&mm->mm_mt, st->from, start, end - 1))
		st->way = INDEX_GROW;
	else if (mt_can_join(&mm->mm_mt, st->from, start, end - 1))
		st->way = INDEX_JOIN;
	else
		return index_prepare(st, mm, start, end, vma);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->lower = lowest->vm_prev;
	st->upper = behind;
	return 0;
}

/* The same where @vma loses [start, end), one of its ends, which is a hole then. */
static inline int index_prepare_shorten(struct index_store *st, struct mm_struct *mm, unsigned long start,
	unsigned long end, const struct vm_area_struct *vma)
{
	bool below = start == vma->vm_start;

	if (index_in_rcu(mm))
		return index_prepare(st, mm, start, end, NULL);
	st->from = vma->vm_start;
	mt_writer_near(&mm->mm_mt, st->from, NULL, vma);
	if (!mt_can_shorten(&mm->mm_mt, st->from, below ? end : st->from, (below ? vma->vm_end : start) - 1))
		return index_prepare(st, mm, start, end, NULL);
	st->mm = mm;
	st->start = start;
	st->end = end;
	st->way = INDEX_SHORTEN;
	return 0;
}

/* What a store of @vma over [start, end) leaves of a hole that is remembered (hole.c, 2). */
static inline void index_hole_filled(
	struct mm_hole *h, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	if (start >= h->end) {
		/* Behind a hole that ends with what is searched, the next area may lie anywhere; an empty one has none. */
		if (start == h->end ||
			(h->start < h->end && h->end == h->high && (!h->next || start <= h->next->vm_start)))
			h->next = vma;
	} else if (end < h->end) {
		if (end >= h->start) {
			h->start = end;
			h->prev = vma;
		}
	} else {
		h->end = max(start, h->start);
		h->next = vma;
	}
}

/* @part has been cut from @vma, @below what is left of it or above: the hole that @vma stood beside is beside @part then. */
static inline void index_hole_cut(
	struct mm_hole *h, const struct vm_area_struct *vma, struct vm_area_struct *part, bool below)
{
	if (below && h->next == vma)
		h->next = part;
	else if (!below && h->prev == vma)
		h->prev = part;
}

/* What lay between the two is gone: it may have been the next area behind a hole that ends with what is searched. */
static inline void index_hole_next(
	struct mm_hole *h, const struct vm_area_struct *prev, struct vm_area_struct *next)
{
	if (h->end == h->high && h->prev == prev)
		h->next = next;
}

/* A hole has been made: what is remembered of @h becomes it, if that is a part of it. @return true: it lies above @h. */
static inline bool index_hole_joined(struct mm_hole *h, const struct mm_hole *made)
{
	if (made->end < h->start || h->start == h->end)
		return false;
	if (made->start > h->start)
		return true;
	h->start = made->start;
	h->end = made->end;
	h->prev = made->prev;
	h->next = made->next;
	return false;
}

/* It may answer in place of the upper that is remembered, and bounds what the lower answers. */
static inline void index_hole_made_above(struct mm_struct *mm, struct mm_hole *made, bool above_upper)
{
	struct mm_hole *h = &mm->hole, *upper = &mm->hole_above;
	unsigned long length = made->end - made->start;
	bool any = upper->start < upper->end;

	made->length = any ? upper->length : h->length;
	if ((above_upper || !any) && length >= made->length)
		*upper = *made;
	h->length = max(h->length, length + 1);
}

/* What lay between @prev and @next, either of which may be NULL, is a hole, or ends one. */
static inline void index_hole_made(
	struct mm_struct *mm, struct vm_area_struct *prev, struct vm_area_struct *next)
{
	unsigned long high = mm->hole.high; /* of both */
	struct mm_hole made = { .start = prev ? prev->vm_end : 0,
		.end = next ? min(next->vm_start, high) : high,
		.length = 0,
		.high = high,
		.prev = prev,
		.next = next };
	bool above_upper, above;

	if (made.start >= made.end) {
		index_hole_next(&mm->hole, prev, next);
		index_hole_next(&mm->hole_above, prev, next);
		return;
	}
	above_upper = index_hole_joined(&mm->hole_above, &made);
	above = index_hole_joined(&mm->hole, &made);
	if (above || above_upper)
		index_hole_made_above(mm, &made, above_upper);
}

/* Where a new area goes, and the one that it takes the place of; each may be NULL. */
struct index_place {
	struct vm_area_struct *prev, *gone, *next;
};

/*
 * The same for [start, end), where that lies beside what was found last, in a hole or over the very area there: 80
 * instructions less than by the tree.
 */
static inline bool index_place_beside_found(
	const struct mm_struct *mm, unsigned long start, unsigned long end, struct index_place *p)
{
	struct vm_area_struct *found = mm->found;

	if (!found)
		return false;
	p->gone = NULL;
	if (found->vm_end <= start) {
		p->prev = found;
		p->next = found->vm_next;
		if (!p->next || p->next->vm_start >= end)
			return true;
		p->gone = p->next;
		p->next = p->gone->vm_next;
	} else if (found->vm_start >= end) {
		p->next = found;
		p->prev = found->vm_prev;
		if (!p->prev || p->prev->vm_end <= start)
			return true;
		p->gone = p->prev;
		p->prev = p->gone->vm_prev;
	} else {
		p->gone = found;
		p->prev = found->vm_prev;
		p->next = found->vm_next;
	}
	return p->gone->vm_start == start && p->gone->vm_end == end;
}

/* The list as the tree is now, where @vma (NULL: a hole) has been stored over what begins at @start. */
static inline void index_relink(struct mm_struct *mm, unsigned long start, struct vm_area_struct *vma)
{
	void *before, *after, *behind;

	if (!vma) {
		after = mt_writer_look(&mm->mm_mt, start, &before, &behind);
		index_unlink(before, after);
		index_hole_made(mm, before, after);
	} else {
		mt_writer_beside(&mm->mm_mt, start, vma, &before, &after);
		index_link(vma, before, after);
	}
}

static inline void index_changed(struct mm_struct *mm)
{
	mm->changes++;
	if (mm->sys->verify)
		index_verify(mm);
}

/* @vma has been stored over [start, end): what lay there is gone from the index. */
static inline void index_stored(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	mm->found = vma;
	index_hole_filled(&mm->hole, start, end, vma);
	index_hole_filled(&mm->hole_above, start, end, vma);
	index_changed(mm);
}

/* The same of a hole. */
static inline void index_stored_hole(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vm_area_struct *found = mm->found;

	if (found && found->vm_start < end && found->vm_end > start)
		mm->found = NULL;
	index_changed(mm);
}

/* A store that index_prepare() has prepared. */
static inline void index_commit(struct index_store *st, struct vm_area_struct *vma)
{
	struct mm_struct *mm = st->mm;

	if (st->way == INDEX_PUT)
		mt_commit_put(&mm->mm_mt, st->start, st->end - 1, vma, &st->plan);
	else
		mas_commit(&st->mas, vma, &st->plan);
	index_relink(mm, st->start, vma);
	if (vma)
		index_stored(mm, st->start, st->end, vma);
	else
		index_stored_hole(mm, st->start, st->end);
}

/* What index_prepare_cut() has prepared: the new part lies beside the area that was cut, and no hole has changed. */
static inline __attribute__((always_inline)) void index_commit_cut(
	struct index_store *st, struct vm_area_struct *part)
{
	struct vm_area_struct *lower = st->lower, *upper = st->upper;
	struct mm_struct *mm = st->mm;
	bool below = part == lower;

	if (st->way != INDEX_CUT) {
		index_commit(st, part);
		return;
	}
	mt_cut(&mm->mm_mt, st->at, lower, upper);
	PROBE4(maple_store, &mm->mm_mt, st->start, st->end - 1, part);
	if (below)
		index_link(part, upper->vm_prev, upper);
	else
		index_link(part, lower, lower->vm_next);
	index_hole_cut(&mm->hole, below ? upper : lower, part, below);
	index_hole_cut(&mm->hole_above, below ? upper : lower, part, below);
	mm->found = part;
	index_changed(mm);
}

/* What index_prepare_border() or _growth() has prepared. */
static inline void index_commit_join(struct index_store *st, struct vm_area_struct *vma)
{
	struct maple_tree *mt = &st->mm->mm_mt;

	switch (st->way) {
	case INDEX_BORDER:
		mt_move_border_step(mt, st->from, st->at);
		PROBE4(maple_store, mt, st->start, st->end - 1, vma);
		st->mm->found = vma; /* no hole has changed */
		index_changed(st->mm);
		return;
	case INDEX_GROW:
		mt_grow(mt, st->from, st->start, st->end - 1);
		break;
	case INDEX_JOIN:
		mt_join(mt, st->from, st->start, st->end - 1, vma);
		index_link(vma, st->lower, st->upper);
		break;
	default:
		index_commit(st, vma);
		return;
	}
	PROBE4(maple_store, mt, st->start, st->end - 1, vma);
	index_stored(st->mm, st->start, st->end, vma);
}

/* What index_prepare_shorten() has prepared. */
static inline void index_commit_shorten(struct index_store *st, struct vm_area_struct *vma)
{
	struct mm_struct *mm = st->mm;

	if (st->way != INDEX_SHORTEN) {
		index_commit(st, NULL);
		return;
	}
	mt_shorten(&mm->mm_mt, st->from, vma->vm_start, vma->vm_end - 1);
	PROBE4(maple_store, &mm->mm_mt, st->start, st->end - 1, NULL);
	if (st->end == vma->vm_start)
		index_hole_made(mm, vma->vm_prev, vma);
	else
		index_hole_made(mm, vma, vma->vm_next);
	mm->found = vma;
	index_changed(mm);
}

/* Both at once, where nothing lies between them. 0, or -ENOMEM: nothing has changed. */
static inline int index_put(
	struct mm_struct *mm, unsigned long start, unsigned long end, struct vm_area_struct *vma)
{
	struct index_place p;
	bool known = index_place_beside_found(mm, start, end, &p), over = false;

	if (known && p.gone) {
		mt_writer_near(&mm->mm_mt, start, NULL, p.gone);
		over = mt_put_over(&mm->mm_mt, start, p.gone, vma);
		if (over)
			PROBE4(maple_store, &mm->mm_mt, start, end - 1, vma);
	} else if (known && p.prev && p.next) {
		mt_writer_near(&mm->mm_mt, start, p.prev, p.next);
	}
	if (!over && mt_put(&mm->mm_mt, start, end - 1, vma, GFP_KERNEL))
		return -ENOMEM;
	if (known)
		index_link(vma, p.prev, p.next);
	else
		index_relink(mm, start, vma);
	index_stored(mm, start, end, vma);
	return 0;
}

/* The same of NULL. */
static inline int index_clear(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	if (mt_put(&mm->mm_mt, start, end - 1, NULL, GFP_KERNEL))
		return -ENOMEM;
	index_relink(mm, start, NULL);
	index_stored_hole(mm, start, end);
	return 0;
}

/* @vma leaves the index. 0, or -ENOMEM: nothing has changed. */
static inline int index_drop(struct mm_struct *mm, struct vm_area_struct *vma)
{
	mt_writer_near(&mm->mm_mt, vma->vm_start, NULL, vma);
	if (!mt_drop(&mm->mm_mt, vma->vm_start))
		return index_clear(mm, vma->vm_start, vma->vm_end);
	PROBE4(maple_store, &mm->mm_mt, vma->vm_start, vma->vm_end - 1, NULL);
	index_unlink(vma->vm_prev, vma->vm_next);
	index_hole_made(mm, vma->vm_prev, vma->vm_next);
	if (mm->found == vma)
		mm->found = vma->vm_next ? vma->vm_next
					 : vma->vm_prev; /* the next call asks for what lies around it */
	index_changed(mm);
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

/* In the tree: the area at @addr or the next above it. *@last: if there is none, the last of all. */
static inline struct vm_area_struct *index_search(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **last)
{
	void *before, *after, *vma = mt_writer_next(&mm->mm_mt, addr);

	if (!vma) {
		vma = mt_writer_look(&mm->mm_mt, addr, &before, &after);
		*last = before;
	}
	if (vma)
		mm->found = vma;
	return vma;
}

/* The same from what was found last, where that is close. */
static inline struct vm_area_struct *index_find_last(
	struct mm_struct *mm, unsigned long addr, struct vm_area_struct **last)
{
	struct vm_area_struct *vma = mm->found, *next;

	if (!vma)
		return index_search(mm, addr, last);
	if (addr < vma->vm_start) {
		next = vma->vm_prev;
		if (!next || addr >= next->vm_end)
			return vma;
		if (addr < next->vm_start)
			return index_search(mm, addr, last);
	} else {
		if (addr < vma->vm_end)
			return vma;
		next = vma->vm_next;
		*last = vma;
		if (!next)
			return NULL;
		if (addr >= next->vm_end)
			return index_search(mm, addr, last);
	}
	mm->found = next;
	return next;
}

static inline struct vm_area_struct *index_find(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *last;

	return index_find_last(mm, addr, &last);
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
	struct vm_area_struct *vma = index_find_last(mm, addr, prev);

	if (vma)
		*prev = vma->vm_prev;
	return vma;
}

static inline void index_neighbours(
	const struct vm_area_struct *vma, struct vm_area_struct **prev, struct vm_area_struct **next)
{
	*prev = vma->vm_prev;
	*next = vma->vm_next;
}

struct index_cursor {
	struct vm_area_struct *vma;
};

static inline struct vm_area_struct *index_begin(
	struct index_cursor *c, struct mm_struct *mm, unsigned long addr, struct vm_area_struct **prev)
{
	c->vma = index_find_prev(mm, addr, prev);
	return c->vma;
}

static inline struct vm_area_struct *index_next(struct index_cursor *c)
{
	c->vma = c->vma->vm_next;
	return c->vma;
}

/* Free-area search over indices: bytes. 0 and *start, or -EBUSY. */
static inline int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len,
	bool topdown, unsigned long *start)
{
	return mt_writer_gap(&mm->mm_mt, low, high - 1, len, topdown, start);
}

static inline bool index_validate(struct mm_struct *mm, const char **reason)
{
	struct vm_area_struct *vma, *prev = NULL;
	VMA_ITERATOR(vmi, mm, 0);

	if (!mt_check(&mm->mm_mt, reason))
		return false;
	for_each_vma (vmi, vma) {
		if (vmi.mas.index != vma->vm_start || vmi.mas.last != vma->vm_end - 1)
			return index_wrong(
				reason, vma, "VM2: vm_start or vm_end is not that of its range in the tree");
		if (vma->vm_prev != prev)
			return index_wrong(reason, vma, "VM4: vm_prev is not the area before");
		if (prev && prev->vm_next != vma)
			return index_wrong(reason, prev, "VM4: vm_next is not the area behind");
		prev = vma;
	}
	if (prev && prev->vm_next)
		return index_wrong(reason, prev, "VM4: vm_next leads on where the tree ends");
	if (mm->found && mt_look(&mm->mm_mt, mm->found->vm_start, mm->found->vm_start) != mm->found)
		return index_wrong(reason, mm->found, "VM3: what was found last is not in the index");
	return true;
}

#endif /* MM_INDEX_MAPLE_H */
