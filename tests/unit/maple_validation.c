/* SPDX-License-Identifier: MIT */
/* What statistics and validation say about a maple tree, also about one that was damaged by hand. */
#include "maple_tree.h"

#include "leaf.h"

static void test_statistics_count_what_is_there(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_stats s;

	(void)state;
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries + s.gaps + s.leaves + s.inner_nodes + s.bytes + s.height, 0);
	store(&mt, 0, 0, A);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.bytes, 0);
	fill(&mt, 100);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 100);
	assert_int_equal(s.gaps, 100);
	store(&mt, 5, 9, A);
	mt_statistics(&mt, &s);
	assert_int_equal(s.entries, 101);
	assert_int_equal(s.gaps, 99);
	assert_int_equal(s.height, mt_height(&mt));
	assert_int_equal(s.inner_nodes, 1);
	assert_int_equal(s.bytes, s.leaves * POOL_LEAF_SIZE + s.inner_nodes * POOL_INNER_SIZE);
	mtree_destroy(&mt);
}

/* Put the @size bytes of @value at @at, see what mt_check() calls it, and mend it. */
static void damage_bytes(struct maple_tree *mt, void *at, const void *value, size_t size, const char *rule)
{
	unsigned char whole[sizeof(unsigned long)];
	const char *reason = NULL;

	assert_true(size <= sizeof(whole));
	memcpy(whole, at, size);
	memcpy(at, value, size);
	assert_false(mt_check(mt, &reason));
	memcpy(at, whole, size);
	if (strncmp(reason, rule, strlen(rule)))
		fail_msg("%s was broken, but was called %s", rule, reason);
	assert_true(mt_check(mt, &reason));
	assert_null(reason);
}

/* Put @value at @at, which is a word, an int or a byte. */
#define damage(mt, at, value, rule)                                \
	do {                                                       \
		__typeof__(*(at)) wrong = (value);                 \
		damage_bytes(mt, at, &wrong, sizeof(wrong), rule); \
	} while (0)

/* A tree of a root and leaves, the second of which is neither full nor small. */
static struct mt_inner *fill_for_damage(struct maple_tree *mt, unsigned long step)
{
	for (unsigned long i = 0; i < 200; i++)
		store(mt, 10 * i * step, (10 * i + 4) * step, xa_mk_value(i));
	for (unsigned long i = 31; i < 39; i++)
		store(mt, 10 * i * step, (10 * i + 4) * step, NULL);
	assert_int_equal(mt_height(mt), 2);
	return mt_root_node(mt->ma_root);
}

static void test_validation_names_the_rule_that_is_broken(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct mt_inner *root;
	struct mt_leaf *leaf, *last;

	(void)state;
	root = fill_for_damage(&mt, 1);
	leaf = root->slot[1];
	last = root->slot[root->nr - 1];
	assert_int_equal(leaf->nr, LEAF_AREAS);
	assert_int_equal(leaf->live, LEAF_AREAS - 8);
	assert_true(last->nr < LEAF_AREAS && root->nr < MT_SLOTS);
	damage(&mt, &root->nr, 0, "MT1");
	damage(&mt, &root->nr, 33, "MT1");
	damage(&mt, &root->pivot[2], root->pivot[1], "MT1");
	damage(&mt, &root->pivot[root->nr - 2], ULONG_MAX, "MT1");
	damage(&mt, &root->pivot[root->nr - 1], 5000, "MT2");
	damage(&mt, &root->pivot[MT_PIVOTS - 1], 5000, "MT2");
	damage(&mt, &leaf->nr, LEAF_AREAS + 1, "MT3");
	damage(&mt, &last->nr, (unsigned char)(last->nr + 1), "MT3");
	damage(&mt, &last->nr, (unsigned char)(last->nr - 1), "MT3");
	damage(&mt, &leaf->live, leaf->nr, "MT3");
	damage(&mt, &leaf->narrow.start[1], leaf->narrow.end[0], "MT3");
	damage(&mt, &leaf->narrow.start[1], leaf->narrow.end[1] + 1, "MT3");
	damage(&mt, &leaf->narrow.start[0], -1, "MT3");
	damage(&mt, &leaf->narrow.end[LEAF_AREAS - 1], leaf->narrow.end[LEAF_AREAS - 1] + 1, "MT3");
	damage(&mt, &leaf->after, 7, "MT3");
	damage(&mt, &last->narrow.end[LEAF_AREAS - 1], 5000, "MT3");
	damage(&mt, &last->narrow.start[LEAF_AREAS - 1], 5000, "MT3");
	damage(&mt, (unsigned long *)&last->slot[LEAF_AREAS - 1], 1, "MT3");
	damage(&mt, &leaf->narrow.end[LEAF_AREAS - 1], leaf->narrow.end[LEAF_AREAS - 1] - 1, "MT4");
	damage(&mt, (uintptr_t *)&root->slot[1], 0, "MT5");
	damage(&mt, &root->gap[1], 84, "MT7"); /* the hole is 85 long, 305 to 389 */
	damage(&mt, &root->gap[root->nr - 1], 0, "MT7");
	damage(&mt, &root->gap[MT_SLOTS - 1], 1, "MT7");
	store(&mt, 305, 305, xa_mk_value(1));
	assert_int_equal(mt.ma_path.height, 2);
	damage(&mt, (uintptr_t *)&mt.ma_path.node[0], (uintptr_t)leaf, "MT8");
	damage(&mt, (uintptr_t *)&mt.ma_path.node[1], (uintptr_t)last, "MT8");
	damage(&mt, &mt.ma_path.min, mt.ma_path.min + 1, "MT8");
	damage(&mt, &mt.ma_path.max, mt.ma_path.max + 1, "MT8");
	damage(&mt, &mt.ma_path.offset[0], 32, "MT8");
	damage(&mt, &mt.ma_path.height, 1, "MT8");
	mtree_destroy(&mt);
	assert_true(mt_check(&mt, NULL));
	mt.ma_path.height = 1;
	assert_false(mt_check(&mt, NULL));
	mt.ma_path.height = 0;
	mtree_destroy(&mt);
}

/* Leaves with fewer than eight entries, and with an erased area at the end, put together by hand. */
static void test_validation_names_small_leaves_and_crossing_gaps(void **state)
{
	struct maple_tree mt = MTREE_INIT(mt, 0);
	struct mt_leaf *leaf;
	const char *reason;
	void *entry;

	(void)state;
	leaf = fill_for_damage(&mt, 1)->slot[1];
	entry = leaf->slot[LEAF_AREAS - 1];
	leaf->slot[LEAF_AREAS - 1] = NULL;
	leaf->live--;
	assert_false(mt_check(&mt, &reason));
	assert_int_equal(strncmp(reason, "MT4", 3), 0);
	leaf->slot[LEAF_AREAS - 1] = entry;
	leaf->live++;
	for (unsigned int i = 9; i < LEAF_AREAS - LEAF_MIN + 1; i++)
		leaf->slot[i] = NULL;
	leaf->slot[0] = NULL;
	leaf->live = LEAF_MIN - 1;
	assert_false(mt_check(&mt, &reason));
	assert_int_equal(strncmp(reason, "MT6", 3), 0);
	mtree_destroy(&mt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statistics_count_what_is_there),
		cmocka_unit_test(test_validation_names_the_rule_that_is_broken),
		cmocka_unit_test(test_validation_names_small_leaves_and_crossing_gaps),
	};

	return RUN_MAPLE_TESTS("statistics and validation of a maple tree", tests);
}
