/* SPDX-License-Identifier: MIT */
/*
 * RCU torture of the maple tree: readers of every kind beside one writer that makes every kind of write.
 *
 * 1. The indices.  Eight zones of 2048. The first 512 of each have a stable entry at every 16th, never removed; what
 *    lies between two stable entries is a segment, where the writer does as it likes: 15 indices, or some 1500.
 * 2. The entries say themselves where they may be: first and last index of the store that brought them, whether they
 *    are stable, and whether they are exact.  In even zones the writer replaces only whole ranges, and what is
 *    read must be exactly what was stored; in odd zones later stores may cut it.
 * 3. What readers check.  A stable entry is always found, by a load and by every search that passes it; a range
 *    that is read is one that was stored; iteration goes up (or down) and misses no stable entry; a gap that is
 *    found lies in its window and holds no stable entry.
 * 4. Epochs.  Now and then the writer destroys the whole tree and builds it again: then the epoch is odd, and a
 *    stable entry is missed only if the epoch was even, and the same, before and after the look.
 *
 * Here are the writer and the program; how long, and how it fails: torture.h.  VMAPLE_SEARCH=scalar: nodes are searched
 * without vectors.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <vmaple/rcu.h>

#include "maple_readers.h"
#include "maple_zones.h"
#include "torture.h"

#define READERS 3
#define PHASE   30000 /* writes between filling and draining */

static struct torture torture;

/* A range within one segment, and what goes there. */
struct target {
	unsigned long first, last, seg_first, seg_last;
	bool exact;
	void *entry;
};

/* In an even zone, take in the whole of the ranges at both ends. The lock is held. */
static void widen(struct torture *t, struct target *at)
{
	MA_STATE(mas, &t->mt, at->first, at->first);

	if (!at->exact)
		return;
	if (mas_walk(&mas))
		at->first = mas.index;
	mas_set(&mas, at->last);
	if (mas_walk(&mas))
		at->last = mas.last;
}

static void choose_target(struct torture *t, struct target *at)
{
	unsigned long zone = random_below(&t->r, ZONES) * ZONE, length = 1;
	unsigned long index = zone + random_below(&t->r, random_below(&t->r, 2) ? ZONE : CROWDED);

	if (is_stable(index))
		index++;
	at->seg_first = stable_before(index) + 1;
	at->seg_last = stable_after(index) - 1;
	if (random_below(&t->r, 8) == 0)
		length = 1 + random_below(&t->r, 40);
	if (random_below(&t->r, t->draining ? 50 : 5000) == 0) {
		length = ZONE;
		index = random_below(&t->r, 2) ? at->seg_first : index;
	}
	at->first = index;
	at->last = at->seg_last - index < length ? at->seg_last : index + length - 1;
	at->exact = zone / ZONE % 2 == 0;
	at->entry = NULL;
}

static void writer_check(int ret, int allowed, const char *how)
{
	if (ret < 0 && ret != allowed)
		failed("writer: %s: %d", how, ret);
}

/* Store over the target, the lock held, by one of the advanced calls. */
static void store_locked(struct torture *t, struct target *at)
{
	MA_STATE(mas, &t->mt, at->first, at->last);

	switch (random_below(&t->r, 3)) {
	case 0:
		writer_check(mas_store_gfp(&mas, at->entry, GFP_KERNEL), 0, "mas_store_gfp");
		break;
	case 1:
		writer_check(mas_preallocate(&mas, at->entry, GFP_KERNEL), 0, "mas_preallocate");
		mas_store_prealloc(&mas, at->entry);
		break;
	default:
		(void)mas_store(&mas, at->entry);
		writer_check(mas_is_err(&mas) ? -mas.error : 0, 0, "mas_store");
	}
}

static void do_store(struct torture *t, struct target *at, bool erase)
{
	mtree_lock(&t->mt);
	widen(t, at);
	if (!erase)
		at->entry = encode(at->first, at->last, at->exact, ++t->serial);
	store_locked(t, at);
	mtree_unlock(&t->mt);
}

/* Replace what is there by another entry of the same bounds. */
static void do_replace(struct torture *t, struct target *at)
{
	MA_STATE(mas, &t->mt, at->first, at->first);

	mtree_lock(&t->mt);
	if (mas_walk(&mas)) {
		at->first = mas.index;
		at->last = mas.last;
		at->entry = encode(at->first, at->last, at->exact, ++t->serial);
		store_locked(t, at);
	}
	mtree_unlock(&t->mt);
}

static void do_alloc(struct torture *t, struct target *at)
{
	unsigned long start, size = 1 + random_below(&t->r, 3), first = at->seg_first, last = at->seg_last;
	void *entry = encode(first, last, false, ++t->serial);
	int ret;

	if (last - first < size - 1)
		return;
	if (random_below(&t->r, 3) == 0)
		ret = mtree_alloc_cyclic(&t->mt, &start, entry, first, last, &t->cyclic, GFP_KERNEL);
	else if (random_below(&t->r, 2))
		ret = mtree_alloc_range(&t->mt, &start, entry, size, first, last, GFP_KERNEL);
	else
		ret = mtree_alloc_rrange(&t->mt, &start, entry, size, first, last, GFP_KERNEL);
	writer_check(ret == -EINVAL ? 0 : ret, -EBUSY, "alloc"); /* -EINVAL: cyclic, *next above the window */
}

static void plant(struct torture *t, unsigned long index)
{
	void *entry = encode(index, index, true, ++t->serial);

	writer_check(mtree_store(&t->mt, index, entry, GFP_KERNEL), 0, "a stable entry");
}

static void plant_all(struct torture *t)
{
	for (unsigned long i = 0; i < END; i = stable_after(i + 1))
		plant(t, i);
}

static void rebuild_all(struct torture *t)
{
	atomic_fetch_add(&t->epoch, 1);
	mtree_destroy(&t->mt);
	plant_all(t);
	atomic_fetch_add(&t->epoch, 1);
}

static void check_tree(struct torture *t)
{
	const char *reason;

	mtree_lock(&t->mt);
	if (!mt_check(&t->mt, &reason))
		failed("writer: %s", reason);
	mtree_unlock(&t->mt);
}

static void duplicate(struct torture *t)
{
	struct maple_tree copy = MTREE_INIT(copy, t->mt.ma_flags);
	const char *reason;

	writer_check(mtree_dup(&t->mt, &copy, GFP_KERNEL), 0, "mtree_dup");
	if (!mt_check(&copy, &reason))
		failed("copy: %s", reason);
	mtree_destroy(&copy);
}

static void write_once(struct torture *t)
{
	unsigned long kind = random_below(&t->r, 20);
	struct target at;

	choose_target(t, &at);
	if (t->draining && kind < 7)
		kind = random_below(&t->r, 2) ? 11 : 13;
	switch (kind) {
	case 0 ... 10:
		do_store(t, &at, false);
		break;
	case 11 ... 12:
		do_store(t, &at, true);
		break;
	case 13 ... 14:
		(void)mtree_erase(&t->mt, at.first);
		break;
	case 15:
		at.entry = encode(at.first, at.last, at.exact, ++t->serial);
		writer_check(mtree_insert_range(&t->mt, at.first, at.last, at.entry, GFP_KERNEL), -EEXIST,
			"insert");
		break;
	case 16 ... 17:
		do_replace(t, &at);
		break;
	case 18:
		do_alloc(t, &at);
		break;
	default:
		plant(t, stable_before(at.first));
	}
	t->writes++;
}

static void write_all(struct torture *t)
{
	while (!torture_stopped()) {
		write_once(t);
		if (t->writes % 4096 == 0)
			check_tree(t);
		if (t->writes % 20011 == 0)
			duplicate(t);
		if (t->writes % PHASE == 0)
			t->draining = !t->draining;
		if (t->writes % (10 * PHASE) == 0)
			rebuild_all(t);
		if (t->writes % 64 == 0 && torture_is_over())
			break;
	}
	torture_stop();
}

int main(void)
{
	struct torture *t = &torture;
	static struct reader readers[READERS];
	unsigned long looks = 0;

	torture_begin();
	if (getenv("VMAPLE_SEARCH") && !strcmp(getenv("VMAPLE_SEARCH"), "scalar"))
		(void)mt_search_select(MT_SEARCH_SCALAR);
	t->r.state = random_seed();
	mt_init_flags(&t->mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
	vmaple_rcu_register_thread();
	plant_all(t);
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .t = t, .r = { random_u64(&t->r) } };
		if (pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]))
			return 2;
	}
	write_all(t);
	for (unsigned int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		looks += readers[i].looks;
	}
	printf("%lu writes, %lu looks\n", t->writes, looks);
	mtree_destroy(&t->mt);
	vmaple_rcu_barrier();
	vmaple_rcu_unregister_thread();
	return torture_verdict();
}
