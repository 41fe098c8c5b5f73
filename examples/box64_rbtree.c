/* SPDX-License-Identifier: MIT */
/*
 * box64 keeps what it knows of addresses in red-black trees of its own, behind nine functions: init, delete, get,
 * get with the end, set, set where nothing is, increment, decrement, unset. These are they on a range map: half-open
 * ranges of addresses with a number, of which equal neighbours are one.
 *
 * The program makes calls as an emulator does (libraries mapped, rights taken from their parts and given back, code
 * pages counted up and down) on both this and an array with a number for each page, and compares after each. With a
 * file of tools/tracker-calls the calls are those of a recorded program.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmaple/range_map.h>

#include "tracker_calls.h"

typedef struct rbtree {
	struct range_map map;
} rbtree;

static const struct range_map_ops one_of_equals = { .may_merge = range_map_equal };

static rbtree *rbtree_init(void)
{
	rbtree *tree = malloc(sizeof(*tree));

	if (tree)
		range_map_init(&tree->map, &one_of_equals, NULL);
	return tree;
}

static void rbtree_delete(rbtree *tree)
{
	range_map_destroy(&tree->map);
	free(tree);
}

/* The number at @addr, 0 for none. */
static uint32_t rb_get(const rbtree *tree, uintptr_t addr)
{
	const struct range_map_range *range = range_map_at(&tree->map, addr);

	return range ? (uint32_t)range->bits : 0;
}

/* And up to where it is so. Is there one? */
static int rb_get_end(const rbtree *tree, uintptr_t addr, uint32_t *val, uintptr_t *end)
{
	struct range_map_range range;

	*val = 0;
	*end = UINTPTR_MAX;
	if (!range_map_first(&tree->map, addr, &range))
		return 0;
	if (range.first > addr) {
		*end = range.first;
		return 0;
	}
	*val = (uint32_t)range.bits;
	*end = range.last + 1;
	return 1;
}

static int rb_set(rbtree *tree, uintptr_t start, uintptr_t end, uint32_t data)
{
	return range_map_set(&tree->map, start, end - 1, NULL, data);
}

static int rb_unset(rbtree *tree, uintptr_t start, uintptr_t end)
{
	return range_map_erase(&tree->map, start, end - 1);
}

/* What is there keeps its number. */
static int rb_set_if_empty(rbtree *tree, uintptr_t start, uintptr_t end, uint32_t data)
{
	uint32_t val;
	uintptr_t to;
	int err = 0;

	for (; start < end && !err; start = to) {
		int is = rb_get_end(tree, start, &val, &to);

		if (to > end)
			to = end;
		if (!is)
			err = rb_set(tree, start, to, data);
	}
	return err;
}

/* What is there gets another number: an emulator's mprotect. */
static int rb_change(rbtree *tree, uintptr_t start, uintptr_t end, uint32_t data)
{
	uint32_t val;
	uintptr_t to;
	int err = 0;

	for (; start < end && !err; start = to) {
		int is = rb_get_end(tree, start, &val, &to);

		if (to > end)
			to = end;
		if (is)
			err = rb_set(tree, start, to, data);
	}
	return err;
}

/* Numbers one higher, holes 1; or one lower, and holes where that is 0. */
static int rb_add(rbtree *tree, uintptr_t start, uintptr_t end, int by)
{
	uint32_t val;
	uintptr_t to;
	int err = 0;

	for (; start < end && !err; start = to) {
		rb_get_end(tree, start, &val, &to);
		if (to > end)
			to = end;
		if (by > 0)
			err = rb_set(tree, start, to, val + 1);
		else if (val > 1)
			err = rb_set(tree, start, to, val - 1);
		else
			err = rb_unset(tree, start, to);
	}
	return err;
}

/* --- the comparison ------------------------------------------------------------------------------------------ */

#define PAGE  0x1000UL
#define BASE  0x7f0000000000UL
#define PAGES 2048UL
#define CALLS 100000UL

static uint32_t *pages;
static unsigned long nr_pages = PAGES;
static rbtree *tree;

static unsigned long pick(uint64_t *state, unsigned long below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned long)(*state >> 33) % below;
}

static int change(unsigned int kind, unsigned long first, unsigned long end, uint32_t data)
{
	uintptr_t from = BASE + first * PAGE, to = BASE + end * PAGE;

	for (unsigned long i = first; i < end; i++) {
		if (kind == 0 || (kind == 2 && !pages[i]))
			pages[i] = data;
		else if (kind == 1)
			pages[i] = 0;
		else if (kind == 3)
			pages[i]++;
		else if (kind == 4 && pages[i])
			pages[i]--;
	}
	switch (kind) {
	case 0:
		return rb_set(tree, from, to, data);
	case 1:
		return rb_unset(tree, from, to);
	case 2:
		return rb_set_if_empty(tree, from, to, data);
	default:
		return rb_add(tree, from, to, kind == 3 ? 1 : -1);
	}
}

static bool answer_is_right(unsigned long page)
{
	unsigned long end = page;
	uint32_t val;
	uintptr_t to;

	while (end < nr_pages && pages[end] == pages[page])
		end++;
	return rb_get(tree, BASE + page * PAGE + page % PAGE) == pages[page] &&
	       rb_get_end(tree, BASE + page * PAGE, &val, &to) == (pages[page] != 0) && val == pages[page] &&
	       to == (end < nr_pages || pages[page] ? BASE + end * PAGE : UINTPTR_MAX);
}

static bool some_random_calls(void)
{
	uint64_t state = 5;

	for (unsigned long i = 0; i < CALLS; i++) {
		unsigned long first = pick(&state, PAGES), length = 1 + pick(&state, i % 50 ? 12 : 300);
		unsigned long end = first + length < PAGES ? first + length : PAGES;
		bool right =
			!change((unsigned int)pick(&state, 5), first, end, 1 + (uint32_t)pick(&state, 7));

		for (unsigned int k = 0; k < 8; k++)
			right = right && answer_is_right(pick(&state, PAGES));
		if (!right) {
			printf("call %lu: another answer than the array's\n", i);
			return false;
		}
	}
	return true;
}

/* Asked after each call: at its ends, and beside them. */
static bool follow(const struct tracker_calls *all)
{
	for (size_t i = 0; i < all->nr; i++) {
		const struct tracker_call *call = &all->calls[i];
		uintptr_t from = BASE + call->first * PAGE, to = BASE + (call->last + 1) * PAGE;
		uint32_t bits = (uint32_t)call->bits;
		int err = 0;

		if (call->kind == TRACKER_SET)
			err = change(0, call->first, call->last + 1, bits);
		else if (call->kind == TRACKER_ERASE)
			err = change(1, call->first, call->last + 1, 0);
		else if (call->kind == TRACKER_PROTECT) {
			for (unsigned long page = call->first; page <= call->last; page++)
				pages[page] = pages[page] ? bits : 0;
			err = rb_change(tree, from, to, bits);
		}
		if (err || !answer_is_right(call->first) || !answer_is_right(call->last) ||
			(call->first && !answer_is_right(call->first - 1)) ||
			(call->last + 1 < nr_pages && !answer_is_right(call->last + 1))) {
			printf("call %zu: another answer than the array's\n", i);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct tracker_calls all = { 0 };
	bool right;

	if (argc > 1 && tracker_calls_read(&all, argv[1]))
		return 2;
	if (argc > 1)
		nr_pages = all.pages;
	pages = calloc(nr_pages + 1, sizeof(*pages));
	tree = rbtree_init();
	if (!tree || !pages)
		return 1;
	right = argc > 1 ? follow(&all) : some_random_calls();
	if (right)
		printf("%lu calls, %lu ranges now: all answers as an array's of pages\n",
			argc > 1 ? (unsigned long)all.nr : CALLS,
			(unsigned long)range_map_count(&tree->map).ranges);
	rbtree_delete(tree);
	free(pages);
	free(all.calls);
	return !right;
}
