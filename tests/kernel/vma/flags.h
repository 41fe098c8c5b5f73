/* SPDX-License-Identifier: MIT */
/*
 * The kernel's type for the flags of an area, as far as the scenario files go: a set of 64 bits.
 *
 * The engine's is a plain word, so what vma.c asks of this type alone is asked of this header, and counts as nothing.
 */
#ifndef VMA_FLAGS_H
#define VMA_FLAGS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BITS_PER_LONG     64
#define NUM_VMA_FLAG_BITS 64
#define VM_NONE           0UL

typedef unsigned long vm_flags_t;
typedef int vma_flag_t;
typedef struct {
	unsigned long __vma_flags[1];
} vma_flags_t;

/* Linux's numbers of the bits. */
enum {
	VMA_READ_BIT,
	VMA_WRITE_BIT,
	VMA_EXEC_BIT,
	VMA_MAYREAD_BIT = 4,
	VMA_MAYWRITE_BIT,
	VMA_MAYEXEC_BIT,
	VMA_PFNMAP_BIT = 10,
	VMA_MAYBE_GUARD_BIT,
	VMA_IO_BIT = 14,
	VMA_SEQ_READ_BIT,
	VMA_RAND_READ_BIT,
	VMA_DONTEXPAND_BIT = 18,
	VMA_DONTDUMP_BIT = 26,
	VMA_SOFTDIRTY_BIT,
	VMA_MIXEDMAP_BIT
};
#define VM_READ  (1UL << VMA_READ_BIT)
#define VM_WRITE (1UL << VMA_WRITE_BIT)
#define VM_EXEC  (1UL << VMA_EXEC_BIT)

static inline vma_flags_t flags_of_word(unsigned long word)
{
	return (vma_flags_t){ { word } };
}

/* Bits beyond the last do not end an array of them: the count does. */
static inline vma_flags_t flags_of_bits(const vma_flag_t *bits, size_t nr)
{
	unsigned long word = 0;

	for (size_t i = 0; i < nr; i++)
		word |= 1UL << bits[i];
	return flags_of_word(word);
}

#define mk_vma_flags(...)                                  \
	flags_of_bits((const vma_flag_t[]){ __VA_ARGS__ }, \
		sizeof((const vma_flag_t[]){ __VA_ARGS__ }) / sizeof(vma_flag_t))
#define EMPTY_VMA_FLAGS   ((vma_flags_t){ { 0 } })
#define VMA_STICKY_FLAGS  mk_vma_flags(VMA_SOFTDIRTY_BIT, VMA_MAYBE_GUARD_BIT)
#define VMA_SPECIAL_FLAGS mk_vma_flags(VMA_IO_BIT, VMA_DONTEXPAND_BIT, VMA_PFNMAP_BIT, VMA_MIXEDMAP_BIT)
#define VMA_REMAP_FLAGS   mk_vma_flags(VMA_IO_BIT, VMA_PFNMAP_BIT, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT)

static inline unsigned long vma_flags_to_legacy(vma_flags_t f)
{
	return f.__vma_flags[0];
}
static inline vma_flags_t legacy_to_vma_flags(vm_flags_t word)
{
	return flags_of_word(word);
}
static inline void vma_flags_set_mask(vma_flags_t *f, vma_flags_t mask)
{
	f->__vma_flags[0] |= mask.__vma_flags[0];
}
static inline void vma_flags_clear_mask(vma_flags_t *f, vma_flags_t mask)
{
	f->__vma_flags[0] &= ~mask.__vma_flags[0];
}
static inline void vma_flags_clear_all(vma_flags_t *f)
{
	f->__vma_flags[0] = 0;
}
static inline vma_flags_t vma_flags_and_mask(const vma_flags_t *f, vma_flags_t mask)
{
	return flags_of_word(f->__vma_flags[0] & mask.__vma_flags[0]);
}
static inline vma_flags_t vma_flags_diff_pair(const vma_flags_t *a, const vma_flags_t *b)
{
	return flags_of_word(a->__vma_flags[0] ^ b->__vma_flags[0]);
}
static inline bool vma_flags_empty(const vma_flags_t *f)
{
	return !f->__vma_flags[0];
}
static inline int vma_flags_count(const vma_flags_t *f)
{
	return __builtin_popcountl(f->__vma_flags[0]);
}
static inline bool vma_flags_test_any_mask(const vma_flags_t *f, vma_flags_t mask)
{
	return f->__vma_flags[0] & mask.__vma_flags[0];
}
static inline bool vma_flags_test_all_mask(const vma_flags_t *f, vma_flags_t mask)
{
	return !(mask.__vma_flags[0] & ~f->__vma_flags[0]);
}
static inline bool vma_flags_same_mask(const vma_flags_t *f, vma_flags_t other)
{
	return f->__vma_flags[0] == other.__vma_flags[0];
}

#define vma_flags_set(f, ...)               vma_flags_set_mask(f, mk_vma_flags(__VA_ARGS__))
#define vma_flags_clear(f, ...)             vma_flags_clear_mask(f, mk_vma_flags(__VA_ARGS__))
#define vma_flags_and(f, ...)               vma_flags_and_mask(f, mk_vma_flags(__VA_ARGS__))
#define vma_flags_test(f, bit)              vma_flags_test_any_mask(f, mk_vma_flags(bit))
#define vma_flags_test_single_mask(f, mask) vma_flags_test_any_mask(f, mask)
#define vma_flags_test_any(f, ...)          vma_flags_test_any_mask(f, mk_vma_flags(__VA_ARGS__))
#define vma_flags_test_all(f, ...)          vma_flags_test_all_mask(f, mk_vma_flags(__VA_ARGS__))
#define vma_flags_same(f, ...)              vma_flags_same_mask(f, mk_vma_flags(__VA_ARGS__))
#define append_vma_flags(f, ...)            flags_of_word((f).__vma_flags[0] | mk_vma_flags(__VA_ARGS__).__vma_flags[0])

/* The same of an area and of a description of one. */
#define vma_test(vma, bit)                    vma_flags_test(&(vma)->flags, bit)
#define vma_test_single_mask(vma, mask)       vma_flags_test_any_mask(&(vma)->flags, mask)
#define vma_test_any(vma, ...)                vma_flags_test_any(&(vma)->flags, __VA_ARGS__)
#define vma_test_all(vma, ...)                vma_flags_test_all(&(vma)->flags, __VA_ARGS__)
#define vma_test_all_mask(vma, mask)          vma_flags_test_all_mask(&(vma)->flags, mask)
#define vma_set_flags(vma, ...)               vma_flags_set(&(vma)->flags, __VA_ARGS__)
#define vma_set_flags_mask(vma, mask)         vma_flags_set_mask(&(vma)->flags, mask)
#define vma_clear_flags(vma, ...)             vma_flags_clear(&(vma)->flags, __VA_ARGS__)
#define vma_clear_flags_mask(vma, mask)       vma_flags_clear_mask(&(vma)->flags, mask)
#define vma_desc_test(desc, bit)              vma_flags_test(&(desc)->vma_flags, bit)
#define vma_desc_test_any(desc, ...)          vma_flags_test_any(&(desc)->vma_flags, __VA_ARGS__)
#define vma_desc_set_flags(desc, ...)         vma_flags_set(&(desc)->vma_flags, __VA_ARGS__)
#define vma_desc_set_flags_mask(desc, mask)   vma_flags_set_mask(&(desc)->vma_flags, mask)
#define vma_desc_clear_flags(desc, ...)       vma_flags_clear(&(desc)->vma_flags, __VA_ARGS__)
#define vma_desc_clear_flags_mask(desc, mask) vma_flags_clear_mask(&(desc)->vma_flags, mask)

#endif /* VMA_FLAGS_H */
