/* SPDX-License-Identifier: MIT */
/*
 * The readers of maple_torture.c: loads, searches, iteration both ways, and gaps, each checked as it says there (3 and
 * 4).
 */
#ifndef TESTS_MAPLE_READERS_H
#define TESTS_MAPLE_READERS_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <vmaple/rcu.h>

#include "maple_zones.h"
#include "torture.h"

struct reader {
	struct torture *t;
	struct random r;
	unsigned long looks;
	unsigned int epoch;
	pthread_t thread;
};

/* What every entry must be that was read at @index. */
static inline void check_at(struct reader *r, const void *entry, unsigned long index, const char *how)
{
	if (!xa_is_value(entry) || index < entry_first(entry) || index > entry_last(entry))
		failed("%s: entry %p was never stored at %lu", how, entry, index);
	else if (is_stable(index) && entry_first(entry) != entry_last(entry))
		failed("%s: entry %p lies over the stable one at %lu", how, entry, index);
}

static inline void check_range(
	struct reader *r, const void *entry, const struct ma_state *mas, const char *how)
{
	check_at(r, entry, mas->index, how);
	check_at(r, entry, mas->last, how);
	if (entry_is_exact(entry) && (entry_first(entry) != mas->index || entry_last(entry) != mas->last))
		failed("%s: entry %p was read at [%lu, %lu]", how, entry, mas->index, mas->last);
	r->looks++;
}

static inline void look_begins(struct reader *r)
{
	r->epoch = atomic_load(&r->t->epoch);
}

/* A stable entry was not seen since look_begins(). */
static inline void missed(struct reader *r, unsigned long index, const char *how)
{
	if (r->epoch % 2 == 0 && atomic_load(&r->t->epoch) == r->epoch)
		failed("%s: the stable entry at %lu was not found", how, index);
}

static inline void look_load(struct reader *r)
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
static inline void look_up(struct reader *r)
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

static inline void look_down(struct reader *r)
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

/* What lies around an entry passes no stable one either. */
static inline void check_sides(
	struct reader *r, unsigned long from, const void *before, const void *entry, const void *after)
{
	unsigned long next = entry ? stable_after(entry_first(entry) + 1) : END;

	if (from && (!before || entry_last(before) < stable_before(from - 1)))
		missed(r, stable_before(from - 1), "mt_look_around, before");
	if (before && entry_first(before) >= from)
		failed("mt_look_around: %p is not before %lu", before, from);
	if (next < END && (!after || entry_first(after) > next))
		missed(r, next, "mt_look_around, after");
	if (after && (!entry || entry_last(after) <= entry_first(entry)))
		failed("mt_look_around: %p is not after %p", after, entry);
}

/* A look without a cursor must not pass the first stable entry. */
static inline void look_around(struct reader *r)
{
	unsigned long from = random_below(&r->r, END), stable = stable_after(from);
	bool around = random_below(&r->r, 2);
	void *before, *after, *entry;

	vmaple_rcu_read_lock();
	look_begins(r);
	entry = around ? mt_look_around(&r->t->mt, from, &before, &after)
		       : mt_look(&r->t->mt, from, ULONG_MAX);
	if (stable < END && (!entry || entry_first(entry) > stable))
		missed(r, stable, "mt_look");
	if (entry && entry_last(entry) < from)
		failed("mt_look: %p is below %lu", entry, from);
	if (around)
		check_sides(r, from, before, entry, after);
	vmaple_rcu_read_unlock();
	r->looks++;
}

/* Stay in the section for long now and then, so that the writer gets far. */
static inline void dawdle(struct reader *r)
{
	if (random_below(&r->r, 1024) == 0)
		sched_yield();
}

/* A cursor that stays about one place, in one section, while the writer goes on. */
static inline void look_near(struct reader *r)
{
	unsigned long from = random_below(&r->r, END - 40);
	MA_STATE(mas, &r->t->mt, from, from);

	vmaple_rcu_read_lock();
	for (int looks = 0; looks < 20; looks++) {
		unsigned long index = from + random_below(&r->r, 40);
		void *entry;

		look_begins(r);
		entry = mas_look_near(&mas, index);
		if (entry)
			check_at(r, entry, index, "mas_look_near");
		else if (is_stable(index))
			missed(r, index, "mas_look_near");
		dawdle(r);
	}
	vmaple_rcu_read_unlock();
	r->looks++;
}

/* Leave the section and enter another, as mas_pause() allows. */
static inline void rest(struct reader *r, struct ma_state *mas)
{
	if (random_below(&r->r, 200))
		return;
	mas_pause(mas);
	vmaple_rcu_read_unlock();
	sched_yield();
	vmaple_rcu_read_lock();
}

static inline void look_through(struct reader *r)
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

static inline void look_back_through(struct reader *r)
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
static inline bool covers_stable(unsigned long first, unsigned long last)
{
	return first < END && stable_after(first) < END && stable_after(first) <= last;
}

/* Ranges, NULL ones too, follow each other without a hole. */
static inline void look_at_ranges(struct reader *r)
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

static inline void look_for_gap(struct reader *r)
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

static inline void *reader_main(void *arg)
{
	struct reader *r = arg;

	vmaple_rcu_register_thread();
	while (!torture_stopped()) {
		switch (random_below(&r->r, 14)) {
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
		case 11 ... 12:
			look_around(r);
			look_near(r);
			break;
		default:
			look_for_gap(r);
		}
	}
	vmaple_rcu_unregister_thread();
	return NULL;
}

#endif /* TESTS_MAPLE_READERS_H */
