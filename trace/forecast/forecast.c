/* SPDX-License-Identifier: MIT */
/*
 * Growth told from noise.
 *
 * 1. Windows.  `recent` has the last looks.  `whole` has looks since the beginning: when it is full every other one goes, and
 *    from then on only every second, fourth, ... look is added.
 * 2. Significance.  S is the number of pairs that went up less those that went down; without growth its mean is 0 and its
 *    variance n(n-1)(2n+5)/18, less what ties take away.  |S| has to be 3 standard deviations, which chance does once
 *    in 370 looks, and of two windows the recent one is believed first.
 * 3. A count that goes up and down like a saw is no growth by S, though each look differs.  One step or two, as of a
 *    program that begins its work, is none either: it takes three looks that were higher than the one before.
 *
 * The test is Mann and Kendall's, the slope Theil and Sen's (the median of the slopes of all pairs):
 * neither asks how the counts are distributed, and one wild look moves neither. O(looks^2 log looks) for
 * each window, with at most FORECAST_LOOKS.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/forecast.h>

#define LEAST_LOOKS 8
#define PAIRS       (FORECAST_LOOKS * (FORECAST_LOOKS - 1) / 2)
#define DEVIATIONS  3.0
#define LEAST_STEPS 3

static void append(struct forecast_window *w, double seconds, double count)
{
	w->seconds[w->nr] = seconds;
	w->counts[w->nr] = count;
	w->nr++;
}

/* @seconds ascend; from when they count does not matter, only their differences do. */
static void look_recent(struct forecast_window *w, double seconds, double count)
{
	if (w->nr == FORECAST_LOOKS) {
		w->nr--;
		memmove(w->seconds, w->seconds + 1, w->nr * sizeof(double));
		memmove(w->counts, w->counts + 1, w->nr * sizeof(double));
	}
	append(w, seconds, count);
}

static void look_whole(struct forecast_window *w, double seconds, double count)
{
	if (w->skipped + 1 < w->stride) {
		w->skipped++;
		return;
	}
	w->skipped = 0;
	if (w->nr == FORECAST_LOOKS) {
		for (size_t i = 0; i < FORECAST_LOOKS / 2; i++) {
			w->seconds[i] = w->seconds[2 * i];
			w->counts[i] = w->counts[2 * i];
		}
		w->nr = FORECAST_LOOKS / 2;
		/* 0 is a stride of 1: a window of zeros is a new one. */
		w->stride = w->stride ? w->stride * 2 : 2;
	}
	append(w, seconds, count);
}

void forecast_look(struct forecast *f, double seconds, double count)
{
	look_recent(&f->recent, seconds, count);
	look_whole(&f->whole, seconds, count);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The variance of S, with ties: groups of equal counts. */
static double variance(const struct forecast_window *w)
{
	/* A group of one takes 1 * 0 * 7 away, nothing: it needs no case of its own. */
	double sorted[FORECAST_LOOKS], n = w->nr, v = n * (n - 1) * (2 * n + 5);

	memcpy(sorted, w->counts, w->nr * sizeof(double));
	qsort(sorted, w->nr, sizeof(double), ascending);
	for (unsigned int i = 0, same; i < w->nr; i += same) {
		for (same = 1; i + same < w->nr && sorted[i + same] <= sorted[i]; same++)
			;
		v -= (double)same * (same - 1) * (2 * same + 5);
	}
	return v / 18;
}

/* Does it go in one direction often enough for a trend? */
static bool has_steps(const struct forecast_window *w)
{
	int up = 0, down = 0;

	for (unsigned int i = 1; i < w->nr; i++) {
		up += w->counts[i] > w->counts[i - 1];
		down += w->counts[i] < w->counts[i - 1];
	}
	return up >= LEAST_STEPS || down >= LEAST_STEPS;
}

static double growth(const struct forecast_window *w)
{
	double slopes[PAIRS], s = 0;
	unsigned int nr = 0;

	if (w->nr < LEAST_LOOKS || !has_steps(w))
		return 0;
	for (unsigned int i = 0; i < w->nr; i++) {
		for (unsigned int j = i + 1; j < w->nr; j++) {
			double rise = w->counts[j] - w->counts[i], run = w->seconds[j] - w->seconds[i];

			s += (rise > 0) - (rise < 0);
			slopes[nr++] = run > 0 ? rise / run : 0;
		}
	}
	/* Less 1 for continuity: S goes in steps of 2. */
	if (fabs(s) - 1 < DEVIATIONS * sqrt(variance(w)))
		return 0;
	qsort(slopes, nr, sizeof(double), ascending);
	return nr % 2 ? slopes[nr / 2] : (slopes[nr / 2 - 1] + slopes[nr / 2]) / 2;
}

/*
 * Areas per second, negative when they get fewer; 0: no trend. The whole is asked where the recent looks
 * have none: slow growth is not seen among the last few.
 */
double forecast_growth(const struct forecast *f)
{
	double recent = growth(&f->recent);

	return recent < 0 || recent > 0 ? recent : growth(&f->whole);
}

/* 0: it is reached; -1: never, by this growth. */
double forecast_seconds(double count, double growth, double limit)
{
	if (count >= limit)
		return 0;
	return growth > 0 ? (limit - count) / growth : -1;
}
