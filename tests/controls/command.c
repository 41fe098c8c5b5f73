/* SPDX-License-Identifier: MIT */
/*
 * The command without its process: what a summary says of each number, what `maps` and `verify` answer for small recordings,
 * and what becomes of a file that could not be written to its end.
 */
#include <errno.h>
#include <fcntl.h>
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

/* Each line is there for its own number. */
static void test_a_summary_says_one_thing_where_there_was_one(void **state)
{
	static const struct {
		struct replay_stats stats;
		const char *line;
	} one[] = { { { .outside = 1 }, "outside" }, { { .foreign = 1 }, "foreign" },
		{ { .consequences = 1 }, "following" }, { { .anon_checks = 1 }, "anon_vmas" },
		{ { .lost = 1, .lost_unknown = 1 }, "lost" } };

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		char *text = summary_of(&one[i].stats);

		for (size_t j = 0; j < sizeof(one) / sizeof(one[0]); j++)
			assert_int_equal(strstr(text, one[j].line) != NULL, i == j);
		free(text);
	}
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

static char complaints[4096]; /* of the last command, on stderr */

static void read_back(FILE *f, char text[4096])
{
	size_t n;

	rewind(f);
	n = fread(text, 1, 4095, f);
	text[n] = '\0';
	fclose(f);
}

/* Its status; what it writes to stdout, if that is @out, is there. */
static int run_into(int (*command)(int argc, char **argv), FILE *out, const char *options)
{
	char words[256], *argv[16] = { "command" };
	int argc = 1, outer = dup(STDOUT_FILENO), outer_err = dup(STDERR_FILENO), status;
	FILE *err = tmpfile();

	snprintf(words, sizeof(words), "%s", options);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "FILE") ? w : path;
	assert_non_null(err);
	fflush(stdout);
	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(err), STDERR_FILENO);
	optind = 0; /* getopt begins anew */
	status = command(argc, argv);
	fflush(NULL);
	dup2(outer, STDOUT_FILENO);
	dup2(outer_err, STDERR_FILENO);
	close(outer);
	close(outer_err);
	read_back(err, complaints);
	return status;
}

static int run(int (*command)(int argc, char **argv), char said[4096], const char *options)
{
	FILE *out = tmpfile();
	int status;

	assert_non_null(out);
	status = run_into(command, out, options);
	read_back(out, said);
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
	assert_int_equal(run(cmd_maps, said, "--at 4 FILE"), 0);
	assert_string_equal(said, "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n");
	assert_int_equal(run(cmd_maps, said, "--at 3 FILE"), 0);
	assert_string_equal(said, "");
	assert_int_equal(run(cmd_maps, said, "--pid 101 --at 7 FILE"), 0);
	assert_says(said, "7f0000000000-7f0000004000 rw-p");
	assert_int_equal(run(cmd_maps, said, "--pid 101 FILE"), 0);
	assert_null(strstr(said, "7f0000000000-7f0000004000"));
	assert_says(said, "7f0000010000-7f0000012000 r--s 00003000 08:01 77");
}

static void test_maps_of_a_process_that_is_not_there_is_a_status_of_its_own(void **state)
{
	char said[4096];

	record(LIFE);
	assert_int_equal(run(cmd_maps, said, "--pid 999 FILE"), 1);
	assert_int_equal(run(cmd_maps, said, "--pid 101 --at 4 FILE"), 1);
	assert_int_equal(run(cmd_maps, said, "--format red FILE"), STATUS_USAGE);
	assert_int_equal(run(cmd_maps, said, "--at x FILE"), STATUS_USAGE);
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
	assert_int_equal(run(cmd_maps, said, "--format json --at 6 FILE"), 0);
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
	assert_int_equal(run(cmd_maps, said, "--format smaps --at 6 FILE"), 0);
	assert_says(said, "Size:                 16 kB\nAnonVma:             yes\n");
	assert_says(said, "Size:                  8 kB\nAnonVma:              no\n");
}

static void test_verify_ends_with_what_it_found(void **state)
{
	char said[4096];
	struct stat st;

	record(LIFE);
	assert_int_equal(run(cmd_verify, said, "FILE"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 9), 0);
	assert_int_equal(run(cmd_verify, said, "FILE"), STATUS_DAMAGED);
	assert_says(complaints, "the recording ends at byte");
	assert_int_equal(run(cmd_why, said, "--top FILE"), STATUS_DAMAGED);
	assert_says(complaints, "the recording ends at byte");
	record(LIFE "call munmap 0x7f0000010000 0x1000 0 0 0 0 = -22\n");
	assert_int_equal(run(cmd_verify, said, "FILE"), STATUS_DIFFERENCES);
	assert_says(said, "\ndifference at step 9, process 101: the call's result is not the one expected\n"
			  "  after step 9: munmap(0x7f0000010000, 4096) = -EINVAL\n");
	assert_int_equal(run(cmd_verify, said, "--no-checks FILE"), 0);
	assert_int_equal(run(cmd_verify, said, "--red FILE"), STATUS_USAGE);
}

static void test_maps_of_a_child_are_those_before_its_own_end(void **state)
{
	char said[4096];

	record(LIFE "process 100 1\nexit last\nprocess 101 2\n"
		    "call mmap 0x7f0000020000 0x1000 3 0x32 -1 0x0 = 0x7f0000020000\nexit last\n");
	assert_int_equal(run(cmd_maps, said, "--pid 101 FILE"), 0);
	assert_says(said, "7f0000020000-7f0000021000 rw-p");
	assert_int_equal(run(cmd_maps, said, "FILE"), 0);
	assert_says(said, "7f0000000000-7f0000004000 rw-p");
}

/* What it says on a terminal, which does not become this process's own; until @last is there. */
static void run_on_terminal(int (*command)(int, char **), char said[4096], const char *line, const char *last)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	size_t all = 0;
	FILE *slave;

	assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
	slave = fdopen(open(ptsname(terminal), O_RDWR | O_NOCTTY), "r+");
	assert_non_null(slave);
	assert_int_equal(run_into(command, slave, line), 0);
	for (said[0] = '\0'; !strstr(said, last); said[all] = '\0') {
		ssize_t n = read(terminal, said + all, 4095 - all);

		assert_true(n > 0);
		all += (size_t)n;
	}
	fclose(slave);
	close(terminal);
}

static void test_control_characters_of_a_name_do_not_reach_a_terminal(void **state)
{
	char said[4096];

	record("begin\n7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [anon:red\033[31m]\n");
	assert_int_equal(run(cmd_maps, said, "FILE"), 0);
	assert_says(said, "[anon:red\\033[31m]");
	assert_int_equal(run(cmd_maps, said, "--raw FILE"), 0);
	assert_says(said, "[anon:red\033[31m]");
	run_on_terminal(cmd_maps, said, "--raw FILE", "31m]");
	assert_says(said, "[anon:red\\033[31m]");
}

static void test_json_says_what_is_not_seen_by_number(void **state)
{
	static const char *const commands[] = { "FILE --json", "--format jsonl FILE",
		"--format perfetto FILE" };
	static const char name[] = "[anon:a\177\302\23331m\u202egpj\u2069\303\274]";
	char said[4096];
	json_t *areas;

	record("begin\n7f0000000000-7f0000100000 rw-p 00000000 00:00 0 "
	       "[anon:a\177\302\23331m\u202egpj\u2069\303\274]\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(i ? cmd_export : cmd_maps, said, commands[i]), 0);
		assert_says(said, "[anon:a\\u007f\\u009b31m\\u202egpj\\u2069\303\274]");
		assert_null(strchr(said, '\177'));
		assert_null(strstr(said, "\302\233"));
		assert_null(strstr(said, "\u202e"));
	}
	assert_int_equal(run(cmd_maps, said, "--json FILE"), 0);
	areas = json_loads(said, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json_array_get(areas, 0), "name")), name);
	json_decref(areas);
}

static void test_a_picture_says_what_is_not_seen_by_number(void **state)
{
	char said[4096];

	record("begin\n7f0000000000-7f0000100000 rw-p 00000000 00:00 0 [anon:a\177\302\23331m\u202egpj<]\n");
	assert_int_equal(run(cmd_maps, said, "--format svg FILE"), 0);
	assert_says(said, "a\\u007f\\u009b31m\\u202egpj&lt;");
	assert_null(strstr(said, "\u202e"));
}

static void test_csv_is_quoted_on_a_terminal_and_raw_elsewhere(void **state)
{
	char said[4096];

	record("begin\n7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [anon:a\"\177\302\23331m]\n");
	assert_int_equal(run(cmd_sql, said, "--csv FILE select/**/name/**/from/**/areas"), 0);
	assert_string_equal(said, "name\r\n\"[anon:a\"\"\177\302\23331m]\"\r\n");
	run_on_terminal(cmd_sql, said, "--csv FILE select/**/name/**/from/**/areas", "]\"");
	assert_says(said, "\"[anon:a\"\"\\177\\302\\23331m]\"");
}

static void test_a_command_that_is_run_twice_begins_anew(void **state)
{
	char first[4096], second[4096];

	record(LIFE);
	assert_int_equal(run(cmd_diff, first, "--json FILE FILE"), 0);
	assert_int_equal(run(cmd_diff, second, "--json FILE FILE"), 0);
	assert_string_equal(first, second);
	assert_int_equal(run(cmd_diff, second, "/nowhere FILE"), STATUS_DAMAGED);
	assert_string_equal(second, "");
	assert_int_equal(run(cmd_whatif, first, "FILE --names off --json"), 0);
	assert_int_equal(run(cmd_whatif, second, "FILE"), STATUS_USAGE);
}

static int synced;

int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	synced++;
	return 0;
}

/* In KiB. */
static long peak_of_this_process(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmHWM: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

static void test_run_ends_like_its_program_and_says_so(void **state)
{
	long mib = 0, least = peak_of_this_process() / 2;
	char said[4096], *at;
	double seconds;
	json_t *o;

	assert_int_equal(run(cmd_run, said, "--json --check end -- sh -c exit${IFS}3"), 3);
	o = json_loads(said, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "exit_status")), 3);
	assert_in_range(json_integer_value(json_object_get(o, "recorder_peak_kib")), least, 64 * least);
	assert_true(json_real_value(json_object_get(o, "recorder_cpu_seconds")) < 60);
	json_decref(o);
	assert_int_equal(run(cmd_run, said, "--check end -- true"), 0);
	at = strstr(complaints, "  overhead ");
	assert_true(
		at && sscanf(at, " overhead %lf s of CPU to record and check, %ld MiB", &seconds, &mib) == 2);
	assert_in_range(mib, least / 1024, 64 * least / 1024);
}

static void test_record_wants_a_file_and_brings_it_to_the_disk_where_that_is_asked_for(void **state)
{
	char said[4096];

	assert_int_equal(run(cmd_record, said, "-- true"), STATUS_USAGE);
	assert_says(complaints, "-o FILE is missing");
	synced = 0;
	assert_int_equal(run(cmd_record, said, "--check end -o FILE -- true"), 0);
	assert_int_equal(synced, 0);
	assert_int_equal(run(cmd_record, said, "--check end --sync -o FILE -- true"), 0);
	assert_true(synced > 0);
	assert_int_equal(run(cmd_verify, said, "FILE"), 0);
}

/* --- files that are written ------------------------------------------------------------------------------------- */

static void test_a_file_is_there_when_it_is_whole(void **state)
{
	char partial[64], out[64], said[4096];
	struct output o;
	FILE *f;

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
	assert_int_equal(access(partial, F_OK), -1);
	f = fopen(out, "re");
	assert_non_null(f);
	read_back(f, said);
	assert_string_equal(said, "whole\n");
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
		cmocka_unit_test(test_a_summary_says_one_thing_where_there_was_one),
		cmocka_unit_test(test_a_summary_in_json_has_every_number_under_its_name),
		cmocka_unit_test(test_maps_shows_the_map_after_the_step_that_is_asked_for),
		cmocka_unit_test(test_maps_of_a_process_that_is_not_there_is_a_status_of_its_own),
		cmocka_unit_test(test_maps_in_json_has_bytes_pages_and_access),
		cmocka_unit_test(test_maps_as_smaps_has_sizes_in_kib),
		cmocka_unit_test(test_verify_ends_with_what_it_found),
		cmocka_unit_test(test_maps_of_a_child_are_those_before_its_own_end),
		cmocka_unit_test(test_control_characters_of_a_name_do_not_reach_a_terminal),
		cmocka_unit_test(test_json_says_what_is_not_seen_by_number),
		cmocka_unit_test(test_a_picture_says_what_is_not_seen_by_number),
		cmocka_unit_test(test_csv_is_quoted_on_a_terminal_and_raw_elsewhere),
		cmocka_unit_test(test_a_command_that_is_run_twice_begins_anew),
		cmocka_unit_test(test_run_ends_like_its_program_and_says_so),
		cmocka_unit_test(test_record_wants_a_file_and_brings_it_to_the_disk_where_that_is_asked_for),
		cmocka_unit_test(test_a_file_is_there_when_it_is_whole),
	};

	return cmocka_run_group_tests_name("the command", tests, begin, end);
}
