/* SPDX-License-Identifier: MIT */
/*
 * The classic index: a free-area search from area to area, and a cache that lets it begin where the last one ended.
 *
 * 1. Meaning.  Searches that begin at mmap_base (mmap_legacy_base when they go upwards) remember how far they came
 *    (free_area_cache) and the longest hole that they passed over (cached_hole_size).  A longer one than that need
 *    not be looked for there again; for a shorter one the search begins anew, and forgets.  Other windows are
 *    searched from their edge, and remember nothing.
 *
 * 2. Invariants (mm_validate names the one that fails; LI1 to LI4 are in linked.h).  Top-down; bottom-up is the mirror
 *    image.
 *    FC1  no hole between free_area_cache and the base is longer than cached_hole_size.
 *    FC2  free_area_cache lies within no hole and at no hole's lower end: the hole that it bounds lies beyond it.
 *
 *            free_area_cache            base
 *        |-----|      hole     |-- A --| |- B -|   |- C -|
 *                              ^         holes up here are <= cached_hole_size
 *
 * 3. A difference to Linux.  There the cache was a guess: it was set to the address that the search had returned,
 *    whether that was mapped then or not, and an unmapping beside a hole did not move it past that hole.  A search
 *    could miss the first fit.  Here FC1 and FC2 are kept, so that all indexes answer the same, and what remains of
 *    the cache is its cost: O(n) after each request that is not longer than a hole once seen.
 *
 * Linux 2.6.13 (cached_hole_size: Wander 2005); docs/unmapped-area.md.
 */
#include "../internal.h"

static inline void gap_changed(struct vm_area_struct *vma)
{
}

static inline void tree_insert(
	struct mm_struct *mm, struct vm_area_struct *vma, struct rb_node *parent, struct rb_node **link)
{
	rb_link_node(&vma->vm_rb, parent, link);
	rb_insert_color(&vma->vm_rb, &mm->mm_rb);
}

static inline void tree_erase(struct mm_struct *mm, struct vm_area_struct *vma)
{
	rb_erase(&vma->vm_rb, &mm->mm_rb);
}

/* Only a hole that is stored frees anything.  It may have joined with one that the cache lies at: go back past both. */
static inline void range_stored(const struct index_store *st, const struct vm_area_struct *vma,
	const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	struct free_area_cache *c = &st->mm->free_area;
	unsigned long bottom = left ? left->vm_end : 0, top = right ? right->vm_start : ULONG_MAX;

	if (vma || !c->base)
		return;
	if (c->topdown && top > c->free_area_cache)
		c->free_area_cache = min(top, c->base);
	else if (!c->topdown && bottom < c->free_area_cache)
		c->free_area_cache = max(bottom, c->base);
}

#include "linked_store.h"

/* --- free-area search --------------------------------------------------------------------------------------- */

/* A search on its way: where it is, and the longest hole that it has passed over. */
struct walk {
	unsigned long at, longest;
};

static int walk_up(
	struct mm_struct *mm, struct walk *w, unsigned long high, unsigned long len, unsigned long *start)
{
	struct vm_area_struct *vma = index_find(mm, w->at);

	for (;; vma = vma->vm_next) {
		if (w->at > high - len)
			return -EBUSY;
		if (!vma || (vma->vm_start > w->at && vma->vm_start - w->at >= len))
			break;
		if (vma->vm_start > w->at)
			w->longest = max(w->longest, vma->vm_start - w->at);
		w->at = vma->vm_end;
	}
	*start = w->at;
	return 0;
}

static int walk_down(
	struct mm_struct *mm, struct walk *w, unsigned long low, unsigned long len, unsigned long *start)
{
	struct vm_area_struct *vma, *prev;

	vma = index_find_prev(mm, w->at - 1, &prev);
	if (!vma || vma->vm_start >= w->at)
		vma = prev;
	for (;; vma = vma->vm_prev) {
		unsigned long end = vma ? vma->vm_end : 0;

		if (w->at < low + len)
			return -EBUSY;
		if (!vma || (end < w->at && w->at - end >= len))
			break;
		if (end < w->at)
			w->longest = max(w->longest, w->at - end);
		w->at = vma->vm_start;
	}
	*start = w->at - len;
	return 0;
}

/* May a search that begins at @edge use the cache?  One for another base than the cache's makes it its own. */
static bool use_cache(struct mm_struct *mm, unsigned long edge, bool topdown)
{
	struct free_area_cache *c = &mm->free_area;

	if (topdown != mm->topdown || edge != (topdown ? mm->mmap_base : mm->mmap_legacy_base))
		return false;
	if (c->base != edge || c->topdown != topdown)
		*c = (struct free_area_cache){ edge, edge, 0, topdown };
	return true;
}

int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len, bool topdown,
	unsigned long *start)
{
	struct walk w = { .at = topdown ? high : low };
	struct free_area_cache *c = &mm->free_area;
	bool cached = use_cache(mm, w.at, topdown);
	int err;

	if (cached && len > c->cached_hole_size)
		w = (struct walk){ c->free_area_cache, c->cached_hole_size };
	err = topdown ? walk_down(mm, &w, low, len, start) : walk_up(mm, &w, high, len, start);
	if (cached && !err) {
		c->free_area_cache = w.at;
		c->cached_hole_size = w.longest;
	}
	return err;
}

/* --- verification ------------------------------------------------------------------------------------------- */

/* FC1 and FC2 for the hole [start, end) that ends at @vma. */
static bool check_hole(const struct mm_struct *mm, unsigned long start, unsigned long end,
	const struct vm_area_struct *vma, const char **reason)
{
	const struct free_area_cache *c = &mm->free_area;
	unsigned long low = c->topdown ? c->free_area_cache : c->base;
	unsigned long high = c->topdown ? c->base : c->free_area_cache;

	if (start >= high || end <= low)
		return true;
	if (c->free_area_cache != c->base && c->free_area_cache > start && c->free_area_cache < end)
		return index_wrong(reason, vma, "FC2: free_area_cache lies within the hole before");
	if (min(end, high) - max(start, low) > c->cached_hole_size)
		return index_wrong(reason, vma, "FC1: cached_hole_size is less than the hole before");
	return true;
}

bool index_validate(struct mm_struct *mm, const char **reason)
{
	unsigned long end = 0;

	if (!linked_validate(mm, reason))
		return false;
	if (!mm->free_area.base)
		return true;
	for (const struct vm_area_struct *vma = mm->mmap; vma; vma = vma->vm_next) {
		if (vma->vm_start > end && !check_hole(mm, end, vma->vm_start, vma, reason))
			return false;
		end = vma->vm_end;
	}
	return end >= mm->task_size || check_hole(mm, end, mm->task_size, NULL, reason);
}
