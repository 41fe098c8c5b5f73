/* SPDX-License-Identifier: MIT */
/*
 * Where MAP_32BIT lies in a randomised process: what some number drawn leads to agrees, and nothing else.
 *
 * Linux on x86-64 searches upwards from 0x40000000 and up to 8,191 pages more, drawn anew by each call (arch/x86 of
 * linux-source-6.12), below 0x80000000; without randomisation from 0x40000000.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/personality.h>

#include <cmocka.h>

#include "recording.h"

static void count(void *ctx, const struct replay_difference *d)
{
	*(unsigned int *)ctx += d->verdict != REPLAY_UNCERTAIN;
}

#define IN_32BIT (MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT)
#define FIRST    0x40000000ul
#define LAST     (0x42000000ul - REC_PAGE)
#define END      0x80000000ul

/* Of a process that was @personality at execve(): all behind where the last search begins is mapped but @holes pages. */
static struct replay *full_behind_the_last(
	unsigned int *differences, struct recording *rec, uint64_t personality, uint64_t holes)
{
	struct replay_options options = { .difference = count, .ctx = differences };
	struct replay *r = replay_new(&rec_header, &options);
	struct trace_event e = { .type = TRACE_EVENT_SPACE, .space = rec_space() };

	assert_non_null(r);
	*differences = 0;
	*rec = (struct recording){ .sink = replay_sink(r) };
	e.space.limits[TRACE_LIMIT_PERSONALITY] = personality;
	rec_event(rec, e);
	e = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true } };
	rec_event(rec, e);
	rec_call(rec, SYS_mmap, LAST, END - LAST - holes * REC_PAGE, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, LAST);
	return r;
}

static void test_a_search_below_2_gib_begins_where_a_number_drawn_says(void **state)
{
	struct recording rec;
	unsigned int differences;
	struct replay *r = full_behind_the_last(&differences, &rec, 0, 0);

	/* Below where the last one begins there is room, which a search may or may not see. */
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST + 5 * REC_PAGE);
	assert_int_equal(differences, 0);
	/* It looks at nothing below, and takes nothing that is in use. */
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST - REC_PAGE);
	assert_int_equal(differences, 1);
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST + 5 * REC_PAGE);
	assert_int_equal(differences, 2);
	/* A hint that is free is taken. */
	rec_call(&rec, SYS_mmap, FIRST + 9 * REC_PAGE, REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	assert_int_equal(differences, 3);
	replay_free(r);
}

static void test_room_that_every_search_below_2_gib_sees_is_found(void **state)
{
	struct recording rec;
	unsigned int differences;
	struct replay *r = full_behind_the_last(&differences, &rec, 0, 2);

	rec_call(&rec, SYS_mmap, 0, 3 * REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	assert_int_equal(differences, 0);
	rec_call(&rec, SYS_mmap, 0, 2 * REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	assert_int_equal(differences, 1);
	replay_free(r);
}

static void test_no_number_is_drawn_of_a_process_that_was_not_randomised(void **state)
{
	struct recording rec;
	unsigned int differences;
	struct replay *r = full_behind_the_last(&differences, &rec, ADDR_NO_RANDOMIZE, 0);

	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST);
	assert_int_equal(differences, 0);
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST + 5 * REC_PAGE);
	assert_int_equal(differences, 1);
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	assert_int_equal(differences, 2);
	replay_free(r);
}

static void test_a_personality_asked_for_later_stops_no_drawing(void **state)
{
	struct recording rec;
	unsigned int differences;
	struct replay *r = full_behind_the_last(&differences, &rec, 0, 0);

	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_LIMIT,
				.limit = { TRACE_LIMIT_PERSONALITY, ADDR_NO_RANDOMIZE } });
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, FIRST + 5 * REC_PAGE);
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, IN_32BIT, -ENOMEM);
	assert_int_equal(rec.error, 0);
	assert_int_equal(differences, 0);
	replay_free(r);
}

/* MAP_SHARED_VALIDATE refuses flags that it does not know, and those that are known are the program's. */
static void test_a_place_that_was_drawn_adds_no_flag_to_those_that_are_looked_at(void **state)
{
	unsigned int differences;
	struct recording rec;
	struct replay *r = full_behind_the_last(&differences, &rec, 0, 0);

	rec_event(&rec,
		(struct trace_event){ .type = TRACE_EVENT_FILE,
			.file = { .id = 1, .kind = TRACE_FILE_REGULAR, .dev = 8, .ino = 7, .path = "/f" } });
	rec_event(&rec,
		(struct trace_event){ .type = TRACE_EVENT_CALL,
			.call = { .nr = SYS_mmap,
				.args = { 0, REC_PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_32BIT, 3, 0 },
				.result = FIRST + 5 * REC_PAGE,
				.file = 1 } });
	assert_int_equal(rec.error, 0);
	assert_int_equal(differences, 0);
	assert_int_equal(replay_find(r, 100)->map_count, 2);
	replay_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_search_below_2_gib_begins_where_a_number_drawn_says),
		cmocka_unit_test(test_room_that_every_search_below_2_gib_sees_is_found),
		cmocka_unit_test(test_no_number_is_drawn_of_a_process_that_was_not_randomised),
		cmocka_unit_test(test_a_personality_asked_for_later_stops_no_drawing),
		cmocka_unit_test(test_a_place_that_was_drawn_adds_no_flag_to_those_that_are_looked_at),
	};

	return cmocka_run_group_tests_name("replay_drawn", tests, NULL, NULL);
}
