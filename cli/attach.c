/* SPDX-License-Identifier: MIT */
/*
 * vmaple attach: follow a running process from its map as it is now, by BPF or by ptrace.
 *
 * The source is chosen by start_source(): BPF first, because nobody is stopped by it; ptrace where BPF is
 * not permitted and one process is asked for. Signals only set a flag, which the source asks for: it takes
 * its programs out of the kernel, or lets the process go, before it returns.
 *
 * Order, which is what keeps the process whole: signals are caught before anything is loaded into the
 * kernel (cmd_attach()); the source is started, which by ptrace stops every thread of the process once;
 * follow() runs it until the processes end, the time is over or a signal has come; source_free() takes
 * away what is left, whatever follow() said.
 *
 * On stdout is the JSON line of --json alone; the summary, differences and every sentence go to stderr,
 * as the recording of a foreign program says nothing about this terminal.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/live.h>
#include <vmaple/live_bpf.h>

#include "cli.h"
#include "follow.h"

/*
 * The text of --help, on stdout. The command line is checked word by word below: nothing of it is
 * believed.
 */
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

/*
 * Written by the handler, read by stop(); never reset, so that a second Ctrl-C changes nothing: the
 * source is on its way out already.
 */
static volatile sig_atomic_t interrupted;

/* Async-signal-safe by doing nothing else. */
static void interrupt(int sig)
{
	interrupted = 1;
}

/* Asked by the source between two batches of events; true: it ends as if the time were over. */
static bool stop(void *ctx)
{
	return interrupted;
}

/* As the command line says; one of the first three. */
struct attach {
	pid_t pid;          /* this process; or */
	const char *cgroup; /* all of it, and of those below; or */
	bool machine;       /* all of the machine's */
	const char *output;
	double seconds; /* 0: until the processes end */
	bool json, sync, stacks;
	bool by_bpf, by_ptrace; /* which source; both: BPF, or else ptrace */
};

/* Without SA_RESTART: the source's waiting (epoll, waitpid) is to end with EINTR at once. */
static void end_by_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &(struct sigaction){ .sa_handler = interrupt }, NULL);
}

/* What the source has to say while it runs goes out at once, for it may run for days. */
static void print_notice(void *ctx, const char *sentence)
{
	complain("attach", "%s", sentence);
}

/*
 * It is not the process that is in the way, so another source may do. -ESRCH: there is none; -EINTR: told
 * to end; -EAGAIN: it changes faster than it can be read.
 */
static bool is_not_permitted(int err)
{
	return err != -ESRCH && err != -EAGAIN && err != -ENOMEM && err != -EINTR;
}

/*
 * @bpf_error: why it is not BPF; "": it was not asked. 0, or the status of what was said. Why it is not
 * BPF is said in any case: in front of ptrace's own reason where both fail, else as a notice of what
 * being followed by ptrace costs the process.
 */
static int start_by_ptrace(const struct attach *a, const char *bpf_error, struct live_source *source)
{
	struct live_options options = { .pid = a->pid,
		.seconds = a->seconds,
		.stacks = a->stacks,
		.stop = stop,
		.notice = print_notice };
	char error[512];

	if (live_start(&source->by_ptrace, &options, error, sizeof(error))) {
		complain("attach", "%s%s%s", bpf_error, *bpf_error ? "; " : "", error);
		return STATUS_FAILED;
	}
	if (*bpf_error)
		complain("attach",
			"%s: process %d is followed by ptrace, which stops it twice at each of its system "
			"calls",
			bpf_error, (int)a->pid);
	return 0;
}

/*
 * 0, or the status of what was said. An error of the machine (no memory, no such process, told to end) is
 * not tried again by ptrace, which would meet the same one and hide it behind its own sentence. A scope
 * (a cgroup, the machine) is BPF's alone, so `a->pid` is asked.
 */
static int start_source(const struct attach *a, struct live_source *source)
{
	struct live_bpf_options options = { .pid = a->pid,
		.cgroup = a->cgroup,
		.machine = a->machine,
		.seconds = a->seconds,
		.stacks = a->stacks,
		.stop = stop };
	char error[512];
	int err;

	if (!a->by_bpf)
		return start_by_ptrace(a, "", source);
	err = live_bpf_start(&source->by_bpf, &options, error, sizeof(error));
	if (err && a->by_ptrace && a->pid && is_not_permitted(err))
		return start_by_ptrace(a, error, source);
	if (err)
		complain("attach", "%s", error);
	return err ? STATUS_FAILED : 0;
}

/*
 * What differs is the kernel's and the engine's business, not the process's: STATUS_DIFFERENCES comes
 * last. The exit status, when the source is gone. Found differences count only where nothing else went
 * wrong.
 */
static int attach(const struct attach *a)
{
	struct following f = { .command = "attach",
		.output = a->output,
		.sync = a->sync,
		.mirror = true,
		.json = a->json,
		.json_out = stdout };
	struct live_source source = { NULL, NULL };
	struct followed found;
	int status = start_source(a, &source);

	if (status)
		return status;
	status = follow(&f, &source, &found);
	source_free(&source);
	return status ? status : found.differences ? STATUS_DIFFERENCES : 0;
}

/*
 * What is followed: one process, or a scope. @argc, @argv: what stands behind the options. 0, or
 * STATUS_USAGE when that was said. A PID and --cgroup together are refused and not narrowed: who types
 * both means one of them. --cgroup and --all need BPF, so --via ptrace beside them is wrong, while auto
 * is not, and then has no second choice.
 */
static int parse_scope(struct attach *a, int argc, char **argv)
{
	int given = argc + (a->cgroup != NULL) + a->machine;
	uint64_t pid;

	if (given != 1)
		return argc ? usage_error("attach", "one of a PID, --cgroup and --all is wanted, not also",
				      argv[argc - 1])
			    : usage_error("attach", "one PID, --cgroup or --all is wanted", NULL);
	if (!argc)
		return a->by_bpf ? 0
				 : usage_error("attach", "ptrace follows one process, not",
					   a->cgroup ? "--cgroup" : "--all");
	if (!parse_pid(argv[0], &pid))
		return usage_error("attach", "a PID is wanted, not", argv[0]);
	a->pid = (pid_t)pid;
	return 0;
}

/*
 * 0 and *@a; -1: the help was printed; or STATUS_USAGE, said. An option that is given twice counts as it
 * was given last.
 */
static int parse(struct attach *a, int argc, char **argv)
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
			if (take_recording_name("attach", &a->output, optarg))
				return STATUS_USAGE;
			break;
		/* 0 is refused: in struct attach it means that there is no end. */
		case 'f':
			end = optarg;
			if (!parse_decimal(&end, &a->seconds) || *end || !(a->seconds > 0))
				return usage_error("attach", "--for takes seconds, not", optarg);
			break;
		case 'v':
			if (!parse_source(optarg, &a->by_bpf, &a->by_ptrace))
				return usage_error("attach", "--via takes bpf, ptrace or auto, not", optarg);
			break;
		case 'c':
			a->cgroup = optarg;
			break;
		case 'a':
			a->machine = true;
			break;
		case 'k':
			a->stacks = true;
			break;
		case 'j':
			a->json = true;
			break;
		case 's':
			a->sync = true;
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
	return parse_scope(a, argc - optind, argv + optind);
}

/* One of the statuses in the help, or STATUS_USAGE; nothing has been touched then. */
int cmd_attach(int argc, char **argv)
{
	struct attach a = { .by_bpf = true, .by_ptrace = true };
	int status = parse(&a, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	/* Whatever has been put into the kernel or done to the process by then is taken back before it ends. */
	end_by_signals();
	return attach(&a);
}
