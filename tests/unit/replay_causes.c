/* SPDX-License-Identifier: MIT */
/*
 * What a disagreement is taken for: the engine's, a driver's, or of something that no recorded event did; and that what
 * follows from one is not reported again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "recording.h"

#define RW    (PROT_READ | PROT_WRITE)
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

struct seen {
	int of[REPLAY_OUTSIDE + 1];
	char what[256];
};

static void note(void *ctx, const struct replay_difference *d)
{
	struct seen *s = ctx;

	s->of[d->verdict]++;
	snprintf(s->what, sizeof(s->what), "%s", d->what);
}

static struct replay *begin(struct seen *seen, struct recording *rec)
{
	struct replay_options options = { .difference = note, .ctx = seen };
	struct replay *r = replay_new(&rec_header, &options);

	assert_non_null(r);
	*seen = (struct seen){ .what = "" };
	*rec = (struct recording){ .sink = replay_sink(r) };
	rec_begin(rec);
	return r;
}

static uint64_t consequences(struct replay *r)
{
	struct replay_stats stats;

	replay_statistics(r, &stats);
	return stats.consequences;
}

static void window(
	struct recording *rec, uint64_t from, uint64_t to, const struct trace_area *areas, uint32_t count)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_CHECK,
			.lo = rec_at(from) - 1,
			.hi = rec_at(to) + 1,
			.count = count,
			.areas = areas } };

	rec_event(rec, e);
}

static void map_pages(struct recording *rec, uint64_t page, uint64_t pages)
{
	rec_call(rec, SYS_mmap, rec_at(page), pages * REC_PAGE, RW, FIXED, (int64_t)rec_at(page));
}

static void test_what_changes_where_no_call_was_came_from_outside(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	map_pages(&rec, 0, 4);
	window(&rec, 0, 4, (struct trace_area[]){ rec_area(0, 4, RW) }, 1);
	map_pages(&rec, 8, 1);
	window(&rec, 8, 9, (struct trace_area[]){ rec_area(8, 9, RW) }, 1);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, PROT_READ), rec_area(8, 9, RW) }, 2);
	assert_int_equal(seen.of[REPLAY_OUTSIDE], 1);
	/* And again, in the same place. */
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, RW), rec_area(8, 9, RW) }, 2);
	assert_int_equal(seen.of[REPLAY_OUTSIDE], 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 0);
	replay_free(r);
}

static void test_what_changes_where_a_call_was_is_a_difference(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	map_pages(&rec, 0, 4);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, PROT_READ) }, 1);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	replay_free(r);
}

static void test_two_places_are_two_causes_and_one_place_is_one(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	map_pages(&rec, 0, 4);
	map_pages(&rec, 8, 4);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, PROT_READ), rec_area(8, 12, PROT_READ) }, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 2);
	rec_call(&rec, SYS_mprotect, rec_at(1), REC_PAGE, RW, 0, 0);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, RW), rec_area(8, 12, PROT_READ) }, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 2);
	assert_int_equal(consequences(r), 1);
	/* Something new is there. */
	map_pages(&rec, 0, 4);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 4, PROT_READ), rec_area(8, 12, PROT_READ) }, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 3);
	replay_free(r);
}

static void test_the_same_refusal_again_is_a_consequence(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	for (uint64_t i = 0; i < 5; i++)
		rec_call(&rec, SYS_mmap, rec_at(2 * i), REC_PAGE, RW, FIXED, -EACCES);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	assert_int_equal(consequences(r), 4);
	/* None of them is there. */
	assert_int_equal(replay_find(r, 0)->map_count, 0);
	replay_free(r);
}

static void test_another_calls_refusal_has_a_reason_of_its_own(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	map_pages(&rec, 0, 9);
	rec_call(&rec, SYS_mprotect, rec_at(0), REC_PAGE, PROT_READ, 0, -EACCES);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	rec_call(&rec, SYS_munlock, rec_at(8), REC_PAGE, 0, 0, -EACCES);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 2);
	replay_free(r);
}

static void file(struct recording *rec, uint32_t id, uint32_t kind, const char *path)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE,
		.file = { .id = id, .kind = kind, .open_flags = 2, .path = path } };

	rec_event(rec, e);
}

static void map_file(struct recording *rec, uint32_t id, uint64_t addr, uint64_t flags, int64_t result)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_mmap,
			.args = { addr, REC_PAGE, RW, flags, 3, 0 },
			.result = result,
			.file = id } };

	rec_event(rec, e);
}

static void test_what_a_driver_refuses_is_foreign_and_not_there(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	file(&rec, 1, TRACE_FILE_DEVICE, "anon_inode:[io_uring]");
	map_file(&rec, 1, 0, MAP_SHARED, -EINVAL);
	assert_int_equal(seen.of[REPLAY_FOREIGN], 1);
	assert_non_null(strstr(seen.what, "io_uring"));
	assert_int_equal(replay_find(r, 0)->map_count, 0);
	/* At an address that is taken: what was there stays until it is seen. */
	map_pages(&rec, 0, 1);
	file(&rec, 2, TRACE_FILE_DEVICE, "/dev/something");
	map_file(&rec, 2, rec_at(0), MAP_SHARED | MAP_FIXED, -EPERM);
	assert_int_equal(seen.of[REPLAY_FOREIGN], 2);
	assert_non_null(strstr(seen.what, "a driver"));
	assert_int_equal(replay_find(r, 0)->map_count, 1);
	window(&rec, 0, 1, NULL, 0);
	assert_int_equal(replay_find(r, 0)->map_count, 0);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE] + seen.of[REPLAY_OUTSIDE], 0);
	replay_free(r);
}

static void test_what_a_driver_places_elsewhere_is_there(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	file(&rec, 1, TRACE_FILE_DEVICE, "/dev/something");
	map_file(&rec, 1, 0, MAP_SHARED, (int64_t)rec_at(0) - 16 * 4096);
	assert_int_equal(seen.of[REPLAY_FOREIGN], 1);
	assert_int_equal(replay_find(r, 0)->map_count, 1);
	assert_non_null(vma_lookup(replay_find(r, 0), rec_at(0) - 16 * 4096));
	replay_free(r);
}

static void test_a_repair_keeps_names_and_files(void **state)
{
	const struct trace_area vdso = { .start = 0x7ff000000000,
		.end = 0x7ff000002000,
		.prot = PROT_READ | PROT_EXEC,
		.vm_flags = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC,
		.name = "[vdso]" };
	struct trace_area half = vdso, rest = vdso;
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true,
			.count = 1,
			.areas = &vdso } };
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	rec_event(&rec, e);
	half.end = rest.start = vdso.start + 4096;
	half.name = rest.name = "";
	e.map = (struct trace_map){ .reason = TRACE_MAP_CHECK,
		.lo = vdso.start,
		.hi = vdso.end,
		.count = 2,
		.areas = (struct trace_area[]){ half, rest } };
	rec_event(&rec, e);
	half.name = rest.name = "[vdso]";
	rec_map(&rec, (struct trace_area[]){ half, rest }, 2);
	assert_int_equal(seen.of[REPLAY_OUTSIDE], 1);
	assert_int_equal(consequences(r), 0);
	replay_free(r);
}

/* Its order is in doubt about that stack, and about nothing else. */
static void test_a_stack_that_grew_explains_no_other_area(void **state)
{
	struct trace_event grown = { .type = TRACE_EVENT_FAULT,
		.fault = { .addr = rec_at(599), .write_known = true, .ambiguous = true } };
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	rec_call(&rec, SYS_mmap, rec_at(600), 4 * REC_PAGE, RW, FIXED | MAP_GROWSDOWN, (int64_t)rec_at(600));
	map_pages(&rec, 0, 16);
	rec_event(&rec, grown);
	assert_non_null(vma_lookup(replay_find(r, 0), rec_at(599)));
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 15, RW), rec_area(599, 604, RW) }, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	assert_int_equal(seen.of[REPLAY_UNCERTAIN], 0);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 15, RW), rec_area(600, 604, RW) }, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	assert_int_equal(seen.of[REPLAY_UNCERTAIN], 1);
	assert_non_null(strstr(seen.what, "a stack grew"));
	replay_free(r);
}

/* Their parent is found equal meanwhile, and is touched elsewhere: that is not theirs. */
static void test_children_have_what_was_touched_before_they_were_born(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);
	struct trace_area areas[] = { rec_area(0, 4, RW), rec_area(8, 9, RW), rec_area(16, 17, RW) };

	map_pages(&rec, 0, 4);
	rec_map(&rec, areas, 1);
	map_pages(&rec, 8, 1);
	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 101, 2 } });
	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 102, 3 } });
	map_pages(&rec, 16, 1);
	rec_map(&rec, areas, 3);
	rec.pid = 101;
	rec.mm = 2;
	areas[1].prot = PROT_READ;
	rec_map(&rec, areas, 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	rec.pid = 102;
	rec.mm = 3;
	areas[1].prot = RW;
	rec_map(&rec, areas, 3);
	assert_int_equal(seen.of[REPLAY_OUTSIDE], 1);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	replay_free(r);
}

/* One that is about all spaces, before and after others begin, and what was seen at rest since. */
static void test_a_loss_of_all_is_one_of_each_that_was_there(void **state)
{
	struct trace_event all = { .type = TRACE_EVENT_LOST, .lost = { 2, "a test" } };
	struct trace_area area = rec_area(0, 4, PROT_READ);
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	map_pages(&rec, 0, 4);
	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 101, 2 } });
	all.step = ++rec.step;
	assert_int_equal(rec.sink->event(rec.sink, &all), 0);
	rec_map(&rec, &area, 1);
	assert_int_equal(seen.of[REPLAY_UNCERTAIN], 1);
	/* Born behind it: of a parent that has been seen at rest, and of one that has not. */
	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 102, 3 } });
	rec.pid = 101;
	rec.mm = 2;
	rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FORK, .fork = { 103, 4 } });
	rec.pid = 103;
	rec.mm = 4;
	rec_map(&rec, &area, 1);
	assert_int_equal(seen.of[REPLAY_UNCERTAIN], 2);
	rec.pid = 102;
	rec.mm = 3;
	rec_call(&rec, SYS_mmap, rec_at(64), REC_PAGE, RW, FIXED, -12);
	assert_int_equal(seen.of[REPLAY_UNCERTAIN], 2);
	assert_int_equal(seen.of[REPLAY_DIFFERENCE], 1);
	replay_free(r);
}

static void lose(struct recording *rec, uint64_t count)
{
	rec_event(rec, (struct trace_event){ .type = TRACE_EVENT_LOST, .lost = { count, "a test" } });
}

static void test_what_was_lost_is_added_up_where_it_is_known(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay_stats stats;
	struct replay *r = begin(&seen, &rec);

	lose(&rec, 3);
	lose(&rec, 0);
	lose(&rec, 4);
	replay_statistics(r, &stats);
	assert_int_equal(stats.lost, 3);
	assert_int_equal(stats.lost_events, 7);
	assert_int_equal(stats.lost_unknown, 1);
	/* No sum is less than what it is of. */
	lose(&rec, UINT64_MAX);
	replay_statistics(r, &stats);
	assert_true(stats.lost_events == UINT64_MAX);
	replay_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changes_where_no_call_was_came_from_outside),
		cmocka_unit_test(test_what_changes_where_a_call_was_is_a_difference),
		cmocka_unit_test(test_two_places_are_two_causes_and_one_place_is_one),
		cmocka_unit_test(test_the_same_refusal_again_is_a_consequence),
		cmocka_unit_test(test_another_calls_refusal_has_a_reason_of_its_own),
		cmocka_unit_test(test_what_a_driver_refuses_is_foreign_and_not_there),
		cmocka_unit_test(test_what_a_driver_places_elsewhere_is_there),
		cmocka_unit_test(test_a_repair_keeps_names_and_files),
		cmocka_unit_test(test_a_stack_that_grew_explains_no_other_area),
		cmocka_unit_test(test_children_have_what_was_touched_before_they_were_born),
		cmocka_unit_test(test_a_loss_of_all_is_one_of_each_that_was_there),
		cmocka_unit_test(test_what_was_lost_is_added_up_where_it_is_known),
	};

	return cmocka_run_group_tests_name("replay_causes", tests, NULL, NULL);
}
