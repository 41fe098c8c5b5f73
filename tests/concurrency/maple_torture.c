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
 * How long, and how it fails: torture.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "random.h"
#include "torture.h"

#define ZONE    2048UL
#define ZONES   8UL
#define END     (ZONE * ZONES)
#define CROWDED 496UL /* offset of a zone's last stable entry */
#define STEP    16UL
#define READERS 3
#define PHASE   30000 /* writes between filling and draining */

struct torture {
	struct maple_tree mt;
	_Atomic unsigned int epoch;
	struct random r; /* the writer's */
	unsigned long serial, writes, cyclic;
	bool draining;
};

struct reader {
	struct torture *t;
	struct random r;
	unsigned long looks;
	unsigned int epoch;
	pthread_t thread;
};

static struct torture torture;

static bool is_stable(unsigned long index)
{
	return index < END && index % ZONE <= CROWDED && index % STEP == 0;
}

/* The last stable index at or below @index. */
static unsigned long stable_before(unsigned long index)
{
	unsigned long zone, offset;

	if (index >= END)
		index = END - 1;
	zone = index - index % ZONE;
	offset = index % ZONE;
	return zone + (offset > CROWDED ? CROWDED : offset - offset % STEP);
}

/* The first stable index at or above @index; END when there is none. */
static unsigned long stable_after(unsigned long index)
{
	unsigned long zone = index - index % ZONE, offset = index % ZONE;

	return offset > CROWDED ? zone + ZONE : zone + (offset + STEP - 1) / STEP * STEP;
}

/* value: first 20 bits, last 20, exact 1, serial 20 */
static void *encode(unsigned long first, unsigned long last, bool exact, unsigned long serial)
{
	return xa_mk_value(first << 41 | last << 21 | (unsigned long)exact << 20 | (serial & 0xfffff));
}

static unsigned long entry_first(const void *entry)
{
	return xa_to_value(entry) >> 41;
}

static unsigned long entry_last(const void *entry)
{
	return xa_to_value(entry) >> 21 & 0xfffff;
}

static bool entry_is_exact(const void *entry)
{
	return xa_to_value(entry) >> 20 & 1;
}

/* What every entry must be that was read at @index. */
static void check_at(struct reader *r, const void *entry, unsigned long index, const char *how)
{
	if (!xa_is_value(entry) || index < entry_first(entry) || index > entry_last(entry))
		failed("%s: entry %p was never stored at %lu", how, entry, index);
	else if (is_stable(index) && entry_first(entry) != entry_last(entry))
		failed("%s: entry %p lies over the stable one at %lu", how, entry, index);
}

static void check_range(struct reader *r, const void *entry, const struct ma_state *mas, const char *how)
{
	check_at(r, entry, mas->index, how);
	check_at(r, entry, mas->last, how);
	if (entry_is_exact(entry) && (entry_first(entry) != mas->index || entry_last(entry) != mas->last))
		failed("%s: entry %p was read at [%lu, %lu]", how, entry, mas->index, mas->last);
	r->looks++;
}

static void look_begins(struct reader *r)
{
	r->epoch = atomic_load(&r->t->epoch);
}

/* A stable entry was not seen since look_begins(). */
static void missed(struct reader *r, unsigned long index, const char *how)
{
	if (r->epoch % 2 == 0 && atomic_load(&r->t->epoch) == r->epoch)
		failed("%s: the stable entry at %lu was not found", how, index);
}

static void look_load(struct reader *r)
{
	unsigned long index = random_below(&r->r, END);
	void *entry;

	if (random_below(&r->r, 2))
		index = stable_before(index);
	look_begins(r);
	entry = mtree_load(&r->t->mt, index);
	if (entry)
		check_at(r, entry, index, "load");
	else if (is_stable(index))
		missed(r, index, "load");
	r->looks++;
}

/* mt_find() and mt_next() from @from must not pass the first stable entry. */
static void look_up(struct reader *r)
{
	bool find = random_below(&r->r, 2);
	unsigned long from = random_below(&r->r, END), index = from, stable;
	const char *how = find ? "mt_find" : "mt_next";
	void *entry;

	look_begins(r);
	stable = stable_after(find ? from : from + 1);
	entry = find ? mt_find(&r->t->mt, &index, ULONG_MAX) : mt_next(&r->t->mt, from, ULONG_MAX);
	if (stable < END && (!entry || entry_first(entry) > stable))
		missed(r, stable, how);
	if (entry && find)
		check_at(r, entry, index - 1, how);
	if (entry && entry_last(entry) < from)
		failed("%s: %p is below %lu", how, entry, from);
	r->looks++;
}

static void look_down(struct reader *r)
{
	unsigned long from = 1 + random_below(&r->r, END);
	unsigned long stable = stable_before(from - 1);
	void *entry;

	look_begins(r);
	entry = mt_prev(&r->t->mt, from, 0);
	if (!entry || entry_last(entry) < stable)
		missed(r, stable, "mt_prev");
	if (entry && entry_first(entry) > from)
		failed("mt_prev: %p is above %lu", entry, from);
	r->looks++;
}

/* Stay in the section for long now and then, so that the writer gets far. */
static void dawdle(struct reader *r)
{
	if (random_below(&r->r, 1024) == 0)
		sched_yield();
}

/* Leave the section and enter another, as mas_pause() allows. */
static void rest(struct reader *r, struct ma_state *mas)
{
	if (random_below(&r->r, 200))
		return;
	mas_pause(mas);
	vmaple_rcu_read_unlock();
	sched_yield();
	vmaple_rcu_read_lock();
}

static void look_through(struct reader *r)
{
	unsigned long first = random_below(&r->r, END), next = stable_after(first), min = first;
	unsigned long max = first + random_below(&r->r, 3000);
	MA_STATE(mas, &r->t->mt, first, first);
	void *entry;

	vmaple_rcu_read_lock();
	look_begins(r);
	mas_for_each (&mas, entry, max) {
		check_range(r, entry, &mas, "mas_for_each");
		if (mas.last < min)
			failed("mas_for_each: [%lu, %lu] after %lu", mas.index, mas.last, min);
		min = mas.last + 1;
		for (; next < mas.index && next < END; next = stable_after(next + 1))
			missed(r, next, "mas_for_each");
		if (next == mas.index)
			next = stable_after(next + 1);
		if (torture_stopped())
			break;
		dawdle(r);
		rest(r, &mas);
	}
	if (!entry && next <= max && next < END)
		missed(r, next, "the end of mas_for_each");
	vmaple_rcu_read_unlock();
}

static void look_back_through(struct reader *r)
{
	unsigned long first = random_below(&r->r, END), next = stable_before(first), max = first;
	unsigned long min = first > 2000 ? first - random_below(&r->r, 2000) : 1;
	MA_STATE(mas, &r->t->mt, first, first);
	void *entry;

	vmaple_rcu_read_lock();
	look_begins(r);
	mas_for_each_rev (&mas, entry, min) {
		check_range(r, entry, &mas, "mas_for_each_rev");
		if (mas.index > max)
			failed("mas_for_each_rev: [%lu, %lu] after %lu", mas.index, mas.last, max);
		if (next > mas.last)
			missed(r, next, "mas_for_each_rev");
		if (mas.index <= min || torture_stopped())
			break;
		max = mas.index - 1;
		next = stable_before(max);
		dawdle(r);
	}
	if (!entry && next >= min)
		missed(r, next, "the end of mas_for_each_rev");
	vmaple_rcu_read_unlock();
}

/* Does a range hold a stable entry, that is, is it wrong when it reads as NULL? */
static bool covers_stable(unsigned long first, unsigned long last)
{
	return first < END && stable_after(first) < END && stable_after(first) <= last;
}

/* Ranges, NULL ones too, follow each other without a hole. */
static void look_at_ranges(struct reader *r)
{
	unsigned long index = random_below(&r->r, END), end;
	MA_STATE(mas, &r->t->mt, index, index);
	void *entry;

	vmaple_rcu_read_lock();
	look_begins(r);
	entry = mas_walk(&mas);
	for (unsigned int steps = 1 + (unsigned int)random_below(&r->r, 80); steps; steps--) {
		if (entry)
			check_range(r, entry, &mas, "mas_next_range");
		else if (mas_is_active(&mas) && covers_stable(mas.index, mas.last))
			missed(r, stable_after(mas.index), "mas_next_range");
		end = mas.last;
		entry = mas_next_range(&mas, ULONG_MAX);
		if (!mas_is_active(&mas))
			break;
		if (mas.index > end + 1 || mas.last <= end)
			failed("mas_next_range: [%lu, %lu] after %lu", mas.index, mas.last, end);
		dawdle(r);
	}
	vmaple_rcu_read_unlock();
}

static void look_for_gap(struct reader *r)
{
	unsigned long min = random_below(&r->r, END), max = min + random_below(&r->r, 4000);
	unsigned long size = 1 + random_below(&r->r, 24);
	bool rev = random_below(&r->r, 2);
	MA_STATE(mas, &r->t->mt, 0, 0);
	int ret;

	vmaple_rcu_read_lock();
	look_begins(r);
	ret = rev ? mas_empty_area_rev(&mas, min, max, size) : mas_empty_area(&mas, min, max, size);
	if (ret == 0 && (mas.index < min || mas.last > max || mas.last - mas.index != size - 1))
		failed("gap: [%lu, %lu] is not %lu in [%lu, %lu]", mas.index, mas.last, size, min, max);
	else if (ret == 0 && covers_stable(mas.index, mas.last))
		missed(r, stable_after(mas.index), "gap");
	else if (ret && ret != -EBUSY && ret != -EINVAL)
		failed("gap: %d", ret);
	vmaple_rcu_read_unlock();
	r->looks++;
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;

	vmaple_rcu_register_thread();
	while (!torture_stopped()) {
		switch (random_below(&r->r, 12)) {
		case 0 ... 3:
			look_load(r);
			break;
		case 4 ... 5:
			look_up(r);
			break;
		case 6:
			look_down(r);
			break;
		case 7 ... 8:
			look_through(r);
			break;
		case 9:
			look_back_through(r);
			break;
		case 10:
			look_at_ranges(r);
			break;
		default:
			look_for_gap(r);
		}
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

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
