/* SPDX-License-Identifier: MIT */
/*
 * Writes at steady size: of 2n places n hold an area; a step takes one area out and puts another, that is not there,
 * in. Steps go on from where the last batch ended.
 */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "bench.h"

struct mix {
	struct areas places;
	struct areas there;      /* the areas that were there at the start: what bench_fill() takes */
	struct area **in, **out; /* the two halves, by turns */
	struct random random;
	struct step *steps;
	size_t nr_steps;
};

void mix_begin(struct mix *mix, size_t n, size_t nr_steps);
/* Make the next batch of steps. */
void mix_continue(struct mix *mix);
void mix_end(struct mix *mix);

#endif /* BENCH_MIX_H */
