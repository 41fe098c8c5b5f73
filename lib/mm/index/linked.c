/* SPDX-License-Identifier: MIT */
/*
 * The linked indexes: finding and verifying.  Theory and invariants (LI1 to LI4) in linked.h.
 */

#include "../internal.h"
#include "text.h"

struct vm_area_struct *linked_descend(struct mm_struct *mm, unsigned long addr)
{
	struct rb_node *node = mm->mm_rb.rb_node;
	struct vm_area_struct *found = NULL;

	while (node) {
		struct vm_area_struct *vma = vma_of(node);

		if (vma->vm_end > addr) {
			found = vma;
			if (vma->vm_start <= addr)
				break;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/* The list beside the tree, step by step: a list that is damaged is left before it is followed further. */
static bool check_list(struct mm_struct *mm, const char **reason)
{
	struct vm_area_struct *vma = mm->mmap, *prev = NULL;
	bool cached = !mm->mmap_cache;

	for (struct rb_node *node = rb_first(&mm->mm_rb); node; node = rb_next(node)) {
		if (vma != vma_of(node))
			return index_wrong(reason, prev ? prev : vma_of(node),
				prev ? "LI1: vm_next is not the next area of the tree"
				     : "LI1: mm->mmap is not the first area of the tree");
		if (vma->vm_prev != prev)
			return index_wrong(reason, vma, "LI1: vm_prev is not the area before");
		cached |= vma == mm->mmap_cache;
		prev = vma;
		vma = vma->vm_next;
	}
	if (vma)
		return index_wrong(reason, prev, "LI1: vm_next leads on where the tree ends");
	return cached || index_wrong(reason, NULL, "LI4: mmap_cache is no area of the list");
}

/* LI2 by the tree alone, to name the area. */
static bool check_order(struct mm_struct *mm, const char **reason)
{
	unsigned long end = 0;

	for (struct rb_node *node = rb_first(&mm->mm_rb); node; node = rb_next(node)) {
		const struct vm_area_struct *vma = vma_of(node);

		if (vma->vm_start >= vma->vm_end)
			return index_wrong(reason, vma, "LI2: vm_end is not above vm_start");
		if (vma->vm_start < end)
			return index_wrong(reason, vma, "LI2: vm_start is below the end of the area before");
		end = vma->vm_end;
	}
	return true;
}

/* The area at whose node RB1 to RB4 fail first, once they are known to. @return black nodes on the way down, or -1. */
static int find_suspect( // NOLINT(misc-no-recursion): bounded by RB_DEEPEST
	struct rb_node *node, struct rb_node *parent, int depth, struct vm_area_struct **suspect)
{
	int left, right;

	if (!node)
		return 0;
	*suspect = vma_of(node);
	if (rb_parent(node) != parent || depth > RB_DEEPEST ||
		(rb_is_red(node) && (!parent || rb_is_red(parent))))
		return -1;
	left = find_suspect(node->rb_left, node, depth + 1, suspect);
	right = left < 0 ? -1 : find_suspect(node->rb_right, node, depth + 1, suspect);
	if (right < 0)
		return -1;
	*suspect = vma_of(node);
	return left == right ? left + rb_is_black(node) : -1;
}

static bool check_tree(struct mm_struct *mm, const char **reason)
{
	struct vm_area_struct *suspect = NULL;
	const char *rule;
	char text[96];

	if (rb_validate(&mm->mm_rb, NULL, &rule))
		return true;
	(void)find_suspect(mm->mm_rb.rb_node, NULL, 0, &suspect);
	text_format(text, sizeof(text), "LI3: vm_rb is damaged: %s", rule);
	return index_wrong(reason, suspect, text);
}

/* First that the tree holds together (RB1 to RB4 say nothing of areas), then what the areas say. */
bool linked_validate(struct mm_struct *mm, const char **reason)
{
	return check_tree(mm, reason) && check_order(mm, reason) && check_list(mm, reason);
}
