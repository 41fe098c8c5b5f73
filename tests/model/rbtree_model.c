/* SPDX-License-Identifier: MIT */
/*
 * The red-black tree against a sorted array: every operation is carried out on both, and after each one the tree is
 * validated, with every rule and every augmented value, and compared in order.
 *
 * The model: an array of pointers to the items that are in the tree, ascending by key, equal ones as they came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <vmaple/rbtree.h>
#include <vmaple/rbtree_augmented.h>

#include "random.h"

#define ITEMS 1000

struct item {
	struct rb_node rb;
	unsigned long key, weight, heaviest;
	bool in_tree;
};

static unsigned long weight_of(struct item *item)
{
	return item->weight;
}
RB_DECLARE_CALLBACKS_MAX(static, heaviest, struct item, rb, unsigned long, heaviest, weight_of);

static struct item *item_of(const struct rb_node *node)
{
	return rb_entry_safe(node, struct item, rb);
}

static bool keys_ascend(const struct rb_node *earlier, const struct rb_node *later)
{
	return item_of(earlier)->key <= item_of(later)->key;
}

static bool heaviest_is_right(const struct rb_node *node)
{
	return item_of(node)->heaviest == heaviest_max(item_of(node));
}

static const struct rb_checks plain_checks = { keys_ascend, NULL };
static const struct rb_checks augmented_checks = { keys_ascend, heaviest_is_right };

/* What a run is about. */
struct shape {
	const char *name;
	unsigned int items;
	unsigned long keys;
	bool augmented;
};

static const struct shape shapes[] = {
	{ "tiny", 4, 10, false },
	{ "small", 12, 1000, false },
	{ "some", 60, 1UL << BY_WORD(40, 24), false },
	{ "many", 600, 1UL << BY_WORD(40, 24), false },
	{ "equal keys", 100, 7, false },
	{ "tiny, augmented", 5, 10, true },
	{ "small, augmented", 20, 1000, true },
	{ "some, augmented", 60, 1UL << BY_WORD(40, 24), true },
	{ "many, augmented", 600, 1UL << BY_WORD(40, 24), true },
	{ "equal keys, augmented", 200, 11, true },
};

struct run {
	struct random random;
	const struct shape *shape;
	struct rb_root_cached root;
	unsigned int nr;
	struct item *sorted[ITEMS];
	struct item item[ITEMS + 1]; /* one more, for replacement */
	struct item *spare;
};

/* Number of items in the model with keys up to @key. */
static unsigned int model_upto(const struct run *r, unsigned long key)
{
	unsigned int low = 0, high = r->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (r->sorted[mid]->key <= key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static unsigned int model_at(const struct run *r, const struct item *item)
{
	unsigned int i = model_upto(r, item->key);

	while (r->sorted[--i] != item)
		assert_true(i > 0);
	return i;
}

static void check(struct run *r)
{
	const char *reason;
	struct rb_node *node = rb_first_cached(&r->root);

	if (!rb_validate_cached(&r->root, r->shape->augmented ? &augmented_checks : &plain_checks, &reason))
		fail_msg("%s: %s", r->shape->name, reason);
	for (unsigned int i = 0; i < r->nr; i++, node = rb_next(node))
		assert_ptr_equal(item_of(node), r->sorted[i]);
	assert_null(node);
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static void insert_augmented(struct run *r, struct item *item)
{
	struct rb_node **link = &r->root.rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	item->heaviest = item->weight;
	while (*link) {
		parent = *link;
		if (item_of(parent)->heaviest < item->weight)
			item_of(parent)->heaviest = item->weight;
		if (item->key < item_of(parent)->key)
			link = &parent->rb_left;
		else
			link = &parent->rb_right, leftmost = false;
	}
	rb_link_node(&item->rb, parent, link);
	rb_insert_augmented_cached(&item->rb, &r->root, leftmost, &heaviest);
}

static void do_insert(struct run *r, struct item *item)
{
	unsigned int at;

	item->key = random_below(&r->random, r->shape->keys);
	item->weight = random_u64(&r->random) >> random_below(&r->random, 64);
	at = model_upto(r, item->key);
	memmove(&r->sorted[at + 1], &r->sorted[at], (r->nr - at) * sizeof(r->sorted[0]));
	r->sorted[at] = item;
	r->nr++;
	item->in_tree = true;
	if (r->shape->augmented)
		insert_augmented(r, item);
	else
		assert_ptr_equal(rb_add_cached(&item->rb, &r->root, less), at ? NULL : &item->rb);
}

static void do_erase(struct run *r, struct item *item)
{
	unsigned int at = model_at(r, item);

	r->nr--;
	memmove(&r->sorted[at], &r->sorted[at + 1], (r->nr - at) * sizeof(r->sorted[0]));
	item->in_tree = false;
	if (r->shape->augmented)
		rb_erase_augmented_cached(&item->rb, &r->root, &heaviest);
	else
		assert_ptr_equal(item_of(rb_erase_cached(&item->rb, &r->root)), at      ? NULL
										: r->nr ? r->sorted[0]
											: NULL);
}

static void do_replace(struct run *r, struct item *item)
{
	struct item *spare = r->spare;

	r->sorted[model_at(r, item)] = spare;
	*spare = *item;
	rb_replace_node_cached(&item->rb, &spare->rb, &r->root);
	item->in_tree = false;
	r->spare = item;
}

/* A new weight, as RA4 has it. */
static void do_change(struct run *r, struct item *item)
{
	item->weight = random_u64(&r->random) >> random_below(&r->random, 64);
	if (r->shape->augmented)
		heaviest.propagate(&item->rb, NULL);
}

static int compare(const void *key, const struct rb_node *node)
{
	unsigned long k = *(const unsigned long *)key;

	return k < item_of(node)->key ? -1 : k > item_of(node)->key;
}

static void do_look(struct run *r)
{
	unsigned long key = random_below(&r->random, 2) && r->nr
				    ? r->sorted[random_below(&r->random, r->nr)]->key
				    : random_below(&r->random, r->shape->keys);
	unsigned int upto = model_upto(r, key);
	bool there = upto && r->sorted[upto - 1]->key == key;
	struct rb_node *node = rb_find(&key, &r->root.rb_root, compare);

	assert_int_equal(node != NULL, there);
	assert_int_equal(rb_find_rcu(&key, &r->root.rb_root, compare) != NULL, there);
	if (node)
		assert_int_equal(item_of(node)->key, key);
	node = rb_last(&r->root.rb_root);
	for (unsigned int i = r->nr; i--; node = rb_prev(node))
		assert_ptr_equal(item_of(node), r->sorted[i]);
	assert_null(node);
}

/* Children come before their parents, and all come. */
static void do_postorder(struct run *r)
{
	static char seen[ITEMS + 1];
	struct item *pos, *n;
	unsigned int count = 0;

	memset(seen, 0, sizeof(seen));
	rbtree_postorder_for_each_entry_safe(pos, n, &r->root.rb_root, rb)
	{
		for (int side = 0; side < 2; side++)
			if (pos->rb.rb_child[side])
				assert_true(seen[item_of(pos->rb.rb_child[side]) - r->item]);
		assert_false(seen[pos - r->item]);
		seen[pos - r->item] = 1;
		count++;
	}
	assert_int_equal(count, r->nr);
}

/* Any item but the spare one. */
static struct item *any_item(struct run *r)
{
	struct item *item = &r->item[random_below(&r->random, r->shape->items)];

	return item == r->spare ? &r->item[r->shape->items] : item;
}

static void step(struct run *r, unsigned int fill)
{
	struct item *item = any_item(r);

	switch (random_below(&r->random, 16)) {
	case 0:
		do_look(r);
		break;
	case 1:
		do_postorder(r);
		break;
	case 2:
		if (item->in_tree)
			do_replace(r, item);
		break;
	case 3:
		if (item->in_tree)
			do_change(r, item);
		break;
	default:
		if (random_below(&r->random, 100) < fill && !item->in_tree)
			do_insert(r, item);
		else if (item->in_tree)
			do_erase(r, item);
	}
}

static struct run run;

static void start(uint64_t seed, const struct shape *shape)
{
	memset(&run, 0, sizeof(run));
	run.random.state = seed;
	run.shape = shape;
	run.root = RB_ROOT_CACHED;
	run.spare = &run.item[shape->items];
}

#define NR_MODELS (sizeof(shapes) / sizeof(shapes[0]))

static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	const struct shape *shape = &shapes[which];
	unsigned int fill = 60;

	start(seed, shape);
	for (uint64_t i = 0; i < steps && random_lasts(); i++) {
		if (i % (4 * shape->items) == 0)
			fill = 20 + (unsigned int)random_below(&run.random, 70);
		step(&run, fill);
		check(&run);
	}
	while (run.nr) {
		do_erase(&run, run.sorted[random_below(&run.random, run.nr)]);
		check(&run);
	}
	assert_true(RB_EMPTY_ROOT(&run.root.rb_root));
}

static void test_every_step_leaves_a_red_black_tree_equal_to_a_sorted_array(void **state)
{
	uint64_t seed = random_seed(), operations = test_operations(300000);

	(void)state;
	for (size_t s = 0; s < NR_MODELS; s++)
		run_model(s, seed + s, operations / NR_MODELS);
}

/* Each rule is broken by hand and has to be named. */
static void expect(const char *rule)
{
	const char *reason = "none";

	assert_false(rb_validate_cached(&run.root, &augmented_checks, &reason));
	assert_memory_equal(reason, rule, 2);
}

static void test_each_broken_rule_is_named(void **state)
{
	static const struct shape shape = { "broken", 100, 1UL << BY_WORD(40, 24), true };
	struct rb_node *top, *first, saved;
	struct item *item;

	(void)state;
	start(1, &shape);
	for (unsigned int i = 0; i < shape.items; i++)
		do_insert(&run, &run.item[i]);
	check(&run);
	top = run.root.rb_root.rb_node;
	first = run.root.rb_leftmost;

	top->__rb_parent_color ^= RB_BLACK;
	expect("RB1");
	top->__rb_parent_color ^= RB_BLACK;

	saved = *first; /* the leftmost has a child at most: if red its parent is black, if black it may turn red */
	first->__rb_parent_color ^= RB_BLACK;
	expect(rb_is_red(first) && rb_is_red(rb_parent(first)) ? "RB2" : "RB3");
	*first = saved;

	first->rb_left = top; /* a loop */
	expect("RB4");
	*first = saved;

	item = item_of(first);
	item->key += 1UL << BY_WORD(41, 25);
	expect("RB5");
	item->key -= 1UL << BY_WORD(41, 25);

	run.root.rb_leftmost = rb_next(first);
	expect("RB6");
	run.root.rb_leftmost = first;

	item_of(top)->heaviest++;
	expect("RB7");
	item_of(top)->heaviest--;
	check(&run);
}

/*
 * Readers without a lock.  One thread looks up keys by rb_find_rcu(); another inserts and erases.  Even keys stay,
 * odd ones come and go.  Erased items are used again only after the reader began a new lookup since.
 */
static struct {
	struct rb_root root;
	struct item item[ITEMS];
	unsigned long lookups, missed;
	bool stop;
} beside;

static unsigned long steps;

static int counted_compare(const void *key, const struct rb_node *node)
{
	steps++;
	return compare(key, node);
}

static void *reader(void *seed)
{
	struct random random = { *(uint64_t *)seed };
	unsigned long missed = 0;

	while (!__atomic_load_n(&beside.stop, __ATOMIC_ACQUIRE)) {
		unsigned long key = random_below(&random, ITEMS);
		struct rb_node *node;

		steps = 0;
		node = rb_find_rcu(&key, &beside.root, counted_compare);
		if (node && item_of(node)->key != key)
			abort();
		if (!node && !(key & 1))
			missed++;
		if (steps > 100000)
			abort();
		__atomic_fetch_add(&beside.lookups, 1, __ATOMIC_ACQ_REL);
	}
	beside.missed = missed;
	return NULL;
}

static void wait_for_reader(void)
{
	unsigned long now = __atomic_load_n(&beside.lookups, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&beside.lookups, __ATOMIC_ACQUIRE) - now < 2)
		sched_yield();
}

static void test_readers_without_locks_come_to_an_end(void **state)
{
	uint64_t seed = random_seed(), rounds = test_operations(300000) / 1000;
	struct random random = { seed + 1 };
	const char *reason;
	pthread_t thread;

	(void)state;
	memset(&beside, 0, sizeof(beside));
	for (unsigned int i = 0; i < ITEMS; i++) {
		beside.item[i].key = i;
		if (!(i & 1))
			rb_add(&beside.item[i].rb, &beside.root, less);
	}
	assert_int_equal(pthread_create(&thread, NULL, reader, &seed), 0);
	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < 100; i++) {
			struct item *item = &beside.item[random_below(&random, ITEMS / 2) * 2 + 1];

			if (!item->in_tree && item->weight != round + 1)
				rb_add(&item->rb, &beside.root, less), item->in_tree = true;
			else if (item->in_tree)
				rb_erase(&item->rb, &beside.root), item->in_tree = false,
								   item->weight = round + 1;
		}
		if (!rb_validate(&beside.root, &plain_checks, &reason))
			fail_msg("%s", reason);
		wait_for_reader();
	}
	__atomic_store_n(&beside.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	printf("# %lu lookups, %lu missed what was there\n", beside.lookups, beside.missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_step_leaves_a_red_black_tree_equal_to_a_sorted_array),
		cmocka_unit_test(test_each_broken_rule_is_named),
		cmocka_unit_test(test_readers_without_locks_come_to_an_end),
	};

	return cmocka_run_group_tests_name("red-black tree against a model", tests, NULL, NULL);
}
