/* SPDX-License-Identifier: MIT */
/*
 * Moving a part of an area, for mremap.
 *
 * The range is mapped at its new place, as a copy or joined with what is there; its pages follow; then the old place is
 * unmapped, or left behind empty (MREMAP_DONTUNMAP).
 *
 * A moved anonymous area that was never written takes the offset of its new place, so that it can merge there; one
 * that was written keeps the offset by which its pages are known.
 */
#include "mremap.h"

int remap_charge(const struct remap *r, unsigned long *charged)
{
	unsigned long bytes = r->flags & MREMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len;

	*charged = r->vma->vm_flags & VM_ACCOUNT ? to_pages(r->mm, bytes) : 0;
	return vm_charge(r->mm, *charged);
}

static bool cuts_source(const struct remap *r)
{
	return (r->flags & MREMAP_DONTUNMAP) && r->mm->sys->kernel->dontunmap_cuts;
}

void remap_account(const struct remap *r, vm_flags_t flags, unsigned long bytes)
{
	vm_stat_account(r->mm, flags, (long)to_pages(r->mm, bytes));
	if ((flags & VM_LOCKED) && !cuts_source(r) &&
		!((r->flags & MREMAP_DONTUNMAP) && r->mm->sys->kernel->dontunmap_uncounted))
		r->mm->locked_vm += to_pages(r->mm, bytes);
}

static struct vm_area_struct *make_copy(const struct remap *r, struct vma_merge *vmg)
{
	struct vm_area_struct *new = vma_copy(r->vma, r->mm);

	vmg->err = -ENOMEM;
	if (!new)
		return NULL;
	new->vm_start = r->new_addr;
	new->vm_end = r->new_addr + r->new_len;
	new->vm_pgoff = vmg->pgoff;
	if (!r->mm->sys->rmap->clone(new, r->vma))
		vmg->err = vma_link(r->mm, new, r->vma, vmg);
	if (vmg->err) {
		vma_free(new);
		return NULL;
	}
	return new;
}

/* Not with its own source. */
static void keep_apart(struct vma_merge *vmg, const struct vm_area_struct *source)
{
	bool above = source->vm_end == vmg->start, below = source->vm_start == vmg->end;
	bool all = (above || below) && !vmg->mm->sys->kernel->dontunmap_joins_other;

	if (above || all)
		vmg->prev = NULL;
	if (below || all)
		vmg->next = NULL;
}

static bool moves_alone(const struct vm_area_struct *vma)
{
	return vma->uffd_ctx && vma->vm_mm->sys->kernel->served_moves_alone;
}

/* The range at its new place: joined with what is there, or an area of its own.  May be r->vma itself, grown. */
static struct vm_area_struct *copy_area(struct remap *r, int *err)
{
	struct vm_area_struct *vma = r->vma;
	bool anew = vma_is_anonymous(vma) && (!vma->anon_vma || r->mm->sys->rmap->by_address);
	struct vma_merge vmg = vma_merge_like(vma, r->new_addr, r->new_addr + r->new_len,
		anew ? to_pages(r->mm, r->new_addr) : vma_pgoff_at(vma, r->addr));
	struct vm_area_struct *new;

	vmg.copied_from = vma;
	vmg.work = MM_CHANGE_MOVE;
	vmg.from = r->addr;
	vmg.from_end = r->addr + r->old_len;
	vmg.keeps_source = r->flags & MREMAP_DONTUNMAP;
	vmg.next = index_find_prev(r->mm, r->new_addr, &vmg.prev);
	if (cuts_source(r) && !vma->anon_vma)
		keep_apart(&vmg, vma);
	new = moves_alone(vma) ? NULL : vma_merge_new_range(&vmg);
	if (!new && !vmg.err)
		new = make_copy(r, &vmg);
	*err = vmg.err;
	return new;
}

/* What could not be unmapped is a mapping without pages, which the host has not any more: map it there. */
static void host_keeps_source(const struct remap *r)
{
	const struct vm_area_struct *vma = vma_lookup(r->mm, r->addr);
	struct vma_merge vmg = vma_merge_like(vma, r->addr, r->addr + r->old_len, vma_pgoff_at(vma, r->addr));

	(void)!ops_host(&vmg);
}

static void unmap_source(struct remap *r)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma = vma_lookup(mm, r->addr);
	bool accounted = vma->vm_flags & VM_ACCOUNT;
	struct unmap um;

	/* munmap(2) would refuse, and so it stays.  Linux has taken it out of what is charged by then, all of it. */
	if (r->addr + r->old_len > end_for_calls(mm)) {
		if (accounted)
			commit_account(mm->sys, (long)to_pages(mm, r->old_len) - (long)vma_pages(vma));
		vma_start_write(vma);
		vma_set_flags(vma, vma->vm_flags & ~VM_ACCOUNT);
		host_keeps_source(r);
		return;
	}
	/* The unmapping takes away the charge of pages that now belong to the copy: put it there first. */
	if (accounted)
		commit_account(mm->sys, (long)to_pages(mm, r->old_len));
	/* For want of memory for the cuts, the old range stays mapped, and charged.  For the host it has moved. */
	if (unmap_gather(&um, mm, r->addr, r->addr + r->old_len) || unmap_gathered(&um, false))
		host_keeps_source(r);
}

/* Linux 5.10 took the old area for cut in two, of which the second was to be marked as charged again. */
static void mark_next(const struct remap *r, struct vm_area_struct *vma)
{
	struct vm_area_struct *next = find_vma(r->mm, vma->vm_end);

	if (!(vma->vm_flags & VM_ACCOUNT) || !next || vma->vm_start >= r->addr ||
		r->addr + r->old_len >= vma->vm_end)
		return;
	/* Linux gave back later what was never charged; here the sum stays right. */
	if (!(next->vm_flags & VM_ACCOUNT))
		commit_account(r->mm->sys, (long)vma_pages(next));
	vma_start_write(next);
	vma_set_flags(next, next->vm_flags | VM_ACCOUNT);
}

/* What was moved as a whole has no pages of its own any more. */
static void leave_anon_vma(struct remap *r, struct vm_area_struct *vma, const struct vm_area_struct *new)
{
	if (new == vma || r->addr != vma->vm_start || r->addr + r->old_len != vma->vm_end)
		return;
	if (r->mm->sys->kernel->dontunmap_keeps_anon)
		return;
	r->mm->sys->rmap->unlink(vma);
	if (cuts_source(r) && !vma->vm_file)
		set_field(vma, vm_pgoff, to_pages(r->mm, vma->vm_start));
}

static void leave_source_empty(struct remap *r, struct vm_area_struct *new)
{
	struct vm_area_struct *vma = vma_lookup(r->mm, r->addr);
	vm_flags_t old_flags = vma->vm_flags;

	/*
	 * The whole old area is not locked any more.  Where it was not cut out before, Linux does not take it off
	 * locked_vm, which is too large from now on.
	 */
	vma_start_write(vma);
	set_field(vma, vm_flags,
		vma->vm_flags &
			~(VM_LOCKED_MASK | (r->mm->sys->kernel->dontunmap_unaccounts ? VM_ACCOUNT : 0)));
	if (r->mm->pgd)
		r->mm->sys->pages->protect(vma, vma->vm_start, vma->vm_end);
	if (new != vma && r->mm->sys->kernel->dontunmap_marks_next)
		mark_next(r, vma);
	leave_anon_vma(r, vma, new);
	ops_changed(vma, old_flags);
}

/* Of the kernel's own areas; also what is left of one that was cut. */
static bool is_part_of_special(const struct remap *r)
{
	const struct vm_file *file = r->vma->vm_file;

	return file && file->kind == VM_FILE_SPECIAL &&
	       r->old_len != (file->size ? file->size : r->vma->vm_end - r->vma->vm_start);
}

static int may_cut_source(const struct remap *r)
{
	unsigned long end = r->addr + r->old_len;
	int err = r->vma->vm_start < r->addr ? ops_may_split(r->vma, r->addr) : 0;

	/* Where they can be cut they move only as a whole. */
	if (!err && is_part_of_special(r))
		return -EINVAL;

	if (!err && r->vma->vm_end > end)
		err = ops_may_split(r->vma, end);
	return err;
}

/* An area of its own for what is left behind, which is not locked any more. */
static int cut_source(struct remap *r)
{
	unsigned long end = r->addr + r->old_len;
	int err = 0;

	if (!cuts_source(r) || !(r->vma->vm_flags & VM_LOCKED))
		return 0;
	if (r->vma->vm_start < r->addr)
		err = vma_split(r->mm, r->vma, r->addr, true);
	if (!err && r->vma->vm_end > end)
		err = vma_split(r->mm, r->vma, end, false);
	return err;
}

/* The old area is looked up again: it may have become part of the new one. */
static int move_pages(const struct remap *r, struct vm_area_struct *new)
{
	struct mm_move move = { .from = vma_lookup(r->mm, r->addr),
		.to = new,
		.old_addr = r->addr,
		.new_addr = r->new_addr,
		.len = min(r->old_len, r->new_len),
		.fresh = new->vm_start == r->new_addr &&new->vm_end == r->new_addr + r->new_len };

	return r->mm->pgd && move.len ? r->mm->sys->pages->move(&move) : 0;
}

/* For what is cut out at the old place, and for the copy. */
static bool has_room(const struct remap *r)
{
	const struct mm_struct *mm = r->mm;
	bool cut_before = cuts_source(r) && (r->vma->vm_flags & VM_LOCKED);

	if (!mm->sys->kernel->mremap_counts_cuts)
		return mm->map_count < mm->sys->max_map_count - 3;
	return mm->map_count + 2 + cut_before <= mm->sys->max_map_count;
}

unsigned long remap_move(struct remap *r)
{
	struct mm_struct *mm = r->mm;
	vm_flags_t flags = r->vma->vm_flags;
	struct vm_area_struct *new;
	unsigned long charged;
	int err;

	if (!has_room(r))
		return -ENOMEM;
	err = may_cut_source(r);
	if (!err)
		err = cut_source(r);
	if (err)
		return err;
	if (remap_charge(r, &charged))
		return -ENOMEM;
	new = copy_area(r, &err);
	if (!new) {
		vm_uncharge(mm, charged);
		return err;
	}
	remap_account(r, flags, r->new_len);
	if (move_pages(r, new)) {
		if (flags & VM_ACCOUNT)
			commit_account(mm->sys, (long)(to_pages(mm, r->new_len) - charged));
		(void)!do_munmap(mm, r->new_addr, r->new_addr + r->new_len);
		if (!(r->flags & MREMAP_DONTUNMAP) && r->old_len)
			host_keeps_source(r);
		return -ENOMEM;
	}
	/* A userfaultfd does not follow, and what has merged with the moved range loses it too. */
	new->uffd_ctx = NULL;
	vma_set_flags(new, new->vm_flags & ~VM_UFFD_FLAGS);
	if (r->flags & MREMAP_DONTUNMAP)
		leave_source_empty(r, new);
	else if (r->old_len)
		unmap_source(r);
	return r->new_addr;
}
