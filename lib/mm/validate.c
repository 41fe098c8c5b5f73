/* SPDX-License-Identifier: MIT */
/*
 * What must be true of an address space between two calls.
 *
 *    VM1, VM2, L*, G*, C*  the index's own: index/maple.h, linked.h, augmented.c, classic.c.
 *    VM2  each area is not empty, page-aligned, and belongs to the mm.
 *    HO1  the hole that is remembered: hole.c.
 *    VM3  map_count is the number of areas.
 *    AC1  total_vm, data_vm, exec_vm and stack_vm are the sums over the areas.
 *    AC2  locked_vm is at least the sum over VM_LOCKED areas: MREMAP_DONTUNMAP unlocks what it leaves and counts it on.
 *    AC3  what is charged machine-wide is at least what this mm's VM_ACCOUNT areas account for.
 *    R*  the reverse map's own, see lib/rmap/.
 */

#include "alloc.h"
#include "internal.h"
#include "text.h"
#include "thread_local.h"

struct sums {
	int count;
	unsigned long total, locked, account;
	struct mm_struct kinds; /* its data_vm, exec_vm and stack_vm */
};

/* What was found last by this thread: a rule, the area and its field. */
static THREAD_LOCAL char wrong_text[160];

bool index_wrong(const char **reason, const struct vm_area_struct *vma, const char *rule)
{
	if (vma)
		text_format(wrong_text, sizeof(wrong_text), "%s (area %lx-%lx)", rule, vma->vm_start,
			vma->vm_end);
	else
		text_format(wrong_text, sizeof(wrong_text), "%s", rule);
	*reason = wrong_text;
	return false;
}

/* Whenever there were as many changes as there are areas: O(1) a change. */
void index_verify(struct mm_struct *mm)
{
	const char *reason;

	if (mm->sys->verify < MM_VERIFY_ALWAYS && mm->unverified++ < (unsigned long)mm->map_count)
		return;
	mm->unverified = 0;
	if (!index_validate(mm, &reason))
		port_panic(reason);
}

/* The index was verified inside of a call, when only it was whole: now the rest is, too. */
void mm_verify(struct mm_struct *mm)
{
	const char *reason;

	if (mm->sys->verify < MM_VERIFY_ALWAYS && mm->unverified)
		return;
	mm->unverified = 1;
	if (!mm_validate(mm, &reason))
		port_panic(reason);
	if (mm->sys->verify >= MM_VERIFY_PAGES && mm->sys->pages)
		mm->sys->pages->verify(mm->sys);
}

static bool check_area(const struct mm_struct *mm, const struct vm_area_struct *vma, const char **reason)
{
	if (vma->vm_start >= vma->vm_end)
		return index_wrong(reason, vma, "VM2: vm_end is not above vm_start");
	if (offset_in_page(mm, vma->vm_start | vma->vm_end))
		return index_wrong(reason, vma, "VM2: vm_start or vm_end is not page-aligned");
	if (vma->vm_mm != mm)
		return index_wrong(reason, vma, "VM2: vm_mm is another mm");
	return mm->sys->rmap->validate(vma, reason) || index_wrong(reason, vma, *reason);
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
		return "VM3: map_count is not the number of areas";
	if (s->total != mm->total_vm)
		return "AC1: total_vm is not the sum of the areas' pages";
	if (s->kinds.data_vm != mm->data_vm)
		return "AC1: data_vm is not the sum over its areas";
	if (s->kinds.exec_vm != mm->exec_vm)
		return "AC1: exec_vm is not the sum over its areas";
	if (s->kinds.stack_vm != mm->stack_vm)
		return "AC1: stack_vm is not the sum over its areas";
	if (s->locked > mm->locked_vm)
		return "AC2: locked_vm is less than the sum over the locked areas";
	if (s->account > mm_system_committed(mm->sys))
		return "AC3: more is accounted than was charged";
	return NULL;
}

bool mm_validate(struct mm_struct *mm, const char **reason)
{
	struct sums s = { .kinds = { .sys = mm->sys } };
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	if (!index_validate(mm, reason))
		return false;
	for_each_vma (vmi, vma) {
		if (!check_area(mm, vma, reason))
			return false;
		sum_area(&s, vma);
	}
	*reason = compare_sums(mm, &s);
	return !*reason && hole_validate(mm, reason);
}
