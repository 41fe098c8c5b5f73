/* SPDX-License-Identifier: MIT */
/*
 * Unmapping: gather, one store, complete.
 *
 *      before   |------ A ------|  |-- B --|------ C ------|
 *      range            |=========================|
 *      cut      |-- A --|-- A' -|  |-- B --|- C --|-- C' --|      first = A', B, C
 *      after    |-- A --|                         |-- C' --|
 *
 * Where the range is one end of one area, it gets shorter instead: vma_shorten().
 *
 * The cuts are what can fail and they stay when a later step does.  Between gather and the store the areas are
 * still mapped, so a caller that gives up has nothing to undo.
 */
#include "internal.h"
#include "machine.h"

/* The lower part is what lies before the range then.  Only a hole inside of one area is held to max_map_count. */
static int cut_front(struct unmap *um, struct vm_area_struct *vma)
{
	struct mm_struct *mm = um->mm;

	if (um->end < vma->vm_end && mm->map_count >= mm->sys->max_map_count)
		return -ENOMEM;
	if (vma_is_sealed(vma))
		return -EPERM;
	return vma_split_unlimited(mm, vma, um->start, true, &um->prev);
}

/* What is cut off at the end becomes um->next. */
static int gather_area(struct unmap *um, struct vm_area_struct *vma)
{
	if (vma_is_sealed(vma))
		return -EPERM;
	if (vma->vm_end > um->end) {
		int err = vma_split_unlimited(um->mm, vma, um->end, false, &um->next);

		if (err)
			return err;
	}
	if (!um->count++)
		um->first = vma;
	ops_prefetch(vma);
	um->nr_pages += vma_pages(vma);
	if (vma->vm_flags & VM_ACCOUNT)
		um->nr_accounted += vma_pages(vma);
	return 0;
}

/* The areas from @vma on, with which @c begins. Inline: a munmap takes 28 instructions less (callgrind). */
static inline __attribute__((always_inline)) int gather(
	struct unmap *um, struct index_cursor *c, struct vm_area_struct *vma)
{
	int err;

	if (vma && vma->vm_start < um->start) {
		err = cut_front(um, vma);
		if (err)
			return err;
	}
	while (vma && vma->vm_start < um->end) {
		err = gather_area(um, vma);
		if (err || um->next)
			return err;
		vma = index_next(c);
	}
	um->next = vma;
	return 0;
}

int unmap_gather(struct unmap *um, struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct index_cursor c;

	*um = (struct unmap){ .mm = mm, .start = start, .end = end };
	return gather(um, &c, index_begin(&c, mm, start, &um->prev));
}

static void account_gone(struct mm_struct *mm, const struct vm_area_struct *vma, unsigned long npages)
{
	vm_stat_account(mm, vma->vm_flags, -(long)npages);
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm -= npages;
	if (vma->vm_flags & VM_ACCOUNT)
		vm_uncharge(mm, npages);
}

void unmap_lock_areas(const struct unmap *um)
{
	struct vm_area_struct *vma;

	if (!index_in_rcu(um->mm))
		return;
	vma = um->first;
	for (int i = 0; i < um->count; i++, vma = vma->vm_next)
		vma_start_write(vma);
}

void unmap_complete(struct unmap *um)
{
	struct vm_area_struct *vma = um->first;

	for (; um->count; um->count--) {
		struct vm_area_struct *next = vma->vm_next;

		account_gone(um->mm, vma, vma_pages(vma));
		vma_zap(vma, vma->vm_start, vma->vm_end);
		ops_close(vma);
		vma_free(vma);
		vma = next;
	}
	um->first = NULL;
	if (um->bitten)
		account_gone(um->mm, um->bitten, um->nr_pages);
}

static int leave_index(struct unmap *um, bool tell_host)
{
	struct index_store st;
	int err;

	if (!tell_host || !ops_has_host(um->mm))
		return um->count > 1 ? index_clear(um->mm, um->start, um->end)
				     : index_drop(um->mm, um->first);
	if (index_prepare(&st, um->mm, um->start, um->end, NULL))
		return -ENOMEM;
	err = ops_host_unmap(um->mm, um->start, um->end);
	if (err)
		index_cancel(&st);
	else
		index_commit(&st, NULL);
	return err;
}

int unmap_gathered(struct unmap *um, bool tell_host)
{
	int err;

	if (!um->first)
		return 0;
	unmap_lock_areas(um);
	err = leave_index(um, tell_host);
	if (err)
		return err;

	/* Point of no return. */
	um->mm->map_count -= um->count;
	unmap_complete(um);
	if (um->mm->pgd)
		um->mm->sys->pages->free_tables(um->mm, um->start, um->end, um->prev ? um->prev->vm_end : 0,
			um->next ? um->next->vm_start : ~0UL);
	return 0;
}

/* Is [start, end), and what of it lies in @vma, one end of that, and meets nothing else? */
static bool is_end_of(const struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vm_area_struct *prev, *next;

	if (start <= vma->vm_start)
		return vma->vm_start < end && end < vma->vm_end;
	index_neighbours(vma, &prev, &next);
	return vma->vm_end <= end && (!next || next->vm_start >= end);
}

/* @vma loses the end of it that [start, end) is, with all that is below or above. */
static __attribute__((noinline)) int shorten(
	struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	unsigned long from = max(start, vma->vm_start), to = min(end, vma->vm_end);
	int err = vma_shorten(vma, from, to);

	if (!err)
		account_gone(vma->vm_mm, vma, to_pages(vma->vm_mm, to - from));
	return err;
}

int do_munmap(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct unmap um = { .mm = mm, .start = start, .end = end };
	struct vm_area_struct *vma;
	struct index_cursor c;
	int err;

	vma = index_begin(&c, mm, start, &um.prev);
	if (vma && is_end_of(vma, start, end) && vma_cuts_unseen(vma))
		return shorten(vma, start, end);
	err = gather(&um, &c, vma);
	return err ? err : unmap_gathered(&um, true);
}

int mm_munmap(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	mm_call(mm);

	addr = plain_address(mm, addr);
	if (offset_in_page(mm, addr) || addr > end_for_calls(mm) || len > end_for_calls(mm) - addr)
		return -EINVAL;
	len = mm_page_align(mm, len);
	if (!len)
		return -EINVAL;
	return do_munmap(mm, addr, addr + len);
}

/* A piece of a segment attached at @addr, at its own place; of @segment, if that is known. */
static bool is_piece(const struct vm_area_struct *vma, unsigned long addr, const struct vm_file *segment)
{
	if (!vma_is_segment(vma) || to_pages(vma->vm_mm, vma->vm_start - addr) != vma->vm_pgoff)
		return false;
	return !segment ||
	       (vma->vm_file == segment &&
		       (!segment->size || vma->vm_end - addr <= mm_page_align(vma->vm_mm, segment->size)));
}

/* The first piece found says which segment is meant.  What cannot be unmapped stays, and that is no error. */
int mm_shmdt(struct mm_struct *mm, unsigned long addr)
{
	struct vm_file *segment = NULL;
	struct vm_area_struct *vma;
	unsigned long at = addr;
	mm_call(mm);

	if (offset_in_page(mm, addr))
		return -EINVAL;
	while ((vma = find_vma(mm, at)) != NULL) {
		at = vma->vm_end;
		if (!is_piece(vma, addr, segment))
			continue;
		if (!segment)
			segment = vm_file_get(vma->vm_file);
		(void)!do_munmap(mm, vma->vm_start, vma->vm_end);
	}
	vm_file_put(segment);
	return segment ? 0 : -EINVAL;
}
