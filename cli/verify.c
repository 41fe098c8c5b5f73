/* SPDX-License-Identifier: MIT */
/*
 * vmaple verify: replay a recording and compare it with every map in it.
 *
 * All judging is the mirror's (trace/replay/check.c); this command opens, counts and says. What is uncertain, foreign
 * or from outside is printed and counted, and is no difference: the status is about the engine.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

static const char help[] = "usage: vmaple verify [--all] [--no-checks] [--json] FILE\n"
			   "\n"
			   "Replay a recording, comparing the mirror with every map and every result in it.\n"
			   "The first difference is printed with the call that led to it.\n"
			   "\n"
			   "  --all        print every difference, not only the first\n"
			   "  --no-checks  replay without comparing: how fast is the engine?\n"
			   "  --json       the summary as one line of JSON\n"
			   "\n"
			   "exit status: 0 no difference, 1 differences, 3 the recording is damaged or ends\n"
			   "early (what could be read was compared), 125 vmaple itself failed\n";

/*
 * unchecked: no comparison at all, so there are no differences: the status says nothing of the engine
 * then.
 */
struct verify {
	const char *path;
	bool json, unchecked, all;
};

/* 0; -1: the help was printed; or STATUS_USAGE. */
static int parse(struct verify *v, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' }, { "no-checks", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'a':
			v->all = true;
			break;
		case 'j':
			v->json = true;
			break;
		case 'n':
			v->unchecked = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		default:
			return usage_error("verify", "unknown option", argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return recordings_error("verify", argc - optind, argv + optind);
	v->path = argv[optind];
	return 0;
}

/*
 * All events through the mirror. 0, or the status of what stopped it. The mirror's error is memory; a
 * recording that ends early is said by its own sentence.
 */
static int replay_all(struct trace_reader *reader, struct replay *replay)
{
	struct trace_sink *sink = replay_sink(replay);
	struct progress progress;
	struct trace_event e;
	uint64_t done, total;
	int got;

	progress_begin(&progress);
	while ((got = trace_reader_next(reader, &e)) > 0) {
		/* The line of the progress goes before anything is said. */
		if (sink->event(sink, &e)) {
			progress_end(&progress);
			return out_of_memory("verify", e.step);
		}
		/* trace_reader_progress() is cheap, the clock behind it is not. */
		if ((e.step & 1023) == 0) {
			trace_reader_progress(reader, &done, &total);
			progress_show(&progress, "verifying", done, total, e.step);
		}
	}
	progress_end(&progress);
	return recording_ended("verify", reader, got);
}

/*
 * What ended the reading outranks the differences that were found until then: whoever looks at the status alone must
 * not take a part for the whole. With --json stdout has that one line, and differences go to stderr.
 */
static int verify(const struct verify *v, struct trace_reader *reader)
{
	struct difference_log log = { .out = stdout, .recording = v->path, .all = v->all };
	struct replay_options options = {
		.unchecked = v->unchecked, .difference = log_difference, .lost = log_lost, .ctx = &log
	};
	struct replay *replay = replay_new(trace_reader_header(reader), &options);
	struct replay_stats stats;
	uint64_t begin = clock_ns();
	double wall;
	int status, printed = 0;

	if (!replay)
		return out_of_memory("verify", 0);
	if (v->json)
		log.out = stderr;
	status = replay_all(reader, replay);
	/* Of reading and comparing alone, without printing. */
	wall = (double)(clock_ns() - begin) / 1e9;
	replay_statistics(replay, &stats);
	if (v->json)
		printed = print_json(summary_json(&stats, trace_reader_header(reader), wall));
	else
		print_summary(stdout, &stats, trace_reader_header(reader), wall);
	replay_free(replay);
	/* A summary that could not be printed is a failure of its own, behind those of the recording. */
	if (!status)
		status = printed;
	return status ? status : stats.differences ? STATUS_DIFFERENCES : 0;
}

/* The reader outlives the mirror. */
int cmd_verify(int argc, char **argv)
{
	struct verify v = { .json = false };
	struct trace_reader *reader;
	int status = parse(&v, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	status = open_recording("verify", v.path, &reader);
	if (status)
		return status;
	status = verify(&v, reader);
	trace_reader_close(reader);
	return status;
}
