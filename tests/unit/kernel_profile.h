/* SPDX-License-Identifier: MIT */
/*
 * One address space that is to be of one kernel after the other: what the tests of its profile share.
 */
#ifndef TESTS_KERNEL_PROFILE_H
#define TESTS_KERNEL_PROFILE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <vmaple/linux_abi.h>

#include "one_mm.h"

#define DONTUNMAP     4
#define DROPPABLE     8
#define POPULATE_READ 22
#define GUARD_INSTALL 102

static inline void protect(unsigned long page, unsigned long pages, unsigned long prot)
{
	assert_int_equal(mm_mprotect(&mm, at(page), pages * PAGE, prot, -1), 0);
}

static inline void touch(unsigned long page)
{
	assert_int_equal(mm_fault(&mm, at(page), MM_FAULT_WRITE), 0);
}

static inline long remap(unsigned long from, unsigned long pages, unsigned long flags, unsigned long to)
{
	struct mremap_request req = { at(from), pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | flags, at(to) };

	return (long)mm_mremap(&mm, &req);
}

static inline void is_area(unsigned long page, unsigned long first, unsigned long end)
{
	struct vm_area_struct *vma = vma_lookup(&mm, at(page));

	assert_non_null(vma);
	assert_int_equal((vma->vm_start - BASE) / PAGE, first);
	assert_int_equal((vma->vm_end - BASE) / PAGE, end);
}

#endif /* TESTS_KERNEL_PROFILE_H */
