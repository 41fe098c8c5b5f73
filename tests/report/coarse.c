/* SPDX-License-Identifier: MIT */
/*
 * What a page does when it has no room for every area: what is joined, what is left out, what is counted, and in which order.
 * Each case is a list of areas, how many may stay, and the list that has to come out; times are in nanoseconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../report/collect.h"

#define MOST     8
#define PAGES(n) ((uint64_t)(n) << 12)

/* start and end in pages. */
struct rect {
	uint64_t start, end, born, ended;
	uint32_t lives, reasons;
};

struct coarse {
	uint64_t begin, now; /* of the address space */
	uint32_t most;
	struct rect in[MOST], out[MOST];
	uint64_t shortest, smallest, joined, left_out; /* behind it */
};

static uint32_t count(const struct rect *list)
{
	uint32_t n = 0;

	while (n < MOST && list[n].end)
		n++;
	return n;
}

static struct report *report_of(const struct coarse *c)
{
	struct report *r = test_calloc(1, sizeof(*r));

	r->rects = test_calloc(MOST, sizeof(*r->rects));
	r->lives.begin_ns = c->begin;
	r->lives.now_ns = c->now;
	r->nr_rects = count(c->in);
	for (uint32_t i = 0; i < r->nr_rects; i++)
		r->rects[i] = (struct report_rect){ .start = PAGES(c->in[i].start),
			.end = PAGES(c->in[i].end),
			.born_ns = c->in[i].born,
			.ended_ns = c->in[i].ended,
			.lives = c->in[i].lives,
			.reasons = c->in[i].reasons };
	return r;
}

static void end_of(struct report *r)
{
	test_free(r->rects);
	test_free(r);
}

static void check(const struct coarse *c)
{
	struct report *r = report_of(c);

	report_coarsen(r, c->most);
	assert_int_equal(r->nr_rects, count(c->out));
	for (uint32_t i = 0; i < r->nr_rects; i++) {
		assert_int_equal(r->rects[i].start, PAGES(c->out[i].start));
		assert_int_equal(r->rects[i].end, PAGES(c->out[i].end));
		assert_int_equal(r->rects[i].born_ns, c->out[i].born);
		assert_int_equal(r->rects[i].ended_ns, c->out[i].ended);
		assert_int_equal(r->rects[i].lives, c->out[i].lives);
		assert_int_equal(r->rects[i].reasons, c->out[i].reasons);
	}
	assert_int_equal(r->shortest_ns, c->shortest);
	assert_int_equal(r->smallest, c->smallest);
	assert_int_equal(r->joined, c->joined);
	assert_int_equal(r->left_out, c->left_out);
	end_of(r);
}

static void test_what_is_short_becomes_one_with_what_follows_in_its_place(void **state)
{
	const struct coarse c = { .now = 1000000,
		.most = 2,
		.in = { { 1, 2, 0, 500, 1, 1 }, { 1, 2, 500, 90000, 2, 1 }, { 4, 5, 0, 90000, 1, 1 } },
		.out = { { 1, 2, 0, 90000, 3, 1 }, { 4, 5, 0, 90000, 1, 1 } },
		.shortest = 1000,
		.joined = 1 };

	(void)state;
	check(&c);
}

/* 999 ns are short, 1000 are not. */
static void test_what_lived_a_microsecond_is_not_short(void **state)
{
	const struct coarse c = { .now = 1000000,
		.most = 2,
		.in = { { 1, 2, 0, 999, 1, 1 }, { 1, 2, 2000, 3000, 1, 1 }, { 4, 5, 7000, 90000, 1, 1 } },
		.out = { { 1, 2, 2000, 3000, 1, 1 }, { 4, 5, 7000, 90000, 1, 1 } },
		.shortest = 1000,
		.left_out = 1 };

	(void)state;
	check(&c);
}

static void test_a_short_rest_becomes_one_with_what_was_before_it(void **state)
{
	const struct coarse c = { .now = 1000000,
		.most = 2,
		.in = { { 1, 2, 0, 90000, 1, 1 }, { 1, 2, 90000, 90500, 1, 1 }, { 4, 5, 0, 90000, 1, 1 } },
		.out = { { 1, 2, 0, 90500, 2, 1 }, { 4, 5, 0, 90000, 1, 1 } },
		.shortest = 1000,
		.joined = 1 };
	const struct coarse highest = { .now = 1000000,
		.most = 2,
		.in = { { 1, 2, 0, 90000, 1, 1 }, { 4, 5, 0, 90000, 1, 1 }, { 4, 5, 90000, 90500, 1, 1 } },
		.out = { { 1, 2, 0, 90000, 1, 1 }, { 4, 5, 0, 90500, 2, 1 } },
		.shortest = 1000,
		.joined = 1 };

	(void)state;
	check(&c);
	check(&highest);
}

/* Elsewhere, longer, later, or for another reason: not what follows. */
static void test_what_differs_is_left_out_and_counted_by_lives(void **state)
{
	const struct coarse c = { .now = 1000000,
		.most = 4,
		.in = { { 1, 2, 0, 500, 3, 1 }, { 1, 2, 501, 90000, 1, 1 }, { 4, 5, 0, 500, 1, 1 },
			{ 4, 6, 500, 90000, 1, 1 }, { 8, 9, 0, 500, 1, 1 }, { 8, 9, 500, 90000, 1, 2 } },
		.out = { { 1, 2, 501, 90000, 1, 1 }, { 4, 6, 500, 90000, 1, 1 }, { 8, 9, 500, 90000, 1, 2 } },
		.shortest = 1000,
		.left_out = 5 };

	(void)state;
	check(&c);
}

/* 1000, 2000, 4000 ns; four times 4000 is all of the time: then 8 KiB, 16 KiB. */
static void test_detail_is_halved_in_time_first_then_in_size(void **state)
{
	const struct coarse c = { .begin = 1000,
		.now = 17000,
		.most = 1,
		.in = { { 1, 2, 1000, 17000, 1, 1 }, { 4, 6, 1000, 17000, 1, 1 },
			{ 8, 12, 1000, 17000, 1, 1 } },
		.out = { { 8, 12, 1000, 17000, 1, 1 } },
		.shortest = 4000,
		.smallest = 16384,
		.left_out = 2 };
	const struct coarse nothing = {
		.now = 16000, .most = 0, .in = { { 1, 2, 0, 3999, 1, 1 } }, .shortest = 4000, .left_out = 1
	};

	(void)state;
	check(&c);
	check(&nothing);
}

/* Anything may come in any order: by place, then by end, then by time. */
static void test_what_comes_out_is_in_order(void **state)
{
	const struct coarse c = { .now = 1000000,
		.most = 6,
		.in = { { 4, 5, 5000, 90000, 1, 1 }, { 4, 6, 2000, 90000, 1, 1 }, { 4, 5, 1000, 3000, 1, 1 },
			{ 1, 9, 0, 90000, 1, 1 } },
		.out = { { 1, 9, 0, 90000, 1, 1 }, { 4, 5, 1000, 3000, 1, 1 }, { 4, 5, 5000, 90000, 1, 1 },
			{ 4, 6, 2000, 90000, 1, 1 } },
		.shortest = 1000 };

	(void)state;
	check(&c);
}

/* What differs in one of these only is never joined. */
static void test_every_property_of_two_lives_is_compared(void **state)
{
	const struct coarse c = { .now = 1000000,
		.in = { { 1, 2, 0, 500, 1, 1 }, { 1, 2, 500, 90000, 1, 1 } } };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct report *r = report_of(&c);

		r->rects[1].site = i == 0;
		r->rects[1].name = i == 1;
		r->rects[1].stack = i == 2;
		r->rects[1].thread = i == 3;
		r->rects[1].kind = i == 4;
		r->rects[1].needless = i == 5;
		report_coarsen(r, 1);
		assert_int_equal(r->nr_rects, 1);
		assert_int_equal(r->joined, 0);
		assert_int_equal(r->left_out, 1);
		assert_int_equal(r->rects[0].born_ns, 500);
		end_of(r);
	}
}

/* As many as make the table of words grow four times. */
static void test_a_word_has_one_number_and_keeps_it(void **state)
{
	struct report_words w = { 0 };
	char text[16];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 500; i++) {
			snprintf(text, sizeof(text), "%u", i * 7919);
			assert_int_equal(report_word(&w, text), i);
		}
	assert_int_equal(w.count, 500);
	assert_string_equal(w.word[499], "3951581");
	assert_int_equal(report_word(&w, ""), 500);
	report_words_free(&w);
	assert_int_equal(report_word(&w, "another"), 0);
	report_words_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_short_becomes_one_with_what_follows_in_its_place),
		cmocka_unit_test(test_what_lived_a_microsecond_is_not_short),
		cmocka_unit_test(test_a_short_rest_becomes_one_with_what_was_before_it),
		cmocka_unit_test(test_what_differs_is_left_out_and_counted_by_lives),
		cmocka_unit_test(test_detail_is_halved_in_time_first_then_in_size),
		cmocka_unit_test(test_what_comes_out_is_in_order),
		cmocka_unit_test(test_every_property_of_two_lives_is_compared),
		cmocka_unit_test(test_a_word_has_one_number_and_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
