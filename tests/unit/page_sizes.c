/* SPDX-License-Identifier: MIT */
/*
 * Pages of 16 and 64 KiB: recordings that have them, the calls in them, and arm64's address spaces, which differ by them as
 * memory.h, processor.h, elf.h of arch/arm64 and mm/util.c of Linux say.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned long page_size; /* bytes: of the present case */
#define REC_PAGE page_size
#include "recording.h"

#include <vmaple/rmap.h>

#define MB (1UL << 20)
#define RW (PROT_READ | PROT_WRITE)

static const unsigned long sizes[] = { 4096, 16384, 65536 };
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void count_difference(void *ctx, const struct replay_difference *d)
{
	print_error("%s: expected %s found %s", d->call, d->expected, d->found);
	++*(int *)ctx;
}

static struct replay *begin(int *differences)
{
	struct replay_options options = { .difference = count_difference, .ctx = differences };
	struct trace_header header = rec_header;

	*differences = 0;
	header.page_size = (uint32_t)page_size;
	return replay_new(&header, &options);
}

static void test_a_story_is_the_same_in_pages_of_each_size(void **state)
{
	for (size_t i = 0; i < NR_SIZES; i++) {
		struct recording rec = { .step = 0 };
		struct replay_stats stats;
		struct replay *r;
		int differences;

		page_size = sizes[i];
		r = begin(&differences);
		assert_non_null(r);
		rec.sink = replay_sink(r);
		rec_story(&rec);
		replay_statistics(r, &stats);
		assert_int_equal(rec.error, 0);
		assert_int_equal(differences, 0);
		assert_int_equal(stats.checks, 5);
		assert_int_equal(stats.first_writes, 2);
		replay_free(r);
	}
}

/* A length is rounded up to pages, an offset is counted in them, and so is what the total of a space is. */
static void test_lengths_and_offsets_are_of_the_recordings_pages(void **state)
{
	for (size_t i = 0; i < NR_SIZES; i++) {
		struct trace_area area = rec_area(0, 1, PROT_READ);
		struct recording rec = { .step = 0 };
		struct replay *r;
		int differences;

		page_size = sizes[i];
		r = begin(&differences);
		assert_non_null(r);
		rec.sink = replay_sink(r);
		rec_begin(&rec);
		rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_FILE,
					.file = { .id = 1,
						.kind = TRACE_FILE_SHMEM,
						.dev = 1,
						.ino = 7,
						.path = "/f" } });
		rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_CALL,
					.call = { .nr = SYS_mmap,
						.args = { rec_at(0), 1, PROT_READ, MAP_SHARED | MAP_FIXED, 3,
							2 * page_size },
						.result = (int64_t)rec_at(0),
						.file = 1 } });
		area = rec_area(0, 1, PROT_READ);
		area.shared = true;
		area.dev = 1;
		area.ino = 7;
		area.offset = 2 * page_size;
		area.name = "/f";
		rec_map(&rec, &area, 1);
		assert_int_equal(differences, 0);
		assert_int_equal(replay_find(r, 100)->total_vm, 1);
		/* And back from an observation. */
		area.offset = 5 * page_size;
		rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_MAP,
					.map = { .reason = TRACE_MAP_RESYNC,
						.hi = UINT64_MAX,
						.has_names = true,
						.count = 1,
						.areas = &area } });
		assert_int_equal(find_vma(replay_find(r, 100), rec_at(0))->vm_pgoff, 5);
		replay_free(r);
	}
}

/* A file of its own for each case. */
static int write_story(char path[32], uint32_t of)
{
	struct trace_header header = rec_header;
	struct recording rec = { .step = 0 };
	struct trace_writer *w;
	int fd;

	strcpy(path, "/tmp/page-sizes-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	header.page_size = of;
	assert_int_equal(trace_writer_open(&w, path, &header), 0);
	rec.sink = trace_writer_sink(w);
	rec_story(&rec);
	return trace_writer_close(w);
}

/* Steps that were read; below 0: the sentence is in @error. */
static int read_all(const char *path, char error[512])
{
	struct trace_reader *r;
	struct trace_event e;
	int steps = 0, err = trace_reader_open(&r, path, error, 512);

	if (err)
		return err;
	while ((err = trace_reader_next(r, &e)) > 0)
		steps++;
	snprintf(error, 512, "%s", trace_reader_error(r));
	trace_reader_close(r);
	return err ? err : steps;
}

static void test_a_recording_says_how_large_pages_are(void **state)
{
	char path[32], error[512];

	for (size_t i = 0; i < NR_SIZES; i++) {
		page_size = sizes[i];
		assert_int_equal(write_story(path, (uint32_t)page_size), 0);
		assert_int_equal(read_all(path, error), 15);
		unlink(path);
	}
}

static void test_what_is_not_of_whole_pages_is_damage(void **state)
{
	char path[32], error[512];

	page_size = 4096;
	assert_int_equal(write_story(path, 16384), 0);
	assert_int_equal(read_all(path, error), -EBADMSG);
	assert_non_null(strstr(error, "damaged at step 1: "));
	unlink(path);
}

static void test_pages_of_other_sizes_are_refused(void **state)
{
	static const uint32_t none[] = { 0, 2048, 12288, 131072, 1u << 31 };
	char path[32], error[512];

	page_size = 65536;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(write_story(path, none[i]), 0);
		assert_int_equal(read_all(path, error), -EBADMSG);
		assert_non_null(strstr(error, "its pages are of no size from 4 to 64 KiB"));
		unlink(path);
	}
}

static void test_a_call_is_about_whole_pages_of_the_machine(void **state)
{
	const uint64_t at = REC_BASE + 65536;
	struct trace_call call = { .nr = SYS_mprotect, .args = { at, 4096, PROT_READ } };
	struct trace_range r[2];

	for (size_t i = 0; i < NR_SIZES; i++) {
		call = (struct trace_call){ .nr = SYS_mprotect, .args = { at, 4096, PROT_READ } };
		assert_int_equal(trace_named_pages(&call, NULL, sizes[i], r), 1);
		assert_true(r[0].start == at && r[0].end == at + sizes[i]);
		call = (struct trace_call){ .nr = SYS_mlock, .args = { at + 4096, ~0ul } };
		assert_int_equal(trace_named_pages(&call, NULL, sizes[i], r), 1);
		assert_true(r[0].start == (i ? at : at + 4096) && r[0].end == -sizes[i]);
		call = (struct trace_call){ .nr = SYS_shmat, .result = (int64_t)at };
		assert_true(trace_placed_pages(&call, sizes[i], r));
		assert_true(r[0].start == at && r[0].end == at + sizes[i]);
	}
}

/* --- arm64 ---------------------------------------------------------------------------------------------------- */

static struct mm_system sys;
static struct mm_struct mm;

static void begin_arm64(unsigned int shift)
{
	mm_system_init(&sys, &anon_vma_rmap);
	sys.machine = MM_MACHINE_ARM64;
	assert_int_equal(mm_system_set_page_shift(&sys, shift), 0);
	mm_init(&mm, &sys);
	assert_int_equal(mm_page_size(&mm), 1UL << shift);
}

static unsigned long anywhere(unsigned long hint, unsigned long len)
{
	const struct mmap_request req = {
		.addr = hint, .len = len, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};

	return mm_mmap(&mm, &req);
}

/* VA_BITS_MIN: of kernels with 52 bits, 47 of them with pages of 16 KiB, else 48. */
static void test_a_window_ends_where_its_tables_do(void **state)
{
	static const struct {
		unsigned int shift, bits;
	} windows[] = { { 12, 48 }, { 14, 47 }, { 16, 48 } };

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		unsigned long window = 1UL << windows[i].bits, size = 1UL << windows[i].shift;

		begin_arm64(windows[i].shift);
		mm.task_size = 1UL << 52;
		assert_int_equal(anywhere(0, size), window - 128 * MB - size);
		assert_int_equal(anywhere(window + size, size), window + size);
		mm.topdown = false;
		assert_int_equal(anywhere(0, size), window / 4);
		mm_exit(&mm);
	}
}

/* One of 48 bits has all of them, whatever its pages are; one of 47 or 42 bits that much. */
static void test_a_recorded_space_of_48_bits_has_no_window(void **state)
{
	static const unsigned int bits[] = { 42, 47, 48 };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		struct trace_header header = rec_header;
		struct trace_space space = rec_space();
		struct recording rec = { .step = 0 };
		struct replay_options options = { .ctx = NULL };
		struct replay *r;

		page_size = 16384;
		header.page_size = 16384;
		header.machine = "aarch64";
		r = replay_new(&header, &options);
		rec.sink = replay_sink(r);
		space.task_size = 1UL << bits[i];
		space.mmap_base = 0;
		rec_event(&rec, (struct trace_event){ .type = TRACE_EVENT_SPACE, .space = space });
		assert_int_equal(rec.error, 0);
		assert_int_equal(replay_find(r, 100)->mmap_window, 1UL << bits[i]);
		replay_free(r);
	}
}

/* STACK_RND_MASK is of pages of 4 KiB, less those bits that larger ones do not have; the guard is of 256 pages. */
static void test_the_base_leaves_room_for_a_stack_anywhere(void **state)
{
	for (unsigned int shift = 12; shift <= 16; shift += 2) {
		unsigned long stack = (0x3ffffUL >> (shift - 12)) << shift, guard = 256UL << shift;

		begin_arm64(shift);
		assert_int_equal(mm_set_task_size(&mm, 1UL << 48), 0);
		assert_int_equal(mm_set_mmap_base(&mm, 8 * MB, true, 5), 0);
		assert_int_equal(mm.mmap_base, (1UL << 48) - 8 * MB - guard - stack - (5UL << shift));
		mm_exit(&mm);
	}
}

/* 2 MiB, 32 MiB, 512 MiB: as much as a page of entries maps. */
static void test_huge_pages_are_as_large_as_a_table_of_pages(void **state)
{
	static const struct {
		unsigned int shift;
		unsigned long huge;
	} tables[] = { { 12, 2 * MB }, { 14, 32 * MB }, { 16, 512 * MB } };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		unsigned long huge = tables[i].huge, small, at;

		begin_arm64(tables[i].shift);
		small = anywhere(0, mm_page_size(&mm));
		at = anywhere(0, huge);
		assert_true(at % huge == 0 && at < small);
		/* What is no multiple lies beside what was there. */
		assert_int_equal(anywhere(0, huge / 2), small - huge / 2);
		mm_exit(&mm);
	}
}

/* A hint below the least address is rounded up to it, and that to a page. */
static void test_a_low_hint_goes_to_the_first_page_that_is_given(void **state)
{
	begin_arm64(16);
	sys.mmap_min_addr = sys.dac_mmap_min_addr = 32768;
	assert_int_equal(anywhere(65536, 65536), 65536);
	mm_exit(&mm);
	begin_arm64(14);
	sys.mmap_min_addr = sys.dac_mmap_min_addr = 40000;
	assert_int_equal(anywhere(16384, 16384), 49152);
	mm_exit(&mm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_story_is_the_same_in_pages_of_each_size),
		cmocka_unit_test(test_lengths_and_offsets_are_of_the_recordings_pages),
		cmocka_unit_test(test_a_recording_says_how_large_pages_are),
		cmocka_unit_test(test_what_is_not_of_whole_pages_is_damage),
		cmocka_unit_test(test_pages_of_other_sizes_are_refused),
		cmocka_unit_test(test_a_call_is_about_whole_pages_of_the_machine),
		cmocka_unit_test(test_a_window_ends_where_its_tables_do),
		cmocka_unit_test(test_a_recorded_space_of_48_bits_has_no_window),
		cmocka_unit_test(test_the_base_leaves_room_for_a_stack_anywhere),
		cmocka_unit_test(test_huge_pages_are_as_large_as_a_table_of_pages),
		cmocka_unit_test(test_a_low_hint_goes_to_the_first_page_that_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
