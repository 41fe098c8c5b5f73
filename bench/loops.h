/* SPDX-License-Identifier: MIT */
/*
 * The loops of a contender. Included after
 *
 *     typedef ... tree_t;
 *     static inline void *tree_load(tree_t *tree, unsigned long index);
 *     static inline void tree_insert(tree_t *tree, struct area *area);
 *     static inline void tree_erase(tree_t *tree, struct area *area);
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

static void loop_insert(void *tree, struct area *const *areas, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		tree_insert((tree_t *)tree, areas[i]);
}

static unsigned long loop_load(void *tree, const unsigned long *index, size_t nr)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += (unsigned long)tree_load((tree_t *)tree, index[i]);
	return sum;
}

/* Areas lie at even addresses: the entry adds nothing to the next index, but the CPU has to wait for it. */
static unsigned long loop_chase(void *tree, const unsigned long *index, size_t nr)
{
	unsigned long sum = 0, entry = 0;

	for (size_t i = 0; i < nr; i++) {
		entry = (unsigned long)tree_load((tree_t *)tree, index[i] + (entry & 1));
		sum += entry;
	}
	return sum;
}

static void loop_mix(void *tree, const struct step *steps, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		tree_erase((tree_t *)tree, steps[i].out);
		tree_insert((tree_t *)tree, steps[i].in);
	}
}

#endif /* BENCH_LOOPS_H */
