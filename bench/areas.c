/* SPDX-License-Identifier: MIT */
/* The input that all questions share. */
#include <stdlib.h>

#include "bench.h"

#define LOWEST 0x10000000UL

void *bench_alloc(size_t nr, size_t size)
{
	void *memory = calloc(nr, size);

	if (!memory) {
		fprintf(stderr, "vmaple-bench: out of memory\n");
		exit(1);
	}
	return memory;
}

void areas_shuffle(struct area **areas, size_t nr, struct random *random)
{
	for (size_t i = nr; i > 1; i--) {
		size_t j = random_below(random, i);
		struct area *other = areas[i - 1];

		areas[i - 1] = areas[j];
		areas[j] = other;
	}
}

void areas_make(struct areas *areas, size_t nr, struct random *random)
{
	unsigned long address = LOWEST;

	areas->nr = nr;
	areas->sorted = bench_alloc(nr, sizeof(*areas->sorted));
	areas->ordered = bench_alloc(nr, sizeof(struct area *));
	areas->shuffled = bench_alloc(nr, sizeof(struct area *));
	for (size_t i = 0; i < nr; i++) {
		struct area *area = &areas->sorted[i];

		address += random_below(random, 17) * BENCH_PAGE;
		area->first = address;
		address += (1 + random_below(random, 64)) * BENCH_PAGE;
		area->last = address - 1;
		areas->ordered[i] = areas->shuffled[i] = area;
	}
	areas_shuffle(areas->shuffled, nr, random);
}

void areas_free(struct areas *areas)
{
	free(areas->sorted);
	free(areas->ordered);
	free(areas->shuffled);
}

unsigned long area_address(const struct area *area, struct random *random)
{
	return area->first + random_below(random, area->last - area->first + 1);
}

void *bench_fill(const struct contender *contender, const struct areas *areas, bool rcu)
{
	void *tree = contender->create(rcu);

	if (!tree) {
		fprintf(stderr, "vmaple-bench: out of memory\n");
		exit(1);
	}
	contender->insert(tree, areas->shuffled, areas->nr);
	return tree;
}

void bench_shuffle(unsigned int *numbers, size_t nr, struct random *random)
{
	for (size_t i = nr; i > 1; i--) {
		size_t k = random_below(random, i);
		unsigned int swap = numbers[i - 1];

		numbers[i - 1] = numbers[k];
		numbers[k] = swap;
	}
}
