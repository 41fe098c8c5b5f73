/* SPDX-License-Identifier: MIT */
/*
 * index_commit() of the linked indexes: part 3 of linked.h.  A template: the file that includes it says first what
 * the two do each its own way,
 *
 *   tree_insert(mm, vma, parent, link)     vma, on the list already, into the tree
 *   tree_erase(mm, vma)                    out of the tree, still on the list
 *   gap_changed(vma)                       the hole before vma (NULL: none) may have another length now
 *   range_stored(st, vma, left, right)     done: vma (NULL: a hole) lies between left and right (NULL: none)
 */
#ifndef MM_INDEX_LINKED_STORE_H
#define MM_INDEX_LINKED_STORE_H

/* Between @left and @right one of the two places in the tree is free: below left if it has no right child. */
static void link_area(struct mm_struct *mm, struct vm_area_struct *vma, struct vm_area_struct *left,
	struct vm_area_struct *right)
{
	vma->vm_prev = left;
	vma->vm_next = right;
	if (left)
		left->vm_next = vma;
	else
		mm->mmap = vma;
	if (right)
		right->vm_prev = vma;
	gap_changed(right);
	if (left && !left->vm_rb.rb_right)
		tree_insert(mm, vma, &left->vm_rb, &left->vm_rb.rb_right);
	else if (right)
		tree_insert(mm, vma, &right->vm_rb, &right->vm_rb.rb_left);
	else
		tree_insert(mm, vma, NULL, &mm->mm_rb.rb_node);
}

static void unlink_area(struct mm_struct *mm, struct vm_area_struct *vma)
{
	tree_erase(mm, vma);
	if (vma->vm_prev)
		vma->vm_prev->vm_next = vma->vm_next;
	else
		mm->mmap = vma->vm_next;
	if (vma->vm_next)
		vma->vm_next->vm_prev = vma->vm_prev;
	if (mm->mmap_cache == vma)
		mm->mmap_cache = NULL;
	gap_changed(vma->vm_next);
}

/* Bounds have changed since index_prepare(): what the tree knows of holes follows, before it is changed itself. */
static void refresh_gaps(const struct index_store *st)
{
	for (struct vm_area_struct *vma = st->first; vma != st->next; vma = vma->vm_next)
		gap_changed(vma);
	gap_changed(st->next);
}

void index_commit(struct index_store *st, struct vm_area_struct *vma)
{
	struct vm_area_struct *left = st->prev, *right = st->next, *next;
	bool present = false;

	refresh_gaps(st);
	for (struct vm_area_struct *a = st->first; a != right; a = next) {
		next = a->vm_next;
		if (a == vma)
			present = true;
		else if (a->vm_end <= st->start)
			left = a;
		else if (a->vm_start >= st->end)
			right = next = a;
		else
			unlink_area(st->mm, a);
	}
	if (vma && !present)
		link_area(st->mm, vma, left, right);
	gap_changed(vma);
	gap_changed(right);
	range_stored(st, vma, left, right);
	if (st->mm->sys->verify)
		index_verify(st->mm);
}

#endif /* MM_INDEX_LINKED_STORE_H */
