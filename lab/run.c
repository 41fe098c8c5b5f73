/* SPDX-License-Identifier: MIT */
/*
 * Runs: calls on one index, timed, or on all, compared.
 *
 *    LB1  after each call all indexes have given the same result, have the same counters, and the same areas in and
 *        around the range that the call was about.
 *    LB2  whenever there were as many calls as there are areas, and at the end, all areas are the same: so that
 *        the comparison costs O(1) a call, and what a call did elsewhere does not stay hidden.
 */
#include "lab.h"
#include "touch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const struct lab_index *const lab_indexes[LAB_INDEXES] = { &maple_lab_index, &augmented_lab_index,
	&classic_lab_index };

const struct lab_index *const lab_counted_indexes[LAB_INDEXES] = {
#ifdef LAB_TOUCHED
	&touched_maple_lab_index, &touched_augmented_lab_index, &touched_classic_lab_index
#endif
};

const char *lab_kind_name(enum lab_kind kind)
{
	static const char *const names[LAB_KINDS] = { "mmap", "munmap", "mprotect", "mremap", "brk",
		"madvise", "mlock", "fault", "find_vma", "search", "other" };

	return names[kind];
}

static bool same_area(const struct lab_area *a, const struct lab_area *b)
{
	return a->start == b->start && a->end == b->end && a->pgoff == b->pgoff && a->flags == b->flags &&
	       a->anon_vma == b->anon_vma && strcmp(a->name, b->name) == 0 && strcmp(a->file, b->file) == 0;
}

static void describe(const struct lab_area *a, bool there, char *text, size_t size)
{
	if (there)
		snprintf(text, size, "%lx-%lx flags %llx pgoff %lx%s", a->start, a->end,
			(unsigned long long)a->flags, a->pgoff, a->anon_vma ? " anon_vma" : "");
	else
		snprintf(text, size, "nothing");
}

bool lab_same_window(const struct lab_index *const *indexes, struct mm_struct *const *mms, int nr,
	unsigned long lo, unsigned long hi, char *error, size_t size)
{
	unsigned long at = lo ? lo - 1 : 0;

	for (;;) {
		struct lab_area first, other;
		bool there = indexes[0]->area(mms[0], at, &first);

		for (int i = 1; i < nr; i++) {
			/* All of @nr are there. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
			bool also = indexes[i]->area(mms[i], at, &other);
			char a[120], b[120];

			if (also == there && (!there || same_area(&first, &other)))
				continue;
			describe(&first, there, a, sizeof(a));
			describe(&other, also, b, sizeof(b));
			snprintf(error, size, "from %lx on %s has %s, %s has %s", at, indexes[0]->name, a,
				indexes[i]->name, b);
			return false;
		}
		if (!there || first.start > hi)
			return true;
		at = first.end;
	}
}

bool lab_same_counters(const struct lab_index *const *indexes, struct mm_struct *const *mms, int nr,
	char *error, size_t size)
{
	struct lab_counters first = indexes[0]->counters(mms[0]);

	for (int i = 1; i < nr; i++) {
		struct lab_counters c = indexes[i]->counters(mms[i]);

		if (memcmp(&c, &first, sizeof(c)) == 0)
			continue;
		snprintf(error, size,
			"areas, total_vm, locked_vm, committed: %s has %lu %lu %lu %lu, %s has %lu %lu %lu "
			"%lu",
			indexes[0]->name, first.areas, first.total_vm, first.locked_vm, first.committed,
			indexes[i]->name, c.areas, c.total_vm, c.locked_vm, c.committed);
		return false;
	}
	return true;
}

uint64_t lab_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* What looking at the clock costs by itself: the least of many. */
static uint64_t clock_cost(void)
{
	uint64_t least = ~0UL;

	for (int i = 0; i < 1000; i++) {
		uint64_t before = lab_now_ns(), cost = lab_now_ns() - before;

		if (cost < least)
			least = cost;
	}
	return least;
}

uint64_t lab_since(uint64_t before)
{
	static uint64_t least;
	uint64_t took = lab_now_ns() - before;

	if (!least)
		least = clock_cost();
	return took > least ? took - least : 0;
}

void lab_choose(struct lab_run *run, const struct lab_index *only)
{
	*run = (struct lab_run){ .indexes = { only }, .nr = 1, .random = 1 };
	if (only)
		return;
	memcpy(run->indexes, lab_indexes, sizeof(run->indexes));
	run->nr = LAB_INDEXES;
}

int lab_begin(struct lab_run *run, const struct lab_index *only, const struct lab_setup *setup)
{
	lab_choose(run, only);
	for (int i = 0; i < run->nr; i++) {
		run->mm[i] = run->indexes[i]->mm_new(setup);
		if (!run->mm[i]) {
			lab_end(run);
			return -ENOMEM;
		}
	}
	return 0;
}

void lab_compare_all(struct lab_run *run)
{
	const char *reason;

	run->unchecked = 0;
	if (!lab_same_window(run->indexes, run->mm, run->nr, 0, ~0UL, run->error, sizeof(run->error)))
		run->failed = true;
	for (int i = 0; i < run->nr && !run->failed; i++) {
		if (run->indexes[i]->validate(run->mm[i], &reason))
			continue;
		run->failed = true;
		snprintf(run->error, sizeof(run->error), "%s: %s", run->indexes[i]->name, reason);
	}
}

void lab_end(struct lab_run *run)
{
	if (run->nr > 1 && !run->failed && run->mm[run->nr - 1])
		lab_compare_all(run);
	for (int i = 0; i < run->nr; i++)
		if (run->indexes[i] && run->mm[i])
			run->indexes[i]->mm_free(run->mm[i]);
	memset(run->mm, 0, sizeof(run->mm));
}

/* LB1: the bytes that @call was about, and where it went. */
static bool same_around(struct lab_run *run, const struct lab_call *call, long result)
{
	unsigned long lo = call->a[0], len = call->a[1], hi;
	bool placed = call->kind == LAB_MMAP || call->kind == LAB_MREMAP;

	if (!lab_same_counters(run->indexes, run->mm, run->nr, run->error, sizeof(run->error)))
		return false;
	if (call->kind == LAB_BRK || call->kind == LAB_FAULT)
		len = 0;
	hi = lo + len < lo ? ~0UL : lo + len;
	if (!lab_same_window(run->indexes, run->mm, run->nr, lo, hi, run->error, sizeof(run->error)))
		return false;
	if (!placed || (unsigned long)result >= -4095UL || (unsigned long)result == lo)
		return true;
	len = call->kind == LAB_MREMAP ? call->a[2] : call->a[1];
	return lab_same_window(run->indexes, run->mm, run->nr, (unsigned long)result,
		(unsigned long)result + len, run->error, sizeof(run->error));
}

static long do_compared(struct lab_run *run, const struct lab_call *call)
{
	long result = run->indexes[0]->call(run->mm[0], call);

	for (int i = 1; i < run->nr; i++) {
		long other = run->indexes[i]->call(run->mm[i], call);

		if (other == result)
			continue;
		run->failed = true;
		snprintf(run->error, sizeof(run->error), "%s returned %lx on %s, %lx on %s",
			lab_kind_name(call->kind), result, run->indexes[0]->name, other,
			run->indexes[i]->name);
		return result;
	}
	if (call->kind == LAB_FIND || call->kind == LAB_SEARCH)
		return result;
	if (!same_around(run, call, result))
		run->failed = true;
	else if (run->unchecked++ > run->indexes[0]->counters(run->mm[0]).areas)
		lab_compare_all(run);
	return result;
}

static void tell_where(struct lab_run *run, const struct lab_call *c)
{
	char what[sizeof(run->error)];

	memcpy(what, run->error, sizeof(what));
	snprintf(run->error, sizeof(run->error), "call %llu, %s(%lx, %lx, %lx, %lx, %lx): %.200s",
		(unsigned long long)run->calls, lab_kind_name(c->kind), c->a[0], c->a[1], c->a[2], c->a[3],
		c->a[4], what);
}

long lab_do(struct lab_run *run, struct lab_call call)
{
	struct lab_cost *cost = &run->cost[call.kind];
	struct lab_watch watch;
	long result;

	if (run->failed)
		return -EIO;
	run->calls++;
	if (run->nr > 1) {
		result = do_compared(run, &call);
		if (run->failed)
			tell_where(run, &call);
		return result;
	}
	if (run->indexes[0]->counted && call.kind == LAB_FIND) {
		run->lookups++;
		run->nodes += run->indexes[0]->nodes(run->mm[0], call.a[0]);
	}
	watch = lab_watch(run, cost);
	result = run->indexes[0]->call(run->mm[0], &call);
	lab_watched(run, cost, watch);
	return result;
}

struct lab_watch lab_watch(const struct lab_run *run, const struct lab_cost *cost)
{
	struct lab_watch watch = { .count = run->indexes[0]->counted && cost->calls % LAB_EACH == 0 };

	if (watch.count)
		touch_begin();
	watch.before = lab_now_ns();
	return watch;
}

void lab_watched(struct lab_run *run, struct lab_cost *cost, struct lab_watch watch)
{
	long lines;

	cost->ns += lab_since(watch.before);
	cost->calls++;
	if (!watch.count)
		return;
	lines = touch_end();
	cost->counted++;
	cost->lines += lines > 0 ? (uint64_t)lines : 0;
}

void lab_start_clock(struct lab_run *run)
{
	memset(run->cost, 0, sizeof(run->cost));
	run->lookups = run->nodes = 0;
	lab_note_shape(run);
}

void lab_note_shape(struct lab_run *run)
{
	struct lab_shape shape;

	if (run->nr > 1 || run->indexes[0]->counters(run->mm[0]).areas <= run->shape.areas)
		return;
	shape = run->indexes[0]->shape(run->mm[0]);
	run->shape = shape;
}

/* splitmix64: Steele, Lea and Flood 2014 */
uint64_t lab_random(struct lab_run *run, uint64_t below)
{
	uint64_t z = (run->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return (uint64_t)(((unsigned __int128)z * below) >> 64);
}
