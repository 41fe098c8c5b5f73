/* SPDX-License-Identifier: MIT */
/*
 * Places in the programs' instructions for what only the running kernel knows: numbers of its types and functions.  places.c
 * fills them when the programs are loaded.
 */
#ifndef LIVE_BPF_PLACES_H
#define LIVE_BPF_PLACES_H

#define PLACE_OF_FUNCTION 0x56a10000 /* a call of bpf_rdonly_cast() */
#define PLACE_OF_TYPE     0x56b10000 /* and the number of a type, in its order below */

/* Types that numbers become pointers to. */
#define PLACED_TYPES(X)   \
	X(vm_area_struct) \
	X(mm_struct)      \
	X(maple_range_64) \
	X(file) X(ma_state) X(vm_unmapped_area_info) X(linux_binprm) X(task_struct) X(pt_regs)

#define PLACE(type) PLACE_##type,
enum place { PLACED_TYPES(PLACE) PLACES };
#undef PLACE

#endif
