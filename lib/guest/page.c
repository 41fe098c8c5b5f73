/* SPDX-License-Identifier: MIT */
/*
 * What a host page has in it: asked of the areas, but for whether it is a copy.
 */
#include "internal.h"

/* Is there a byte of [start, end) that stays? */
static bool stays(unsigned long start, unsigned long end, const struct future *future)
{
	const struct span *gone = future ? future->gone : NULL;

	while (gone && start < end) {
		if (gone[0].start <= start && start < gone[0].end)
			start = gone[0].end;
		else if (gone[1].start <= start && start < gone[1].end)
			start = gone[1].end;
		else
			break;
	}
	return start < end;
}

/* Visit the areas of which something stays in the host page at @page; false from @visit ends it. */
static void for_each_area(struct guest_mm *guest, unsigned long page, const struct future *future,
	bool (*visit)(const struct vm_area_struct *vma, void *ctx), void *ctx)
{
	unsigned long end = page + host_page_size(guest);
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &guest->mm, page);

	for_each_vma_range (vmi, vma, end)
		if (stays(max(vma->vm_start, page), min(vma->vm_end, end), future) && !visit(vma, ctx))
			return;
}

struct sum {
	vm_flags_t rights;
	bool mapped;
};

static bool add_rights(const struct vm_area_struct *vma, void *ctx)
{
	struct sum *sum = ctx;

	sum->rights |= rights_of(vma->vm_flags);
	sum->mapped = true;
	return true;
}

/* Has the host page at @page a part of it? */
static bool meets(const struct guest_mm *guest, unsigned long page, struct span span)
{
	return !span_is_empty(span) && span.start < page + host_page_size(guest) && page < span.end;
}

vm_flags_t page_rights(struct guest_mm *guest, unsigned long page, const struct future *future, bool *mapped)
{
	struct sum sum = { 0, false };

	for_each_area(guest, page, future, add_rights, &sum);
	if (future && (meets(guest, page, future->added) || meets(guest, page, future->moved))) {
		sum.rights |= future->rights;
		sum.mapped = true;
	}
	if (mapped)
		*mapped = sum.mapped;
	return sum.rights;
}

static bool is_there(const struct vm_area_struct *vma, void *ctx)
{
	(void)vma;
	*(bool *)ctx = true;
	return false;
}

bool page_keeps(struct guest_mm *guest, unsigned long page, const struct future *future)
{
	bool keeps = future && meets(guest, page, future->moved);

	for_each_area(guest, page, future, is_there, &keeps);
	return keeps;
}

struct likeness {
	const struct mm_change *c;
	unsigned int page_shift;
	bool alike;
};

static bool compare_area(const struct vm_area_struct *vma, void *ctx)
{
	struct likeness *l = ctx;
	uint64_t area = ((uint64_t)vma->vm_pgoff << l->page_shift) - vma->vm_start;
	uint64_t change = ((uint64_t)l->c->pgoff << l->page_shift) - l->c->start;

	l->alike =
		vma->vm_file == l->c->file && area == change && (vma->vm_flags & l->c->flags & VM_MAYSHARE);
	return l->alike;
}

bool page_maps_alike(
	struct guest_mm *guest, unsigned long page, const struct future *future, const struct mm_change *c)
{
	struct likeness l = { c, guest->mm.sys->page_shift, !(future && meets(guest, page, future->moved)) };

	for_each_area(guest, page, future, compare_area, &l);
	return l.alike && !page_is_copy(guest, page);
}

bool page_is_copy(const struct guest_mm *guest, unsigned long page)
{
	struct range_map_range range;

	return range_map_find(&guest->copies, page >> guest->setup.host_page_shift, &range);
}

static bool has_file(const struct vm_area_struct *vma, void *ctx)
{
	*(bool *)ctx = vma->vm_file != NULL;
	return !vma->vm_file;
}

bool page_is_direct(struct guest_mm *guest, unsigned long page)
{
	bool file = false;

	if (!page_is_copy(guest, page))
		for_each_area(guest, page, NULL, has_file, &file);
	return file;
}

static bool has_shared(const struct vm_area_struct *vma, void *ctx)
{
	*(bool *)ctx = vma->vm_flags & VM_MAYSHARE;
	return !*(bool *)ctx;
}

bool page_is_shared(struct guest_mm *guest, unsigned long page, const struct future *future)
{
	bool shared = false;

	for_each_area(guest, page, future, has_shared, &shared);
	return shared;
}

/* --- copies --------------------------------------------------------------------------------------------------- */

static uint64_t first_page(const struct guest_mm *guest, struct span span)
{
	return span.start >> guest->setup.host_page_shift;
}

static uint64_t last_page(const struct guest_mm *guest, struct span span)
{
	return (span.end - 1) >> guest->setup.host_page_shift;
}

bool copies_in(const struct guest_mm *guest, struct span span)
{
	struct range_map_range range;

	return !span_is_empty(span) && range_map_first(&guest->copies, first_page(guest, span), &range) &&
	       range.first <= last_page(guest, span);
}

int preallocate_copies(struct guest_mm *guest, struct span span)
{
	return span_is_empty(span)
		       ? 0
		       : range_map_isolate(&guest->copies, first_page(guest, span), last_page(guest, span));
}

void forget_copies(struct guest_mm *guest, struct span span)
{
	/* Nothing reaches out of the span, so nothing is cut, and no memory is needed. */
	int err = span_is_empty(span)
			  ? 0
			  : range_map_erase(&guest->copies, first_page(guest, span), last_page(guest, span));

	(void)err;
}

int mark_copies(struct guest_mm *guest, struct span span)
{
	return range_map_set(&guest->copies, first_page(guest, span), last_page(guest, span), NULL, 0);
}
