/* SPDX-License-Identifier: MIT */
/*
 * The maple tree under fuzzing: any bytes are a sequence of calls of its public interface, each made on the tree and
 * on a sorted array (range_model.h), and everything that comes back is compared.
 *
 * The first bytes choose the tree's flags, the search, and what the keys are like: dense, pages, far apart, at the top
 * of the space. Then come operations, a byte for the kind and what each needs; missing bytes are 0. Some operations are
 * many stores at once, so that a short input makes a large tree. ARM makes an allocation of the next operation fail:
 * it must say so and change nothing.
 *
 * With libFuzzer, which chooses inputs by what they reach, or with the main() of plain.c.
 */
#include <vmaple/rcu.h>

#include "cursor_model.h"
#include "maple_input.h"
#include "maple_judge.h"

#define RANGES_MAX 6000 /* no more operations on an input whose tree has grown beyond this */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void store_and_return_old(struct fuzz *f, struct ma_state *mas, void *entry)
{
	void *old = model.range[model_at(mas->index)].entry, *got;
	unsigned long first = mas->index, last = mas->last;

	do {
		got = mas_store(mas, entry);
		if (!mas_is_err(mas))
			break;
		require(mas->error == -ENOMEM && failing_hit);
		check_valid(f);
		mas_set_range(mas, first, last);
		mas->status = ma_error;
		disarm();
	} while (mas_nomem(mas, GFP_KERNEL));
	require(got == old);
}

static void store_prepared(struct fuzz *f, struct ma_state *mas, void *entry)
{
	if (!went_through(f, mas_preallocate(mas, entry, GFP_KERNEL)))
		require(mas_preallocate(mas, entry, GFP_KERNEL) == 0);
	fail_all(true);
	mas_store_prealloc(mas, entry);
	fail_all(false);
}

static void do_store(struct fuzz *f)
{
	unsigned int kind = byte(f);
	unsigned long first, last;
	void *entry = new_entry(f, kind);
	int ret = 0;

	range(f, &first, &last);
	MA_STATE(mas, &f->mt, first, last);
	arm(f);
	if (kind / 16 % 4 == 3) {
		ret = mtree_store_range(&f->mt, first, last, entry, GFP_KERNEL);
	} else {
		mtree_lock(&f->mt);
		if (kind / 16 % 4 == 0)
			store_and_return_old(f, &mas, entry);
		else if (kind / 16 % 4 == 1)
			store_prepared(f, &mas, entry);
		else
			ret = mas_store_gfp(&mas, entry, GFP_KERNEL);
		mtree_unlock(&f->mt);
	}
	if (!went_through(f, ret))
		return;
	require(ret == 0);
	model_store(first, last, entry);
	if (kind / 16 % 4 != 3)
		check_on_range(&mas);
}

static void do_insert(struct fuzz *f)
{
	unsigned long first, last;
	unsigned int at;
	bool free;
	int ret;

	range(f, &first, &last);
	at = model_at(first);
	free = !model.range[at].entry && model.range[at].last >= last;
	arm(f);
	if (first == last)
		ret = mtree_insert(&f->mt, first, xa_mk_value(++f->value), GFP_KERNEL);
	else
		ret = mtree_insert_range(&f->mt, first, last, xa_mk_value(++f->value), GFP_KERNEL);
	if (!went_through(f, ret))
		return;
	require(ret == (free ? 0 : -EEXIST));
	if (free)
		model_store(first, last, xa_mk_value(f->value));
}

/* Erased through the cursor, or through the tree, which hides a zero entry but erases it. */
static void do_erase(struct fuzz *f, bool by_cursor)
{
	unsigned long index = key(f);
	unsigned int at = model_at(index);
	void *entry = model.range[at].entry, *got;
	MA_STATE(mas, &f->mt, index, index);

	arm(f);
	if (by_cursor) {
		mtree_lock(&f->mt);
		got = mas_erase(&mas);
		mtree_unlock(&f->mt);
	} else {
		got = mtree_erase(&f->mt, index);
	}
	if (!got && entry && !went_through(f, -ENOMEM))
		return;
	disarm();
	require(got == entry);
	if (entry)
		model_store(model_begin(at), model.range[at].last, NULL);
}

/* What the normal interface shows of an entry. */
static void *visible(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

static void do_walk(struct fuzz *f)
{
	unsigned long index = key(f);
	unsigned int at = model_at(index);
	MA_STATE(mas, &f->mt, index, index);

	require(mtree_load(&f->mt, index) == visible(model.range[at].entry));
	mtree_lock(&f->mt);
	require(mas_walk(&mas) == model.range[at].entry);
	mtree_unlock(&f->mt);
	require(mas.index == model_begin(at) && mas.last == model.range[at].last);
}

/* A tree without nodes has states of its own: an entry that comes back is the one at 0. */
static void step_without_nodes(struct fuzz *f, struct ma_state *mas, enum step step, unsigned long limit)
{
	void *entry = mas_step(mas, step, limit);

	require(!entry || (entry == model.range[0].entry && !mas->index && !mas->last));
	require(entry || mas->status != ma_active);
}

/* Other ranges change, or the same one's entry does: the cursor must find its place again. */
static void write_beside(struct fuzz *f, unsigned int at)
{
	void *entry = xa_mk_value(++f->value);

	if (!model.range[at].entry)
		return;
	require(mas_store_gfp(&(struct ma_state){ .tree = &f->mt,
				      .index = model_begin(at),
				      .last = model.range[at].last,
				      .status = ma_start },
			entry, GFP_KERNEL) == 0);
	model.range[at].entry = entry;
}

static void do_cursor(struct fuzz *f)
{
	unsigned long k = key(f);
	struct cursor c = { ma_start, k, k };
	MA_STATE(mas, &f->mt, k, k);

	mtree_lock(&f->mt);
	for (unsigned int steps = byte(f) % 32; steps; steps--) {
		unsigned int kind = byte(f);
		enum step step = kind % STEPS;
		bool up = step == NEXT || step == NEXT_RANGE || step == FIND || step == FIND_RANGE;
		unsigned long limit = kind & 8 ? key(f) : up ? ULONG_MAX : 0;

		if (!mt_height(&f->mt)) {
			step_without_nodes(f, &mas, step, limit);
			continue;
		}
		if ((kind & 0x30) == 0x10 && c.status != ma_start) {
			mas_pause(&mas);
			c.status = ma_pause;
		} else if ((kind & 0x30) == 0x20) {
			write_beside(f, model_at(kind & 0x40 ? c.index : key(f)));
		} else if ((kind & 0x70) == 0x70) {
			k = key(f);
			c = (struct cursor){ ma_start, k, k };
			mas_set(&mas, k);
		}
		require(mas_step(&mas, step, limit) == cursor_step(&c, step, limit));
		require(mas.status == c.status);
		require(mas.index == c.index && mas.last == c.last);
	}
	mtree_unlock(&f->mt);
}

/* mt_find(), mt_next() and mt_prev(): the nearest entry, zero entries hidden. */
static void do_find(struct fuzz *f)
{
	unsigned long index = key(f), limit = key(f), from = index;
	unsigned int at = model_at(index), up = at, down = at;
	void *entry;

	while (up < model.nr && model_begin(up) <= limit && !visible(model.range[up].entry))
		up++;
	entry = up < model.nr && index <= limit && model_begin(up) <= limit ? model.range[up].entry : NULL;
	require(mt_find(&f->mt, &index, limit) == entry);
	require(index == (entry ? model.range[up].last + 1 : from));
	if (index == 0 && entry)
		require(!mt_find_after(&f->mt, &index, ULONG_MAX));
	for (up = at + 1; up < model.nr && !model.range[up].entry;)
		up++;
	entry = up < model.nr && from < limit && model_begin(up) <= limit ? model.range[up].entry : NULL;
	if (mt_height(&f->mt))
		require(mt_next(&f->mt, from, limit) == visible(entry));
	do
		down--;
	while (down < at && !model.range[down].entry);
	entry = down < at && from > limit && model.range[down].last >= limit ? model.range[down].entry : NULL;
	if (mt_height(&f->mt))
		require(mt_prev(&f->mt, from, limit) == visible(entry));
}

/* The offset of the nearest range with an entry from @at on, upwards or downwards, or MODEL_MAX; zero entries count. */
static unsigned int entry_near(unsigned int at, unsigned int step)
{
	while (at < model.nr && !model.range[at].entry)
		at += step;
	return at < model.nr ? at : MODEL_MAX;
}

static void *entry_or_null(unsigned int at)
{
	return at < MODEL_MAX ? model.range[at].entry : NULL;
}

/* mt_look() and mt_look_around(). */
static void do_look(struct fuzz *f)
{
	unsigned long index = key(f), limit = key(f);
	unsigned int at = model_at(index), here = entry_near(at, 1);
	void *entry = entry_or_null(here), *before, *after,
	     *next = entry ? entry_or_null(entry_near(here + 1, 1)) : NULL;

	require(mt_look(&f->mt, index, limit) ==
		(entry && index <= limit && model_begin(here) <= limit ? entry : NULL));
	require(mt_look_around(&f->mt, index, &before, limit & 1 ? &after : NULL) == entry);
	require(before == entry_or_null(entry_near(at - 1, -1U)));
	require(!(limit & 1) || after == next);
}

static void do_gap(struct fuzz *f)
{
	unsigned long a = key(f), b = key(f), size = length(f), expected = 0, found = 0;
	unsigned long min = a < b ? a : b, max = a < b ? b : a;
	unsigned int kind = byte(f);
	bool highest = kind & 1, senseless = max - min < size - 1;
	MA_STATE(mas, &f->mt, 0, 0);
	int ret, wanted;

	wanted = senseless || !(f->mt.ma_flags & MT_FLAGS_ALLOC_RANGE)
			 ? -EINVAL
			 : model_gap(min, max, size, highest, &expected);
	arm(f);
	if (kind & 2) {
		void *entry = xa_mk_value(++f->value);

		ret = highest ? mtree_alloc_rrange(&f->mt, &found, entry, size, min, max, GFP_KERNEL)
			      : mtree_alloc_range(&f->mt, &found, entry, size, min, max, GFP_KERNEL);
		if (went_through(f, ret) && ret == 0)
			model_store(expected, expected + size - 1, entry);
	} else {
		mtree_lock(&f->mt);
		ret = highest ? mas_empty_area_rev(&mas, min, max, size)
			      : mas_empty_area(&mas, min, max, size);
		mtree_unlock(&f->mt);
		disarm();
		found = mas.index;
		require(ret || mas.last == found + size - 1);
	}
	require(ret == wanted || ret == -ENOMEM);
	require(ret || found == expected);
}

static void do_alloc_cyclic(struct fuzz *f)
{
	unsigned long low = key(f), high = key(f), next = f->cyclic, from = next > low ? next : low, at = 0;
	unsigned long expected = 0, found = 0;
	void *entry = xa_mk_value(++f->value);
	int ret, wanted = -EINVAL;

	if (f->mt.ma_flags & MT_FLAGS_ALLOC_RANGE) {
		wanted = from <= high ? model_gap(from, high, 1, false, &expected) : -EINVAL;
		if (wanted < 0 && from > low)
			wanted = low <= high ? model_gap(low, high, 1, false, &expected) : -EINVAL;
	}
	arm(f);
	ret = mtree_alloc_cyclic(&f->mt, &found, entry, low, high, &f->cyclic, GFP_KERNEL);
	if (!went_through(f, ret))
		return;
	require(ret < 0 ? ret == wanted && f->cyclic == next : wanted == 0);
	if (ret < 0)
		return;
	at = found;
	require(at == expected && f->cyclic == at + 1);
	require(ret == 1 || at >= from);
	model_store(at, at, entry);
}

static void do_dup(struct fuzz *f)
{
	struct maple_tree copy = MTREE_INIT(copy, f->mt.ma_flags);
	const char *reason;
	int ret;

	arm(f);
	ret = mtree_dup(&f->mt, &copy, GFP_KERNEL);
	if (went_through(f, ret)) {
		require(ret == 0);
		require(mt_check(&copy, &reason));
		check_content(&copy);
		if (!mtree_empty(&f->mt))
			require(mtree_dup(&f->mt, &copy, GFP_KERNEL) == -EINVAL);
	}
	mtree_destroy(&copy);
	require(mtree_empty(&copy));
}

static void count_line(void *ctx, const char *line)
{
	*(unsigned long *)ctx += line[0] != '\0';
}

/* Statistics beside the model, and every kind of dump: a line for each node and range. */
static void do_inspect(struct fuzz *f)
{
	unsigned long entries = 0, gaps = 0, lines = 0, drawn = 0, pictured = 0;
	enum mt_dump_format format = byte(f) & 1 ? mt_dump_hex : mt_dump_dec;
	struct mt_stats stats;

	for (unsigned int i = 0; i < model.nr; i++) {
		entries += model.range[i].entry != NULL;
		gaps += !model.range[i].entry;
	}
	mt_statistics(&f->mt, &stats);
	require(stats.entries == entries && stats.height == mt_height(&f->mt));
	require(!stats.height || stats.gaps == gaps);
	mt_dump_text(&f->mt, format, count_line, &lines);
	mt_dump_dot(&f->mt, format, count_line, &drawn);
	mt_dump_svg(&f->mt, format, count_line, &pictured);
	require(pictured >= 4 + stats.leaves + stats.inner_nodes);
	require(!stats.height || lines == 1 + stats.leaves + stats.inner_nodes + model.nr);
	require(drawn >= 3 + stats.leaves + stats.inner_nodes || !stats.height);
	mt_validate(&f->mt);
}

/* Many areas at once, up or down: so many, so wide, so far apart. */
static void do_fill(struct fuzz *f)
{
	unsigned int kind = byte(f), count = (1 + byte(f)) * (kind & 1 ? 8 : 1), stride = 1 + byte(f) % 8;
	unsigned long from = word(f) >> 1;

	for (unsigned int i = 0; i < count && model.nr < RANGES_MAX; i++) {
		unsigned long k = from + (kind & 2 ? count - i : i) * stride;
		unsigned long first = key_of(f, k), last = key_of(f, k + (kind & 4 ? stride : 1)) - 1;
		void *entry = kind & 8 ? NULL : xa_mk_value(++f->value);

		if (last < first)
			last = first;
		require(mtree_store_range(&f->mt, first, last, entry, GFP_KERNEL) == 0);
		model_store(first, last, entry);
	}
}

/* Every so manyth range from a key on is erased, or given another entry. */
static void do_thin(struct fuzz *f)
{
	unsigned int i = model_at(key(f)), count = byte(f), every = 1 + byte(f) % 8;
	bool erase = byte(f) & 1;

	for (; count && i < model.nr; count--, i += every) {
		unsigned long first = model_begin(i), last = model.range[i].last;
		void *entry = erase ? NULL : xa_mk_value(++f->value);

		if (!model.range[i].entry)
			continue;
		require(mtree_store_range(&f->mt, first, last, entry, GFP_KERNEL) == 0);
		model_store(first, last, entry);
	}
}

/* What is refused changes nothing. */
static void do_refused(struct fuzz *f)
{
	unsigned long k = key(f), found;
	void *reserved = (void *)(k % 1024 << 2 | 2);
	MA_STATE(mas, &f->mt, 2, 1);

	if (xa_is_zero(reserved))
		return;
	require(mtree_store(&f->mt, k, reserved, GFP_KERNEL) == -EINVAL);
	require(mtree_insert(&f->mt, k, reserved, GFP_KERNEL) == -EINVAL);
	require(mtree_store_range(&f->mt, 2, 1, NULL, GFP_KERNEL) == -EINVAL);
	require(mtree_insert_range(&f->mt, 2, 1, xa_mk_value(1), GFP_KERNEL) == -EINVAL);
	require(mtree_alloc_range(&f->mt, &found, reserved, 1, 0, k, GFP_KERNEL) == -EINVAL);
	require(mtree_alloc_cyclic(&f->mt, &found, reserved, 0, k, &found, GFP_KERNEL) == -EINVAL);
	require(mtree_alloc_range(&f->mt, &found, NULL, 1, 1, 0, GFP_KERNEL) == -EINVAL);
	require(mtree_alloc_rrange(&f->mt, &found, NULL, 0, 0, k, GFP_KERNEL) == -EINVAL);
	mtree_lock(&f->mt);
	(void)mas_store(&mas, NULL);
	mtree_unlock(&f->mt);
	require(mas_is_err(&mas) && mas.error == -EINVAL && !mas_nomem(&mas, GFP_KERNEL));
	for (enum step step = NEXT; step < STEPS; step++)
		require(!mas_step(&mas, step, step == PREV || step == PREV_RANGE ? 0 : 5));
}

static void do_mode(struct fuzz *f)
{
	mtree_lock(&f->mt);
	if (mt_in_rcu(&f->mt))
		mt_clear_in_rcu(&f->mt);
	else
		mt_set_in_rcu(&f->mt);
	mtree_unlock(&f->mt);
}

static void do_destroy(struct fuzz *f)
{
	mtree_destroy(&f->mt);
	require(mtree_empty(&f->mt));
	model_init();
}

static void do_one(struct fuzz *f)
{
	switch (byte(f) % 32) {
	case 0 ... 7:
		return do_store(f);
	case 8 ... 9:
		return do_insert(f);
	case 10 ... 11:
		return do_erase(f, f->value & 1);
	case 12:
		return do_walk(f);
	case 13 ... 15:
		return do_cursor(f);
	case 16:
		do_look(f);
		return do_find(f);
	case 17 ... 19:
		return do_gap(f);
	case 20:
		return do_alloc_cyclic(f);
	case 21:
		return do_dup(f);
	case 22:
		return do_inspect(f);
	case 23 ... 24:
		return do_fill(f);
	case 25 ... 26:
		return do_thin(f);
	case 27:
		return do_refused(f);
	case 28:
		return do_mode(f);
	case 29:
		f->cyclic = key(f);
		return;
	case 30:
		f->armed = 1 + byte(f) % 16;
		return;
	default:
		if (byte(f) == 0) /* seldom: it takes much away */
			do_destroy(f);
	}
}

static void begin(struct fuzz *f)
{
	unsigned int flags = byte(f), kind = byte(f);

	f->keys = kind % KEYS;
	mt_init_flags(&f->mt, (flags & 1 ? MT_FLAGS_ALLOC_RANGE : 0) | (flags & 2 ? MT_FLAGS_USE_RCU : 0) |
				      (flags & 12 ? 0 : MT_FLAGS_LOCK_EXTERN));
	if (!mt_search_select(kind / KEYS % (MT_SEARCH_NEON + 1)))
		(void)mt_search_select(MT_SEARCH_SCALAR);
	model_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool installed;
	struct fuzz f = { .at = data, .end = data + size };
	unsigned long done = 0;

	if (!installed) {
		vmaple_rcu_register_thread();
		failing_port_install();
		installed = true;
	}
	begin(&f);
	while (f.at < f.end && model.nr < RANGES_MAX) {
		do_one(&f);
		if (done++ % (1 + model.nr / 16) == 0)
			check_valid(&f);
	}
	disarm();
	check_valid(&f);
	check_content(&f.mt);
	mtree_destroy(&f.mt);
	return 0;
}
