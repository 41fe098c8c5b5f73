/* SPDX-License-Identifier: MIT */
/*
 * Range maps against brute force: an array with a payload's number and bits for each index.
 *
 * Random calls are made on both. Of each the model foretells the result and every callback, in order; afterwards the
 * map is compared where the call can have changed it, and searched, and now and then compared from end to end and
 * validated. A split is refused now and then, and then nothing may have changed. Both ends of the 64-bit space are
 * tried; maps with and without owners of payloads, with and without readers; tombstones, limits, classes.
 *
 * Between calls model and trial are equal; that a call changes the trial within its reach alone is checked where the
 * whole map is compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "random.h"
#include "range_map_world.h"

#define SPACE 1200UL

/* What lies at each index, and what is expected of the callbacks. */
struct model {
	uint32_t id[SPACE], value[SPACE];
	uint32_t tomb[SPACE]; /* the number of the tombstone there; id is 0 then */
	uint8_t bits[SPACE];
	uint32_t next_id;
	int refuse, err;
	unsigned int nr_events;
	struct event events[EVENTS];
};

static struct world world;
static struct model model, trial; /* as it is; as it will be if the call succeeds */
static uint64_t base, most_ranges, most_covered;
static uint32_t tombstones; /* so far: no two have one number, or neighbours would be one */
static bool plain;          /* payloads are numbers: both parts of a cut keep theirs */
static unsigned long
	recent; /* where the call before was: every second one is beside it, as a program's are */
static bool equals, at_once; /* few numbers, and neighbours with the same are one, which nobody is told */

static bool same_range(const struct model *m, unsigned long a, unsigned long b)
{
	return m->id[a] == m->id[b];
}

static unsigned long begin_of(const struct model *m, unsigned long at)
{
	while (at > 0 && same_range(m, at - 1, at))
		at--;
	return at;
}

static unsigned long end_of(const struct model *m, unsigned long at)
{
	while (at + 1 < SPACE && same_range(m, at + 1, at))
		at++;
	return at;
}

static void expect(struct model *m, enum event_kind kind, unsigned long first, unsigned long last,
	uint64_t at, uint64_t id, uint64_t other)
{
	if (equals || (plain && kind != MERGE))
		return;
	m->events[m->nr_events++] = (struct event){ kind, base + first, base + last, at, id, other };
}

static void model_cut(struct model *m, unsigned long at)
{
	unsigned long last;

	if (m->err || at == 0 || at >= SPACE || !m->id[at] || !same_range(m, at - 1, at))
		return;
	last = end_of(m, at);
	expect(m, SPLIT, begin_of(m, at), last, base + at, m->id[at], 0);
	if (!plain && m->refuse && --m->refuse == 0) {
		m->err = -EPERM;
		return;
	}
	m->next_id++;
	for (unsigned long i = at; i <= last; i++) {
		m->id[i] = m->next_id;
		m->value[i] = plain ? m->value[i] : m->next_id;
	}
}

/* Both cuts; what the first has made is freed when the second is refused. */
static void model_cuts(struct model *m, unsigned long first, unsigned long last, bool lower, bool upper)
{
	uint32_t made = m->next_id;

	if (lower)
		model_cut(m, first);
	made = m->next_id != made ? m->next_id : 0;
	if (m->err || !upper)
		return;
	model_cut(m, last + 1);
	if (m->err && made)
		expect(m, FREE, first, end_of(m, first), 0, made, 0);
}

static void model_free(struct model *m, unsigned long first, unsigned long last)
{
	for (unsigned long i = first, end; i <= last; i = end + 1) {
		end = end_of(m, i);
		if (m->id[i])
			expect(m, FREE, i, end, 0, m->id[i], 0);
	}
	for (unsigned long i = first; i <= last; i++)
		m->id[i] = m->bits[i] = 0;
}

static bool model_may_merge(const struct model *m, unsigned long left, unsigned long right)
{
	if (equals)
		return m->bits[left] == m->bits[right] && m->value[left] == m->value[right];
	return bits_may_merge(m->bits[left], m->bits[right]);
}

static void model_merge(struct model *m, unsigned long at)
{
	unsigned long last;

	if (at == 0 || at >= SPACE || !m->id[at - 1] || !m->id[at] || same_range(m, at - 1, at) ||
		!model_may_merge(m, at - 1, at))
		return;
	last = end_of(m, at);
	expect(m, MERGE, begin_of(m, at - 1), last, base + at, m->value[at - 1], m->value[at]);
	for (unsigned long i = at; i <= last; i++) {
		m->id[i] = m->id[at - 1];
		m->value[i] = m->value[at - 1];
	}
}

static uint64_t count_ranges(const struct model *m)
{
	uint64_t ranges = 0;

	for (unsigned long i = 0; i < SPACE; i++)
		ranges += m->id[i] && (i == 0 || !same_range(m, i - 1, i));
	return ranges;
}

static uint64_t count_covered(const struct model *m, unsigned long first, unsigned long last)
{
	uint64_t covered = 0;

	for (unsigned long i = first; i <= last; i++)
		covered += m->id[i] != 0;
	return covered;
}

static bool cuts_at(const struct model *m, unsigned long at)
{
	return at > 0 && at < SPACE && m->id[at] && same_range(m, at - 1, at);
}

/* Is the call, which leaves @more ranges more and covers @covered, beyond a limit? */
static bool too_many(struct model *m, uint64_t more, uint64_t covered)
{
	if ((most_ranges && (int64_t)more > 0 && count_ranges(m) + more > most_ranges) ||
		(most_covered && covered && (int64_t)covered > 0 &&
			count_covered(m, 0, SPACE - 1) + covered > most_covered))
		m->err = -ENOSPC;
	return m->err != 0;
}

/* How many ranges more there are when those in [first, last] are gone. */
static uint64_t without(const struct model *m, unsigned long first, unsigned long last)
{
	uint64_t more = (uint64_t)cuts_at(m, first) + cuts_at(m, last + 1);

	for (unsigned long i = first; i <= last; i = end_of(m, i) + 1)
		more -= m->id[i] != 0;
	return more;
}

/* What a range with this number is given. */
static uint32_t value_of(uint32_t id)
{
	return equals ? id % 2 : id;
}

static void model_set(struct model *m, unsigned long first, unsigned long last, uint32_t id, uint8_t bits)
{
	if (too_many(m, without(m, first, last) + 1, last - first + 1 - count_covered(m, first, last)))
		return;
	model_cuts(m, first, last, true, true);
	if (m->err)
		return;
	model_free(m, first, last);
	for (unsigned long i = first; i <= last; i++) {
		m->id[i] = id;
		m->value[i] = value_of(id);
		m->bits[i] = bits;
	}
	model_merge(m, first);
	model_merge(m, last + 1);
}

static void model_erase(struct model *m, unsigned long first, unsigned long last, bool limited)
{
	if (limited && too_many(m, without(m, first, last), 0))
		return;
	model_cuts(m, first, last, true, true);
	if (!m->err)
		model_free(m, first, last);
}

static void model_isolate(struct model *m, unsigned long first, unsigned long last, bool lower, bool upper)
{
	uint64_t cuts = (uint64_t)(lower && cuts_at(m, first)) + (upper && cuts_at(m, last + 1));

	if (!cuts || !too_many(m, cuts, 0))
		model_cuts(m, first, last, lower, upper);
}

static void model_update(struct model *m, unsigned long first, unsigned long last, uint8_t set, uint8_t clear)
{
	bool lower = ((m->bits[first] & ~clear) | set) != m->bits[first];
	bool upper = ((m->bits[last] & ~clear) | set) != m->bits[last];
	bool met = false;

	for (unsigned long i = first; i <= last; i++)
		met |= m->id[i] != 0;
	if (!met)
		return;
	model_isolate(m, first, last, lower, upper);
	if (m->err)
		return;
	for (unsigned long i = first; i <= last; i++)
		if (m->id[i])
			m->bits[i] = (uint8_t)((m->bits[i] & ~clear) | set);
	for (unsigned long i = first; i <= last + 1; i++)
		model_merge(m, i);
}

static void check_events(void)
{
	assert_int_equal(world.nr_events, trial.nr_events);
	for (unsigned int i = 0; i < trial.nr_events; i++) {
		const struct event *is = &world.events[i], *should = &trial.events[i];

		assert_int_equal(is->kind, should->kind);
		assert_int_equal(is->first, should->first);
		assert_int_equal(is->last, should->last);
		assert_int_equal(is->at, should->at);
		assert_int_equal(is->id, should->id);
		assert_int_equal(is->other, should->other);
	}
}

static void check_range(const struct range_map_range *range, unsigned long at)
{
	assert_int_equal(range->first - base, begin_of(&model, at));
	assert_int_equal(range->last - base, end_of(&model, at));
	assert_int_equal(plain ? (uintptr_t)range->value : payload_id(range->value), model.value[at]);
	assert_int_equal(range->bits, model.bits[at]);
}

static void check_classes(void)
{
	struct range_map_class sums[RANGE_MAP_CLASSES] = { 0 };

	for (unsigned long i = 0; i < SPACE; i++) {
		if (!model.id[i])
			continue;
		sums[plain ? 0 : model.bits[i]].covered++;
		sums[plain ? 0 : model.bits[i]].ranges += i == 0 || !same_range(&model, i - 1, i);
	}
	for (unsigned int class_nr = 0; class_nr < RANGE_MAP_CLASSES; class_nr++) {
		struct range_map_class sum = range_map_count_class(&world.map, class_nr);

		assert_int_equal(sum.covered, sums[class_nr].covered);
		assert_int_equal(sum.ranges, sums[class_nr].ranges);
	}
}

/* What lies at indexes [first, last], and the left neighbour. */
static void check_near(unsigned long first, unsigned long last)
{
	unsigned long at = first > 0 ? first - 1 : 0;
	struct range_map_cursor cursor = range_map_from(base + at);
	struct range_map_range range;

	while (at <= last) {
		if (!model.id[at]) {
			at++;
			continue;
		}
		assert_true(range_map_next(&world.map, &cursor, &range));
		check_range(&range, at);
		at = end_of(&model, at) + 1;
	}
}

static void check_all(void)
{
	struct range_map_cursor cursor = range_map_from(0);
	struct range_map_range range;
	const char *reason;
	uint64_t ranges = 0;

	assert_memory_equal(&model, &trial, offsetof(struct model, next_id));
	if (!range_map_validate(&world.map, &reason))
		fail_msg("broken: %s", reason);
	for (unsigned long i = 0; i < SPACE; i = end_of(&model, i) + 1) {
		if (!model.id[i])
			continue;
		assert_true(range_map_next(&world.map, &cursor, &range));
		check_range(&range, i);
		ranges++;
	}
	assert_false(range_map_next(&world.map, &cursor, &range));
	assert_int_equal(ranges, range_map_count(&world.map).ranges);
	assert_true(plain || ranges == world.live);
	check_classes();
}

static void check_looks(struct random *random)
{
	unsigned long at = random_below(random, SPACE), i = at, last, bad;
	uint64_t bits = random_below(random, 4), where = 0;
	struct range_map_range range;

	assert_int_equal(range_map_find(&world.map, base + at, &range), model.id[at] != 0);
	if (model.id[at])
		check_range(&range, at);
	assert_int_equal(range_map_lookup(&world.map, base + at, &range), model.id[at] != 0);
	if (model.id[at])
		check_range(&range, at);
	while (i < SPACE && !model.id[i])
		i++;
	assert_int_equal(range_map_first(&world.map, base + at, &range), i < SPACE);
	if (i < SPACE)
		check_range(&range, i);
	for (i = begin_of(&model, at); i > 0 && !model.id[i - 1];)
		i--;
	assert_int_equal(range_map_previous(&world.map, base + at, &range), i > 0);
	if (i > 0)
		check_range(&range, i - 1);
	last = at + random_below(random, SPACE - at < 20 ? SPACE - at : 20);
	for (bad = at; bad <= last && model.id[bad] && (model.bits[bad] & bits) == bits;)
		bad++;
	assert_int_equal(range_map_covered(&world.map, base + at, base + last, bits, &where), bad > last);
	if (bad <= last) /* no later than that, and in the same range or hole */
		assert_true(
			where == base + bad || (where < base + bad && where >= base + begin_of(&model, bad)));
}

/* How many indexes from each on are free. */
static unsigned int room_at[SPACE];

static void count_room(void)
{
	unsigned int room = 0;

	for (unsigned long i = SPACE; i-- > 0;)
		room_at[i] = room = model.id[i] || model.tomb[i] ? 0 : room + 1;
}

static bool free_at(unsigned long at, unsigned long size, uint64_t align, uint64_t min, uint64_t max)
{
	return room_at[at] >= size && !((base + at) & (align - 1)) && base + at >= min && base + at <= max &&
	       max - (base + at) >= size - 1;
}

#define WINDOWS 3

static bool meets(const struct range_map_window *windows, size_t nr, uint64_t at, uint64_t size)
{
	for (size_t i = 0; i < nr; i++)
		if (windows[i].min <= at + (size - 1) && at <= windows[i].max)
			return true;
	return false;
}

/* Every index of every window is tried. */
static bool model_search(const struct range_map_search *s, uint64_t *at)
{
	bool any = false;

	for (size_t w = 0; w < s->nr_windows && (!any || s->order == RANGE_MAP_NEAREST); w++) {
		for (unsigned long i = s->windows[w].min - base; i <= s->windows[w].max - base; i++) {
			uint64_t here = base + i;
			uint64_t far = here < s->hint ? s->hint - here : here - s->hint;
			uint64_t best = !any ? 0 : *at < s->hint ? s->hint - *at : *at - s->hint;

			if (!free_at(i, s->size, s->align, s->windows[w].min, s->windows[w].max) ||
				meets(s->excluded, s->nr_excluded, here, s->size))
				continue;
			if (!any || s->order == RANGE_MAP_HIGHEST ||
				(s->order == RANGE_MAP_NEAREST &&
					(far < best || (far == best && here < *at))))
				*at = here;
			any = true;
		}
	}
	return any;
}

static void fill_windows(struct random *random, struct range_map_window *windows, unsigned long longest)
{
	for (unsigned int i = 0; i < WINDOWS; i++) {
		windows[i].min = base + random_below(random, SPACE);
		windows[i].max = windows[i].min + random_below(random, longest);
		if (windows[i].max < windows[i].min || windows[i].max > base + SPACE - 1)
			windows[i].max = base + SPACE - 1;
	}
}

static void check_searches(struct random *random)
{
	struct range_map_window windows[WINDOWS], excluded[WINDOWS];
	struct range_map_search search = { .size = 1 + random_below(random, 12),
		.align = 1UL << random_below(random, 3),
		.order = (enum range_map_order)random_below(random, 3),
		.hint = base + random_below(random, SPACE),
		.windows = windows,
		.nr_windows = 1 + random_below(random, WINDOWS),
		.excluded = excluded,
		.nr_excluded = random_below(random, WINDOWS + 1) };
	uint64_t at = 0, should = 0;
	bool any;

	fill_windows(random, windows, 400);
	fill_windows(random, excluded, 60);
	any = model_search(&search, &should);
	assert_int_equal(range_map_search(&world.map, &search, &at), any ? 0 : -ENOSPC);
	assert_true(!any || at == should);
}

static unsigned long distance(unsigned long a, unsigned long b)
{
	return a < b ? b - a : a - b;
}

static void check_rooms(struct random *random)
{
	unsigned long lo = random_below(random, SPACE), hi = lo + random_below(random, SPACE - lo);
	unsigned long hint = random_below(random, SPACE), lowest = SPACE, highest = SPACE, nearest = SPACE;
	uint64_t at, size = 1 + random_below(random, random_below(random, 4) ? 6 : 60);
	uint64_t align = 1UL << random_below(random, 4);
	struct range_map_room room = { size, align, base + lo, base + hi };

	for (unsigned long i = lo; i <= hi; i++) {
		if (!free_at(i, size, align, room.min, room.max))
			continue;
		if (lowest == SPACE)
			lowest = i;
		highest = i;
		if (nearest == SPACE || distance(i, hint) < distance(nearest, hint))
			nearest = i;
	}
	assert_int_equal(range_map_lowest(&world.map, &room, &at), lowest == SPACE ? -ENOSPC : 0);
	assert_true(lowest == SPACE || at == base + lowest);
	assert_int_equal(range_map_highest(&world.map, &room, &at), lowest == SPACE ? -ENOSPC : 0);
	assert_true(lowest == SPACE || at == base + highest);
	assert_int_equal(
		range_map_nearest(&world.map, &room, base + hint, &at), lowest == SPACE ? -ENOSPC : 0);
	assert_true(lowest == SPACE || at == base + nearest);
}

static bool any_in(unsigned long first, unsigned long last)
{
	for (unsigned long i = first; i <= last; i++)
		if (model.id[i] || model.tomb[i])
			return true;
	return false;
}

static bool tomb_in(unsigned long first, unsigned long last)
{
	for (unsigned long i = first; i <= last; i++)
		if (model.tomb[i])
			return true;
	return false;
}

static int step_unmap(struct random *random, unsigned long first, unsigned long last)
{
	if (random_below(random, 2) || !model.tomb[first]) {
		if (tomb_in(first, last)) {
			trial.err = -EBUSY;
		} else {
			model_erase(&trial, first, last, false);
			tombstones++;
			for (unsigned long i = first; i <= last && !trial.err; i++)
				trial.tomb[i] = tombstones;
		}
		return range_map_unmap_begin(&world.map, base + first, base + last);
	}
	while (first > 0 && model.tomb[first - 1] == model.tomb[first])
		first--;
	for (last = first; last + 1 < SPACE && model.tomb[last + 1] == model.tomb[first];)
		last++;
	if (last > first && random_below(random, 4) == 0) {
		assert_int_equal(range_map_unmap_finish(&world.map, base + first, base + last - 1), -ENOENT);
		assert_int_equal(range_map_unmap_finish(&world.map, base + first + 1, base + last), -ENOENT);
	}
	for (unsigned long i = first; i <= last; i++)
		trial.tomb[i] = 0;
	return range_map_unmap_finish(&world.map, base + first, base + last);
}

static int step_set(struct random *random, unsigned long first, unsigned long last, bool where_empty)
{
	struct payload *payload = plain ? NULL : payload_new(&world);
	void *value = plain ? (void *)(uintptr_t)value_of((uint32_t)++world.next_id) : payload;
	uint8_t bits = (uint8_t)random_below(random, 4);
	int err;

	trial.next_id = (uint32_t)world.next_id;
	if (where_empty && any_in(first, last))
		trial.err = -EEXIST;
	else if (tomb_in(first, last))
		trial.err = -EBUSY;
	else
		model_set(&trial, first, last, (uint32_t)world.next_id, bits);
	err = (where_empty ? range_map_set_empty : range_map_set)(
		&world.map, base + first, base + last, value, bits);
	if (err && payload)
		payload_end(&world, payload);
	return err;
}

static int step_change(struct random *random, unsigned long first, unsigned long last)
{
	uint8_t set = (uint8_t)random_below(random, 4), clear = (uint8_t)random_below(random, 4);
	unsigned int kind = (unsigned int)random_below(random, at_once ? 10 : 11);

	if (kind > 4 && kind < 9 && tomb_in(first, last))
		trial.err = -EBUSY;
	switch (kind) {
	case 0 ... 3:
		return step_set(random, first, last, false);
	case 4:
		return step_set(random, first, last, true);
	case 5 ... 6:
		if (!trial.err)
			model_erase(&trial, first, last, any_in(first, last));
		return range_map_erase(&world.map, base + first, base + last);
	case 7:
		if (!trial.err)
			model_update(&trial, first, last, set, clear);
		return range_map_update(&world.map, base + first, base + last, set, clear);
	case 8:
		if (!trial.err)
			model_isolate(&trial, first, last, true, true);
		return range_map_isolate(&world.map, base + first, base + last);
	case 9:
		if (model.id[first])
			model_isolate(&trial, first, first, true, false);
		else
			trial.err = -ENOENT;
		return range_map_split(&world.map, base + first);
	default:
		return step_unmap(random, first, last);
	}
}

/* What a call for [*first, *last] can change: the rest of what its end lies in or beside, and what is going. */
static void reach(unsigned long *first, unsigned long *last)
{
	const uint32_t tomb = model.tomb[*first];

	if (*last + 1 < SPACE)
		*last = model.id[*last + 1] ? end_of(&model, *last + 1) : *last + 1;
	while (tomb && *last + 1 < SPACE && model.tomb[*last + 1] == tomb)
		++*last;
	while (tomb && *first > 0 && model.tomb[*first - 1] == tomb)
		--*first;
}

static void copy_cells(struct model *to, const struct model *from, unsigned long first, unsigned long last)
{
	const size_t count = last - first + 1;

	memcpy(to->id + first, from->id + first, count * sizeof(to->id[0]));
	memcpy(to->value + first, from->value + first, count * sizeof(to->value[0]));
	memcpy(to->tomb + first, from->tomb + first, count * sizeof(to->tomb[0]));
	memcpy(to->bits + first, from->bits + first, count * sizeof(to->bits[0]));
}

static bool has_changed(unsigned long first, unsigned long last)
{
	for (unsigned long i = first; i <= last; i++)
		if (model.id[i] != trial.id[i] || model.value[i] != trial.value[i] ||
			model.tomb[i] != trial.tomb[i] || model.bits[i] != trial.bits[i])
			return true;
	return false;
}

static void step(struct random *random, unsigned long longest)
{
	unsigned long beside = (recent + SPACE - 5 + random_below(random, 11)) % SPACE;
	unsigned long first = random_below(random, 2) ? beside : random_below(random, SPACE);
	unsigned long length = 1 + random_below(random, longest);
	unsigned long last = first + length <= SPACE ? first + length - 1 : SPACE - 1, lowest = first,
		      highest = last;
	uint64_t generation;
	int err;

	recent = first;
	reach(&lowest, &highest);
	trial.next_id = (uint32_t)world.next_id;
	trial.nr_events = world.nr_events = 0;
	trial.err = 0;
	trial.refuse = world.refuse = random_below(random, 10) ? 0 : 1 + (int)random_below(random, 2);
	generation = range_map_generation(&world.map);
	assert_true(range_map_unchanged(&world.map, generation));
	err = step_change(random, first, last);
	world.next_id = plain && trial.next_id > world.next_id ? trial.next_id : world.next_id;
	assert_int_equal(err, trial.err);
	if (err)
		assert_true(range_map_unchanged(&world.map, generation));
	else if (world.map.view && has_changed(lowest, highest))
		assert_false(range_map_unchanged(&world.map, generation));
	check_events();
	if (err)
		copy_cells(&trial, &model, lowest, highest);
	else
		copy_cells(&model, &trial, lowest, highest);
	check_near(lowest, highest);
	world.refuse = 0;
}

/* How a run is made: payloads with owners, readers, limits, nothing that is unmapped in two steps. */
struct way {
	bool plain, equals, shared, limited, at_once;
};

static void run_at(uint64_t where, uint64_t seed, uint64_t operations, struct way way)
{
	struct random random = { seed };

	base = where;
	recent = 0;
	plain = way.plain || way.equals;
	equals = way.equals;
	at_once = way.at_once;
	most_ranges = way.limited ? 90 : 0;
	most_covered = way.limited ? SPACE / 2 : 0;
	memset(&world, 0, sizeof(world));
	memset(&model, 0, sizeof(model));
	memset(&trial, 0, sizeof(trial));
	range_map_init(&world.map, equals ? &equal_ops : plain ? &plain_ops : &world_ops, &world);
	range_map_limit(&world.map, most_ranges, most_covered);
	if (way.shared)
		assert_int_equal(range_map_share(&world.map), 0);
	for (uint64_t i = 0; i < operations && random_lasts(); i++) {
		/* Times of short ranges, many of them, and times in which long ones sweep them away. */
		step(&random, i / 3000 % 4 == 3 ? (random_below(&random, 20) ? 40 : SPACE) : 4);
		check_looks(&random);
		if (i % 8 == 0) {
			count_room();
			check_rooms(&random);
			check_searches(&random);
		}
		if (i % 64 == 0)
			check_all();
	}
	check_all();
	range_map_destroy(&world.map);
	assert_int_equal(world.live, 0);
}

#define NR_MODELS 64

#ifdef RANDOM_IS_INPUT /* fuzz/model.c */
/* Every way, at either end of the space. */
static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	run_at(which & 16 ? UINT64_MAX - SPACE + 1 : 0, seed, steps,
		(struct way){ .plain = which & 1,
			.equals = which & 2,
			.shared = which & 4,
			.limited = which & 8,
			.at_once = which & 32 });
}
#endif

static void run_both_ends(struct way way)
{
	uint64_t operations = test_operations(120000) / 8, seed = random_seed();

	run_at(0, seed, operations, way);
	run_at(UINT64_MAX - SPACE + 1, seed + 1, operations, way);
}

static void test_random_calls_do_what_the_model_says_with_owners(void **state)
{
	run_both_ends((struct way){ .plain = false });
	run_both_ends((struct way){ .plain = false, .limited = true });
}

static void test_random_calls_do_what_the_model_says_without_owners(void **state)
{
	run_both_ends((struct way){ .plain = true });
	run_both_ends((struct way){ .plain = true, .limited = true });
	run_both_ends((struct way){ .plain = true, .at_once = true });
}

static void test_random_calls_do_what_the_model_says_where_equals_are_one(void **state)
{
	run_both_ends((struct way){ .equals = true });
	run_both_ends((struct way){ .equals = true, .limited = true });
	run_both_ends((struct way){ .equals = true, .shared = true });
	run_both_ends((struct way){ .equals = true, .at_once = true });
	run_both_ends((struct way){ .equals = true, .limited = true, .at_once = true });
}

static void test_random_calls_do_what_the_model_says_of_a_shared_map_with_owners(void **state)
{
	run_both_ends((struct way){ .shared = true });
}

static void test_random_calls_do_what_the_model_says_of_a_shared_map_without_owners(void **state)
{
	run_both_ends((struct way){ .plain = true, .shared = true });
	run_both_ends((struct way){ .plain = true, .shared = true, .at_once = true });
}

static void test_the_whole_space_is_one_range(void **state)
{
	struct range_map_room room = { 1, 1, 0, UINT64_MAX };
	struct range_map_cursor cursor = range_map_from(0);
	struct range_map_range range;
	struct range_map map;
	uint64_t at = 7;

	range_map_init(&map, NULL, NULL);
	assert_int_equal(range_map_lowest(&map, &room, &at), 0);
	assert_int_equal(at, 0);
	assert_int_equal(range_map_highest(&map, &room, &at), 0);
	assert_true(at == UINT64_MAX);
	assert_int_equal(range_map_set(&map, 0, UINT64_MAX, NULL, 6), 0);
	assert_true(range_map_covered(&map, 0, UINT64_MAX, 2, NULL));
	assert_int_equal(range_map_nearest(&map, &room, 5, &at), -ENOSPC);
	assert_true(range_map_next(&map, &cursor, &range));
	assert_false(range_map_next(&map, &cursor, &range));
	assert_int_equal(range_map_erase(&map, 10, 19), 0);
	assert_int_equal(range_map_nearest(&map, &room, 500, &at), 0);
	assert_int_equal(at, 19);
	room.size = 10;
	assert_int_equal(range_map_lowest(&map, &room, &at), 0);
	assert_int_equal(at, 10);
	room.size = 11;
	assert_int_equal(range_map_lowest(&map, &room, &at), -ENOSPC);
	assert_int_equal(range_map_set(&map, 5, 4, NULL, 0), -EINVAL);
	room.size = 0;
	assert_int_equal(range_map_highest(&map, &room, &at), -EINVAL);
	range_map_destroy(&map);
}

/* So many ranges of ten indexes that they lie in several pieces; no two neighbours are alike. */
#define NEIGHBOURS 200UL

static void set_neighbour(struct range_map *map, uint64_t i, uint64_t bits)
{
	assert_int_equal(range_map_set(map, i * 10, i * 10 + 9, NULL, bits), 0);
}

static void make_neighbours(struct range_map *map)
{
	range_map_init(map, &equal_ops, NULL);
	for (uint64_t i = 0; i < NEIGHBOURS; i++)
		set_neighbour(map, i, 1 + i % 5);
	assert_true(range_map_count(map).pieces > 2);
}

/* Range @i, where the last look was, becomes one with the one at @with. */
static void check_that_they_join(uint64_t i, uint64_t with)
{
	struct range_map_range range;
	struct range_map map;
	const char *reason;

	make_neighbours(&map);
	assert_true(range_map_find(&map, i * 10, &range));
	set_neighbour(&map, i, 1 + with % 5);
	assert_int_equal(range_map_count(&map).ranges, NEIGHBOURS - 1);
	assert_true(range_map_find(&map, i * 10, &range));
	assert_int_equal(range.first, (i < with ? i : with) * 10);
	assert_int_equal(range.last, (i < with ? with : i) * 10 + 9);
	assert_true(range_map_validate(&map, &reason));
	range_map_destroy(&map);
}

/* The bound between range @i, where the last look was, and the one before it, or behind it, moves. */
static void check_that_the_bound_moves(uint64_t i, bool up)
{
	uint64_t first = i * 10 + (up ? 0 : 5), with = up ? i - 1 : i + 1;
	struct range_map_range range;
	struct range_map map;

	make_neighbours(&map);
	assert_true(range_map_find(&map, i * 10, &range));
	assert_int_equal(range_map_set(&map, first, first + 4, NULL, 1 + with % 5), 0);
	assert_true(range_map_find(&map, first, &range));
	assert_int_equal(range.first, up ? with * 10 : first);
	assert_int_equal(range.last, up ? first + 4 : with * 10 + 9);
	assert_true(range_map_find(&map, i * 10 + (up ? 5 : 0), &range));
	assert_int_equal(range.first, i * 10 + (up ? 5 : 0));
	assert_int_equal(range.last, i * 10 + (up ? 9 : 4));
	assert_int_equal(range_map_count(&map).ranges, NEIGHBOURS);
	range_map_destroy(&map);
}

static void test_what_was_found_joins_its_neighbours_wherever_they_lie(void **state)
{
	for (uint64_t i = 1; i < NEIGHBOURS; i++) {
		check_that_they_join(i, i - 1);
		check_that_they_join(i - 1, i);
		check_that_the_bound_moves(i, true);
		check_that_the_bound_moves(i - 1, false);
	}
}

/* In an order in which pieces become one. */
static void test_what_was_found_is_not_there_once_it_has_gone(void **state)
{
	struct range_map_range range;
	struct range_map map;
	const char *reason;

	make_neighbours(&map);
	for (uint64_t i = 0; i < NEIGHBOURS; i++) {
		uint64_t at = i * 37 % NEIGHBOURS * 10;

		assert_true(range_map_find(&map, at, &range));
		assert_int_equal(range_map_erase(&map, at, at + 9), 0);
		assert_true(range_map_validate(&map, &reason));
		assert_false(range_map_find(&map, at, &range));
	}
	assert_int_equal(range_map_count(&map).ranges, 0);
	range_map_destroy(&map);
}

/* A slot that has no range begins where no range does that ends before the last index. */
static void test_nothing_joins_what_has_gone_from_the_end(void **state)
{
	struct range_map_range range;
	struct range_map map;

	range_map_init(&map, &equal_ops, NULL);
	assert_int_equal(range_map_set(&map, 100, UINT64_MAX - 1, NULL, 2), 0);
	assert_int_equal(range_map_set(&map, UINT64_MAX, UINT64_MAX, NULL, 1), 0);
	assert_int_equal(range_map_erase(&map, UINT64_MAX, UINT64_MAX), 0);
	assert_true(range_map_find(&map, 200, &range));
	assert_int_equal(range_map_set(&map, 300, UINT64_MAX - 1, NULL, 1), 0);
	assert_true(range_map_find(&map, 400, &range));
	assert_true(range.first == 300 && range.last == UINT64_MAX - 1 && range.bits == 1);
	assert_false(range_map_find(&map, UINT64_MAX, &range));
	range_map_destroy(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_space_is_one_range),
		cmocka_unit_test(test_what_was_found_joins_its_neighbours_wherever_they_lie),
		cmocka_unit_test(test_what_was_found_is_not_there_once_it_has_gone),
		cmocka_unit_test(test_nothing_joins_what_has_gone_from_the_end),
		cmocka_unit_test(test_random_calls_do_what_the_model_says_with_owners),
		cmocka_unit_test(test_random_calls_do_what_the_model_says_without_owners),
		cmocka_unit_test(test_random_calls_do_what_the_model_says_where_equals_are_one),
		cmocka_unit_test(test_random_calls_do_what_the_model_says_of_a_shared_map_with_owners),
		cmocka_unit_test(test_random_calls_do_what_the_model_says_of_a_shared_map_without_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
