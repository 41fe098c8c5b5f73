/* SPDX-License-Identifier: MIT */
/*
 * Lookups of areas in a SIGSEGV handler of four threads, beside threads that map, protect, move and unmap:
 * the promise that lookups never block.
 *
 * Stable areas are there all the time, and what lies between them changes: each lookup has to find its own, whole, by
 * find_vma() and, once the call that has it in hand is done, by vma_view().  Memory and mutexes asked for inside a handler
 * are counted, and there may be none.  Two of the threads have registered for RCU.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmaple/mm.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "in_handlers.h"

#define PAGE   4096UL
#define BASE   (1UL << 32)
#define STABLE 1000UL /* number k is PAGES pages at STRIDE * k */
#define STRIDE 16UL
#define PAGES  4UL

static struct mm_system sys;
static struct mm_struct mm;
static unsigned long viewed;
static unsigned long address(unsigned long page)
{
	return BASE + page * PAGE;
}

/* In a section: an area that is always there is found, and says so. */
static bool stable_is_right(void)
{
	unsigned long k = random_below(&mine, STABLE);
	unsigned long start = address(STRIDE * k), addr = start + random_below(&mine, PAGES * PAGE);
	const struct vm_area_struct *vma = find_vma(&mm, addr);
	struct vma_view view;

	if (!vma)
		return false;
	if (vma_view(&mm, addr, &view) != 1)
		return view.vma == vma; /* it is being given other flags: there it is all the same */
	__atomic_add_fetch(&viewed, 1, __ATOMIC_RELAXED);
	return view.vma == vma && view.vm_start == start && view.vm_end == start + PAGES * PAGE &&
	       (view.vm_flags & VM_READ);
}

static bool lookup_is_right(unsigned int i)
{
	bool right;

	(void)i;
	vmaple_rcu_read_lock();
	right = stable_is_right();
	vmaple_rcu_read_unlock();
	return right;
}

static bool map_at(unsigned long page, unsigned long pages, unsigned long prot)
{
	struct mmap_request req = { .addr = address(page),
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	return !IS_ERR_VALUE(mm_mmap(&mm, &req));
}

/* Of the pages between two stable areas, at most all but the two that touch them. */
static bool change(struct random *random, uint64_t round)
{
	unsigned long k = random_below(random, STABLE), gap = STRIDE * k + PAGES + 1;
	unsigned long first = gap + random_below(random, 6), pages = 1 + random_below(random, 4);
	int err;

	(void)round;
	switch (random_below(random, 4)) {
	case 0:
		return map_at(first, pages, PROT_READ | (random_below(random, 2) ? PROT_WRITE : 0));
	case 1:
		return mm_munmap(&mm, address(first), pages * PAGE) == 0;
	case 2:
		err = mm_mprotect(&mm, address(first), pages * PAGE, PROT_READ, -1);
		return !err || err == -ENOMEM; /* a hole */
	default:
		return mm_mprotect(&mm, address(STRIDE * k), PAGES * PAGE,
			       PROT_READ | (random_below(random, 2) ? PROT_EXEC : 0), -1) == 0;
	}
}

int main(void)
{
	const char *reason;
	bool valid;

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	mm_set_rcu(&mm);
	for (unsigned long k = 0; k < STABLE; k++)
		if (!map_at(STRIDE * k, PAGES, PROT_READ))
			return 2;
	look_beside_changes();
	valid = mm_validate(&mm, &reason);
	printf("%lu lookups in %lu handlers beside %lu changes: %lu wrong; memory or a lock %lu times; %lu "
	       "viewed; %s\n",
		faults * AT_ONCE, faults, changes, wrong, asked_for, viewed, valid ? "valid" : reason);
	mm_exit(&mm);
	return wrong || asked_for || !viewed || !changes || !faults || !valid;
}
