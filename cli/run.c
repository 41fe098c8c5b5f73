/* SPDX-License-Identifier: MIT */
/* vmaple run: record, mirror, check and summarise in one go.  vmaple record: record only. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmaple/live.h>

#include "attach.h"
#include "census.h"
#include "cli.h"

static const char run_help[] =
	"usage: vmaple run [--check every|N|end] [--stacks] [--budget LIMITS] [-o FILE]\n"
	"                  [--json[=FILE]] [--] COMMAND [ARGUMENT]...\n"
	"\n"
	"Run COMMAND, record every change to the address spaces of it and its children,\n"
	"mirror them, and compare the mirror with the kernel's own map as it goes.  The\n"
	"summary goes to stderr when COMMAND has ended.\n"
	"\n"
	"  --check every  compare after each call, where it can have changed something\n"
	"                 (default)\n"
	"  --check N      compare the whole map after each Nth call of an address space\n"
	"  --check end    compare the whole map when an address space ends\n"
	"  --stacks       the recording has the call stack of each mapping call\n"
	"  --budget areas=N,growth=N/s,unneeded=N\n"
	"                 no address space may have more areas, grow faster, or have\n"
	"                 more areas that need not be; one or more of the three\n"
	"  -o FILE        keep the recording, for verify and maps\n"
	"  --sync         bring it to the disk (fsync) at the end\n"
	"  --via SOURCE   ptrace (default), bpf: COMMAND is not stopped, and there is no\n"
	"                 --check; auto: bpf where permitted\n"
	"  --json         the summary as the last line of stdout, in JSON; behind what\n"
	"                 COMMAND wrote, if that does not end in a newline\n"
	"  --json=FILE    the summary into FILE, in JSON; stdout is COMMAND's alone\n"
	"\n"
	"exit status: COMMAND's own (127: not found, 126: cannot be started); 125 when\n"
	"vmaple itself failed or found differences although COMMAND succeeded; 123 when\n"
	"COMMAND succeeded, but not within its budget\n";

static const char record_help[] =
	"usage: vmaple record -o FILE [--check every|N|end] [--stacks]\n"
	"                     [--] COMMAND [ARGUMENT]...\n"
	"\n"
	"Run COMMAND and record every change to the address spaces of it and its children\n"
	"into FILE.\n"
	"\n"
	"  -o FILE        the recording\n"
	"  --sync         bring it to the disk (fsync) at the end\n"
	"  --via SOURCE   ptrace (default), bpf: COMMAND is not stopped, and there is no\n"
	"                 --check; auto: bpf where permitted\n"
	"  --check WHEN   how often to put the kernel's own map beside the calls, for\n"
	"                 verify: every (default), N, end\n"
	"  --stacks       record the call stack of each mapping call, too\n"
	"\n"
	"exit status: COMMAND's own (127: not found, 126: cannot be started); 125 when\n"
	"vmaple itself failed\n";

struct run {
	const char *command; /* "run" or "record" */
	const char *output;
	struct check_option check;
	uint64_t max_memory; /* bytes; 0: half of the machine's */
	bool mirror, json, sync;
	const char *json_file; /* NULL: stdout */
	FILE *json_out;
	bool stacks;
	struct budget budget;
	bool by_bpf, by_ptrace; /* which source; both: BPF, or else ptrace */
	char **argv;
};

/* Events go to the writer, then to the mirror. */
struct tee {
	struct trace_sink sink;
	struct trace_sink *first, *second;
	uint64_t stopped; /* the step at which the mirror ran out of memory; 0: it did not */
};

static int tee_event(struct trace_sink *sink, const struct trace_event *e)
{
	struct tee *t = (struct tee *)sink;
	int err = t->first ? t->first->event(t->first, e) : 0;

	/* A recording is not lost because the mirror is. */
	if (t->second && !t->stopped && t->second->event(t->second, e))
		t->stopped = e->step;
	return err || t->first || !t->stopped ? err : -ENOMEM;
}

static int tee_tick(struct trace_sink *sink, uint64_t time_ns)
{
	struct tee *t = (struct tee *)sink;

	return t->first && t->first->tick ? t->first->tick(t->first, time_ns) : 0;
}

/* Options whose values can be wrong. */
static int parse_value(struct run *r, int opt, const char *value)
{
	const char *wanted;
	bool good;

	if (opt == 'c') {
		good = parse_check(value, &r->check);
		wanted = "--check takes every, end or a number, not";
	} else if (opt == 'm') {
		good = parse_size(value, &r->max_memory) && r->max_memory;
		wanted = "--max-memory takes a size such as 500M, not";
	} else if (opt == 'v') {
		good = parse_source(value, &r->by_bpf, &r->by_ptrace);
		wanted = "--via takes bpf, ptrace or auto, not";
	} else {
		good = parse_budget(value, &r->budget);
		wanted = "--budget takes areas=N,growth=N/s,unneeded=N or some of them, not";
	}
	return good ? 0 : usage_error(r->command, wanted, value);
}

static int parse(struct run *r, int argc, char **argv, const char *help)
{
	static const struct option options[] = { { "check", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' }, { "via", required_argument, NULL, 'v' },
		{ "max-memory", required_argument, NULL, 'm' }, { "sync", no_argument, NULL, 's' },
		{ "json", optional_argument, NULL, 'j' }, { "stacks", no_argument, NULL, 'k' },
		{ "budget", required_argument, NULL, 'b' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'b':
			if (!r->mirror)
				return usage_error(r->command, "unknown option", "--budget");
			/* fallthrough */
		case 'c':
		case 'm':
		case 'v':
			err = parse_value(r, opt, optarg);
			if (err)
				return err;
			break;
		case 'o':
			if (take_recording_name(r->command, &r->output, optarg))
				return STATUS_USAGE;
			break;
		case 's':
			r->sync = true;
			break;
		case 'j':
			if (!r->mirror)
				return usage_error(r->command, "unknown option", "--json");
			r->json = true;
			r->json_file = optarg && strcmp(optarg, "-") ? optarg : NULL;
			break;
		case 'k':
			r->stacks = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error(r->command, "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error(r->command, "unknown option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return usage_error(r->command, "a command to run is missing", NULL);
	if (!r->mirror && !r->output)
		return usage_error(r->command, "-o FILE is missing", NULL);
	r->argv = argv + optind;
	return 0;
}

static double cpu_seconds(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

/*
 * The most memory that this program had.  Not ru_maxrss: that begins with what the process had before its exec.
 * 0: there is no /proc.
 */
static unsigned long peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* The summary's own part that only a live run knows. */
static void add_live_keys(json_t *o, const struct live *live, int status)
{
	const char *program;
	struct rusage self;

	getrusage(RUSAGE_SELF, &self);
	json_put(o, "exit_status", json_integer(shell_status(status)));
	json_put(o, "privileges_lost", json_integer((json_int_t)live_privileges_lost(live, &program)));
	json_put(o, "recorder_cpu_seconds", json_real(cpu_seconds(&self)));
	json_put(o, "recorder_peak_kib", json_integer((json_int_t)peak_kib()));
}

/* What was not as alone, and cannot be. */
static void print_privileges(const struct live *live)
{
	const char *program;
	uint64_t n = live_privileges_lost(live, &program);

	if (!n)
		return;
	fprintf(stderr, "  privileges  %" PRIu64 " %s without its set-user-ID bit or capabilities: ", n,
		n == 1 ? "program ran" : "programs ran, each");
	print_quoted(stderr, program, strlen(program));
	fputs(" (no_new_privs; as root it keeps them)\n", stderr);
}

/* 0, or the status of a summary that could not be printed. */
static int summarise(const struct run *r, struct census *census, struct live *live, int status, double wall)
{
	struct replay_stats stats;
	struct rusage self;

	replay_statistics(census_replay(census), &stats);
	if (census_end(census))
		return out_of_memory(r->command, 0);
	if (r->json) {
		json_t *o = summary_json(&stats, live_header(live), wall);

		if (o) {
			add_live_keys(o, live, status);
			census_json(census, &r->budget, o);
		}
		return write_json(r->json_out, o);
	}
	print_summary(stderr, &stats, live_header(live), wall);
	print_privileges(live);
	getrusage(RUSAGE_SELF, &self);
	fprintf(stderr, "  overhead    %.3f s of CPU to record and check, %lu MiB of memory at most\n",
		cpu_seconds(&self), peak_kib() / 1024);
	if (r->output)
		print_recording(r->output);
	census_print(census, stderr);
	return 0;
}

/* End as the program ended: by the same signal, without a second core dump, or with its status. */
static int end_like(int status)
{
	if (WIFSIGNALED(status)) {
		struct rlimit none = { 0, 0 };

		fflush(NULL);
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return shell_status(status);
}

/* A recording of nothing is not left behind; what is not a file of its own (a device, a pipe) is not touched. */
static void remove_empty_recording(const struct run *r)
{
	struct stat st;

	if (r->output && lstat(r->output, &st) == 0 && S_ISREG(st.st_mode))
		unlink(r->output);
}

static int finish(
	const struct run *r, struct live *live, int err, int status, uint64_t differences, bool within)
{
	int own = shell_status(status);

	if (!live_began(live))
		remove_empty_recording(r);
	if (*live_error(live)) {
		complain(r->command, "%s", live_error(live));
		return own == STATUS_NOT_STARTED || own == STATUS_NOT_FOUND ? own : STATUS_FAILED;
	}
	if (err) {
		complain(r->command, "%s", strerror(-err));
		return STATUS_FAILED;
	}
	if (differences && status == 0)
		return STATUS_FAILED;
	if (!within && status == 0)
		return STATUS_OVER_BUDGET;
	return end_like(status);
}

/*
 * What would end the recorder beside the program, which would end with it.  Interrupts are the program's; what cannot be written, of a
 * recording that is too large or into a pipe that nobody reads, is an error.
 */
static const int withheld[] = { SIGINT, SIGPIPE, SIGXFSZ };
#define NR_WITHHELD (sizeof(withheld) / sizeof(withheld[0]))

static void withhold_signals(struct sigaction before[NR_WITHHELD])
{
	const struct sigaction ignored = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < NR_WITHHELD; i++)
		sigaction(withheld[i], &ignored, &before[i]);
}

static void give_signals_back(const struct sigaction before[NR_WITHHELD])
{
	for (size_t i = 0; i < NR_WITHHELD; i++)
		sigaction(withheld[i], &before[i], NULL);
}

static int record_and_mirror(const struct run *r, struct live *live)
{
	struct sigaction before[NR_WITHHELD];
	struct difference_log log = { .out = stderr, .recording = r->output };
	struct replay_options options = { .difference = log_difference, .lost = log_lost, .ctx = &log };
	struct census *census =
		r->mirror ? census_new(live_header(live), &options, r->json || has_budget(&r->budget)) : NULL;
	struct trace_writer *writer = NULL;
	struct tee tee = { .sink = { .event = tee_event, .tick = tee_tick } };
	struct replay_stats stats = { .events = 0 };
	uint64_t begin = clock_ns();
	int status = 0, err, closed, printed = 0;
	bool within = true;

	if (r->mirror && !census)
		return out_of_memory(r->command, 0);
	/* Until the program has ended, and the recording has its end. */
	withhold_signals(before);
	err = r->output ? trace_writer_open(&writer, r->output, live_header(live)) : 0;
	if (err) {
		give_signals_back(before);
		complain(r->command, "%s: cannot be written: %s", r->output, strerror(-err));
		return STATUS_FAILED;
	}
	if (writer && r->sync)
		trace_writer_sync(writer);
	tee.first = writer ? trace_writer_sink(writer) : NULL;
	tee.second = census ? census_sink(census) : NULL;
	err = live_run(live, &tee.sink, &status);
	closed = writer ? trace_writer_close(writer) : 0;
	give_signals_back(before);
	if (closed && !err) {
		complain(r->command, "%s: cannot be written to its end: %s", r->output, strerror(-closed));
		return STATUS_FAILED;
	}
	if (tee.stopped) {
		census_free(census);
		return out_of_memory(r->command, tee.stopped);
	}
	if (census) {
		printed = summarise(r, census, live, status, (double)(clock_ns() - begin) / 1e9);
		replay_statistics(census_replay(census), &stats);
		within = printed || census_within(census, &r->budget, r->command);
		census_free(census);
	}
	return printed ? printed : finish(r, live, err, status, stats.differences, within);
}

/* Negative: BPF is not permitted here, and another source may be taken. */
static int run_by_bpf(const struct run *r)
{
	struct bpf_run b = { .command = r->command,
		.argv = r->argv,
		.output = r->output,
		.mirror = r->mirror,
		.json = r->json,
		.json_out = r->json_file ? r->json_out : NULL,
		.sync = r->sync,
		.stacks = r->stacks,
		.budget = r->budget,
		.or_else = r->by_ptrace };
	int wait_status = 0, status = bpf_run(&b, &wait_status);

	if (status < 0 || (status >= STATUS_FAILED && !wait_status) ||
		(status == STATUS_OVER_BUDGET && !wait_status))
		return status;
	return status && !wait_status ? STATUS_FAILED : end_like(wait_status);
}

static void print_notice(void *ctx, const char *sentence)
{
	const struct run *r = ctx;

	complain(r->command, "%s", sentence);
}

static int start(struct run *r)
{
	struct live_options options = { .argv = r->argv,
		.check = (enum live_check)r->check.mode,
		.nth = r->check.nth,
		.stacks = r->stacks,
		.notice = print_notice,
		.ctx = r };
	struct live *live;
	char error[512];
	int status;

	r->json_out = r->json_file ? fopen(r->json_file, "we") : stdout;
	if (!r->json_out) {
		complain(r->command, "%s: cannot be written: %s", r->json_file, strerror(errno));
		return STATUS_FAILED;
	}
	status = r->by_bpf ? run_by_bpf(r) : -1;
	if (status >= 0)
		return status;
	status = live_start(&live, &options, error, sizeof(error));
	if (status) {
		complain(r->command, "%s", error);
		return status_of_start(status);
	}
	/* The program has been started: it does not inherit this. */
	limit_memory(r->max_memory);
	status = record_and_mirror(r, live);
	live_free(live);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run r = { .command = "run", .mirror = true };
	int status = parse(&r, argc, argv, run_help);

	return status ? (status < 0 ? 0 : status) : start(&r);
}

int cmd_record(int argc, char **argv)
{
	struct run r = { .command = "record" };
	int status = parse(&r, argc, argv, record_help);

	return status ? (status < 0 ? 0 : status) : start(&r);
}
