/* SPDX-License-Identifier: MIT */
/* vmaple attach: follow a running process from its map as it is now, by BPF or by ptrace; and record --via bpf. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmaple/live.h>
#include <vmaple/live_bpf.h>

#include "attach.h"
#include "cli.h"

static const char help[] = "usage: vmaple attach [-o FILE] [--for SECONDS] [--via bpf|ptrace|auto]\n"
			   "                     [--stacks] [--json] PID | --cgroup PATH | --all\n"
			   "\n"
			   "Follow a running process, its threads and its children to come, or all of a\n"
			   "cgroup or of the machine, those that appear later among them: every mapping\n"
			   "call in the order of the mmap lock, first writes, forks, execs, exits.  All of\n"
			   "it is mirrored and compared with the areas that the kernel had.  It ends with\n"
			   "the processes, after SECONDS, or by Ctrl-C, and leaves them as they are.\n"
			   "\n"
			   "  --cgroup PATH  the processes of a cgroup (a folder of cgroup v2) and of those\n"
			   "                 below it, by BPF; until it is removed\n"
			   "  --all          every process of the machine but this one, by BPF\n"
			   "  -o FILE        keep the recording, for verify and maps\n"
			   "  --sync         bring it to the disk (fsync) at the end\n"
			   "  --for SECONDS  end after so long\n"
			   "  --via SOURCE   bpf: nobody is stopped; ptrace: every system call of the\n"
			   "                 process stops, twice; auto (default): ptrace where BPF is\n"
			   "                 not permitted, and for a 32-bit program\n"
			   "  --stacks       record the call stack of each mapping call, too\n"
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
	int unwritten; /* -errno: the writer did not take an event */
};

static int both_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct both *b = (struct both *)sink;
	int err = b->writer ? b->writer->event(b->writer, e) : 0;

	b->unwritten = err;
	return err || !b->mirror ? err : b->mirror->event(b->mirror, e);
}

/* What is followed, and how: the two live sources have this in common. */
struct source {
	const struct trace_header *header;
	int (*run)(void *live, struct trace_sink *sink, int *wait_status);
	void *live;
	struct live *by_ptrace; /* NULL: by BPF */
};

static int run_bpf(void *live, struct trace_sink *sink, int *wait_status)
{
	return live_bpf_run(live, sink, wait_status);
}

static int run_ptrace(void *live, struct trace_sink *sink, int *wait_status)
{
	return live_run(live, sink, wait_status);
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
		if (r->json_out)
			return write_json(r->json_out, o);
		putchar('\n');
		return print_json(o);
	}
	print_summary(stderr, &stats, h, wall);
	if (r->output)
		print_recording(r->output);
	census_print(census, stderr);
	return 0;
}

/* A part of the first map would be taken for a whole one. */
static void say_given_up(const struct bpf_run *r)
{
	struct stat st;

	complain(r->command, "it was told to end before its first look was done: there is no recording");
	if (r->output && lstat(r->output, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(r->output);
}

/* @unwritten: -errno of the recording, or 0. */
static void say_why_ended(const struct bpf_run *r, const struct source *source, int err, int unwritten)
{
	const char *own = source->by_ptrace ? live_error(source->by_ptrace) : "";

	if (unwritten)
		complain(r->command, "%s: cannot be written: %s", r->output, strerror(-unwritten));
	else
		complain(r->command, "%s",
			*own            ? own
			: err == -ESRCH ? "the process has ended"
					: strerror(-err));
}

static int follow(const struct bpf_run *r, const struct source *source, int *wait_status)
{
	struct difference_log log = { .out = stderr, .recording = r->output };
	struct replay_options options = { .difference = log_difference, .lost = log_lost, .ctx = &log };
	struct census *census =
		r->mirror ? census_new(source->header, &options, r->json || has_budget(&r->budget)) : NULL;
	struct trace_writer *writer = NULL;
	struct both both = { .sink.event = both_event };
	uint64_t begin = clock_ns(), differences = 0;
	int err = r->output ? trace_writer_open(&writer, r->output, source->header) : 0, closed = err,
	    status = 0;
	bool within;

	if (!err) {
		if (writer && r->sync)
			trace_writer_sync(writer);
		both.writer = writer ? trace_writer_sink(writer) : NULL;
		both.mirror = census ? census_sink(census) : NULL;
		err = source->run(source->live, &both.sink, wait_status);
		closed = writer ? trace_writer_close(writer) : 0;
		err = err ? err : closed;
	}
	if (err == -EINTR)
		say_given_up(r);
	else if (err)
		say_why_ended(r, source, err, both.unwritten ? both.unwritten : closed);
	else if (census)
		status = summarise(
			r, census, source->header, (double)(clock_ns() - begin) / 1e9, &differences);
	within = !census || err || status || census_within(census, &r->budget, r->command);
	census_free(census);
	if (err || status)
		return STATUS_FAILED;
	return differences ? STATUS_DIFFERENCES : within ? 0 : STATUS_OVER_BUDGET;
}

static void end_by_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &(struct sigaction){ .sa_handler = interrupt }, NULL);
}

static void print_notice(void *ctx, const char *sentence)
{
	complain("attach", "%s", sentence);
}

/* @bpf_error: why it is not BPF; "": it was not asked. */
static int attach_by_ptrace(const struct bpf_run *r, const char *bpf_error)
{
	struct live_options options = { .pid = r->pid,
		.seconds = r->seconds,
		.stacks = r->stacks,
		.stop = stop,
		.notice = print_notice };
	struct source source = { .run = run_ptrace };
	char error[512];
	int status, wait_status;

	if (live_start(&source.by_ptrace, &options, error, sizeof(error))) {
		complain(r->command, "%s%s%s", bpf_error, *bpf_error ? "; " : "", error);
		return STATUS_FAILED;
	}
	if (*bpf_error)
		complain(r->command,
			"%s: process %d is followed by ptrace, which stops it twice at each of its system "
			"calls",
			bpf_error, (int)r->pid);
	source.live = source.by_ptrace;
	source.header = live_header(source.by_ptrace);
	status = follow(r, &source, &wait_status);
	live_free(source.by_ptrace);
	return status;
}

/* It is not the process that is in the way. */
static bool is_not_permitted(int err)
{
	return err != -ESRCH && err != -EAGAIN && err != -ENOMEM && err != -EINTR;
}

int status_of_start(int err)
{
	return err == -ENOENT ? STATUS_NOT_FOUND : err == -EACCES ? STATUS_NOT_STARTED : STATUS_FAILED;
}

int bpf_run(const struct bpf_run *r, int *wait_status)
{
	struct live_bpf_options options = { .pid = r->pid,
		.argv = r->argv,
		.cgroup = r->cgroup,
		.machine = r->machine,
		.seconds = r->seconds,
		.stacks = r->stacks,
		.stop = stop };
	struct source source = { .run = run_bpf };
	struct live_bpf *bpf;
	char error[512];
	int status, err = live_bpf_start(&bpf, &options, error, sizeof(error));

	if (err && r->or_else && r->argv)
		return -EPERM;
	if (err && r->or_else && r->pid && is_not_permitted(err))
		return attach_by_ptrace(r, error);
	if (err) {
		complain(r->command, "%s", error);
		return r->argv ? status_of_start(err) : STATUS_FAILED;
	}
	if (r->argv)
		end_by_signals();
	source.live = bpf;
	source.header = live_bpf_header(bpf);
	status = follow(r, &source, wait_status);
	live_bpf_free(bpf);
	return status;
}

bool parse_source(const char *name, bool *by_bpf, bool *by_ptrace)
{
	bool any = strcmp(name, "auto") == 0;

	*by_bpf = any || strcmp(name, "bpf") == 0;
	*by_ptrace = any || strcmp(name, "ptrace") == 0;
	return *by_bpf || *by_ptrace;
}

/* What is followed: one process, or a scope. */
static int parse_scope(struct bpf_run *r, bool by_bpf, int argc, char **argv)
{
	int given = argc + (r->cgroup != NULL) + r->machine;
	uint64_t pid;

	if (given != 1)
		return argc ? usage_error("attach", "one of a PID, --cgroup and --all is wanted, not also",
				      argv[argc - 1])
			    : usage_error("attach", "one PID, --cgroup or --all is wanted", NULL);
	if (!argc)
		return by_bpf ? 0
			      : usage_error("attach", "ptrace follows one process, not",
					r->cgroup ? "--cgroup" : "--all");
	if (!parse_pid(argv[0], &pid))
		return usage_error("attach", "a PID is wanted, not", argv[0]);
	r->pid = (pid_t)pid;
	return 0;
}

static int parse(struct bpf_run *r, bool *by_bpf, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "for", required_argument, NULL, 'f' }, { "via", required_argument, NULL, 'v' },
		{ "cgroup", required_argument, NULL, 'c' }, { "all", no_argument, NULL, 'a' },
		{ "stacks", no_argument, NULL, 'k' }, { "json", no_argument, NULL, 'j' },
		{ "sync", no_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	const char *end;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			if (take_recording_name("attach", &r->output, optarg))
				return STATUS_USAGE;
			break;
		case 'f':
			end = optarg;
			if (!parse_decimal(&end, &r->seconds) || *end || !(r->seconds > 0))
				return usage_error("attach", "--for takes seconds, not", optarg);
			break;
		case 'v':
			if (!parse_source(optarg, by_bpf, &r->or_else))
				return usage_error("attach", "--via takes bpf, ptrace or auto, not", optarg);
			break;
		case 'c':
			r->cgroup = optarg;
			break;
		case 'a':
			r->machine = true;
			break;
		case 'k':
			r->stacks = true;
			break;
		case 'j':
			r->json = true;
			break;
		case 's':
			r->sync = true;
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
	return parse_scope(r, *by_bpf, argc - optind, argv + optind);
}

int cmd_attach(int argc, char **argv)
{
	struct bpf_run r = { .command = "attach", .mirror = true, .or_else = true };
	bool by_bpf = true;
	int status = parse(&r, &by_bpf, argc, argv), wait_status;

	if (status)
		return status < 0 ? 0 : status;
	/* Whatever has been put into the kernel or done to the process by then is taken back before it ends. */
	end_by_signals();
	return by_bpf ? bpf_run(&r, &wait_status) : attach_by_ptrace(&r, "");
}
