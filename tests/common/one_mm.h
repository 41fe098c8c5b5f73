/* SPDX-License-Identifier: MIT */
/*
 * One address space for unit tests, in pages from BASE on.
 */
#ifndef TESTS_ONE_MM_H
#define TESTS_ONE_MM_H

#include <sys/mman.h>

#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#define PAGE 4096UL
#define BASE 0x6f0000000000UL
#define RW   (PROT_READ | PROT_WRITE)

static struct mm_system sys;
static struct mm_struct mm;

static inline unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

/* @kernel NULL: the newest. */
static inline void one_mm_begin(const char *kernel)
{
	mm_system_init(&sys, &anon_vma_rmap);
	if (kernel) {
		sys.kernel = kernel_profile_for(kernel);
		assert_string_equal(sys.kernel->name, kernel);
	}
	mm_init(&mm, &sys);
}

static inline void one_mm_end(void)
{
	const char *reason;

	if (!mm_validate(&mm, &reason))
		fail_msg("%s", reason);
	mm_exit(&mm);
	assert_int_equal(sys.committed, 0);
}

/* The same, as cmocka calls it before a case and behind it. */
static inline int one_mm_setup(void **state)
{
	one_mm_begin(NULL);
	return 0;
}

static inline int one_mm_teardown(void **state)
{
	one_mm_end();
	return 0;
}

/* Of @file, if not NULL, the page of the same number; as mmap(2) answers. */
static inline long map_as(unsigned long page, unsigned long pages, unsigned long prot, unsigned long flags,
	struct vm_file *file)
{
	struct mmap_request req = { .addr = at(page),
		.len = pages * PAGE,
		.prot = prot,
		.flags = flags | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS),
		.offset = file ? page * PAGE : 0,
		.file = file };

	return (long)mm_mmap(&mm, &req);
}

/* Anonymous memory that can be written. */
static inline void map(unsigned long page, unsigned long pages)
{
	assert_int_equal(map_as(page, pages, RW, MAP_PRIVATE, NULL), at(page));
}

#endif /* TESTS_ONE_MM_H */
