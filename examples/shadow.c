/* SPDX-License-Identifier: MIT */
/*
 * Shadowing an address space: what an emulator or a sandbox does for its guest.
 *
 * A guest maps 64 KiB, makes a hole read-only, and asks for more where there is room.  The shadow answers with Linux's
 * addresses and errors, and shows the map as Linux would.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include <vmaple/merge.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

static void show(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	char line[256];

	for_each_vma (vmi, vma) {
		vma_format(vma, line, sizeof(line));
		fputs(line, stdout);
	}
}

int main(void)
{
	struct mm_system sys;
	struct mm_struct mm;
	struct mmap_request req = {
		.len = 65536, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};
	unsigned long addr;
	int err;

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	addr = mm_mmap(&mm, &req);
	if (IS_ERR_VALUE(addr))
		return 1;
	if (mm_fault(&mm, addr, MM_FAULT_WRITE) || mm_mprotect(&mm, addr + 4096, 4096, PROT_READ, -1))
		return 1;
	printf("after mprotect of the second page:\n");
	show(&mm);
	printf("why two: %s\n", vma_merge_blocker_name((enum vma_merge_blocker)vma_merge_blockers(
					vma_lookup(&mm, addr), vma_lookup(&mm, addr + 4096))));
	err = mm_mprotect(&mm, addr + 61440, 8192, PROT_NONE, -1);
	if (err != -ENOMEM || vma_lookup(&mm, addr + 61440)->vm_flags & VM_ACCESS_FLAGS) {
		fprintf(stderr,
			"mprotect beyond the end: %d, where Linux changes the last page and says ENOMEM\n",
			err);
		return 1;
	}
	printf("mprotect beyond the end: ENOMEM, and the last page has changed\n");
	show(&mm);
	mm_exit(&mm);
	return 0;
}
