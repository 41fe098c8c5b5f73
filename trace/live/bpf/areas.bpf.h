/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Areas of an address space whose mmap lock somebody holds for writing: the kernel's own iterator takes it, so that the
 * maple tree is walked here, from its root for each area.  The tree does not change meanwhile: it is the holder of the lock
 * that runs this.
 */
#ifndef LIVE_BPF_AREAS_H
#define LIVE_BPF_AREAS_H

#include "area.bpf.h"

extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym;

#define MAPLE_DEPTH   8
#define MAPLE_ARANGE  3
#define MAPLE_LEAF    1
#define RANGE_PIVOTS  15
#define ARANGE_PIVOTS 9

struct slot {
	u64 entry, last; /* what lies up to and including last */
};

/* What the tree has at @addr. A function by itself, so that it is verified once. */
__noinline int maple_find(u64 root, u64 addr, struct slot *out)
{
	u64 entry = root, last = ~0ull;

	if (!out)
		return 0;
	for (int depth = 0; depth < MAPLE_DEPTH; depth++) {
		u64 pivots[RANGE_PIVOTS] = { 0 }, node = entry & ~255ull;
		u32 type = entry >> 3 & 15, nr = type == MAPLE_ARANGE ? ARANGE_PIVOTS : RANGE_PIVOTS, i;
		u64 slots = type == MAPLE_ARANGE ? bpf_core_field_offset(struct maple_arange_64, slot)
						 : bpf_core_field_offset(struct maple_range_64, slot);

		bpf_probe_read_kernel(pivots, type == MAPLE_ARANGE ? ARANGE_PIVOTS * 8 : RANGE_PIVOTS * 8,
			(void *)(node + bpf_core_field_offset(struct maple_range_64, pivot)));
		for (i = 0; i < RANGE_PIVOTS; i++) {
			if (i >= nr || (i && !pivots[i]))
				break;
			if (pivots[i] >= addr) {
				last = pivots[i];
				break;
			}
		}
		entry = 0;
		bpf_probe_read_kernel(&entry, 8, (void *)(node + slots + i * 8));
		if (type <= MAPLE_LEAF)
			break;
	}
	out->entry = entry;
	out->last = last;
	return 0;
}

/* The area that contains @addr; NULL: none does. */
static __always_inline struct vm_area_struct *area_at(const struct mm_struct *mm, u64 addr)
{
	u64 root = (u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	struct slot slot = { 0 };

	if ((root & 3) != 2)
		return 0;
	maple_find(root, addr, &slot);
	return slot.entry
		       ? bpf_rdonly_cast((void *)slot.entry, bpf_core_type_id_kernel(struct vm_area_struct))
		       : 0;
}

/* The area that contains @addr, or the next one above; NULL: there is none. */
static __always_inline struct vm_area_struct *area_from(const struct mm_struct *mm, u64 addr)
{
	u64 root = (u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	struct slot slot = { 0 };

	if ((root & 3) != 2)
		return 0;
	/* Two holes can follow each other where two nodes meet. */
	for (int i = 0; i < 4; i++) {
		maple_find(root, addr, &slot);
		if (slot.entry)
			return bpf_rdonly_cast(
				(void *)slot.entry, bpf_core_type_id_kernel(struct vm_area_struct));
		if (slot.last == ~0ull)
			return 0;
		addr = slot.last + 1;
	}
	return 0;
}

#endif
