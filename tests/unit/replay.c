/* SPDX-License-Identifier: MIT */
/*
 * The mirror beside observations: it agrees where Linux would, and says so where it does not.
 *
 * The maps in these stories are what Linux 6.18 does (merge-scenarios.txt), not what the engine printed.
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

struct seen {
	int differences, uncertain;
	char what[256], call[256], expected[1024], found[1024];
};

static void note(void *ctx, const struct replay_difference *d)
{
	struct seen *s = ctx;

	*(d->verdict == REPLAY_UNCERTAIN ? &s->uncertain : &s->differences) += 1;
	snprintf(s->what, sizeof(s->what), "%s", d->what);
	snprintf(s->call, sizeof(s->call), "%s", d->call);
	snprintf(s->expected, sizeof(s->expected), "%s", d->expected);
	snprintf(s->found, sizeof(s->found), "%s", d->found);
}

static struct replay *begin(struct seen *seen, struct recording *rec, uint32_t fault_source)
{
	struct trace_header header = rec_header;
	struct replay_options options = { .difference = note, .ctx = seen };
	struct replay *r;

	*seen = (struct seen){ 0 };
	header.fault_source = fault_source;
	r = replay_new(&header, &options);
	assert_non_null(r);
	*rec = (struct recording){ .sink = replay_sink(r) };
	return r;
}

static void test_a_story_as_linux_tells_it_has_no_difference(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_ALL);
	struct replay_stats stats;

	rec_story(&rec);
	assert_int_equal(rec.error, 0);
	replay_statistics(r, &stats);
	assert_int_equal(stats.differences, 0);
	assert_int_equal(stats.uncertain, 0);
	assert_int_equal(stats.checks, 5);
	assert_int_equal(stats.calls, 6);
	assert_int_equal(stats.calls_by_kind[REPLAY_MMAP], 2);
	assert_int_equal(stats.calls_by_kind[REPLAY_MPROTECT], 2);
	assert_int_equal(stats.calls_by_kind[REPLAY_MUNMAP], 2);
	assert_int_equal(stats.calls_by_kind[REPLAY_OTHER], 0);
	assert_int_equal(stats.failed_calls, 1);
	assert_int_equal(stats.first_writes, 2);
	replay_free(r);
}

/* Without the writes, the page would have joined both neighbours: the observation shows two areas. */
static void lost_writes(struct recording *rec)
{
	const uint32_t rw = PROT_READ | PROT_WRITE;

	rec_begin(rec);
	for (int i = 0; i < 2; i++)
		rec_call(rec, SYS_mmap, rec_at(2 * (uint64_t)i), REC_PAGE, rw,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (int64_t)rec_at(2 * (uint64_t)i));
	rec_call(rec, SYS_mmap, rec_at(1), REC_PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(1));
	rec_map(rec, (struct trace_area[]){ rec_area(0, 2, rw), rec_area(2, 3, rw) }, 2);
}

static void test_a_cut_that_faults_would_explain_is_a_difference_where_all_faults_were_seen(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_ALL);

	lost_writes(&rec);
	assert_int_equal(seen.differences, 1);
	assert_int_equal(seen.uncertain, 0);
	assert_non_null(strstr(seen.call, "mmap(0x7f0000001000, 4096, PROT_READ|PROT_WRITE, "));
	assert_non_null(strstr(seen.expected, "7f0000000000-7f0000003000 rw-p"));
	assert_non_null(strstr(seen.found, "7f0000000000-7f0000002000 rw-p"));
	replay_free(r);
}

static void test_the_same_cut_is_uncertain_where_faults_were_not_seen(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_NONE);

	lost_writes(&rec);
	assert_int_equal(seen.differences, 0);
	assert_int_equal(seen.uncertain, 1);
	/* The mirror has taken the kernel's areas: the same observation again agrees. */
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 2, 3), rec_area(2, 3, 3) }, 2);
	assert_int_equal(seen.uncertain, 1);
	assert_int_equal(replay_find(r, 100)->map_count, 2);
	replay_free(r);
}

static void test_other_access_is_a_difference_even_where_faults_were_not_seen(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_NONE);

	rec_begin(&rec);
	rec_call(&rec, SYS_mmap, rec_at(0), REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(0));
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 1, PROT_READ | PROT_WRITE) }, 1);
	assert_int_equal(seen.differences, 1);
	rec_map(&rec, (struct trace_area[]){ rec_area(0, 1, PROT_READ | PROT_WRITE) }, 1);
	assert_int_equal(seen.differences, 1);
	replay_free(r);
}

static void test_a_result_that_was_not_expected_is_a_difference(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_ALL);

	rec_begin(&rec);
	rec_call(&rec, SYS_munmap, rec_at(0) + 1, REC_PAGE, 0, 0, 0);
	assert_int_equal(seen.differences, 1);
	assert_string_equal(seen.expected, "-EINVAL\n");
	assert_string_equal(seen.found, "0\n");
	replay_free(r);
}

static void test_a_missing_and_a_surplus_area_are_differences_and_are_taken_over(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec, TRACE_FAULTS_ALL);

	rec_begin(&rec);
	rec_call(&rec, SYS_munlockall, 0, 0, 0, 0, 0);
	rec_map(&rec, (struct trace_area[]){ rec_area(5, 6, PROT_READ) }, 1);
	assert_int_equal(seen.differences, 1);
	assert_string_equal(seen.expected, "(nothing)\n");
	assert_int_equal(replay_find(r, 0)->map_count, 1);
	rec_call(&rec, SYS_mmap, rec_at(5), REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(5));
	rec_map(&rec, NULL, 0);
	assert_int_equal(seen.differences, 2);
	assert_string_equal(seen.found, "(nothing)\n");
	assert_int_equal(replay_find(r, 0)->map_count, 0);
	replay_free(r);
}

static void test_a_process_is_there_until_its_last_thread_ends(void **state)
{
	const struct replay_options options = { .unchecked = true };
	struct replay *replay = replay_new(&rec_header, &options);
	struct recording rec = { .sink = replay_sink(replay) };
	struct trace_event thread = { .type = TRACE_EVENT_TASK,
		.step = 3,
		.pid = 100,
		.tid = 101,
		.mm = 1,
		.task = { .parent_tid = 100, .thread = true } };
	struct trace_event end = { .type = TRACE_EVENT_EXIT, .step = 4, .pid = 100, .tid = 100, .mm = 1 };

	rec_begin(&rec);
	assert_int_equal(rec.sink->event(rec.sink, &thread), 0);
	assert_int_equal(rec.sink->event(rec.sink, &end), 0);
	assert_non_null(replay_find(replay, 0));
	end.step = 5;
	end.tid = 101;
	end.exit.last = true;
	assert_int_equal(rec.sink->event(rec.sink, &end), 0);
	errno = EIO;
	assert_null(replay_find(replay, 0));
	assert_int_equal(errno, 0);
	replay_free(replay);
}

static void test_calls_read_like_strace(void **state)
{
	struct trace_call mmap_call = { .nr = SYS_mmap,
		.args = { 0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0 } };
	struct trace_call old = { .nr = SYS_mmap,
		.args = { 4096, 4096, 0, MAP_FILE | MAP_EXECUTABLE | (8ul << MAP_HUGE_SHIFT), 3, 0 } };
	struct trace_call huge = { .nr = SYS_mmap,
		.args = { 0, 1 << 21, 1, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | (21u << MAP_HUGE_SHIFT),
			(uint64_t)-1, 0 } };
	struct trace_call poison = { .nr = SYS_madvise, .args = { 4096, 4096, MADV_HWPOISON } };
	struct trace_call advice = { .nr = SYS_madvise, .args = { 0x1000, 4096, MADV_DONTNEED } };
	struct trace_call move = { .nr = SYS_mremap, .args = { 0x1000, 4096, 8192, MREMAP_MAYMOVE, 0 } };
	char buf[256], tiny[8];

	assert_string_equal(trace_call_text(&mmap_call, buf, sizeof(buf)),
		"mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)");
	assert_string_equal(trace_call_text(&old, buf, sizeof(buf)),
		"mmap(0x1000, 4096, PROT_NONE, MAP_FILE|MAP_EXECUTABLE|0x20000000, 3, 0)");
	assert_string_equal(trace_call_text(&huge, buf, sizeof(buf)),
		"mmap(NULL, 2097152, PROT_READ, MAP_SHARED|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, "
		"0)");
	assert_string_equal(
		trace_call_text(&poison, buf, sizeof(buf)), "madvise(0x1000, 4096, MADV_HWPOISON)");
	assert_string_equal(
		trace_call_text(&advice, buf, sizeof(buf)), "madvise(0x1000, 4096, MADV_DONTNEED)");
	assert_string_equal(
		trace_call_text(&move, buf, sizeof(buf)), "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE, NULL)");
	assert_string_equal(trace_call_text(&move, tiny, sizeof(tiny)), "mremap(");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_story_as_linux_tells_it_has_no_difference),
		cmocka_unit_test(
			test_a_cut_that_faults_would_explain_is_a_difference_where_all_faults_were_seen),
		cmocka_unit_test(test_the_same_cut_is_uncertain_where_faults_were_not_seen),
		cmocka_unit_test(test_other_access_is_a_difference_even_where_faults_were_not_seen),
		cmocka_unit_test(test_a_result_that_was_not_expected_is_a_difference),
		cmocka_unit_test(test_a_missing_and_a_surplus_area_are_differences_and_are_taken_over),
		cmocka_unit_test(test_a_process_is_there_until_its_last_thread_ends),
		cmocka_unit_test(test_calls_read_like_strace),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
