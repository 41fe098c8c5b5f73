/* SPDX-License-Identifier: MIT */
/* vmaple-bench: what it makes of its rounds, when it says that a core was not its own, and the page that it writes. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bench/cores.h"
#include "../../bench/html.h"
#include "../../bench/page.h"
#include "../../bench/quiet.h"

static double now, step = 1e-4;

/* The clock of these tests: each look at it is a step. */
double bench_seconds(enum bench_clock clock)
{
	(void)clock;
	now += step;
	return now;
}

static void test_figures(void **state)
{
	double rounds[BENCH_ROUNDS] = { 9, 1, 8, 2, 7, 3, 6, 4, 5, 10 };
	struct figure figure = figure_of(rounds);

	(void)state;
	assert_true(figure.min == 1 && figure.median == 5.5);
	/* Of ten, both outermost may be wrong: 2 x 11/1024 is what the interval leaves out. */
	assert_true(figure.low == 2 && figure.high == 9);
}

/* A ratio is that of a moment: both slow down to a half in half of the rounds, and its interval has no width. */
static void test_ratio_of_a_moment(void **state)
{
	static const struct contender names[] = { { .name = "vmaple" }, { .name = "other" } };
	struct trial trials[2] = { { .contender = &names[0] }, { .contender = &names[1] } };
	static struct result result;

	(void)state;
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		trials[0].ns[i] = i % 2 ? 10 : 20;
		trials[1].ns[i] = 3 * trials[0].ns[i];
	}
	result_fill(&result, trials, 2);
	assert_true(result.lines[1].ratio.min == 3 && result.lines[1].ratio.low == 3 &&
		    result.lines[1].ratio.high == 3);
	assert_true(result.lines[0].ns.low == 10 && result.lines[0].ns.high == 20);
}

static void test_no_cores_no_figures(void **state)
{
	struct result result = { .threads = 2, .disturbed = BENCH_ROUNDS };

	(void)state;
	assert_false(result_counts(&result));
	result.disturbed = 0;
	assert_true(result_counts(&result));
	result.threads = 0;
	result.disturbed = BENCH_ROUNDS;
	assert_true(result_counts(&result));
}

static void test_cores(void **state)
{
	(void)state;
	/* Both at once, and as fast as ever. */
	assert_true(probe_apart((double[]){ 0, 0.01 }, (double[]){ 1, 1.01 }, 2, 1));
	/* One after the other. */
	assert_false(probe_apart((double[]){ 0, 1 }, (double[]){ 1, 2 }, 2, 1));
	/* By turns. */
	assert_false(probe_apart((double[]){ 0, 0 }, (double[]){ 2, 2 }, 2, 1));
	/* One of three was kept from its core. */
	assert_false(probe_apart((double[]){ 0, 0, 0 }, (double[]){ 1, 1.5, 1 }, 3, 1));
}

/* Where the thread is, and may be, when it begins. */
struct place {
	cpu_set_t allowed;
	int cpu;
};

static void *look_where(void *arg)
{
	struct place *place = arg;

	place->cpu = sched_getcpu();
	assert_int_equal(sched_getaffinity(0, sizeof(place->allowed), &place->allowed), 0);
	return NULL;
}

static struct place place_of_thread(unsigned int nr)
{
	struct place place;
	pthread_t thread;

	assert_int_equal(cores_start(&thread, nr, look_where, &place), 0);
	pthread_join(thread, NULL);
	assert_int_equal(CPU_COUNT(&place.allowed), 1);
	assert_true(CPU_ISSET(place.cpu, &place.allowed));
	return place;
}

/* Each thread has a CPU, all CPUs have one before any has two, and who made them has its own back in the end. */
static void test_each_thread_begins_on_its_core(void **state)
{
	cpu_set_t before, after, taken;
	struct place own;
	int cpus;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	cpus = CPU_COUNT(&before);
	cores_begin();
	look_where(&own);
	assert_int_equal(CPU_COUNT(&own.allowed), 1);
	taken = own.allowed;
	for (int nr = 1; nr < cpus; nr++) {
		struct place place = place_of_thread((unsigned int)nr);

		assert_false(CPU_ISSET(place.cpu, &taken));
		CPU_SET(place.cpu, &taken);
	}
	assert_true(CPU_EQUAL(&taken, &before));
	assert_int_equal(place_of_thread((unsigned int)cpus).cpu, own.cpu);
	cores_end();
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
}

static void test_spin_that_takes_longer(void **state)
{
	(void)state;
	assert_true(probe_quiet(BENCH_THREAD));
	assert_true(probe_quiet(BENCH_THREAD));
	step *= 1.5;
	for (int i = 0; i < 100; i++)
		assert_false(probe_quiet(BENCH_THREAD));
	/* And stays so: the machine is slower now. */
	for (int i = 0; i < 1000; i++)
		(void)probe_quiet(BENCH_THREAD);
	assert_true(probe_quiet(BENCH_THREAD));
}

static void test_page(void **state)
{
	size_t sizes[4];

	(void)state;
	assert_int_equal(page_sizes("lookup", sizes, 4), 2);
	assert_true(sizes[0] == 1000 && sizes[1] == 100000 && sizes[2] == 0);
	assert_true(page_has("lookup", "sweep", 1000));
	assert_false(page_has("lookup", "sweep", 100000));
	assert_int_equal(page_sizes("rbtree-search", sizes, 4), 0);
}

static struct result of_two(size_t n, double ours, double other)
{
	static const struct contender names[] = { { .name = "vmaple" }, { .name = "<other>" } };
	struct trial trials[2] = { { .contender = &names[0] }, { .contender = &names[1] } };
	struct result result = { .question = "lookup", .which = "a & b", .n = n };

	for (int i = 0; i < BENCH_ROUNDS; i++) {
		trials[0].ns[i] = ours;
		trials[1].ns[i] = other;
	}
	result_fill(&result, trials, 2);
	return result;
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 100000);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 99999, file) > 0);
	fclose(file);
	return text;
}

static void test_html(void **state)
{
	char path[] = "/tmp/bench-result-XXXXXX";
	int fd = mkstemp(path);
	struct result few = of_two(1000, 10, 20), many = of_two(100000, 30, 15);
	struct html *html;
	char *text;

	(void)state;
	assert_true(fd >= 0);
	html = html_begin(path, "a CPU");
	assert_non_null(html);
	assert_int_equal(html_add(html, &many), 0); /* in any order */
	assert_int_equal(html_add(html, &few), 0);
	assert_int_equal(html_end(html), 0);
	text = read_whole(path);
	/* One kind of work: drawn once with each scale, and a table for each n in ascending order. */
	assert_non_null(strstr(text, "lookup, a &amp; b</h2>"));
	assert_null(strstr(strstr(text, "<svg") + 1, "lookup, a"));
	assert_non_null(strstr(text, "<div class=\"linear\"><svg"));
	assert_non_null(strstr(text, "<div class=\"logarithmic\"><svg"));
	assert_true(strstr(text, "n = 1000<") && strstr(text, "n = 1000<") < strstr(text, "n = 100000<"));
	assert_non_null(strstr(text, ">&lt;other> 15<"));
	assert_null(strstr(text, "<other>"));
	assert_non_null(strstr(text, "class=\"slower\">0.50"));
	assert_non_null(strstr(text, "<td>2.00"));
	free(text);
	remove(path);
	assert_null(html_begin("/nowhere/at/all", "a CPU"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_ratio_of_a_moment),
		cmocka_unit_test(test_no_cores_no_figures),
		cmocka_unit_test(test_cores),
		cmocka_unit_test(test_each_thread_begins_on_its_core),
		cmocka_unit_test(test_spin_that_takes_longer),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_html),
	};

	return cmocka_run_group_tests_name("bench_result", tests, NULL, NULL);
}
