/* SPDX-License-Identifier: MIT */
/*
 * The maple tree seen from outside: its picture and its statistics, beside what a walk over all ranges and the text
 * dump say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/maple_tree.h>

#include "random.h"

/* What the lines of a picture, or of a text dump, say. */
struct seen {
	unsigned long leaves, inners, entries, holes, lines, texts;
	long right; /* where the last leaf ends */
	bool overlaps;
	unsigned long leaf_fill[31], inner_fill[33];
};

static void look_at_picture(void *ctx, const char *line)
{
	struct seen *s = ctx;
	const char *x = strstr(line, " x=\"");

	if (strstr(line, "class=\"leaf\"")) {
		s->overlaps |= atol(x + 4) <= s->right;
		s->right = atol(x + 4) + atol(strstr(line, "width=\"") + 7);
		s->leaves++;
	}
	s->inners += strstr(line, "class=\"inner\"") != NULL;
	s->entries += strstr(line, "class=\"entry\"") != NULL;
	s->holes += strstr(line, "class=\"hole\"") != NULL;
	s->lines += strncmp(line, "<line", 5) == 0;
	s->texts += strstr(line, ">0x100-0x10f: 0x5000<") != NULL;
}

static void look_at_text(void *ctx, const char *line)
{
	struct seen *s = ctx;
	const char *leaf = strstr(line, "leaf, "), *inner = strstr(line, "inner node, ");

	if (strncmp(line, "maple tree", 10) == 0)
		return;
	if (leaf) {
		s->leaves++;
		s->leaf_fill[atol(leaf + 6)]++;
	} else if (inner) {
		s->inners++;
		s->inner_fill[atol(inner + 12)]++;
	}
}

/* @nr areas in random order, some of them erased again. */
static void fill(struct maple_tree *mt, unsigned long nr, struct random *r)
{
	for (unsigned long i = 0; i < nr; i++) {
		unsigned long first = random_below(r, nr * 2) * 16;

		assert_int_equal(
			mtree_store_range(mt, first, first + random_below(r, 40), xa_mk_value(i), GFP_KERNEL),
			0);
		if (i % 5 == 0)
			(void)mtree_erase(mt, random_below(r, nr * 32));
	}
}

/* Entries and holes, range by range. */
static void count_ranges(struct maple_tree *mt, unsigned long *entries, unsigned long *holes)
{
	MA_STATE(mas, mt, 0, 0);
	void *entry = mas_walk(&mas);

	*entries = *holes = 0;
	for (;;) {
		*entries += entry != NULL;
		*holes += !entry;
		if (mas.last == ULONG_MAX)
			return;
		entry = mas_next_range(&mas, ULONG_MAX);
	}
}

static void test_statistics_equal_a_walk_over_all_ranges(void **state)
{
	struct random r = { random_seed() };
	unsigned long entries, holes, bytes;

	(void)state;
	for (unsigned long nr = 2; nr <= 20000; nr *= 3) {
		struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
		struct seen seen = { 0 };
		struct mt_stats stats;

		fill(&mt, nr, &r);
		mt_statistics(&mt, &stats);
		count_ranges(&mt, &entries, &holes);
		mt_dump_text(&mt, mt_dump_hex, look_at_text, &seen);
		assert_int_equal(stats.entries, entries);
		assert_int_equal(stats.gaps, stats.height ? holes : 0);
		assert_int_equal(stats.leaves, seen.leaves);
		assert_int_equal(stats.inner_nodes, seen.inners);
		assert_memory_equal(stats.leaf_fill, seen.leaf_fill, sizeof(seen.leaf_fill));
		assert_memory_equal(stats.inner_fill, seen.inner_fill, sizeof(seen.inner_fill));
		bytes = 512 * (stats.leaves - stats.wide_leaves) +
			768 * (stats.wide_leaves + stats.inner_nodes);
		assert_int_equal(stats.bytes, bytes);
		mtree_destroy(&mt);
	}
}

static void test_a_picture_of_few_leaves_shows_every_range(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct random r = { random_seed() };
	unsigned long entries, holes;
	struct seen seen = { .right = -1 };
	struct mt_stats stats;

	(void)state;
	fill(&mt, 100, &r);
	assert_int_equal(mtree_store_range(&mt, 0x100, 0x10f, (void *)0x5000, GFP_KERNEL), 0);
	mt_statistics(&mt, &stats);
	count_ranges(&mt, &entries, &holes);
	mt_dump_svg(&mt, mt_dump_hex, look_at_picture, &seen);
	assert_true(stats.leaves > 1 && stats.leaves <= 12);
	assert_int_equal(seen.leaves, stats.leaves);
	assert_int_equal(seen.inners, stats.inner_nodes);
	assert_int_equal(seen.entries, entries);
	assert_int_equal(seen.holes, holes);
	assert_int_equal(seen.texts, 1);
	assert_int_equal(seen.lines, stats.leaves + stats.inner_nodes - 1);
	assert_false(seen.overlaps);
	mtree_destroy(&mt);
}

static void test_a_picture_of_many_leaves_shows_every_node(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct random r = { random_seed() };
	struct seen seen = { .right = -1 };
	struct mt_stats stats;

	(void)state;
	fill(&mt, 3000, &r);
	mt_statistics(&mt, &stats);
	mt_dump_svg(&mt, mt_dump_dec, look_at_picture, &seen);
	assert_true(stats.leaves > 40 && stats.height >= 3);
	assert_int_equal(seen.leaves, stats.leaves);
	assert_int_equal(seen.inners, stats.inner_nodes);
	assert_int_equal(seen.lines, stats.leaves + stats.inner_nodes - 1);
	assert_int_equal(seen.entries + seen.holes, 0);
	assert_false(seen.overlaps);
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statistics_equal_a_walk_over_all_ranges),
		cmocka_unit_test(test_a_picture_of_few_leaves_shows_every_range),
		cmocka_unit_test(test_a_picture_of_many_leaves_shows_every_node),
	};

	return cmocka_run_group_tests_name("a maple tree seen from outside", tests, NULL, NULL);
}
