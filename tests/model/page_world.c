/* SPDX-License-Identifier: MIT */
/* See page_world.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/rmap.h>

#include "page_world.h"

#define max(a, b) ((a) > (b) ? (a) : (b))

struct world w;

void world_begin(unsigned int shift, uint64_t seed)
{
	w = (struct world){ .r = { seed }, .shift = shift, .base = BASE, .low = LOW };
	mm_system_init(&w.sys, &anon_vma_rmap);
	assert_int_equal(mm_system_set_page_shift(&w.sys, shift), 0);
	assert_int_equal(w.sys.pmd_size, at(at(1) / 8));
	w.sys.mmap_min_addr = at(LOW);
	w.sys.stack_guard_gap = at(GUARD);
	mm_init(&w.mm, &w.sys);
	assert_int_equal(mm_set_task_size(&w.mm, at(PAGES)), 0);
}

unsigned long at(unsigned long page)
{
	return page << w.shift;
}

unsigned long page_of(unsigned long addr)
{
	assert_int_equal(addr & (at(1) - 1), 0);
	return addr >> w.shift;
}

struct page_state map_page(unsigned long page)
{
	const struct vm_area_struct *vma = vma_lookup(&w.mm, at(page));

	return vma ? (struct page_state){ true, vma->vm_flags & (SEEN | VM_GROWSDOWN) }
		   : (struct page_state){ false };
}

bool same(const struct page_state *a, const struct page_state *b)
{
	return a->mapped == b->mapped && (!a->mapped || a->flags == b->flags);
}

/* --- placement by brute force -------------------------------------------------------------------------------- */

static bool is_free(unsigned long page, unsigned long len)
{
	for (unsigned long i = page; i < page + len; i++)
		if (w.want[i].mapped)
			return false;
	return true;
}

/* The stack right above @page, if a mapping that ends there is too close to it; else 0. */
static unsigned long stack_in_the_way(unsigned long page)
{
	unsigned long above = page;

	while (above < PAGES && !w.want[above].mapped)
		above++;
	return above < PAGES && (w.want[above].flags & VM_GROWSDOWN) && page + GUARD > above ? above : 0;
}

/*
 * A hole below a stack that is long enough, but not with the guard gap, is passed over; and so is all that lies within
 * the gap, when other areas are between.
 */
long place(unsigned long len)
{
	unsigned long high = w.base, stack;

	for (unsigned long page = high; page-- > w.low;) {
		if (page + len > high || !is_free(page, len))
			continue;
		stack = stack_in_the_way(page + len);
		if (!stack)
			return (long)page;
		high = stack - GUARD;
	}
	for (unsigned long page = max(page_of(w.mm.mmap_legacy_base), w.low); page + len <= PAGES; page++)
		if (is_free(page, len) && !stack_in_the_way(page + len))
			return (long)page;
	return -ENOMEM;
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static long do_mmap(const struct call *c)
{
	struct mmap_request req = { .addr = c->kind == PLACED ? 0 : at(c->from),
		.len = at(c->len),
		.prot = c->prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | (c->kind == PLACED ? 0 : MAP_FIXED) };
	unsigned long res;

	req.flags |= c->kind == STACK ? MAP_GROWSDOWN : 0;
	res = mm_mmap(&w.mm, &req);
	return IS_ERR_VALUE(res) ? (long)res : (long)page_of(res);
}

static long do_mremap(const struct call *c)
{
	struct mremap_request req = { at(c->from), at(c->len), at(c->kind == MOVE ? c->len : 1 + c->to % 24),
		MREMAP_MAYMOVE | (c->kind == MOVE ? MREMAP_FIXED : 0), at(c->to) };
	unsigned long res = mm_mremap(&w.mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : (long)page_of(res);
}

static long do_brk(const struct call *c)
{
	unsigned long wanted = at(LOW + c->len);

	return mm_brk(&w.mm, wanted) == wanted ? 0 : w.refused ? -EXDEV : -ENOMEM;
}

long make(const struct call *c)
{
	switch (c->kind) {
	case MMAP:
	case PLACED:
	case STACK:
		return do_mmap(c);
	case MUNMAP:
		return mm_munmap(&w.mm, at(c->from), at(c->len));
	case MPROTECT:
		return mm_mprotect(&w.mm, at(c->from), at(c->len), c->prot, -1);
	case MOVE:
	case RESIZE:
		return do_mremap(c);
	case MADVISE:
		return mm_madvise(&w.mm, at(c->from), at(c->len),
			c->prot == PROT_NONE   ? MADV_DONTNEED
			: c->prot == PROT_READ ? DODUMP
					       : DONTDUMP);
	case BRK:
		return do_brk(c);
	case TOUCH:
		return mm_fault(&w.mm, at(c->from), MM_FAULT_WRITE);
	default:
		return -ENOSYS;
	}
}

void model(const struct call *c, long result)
{
	unsigned long first = c->kind == PLACED ? (unsigned long)result : c->from;
	vm_flags_t flags = (c->prot & PROT_READ ? VM_READ : 0) | (c->prot & PROT_WRITE ? VM_WRITE : 0);

	for (unsigned long i = first; i < first + c->len; i++) {
		if (c->kind == MMAP || c->kind == PLACED || c->kind == STACK)
			w.want[i] =
				(struct page_state){ true, flags | (c->kind == STACK ? VM_GROWSDOWN : 0) };
		else if (c->kind == MUNMAP)
			w.want[i] = (struct page_state){ false };
		else if (c->kind == MPROTECT)
			w.want[i].flags = flags | (w.want[i].flags & ~(vm_flags_t)VM_ACCESS_FLAGS);
		else if (map_page(i).mapped)
			w.want[i] = map_page(i);
	}
}

bool is_modelled(enum kind kind)
{
	return kind <= MPROTECT;
}

void check_want(const struct call *c, const char *when)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page_state map = map_page(i);

		if (!same(&map, &w.want[i]))
			fail_msg("%s: call %d [%lu, +%lu) to %lu: page %lu is not as it should be", when,
				c->kind, c->from, c->len, c->to, i);
	}
}

void take_over(void)
{
	for (unsigned long i = 0; i < PAGES; i++)
		w.want[i] = map_page(i);
}
