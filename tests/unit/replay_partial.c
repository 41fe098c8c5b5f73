/* SPDX-License-Identifier: MIT */
/* Address spaces that were seen in part or from some moment on, and maps that the mirror goes on from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "recording.h"

struct seen {
	int differences, uncertain;
	char what[256];
};

static void note(void *ctx, const struct replay_difference *d)
{
	struct seen *s = ctx;

	*(d->verdict == REPLAY_UNCERTAIN ? &s->uncertain : &s->differences) += 1;
	snprintf(s->what, sizeof(s->what), "%s", d->what);
}

static struct replay *begin(struct seen *seen, struct recording *rec)
{
	struct trace_header header = rec_header;
	struct replay_options options = { .difference = note, .ctx = seen };
	struct replay *r;

	*seen = (struct seen){ 0 };
	header.fault_source = TRACE_FAULTS_NONE;
	r = replay_new(&header, &options);
	assert_non_null(r);
	*rec = (struct recording){ .sink = replay_sink(r) };
	return r;
}

/* The space begins with these areas, or nothing is known of what is in it. */
static void begin_with(struct recording *rec, const struct trace_area *areas, uint32_t count)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE,
		.space = { .attached = true,
			.path = "/bin/logged",
			.topdown = true,
			.task_size = (1UL << 47) - 4096 } };

	for (int i = 0; i <= TRACE_LIMIT_MEMLOCK; i++)
		e.space.limits[i] = UINT64_MAX;
	rec_event(rec, e);
	e = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = count ? UINT64_MAX : 0,
			.has_vm_flags = count,
			.has_names = count,
			.count = count,
			.areas = areas } };
	rec_event(rec, e);
}

static void begin_unseen(struct recording *rec)
{
	begin_with(rec, NULL, 0);
}

static void assert_area(struct replay *r, uint64_t from, uint64_t to)
{
	struct vm_area_struct *vma = vma_lookup(replay_find(r, 0), rec_at(from));

	assert_non_null(vma);
	assert_int_equal(vma->vm_start, rec_at(from));
	assert_int_equal(vma->vm_end, rec_at(to));
}

static void test_a_mapping_lies_where_the_kernel_put_it(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	begin_unseen(&rec);
	rec_call(&rec, SYS_mmap, 0, 2 * REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, (int64_t)rec_at(7));
	assert_area(r, 7, 9);
	rec_call(
		&rec, SYS_mremap, rec_at(7), 2 * REC_PAGE, 3 * REC_PAGE, MREMAP_MAYMOVE, (int64_t)rec_at(20));
	assert_area(r, 20, 23);
	assert_int_equal(replay_find(r, 0)->map_count, 1);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

static void test_a_call_that_succeeds_shows_that_something_was_there(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	begin_unseen(&rec);
	rec_call(&rec, SYS_mprotect, rec_at(3), REC_PAGE, PROT_READ, 0, 0);
	assert_int_equal(seen.differences, 0);
	assert_int_equal(seen.uncertain, 1);
	assert_area(r, 3, 4);
	/* It is known now. */
	rec_call(&rec, SYS_madvise, rec_at(3), REC_PAGE, MADV_DONTNEED, 0, 0);
	assert_int_equal(seen.uncertain, 1);
	replay_free(r);
}

static void test_two_mappings_in_one_place_are_an_order_that_cannot_be(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	begin_unseen(&rec);
	for (int i = 0; i < 2; i++)
		rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			(int64_t)rec_at(1));
	assert_int_equal(seen.differences, 0);
	assert_int_equal(seen.uncertain, 1);
	assert_non_null(strstr(seen.what, "missing or logged later"));
	assert_area(r, 1, 2);
	replay_free(r);
}

static void test_a_failed_call_changes_nothing_that_linux_would_not_have_changed(void **state)
{
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);
	const uint64_t fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	begin_unseen(&rec);
	rec_call(&rec, SYS_mmap, rec_at(0), 2 * REC_PAGE, PROT_READ, fixed, (int64_t)rec_at(0));
	rec_call(&rec, SYS_mmap, 0, REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -12);
	rec_call(&rec, SYS_munmap, rec_at(0), REC_PAGE, 0, 0, -12);
	assert_area(r, 0, 2);
	/* What lies before the hole has changed. */
	rec_call(&rec, SYS_mprotect, rec_at(1), 2 * REC_PAGE, PROT_NONE, 0, -12);
	assert_area(r, 0, 1);
	assert_area(r, 1, 2);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

static void test_the_mirror_goes_on_from_a_map_behind_a_gap(void **state)
{
	struct trace_area areas[] = { rec_area(0, 1, PROT_READ), rec_area(5, 6, PROT_READ | PROT_WRITE) };
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	rec_begin(&rec);
	rec_call(&rec, SYS_mmap, rec_at(0), 4 * REC_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		(int64_t)rec_at(0));
	rec_event(&rec,
		(struct trace_event){ .type = TRACE_EVENT_MAP,
			.map = {
				.reason = TRACE_MAP_RESYNC, .hi = UINT64_MAX, .count = 2, .areas = areas } });
	assert_area(r, 0, 1);
	assert_area(r, 5, 6);
	rec_map(&rec, areas, 2);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

#define MAY_READ_AND_EXEC (0x10 | 0x40)
#define MAY_WRITE         0x20
#define MAY_SHARE         0x80
#define READS             0x01

/* A shared page of the file, and whether it was opened for writing. */
static struct trace_area shared_page(uint64_t page, bool writable)
{
	struct trace_area a = rec_area(page, page + 1, PROT_READ);

	a.shared = true;
	a.vm_flags = READS | MAY_READ_AND_EXEC | MAY_SHARE | (writable ? MAY_WRITE | 0x08 : 0);
	a.offset = page * REC_PAGE;
	a.dev = 8;
	a.ino = 77;
	a.name = "/srv/data";
	return a;
}

/* Of a private one nobody knows. */
static struct trace_area private_page(uint64_t page)
{
	struct trace_area a = shared_page(page, false);

	a.shared = false;
	a.vm_flags = READS | MAY_READ_AND_EXEC | MAY_WRITE;
	return a;
}

static void map_file_as(struct recording *rec, uint64_t page, uint32_t id, uint32_t open_flags, uint64_t how)
{
	struct trace_event e = { .type = TRACE_EVENT_FILE,
		.file = { .id = id,
			.kind = TRACE_FILE_REGULAR,
			.dev = 8,
			.ino = 77,
			.open_flags = open_flags,
			.path = "/srv/data" } };

	rec_event(rec, e);
	e = (struct trace_event){ .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_mmap,
			.args = { rec_at(page), REC_PAGE, PROT_READ, how | MAP_FIXED, 3, page * REC_PAGE },
			.result = (int64_t)rec_at(page),
			.file = id } };
	rec_event(rec, e);
}

static void map_file(struct recording *rec, uint64_t page, uint32_t id, uint32_t open_flags)
{
	map_file_as(rec, page, id, open_flags, MAP_SHARED);
}

/* The areas of a first map do not say which open file they are of; that a shared one may be written shows how it was opened. */
static void test_what_is_mapped_later_joins_areas_of_the_first_map(void **state)
{
	const struct trace_area areas[] = { shared_page(1, true), shared_page(4, false) };
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	begin_with(&rec, areas, 2);
	map_file(&rec, 2, 1, 2);
	assert_area(r, 1, 3);
	map_file(&rec, 5, 2, 0);
	assert_area(r, 4, 6);
	/* Each goes on to be what it was opened as. */
	map_file(&rec, 3, 1, 2);
	assert_area(r, 1, 4);
	rec_call(&rec, SYS_mprotect, rec_at(1), REC_PAGE, PROT_READ | PROT_WRITE, 0, 0);
	rec_call(&rec, SYS_mprotect, rec_at(5), REC_PAGE, PROT_READ | PROT_WRITE, 0, -13);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

/* What has only private areas can have been opened in any way; once it is told which file that is, no other one is it. */
static void test_what_was_mapped_privately_may_be_any_open_file(void **state)
{
	const struct trace_area first = private_page(1);
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	begin_with(&rec, &first, 1);
	map_file_as(&rec, 2, 1, 2, MAP_PRIVATE);
	assert_area(r, 1, 3);
	map_file_as(&rec, 3, 2, 2, MAP_PRIVATE);
	assert_area(r, 3, 4);
	map_file_as(&rec, 4, 2, 2, MAP_PRIVATE);
	assert_area(r, 3, 5);
	/* Opened for writing, it can be mapped so. */
	map_file(&rec, 9, 1, 2);
	rec_call(&rec, SYS_mprotect, rec_at(9), REC_PAGE, PROT_READ | PROT_WRITE, 0, 0);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

/* A shared area beside a private one shows how it was opened: of both, or of both not. */
static void test_a_shared_area_shows_how_a_file_was_opened(void **state)
{
	for (int writable = 0; writable < 2; writable++) {
		const struct trace_area areas[] = { private_page(1), shared_page(5, writable) };
		struct recording rec;
		struct seen seen;
		struct replay *r = begin(&seen, &rec);

		begin_with(&rec, areas, 2);
		map_file_as(&rec, 2, 1, 2, MAP_PRIVATE);
		map_file(&rec, 6, 1, 2);
		if (writable) {
			assert_area(r, 1, 3);
			assert_area(r, 5, 7);
		} else {
			assert_area(r, 2, 3);
			assert_area(r, 6, 7);
		}
		assert_int_equal(seen.differences + seen.uncertain, 0);
		replay_free(r);
	}
}

/* shmat's areas have a close operation: what was cut of one stays apart. */
static void test_a_segment_of_the_first_map_is_cut_for_good(void **state)
{
	struct trace_area a = shared_page(1, true);
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	a.end = rec_at(3);
	a.name = "/SYSV00000000 (deleted)";
	begin_with(&rec, &a, 1);
	for (int i = 0; i < 2; i++) {
		rec_call(&rec, i ? SYS_munlock : SYS_mlock, rec_at(2), REC_PAGE, 0, 0, 0);
		assert_area(r, 1, 2);
		assert_area(r, 2, 3);
	}
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

/* Which userfaultfd serves an area of the first map it does not say, but that one does: then it moves with no other. */
static void test_what_was_served_before_moves_alone(void **state)
{
	struct trace_area areas[] = { rec_area(1, 2, PROT_READ), rec_area(2, 3, PROT_READ | PROT_WRITE) };
	const struct trace_event move = { .type = TRACE_EVENT_CALL,
		.call = { .nr = SYS_mremap,
			.args = { rec_at(1), 2 * REC_PAGE, 2 * REC_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				rec_at(8) },
			.result = -14 } };
	struct recording rec;
	struct seen seen;
	struct replay *r = begin(&seen, &rec);

	areas[0].vm_flags = READS | MAY_READ_AND_EXEC | MAY_WRITE | VM_UFFD_WP;
	areas[1].vm_flags = READS | PROT_WRITE | MAY_READ_AND_EXEC | MAY_WRITE;
	begin_with(&rec, areas, 2);
	rec_event(&rec, move);
	assert_area(r, 1, 2);
	assert_area(r, 2, 3);
	assert_int_equal(seen.differences + seen.uncertain, 0);
	replay_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mapping_lies_where_the_kernel_put_it),
		cmocka_unit_test(test_a_call_that_succeeds_shows_that_something_was_there),
		cmocka_unit_test(test_two_mappings_in_one_place_are_an_order_that_cannot_be),
		cmocka_unit_test(test_a_failed_call_changes_nothing_that_linux_would_not_have_changed),
		cmocka_unit_test(test_the_mirror_goes_on_from_a_map_behind_a_gap),
		cmocka_unit_test(test_what_is_mapped_later_joins_areas_of_the_first_map),
		cmocka_unit_test(test_what_was_mapped_privately_may_be_any_open_file),
		cmocka_unit_test(test_a_shared_area_shows_how_a_file_was_opened),
		cmocka_unit_test(test_what_was_served_before_moves_alone),
		cmocka_unit_test(test_a_segment_of_the_first_map_is_cut_for_good),
	};

	return cmocka_run_group_tests_name("replay, in part", tests, NULL, NULL);
}
