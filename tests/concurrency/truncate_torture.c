/* SPDX-License-Identifier: MIT */
/*
 * Files that become shorter, beside threads that map, touch, move and take away their pages.
 *
 * One thread truncates a file and lets it grow again.  While the file is short nobody may get at a page behind its end,
 * mapped shared or privately, and everybody at those before.  (What a page holds is the model test's business.)
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/paging.h>
#include <vmaple/rcu.h>

#include "random.h"
#include "torture.h"

#define PAGE    4096UL
#define BASE    0x7e0000000000UL
#define PAGES   64UL /* of the file; mapped shared, behind that privately */
#define READERS 2

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct mm_struct mm;
	struct vm_file file;
	unsigned long cut;    /* pages that the file has; atomic */
	unsigned long epoch;  /* odd: cut, and every truncation under way is over; atomic */
	unsigned long checks; /* atomic */
	unsigned long cuts;
	bool done; /* atomic */
};

static uint64_t seed;

static bool over(const struct world *w)
{
	return torture_stopped() || __atomic_load_n(&w->done, __ATOMIC_RELAXED);
}

static void map(struct world *w, unsigned long flags)
{
	const struct mmap_request req = { .addr = BASE + (flags & MAP_PRIVATE ? PAGES * PAGE : 0),
		.len = PAGES * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_FIXED | flags,
		.file = &w->file };

	if (mm_mmap(&w->mm, &req) != req.addr)
		failed("mmap fails");
}

/* One access. Of one that is over within an epoch it is known whether there is a page. */
static void touch(struct world *w, struct random *r)
{
	unsigned long i = random_below(r, 2 * PAGES), before, after, cut;
	bool write = random_below(r, 2);
	uint64_t stamp = 1;
	int err;

	before = __atomic_load_n(&w->epoch, __ATOMIC_SEQ_CST);
	cut = __atomic_load_n(&w->cut, __ATOMIC_SEQ_CST);
	err = write ? paging_write(&w->mm, BASE + i * PAGE, stamp)
		    : paging_read(&w->mm, BASE + i * PAGE, &stamp);
	after = __atomic_load_n(&w->epoch, __ATOMIC_SEQ_CST);
	if (before != after || !(before & 1) || err == -ENOMEM)
		return;
	if (i % PAGES >= cut && !err)
		failed("%s: page %lu of a file of %lu pages is there", w->sys.rmap->name, i, cut);
	if (i % PAGES < cut && err)
		failed("%s: page %lu of a file of %lu pages is not there: %d", w->sys.rmap->name, i, cut,
			err);
	__atomic_fetch_add(&w->checks, 1, __ATOMIC_RELAXED);
}

static void *reader(void *arg)
{
	struct world *w = arg;
	struct random r = { seed ^ (uintptr_t)&r };

	vmaple_rcu_register_thread();
	while (!over(w)) {
		rw_read_lock(mmap_lock(&w->mm));
		for (int n = 0; n < 16; n++)
			touch(w, &r);
		rw_read_unlock(mmap_lock(&w->mm));
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

/* A part goes away and comes back, or is mapped anew, or a child comes and goes. */
static void change(struct world *w, struct random *r)
{
	unsigned long from = BASE + random_below(r, 2 * PAGES - 8) / 8 * 8 * PAGE, far = BASE + 4096 * PAGE;
	const struct mremap_request away = { from, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, far };
	const struct mremap_request back = { far, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, from };
	struct mm_struct child;

	switch (random_below(r, 4)) {
	case 0:
		map(w, random_below(r, 2) ? MAP_SHARED : MAP_PRIVATE);
		break;
	case 1:
		(void)!mm_fork(&child, &w->mm);
		mm_exit(&child);
		break;
	default:
		if (mm_mremap(&w->mm, &away) != far || mm_mremap(&w->mm, &back) != from)
			failed("mremap fails");
	}
}

static void *mapper(void *arg)
{
	struct world *w = arg;
	struct random r = { seed + 1 };

	vmaple_rcu_register_thread();
	while (!over(w)) {
		rw_write_lock(mmap_lock(&w->mm));
		change(w, &r);
		rw_write_unlock(mmap_lock(&w->mm));
		(void)paging_reclaim(w->paging, random_below(&r, 16));
		sched_yield();
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

static void truncate_to(struct world *w, unsigned long pages)
{
	if (paging_truncate(&w->sys, &w->file, pages * PAGE))
		failed("truncation fails");
}

static void cut_and_grow(struct world *w, struct random *r)
{
	unsigned long pages = 1 + random_below(r, PAGES - 1);

	truncate_to(w, pages);
	__atomic_store_n(&w->cut, pages, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&w->epoch, 1, __ATOMIC_SEQ_CST);
	for (int n = 0; n < 20; n++)
		sched_yield();
	__atomic_fetch_add(&w->epoch, 1, __ATOMIC_SEQ_CST);
	truncate_to(w, PAGES);
	w->cuts++;
}

static void torture(const struct rmap_ops *ops, double seconds)
{
	const struct paging_options options = { .frames = 160, .swap_pages = 1024, .swap_fd = -1 };
	static struct world w;
	struct random r = { seed };
	double end = torture_clock() + seconds;
	pthread_t threads[READERS + 1];
	const char *reason;

	memset(&w, 0, sizeof(w));
	w.file = (struct vm_file){
		.refs = 1, .readable = true, .writable = true, .size = PAGES * PAGE, .name = "file"
	};
	mm_system_init(&w.sys, ops);
	mm_init(&w.mm, &w.sys);
	if (paging_new(&w.paging, &w.sys, &options) || paging_attach(&w.mm))
		abort();
	map(&w, MAP_SHARED);
	map(&w, MAP_PRIVATE);
	for (int i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, reader, &w);
	pthread_create(&threads[READERS], NULL, mapper, &w);
	while (!torture_stopped() &&
		(torture_clock() < end ||
			(__atomic_load_n(&w.checks, __ATOMIC_RELAXED) < 100 && torture_clock() < end + 20)))
		cut_and_grow(&w, &r);
	__atomic_store_n(&w.done, true, __ATOMIC_RELAXED);
	for (int i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %lu accesses checked beside %lu truncations\n", ops->name, w.checks, w.cuts);
	if (!paging_validate(w.paging, &reason))
		failed("%s: %s", ops->name, reason);
	mm_exit(&w.mm);
	vm_file_put(&w.file);
	paging_free(w.paging);
}

int main(void)
{
	double seconds;
	int nr = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = random_seed();
	torture_begin();
	seconds = torture_run.end - torture_clock();
	while (rmap_designs[nr])
		nr++;
	for (int i = 0; i < nr && !torture_stopped(); i++)
		torture(rmap_designs[i], seconds / nr);
	vmaple_rcu_barrier();
	return torture_verdict();
}
