/* SPDX-License-Identifier: MIT */
/* A call of mremap on its way: what its two parts, the request (mremap.c) and the move (move.c), tell each other. */
#ifndef MM_MREMAP_H
#define MM_MREMAP_H

#include "internal.h"

/* For one area of the call. */
struct remap {
	struct mm_struct *mm;
	unsigned long addr, old_len, new_len, flags, new_addr;
	struct vm_area_struct *vma;
	bool populate; /* locked and longer than before */
};

/* Charge what it adds, if its area is accounted: *@charged pages. 0 or -ENOMEM. */
int remap_charge(const struct remap *r, unsigned long *charged) __must_check;
/* @bytes more are mapped, with @flags. */
void remap_account(const struct remap *r, vm_flags_t flags, unsigned long bytes);
/* Move [addr, addr + old_len) of the area to new_addr, which is free. @return new_addr, or -errno. */
unsigned long remap_move(struct remap *r);

#endif /* MM_MREMAP_H */
