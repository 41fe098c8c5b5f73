/* SPDX-License-Identifier: MIT */
/*
 * The maple tree against brute force: every operation is carried out on the tree and on a sorted array of
 * ranges (range_model.h), and everything that comes back is compared.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <vmaple/maple_tree.h>
#include <vmaple/rcu.h>

#include "leaf.h"
#include "random.h"
#include "range_model.h"
#include "skipped.h"

/* What kind of tree and keys a run is about. */
struct shape {
	const char *name;
	unsigned int flags;
	unsigned long step;  /* keys are multiples of it */
	unsigned long space; /* ... this many of them */
	unsigned long widest;
	unsigned int erase_percent;
	bool top;            /* keys count down from ULONG_MAX */
	unsigned long sweep; /* now and then a store spans up to so many keys, or all to the end */
};

static const struct shape shapes[] = {
	{ "dense", MT_FLAGS_ALLOC_RANGE, 1, 300, 8, 30, false, 0 },
	{ "small", 0, 1, 40, 5, 40, false, 0 },
	{ "pages", MT_FLAGS_ALLOC_RANGE, 4096, 4000, 64, 30, false, 0 },
	{ "pages in RCU mode", MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU, 4096, 4000, 64, 30, false, 0 },
	{ "the same, locked outside", MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU | MT_FLAGS_LOCK_EXTERN, 4096,
		4000, 64, 30, false, 0 },
	{ "wide", MT_FLAGS_ALLOC_RANGE, 1, 100000, 5000, 20, false, 0 },
	{ "wide in RCU mode", MT_FLAGS_USE_RCU, 1, 100000, 3000, 10, false, 0 },
	{ "single", MT_FLAGS_ALLOC_RANGE, 1, 60000, 1, 45, false, 0 },
	{ "sparse", MT_FLAGS_ALLOC_RANGE, (unsigned long)0x123456789abULL, 5000, 9, 35, false, 0 },
	{ "at the top", MT_FLAGS_ALLOC_RANGE, 3, 900, 20, 35, true, 0 },
	{ "swept", MT_FLAGS_ALLOC_RANGE, 1, 20000, 2, 20, false, 4000 },
	{ "swept in RCU mode", MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU, 1, 20000, 1, 10, false, 4000 },
	{ "swept at the top", 0, 1, 6000, 1, 5, true, 1500 },
	{ "swept narrowly", MT_FLAGS_ALLOC_RANGE, 1, 3000, 1, 5, false, 60 },
};

struct run {
	struct random random;
	const struct shape *shape;
	struct maple_tree mt;
	unsigned long value;
	struct ma_state near; /* kept from look to look, whatever is stored between */
};

static unsigned long key(struct run *r)
{
	unsigned long k = random_below(&r->random, r->shape->space) * r->shape->step;

	if (random_below(&r->random, 500) == 0)
		return random_below(&r->random, 2) ? 0 : ULONG_MAX;
	return r->shape->top ? ULONG_MAX - k : k;
}

static void range(struct run *r, unsigned long *first, unsigned long *last)
{
	unsigned long length = (1 + random_below(&r->random, r->shape->widest)) * r->shape->step;

	if (r->shape->sweep && random_below(&r->random, r->shape->space / 50) == 0)
		length = (1 + random_below(&r->random, r->shape->sweep)) * r->shape->step;
	*first = key(r);
	if (r->shape->sweep && random_below(&r->random, 2000) == 0)
		length = ULONG_MAX;
	*last = ULONG_MAX - *first < length - 1 ? ULONG_MAX : *first + length - 1;
}

static void check_valid(struct run *r)
{
	const char *reason;

	if (!mt_check(&r->mt, &reason))
		fail_msg("%s: %s", r->shape->name, reason);
}

/* Now and then another cursor asks the writer's way in between: the plan is made again then. */
static void store_in_two_steps(struct run *r, struct ma_state *mas, void *entry)
{
	unsigned long elsewhere = key(r);
	MA_STATE(other, &r->mt, elsewhere, elsewhere);
	struct mt_plan plan;

	assert_int_equal(mas_prepare(mas, entry, GFP_KERNEL, &plan), 0);
	if (random_below(&r->random, 4) == 0) {
		assert_int_equal(mas_preallocate(&other, NULL, GFP_KERNEL), 0);
		mas_destroy(&other);
	}
	mas_commit(mas, entry, &plan);
}

/* Without a cursor, in one step or in two, where it takes no memory. */
static void put(struct run *r, unsigned long first, unsigned long last, void *entry)
{
	void *before, *after;
	struct mt_plan plan;

	if (random_below(&r->random, 2) || !mt_prepare_put(&r->mt, first, last, entry, &plan)) {
		assert_int_equal(mt_put(&r->mt, first, last, entry, GFP_KERNEL), 0);
		return;
	}
	if (random_below(&r->random, 4) == 0)
		(void)mt_writer_look(&r->mt, key(r), &before, &after);
	mt_commit_put(&r->mt, first, last, entry, &plan);
}

static void do_store(struct run *r)
{
	unsigned long first, last;
	void *entry, *old;

	range(r, &first, &last);
	entry = random_below(&r->random, 100) < r->shape->erase_percent ? NULL : xa_mk_value(++r->value);
	MA_STATE(mas, &r->mt, first, last);
	old = model.range[model_at(first)].entry;
	switch (random_below(&r->random, 8)) {
	case 0:
		assert_ptr_equal(mas_store(&mas, entry), old);
		break;
	case 1:
		assert_int_equal(mas_preallocate(&mas, entry, GFP_KERNEL), 0);
		mas_store_prealloc(&mas, entry);
		break;
	case 2 ... 3:
		store_in_two_steps(r, &mas, entry);
		break;
	case 4:
		assert_int_equal(mas_store_gfp(&mas, entry, GFP_KERNEL), 0);
		break;
	case 5 ... 6:
		put(r, first, last, entry);
		mas.index = first;
		mas.last = last;
		break;
	default:
		assert_int_equal(mtree_store_range(&r->mt, first, last, entry, GFP_KERNEL), 0);
		mas.index = first;
		mas.last = last;
	}
	model_store(first, last, entry);
	assert_ptr_equal(mas_walk(&mas), model.range[model_at(mas.index)].entry);
}

static bool is_once(const void *entry)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < model.nr; i++)
		nr += model.range[i].entry == entry;
	return nr == 1;
}

/* The number of a range of the model whose entry no other has, to its first or last index the writer has looked; or -1. */
static int look_at_some(struct run *r)
{
	unsigned int at = model_at(key(r));
	void *before, *after, *entry = model.range[at].entry;

	if (!entry || !is_once(entry))
		return -1;
	assert_ptr_equal(
		mt_writer_look(&r->mt, random_below(&r->random, 2) ? model_begin(at) : model.range[at].last,
			&before, &after),
		entry);
	return (int)at;
}

/* How often mt_writer_near() led: from the place before, the very one, the next; to an area, and to a hole. */
static unsigned int near_led[3][2];

/* The next call is about an area that stands near where the writer is, or about the hole before it. */
static void do_near(struct run *r)
{
	unsigned int at = model_at(key(r)), way = (unsigned int)random_below(&r->random, 3),
		     from = at + way - 1;
	struct mt_path *path = &r->mt.ma_path;
	void *before, *after, *entry = model.range[at].entry, *prev = NULL;
	unsigned long index = model_begin(at);
	unsigned char offset;

	if (!entry || !is_once(entry) || from >= model.nr)
		return;
	index += random_below(&r->random, model.range[at].last - index + 1);
	if (at > 1 && !model.range[at - 1].entry && is_once(model.range[at - 2].entry)) {
		prev = model.range[at - 2].entry;
		index = model_begin(at - 1);
		index += random_below(&r->random, model.range[at - 1].last - index + 1);
		from -= way == 0; /* the area, not the hole */
	}
	(void)mt_writer_look(&r->mt, model_begin(from), &before, &after);
	if (path->index == index)
		return;
	mt_writer_near(&r->mt, index, prev, entry);
	near_led[way][prev != NULL] += path->index == index;
	/* A search leads there, too. */
	offset = path->height && path->index == index ? path->offset[path->height - 1] : UCHAR_MAX;
	path->height = 0;
	assert_ptr_equal(mt_writer_look(&r->mt, index, &before, &after), entry);
	if (prev)
		assert_ptr_equal(before, prev);
	if (offset != UCHAR_MAX)
		assert_int_equal(path->offset[path->height - 1], offset);
}

/* Cut an area where the writer is; with another look between, the cut finds that it is elsewhere. */
static void do_cut(struct run *r)
{
	int at = look_at_some(r);
	unsigned long first, last, cut;
	void *entry, *part = xa_mk_value(++r->value), *before, *after;
	bool below = random_below(&r->random, 2), moved = random_below(&r->random, 8) == 0;

	if (at < 0)
		return;
	entry = model.range[at].entry;
	first = model_begin((unsigned int)at);
	last = model.range[at].last;
	if (first == last)
		return;
	cut = first + 1 + random_below(&r->random, last - first);
	if ((random_below(&r->random, 2) ? mt_can_cut(&r->mt, cut) : mt_can_cut_step(&r->mt, cut)) <= 0)
		return;
	assert_false(mt_in_rcu(&r->mt));
	if (moved)
		(void)mt_writer_look(&r->mt, key(r), &before, &after);
	mt_cut(&r->mt, cut, below ? part : entry, below ? entry : part);
	model_store(below ? first : cut, below ? cut - 1 : last, part);
}

/* One area grows over a part of the next; or the next over a part of it. */
static void do_border(struct run *r)
{
	int at = look_at_some(r), next = at + 1;
	unsigned long first, last, border;
	void *left, *right;

	if (at < 0 || next >= (int)model.nr || !model.range[next].entry ||
		model.range[next].entry == model.range[at].entry)
		return;
	left = model.range[at].entry;
	right = model.range[next].entry;
	first = model_begin((unsigned int)at);
	last = model.range[next].last;
	border = first + 1 + random_below(&r->random, last - first);
	if (random_below(&r->random, 2)) {
		if (!mt_can_move_border(&r->mt, left, right, model_begin((unsigned int)next), border))
			return;
		mt_move_border(&r->mt, model_begin((unsigned int)next), border);
	} else {
		if (!mt_can_move_border_step(&r->mt, left, right, model_begin((unsigned int)next), border))
			return;
		mt_move_border_step(&r->mt, model_begin((unsigned int)next), border);
	}
	assert_false(mt_in_rcu(&r->mt));
	model_store(first, border - 1, left);
	model_store(border, last, right);
}

/* How much of a hole of @room indices an area grows by. */
static unsigned long growth(struct run *r, unsigned long room)
{
	unsigned long by = random_below(&r->random, r->shape->widest + 1) * r->shape->step;

	return by > room ? room : by;
}

/* An area grows over a part of the holes around it, where the writer is. */
static void do_grow(struct run *r)
{
	int at = look_at_some(r);
	unsigned long first, last, from;
	void *entry;

	if (at < 0)
		return;
	entry = model.range[at].entry;
	first = model_begin((unsigned int)at);
	last = model.range[at].last;
	if (at && !model.range[at - 1].entry)
		first -= growth(r, first - model_begin((unsigned int)at - 1));
	if (at + 1 < (int)model.nr && !model.range[at + 1].entry)
		last += growth(r, model.range[at + 1].last - last);
	from = model_begin((unsigned int)at);
	if (!mt_can_grow(&r->mt, from, first, last))
		return;
	assert_false(mt_in_rcu(&r->mt));
	mt_grow(&r->mt, from, first, last);
	model_store(first, last, entry);
}

/* How often an area lost its lower end, and its upper one. */
static unsigned int shortened[2];

/* An area loses one end, where the writer is. */
static void do_shorten(struct run *r)
{
	int at = look_at_some(r);
	unsigned long first, last, from, less;
	bool upper = random_below(&r->random, 2);
	void *entry;

	if (at < 0)
		return;
	entry = model.range[at].entry;
	from = first = model_begin((unsigned int)at);
	last = model.range[at].last;
	less = growth(r, last - first);
	if (upper)
		last -= less;
	else
		first += less;
	if (!less || !mt_can_shorten(&r->mt, from, first, last))
		return;
	assert_false(mt_in_rcu(&r->mt));
	mt_shorten(&r->mt, from, first, last);
	shortened[upper]++;
	if (upper)
		model_store(last + 1, model.range[at].last, NULL);
	else
		model_store(from, first - 1, NULL);
	assert_ptr_equal(mtree_load(&r->mt, first), entry);
}

/* How often so many became one: one or two ranges, and more. */
static unsigned int joins[2];

/* Up to four areas become one, with holes between them and a part of those around; in part nothing is joined that has an entry. */
static void do_join(struct run *r)
{
	int at = look_at_some(r);
	unsigned int lowest = (unsigned int)at, highest = lowest;
	unsigned long first, last, from;
	void *entry = xa_mk_value(++r->value);

	if (at < 0)
		return;
	for (unsigned long more = random_below(&r->random, 7); more && highest + 1 < model.nr; more--)
		highest++;
	from = first = model_begin(lowest);
	last = model.range[highest].last;
	if (lowest && !model.range[lowest - 1].entry)
		first -= growth(r, first - model_begin(lowest - 1));
	if (highest + 1 < model.nr && !model.range[highest + 1].entry)
		last += growth(r, model.range[highest + 1].last - last);
	else if (random_below(&r->random, 4) == 0 && model.range[highest].last > model_begin(highest))
		last--;
	if (!mt_can_join(&r->mt, from, first, last))
		return;
	assert_false(mt_in_rcu(&r->mt));
	assert_true(!model.range[model_at(last)].entry || model.range[model_at(last)].last == last);
	mt_join(&r->mt, from, first, last, entry);
	joins[highest - lowest > 1]++;
	model_store(first, last, entry);
}

/* An entry takes the place of the one where the writer is, and of no other. */
static void do_put_over(struct run *r)
{
	int at = look_at_some(r);
	void *entry = xa_mk_value(++r->value), *before, *after;
	unsigned long first;

	if (at < 0)
		return;
	first = model_begin((unsigned int)at);
	assert_false(mt_put_over(&r->mt, first, entry, entry));
	(void)mt_writer_look(&r->mt, first, &before, &after);
	if (!mt_put_over(&r->mt, first, model.range[at].entry, entry))
		return;
	model_store(first, model.range[at].last, entry);
}

/* Nothing that has an entry is grown over. */
static void do_grow_too_far(struct run *r)
{
	int at = look_at_some(r);

	if (at < 0)
		return;
	if (at && model.range[at - 1].entry)
		assert_false(mt_can_grow(&r->mt, model_begin((unsigned int)at),
			model_begin((unsigned int)at) - 1, model.range[at].last));
	if (at + 1 < (int)model.nr && model.range[at + 1].entry)
		assert_false(mt_can_grow(&r->mt, model_begin((unsigned int)at), model_begin((unsigned int)at),
			model.range[at].last + 1));
}

/* An area goes, where the writer is. */
static void do_drop(struct run *r)
{
	int at = look_at_some(r);

	if (at < 0 || !mt_drop(&r->mt, model_begin((unsigned int)at)))
		return;
	model_store(model_begin((unsigned int)at), model.range[at].last, NULL);
}

static void do_insert(struct run *r)
{
	unsigned long first, last;
	unsigned int at;
	bool free;
	int ret;

	range(r, &first, &last);
	at = model_at(first);
	free = !model.range[at].entry && model.range[at].last >= last;
	ret = mtree_insert_range(&r->mt, first, last, xa_mk_value(++r->value), GFP_KERNEL);
	assert_int_equal(ret, free ? 0 : -EEXIST);
	if (free)
		model_store(first, last, xa_mk_value(r->value));
}

static void do_erase(struct run *r)
{
	unsigned long index = key(r);
	unsigned int at = model_at(index);
	void *entry = model.range[at].entry;

	assert_ptr_equal(mtree_erase(&r->mt, index), entry);
	if (entry)
		model_store(model_begin(at), model.range[at].last, NULL);
}

static void do_walk(struct run *r)
{
	unsigned long index = key(r);
	unsigned int at = model_at(index);
	MA_STATE(mas, &r->mt, index, index);

	assert_ptr_equal(mtree_load(&r->mt, index), model.range[at].entry);
	assert_ptr_equal(mas_walk(&mas), model.range[at].entry);
	if (mt_height(&r->mt)) {
		assert_int_equal(mas.index, model_begin(at));
		assert_int_equal(mas.last, model.range[at].last);
	}
}

/* Walk some ranges in one direction from anywhere, entries or all ranges. */
static void do_iterate(struct run *r)
{
	bool back = random_below(&r->random, 2), all = random_below(&r->random, 2);
	unsigned int steps = 1 + (unsigned int)random_below(&r->random, 50), at;
	unsigned long index = key(r);
	MA_STATE(mas, &r->mt, index, index);

	if (!mt_height(&r->mt))
		return;
	at = model_at(index);
	(void)mas_walk(&mas);
	while (steps--) {
		void *entry;

		if (back)
			entry = all ? mas_prev_range(&mas, 0) : mas_prev(&mas, 0);
		else
			entry = all ? mas_next_range(&mas, ULONG_MAX) : mas_next(&mas, ULONG_MAX);
		do {
			if (at == (back ? 0 : model.nr - 1)) {
				assert_null(entry);
				assert_int_equal(mas.status, back ? ma_underflow : ma_overflow);
				return;
			}
			at = back ? at - 1 : at + 1;
		} while (!all && !model.range[at].entry);
		assert_ptr_equal(entry, model.range[at].entry);
		assert_int_equal(mas.index, model_begin(at));
		assert_int_equal(mas.last, model.range[at].last);
		/* a store elsewhere must not confuse the cursor */
		if (random_below(&r->random, 20) == 0)
			do_store(r), at = model_at(mas.index), mas_set(&mas, mas.index), (void)mas_walk(&mas);
	}
}

static void do_find(struct run *r)
{
	unsigned long index = key(r), max = key(r);
	unsigned int at = model_at(index);
	MA_STATE(mas, &r->mt, index, index);
	void *entry = mas_find(&mas, max);

	while (index <= max && !model.range[at].entry && at + 1 < model.nr && model_begin(at + 1) <= max)
		at++;
	if (index > max || !model.range[at].entry) {
		assert_null(entry);
		return;
	}
	assert_ptr_equal(entry, model.range[at].entry);
	assert_int_equal(mas.index, model_begin(at));
}

/* The offset of the next range with an entry from @at on, or nr; the same downwards, or -1. */
static unsigned int entry_from(unsigned int at)
{
	while (at < model.nr && !model.range[at].entry)
		at++;
	return at;
}

static int entry_downwards(int at)
{
	while (at >= 0 && !model.range[at].entry)
		at--;
	return at;
}

static void *model_entry(unsigned int at)
{
	return at < model.nr ? model.range[at].entry : NULL;
}

/* A look from anywhere, or from the very edge of a range: the entry there or above, and those on both sides. */
static void do_look(struct run *r)
{
	unsigned long index = key(r), max = key(r);
	unsigned int at = model_at(index), here;
	void *before, *after, *entry;
	int below;

	switch (random_below(&r->random, 4)) {
	case 0:
		index = model_begin(at);
		break;
	case 1:
		index = model.range[at].last;
	}
	here = entry_from(at);
	entry = model_entry(here);
	assert_ptr_equal(mt_look(&r->mt, index, ULONG_MAX), entry);
	assert_ptr_equal(mt_look(&r->mt, index, index), model.range[at].entry);
	assert_ptr_equal(mt_look(&r->mt, index, max),
		index <= max && entry && model_begin(here) <= max ? entry : NULL);
	below = entry_downwards((int)at - 1);
	assert_ptr_equal(mt_look_around(&r->mt, index, &before, &after), entry);
	assert_ptr_equal(before, below < 0 ? NULL : model.range[below].entry);
	assert_ptr_equal(after, entry ? model_entry(entry_from(here + 1)) : NULL);
	assert_ptr_equal(mt_look_around(&r->mt, index, &before, NULL), entry);
	assert_ptr_equal(before, below < 0 ? NULL : model.range[below].entry);
	assert_ptr_equal(mt_writer_look(&r->mt, index, &before, &after), entry);
	assert_ptr_equal(before, below < 0 ? NULL : model.range[below].entry);
	assert_ptr_equal(after, entry ? model_entry(entry_from(here + 1)) : NULL);
}

/* Of any number, some of them at the edges of ranges and some twice. */
static void do_load_many(struct run *r)
{
	unsigned long index[80] = { 0 };
	void *entry[80] = { NULL };
	unsigned int nr = (unsigned int)random_below(&r->random, 80);

	for (unsigned int i = 0; i < nr; i++) {
		index[i] = key(r);
		if (i && random_below(&r->random, 4) == 0)
			index[i] = model.range[model_at(index[i - 1])].last;
	}
	entry[nr] = r;
	mtree_load_many(&r->mt, index, entry, nr);
	for (unsigned int i = 0; i < nr; i++)
		assert_ptr_equal(entry[i], model.range[model_at(index[i])].entry);
	assert_ptr_equal(entry[nr], r); /* not behind the last */
}

/* Mostly about the range that the cursor is on, its edges too; whatever has been stored since the last look. */
static void do_look_near(struct run *r)
{
	for (unsigned int looks = 1 + (unsigned int)random_below(&r->random, 6); looks; looks--) {
		unsigned long index = key(r);
		unsigned int at;

		if (random_below(&r->random, 4))
			index = random_below(&r->random, 2) ? r->near.index : r->near.last;
		if (random_below(&r->random, 8) == 0)
			index += 1 - 2 * random_below(&r->random, 2);
		at = model_at(index);
		assert_ptr_equal(mas_look_near(&r->near, index), model.range[at].entry);
		if (!mt_height(&r->mt) || !model.range[at].entry)
			continue;
		assert_int_equal(r->near.index, model_begin(at));
		assert_int_equal(r->near.last, model.range[at].last);
	}
}

/* The writer's path goes from the root to a leaf, has that one's bounds, and leads to its index. */
static void check_path(struct run *r)
{
	const struct mt_path *path = &r->mt.ma_path;
	unsigned long min = 0, max = ULONG_MAX;

	if (!path->height)
		return;
	assert_ptr_equal(path->node[0], mt_root_node(mt_root(&r->mt)));
	assert_int_equal(path->height, mt_height(&r->mt));
	for (unsigned int level = 0; level + 1 < path->height; level++) {
		const struct mt_inner *inner = path->node[level];

		assert_true(path->offset[level] < inner->nr);
		assert_ptr_equal(path->node[level + 1], inner->slot[path->offset[level]]);
		max = mt_end(inner, path->offset[level], max);
		min = mt_begin(inner, path->offset[level], min);
	}
	assert_true(path->min == min && path->max == max && min <= path->index && path->index <= max);
	assert_int_equal(mt_area_at(path_leaf(path), path->index), path_area(path));
}

static void do_gap(struct run *r)
{
	unsigned long a = key(r), b = key(r), min = a < b ? a : b, max = a < b ? b : a, expected = 0;
	unsigned long size = 1 + random_below(&r->random, r->shape->widest * 3) * r->shape->step;
	bool highest = random_below(&r->random, 2);
	unsigned long found;
	MA_STATE(mas, &r->mt, 0, 0);
	int ret;

	ret = highest ? mas_empty_area_rev(&mas, min, max, size) : mas_empty_area(&mas, min, max, size);
	if (!(r->shape->flags & MT_FLAGS_ALLOC_RANGE) || max - min < size - 1) {
		assert_int_equal(ret, -EINVAL);
		return;
	}
	assert_int_equal(ret, model_gap(min, max, size, highest, &expected));
	if (ret)
		return;
	assert_int_equal(mas.index, expected);
	assert_int_equal(mas.last, expected + size - 1);
	assert_int_equal(mt_writer_gap(&r->mt, min, max, size, highest, &found), 0);
	assert_int_equal(found, expected);
	check_path(r);
}

static void do_dup(struct run *r)
{
	struct maple_tree copy = MTREE_INIT(copy, r->shape->flags);
	const char *reason;
	unsigned long index = 0;
	void *entry;

	assert_int_equal(mtree_dup(&r->mt, &copy, GFP_KERNEL), 0);
	assert_true(mt_check(&copy, &reason));
	for (unsigned int i = 0; i < model.nr; i++) {
		if (!model.range[i].entry)
			continue;
		entry = mt_find(&copy, &index, ULONG_MAX);
		assert_ptr_equal(entry, model.range[i].entry);
		assert_int_equal(index, model.range[i].last + 1);
		if (!index)
			break;
	}
	mtree_destroy(&copy);
	assert_true(mtree_empty(&copy));
}

static void run_shape(const struct shape *shape, uint64_t seed, uint64_t operations)
{
	static struct run r;

	r = (struct run){ .random = { seed }, .shape = shape };
	mt_init_flags(&r.mt, shape->flags);
	mas_init(&r.near, &r.mt, 0);
	model_init();
	for (uint64_t i = 0; i < operations; i++) {
		switch (random_below(&r.random, 17)) {
		case 0 ... 4:
			do_store(&r);
			break;
		case 5 ... 6:
			do_insert(&r);
			break;
		case 7 ... 8:
			do_erase(&r);
			break;
		case 9 ... 10:
			do_walk(&r);
			break;
		case 11 ... 12:
			do_iterate(&r);
			break;
		case 13:
			do_find(&r);
			break;
		case 14:
			do_look(&r);
			do_load_many(&r);
			do_look_near(&r);
			break;
		case 15:
			do_near(&r);
			do_cut(&r);
			do_border(&r);
			do_drop(&r);
			do_grow(&r);
			do_join(&r);
			do_shorten(&r);
			do_put_over(&r);
			do_grow_too_far(&r);
			break;
		default:
			do_gap(&r);
		}
		if (i % (4 * (1 + model.nr)) == 0)
			check_valid(&r);
		if (i % 20011 == 0)
			do_dup(&r);
	}
	check_valid(&r);
	mtree_destroy(&r.mt);
}

static void run_all(enum mt_search_kind kind)
{
	uint64_t seed = random_seed(), operations = test_operations(650000);

	if (!mt_search_select(kind)) {
		skipped("this processor, or this build, has no such search");
		return;
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		run_shape(&shapes[i], seed + i, operations / (sizeof(shapes) / sizeof(shapes[0])));
}

static void test_what_is_near_was_not_searched_for(void **state)
{
	for (unsigned int way = 0; way < 3; way++)
		assert_true(near_led[way][0] && near_led[way][1]);
}

#ifndef VMAPLE_SMALL
static void test_areas_have_become_one(void **state)
{
	assert_true(joins[0] && joins[1] && shortened[0] && shortened[1]);
}
#endif

static void test_scalar_search_equals_brute_force(void **state)
{
	(void)state;
	run_all(MT_SEARCH_SCALAR);
}

/* The small form has the scalar search alone. */
#ifndef VMAPLE_SMALL
static void test_sse2_search_equals_brute_force(void **state)
{
	(void)state;
	run_all(MT_SEARCH_SSE2);
}

static void test_avx2_search_equals_brute_force(void **state)
{
	(void)state;
	run_all(MT_SEARCH_AVX2);
}

static void test_avx512_search_equals_brute_force(void **state)
{
	(void)state;
	run_all(MT_SEARCH_AVX512);
}

#ifdef __aarch64__
static void test_neon_search_equals_brute_force(void **state)
{
	(void)state;
	run_all(MT_SEARCH_NEON);
}
#endif
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalar_search_equals_brute_force),
#ifndef VMAPLE_SMALL
		cmocka_unit_test(test_sse2_search_equals_brute_force),
		cmocka_unit_test(test_avx2_search_equals_brute_force),
		cmocka_unit_test(test_avx512_search_equals_brute_force),
#ifdef __aarch64__
		cmocka_unit_test(test_neon_search_equals_brute_force),
#endif
#endif
		/* By the tests before: */
		cmocka_unit_test(test_what_is_near_was_not_searched_for),
#ifndef VMAPLE_SMALL
		cmocka_unit_test(test_areas_have_become_one),
#endif
	};
	int ret;

	vmaple_rcu_register_thread();
	ret = cmocka_run_group_tests_name("maple tree against a model", tests, NULL, NULL);
	vmaple_rcu_unregister_thread();
	return ret;
}
