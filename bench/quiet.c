/* SPDX-License-Identifier: MIT */
/* Was the machine ours? See quiet.h. */
#include "quiet.h"

#include <stdint.h>
#include <stdlib.h>

#include "cores.h"

#define SPINS       30000 /* some 0.1 ms */
#define SPINS_CORES 5     /* of them, one after the other, where several threads spin */
#define TRIES_CORES 5
#define MOST        64
#define AGEING      1.0005

static double fastest; /* seconds, of SPINS */

/* A clock that stays slower is the machine as it is now: after some hundreds of spins it is what they are held to. */
static void note(double seconds)
{
	fastest *= AGEING;
	if (fastest == 0 || seconds < fastest)
		fastest = seconds;
}

/* Each step needs the one before: how fast it goes depends on the clock of the core, and on nothing that is in memory. */
static void spin(unsigned int steps)
{
	static volatile uint64_t seed = 1;
	uint64_t x = seed;

	for (unsigned int i = 0; i < steps; i++)
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	seed = x;
}

bool probe_quiet(enum bench_clock clock)
{
	double start = bench_seconds(clock), seconds;

	spin(SPINS);
	seconds = bench_seconds(clock) - start;
	note(seconds);
	return seconds <= fastest * PROBE_SLACK;
}

struct spinner {
	pthread_t thread;
	unsigned int *waiting; /* threads that have not come yet */
	double begin, end;
};

static void *spin_together(void *arg)
{
	struct spinner *s = arg;

	__atomic_sub_fetch(s->waiting, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(s->waiting, __ATOMIC_ACQUIRE))
		;
	s->begin = bench_seconds(BENCH_WALL);
	spin(SPINS_CORES * SPINS);
	s->end = bench_seconds(BENCH_WALL);
	return NULL;
}

/* On one core they come one after the other, or each takes as long as both. */
bool probe_apart(const double *begin, const double *end, unsigned int nr, double least)
{
	double first_end = end[0], last_begin = begin[0];

	for (unsigned int i = 0; i < nr; i++) {
		if (end[i] - begin[i] > least * PROBE_SLACK)
			return false;
		first_end = end[i] < first_end ? end[i] : first_end;
		last_begin = begin[i] > last_begin ? begin[i] : last_begin;
	}
	return first_end - last_begin >= least / 2;
}

static bool spin_apart(unsigned int nr)
{
	struct spinner spinners[MOST];
	double begin[MOST] = { 0 }, end[MOST] = { 0 };
	unsigned int waiting = nr;

	probe_quiet(BENCH_WALL);
	for (unsigned int i = 0; i < nr; i++) {
		spinners[i].waiting = &waiting;
		if (i && cores_start(&spinners[i].thread, i, spin_together, &spinners[i])) {
			fprintf(stderr, "vmaple-bench: no thread for the probe\n");
			exit(1);
		}
	}
	spin_together(&spinners[0]);
	for (unsigned int i = 0; i < nr; i++) {
		if (i)
			pthread_join(spinners[i].thread, NULL);
		begin[i] = spinners[i].begin;
		end[i] = spinners[i].end;
	}
	return probe_apart(begin, end, nr, SPINS_CORES * fastest);
}

/* Threads that share a core never spin apart; those that do not are now and then disturbed. */
bool probe_cores(unsigned int threads)
{
	unsigned int nr = threads < MOST ? threads : MOST;

	for (int i = 0; i < TRIES_CORES; i++)
		if (spin_apart(nr))
			return true;
	return false;
}
