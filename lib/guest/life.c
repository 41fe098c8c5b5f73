/* SPDX-License-Identifier: MIT */
/*
 * A guest begins, keeps ranges for its translator, and ends.
 */
#include "internal.h"

#include "alloc.h"

#define HOST_PAGE_SHIFT_MIN 12
#define HOST_PAGE_SHIFT_MAX 21

/* A host whose addresses are shorter than the guest's has to be told how many of them there are. */
static bool is_in_host(const struct guest_setup *setup)
{
	if (!setup->size)
		return sizeof(setup->base) == sizeof(setup->size);
	return setup->size <= UINTPTR_MAX - setup->base;
}

static bool is_possible(const struct guest_setup *setup)
{
	unsigned long page;

	if (!setup->host || setup->host_page_shift < HOST_PAGE_SHIFT_MIN ||
		setup->host_page_shift > HOST_PAGE_SHIFT_MAX || setup->sys->page_shift < MM_PAGE_SHIFT_MIN ||
		setup->sys->page_shift > MM_PAGE_SHIFT_MAX)
		return false;
	if (setup->size > -(1UL << setup->sys->page_shift) || !is_in_host(setup))
		return false;
	page = 1UL << max(setup->host_page_shift, setup->sys->page_shift);
	return !(setup->base & (page - 1)) && !(setup->size & ((1UL << setup->sys->page_shift) - 1));
}

int guest_mm_init(struct guest_mm *guest, const struct guest_setup *setup)
{
	if (!is_possible(setup))
		return -EINVAL;
	memset(guest, 0, sizeof(*guest));
	guest->setup = *setup;
	guest->saved = port_alloc(GUEST_SAVED * host_page_size(guest), host_page_size(guest), GFP_KERNEL);
	if (!guest->saved)
		return -ENOMEM;
	range_map_init(&guest->copies, NULL, NULL);
	mm_init(&guest->mm, setup->sys);
	if (setup->size)
		(void)!mm_set_task_size(&guest->mm, setup->size); /* is_possible() has seen to it */
	if (setup->ops)
		guest->ops = *setup->ops;
	guest->ops.host = guest_host_change;
	files_watch(&guest->ops);
	guest->mm.ops = &guest->ops;
	guest->reserved =
		(struct vm_file){ .refs = 1, .kind = VM_FILE_SPECIAL, .no_split = true, .name = "" };
	return 0;
}

/* The host pages that the area is in, but for those that the one before was in, too. */
static void unmap_area(struct guest_mm *guest, const struct vm_area_struct *vma, unsigned long *done)
{
	struct span span = { max(*done, host_page_of(guest, vma->vm_start)),
		host_page_up(guest, vma->vm_end) };

	/* A guest that ends has no use for an error. */
	if (!span_is_empty(span))
		(void)!host_unmap(guest, span);
	*done = span.end;
}

void guest_mm_exit(struct guest_mm *guest)
{
	struct vm_area_struct *vma;
	unsigned long done = 0;
	VMA_ITERATOR(vmi, &guest->mm, 0);

	for_each_vma (vmi, vma)
		if (!area_is_reserved(guest, vma))
			unmap_area(guest, vma, &done);
	mm_exit(&guest->mm);
	range_map_destroy(&guest->copies);
	port_free(guest->saved, GUEST_SAVED * host_page_size(guest));
	guest->saved = NULL;
}

int guest_mm_reserve(struct guest_mm *guest, unsigned long start, unsigned long end)
{
	struct area_spec spec = { .start = start,
		.end = end,
		.vm_flags = VM_SEALED | VM_DONTEXPAND | VM_DONTCOPY | VM_MAY_FLAGS,
		.file = &guest->reserved };

	if ((start | end) & (host_page_size(guest) - 1))
		return -EINVAL;
	return mm_insert_area(&guest->mm, &spec);
}
