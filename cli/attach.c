/* SPDX-License-Identifier: MIT */
/* vmaple attach: follow a running process by BPF, from its map as it is now; and record --via bpf. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/live_bpf.h>

#include "attach.h"
#include "cli.h"

static const char help[] = "usage: vmaple attach [-o FILE] [--for SECONDS] [--json] PID\n"
			   "\n"
			   "Follow a running process, its threads and its children without stopping them: "
			   "every mapping call in the\n"
			   "order of the mmap lock, first writes, forks, execs, exits.  All of it is "
			   "mirrored and compared with the areas\n"
			   "that the kernel had.  It ends with the processes, after SECONDS, or by Ctrl-C, "
			   "and leaves them as they are.\n"
			   "\n"
			   "  -o FILE        keep the recording, for verify and maps\n"
			   "  --for SECONDS  end after so long\n"
			   "  --json         the summary as the last line of stdout, in JSON\n"
			   "\n"
			   "exit status: 0; 1 differences were found; 125 the process cannot be followed\n";

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = 1;
}

static bool stop(void *ctx)
{
	return interrupted;
}

/* Events go to the writer, then to the mirror. */
struct both {
	struct trace_sink sink;
	struct trace_sink *writer, *mirror;
};

static int both_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct both *b = (struct both *)sink;
	int err = b->writer ? b->writer->event(b->writer, e) : 0;

	return err || !b->mirror ? err : b->mirror->event(b->mirror, e);
}

static int summarise(const struct bpf_run *r, struct census *census, const struct trace_header *h,
	double wall, uint64_t *differences)
{
	struct replay_stats stats;

	replay_statistics(census_replay(census), &stats);
	*differences = stats.differences;
	if (census_end(census))
		return out_of_memory(r->command, 0);
	if (r->json) {
		json_t *o = summary_json(&stats, h, wall);

		if (o)
			census_json(census, &r->budget, o);
		putchar('\n');
		return print_json(o);
	}
	print_summary(stderr, &stats, h, wall);
	if (r->output)
		fprintf(stderr, "  recording   %s\n", r->output);
	census_print(census, stderr);
	return 0;
}

static int follow(const struct bpf_run *r, struct live_bpf *source, int *wait_status)
{
	struct difference_log log = { .out = stderr, .recording = r->output };
	struct replay_options options = { .difference = log_difference, .lost = log_lost, .ctx = &log };
	struct census *census =
		r->mirror ? census_new(live_bpf_header(source), &options, r->json || has_budget(&r->budget))
			  : NULL;
	struct trace_writer *writer = NULL;
	struct both both = { .sink.event = both_event };
	uint64_t begin = clock_ns(), differences = 0;
	int err = r->output ? trace_writer_open(&writer, r->output, live_bpf_header(source)) : 0, closed,
	    status = 0;
	bool within;

	if (!err) {
		if (writer && r->sync)
			trace_writer_sync(writer);
		both.writer = writer ? trace_writer_sink(writer) : NULL;
		both.mirror = census ? census_sink(census) : NULL;
		err = live_bpf_run(source, &both.sink, wait_status);
		closed = writer ? trace_writer_close(writer) : 0;
		err = err ? err : closed;
	}
	if (err)
		complain(r->command, "%s", err == -ESRCH ? "the process has ended" : strerror(-err));
	else if (census)
		status = summarise(
			r, census, live_bpf_header(source), (double)(clock_ns() - begin) / 1e9, &differences);
	within = !census || err || status || census_within(census, &r->budget, r->command);
	census_free(census);
	if (err || status)
		return STATUS_FAILED;
	return differences ? STATUS_DIFFERENCES : within ? 0 : STATUS_OVER_BUDGET;
}

int bpf_run(const struct bpf_run *r, int *wait_status)
{
	struct live_bpf_options options = {
		.pid = r->pid, .argv = r->argv, .seconds = r->seconds, .stop = stop
	};
	struct live_bpf *source;
	char error[512];
	int status;

	if (live_bpf_start(&source, &options, error, sizeof(error))) {
		if (r->or_else)
			return -EPERM;
		complain(r->command, "%s", error);
		return STATUS_FAILED;
	}
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	status = follow(r, source, wait_status);
	live_bpf_free(source);
	return status;
}

static int parse(struct bpf_run *r, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "for", required_argument, NULL, 'f' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	uint64_t pid;
	char *end;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			r->output = optarg;
			break;
		case 'f':
			r->seconds = strtod(optarg, &end);
			if (*end || !(r->seconds > 0))
				return usage_error("attach", "--for takes seconds, not", optarg);
			break;
		case 'j':
			r->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("attach", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("attach", "unknown option", argv[optind - 1]);
		}
	}
	if (optind + 1 != argc || !parse_number(argv[optind], &pid) || !pid)
		return usage_error("attach", "one PID is wanted", optind < argc ? argv[argc - 1] : NULL);
	r->pid = (pid_t)pid;
	return 0;
}

int cmd_attach(int argc, char **argv)
{
	struct bpf_run r = { .command = "attach", .mirror = true };
	int status = parse(&r, argc, argv), wait_status;

	return status ? (status < 0 ? 0 : status) : bpf_run(&r, &wait_status);
}
