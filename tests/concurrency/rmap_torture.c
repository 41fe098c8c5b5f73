/* SPDX-License-Identifier: MIT */
/*
 * Reverse maps beside threads that change what they map.
 *
 * 1. A page that is mapped is never missed: walkers ask again and again who maps some pages, while other threads cut
 *    and join the area that has them, move parts of it away and back, fork and exit.  Those pages are mapped in
 *    their process all the time, at one address or another, so each walk has to find them there.  The walker rests
 *    after each place that it has looked at, so that much can happen between two of them.
 * 2. Nothing written is lost: threads fault, write and read pages of one process, each its own ones, while one
 *    thread changes areas and forks, and another takes pages away.
 *
 * VMAPLE_SECONDS: how long in all. Exits with 1 and a line with FAILED at the first finding.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/rcu.h>

#include "page_search.h"
#include "random.h"
#include "torture.h"

#define PAGE    4096UL
#define BASE    0x7e0000000000UL
#define PAGES   64UL
#define WALKERS 2

static uint64_t seed;

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm, child;
	bool has_child;
	struct page *anchor[PAGES]; /* held: a reference each */
	unsigned long walks, changes;
	bool done;            /* atomic */
	uint64_t last[PAGES]; /* part 2: by the thread that owns the page, with mmap_lock for reading */
	unsigned long base;   /* part 2: where the pages are; mmap_lock */
};

static bool over(const struct world *w)
{
	return torture_stopped() || __atomic_load_n(&w->done, __ATOMIC_RELAXED);
}

static void fail_with(const struct world *w, const char *what, unsigned long page)
{
	failed("%s: %s (page %lu)", w->sys.rmap->name, what, page);
}

static void begin(struct world *w, const struct rmap_ops *ops, unsigned long frames)
{
	const struct paging_options options = { .frames = frames, .swap_pages = 4096, .swap_fd = -1 };
	const struct mmap_request req = { .addr = BASE,
		.len = PAGES * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

	memset(w, 0, sizeof(*w));
	mm_system_init(&w->sys, ops);
	mm_init(&w->mm, &w->sys);
	if (paging_new(&w->paging, &w->sys, &options) || paging_attach(&w->mm) ||
		mm_mmap(&w->mm, &req) != BASE)
		abort();
	w->base = BASE;
	for (unsigned long i = 0; i < PAGES; i++)
		if (paging_write(&w->mm, BASE + i * PAGE, i + 1))
			abort();
}

static void end(struct world *w)
{
	const char *reason;

	if (w->has_child)
		mm_exit(&w->child);
	for (unsigned long i = 0; i < PAGES; i++)
		if (w->anchor[i])
			page_put(w->paging, w->anchor[i]);
	if (!torture_stopped() && !paging_validate(w->paging, &reason))
		fail_with(w, reason, 0);
	mm_exit(&w->mm);
	paging_free(w->paging);
}

/* --- 1: never missed ----------------------------------------------------------------------------------------- */

static void *walker(void *arg)
{
	struct world *w = arg;
	struct random r = { seed ^ (uintptr_t)&r };

	while (!over(w)) {
		unsigned long i = random_below(&r, PAGES);
		struct page_search s = { { w->paging, pte_is_there, false }, &w->mm, NULL, false };
		struct rmap_walk walk = { .visit = page_search_look, .arg = &s };

		page_lock(w->anchor[i]);
		rmap_walk(w->sys.rmap, w->anchor[i], &walk);
		page_unlock(w->anchor[i]);
		if (!s.pte.found)
			fail_with(w, "a walk missed a page that is mapped", i);
		__atomic_fetch_add(&w->walks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void move(struct world *w, unsigned long from, unsigned long to, unsigned long pages)
{
	const struct mremap_request req = { from, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		to };

	if (mm_mremap(&w->mm, &req) != to)
		fail_with(w, "mremap fails", from);
}

static void fork_or_exit(struct world *w)
{
	if (w->has_child) {
		mm_exit(&w->child);
		w->has_child = false;
	} else {
		w->has_child = !mm_fork(&w->child, &w->mm);
	}
}

/* A part goes to a place of its own, above or below, and comes back to where it was cut off. */
static void move_about(struct world *w, struct random *r)
{
	unsigned long from = random_below(r, PAGES - 8), pages = 1 + random_below(r, 8);
	unsigned long far = random_below(r, 2) ? BASE + (1024 + from) * PAGE : BASE - (1024 - from) * PAGE;

	/* What others have as well, anonmm can only copy: it would be another page. */
	if (w->has_child && w->sys.rmap->fits)
		fork_or_exit(w);
	move(w, BASE + from * PAGE, far, pages);
	move(w, far, BASE + from * PAGE, pages);
}

static void protect(struct world *w, struct random *r)
{
	unsigned long from = random_below(r, PAGES - 8), pages = 1 + random_below(r, 8);

	if (mm_mprotect(&w->mm, BASE + from * PAGE, pages * PAGE,
		    random_below(r, 2) ? PROT_READ : PROT_READ | PROT_WRITE, -1))
		fail_with(w, "mprotect fails", from);
}

static void *changer(void *arg)
{
	struct world *w = arg;
	struct random r = { seed };

	vmaple_rcu_register_thread();
	while (!over(w)) {
		rw_write_lock(mmap_lock(&w->mm));
		switch (random_below(&r, 8)) {
		case 0:
			fork_or_exit(w);
			break;
		case 1:
		case 2:
		case 3:
			move_about(w, &r);
			break;
		default:
			protect(w, &r);
		}
		rw_write_unlock(mmap_lock(&w->mm));
		w->changes++;
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void hold_pages(struct world *w)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		struct leaf *leaf = leaf_find(w->mm.pgd, BASE + i * PAGE);

		w->anchor[i] = pte_page(w->paging, *leaf_pte(leaf, BASE + i * PAGE));
		page_get(w->anchor[i]);
	}
}

/* For as long as that, and longer on a machine that is busy with other things; the alarm of torture_begin() waits as long. */
#define BUSY_SECONDS 60
static void rest(struct world *w, double seconds)
{
	double begun = torture_clock();

	alarm((unsigned int)seconds + 2 * BUSY_SECONDS);
	while (!over(w) &&
		(torture_clock() < begun + seconds || (__atomic_load_n(&w->walks, __ATOMIC_RELAXED) < 300 &&
							      torture_clock() < begun + BUSY_SECONDS)))
		usleep(10000);
	__atomic_store_n(&w->done, true, __ATOMIC_RELAXED);
}

static void never_missed(const struct rmap_ops *ops, double seconds)
{
	struct world *w = malloc(sizeof(*w));
	pthread_t threads[WALKERS + 1];

	begin(w, ops, 512);
	hold_pages(w);
	for (int i = 0; i < WALKERS; i++)
		pthread_create(&threads[i], NULL, walker, w);
	pthread_create(&threads[WALKERS], NULL, changer, w);
	rest(w, seconds);
	for (int i = 0; i <= WALKERS; i++)
		pthread_join(threads[i], NULL);
	end(w);
	printf("%s: %lu walks beside %lu changes\n", ops->name, w->walks, w->changes);
	if (!torture_stopped() && (w->walks < 100 || w->changes < 100))
		fail_with(w, "too little was done", w->walks);
	free(w);
}

/* --- 2: nothing is lost -------------------------------------------------------------------------------------- */

#define OWNERS 2

struct owner {
	struct world *w;
	unsigned long which;
};

static void use_page(struct world *w, unsigned long i, uint64_t *stamp)
{
	uint64_t got = 0;

	if (paging_read(&w->mm, w->base + i * PAGE, &got) || got != w->last[i])
		fail_with(w, "a page holds other than what was written", i);
	if (*stamp & 1 && !paging_write(&w->mm, w->base + i * PAGE, *stamp))
		w->last[i] = *stamp;
	*stamp += OWNERS + 1;
}

static void *owner(void *arg)
{
	struct owner *o = arg;
	struct random r = { seed + o->which };
	uint64_t stamp = 1000 + o->which;

	vmaple_rcu_register_thread();
	while (!over(o->w)) {
		rw_read_lock(mmap_lock(&o->w->mm));
		for (int n = 0; n < 8; n++)
			use_page(o->w, random_below(&r, PAGES / OWNERS) * OWNERS + o->which, &stamp);
		rw_read_unlock(mmap_lock(&o->w->mm));
		__atomic_fetch_add(&o->w->walks, 1, __ATOMIC_RELAXED);
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void *reclaimer(void *arg)
{
	struct world *w = arg;
	struct random r = { seed + 77 };

	while (!over(w)) {
		paging_reclaim(w->paging, 1 + random_below(&r, 16));
		sched_yield();
	}
	return NULL;
}

/* The child has what was there when it was forked. No owner writes meanwhile: mmap_lock is held for writing. */
static void check_child(struct world *w)
{
	uint64_t got = 0;

	if (mm_fork(&w->child, &w->mm)) {
		mm_exit(&w->child);
		return;
	}
	for (unsigned long i = 0; i < PAGES; i += 7)
		if (paging_read(&w->child, w->base + i * PAGE, &got) || got != w->last[i] ||
			paging_write(&w->child, w->base + i * PAGE, 5))
			fail_with(w, "a child has other than its parent had", i);
	mm_exit(&w->child);
}

static void change(struct world *w, struct random *r)
{
	unsigned long to = w->base == BASE ? BASE + 777 * PAGE : BASE, from = random_below(r, PAGES - 8);

	switch (random_below(r, 4)) {
	case 0:
		check_child(w);
		break;
	case 1:
		move(w, w->base, to, PAGES);
		w->base = to;
		break;
	default:
		/* Written pages are to stay writable: cut, and join again. */
		if (mm_mprotect(&w->mm, w->base + from * PAGE, 8 * PAGE, PROT_READ, -1) ||
			mm_mprotect(&w->mm, w->base + from * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, -1))
			fail_with(w, "mprotect fails", from);
	}
}

static void *mapper(void *arg)
{
	struct world *w = arg;
	struct random r = { seed + 99 };

	vmaple_rcu_register_thread();
	while (!over(w)) {
		rw_write_lock(mmap_lock(&w->mm));
		change(w, &r);
		w->changes++;
		rw_write_unlock(mmap_lock(&w->mm));
		sched_yield();
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void nothing_lost(const struct rmap_ops *ops, double seconds)
{
	struct world *w = malloc(sizeof(*w));
	struct owner owners[OWNERS];
	pthread_t threads[OWNERS + 2];

	begin(w, ops, 512);
	for (unsigned long i = 0; i < PAGES; i++)
		w->last[i] = i + 1;
	for (unsigned long i = 0; i < OWNERS; i++) {
		owners[i] = (struct owner){ w, i };
		pthread_create(&threads[i], NULL, owner, &owners[i]);
	}
	pthread_create(&threads[OWNERS], NULL, reclaimer, w);
	pthread_create(&threads[OWNERS + 1], NULL, mapper, w);
	rest(w, seconds);
	for (int i = 0; i < OWNERS + 2; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %lu rounds of use beside %lu changes, %lu pages reclaimed\n", ops->name, w->walks,
		w->changes, paging_statistics(w->paging).reclaimed);
	end(w);
	free(w);
}

int main(void)
{
	const char *given = getenv("VMAPLE_SECONDS");
	double seconds = given ? atof(given) : 3;
	int nr = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = random_seed();
#ifdef TORTURE_DESIGN
	never_missed(rmap_design(TORTURE_DESIGN), seconds);
	return torture_verdict();
#endif
	while (rmap_designs[nr])
		nr++;
	for (int i = 0; i < nr && !torture_stopped(); i++)
		never_missed(rmap_designs[i], seconds / (2 * nr));
	for (int i = 0; i < nr && !torture_stopped(); i++)
		nothing_lost(rmap_designs[i], seconds / (2 * nr));
	vmaple_rcu_barrier();
	return torture_verdict();
}
