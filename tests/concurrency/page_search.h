/* SPDX-License-Identifier: MIT */
/*
 * A search for where a page is mapped, by a thread of torture: its walk rests after each place that it has looked at,
 * so that much can happen between two of them.
 */
#ifndef TESTS_PAGE_SEARCH_H
#define TESTS_PAGE_SEARCH_H

#include <sched.h>

/* Private to its room. */
#include "internal.h"
#undef count

struct page_search {
	struct pte_look pte;  /* pte.found: in @mm */
	struct mm_struct *mm; /* others' places are not looked at */
	/* Nor are those in areas of which this says so; NULL: there are none. */
	bool (*passes)(const struct vm_area_struct *vma);
	bool passed; /* one at least */
};

/* The visitor: @arg is a struct page_search. */
static inline enum rmap_found page_search_look(struct page *page, struct mm_struct *mm,
	struct vm_area_struct *vma, unsigned long addr, bool try_lock, void *arg)
{
	struct page_search *s = arg;
	enum rmap_found found;

	if (mm != s->mm)
		return RMAP_GO_ON;
	if (s->passes && vma && s->passes(vma)) {
		s->passed = true;
		return RMAP_GO_ON;
	}
	found = look_at_pte(page, mm, vma, addr, try_lock, &s->pte);
	sched_yield();
	return found;
}

#endif /* TESTS_PAGE_SEARCH_H */
