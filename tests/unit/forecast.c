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
	assert_true(fabs(forecast_seconds(65530, 1, 65530)) < 1e-9);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
