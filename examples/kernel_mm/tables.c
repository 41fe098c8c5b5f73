/* SPDX-License-Identifier: MIT */
/*
 * x86-64 page tables, kept as the engine's calls say.
 *
 * The engine knows areas and no pages; mm_struct.pgd is ours, and where it is set the engine calls these functions at
 * the points of a call at which Linux works on page tables (<vmaple/mm_pages.h>).
 *
 * An entry is empty or has a frame. It never allows more than its area: PROT_NONE is a frame that programs cannot
 * reach, and writing is given by the first write (fault.c), so that taking it away is all that fork has to do.
 * Programs have the lower half; the last entry of each top-level table is the kernel's.
 */
#include <vmaple/mm_pages.h>
#include <vmaple/port.h>
#include <vmaple/rmap.h>

#include "kernel.h"

#define ENTRIES 512UL
#define TOP     39 /* bits below the index of the highest level; 9 less at each, 12 at the lowest */

struct page_tables {
	pte_t entry[ENTRIES];
};

extern struct page_tables boot_tables;

int tables_attach(struct mm_struct *mm)
{
	unsigned long frame = frame_take();

	if (!frame)
		return -VMAPLE_ENOMEM;
	mm->pgd = memory_at(frame);
	mm->pgd->entry[ENTRIES - 1] = boot_tables.entry[ENTRIES - 1];
	return 0;
}

/* The entry of @addr at the lowest level that there is, which @shift says. */
static pte_t *walk(struct mm_struct *mm, unsigned long addr, unsigned int *shift, bool make)
{
	pte_t *table = mm->pgd->entry;

	for (*shift = TOP;; *shift -= 9) {
		pte_t *entry = &table[addr >> *shift & (ENTRIES - 1)];

		if (*shift == 12)
			return entry;
		if (!*entry && make && (*entry = frame_take()) != 0)
			*entry |= PTE_PRESENT | PTE_WRITE | PTE_USER;
		if (!*entry)
			return entry;
		table = memory_at(*entry & PTE_FRAME);
	}
}

pte_t *pte_make(struct mm_struct *mm, unsigned long addr)
{
	unsigned int shift;
	pte_t *pte = walk(mm, addr, &shift, true);

	return shift == 12 ? pte : NULL;
}

/* The next entry below @end that has a frame, at *addr or above, where *addr then is. */
static pte_t *next_pte(struct mm_struct *mm, unsigned long *addr, unsigned long end)
{
	while (*addr < end) {
		unsigned int shift;
		pte_t *pte = walk(mm, *addr, &shift, false);

		if (*pte)
			return pte;
		*addr = (*addr | ((1UL << shift) - 1)) + 1;
	}
	return NULL;
}

pte_t pte_rights(const struct vm_area_struct *vma)
{
	return PTE_PRESENT | (vma->vm_flags & VM_ACCESS_FLAGS ? PTE_USER : 0) |
	       (vma->vm_flags & VM_EXEC ? 0 : PTE_NX);
}

/* munmap, and whatever else takes a range away. */
static void zap(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	pte_t *pte;

	for (; (pte = next_pte(vma->vm_mm, &start, end)) != NULL; start += PAGE) {
		frame_put(*pte & PTE_FRAME);
		*pte = 0;
	}
}

/* mprotect: the area's flags are the new ones already. */
static void protect(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	pte_t *pte;

	for (; (pte = next_pte(vma->vm_mm, &start, end)) != NULL; start += PAGE)
		*pte = (*pte & PTE_FRAME) | pte_rights(vma);
}

static int begin_fork(struct mm_struct *child, struct mm_struct *parent)
{
	(void)parent;
	return tables_attach(child);
}

/* fork, area by area: both have the frames from now on, and, but for shared memory, neither may write to them. */
static int fork_area(struct vm_area_struct *child, struct vm_area_struct *parent)
{
	unsigned long addr = parent->vm_start;
	pte_t *from, *to;

	for (; (from = next_pte(parent->vm_mm, &addr, parent->vm_end)) != NULL; addr += PAGE) {
		to = pte_make(child->vm_mm, addr);
		if (!to)
			return -VMAPLE_ENOMEM;
		if (!(parent->vm_flags & VM_SHARED))
			*from &= ~PTE_WRITE;
		*to = *from;
		frame_get(*from & PTE_FRAME);
	}
	return 0;
}

/* Tables without entries stay until the space ends: it may map something there again. */
static void free_tables(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned long floor,
	unsigned long ceiling)
{
	(void)mm, (void)start, (void)end, (void)floor, (void)ceiling;
}

static void free_level(pte_t *table, unsigned long entries, unsigned int shift)
{
	for (unsigned long i = 0; shift > 12 && i < entries; i++)
		if (table[i])
			free_level(memory_at(table[i] & PTE_FRAME), ENTRIES, shift - 9);
	frame_put(frame_of(table));
}

/* All areas are gone, and with them all frames but those of the tables. */
static void end_space(struct mm_struct *mm)
{
	free_level(mm->pgd->entry, ENTRIES / 2, TOP);
	mm->pgd = NULL;
}

static void release_mapping(struct address_space *mapping)
{
	vmaple_get_port()->free(NULL, mapping, sizeof(*mapping));
}

/* A file is mapped for the first time: who maps it is known by the engine's reverse map from now on. */
static int open_file(struct mm_system *sys, struct vm_file *file)
{
	struct address_space *mapping = vmaple_get_port()->alloc(NULL, sizeof(*mapping), 64, GFP_KERNEL);

	if (!mapping)
		return -VMAPLE_ENOMEM;
	address_space_init(mapping, sys->rmap);
	mapping->release = release_mapping;
	file->mapping = mapping;
	return 0;
}

/* Calls that this kernel does not have, mremap and madvise, need the rest. */
const struct mm_page_ops hardware_tables = {
	.open = open_file,
	.begin_fork = begin_fork,
	.fork = fork_area,
	.zap = zap,
	.protect = protect,
	.free_tables = free_tables,
	.exit = end_space,
};
