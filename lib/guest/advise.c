/* SPDX-License-Identifier: MIT */
/*
 * madvise about contents. What only hints is passed on for whole host pages, and its result does not matter.
 */
#include "internal.h"

/* Private pages lose what was written: the range is mapped anew. */
static int discard(struct work *work, const struct vm_area_struct *vma)
{
	const struct mm_change *c = work->change;
	struct mm_change again = { .kind = MM_CHANGE_MAP,
		.start = c->start,
		.end = c->end,
		.flags = vma->vm_flags,
		.file = vma->vm_file,
		.pgoff = vma->vm_pgoff + ((c->start - vma->vm_start) >> work->guest->mm.sys->page_shift),
		.replaces = true };

	return map_range(work, &again);
}

/* MADV_REMOVE of a part of a host page: its bytes in the file become zeros. */
static int punch(struct work *work, unsigned long start, unsigned long end)
{
	struct guest_mm *guest = work->guest;
	unsigned long page = host_page_of(guest, start);
	struct span span = { page, page + host_page_size(guest) };
	vm_flags_t rights = page_rights(guest, page, NULL, NULL);
	int err = host_protect(guest, span, VM_READ | VM_WRITE);

	if (err)
		return err;
	memset(guest_bytes(guest, start), 0, end - start);
	edge_restore(guest, page, rights);
	return 0;
}

static int punch_edges(struct work *work)
{
	struct guest_mm *guest = work->guest;
	const struct mm_change *c = work->change;
	unsigned long first = min(c->end, host_page_up(guest, c->start));
	unsigned long last = max(first, host_page_of(guest, c->end));
	int err = c->start < first ? punch(work, c->start, first) : 0;

	return err || last >= c->end ? err : punch(work, last, c->end);
}

int advise_range(struct work *work)
{
	struct guest_mm *guest = work->guest;
	const struct mm_change *c = work->change;
	const struct vm_area_struct *vma = find_vma(&guest->mm, c->start);
	struct span run = whole_pages(guest, c->start, c->end);
	int err = 0;

	if (c->advice == MADV_DONTNEED || c->advice == MADV_DONTNEED_LOCKED)
		return vma->vm_flags & VM_MAYSHARE ? 0 : discard(work, vma);
	if (guest->setup.host->advise && !span_is_empty(run))
		err = guest->setup.host->advise(
			guest->setup.ctx, host_address(guest, run.start), run.end - run.start, c->advice);
	if (c->advice != MADV_REMOVE)
		return 0;
	return err ? err : punch_edges(work);
}
