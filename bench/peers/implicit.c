/* SPDX-License-Identifier: MIT */
/*
 * Contender `implicit-tree`: intervals sorted by start in an array that is a complete binary tree by position, with the
 * largest last of each subtree, as in Heng Li's cgranges (2020).  It cannot change: what a dynamic tree is measured by.
 *
 * On level k (leaves are 0) lie the positions whose lowest k bits are 1 and whose next is 0; its children are
 * half a step of 2^k to both sides.
 */
#include <stdlib.h>

#include "trees.h"

struct entry {
	unsigned long start, last, max;
	unsigned long number;
};

struct array {
	struct entry *all;
	size_t nr;
	int top; /* level of the root */
};

static int compare_starts(const void *a, const void *b)
{
	unsigned long x = ((const struct entry *)a)->start, y = ((const struct entry *)b)->start;

	return (x > y) - (x < y);
}

/* The largest last below @x on @level; positions beyond the end hold nothing. */
static unsigned long fill_max(struct array *t, size_t x, int level)
{
	size_t half = level ? 1UL << (level - 1) : 0;
	unsigned long max = x < t->nr ? t->all[x].last : 0, below;

	for (int side = 0; level && side < 2; side++) {
		below = side && x >= t->nr ? 0 : fill_max(t, side ? x + half : x - half, level - 1);
		max = below > max ? below : max;
	}
	if (x < t->nr)
		t->all[x].max = max;
	return max;
}

static void *implicit_create(const struct span *spans, size_t nr)
{
	struct array *t = calloc(1, sizeof(*t));

	if (!t || !(t->all = aligned_alloc(64, nr * sizeof(*t->all) + (64 - nr * sizeof(*t->all) % 64))))
		abort();
	t->nr = nr;
	for (size_t i = 0; i < nr; i++)
		t->all[i] = (struct entry){ spans[i].start, spans[i].last, 0, i };
	qsort(t->all, nr, sizeof(*t->all), compare_starts);
	while ((2UL << t->top) - 1 < nr)
		t->top++;
	fill_max(t, (1UL << t->top) - 1, t->top);
	return t;
}

static void implicit_destroy(void *tree)
{
	struct array *t = tree;

	free(t->all);
	free(t);
}

static unsigned long stab_one(const struct array *t, unsigned long point)
{
	struct {
		size_t x;
		int level;
		bool left_done;
	} stack[64];
	unsigned long sum = 0;
	int nr = 0;

	stack[nr++] = (__typeof__(stack[0])){ (1UL << t->top) - 1, t->top, false };
	while (nr) {
		size_t x = stack[--nr].x;
		int level = stack[nr].level;

		if (level <= 3) { /* a small subtree: all of it, in order */
			size_t first = x >> level << level, end = first + (2UL << level) - 1;

			end = end < t->nr ? end : t->nr;
			for (size_t i = first; i < end && t->all[i].start <= point; i++)
				if (t->all[i].last >= point)
					sum += STAB_HIT(t->all[i].number);
		} else if (!stack[nr].left_done) {
			size_t left = x - (1UL << (level - 1));

			stack[nr++].left_done = true;
			if (left >= t->nr || t->all[left].max >= point)
				stack[nr++] = (__typeof__(stack[0])){ left, level - 1, false };
		} else if (x < t->nr && t->all[x].start <= point) {
			if (t->all[x].last >= point)
				sum += STAB_HIT(t->all[x].number);
			stack[nr++] = (__typeof__(stack[0])){ x + (1UL << (level - 1)), level - 1, false };
		}
	}
	return sum;
}

static unsigned long implicit_stab(void *tree, const unsigned long *point, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += stab_one(tree, point[i]);
	return sum;
}

const struct interval_ops implicit_interval_ops = { { implicit_destroy, NULL, NULL }, implicit_create,
	implicit_stab };
