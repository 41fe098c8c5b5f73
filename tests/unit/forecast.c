/* SPDX-License-Identifier: MIT */
/* Growth is told from noise, and its rate is right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <vmaple/forecast.h>

static unsigned int seed = 20041117;

/* Uniform in [-1, 1). */
static double noise(void)
{
	seed = seed * 1664525 + 1013904223;
	return (double)(seed >> 8) / (1 << 23) - 1;
}

static void assert_within(double found, double expected, double share)
{
	if (fabs(found - expected) > fabs(expected) * share)
		fail_msg("%g is not within %g of %g", found, share, expected);
}

static void test_a_steady_leak_has_its_rate(void **state)
{
	struct forecast f = { 0 };

	for (int t = 0; t < 40; t++)
		forecast_look(&f, t, 1000 + 7 * t);
	assert_within(forecast_growth(&f), 7, 0.001);
	assert_within(
		forecast_seconds(1000 + 7 * 39, forecast_growth(&f), 65530), (65530 - 1273) / 7.0, 0.001);
}

static void test_a_noisy_leak_has_its_rate(void **state)
{
	for (int round = 0; round < 100; round++) {
		struct forecast f = { 0 };

		for (int t = 0; t < 64; t++)
			forecast_look(&f, t, floor(5000 + 20 * t + 15 * noise()));
		assert_within(forecast_growth(&f), 20, 0.1);
	}
}

/* Of noise alone 1 in 370 is believed, by either window: of 500 then hardly more than 10. */
static void test_noise_is_no_growth(void **state)
{
	int believed = 0;

	for (int round = 0; round < 500; round++) {
		struct forecast f = { 0 };

		for (int t = 0; t < 100; t++)
			forecast_look(&f, t, floor(5000 + 200 * noise()));
		believed += fabs(forecast_growth(&f)) > 0;
	}
	if (believed > 10)
		fail_msg("%d of 500 believed", believed);
}

static void test_a_saw_is_no_growth(void **state)
{
	struct forecast f = { 0 };

	for (int t = 0; t < 200; t++) {
		forecast_look(&f, t, 3000 + t % 5 * 100);
		assert_true(fabs(forecast_growth(&f)) < 1e-9);
	}
}

static void test_one_step_is_no_growth(void **state)
{
	for (int at = 1; at < 31; at++) {
		struct forecast f = { 0 };

		for (int t = 0; t < 32; t++)
			forecast_look(&f, t, t < at ? 100 : 500);
		assert_true(fabs(forecast_growth(&f)) < 1e-9);
	}
}

/* One area in twenty seconds: the last looks show nothing, the whole time does. */
static void test_a_slow_leak_is_seen_in_the_end(void **state)
{
	struct forecast f = { 0 };

	for (int t = 0; t < 600; t++)
		forecast_look(&f, t, floor(100 + t / 20.0));
	assert_within(forecast_growth(&f), 1 / 20.0, 0.1);
}

/* Hours of quiet, then a leak: the last looks have it. */
static void test_a_leak_that_begins_late_is_seen_soon(void **state)
{
	struct forecast f = { 0 };

	for (int t = 0; t < 5000; t++)
		forecast_look(&f, t, 100);
	for (int t = 0; t < 32; t++)
		forecast_look(&f, 5000 + t, 100 + 50 * t);
	assert_within(forecast_growth(&f), 50, 0.05);
}

static void test_looks_at_uneven_times_count_by_time(void **state)
{
	struct forecast f = { 0 };
	double t = 0;

	for (int i = 0; i < 30; i++) {
		t += 1 + fabs(noise()) * 9;
		forecast_look(&f, t, 100 + 3 * t);
	}
	assert_within(forecast_growth(&f), 3, 0.001);
}

static void test_what_shrinks_or_is_there_has_no_time_left_to_tell(void **state)
{
	assert_true(forecast_seconds(100, -3, 65530) < 0);
	assert_true(forecast_seconds(100, 0, 65530) < 0);
	for (int growth = -1; growth <= 1; growth++)
		assert_true(fabs(forecast_seconds(65530, growth, 65530)) < 1e-9);
}

static void test_too_few_looks_say_nothing(void **state)
{
	struct forecast f = { 0 };

	assert_true(fabs(forecast_growth(&f)) < 1e-9);
	for (int t = 0; t < 7; t++)
		forecast_look(&f, t, 100 * t);
	assert_true(fabs(forecast_growth(&f)) < 1e-9);
	forecast_look(&f, 7, 700);
	assert_within(forecast_growth(&f), 100, 0.001);
}

static void test_a_clock_that_stands_still_has_no_rates(void **state)
{
	struct forecast f = { 0 };

	for (int look = 0; look < 16; look++)
		forecast_look(&f, 5, 100 * look);
	assert_true(fabs(forecast_growth(&f)) < 1e-9);
}

/* By Kendall's formulas in whole numbers: is S three standard deviations away, less one for its steps, in looks 1 s apart? */
static bool is_believed(const double *counts, int n)
{
	long s = 0, v = (long)n * (n - 1) * (2 * n + 5), up = 0, down = 0;

	for (int i = 0; i < n; i++) {
		long same = 0, first = 1;

		for (int j = 0; j < n; j++) {
			same += fabs(counts[j] - counts[i]) < 0.5;
			first &= j >= i || fabs(counts[j] - counts[i]) > 0.5;
			s += j > i ? (counts[j] > counts[i]) - (counts[j] < counts[i]) : 0;
		}
		v -= first ? same * (same - 1) * (2 * same + 5) : 0;
		up += i && counts[i] > counts[i - 1];
		down += i && counts[i] < counts[i - 1];
	}
	s = labs(s) - 1;
	return (up >= 3 || down >= 3) && s > 0 && 2 * s * s >= v;
}

static void test_three_deviations_are_the_least(void **state)
{
	int believed = 0;

	for (int round = 0; round < 3000; round++) {
		int n = 8 + round % 24, scale = 1 + round % 7;
		struct forecast f = { 0 };
		double counts[32];

		for (int t = 0; t < n; t++) {
			counts[t] = floor(100 + (double)t / scale + 3 * noise());
			forecast_look(&f, t, round % 2 ? counts[t] : 200 - counts[t]);
		}
		believed += is_believed(counts, n);
		/* Where most pairs are equal the slope in the middle is 0, believed or not. */
		if (!is_believed(counts, n) && fabs(forecast_growth(&f)) > 0)
			fail_msg("%d looks of round %d: %g is believed", n, round, forecast_growth(&f));
		if (is_believed(counts, n) && scale == 1 && !(fabs(forecast_growth(&f)) > 0))
			fail_msg("%d looks of round %d are not believed", n, round);
	}
	assert_in_range(believed, 300, 2700);
}

/* S goes down by 2 with each pair of neighbours that change places: through all that it can be, past the least. */
static void is_believed_as_far_as(int n, int equal, double of)
{
	double counts[32];
	int k = 0;

	for (int t = 0; t < n; t++)
		counts[t] = of > 0 ? (t < n - equal ? t : of) : (t < equal ? of : t);
	do {
		struct forecast f = { 0 };

		for (int t = 0; t < n; t++)
			forecast_look(&f, t, counts[t]);
		if (is_believed(counts, n) != (fabs(forecast_growth(&f)) > 0))
			fail_msg("%d looks, %d equal: %g", n, equal, forecast_growth(&f));
		if (!is_believed(counts, n))
			return;
		for (k = 0; k + 1 < n && counts[k] >= counts[k + 1]; k++)
			;
		if (k + 1 < n) {
			double higher = counts[k + 1];

			counts[k + 1] = counts[k];
			counts[k] = higher;
		}
	} while (k + 1 < n);
	fail_msg("%d looks, %d equal: all is believed", n, equal);
}

static void test_the_least_is_exact(void **state)
{
	for (int n = 8; n <= 32; n++)
		is_believed_as_far_as(n, 1, 0);
	for (int equal = 2; equal <= 16; equal++) {
		is_believed_as_far_as(32, equal, 0);
		is_believed_as_far_as(32, equal, 100);
	}
}

/* Of three levels, or of four; upwards, or downwards. */
static double growth_of_levels(int levels, int direction)
{
	struct forecast f = { 0 };

	for (int t = 0; t < 32; t++)
		forecast_look(&f, t, 1000 + direction * (t * levels / 32));
	return forecast_growth(&f);
}

static void test_two_steps_are_no_growth_and_three_are(void **state)
{
	struct forecast f = { 0 };

	for (int direction = -100; direction <= 100; direction += 200) {
		assert_true(fabs(growth_of_levels(3, direction)) < 1e-9);
		assert_true(growth_of_levels(4, direction) / direction > 0.05);
	}
	/* The first of the three from the first look to the second. */
	for (int t = 0; t < 32; t++)
		forecast_look(&f, t, t == 0 ? 0 : t < 12 ? 1000 : t < 22 ? 2000 : 3000);
	assert_true(forecast_growth(&f) > 50);
}

/* Of two slopes in the middle the mean: of four pairs of looks each. */
static void test_the_rate_is_the_slope_in_the_middle(void **state)
{
	struct forecast f = { 0 };
	double slopes[28], counts[8];
	int nr = 0;

	for (int t = 0; t < 8; t++) {
		counts[t] = t * t * t;
		forecast_look(&f, t, counts[t]);
	}
	for (int i = 0; i < 8; i++) {
		for (int j = i + 1; j < 8; j++) {
			double slope = (counts[j] - counts[i]) / (j - i);
			int at = nr++;

			for (; at && slopes[at - 1] > slope; at--)
				slopes[at] = slopes[at - 1];
			slopes[at] = slope;
		}
	}
	assert_true(slopes[14] - slopes[13] > 0.5 && slopes[15] - slopes[14] > 0.5);
	assert_within(forecast_growth(&f), (slopes[13] + slopes[14]) / 2, 1e-9);
}

/* Every other look goes when there are 32, and from then on every second, fourth, eighth comes. */
static void test_the_whole_time_is_kept_evenly(void **state)
{
	struct forecast f = { 0 };
	unsigned int apart = 1;

	for (unsigned int t = 0; t < 500; t++) {
		forecast_look(&f, t, 10 * t);
		apart *= f.whole.stride > apart ? 2 : 1;
		assert_in_range(f.whole.nr, t < 16 ? t + 1 : 16, FORECAST_LOOKS);
		for (unsigned int i = 1; i < f.whole.nr; i++) {
			assert_in_range(
				(unsigned int)(f.whole.seconds[i] - f.whole.seconds[i - 1]), 1, apart);
			assert_true(fabs(f.whole.counts[i] - 10 * f.whole.seconds[i]) < 1e-9);
		}
		assert_true(f.whole.seconds[0] < 1);
		assert_in_range(t - (unsigned int)f.whole.seconds[f.whole.nr - 1], 0, apart);
	}
	assert_int_equal(apart, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_steady_leak_has_its_rate),
		cmocka_unit_test(test_a_noisy_leak_has_its_rate),
		cmocka_unit_test(test_noise_is_no_growth),
		cmocka_unit_test(test_a_saw_is_no_growth),
		cmocka_unit_test(test_one_step_is_no_growth),
		cmocka_unit_test(test_a_slow_leak_is_seen_in_the_end),
		cmocka_unit_test(test_a_leak_that_begins_late_is_seen_soon),
		cmocka_unit_test(test_looks_at_uneven_times_count_by_time),
		cmocka_unit_test(test_what_shrinks_or_is_there_has_no_time_left_to_tell),
		cmocka_unit_test(test_too_few_looks_say_nothing),
		cmocka_unit_test(test_a_clock_that_stands_still_has_no_rates),
		cmocka_unit_test(test_three_deviations_are_the_least),
		cmocka_unit_test(test_the_least_is_exact),
		cmocka_unit_test(test_two_steps_are_no_growth_and_three_are),
		cmocka_unit_test(test_the_rate_is_the_slope_in_the_middle),
		cmocka_unit_test(test_the_whole_time_is_kept_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
