/* SPDX-License-Identifier: MIT */
/*
 * What a replay costs: time that grows with the events and areas, memory with what lives and differs.
 *
 * And what copies that are made late must not change: each address space is at every moment what it would have been if
 * its fork had copied at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "failing_port.h"
#include "recording.h"

#define RW (PROT_READ | PROT_WRITE)

static struct trace_area *make_areas(uint32_t n, bool files)
{
	struct trace_area *areas = calloc(n, sizeof(*areas));

	assert_non_null(areas);
	for (uint32_t i = 0; i < n; i++)
		areas[i] = (struct trace_area){ .start = 0x10000 + i * 2 * REC_PAGE,
			.end = 0x10000 + (i * 2 + 1) * REC_PAGE,
			.prot = PROT_READ,
			.vm_flags = 0x71,
			.ino = files ? i + 1 : 0,
			.name = files ? "/f" : "" };
	return areas;
}

static void begin(struct recording *rec, struct replay *r, const struct trace_area *areas, uint32_t n)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true,
			.count = n,
			.areas = areas } };

	*rec = (struct recording){ .sink = replay_sink(r) };
	rec_begin(rec);
	rec_event(rec, e);
	assert_int_equal(rec->error, 0);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double time_of_files(uint32_t n)
{
	struct replay_options options = { .unchecked = false };
	struct replay *r = replay_new(&rec_header, &options);
	struct trace_area *areas = make_areas(n, true);
	struct recording rec;
	double start = cpu_seconds();

	begin(&rec, r, areas, n);
	assert_int_equal(replay_find(r, 0)->map_count, n);
	replay_free(r);
	free(areas);
	return cpu_seconds() - start;
}

static void test_twice_the_files_take_about_twice_the_time(void **state)
{
	double few = time_of_files(5000), many = time_of_files(40000);

	/* Eight times as many; what grows with their square takes sixty-four times as long. */
	if (many > 24 * few + 0.1)
		fail_msg("5,000 files take %.3f s, 40,000 take %.3f s", few, many);
}

static void fork_event(struct recording *rec, uint32_t mm, uint32_t child)
{
	struct trace_event e = { .type = TRACE_EVENT_FORK, .fork = { 100 + child, child } };

	e.step = ++rec->step;
	e.pid = e.tid = 99 + mm;
	e.mm = mm;
	assert_int_equal(rec->sink->event(rec->sink, &e), 0);
}

static void exit_event(struct recording *rec, uint32_t mm)
{
	struct trace_event e = { .type = TRACE_EVENT_EXIT, .exit = { .last = true } };

	e.step = ++rec->step;
	e.pid = e.tid = mm == 1 ? 100 : 100 + mm;
	e.mm = mm;
	assert_int_equal(rec->sink->event(rec->sink, &e), 0);
}

static void test_copies_that_nobody_changes_take_no_memory(void **state)
{
	struct replay_options options = { .unchecked = false };
	struct replay *r = replay_new(&rec_header, &options);
	struct trace_area *areas = make_areas(10000, false);
	struct recording rec;
	long before;

	begin(&rec, r, areas, 10000);
	before = live_bytes;
	assert_true(before > 1 << 20);
	for (uint32_t i = 2; i < 2002; i++)
		fork_event(&rec, 1, i);
	if (live_bytes > 2 * before)
		fail_msg("%ld bytes for one map, %ld with 2,000 copies", before, live_bytes);
	/* The others end with the replay, their parent before them. */
	for (uint32_t i = 2; i < 1002; i++)
		exit_event(&rec, i);
	replay_free(r);
	free(areas);
}

/* What has been touched since it was seen last is the children's, too, and not once for each. */
static void test_children_share_what_was_touched(void **state)
{
	struct replay_options options = { .unchecked = false };
	struct replay *r = replay_new(&rec_header, &options);
	struct recording rec;
	long before;

	begin(&rec, r, NULL, 0);
	for (uint64_t i = 0; i < 2000; i++)
		rec_call(&rec, SYS_madvise, rec_at(8 * i), REC_PAGE, 4, 0, -12);
	before = live_bytes;
	for (uint32_t i = 2; i < 2002; i++)
		fork_event(&rec, 1, i);
	if (live_bytes > before + 2000 * 256)
		fail_msg("%ld bytes, %ld with 2,000 children", before, live_bytes);
	replay_free(r);
}

static unsigned long pages_of(struct replay *r, uint32_t pid)
{
	const char *reason;
	struct mm_struct *mm = replay_find(r, pid);

	assert_non_null(mm);
	if (!mm_validate(mm, &reason))
		fail_msg("%s", reason);
	return mm->total_vm;
}

static void call_in(
	struct recording *rec, uint32_t mm, uint32_t nr, uint64_t addr, uint64_t len, uint64_t prot)
{
	struct trace_event e = { .type = TRACE_EVENT_CALL,
		.call = { .nr = nr, .args = { addr, len, prot } } };

	e.step = ++rec->step;
	e.pid = e.tid = 99 + mm;
	e.mm = mm;
	assert_int_equal(rec->sink->event(rec->sink, &e), 0);
}

static void unmap_in(struct recording *rec, uint32_t mm, uint64_t page)
{
	call_in(rec, mm, SYS_munmap, rec_at(page), REC_PAGE, 0);
}

static void test_a_copy_is_what_its_parent_was_at_the_fork(void **state)
{
	struct replay_options options = { .unchecked = false };
	struct replay *r = replay_new(&rec_header, &options);
	struct recording rec;

	begin(&rec, r, NULL, 0);
	rec_call(&rec, SYS_mmap, rec_at(0), 16 * REC_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(0));
	rec_write(&rec, rec_at(3));
	fork_event(&rec, 1, 2);
	fork_event(&rec, 1, 3);
	fork_event(&rec, 1, 4);
	unmap_in(&rec, 3, 0); /* a child changes, then its parent, then it forks */
	unmap_in(&rec, 1, 5);
	unmap_in(&rec, 1, 6);
	fork_event(&rec, 3, 5);
	fork_event(&rec, 5, 6); /* a copy of a copy */
	unmap_in(&rec, 3, 1);
	exit_event(&rec, 1); /* the parent of copies ends */
	assert_int_equal(pages_of(r, 102), 16);
	assert_int_equal(pages_of(r, 103), 14);
	assert_int_equal(pages_of(r, 104), 16);
	assert_int_equal(pages_of(r, 105), 15);
	exit_event(&rec, 5);
	assert_int_equal(pages_of(r, 106), 15);
	assert_null(replay_find(r, 105));
	replay_free(r);
}

/* An observation takes over; what forked before it keeps what was there then. */
static void test_a_resync_leaves_copies_as_they_were(void **state)
{
	struct replay_options options = { .unchecked = false };
	struct replay *r = replay_new(&rec_header, &options);
	struct trace_area area = rec_area(0, 2, RW);
	struct trace_event e = { .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_RESYNC, .hi = UINT64_MAX, .count = 1, .areas = &area } };
	struct recording rec;

	begin(&rec, r, NULL, 0);
	rec_call(&rec, SYS_mmap, rec_at(0), 16 * REC_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(0));
	fork_event(&rec, 1, 2);
	rec_event(&rec, e);
	assert_int_equal(pages_of(r, 100), 2);
	assert_int_equal(pages_of(r, 102), 16);
	replay_free(r);
}

static int install(void **state)
{
	failing_port_install();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twice_the_files_take_about_twice_the_time),
		cmocka_unit_test(test_copies_that_nobody_changes_take_no_memory),
		cmocka_unit_test(test_children_share_what_was_touched),
		cmocka_unit_test(test_a_copy_is_what_its_parent_was_at_the_fork),
		cmocka_unit_test(test_a_resync_leaves_copies_as_they_were),
	};

	return cmocka_run_group_tests_name("bounds of the replay", tests, install, NULL);
}
