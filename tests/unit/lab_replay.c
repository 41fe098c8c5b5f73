/* SPDX-License-Identifier: MIT */
/* Recordings in the lab: what is compared when, what that costs, and what is verified. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/replay.h>

#include "lab.h"
#include "recording.h"

#define AREAS 1000ul /* a page each, and a page apart */
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

#if defined(MM_INDEX_AUGMENTED)
#define OWN "augmented"
#elif defined(MM_INDEX_CLASSIC)
#define OWN "classic"
#else
#define OWN "maple"
#endif

static char path[] = "/tmp/vmaple-lab-XXXXXX";
static uint64_t first_call, steps;

/* An index that tells another end of one area from one event on, and counts how often it is asked. */
static const struct lab_index *honest;
static struct {
	uint64_t events, from, asked;
	unsigned long at;
} lie;

static bool lying_area(struct mm_struct *mm, unsigned long addr, struct lab_area *a)
{
	bool there = honest->area(mm, addr, a);

	lie.asked++;
	if (there && lie.from && lie.events >= lie.from && a->start == lie.at)
		a->flags ^= VM_READ;
	return there;
}

static int lying_event(struct replay *replay, const struct trace_event *e)
{
	lie.events = e->step;
	return honest->replay_event(replay, e);
}

static int begin(void **state)
{
	struct trace_writer *w;
	struct recording rec;

	close(mkstemp(path));
	assert_int_equal(trace_writer_open(&w, path, &rec_header), 0);
	rec = (struct recording){ .sink = trace_writer_sink(w) };
	rec_begin(&rec);
	for (unsigned long i = 0; i < AREAS; i++)
		rec_call(&rec, SYS_mmap, rec_at(2 * i), REC_PAGE, RW, ANON, (int64_t)rec_at(2 * i));
	first_call = rec.step + 1;
	for (unsigned long i = 0; i < 2 * AREAS; i++)
		rec_call(&rec, SYS_mprotect, rec_at(2 * (i % AREAS)), REC_PAGE, i < AREAS ? PROT_READ : RW, 0,
			0);
	steps = rec.step;
	assert_int_equal(rec.error, 0);
	return trace_writer_close(w);
}

static int finish(void **state)
{
	return unlink(path);
}

/* The first index and one that lies about @at from event @from on. */
static void replay_with_lie(struct lab_run *run, uint64_t from, unsigned long at)
{
	struct lab_index wrong = *lab_indexes[1];

	honest = lab_indexes[1];
	wrong.name = "wrong";
	wrong.area = lying_area;
	wrong.replay_event = lying_event;
	lie.events = lie.asked = 0;
	lie.from = from;
	lie.at = at;
	*run = (struct lab_run){ .indexes = { lab_indexes[0], &wrong }, .nr = 2, .random = 1 };
	lab_replay_chosen(run, MM_VERIFY_NEVER, path);
	run->indexes[1] = NULL;
}

static void test_what_a_call_left_wrong_is_noticed_at_the_call(void **state)
{
	for (unsigned long i = 0; i < 2 * AREAS; i += 97) {
		struct lab_run run;
		char step[40];

		replay_with_lie(&run, first_call + i, rec_at(2 * (i % AREAS)));
		snprintf(step, sizeof(step), "after step %lu:", (unsigned long)(first_call + i));
		assert_true(run.failed);
		if (strncmp(run.error, step, strlen(step)) != 0 || !strstr(run.error, "wrong"))
			fail_msg("call %lu: %s", i, run.error);
	}
}

static void test_what_is_wrong_elsewhere_is_noticed_within_as_many_events_as_areas(void **state)
{
	struct lab_run run;

	replay_with_lie(&run, first_call, rec_at(2 * (AREAS - 1)));
	assert_true(run.failed);
	assert_in_range(
		strtoul(run.error + strlen("after step "), NULL, 10), first_call, first_call + AREAS + 2);
	replay_with_lie(&run, steps, rec_at(0));
	assert_true(run.failed); /* at the end, where all is looked at */
}

static void test_comparing_is_proportional_to_events(void **state)
{
	struct lab_run run;

	replay_with_lie(&run, 0, 0);
	assert_false(run.failed);
	assert_int_equal(run.calls, 3 * AREAS);
	assert_in_range(lie.asked, steps, 12 * steps);
}

static void test_the_shape_is_that_of_the_largest_map(void **state)
{
	for (int i = 0; i < LAB_INDEXES; i++) {
		struct lab_run run;

		lab_replay(&run, lab_indexes[i], MM_VERIFY_NEVER, path);
		assert_false(run.failed);
		assert_int_equal(run.shape.areas, AREAS);
		assert_int_equal(run.calls, 3 * AREAS);
	}
}

static unsigned int verify_seen;

static int see_verify(struct replay *replay, const struct trace_event *e)
{
	int err = honest->replay_event(replay, e);
	const struct mm_struct *mm = replay_find(replay, 0);

	if (mm)
		verify_seen = mm->sys->verify;
	return err;
}

static void test_what_is_said_to_be_verified_is(void **state)
{
	for (int i = 0; i < LAB_INDEXES; i++)
		if (strcmp(lab_indexes[i]->name, OWN) == 0)
			honest = lab_indexes[i];
	for (unsigned int verify = MM_VERIFY_NEVER; verify <= MM_VERIFY_ALWAYS; verify++) {
		struct lab_index index = *honest;
		struct lab_run run;

		index.replay_event = see_verify;
		verify_seen = ~0u;
		lab_replay(&run, &index, verify, path);
		assert_false(run.failed);
		assert_int_equal(verify_seen, verify);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_call_left_wrong_is_noticed_at_the_call),
		cmocka_unit_test(test_what_is_wrong_elsewhere_is_noticed_within_as_many_events_as_areas),
		cmocka_unit_test(test_comparing_is_proportional_to_events),
		cmocka_unit_test(test_the_shape_is_that_of_the_largest_map),
		cmocka_unit_test(test_what_is_said_to_be_verified_is),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
