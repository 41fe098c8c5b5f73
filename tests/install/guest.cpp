/* SPDX-License-Identifier: MIT */
/* An address space and a tree in C++: every header together, and calls of the library that have C's names. */
#include <cstdio>
#include <sys/mman.h>

#include <vmaple/interval_tree.h>
#include <vmaple/maple_tree.h>
#include <vmaple/mm.h>
#include <vmaple/prio_tree.h>
#include <vmaple/rmap.h>

static bool address_space()
{
	mm_system sys;
	mm_struct mm;
	mmap_request request{};
	unsigned long addr, areas = 0;

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	request.len = 0x4000;
	request.prot = PROT_READ | PROT_WRITE;
	request.flags = MAP_PRIVATE | MAP_ANONYMOUS;
	addr = mm_mmap(&mm, &request);
	if (IS_ERR_VALUE(addr) || mm_mprotect(&mm, addr + 0x1000, 0x1000, PROT_READ, -1))
		return false;
	VMA_ITERATOR(vmi, &mm, 0);
	vm_area_struct *vma;
	for_each_vma(vmi, vma)
		areas++;
	mm_exit(&mm);
	return areas == 3;
}

static bool tree()
{
	maple_tree mt;
	static int entry;
	bool found;

	mt_init(&mt);
	found = mtree_store_range(&mt, 10, 20, &entry, GFP_KERNEL) == 0 && mtree_load(&mt, 15) == &entry &&
		!mtree_load(&mt, 21);
	MA_STATE(mas, &mt, 0, 0);
	found = found && mas_find(&mas, ~0UL) == &entry && mas.last == 20;
	mtree_destroy(&mt);
	return found;
}

int main()
{
	if (address_space() && tree())
		return 0;
	std::puts("FAILED: wrong answers");
	return 1;
}
