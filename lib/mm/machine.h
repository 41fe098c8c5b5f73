/* SPDX-License-Identifier: MIT */
/*
 * What of an address space is the processor's: where it ends, and what a request's bits mean (mm_system.machine).
 */
#ifndef MM_MACHINE_H
#define MM_MACHINE_H

#include <vmaple/mm_types.h>

#include "arm64_addresses.h"

/* The first kernel that has something for the machine; 0.0: all of them. */
struct since {
	int major, minor;
};

struct machine {
	unsigned long stack_area;   /* bytes in which the stack of a randomised program begins, anywhere */
	vm_flags_t data_flags;      /* that heaps and stacks have besides */
	unsigned int share;         /* searches go upwards from this part of the window: 1/share */
	struct since keys, uffd_wp; /* calls about keys; UFFDIO_REGISTER_MODE_WP */
	struct since huge_tags;     /* huge pages may be tagged */
	struct since
		huge_hints; /* hints of huge page files that round to less than mmap_min_addr are not taken */
	bool share_drawn;   /* those too that find nothing downwards begin where exec has drawn */
	bool low_flags;     /* MAP_32BIT and MAP_ABOVE4G mean something */
	bool huge_as_files; /* huge page files are placed as others are, on every kernel */
	bool key_0;         /* protection key 0 is allocated from the start, even where there are none */
	bool tags;          /* calls about what is mapped take no notice of an address's upper bits */
	bool spares_low;    /* no mapping is so long that nothing below mmap_min_addr would be left out */
};

static const struct machine machines[] = {
	[MM_MACHINE_X86_64] = { .share = 3,
		.share_drawn = true,
		.stack_area = 0x3fffffUL << 12,
		.low_flags = true },
	[MM_MACHINE_ARM64] = { .share = 4,
		.stack_area = 0x3ffffUL << 12,
		.data_flags = VM_MTE_ALLOWED, /* with or without tags */
		.huge_as_files = true,
		.key_0 = true,
		.keys = { 6, 12 },
		.uffd_wp = { 6, 10 },
		.huge_tags = { 6, 13 },
		.huge_hints = { 6, 12 },
		.tags = true,
		.spares_low = true },
};

static inline const struct machine *machine_of(const struct mm_struct *mm)
{
	return &machines[mm->sys->machine];
}

/* Where mappings end that do not ask for what lies beyond: bytes. x86-64's last page is nobody's. */
static inline unsigned long machine_window(const struct mm_struct *mm)
{
	if (mm->sys->machine == MM_MACHINE_ARM64)
		return 1UL << arm64_window_bits(mm->sys->page_shift);
	return (1UL << 47) - mm_page_size(mm);
}

/* Only what may be tagged is. */
static inline bool tags_are_refused(vm_flags_t flags)
{
	return (flags & (VM_MTE | VM_MTE_ALLOWED)) == VM_MTE;
}

static inline bool has_since(const struct mm_struct *mm, const struct since *s)
{
	const struct kernel_profile *k = mm->sys->kernel;

	return k->major > s->major || (k->major == s->major && k->minor >= s->minor);
}

static inline unsigned long plain_address(const struct mm_struct *mm, unsigned long addr)
{
	return machine_of(mm)->tags ? arm64_plain_address(addr) : addr;
}

#endif /* MM_MACHINE_H */
