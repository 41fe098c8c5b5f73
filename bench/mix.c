/* SPDX-License-Identifier: MIT */
/* Writes at steady size: see mix.h. */
#include "mix.h"

#include <stdlib.h>
#include <string.h>

void mix_begin(struct mix *mix, size_t n, size_t nr_steps)
{
	*mix = (struct mix){ .random = { n }, .nr_steps = nr_steps };
	areas_make(&mix->places, 2 * n, &mix->random);
	mix->in = bench_alloc(2 * n, sizeof(struct area *));
	memcpy(mix->in, mix->places.shuffled, 2 * n * sizeof(struct area *));
	mix->out = mix->in + n;
	mix->there = (struct areas){ .nr = n, .shuffled = mix->places.shuffled };
	mix->steps = bench_alloc(nr_steps, sizeof(struct step));
}

void mix_continue(struct mix *mix)
{
	for (size_t i = 0; i < mix->nr_steps; i++) {
		struct area **leaves = &mix->in[random_below(&mix->random, mix->there.nr)];
		struct area **comes = &mix->out[random_below(&mix->random, mix->there.nr)];
		struct step step = { .out = *leaves, .in = *comes };

		*leaves = step.in;
		*comes = step.out;
		mix->steps[i] = step;
	}
}

void mix_end(struct mix *mix)
{
	free(mix->in);
	free(mix->steps);
	areas_free(&mix->places);
}
