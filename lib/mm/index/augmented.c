/* SPDX-License-Identifier: MIT */
/*
 * The augmented index: a free-area search that enters only subtrees with an answer.
 *
 * 1. Meaning.  The hole before an area belongs to it; rb_subtree_gap is the longest such hole in the subtree below
 *    its node, its own included.  The hole above the last area belongs to none: it begins at highest_vm_end.
 *
 * 2. Invariants (mm_validate names the one that fails, with the area and the field; LI1 to LI4 are in linked.h)
 *    GA1  rb_subtree_gap is the longest of the hole before the area and of its children's rb_subtree_gap.
 *    GA2  highest_vm_end is the end of the last area, 0 when there is none.
 *
 * 3. Search.  In order of addresses (or against it), leaving out subtrees without a hole that is long enough, and
 *    those that lie before the window.  A subtree that lies in the window and has such a hole has the answer; so
 *    only at the edge of the window can a way down be in vain, once: O(log n).
 *
 * Lespinasse and van Riel 2012; docs/unmapped-area.md.
 */
#include "../internal.h"

static unsigned long hole_start(const struct vm_area_struct *vma)
{
	return vma->vm_prev ? vma->vm_prev->vm_end : 0;
}

/* While bounds change, areas may overlap: no hole. */
static unsigned long hole_before(const struct vm_area_struct *vma)
{
	unsigned long start = hole_start(vma);

	return vma->vm_start > start ? vma->vm_start - start : 0;
}

RB_DECLARE_CALLBACKS_MAX(
	static, gap_callbacks, struct vm_area_struct, vm_rb, unsigned long, rb_subtree_gap, hole_before);

static inline void gap_changed(struct vm_area_struct *vma)
{
	if (vma)
		gap_callbacks_propagate(&vma->vm_rb, NULL);
}

static inline void tree_insert(
	struct mm_struct *mm, struct vm_area_struct *vma, struct rb_node *parent, struct rb_node **link)
{
	rb_link_node(&vma->vm_rb, parent, link);
	vma->rb_subtree_gap = 0;
	gap_changed(vma);
	rb_insert_augmented(&vma->vm_rb, &mm->mm_rb, &gap_callbacks);
}

static inline void tree_erase(struct mm_struct *mm, struct vm_area_struct *vma)
{
	rb_erase_augmented(&vma->vm_rb, &mm->mm_rb, &gap_callbacks);
}

static inline void range_stored(const struct index_store *st, const struct vm_area_struct *vma,
	const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	if (right)
		return;
	if (!vma)
		vma = left;
	st->mm->highest_vm_end = vma ? vma->vm_end : 0;
}

#include "linked_store.h"

/* --- free-area search --------------------------------------------------------------------------------------- */

struct window {
	unsigned long low, high, len;
};

static bool may_hold(const struct rb_node *node, const struct window *w)
{
	return node && vma_of(node)->rb_subtree_gap >= w->len;
}

/* Does the part in the window of the hole [start, end) suffice? */
static bool fits(unsigned long start, unsigned long end, const struct window *w)
{
	start = max(start, w->low);
	end = min(end, w->high);
	return end > start && end - start >= w->len;
}

/* The next node whose left subtree has been dealt with, above @node; or NULL. */
static struct rb_node *above_from(struct rb_node *node, int side)
{
	struct rb_node *parent = rb_parent(node);

	while (parent && parent->rb_child[side] != node) {
		node = parent;
		parent = rb_parent(node);
	}
	return parent;
}

/* Down the left side, as long as holes there can end in the window. */
static struct rb_node *first_below(struct rb_node *node, const struct window *w)
{
	while (may_hold(node->rb_left, w) && vma_of(node)->vm_start > w->low + w->len)
		node = node->rb_left;
	return node;
}

/* Down the right side, as long as holes there can begin in the window. */
static struct rb_node *last_below(struct rb_node *node, const struct window *w)
{
	while (may_hold(node->rb_right, w) && vma_of(node)->vm_end <= w->high - w->len)
		node = node->rb_right;
	return node;
}

static int above_all(const struct mm_struct *mm, const struct window *w, unsigned long *start)
{
	if (!fits(mm->highest_vm_end, w->high, w))
		return -EBUSY;
	*start = max(mm->highest_vm_end, w->low);
	return 0;
}

static int lowest(const struct mm_struct *mm, const struct window *w, unsigned long *start)
{
	struct rb_node *node = mm->mm_rb.rb_node;

	if (!may_hold(node, w))
		return above_all(mm, w, start);
	node = first_below(node, w);
	while (node) {
		const struct vm_area_struct *vma = vma_of(node);

		if (hole_start(vma) > w->high - w->len)
			return -EBUSY;
		if (fits(hole_start(vma), vma->vm_start, w)) {
			*start = max(hole_start(vma), w->low);
			return 0;
		}
		node = may_hold(node->rb_right, w) ? first_below(node->rb_right, w) : above_from(node, 0);
	}
	return above_all(mm, w, start);
}

static int highest(const struct mm_struct *mm, const struct window *w, unsigned long *start)
{
	struct rb_node *node = mm->mm_rb.rb_node;

	if (!above_all(mm, w, start)) {
		*start = w->high - w->len;
		return 0;
	}
	if (!may_hold(node, w))
		return -EBUSY;
	node = last_below(node, w);
	while (node) {
		const struct vm_area_struct *vma = vma_of(node);

		if (vma->vm_start < w->low + w->len)
			return -EBUSY;
		if (fits(hole_start(vma), vma->vm_start, w)) {
			*start = min(vma->vm_start, w->high) - w->len;
			return 0;
		}
		node = may_hold(node->rb_left, w) ? last_below(node->rb_left, w) : above_from(node, 1);
	}
	return -EBUSY;
}

int index_gap(struct mm_struct *mm, unsigned long low, unsigned long high, unsigned long len, bool topdown,
	unsigned long *start)
{
	const struct window w = { low, high, len };

	return topdown ? highest(mm, &w, start) : lowest(mm, &w, start);
}

/* --- verification ------------------------------------------------------------------------------------------- */

bool index_validate(struct mm_struct *mm, const char **reason)
{
	struct rb_node *last;

	if (!linked_validate(mm, reason))
		return false;
	for (struct vm_area_struct *vma = mm->mmap; vma; vma = vma->vm_next)
		if (vma->rb_subtree_gap != gap_callbacks_max(vma))
			return index_wrong(
				reason, vma, "GA1: rb_subtree_gap is not the longest hole of its subtree");
	last = rb_last(&mm->mm_rb);
	if (mm->highest_vm_end != (last ? vma_of(last)->vm_end : 0))
		return index_wrong(reason, last ? vma_of(last) : NULL,
			"GA2: highest_vm_end is not the end of the last area");
	return true;
}
