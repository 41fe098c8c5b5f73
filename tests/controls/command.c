/* SPDX-License-Identifier: MIT */
/*
 * The command without its process: what a summary says of each number, what `maps` and `verify` answer for small recordings,
 * and what becomes of a file that could not be written to its end.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "output.h"
#include "text_recording.h"

/* Each number is another one. */
static const struct replay_stats stats = { .events = 300,
	.processes = 2,
	.threads = 3,
	.calls = 41,
	.calls_by_kind = { [REPLAY_MMAP] = 30, [REPLAY_MUNMAP] = 11 },
	.failed_calls = 4,
	.faults = 55,
	.first_writes = 6,
	.checks = 70,
	.differences = 8,
	.uncertain = 9,
	.anon_checks = 10,
	.consequences = 12,
	.foreign = 13,
	.outside = 14,
	.lost = 15,
	.lost_events = 20,
	.lost_unknown = 5,
	.vmas_peak = 100,
	.vmas_final = 17,
	.splits = 18,
	.merges = 19,
	.new_areas = 40,
	.new_merged = 10,
	.gaps = { { 0x1000000, 0x1300000 } },
	.nr_gaps = 1 };
static const struct trace_header header = {
	.kernel = "6.18.0", .machine = "x86_64", .command = "by hand", .max_map_count = 400, .page_size = 4096
};

static char *summary_of(const struct replay_stats *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print_summary(out, s, &header, 1.5);
	fclose(out);
	/* Lines that were wrapped are one. */
	for (char *at = text; (at = strstr(at, "\n              ")) != NULL;)
		memmove(at + 1, at + 15, strlen(at + 15) + 1), *at = ' ';
	return text;
}

static void assert_says(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("not said: %s\nbut\n%s", line, text);
}

static void test_a_summary_says_every_number_by_its_name(void **state)
{
	static const char *const lines[] = { "vmaple: by hand\n", "  processes   2, 3 threads in all\n",
		"  calls       41 (mmap 30, munmap 11), 4 of them failed\n",
		"  faults      55 seen, 6 of them the first write in an area;",
		"  checks      70, differences: 8, uncertain: 9\n",
		"  anon_vmas   10 looks at which areas share one\n", "  following   12 more disagreements",
		"  foreign     13 times a driver decided", "  outside     14 times the map was changed",
		"  lost        15 times something was not recorded: 20 events, how much is not known 5 times",
		"  VMAs        peak 100, final 17, max_map_count 400 (25.0% at the peak)\n",
		"  splits      18, merges 19; of 40 new areas 25% merged at once\n",
		"  free areas  000001000000-000001300000  3.0 MiB\n", "  time        1.500 s\n" };
	char *text = summary_of(&stats);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_says(text, lines[i]);
	free(text);
}

static void test_a_summary_does_not_say_what_was_not(void **state)
{
	static const char *const words[] = { "anon_vmas", "following", "foreign", "outside", "lost",
		"free areas" };
	const struct replay_stats none = { .calls = 1 };
	char *text = summary_of(&none);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_null(strstr(text, words[i]));
	assert_says(text, "of 0 new areas 0% merged");
	free(text);
}

static void test_a_summary_in_json_has_every_number_under_its_name(void **state)
{
	static const struct {
		const char *key;
		json_int_t value;
	} numbers[] = { { "processes", 2 }, { "threads", 3 }, { "calls", 41 }, { "failed_calls", 4 },
		{ "faults", 55 }, { "first_writes", 6 }, { "checks", 70 }, { "differences", 8 },
		{ "uncertain", 9 }, { "anon_vma_checks", 10 }, { "consequences", 12 }, { "foreign", 13 },
		{ "outside", 14 }, { "lost", 15 }, { "lost_events", 20 }, { "lost_unknown", 5 },
		{ "vmas_peak", 100 }, { "vmas_final", 17 }, { "max_map_count", 400 }, { "splits", 18 },
		{ "merges", 19 } };
	json_t *o = summary_json(&stats, &header, 1.5);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (json_integer_value(json_object_get(o, numbers[i].key)) != numbers[i].value)
			fail_msg("%s", numbers[i].key);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(o, "calls_by_kind"), "munmap")), 11);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "calls_by_kind"), "brk")), 0);
	/* In bytes, and as a share of one. */
	assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "free_areas"), 0)), 3 << 20);
	assert_true(json_real_value(json_object_get(o, "merged_share")) == 0.25);
	assert_true(json_real_value(json_object_get(o, "wall_seconds")) == 1.5);
	assert_string_equal(json_string_value(json_object_get(o, "command")), "by hand");
	json_decref(o);
}

/* --- commands --------------------------------------------------------------------------------------------------- */

static char path[] = "/tmp/command-XXXXXX";

static struct trace_sink *open_file(void *ctx, const struct trace_header *h)
{
	struct trace_writer **writer = ctx;

	return trace_writer_open(writer, path, h) ? NULL : trace_writer_sink(*writer);
}

static void record(const char *text)
{
	struct trace_writer *writer = NULL;
	struct text_recording t = { .header = rec_header, .open = open_file, .ctx = &writer };
	char line[512];

	for (size_t len; *text; text += len + 1) {
		len = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		assert_int_equal(text_recording_line(&t, line), 0);
	}
	assert_int_equal(text_recording_end(&t), 0);
	assert_int_equal(trace_writer_close(writer), 0);
}

/* Its status; what it writes to stdout in @said. */
static int run(int (*command)(int argc, char **argv), char said[4096], const char *options)
{
	char words[256], *argv[16] = { "command" };
	int argc = 1, before = dup(STDOUT_FILENO), status;
	FILE *out = tmpfile();
	size_t n;

	snprintf(words, sizeof(words), "%s %s", options, path);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	assert_non_null(out);
	fflush(stdout);
	dup2(fileno(out), STDOUT_FILENO);
	optind = 0; /* getopt begins anew */
	status = command(argc, argv);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(out);
	n = fread(said, 1, 4095, out);
	said[n] = '\0';
	fclose(out);
	return status;
}

#define LIFE                                                                        \
	"begin\n"                                                                   \
	"file 1 0 08:01 77 /data\n"                                                 \
	"call mmap 0x7f0000000000 0x4000 3 0x32 -1 0x0 = 0x7f0000000000\n"          \
	"call mmap 0x7f0000010000 0x2000 1 0x11 3 0x3000 = 0x7f0000010000 file 1\n" \
	"write 0x7f0000000000\n"                                                    \
	"fork 101 2\n"                                                              \
	"process 101 2\n"                                                           \
	"call munmap 0x7f0000000000 0x4000 0 0 0 0 = 0\n"

static void test_maps_shows_the_map_after_the_step_that_is_asked_for(void **state)
{
	char said[4096];

	record(LIFE);
	assert_int_equal(run(cmd_maps, said, "--at 4"), 0);
	assert_string_equal(said, "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n");
	assert_int_equal(run(cmd_maps, said, "--at 3"), 0);
	assert_string_equal(said, "");
	assert_int_equal(run(cmd_maps, said, "--pid 101 --at 7"), 0);
	assert_says(said, "7f0000000000-7f0000004000 rw-p");
	assert_int_equal(run(cmd_maps, said, "--pid 101"), 0);
	assert_null(strstr(said, "7f0000000000-7f0000004000"));
	assert_says(said, "7f0000010000-7f0000012000 r--s 00003000 08:01 77");
}

static void test_maps_of_a_process_that_is_not_there_is_a_status_of_its_own(void **state)
{
	char said[4096];

	record(LIFE);
	assert_int_equal(run(cmd_maps, said, "--pid 999"), 1);
	assert_int_equal(run(cmd_maps, said, "--pid 101 --at 4"), 1);
	assert_int_equal(run(cmd_maps, said, "--format red"), STATUS_USAGE);
	assert_int_equal(run(cmd_maps, said, "--at x"), STATUS_USAGE);
}

static json_t *field(json_t *areas, size_t i, const char *key)
{
	json_t *value = json_object_get(json_array_get(areas, i), key);

	assert_non_null(value);
	return value;
}

static void test_maps_in_json_has_bytes_pages_and_access(void **state)
{
	char said[4096];
	json_t *areas;

	record(LIFE);
	assert_int_equal(run(cmd_maps, said, "--format json --at 6"), 0);
	areas = json_loads(said, 0, NULL);
	assert_int_equal(json_array_size(areas), 2);
	assert_int_equal(json_integer_value(field(areas, 0, "start")), 0x7f0000000000);
	assert_int_equal(json_integer_value(field(areas, 0, "end")), 0x7f0000004000);
	assert_true(json_is_true(field(areas, 0, "write")) && json_is_false(field(areas, 0, "exec")));
	assert_true(json_is_true(field(areas, 0, "anon_vma")) && json_is_false(field(areas, 0, "shared")));
	assert_int_equal(json_integer_value(field(areas, 1, "pgoff")), 3);
	assert_true(json_is_true(field(areas, 1, "shared")) && json_is_false(field(areas, 1, "write")));
	assert_true(json_is_false(field(areas, 1, "anon_vma")));
	assert_string_equal(json_string_value(field(areas, 1, "name")), "/data");
	json_decref(areas);
}

static void test_maps_as_smaps_has_sizes_in_kib(void **state)
{
	char said[4096];

	record(LIFE);
	assert_int_equal(run(cmd_maps, said, "--format smaps --at 6"), 0);
	assert_says(said, "Size:                 16 kB\nAnonVma:             yes\n");
	assert_says(said, "Size:                  8 kB\nAnonVma:              no\n");
}

static void test_verify_ends_with_what_it_found(void **state)
{
	char said[4096];
	struct stat st;

	record(LIFE);
	assert_int_equal(run(cmd_verify, said, ""), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 9), 0);
	assert_int_equal(run(cmd_verify, said, ""), STATUS_DAMAGED);
	record(LIFE "call munmap 0x7f0000010000 0x1000 0 0 0 0 = -22\n");
	assert_int_equal(run(cmd_verify, said, ""), STATUS_DIFFERENCES);
	assert_says(said, "\ndifference at step 9, process 101: the call's result is not the one expected\n"
			  "  after step 9: munmap(0x7f0000010000, 4096) = -EINVAL\n");
	assert_int_equal(run(cmd_verify, said, "--no-checks"), 0);
	assert_int_equal(run(cmd_verify, said, "--red"), STATUS_USAGE);
}

/* --- files that are written ------------------------------------------------------------------------------------- */

static void test_a_file_is_there_when_it_is_whole(void **state)
{
	char partial[64], out[64];
	struct output o;

	snprintf(out, sizeof(out), "%s.out", path);
	snprintf(partial, sizeof(partial), "%s.out.partial", path);
	assert_int_equal(output_open(&o, "test", out), 0);
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(access(partial, F_OK), 0);
	fputs("whole\n", o.file);
	assert_int_equal(output_close(&o, 0), 0);
	assert_int_equal(access(out, F_OK), 0);
	assert_int_equal(access(partial, F_OK), -1);
	/* What was there stays where the next one fails, and nothing is left of that. */
	assert_int_equal(output_open(&o, "test", out), 0);
	assert_int_equal(output_close(&o, -EIO), STATUS_FAILED);
	assert_int_equal(access(out, F_OK), 0);
	assert_int_equal(access(partial, F_OK), -1);
	unlink(out);
}

static int begin(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_summary_says_every_number_by_its_name),
		cmocka_unit_test(test_a_summary_does_not_say_what_was_not),
		cmocka_unit_test(test_a_summary_in_json_has_every_number_under_its_name),
		cmocka_unit_test(test_maps_shows_the_map_after_the_step_that_is_asked_for),
		cmocka_unit_test(test_maps_of_a_process_that_is_not_there_is_a_status_of_its_own),
		cmocka_unit_test(test_maps_in_json_has_bytes_pages_and_access),
		cmocka_unit_test(test_maps_as_smaps_has_sizes_in_kib),
		cmocka_unit_test(test_verify_ends_with_what_it_found),
		cmocka_unit_test(test_a_file_is_there_when_it_is_whole),
	};

	return cmocka_run_group_tests_name("the command", tests, begin, end);
}
