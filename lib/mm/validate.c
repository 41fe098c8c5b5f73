/* SPDX-License-Identifier: MIT */
/*
 * What must be true of an address space between two calls.
 *
 *    V1  the index is a valid tree (docs/maple-tree.md).
 *    V2  each area lies in the index exactly over [vm_start, vm_end), not empty, page-aligned, and belongs to the mm.
 *    V3  map_count is the number of areas.
 *    A1  total_vm, data_vm, exec_vm and stack_vm are the sums over the areas.
 *    A2  locked_vm is at least the sum over VM_LOCKED areas: MREMAP_DONTUNMAP unlocks what it leaves and counts it on.
 *    A3  what is charged machine-wide is at least what this mm's VM_ACCOUNT areas account for.
 *    R*  the reverse map's own, see lib/rmap/.
 */
#include "internal.h"

struct sums {
	int count;
	unsigned long total, locked, account;
	struct mm_struct kinds; /* its data_vm, exec_vm and stack_vm */
};

static bool check_area(const struct mm_struct *mm, const struct ma_state *mas,
	const struct vm_area_struct *vma, const char **reason)
{
	if (mas->index != vma->vm_start || mas->last != vma->vm_end - 1 || vma->vm_start >= vma->vm_end) {
		*reason = "V2: an area's bounds are not those of its range in the index";
		return false;
	}
	if (offset_in_page(mm, vma->vm_start | vma->vm_end)) {
		*reason = "V2: an area is not page-aligned";
		return false;
	}
	if (vma->vm_mm != mm) {
		*reason = "V2: an area belongs to another mm";
		return false;
	}
	return mm->sys->rmap->validate(vma, reason);
}

static void sum_area(struct sums *s, const struct vm_area_struct *vma)
{
	unsigned long npages = vma_pages(vma);

	s->count++;
	s->total += npages;
	s->locked += vma->vm_flags & VM_LOCKED ? npages : 0;
	s->account += vma->vm_flags & VM_ACCOUNT ? npages : 0;
	vm_stat_account(&s->kinds, vma->vm_flags, (long)npages);
}

static const char *compare_sums(const struct mm_struct *mm, const struct sums *s)
{
	if (s->count != mm->map_count)
		return "V3: map_count is not the number of areas";
	if (s->total != mm->total_vm)
		return "A1: total_vm is not the sum of the areas' pages";
	if (s->kinds.data_vm != mm->data_vm || s->kinds.exec_vm != mm->exec_vm ||
		s->kinds.stack_vm != mm->stack_vm)
		return "A1: data_vm, exec_vm or stack_vm is not the sum over its areas";
	if (s->locked > mm->locked_vm)
		return "A2: locked_vm is less than the sum over the locked areas";
	if (s->account > mm->sys->committed)
		return "A3: more is accounted than was charged";
	return NULL;
}

bool mm_validate(struct mm_struct *mm, const char **reason)
{
	struct sums s = { .kinds = { .sys = mm->sys } };
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	if (!mt_check(&mm->mm_mt, reason))
		return false;
	for_each_vma (vmi, vma) {
		if (!check_area(mm, &vmi.mas, vma, reason))
			return false;
		sum_area(&s, vma);
	}
	*reason = compare_sums(mm, &s);
	return !*reason;
}
