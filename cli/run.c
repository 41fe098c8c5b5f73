/* SPDX-License-Identifier: MIT */
/*
 * vmaple run: record, mirror, check and summarise in one go. vmaple record: record only.
 *
 * Order, in start(): the JSON file is opened; the source is started, which makes the child, that waits;
 * only then is memory limited and are signals withheld (follow.c), for a child inherits both; events are
 * followed until the program and all of its children have ended; the source is freed; then vmaple ends as
 * the program did.
 *
 * stdout and stdin are the program's. vmaple's own words go to stderr, JSON behind all that the program
 * wrote.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <vmaple/live.h>

#include "cli.h"
#include "follow.h"

/* `record` is `run` without the mirror: options that are about the mirror are unknown to it. */
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

/*
 * As the command line says. argv is what is started, with its NULL. checks: so that --check beside --via
 * bpf can be refused, the default not. json_file "-" has become NULL.
 */
struct run {
	const char *command; /* "run" or "record" */
	const char *output;
	struct check_option check;
	bool checks;         /* it was given */
	uint64_t max_memory; /* bytes; 0: half of the machine's */
	bool mirror, json, sync;
	const char *json_file; /* NULL: stdout */
	bool stacks;
	struct budget budget;
	bool by_bpf, by_ptrace; /* which source; both: BPF, or else ptrace */
	char **argv;
};

/*
 * Options whose values can be wrong: 0, or the status when that was said. The sentence is said here, so
 * that the callers only return.
 */
static int parse_value(struct run *r, int opt, const char *value)
{
	const char *wanted;
	bool good;

	if (opt == 'c') {
		good = r->checks = parse_check(value, &r->check);
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

/*
 * 0; -1: the help was printed; or STATUS_USAGE. --json takes its value behind = only (optional_argument):
 * the next word is COMMAND.
 */
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
	/* "+": parsing ends at the first word that is no option, so that those of COMMAND stay its own. */
	while ((opt = getopt_long(argc, argv, "+:o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'b':
			/* record has no mirror to hold a budget against. */
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
	/* With auto the check is for the case that it is ptrace. */
	if (r->checks && r->by_bpf && !r->by_ptrace)
		return usage_error(
			r->command, "BPF sees what each call has changed, and takes no", "--check");
	r->argv = argv + optind;
	return 0;
}

/*
 * End as the program ended: by the same signal, without a second core dump, or with its status. A core
 * dump is the program's own already; vmaple's would overwrite it under the same pattern. SIG_DFL, as the
 * signal may be ignored here. raise() comes back only from a signal that ends nothing, and then it is 128
 * and its number.
 */
static int end_like(int status)
{
	if (WIFSIGNALED(status)) {
		struct rlimit none = { 0, 0 };

		/* raise() below does not return, and nobody else flushes what was printed. */
		fflush(NULL);
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return shell_status(status);
}

/* While the program runs, as it happens: who waits for it may be wondering already. */
static void print_notice(void *ctx, const char *sentence)
{
	const struct run *r = ctx;

	complain(r->command, "%s", sentence);
}

/*
 * 0, or the status of what was said.
 *
 * `auto`: whatever keeps BPF from starting, ptrace is tried, and its reason is the one that is said. That
 * the program is not there either of them finds out in its child.
 */
static int start_source(struct run *r, struct live_source *source)
{
	struct live_bpf_options by_bpf = { .argv = r->argv, .stacks = r->stacks };
	struct live_options by_ptrace = { .argv = r->argv,
		.check = (enum live_check)r->check.mode,
		.nth = r->check.nth,
		.stacks = r->stacks,
		.notice = print_notice,
		.ctx = r };
	char error[512];
	int err = r->by_bpf ? live_bpf_start(&source->by_bpf, &by_bpf, error, sizeof(error)) : 0;

	if (!r->by_bpf || (err && r->by_ptrace))
		err = live_start(&source->by_ptrace, &by_ptrace, error, sizeof(error));
	if (!err)
		return 0;
	complain(r->command, "%s", error);
	return status_of_start(err);
}

/*
 * The program's own end comes first: whoever put vmaple before a command in a script must see that one.
 * Only what succeeded can have failed for vmaple's sake. A status of 0 is replaced; all others, and
 * signals, are the program's.
 */
static int finish(const struct followed *found)
{
	if (found->wait_status == 0 && found->differences)
		return STATUS_FAILED;
	if (found->wait_status == 0 && !found->within)
		return STATUS_OVER_BUDGET;
	return end_like(found->wait_status);
}

/*
 * The file of --json is opened before the program starts: a name that cannot be written is said while
 * nothing has happened yet. 0 to 255, or it does not return (end_like()). source_free() comes before the
 * end: what the source has changed of this process is put back (<vmaple/live.h>).
 */
static int start(struct run *r)
{
	struct following f = { .command = r->command,
		.output = r->output,
		.sync = r->sync,
		.mirror = r->mirror,
		.program = true,
		.json = r->json,
		.json_out = r->json_file ? fopen(r->json_file, "we") : stdout,
		.budget = r->budget };
	struct live_source source = { NULL, NULL };
	struct followed found;
	int status;

	if (!f.json_out) {
		complain(r->command, "%s: cannot be written: %s", r->json_file, strerror(errno));
		return STATUS_FAILED;
	}
	status = start_source(r, &source);
	if (status)
		return status;
	/* The program has been started: it does not inherit this. */
	limit_memory(r->max_memory);
	status = follow(&f, &source, &found);
	source_free(&source);
	return status ? status : finish(&found);
}

int cmd_run(int argc, char **argv)
{
	struct run r = { .command = "run", .mirror = true };
	int status = parse(&r, argc, argv, run_help);

	return status ? (status < 0 ? 0 : status) : start(&r);
}

/* The same with no mirror, and so without a summary. */
int cmd_record(int argc, char **argv)
{
	struct run r = { .command = "record" };
	int status = parse(&r, argc, argv, record_help);

	return status ? (status < 0 ? 0 : status) : start(&r);
}
