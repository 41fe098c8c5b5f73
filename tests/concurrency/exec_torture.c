/* SPDX-License-Identifier: MIT */
/*
 * exec's stack beside walkers and reclaim.
 *
 * One thread makes programs: it writes a stack at the top of the space, moves it, and reads it back.  Another takes
 * pages away meanwhile: nothing that was written may be lost.  Others walk from pages of the stack to their places:
 * a walk finds the page, or has met an area that says of itself that it is being moved; it never misses it unsaid.
 * The walkers rest after each place, so that much can happen between two of them.
 *
 * Built again so that walkers do not ask an area whether it is being moved, it has to fail.
 *
 * VMAPLE_SECONDS: how long in all. Exits with 1 and a line with FAILED at the first finding.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <vmaple/rcu.h>

#include "page_search.h"
#include "random.h"
#include "torture.h"

#define PAGE    4096UL
#define PAGES   24UL
#define WALKERS 2

#ifdef IGNORE_TEMPORARY
#define PASSES NULL
#else
#define PASSES vma_is_temporary_stack
#endif

static struct world {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm;
	struct rw_lock gate;        /* for reading: the anchors stay */
	struct page *anchor[PAGES]; /* held: a reference each; NULL: swapped out already */
	unsigned long programs, walks, temporary;
	double until;
} world;

static uint64_t seed;

static bool is_over(const struct world *w)
{
	return torture_stopped() || torture_clock() >= w->until;
}

/* --- walkers -------------------------------------------------------------------------------------------------- */

static void walk(struct world *w, unsigned long i)
{
	struct page_search s = { { w->paging, pte_is_there, false }, &w->mm, PASSES, false };
	struct rmap_walk walk = { .visit = page_search_look, .arg = &s };
	struct page *page = w->anchor[i];
	bool mapped;

	if (!page)
		return;
	/* Reclaim unmaps it with the page locked, and nobody else does. */
	page_lock(page);
	mapped = page_mapcount(page) > 0;
	rmap_walk(w->sys.rmap, page, &walk);
	mapped = mapped && page_mapcount(page) > 0; /* anonmm moves a copy instead */
	page_unlock(page);
	if (mapped && !s.pte.found && !s.passed)
		failed("%s: a walk missed a page that is mapped (page %lu)", w->sys.rmap->name, i);
	__atomic_fetch_add(&w->temporary, s.passed, __ATOMIC_RELAXED);
	__atomic_fetch_add(&w->walks, 1, __ATOMIC_RELAXED);
}

static void *walker(void *arg)
{
	struct world *w = arg;
	struct random r = { seed ^ (uintptr_t)&r };

	while (!is_over(w)) {
		rw_read_lock(&w->gate);
		walk(w, random_below(&r, PAGES));
		rw_read_unlock(&w->gate);
		sched_yield();
	}
	return NULL;
}

static void *reclaimer(void *arg)
{
	struct world *w = arg;

	while (!is_over(w)) {
		paging_reclaim(w->paging, 2);
		sched_yield();
		sched_yield();
	}
	return NULL;
}

/* --- programs -------------------------------------------------------------------------------------------------- */

static void hold_pages(struct world *w)
{
	rw_write_lock(&w->gate);
	for (unsigned long i = 0; i < PAGES; i++) {
		unsigned long addr = w->mm.task_size - (i + 1) * PAGE;
		struct leaf *leaf = leaf_find(w->mm.pgd, addr);
		pte_t pte;

		rw_write_lock(&leaf->lock);
		pte = *leaf_pte(leaf, addr);
		w->anchor[i] = pte & PTE_PRESENT ? pte_page(w->paging, pte) : NULL;
		if (w->anchor[i])
			page_get(w->anchor[i]);
		rw_write_unlock(&leaf->lock);
	}
	rw_write_unlock(&w->gate);
}

static void let_go_of_pages(struct world *w)
{
	rw_write_lock(&w->gate);
	for (unsigned long i = 0; i < PAGES; i++)
		if (w->anchor[i])
			page_put(w->paging, w->anchor[i]);
	memset(w->anchor, 0, sizeof(w->anchor));
	rw_write_unlock(&w->gate);
}

static void write_stack(struct world *w, uint64_t stamp)
{
	rw_write_lock(mmap_lock(&w->mm)); /* it grows */
	for (unsigned long i = 0; i < PAGES; i++)
		if (paging_write(&w->mm, w->mm.task_size - (i + 1) * PAGE, stamp + i))
			failed("%s: the stack cannot be written", w->sys.rmap->name);
	rw_write_unlock(mmap_lock(&w->mm));
}

static void read_stack(struct world *w, unsigned long top, uint64_t stamp)
{
	rw_read_lock(mmap_lock(&w->mm));
	for (unsigned long i = 0; i < PAGES; i++) {
		uint64_t got = 0;

		if (paging_read(&w->mm, top - (i + 1) * PAGE, &got) || got != stamp + i)
			failed("%s: a page of the stack holds other than what was written (page %lu)",
				w->sys.rmap->name, i);
	}
	rw_read_unlock(mmap_lock(&w->mm));
}

static void make_program(struct world *w, struct random *r)
{
	/* By less than it is long, within a table, and farther. */
	static const unsigned long most[] = { PAGES, 400, 1 << 20 };
	unsigned long top;
	int err;

	mm_init(&w->mm, &w->sys);
	if (paging_attach(&w->mm) || mm_begin_stack(&w->mm)) {
		failed("no memory");
		return;
	}
	top = w->mm.task_size - random_below(r, most[random_below(r, 3)]) * PAGE;
	write_stack(w, w->programs * PAGES);
	hold_pages(w);
	sched_yield();
	rw_write_lock(mmap_lock(&w->mm));
	err = mm_setup_stack(&w->mm, top, EXSTACK_DEFAULT);
	rw_write_unlock(mmap_lock(&w->mm));
	if (err)
		failed("%s: the stack cannot be moved: %d", w->sys.rmap->name, err);
	else
		read_stack(w, top, w->programs * PAGES);
	let_go_of_pages(w);
	mm_exit(&w->mm);
	w->programs++;
}

static void run(const struct rmap_ops *ops, double seconds)
{
	const struct paging_options options = { .frames = 256, .swap_pages = 1024, .swap_fd = -1 };
	struct random r = { seed };
	struct world *w = &world;
	pthread_t threads[WALKERS + 1];

	memset(w, 0, sizeof(*w));
	w->gate = (struct rw_lock)RW_LOCK_INIT(LOCK_MMAP);
	mm_system_init(&w->sys, ops);
	w->sys.verify = MM_VERIFY_NEVER;
	if (paging_new(&w->paging, &w->sys, &options))
		abort();
	w->until = torture_clock() + seconds;
	for (int i = 0; i < WALKERS; i++)
		pthread_create(&threads[i], NULL, walker, w);
	pthread_create(&threads[WALKERS], NULL, reclaimer, w);
	while (!is_over(w) || (!torture_stopped() && w->programs < 20))
		make_program(w, &r);
	for (int i = 0; i <= WALKERS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %lu programs beside %lu walks, of which %lu met a stack being moved; %lu pages "
	       "reclaimed\n",
		ops->name, w->programs, w->walks, w->temporary, paging_statistics(w->paging).reclaimed);
	paging_free(w->paging);
}

int main(void)
{
	const char *given = getenv("VMAPLE_SECONDS");
	double seconds = given ? atof(given) : 3;
	int nr = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = random_seed();
	torture_begin();
#ifdef TORTURE_DESIGN
	run(rmap_design(TORTURE_DESIGN), seconds);
	return torture_verdict();
#endif
	while (rmap_designs[nr])
		nr++;
	for (int i = 0; i < nr && !torture_stopped(); i++)
		run(rmap_designs[i], seconds / nr);
	vmaple_rcu_barrier();
	return torture_verdict();
}
