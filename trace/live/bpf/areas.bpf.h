/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Areas of an address space whose mmap lock somebody holds for writing: the kernel's own iterator takes it, so that the
 * maple tree is walked here, from its root for the first area and within a leaf for the ones that follow.  The tree does not
 * change meanwhile: it is the holder of the lock that runs this.
 *
 * The layout is that of lib/maple_tree.c: a pointer to a node has its type in bits 3 to 6 (3 is arange_64,
 * up to 1 a leaf), nodes are aligned to 256 bytes, pivots are the last index of each slot, and a pivot of 0
 * behind the first ends the node early. Loops have constant bounds, for the verifier.
 *
 *     ma_root -> arange_64  pivot  0x7eff..ff | 0x7f00..ff | ~0 |
 *                           slot       |            |        |
 *                                  leaf_64      leaf_64   leaf_64
 *                                  pivot  last index of each slot, in bytes; the slot an area or 0, a hole
 *
 * A walk (struct walk) is in one leaf: w->slot goes on in it up to w->max, and then a descent from the
 * root finds the next.
 */
#ifndef LIVE_BPF_AREAS_H
#define LIVE_BPF_AREAS_H

#include "area.bpf.h"
#include "places.h"

/* A number as a pointer that anybody may have. */
#ifdef HAS_PLACES
static void *(*bpf_rdonly_cast)(const void *obj, u32 type) = (void *)PLACE_OF_FUNCTION;
#define POINTER(type, addr) ((struct type *)bpf_rdonly_cast((void *)(addr), PLACE_OF_TYPE + PLACE_##type))
#else
extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym;
#define POINTER(type, addr) \
	((struct type *)bpf_rdonly_cast((void *)(addr), bpf_core_type_id_kernel(struct type)))
#endif

/* More than any tree of 2^47 entries has. */
#define MAPLE_DEPTH   8
#define MAPLE_ARANGE  3
#define MAPLE_LEAF    1
#define RANGE_PIVOTS  15
#define ARANGE_PIVOTS 9

/*
 * Where a walk is. entry is what lies at the walk's place, an area's address or 0. leaf, max and slot
 * are set by maple_descend(). A walk is good only as long as the lock is held without a break.
 */
struct walk {
	u64 entry, last; /* what lies up to and including last */
	u64 leaf, max;   /* the node, and the last address below it; leaf 0: it begins at the root */
	u32 slot, pad;
};

/*
 * Such a pointer is read-only and untrusted: a read through one that points to nothing gives 0 by way
 * of the kernel's exception table, and no helper that wants a trusted one takes it.
 */
static __always_inline struct vm_area_struct *area_by(u64 addr)
{
	return POINTER(vm_area_struct, addr);
}

static __always_inline struct mm_struct *mm_by(u64 addr)
{
	return POINTER(mm_struct, addr);
}

/*
 * What memory of the kernel's holds, as a number: of a pointer the verifier permits no arithmetic. The
 * struct is put so that its first pivot lies at @addr.
 */
static __always_inline u64 word_at(u64 addr)
{
	struct maple_range_64 *words =
		POINTER(maple_range_64, addr - bpf_core_field_offset(struct maple_range_64, pivot));

	return words->pivot[0];
}

static __always_inline u64 pivot_of(u64 node, u32 i)
{
	return word_at(node + bpf_core_field_offset(struct maple_range_64, pivot) + i * 8);
}

/* The slots of the two kinds of nodes begin at different offsets; their pivots do not. */
static __always_inline u64 slot_of(u64 node, u32 i, bool arange)
{
	return word_at(node + i * 8 +
		       (arange ? bpf_core_field_offset(struct maple_arange_64, slot)
			       : bpf_core_field_offset(struct maple_range_64, slot)));
}

static __always_inline u64 anon_vma_of(u64 vma)
{
	return word_at(vma + bpf_core_field_offset(struct vm_area_struct, anon_vma));
}

/*
 * From the node in w->entry to what it has at @addr.  A function by itself, so that it is verified
 * once. w->last comes in as the last index of the node, which its parent has said, and goes out as that
 * of the slot. The loop's bound is the larger kind's, a constant as the verifier wants it; nr ends it
 * earlier.
 */
__noinline int maple_descend(u64 addr, struct walk *w)
{
	u64 node, last;
	u32 nr, i;
	bool arange;

	if (!w)
		return 0;
	node = w->entry & ~255ull;
	arange = (w->entry >> 3 & 15) == MAPLE_ARANGE;
	nr = arange ? ARANGE_PIVOTS : RANGE_PIVOTS;
	w->leaf = node;
	w->max = last = w->last;
	for (i = 0; i < RANGE_PIVOTS && i < nr; i++) {
		u64 pivot = pivot_of(node, i);

		/* No pivot: the slot reaches to the end of the node, whose last index the parent has said. */
		if (pivot >= addr || (i && !pivot)) {
			last = pivot ? pivot : last;
			break;
		}
	}
	w->last = last;
	w->slot = i;
	w->entry = slot_of(node, i, arange);
	return 0;
}

/* What the tree has at @addr. */
__noinline int maple_find(u64 root, u64 addr, struct walk *w)
{
	if (!w)
		return 0;
	w->entry = root;
	w->last = ~0ull;
	for (int depth = 0; depth < MAPLE_DEPTH; depth++) {
		bool leaf = (w->entry >> 3 & 15) <= MAPLE_LEAF;

		maple_descend(addr, w);
		if (leaf)
			break;
	}
	return 0;
}

/*
 * What follows. @w has a leaf, and has not come to its end. No descent: O(1) for each area of a leaf
 * but the first.
 */
static __always_inline void walk_on(struct walk *w)
{
	u64 pivot = 0;

	w->slot++;
	if (w->slot < RANGE_PIVOTS)
		pivot = pivot_of(w->leaf, w->slot);
	w->last = pivot ? pivot : w->max;
	w->entry = slot_of(w->leaf, w->slot, false);
}

/*
 * 0: there is no tree, but one entry at most. A root that is a node is an internal entry (its two low bits
 * are 2, xa_is_node()).
 */
static __always_inline u64 root_of(u64 mm)
{
	u64 root = word_at(mm + bpf_core_field_offset(struct mm_struct, mm_mt.ma_root));

	/* xa_is_node() of the root: an internal entry that is no small number. */
	return (root & 3) == 2 ? root : 0;
}

/* The area that contains @addr; 0: none does. */
static __always_inline u64 area_at(u64 mm, u64 addr)
{
	u64 root = root_of(mm);
	struct walk w = { 0 };

	if (root)
		maple_find(root, addr, &w);
	return w.entry;
}

/*
 * What lies at @addr, which is where @w ended or where it begins: an area, or 0. w->last is where that
 * ends: the caller goes on at w->last + 1, and has come to the end of all addresses when that is 0.
 */
static __always_inline u64 walk_to(u64 mm, u64 addr, struct walk *w)
{
	u64 root;

	if (w->leaf && w->last < w->max) {
		walk_on(w);
		return w->entry;
	}
	root = root_of(mm);
	w->entry = 0;
	w->last = ~0ull;
	if (root)
		maple_find(root, addr, w);
	return w->entry;
}

#endif
