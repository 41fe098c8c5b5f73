/* SPDX-License-Identifier: MIT */
/*
 * mmap over a part of one area: what goes there is none.
 *
 *      before   |--------- vma ---------|       |------- vma -------|      |------- vma -------|
 *      map            |=== m ===|               |=== m ===|                          |=== m ===|
 *      bite     |-vma-|=== m ===|- new -|       |=== m ===|-- vma --|      |-- vma --|=== m ===|
 *
 *      before   |--------- vma ---------|
 *      map            |== vma ==|
 *      stays    |--------- vma ---------|
 *
 * 1. Meaning.  A program's start maps each library whole, and its segments over that.  An area for the part that such a call
 *    covers would be made, known to index and reverse map, and freed again: 400 instructions of it (callgrind, a recording
 *    of gcc).  Of each library's constants what is mapped is there already: two areas would be cut off, and joined again.
 * 2. Where it does not apply, all is cut out: the embedder has operations, there are page tables, what is mapped might join what
 *    is left or what lies beside it, a cut may not be made.
 * 3. Failure.  A call that is refused behind this leaves the cuts that it would have made, as Linux does: the caller gathers then.
 */
#include "internal.h"

/* What is mapped. */
struct mapped {
	const struct vm_file *file;
	pgoff_t base; /* of address 0 */
	vm_flags_t flags;
};

/* Could it join @vma, which may be NULL, where they adjoin? */
static bool might_join(const struct mapped *m, const struct vm_area_struct *vma)
{
	const vm_flags_t own = VM_READ | VM_WRITE | VM_EXEC | VM_SHARED; /* the call changes the others yet */

	return vma && vma->vm_file == m->file && !((vma->vm_flags ^ m->flags) & own) &&
	       vma->vm_pgoff - to_pages(vma->vm_mm, vma->vm_start) == m->base;
}

/* May @vma be cut wherever [start, end) ends inside of it? */
static bool may_cut_around(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	const struct mm_struct *mm = vma->vm_mm;

	if (vma->vm_start < start && vma->vm_end > end && mm->map_count >= mm->sys->max_map_count)
		return false;
	return (vma->vm_start == start || !ops_may_split(vma, start)) &&
	       (vma->vm_end == end || !ops_may_split(vma, end));
}

/* Is [start, end) a part of @vma, not all of it, of which nobody needs to know, and what is mapped joins nothing else? */
static bool bites(const struct mapped *m, struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vm_area_struct *prev, *next;

	if (start < vma->vm_start || end > vma->vm_end || (start == vma->vm_start && end == vma->vm_end))
		return false;
	if (!vma_cuts_unseen(vma))
		return false;
	index_neighbours(vma, &prev, &next);
	if ((start == vma->vm_start && might_join(m, prev)) || (end == vma->vm_end && might_join(m, next)))
		return false;
	return may_cut_around(vma, start, end);
}

int unmap_bite(struct unmap *um, struct vm_area_struct *vma, const struct vm_file *file, pgoff_t pgoff,
	vm_flags_t flags)
{
	const struct mapped m = { file, pgoff - to_pages(um->mm, um->start), flags };
	int err = 0;

	if (!bites(&m, vma, um->start, um->end))
		return 0;
	um->stays = might_join(&m, vma);
	if (!um->stays && vma->vm_start < um->start && vma->vm_end > um->end)
		err = vma_split_unlimited(um->mm, vma, um->end, false, &um->next);
	um->bitten = vma;
	um->nr_pages = to_pages(um->mm, um->end - um->start);
	um->nr_accounted = vma->vm_flags & VM_ACCOUNT ? um->nr_pages : 0;
	return err;
}

int unmap_bite_stays(struct unmap *um, const struct vm_file *file, vm_flags_t flags)
{
	struct vma_merge vmg = { .mm = um->mm,
		.start = um->start,
		.end = um->end,
		.pgoff = vma_pgoff_at(um->bitten, um->start),
		.flags = flags,
		.file = (struct vm_file *)file };

	return vma_may_have(um->bitten, &vmg) ? 0 : unmap_gather(um, um->mm, um->start, um->end);
}

void unmap_count_stayed(const struct unmap *um)
{
	const struct vm_area_struct *vma = um->bitten;
	struct mm_counters *counters = &um->mm->counters;
	unsigned long cuts = (vma->vm_start != um->start) + (vma->vm_end != um->end);

	counters->splits += cuts;
	counters->merges++;
	counters->new_merged++;
	counters->peak_areas = max(counters->peak_areas, (unsigned long)um->mm->map_count + cuts);
}
