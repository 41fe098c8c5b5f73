/* SPDX-License-Identifier: MIT */
/*
 * vmaple conform: how like Linux's are the mapping calls of another kernel, or of an emulator?
 *
 * Three sources of answers (a file, the kit run here under a runner, none but the kit's text), one judge.
 * What the kit has printed is somebody else's word: conform_run_read() checks every line of it, and names
 * among it are quoted.
 *
 * Order: parse(), which leaves exactly one of the three; the set of sequences (conform_set_new()), which
 * is the same for emitting and for judging, so that both always fit; then one of conform_emit(),
 * judge_runner() and judge_file(). The verdict goes to stdout, as text or as one JSON object, each
 * complaint to stderr.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "conforming.h"

static const char help[] = "usage: vmaple conform [--kernel RELEASE] [--all] [--json] ANSWERS\n"
			   "       vmaple conform [--kernel RELEASE] [--all] [--json] -- [RUNNER...]\n"
			   "       vmaple conform --emit FOLDER\n"
			   "\n"
			   "Judge a kernel or an emulator by some hundred sequences of mapping calls: what\n"
			   "it answered, and what a caller could see after each call, beside what Linux\n"
			   "does.  The calls are made by a small program without libraries, the kit: --emit\n"
			   "writes its source, for x86-64, aarch64 and riscv64; ANSWERS is what it has\n"
			   "printed there (- is stdin).  With -- the kit for this machine is run, under\n"
			   "RUNNER, as in `vmaple conform -- qemu-x86_64`.\n"
			   "\n"
			   "  --kernel RELEASE be like this Linux, as 6.12 (default: the release that the\n"
			   "                   system says it is)\n"
			   "  --all            tell all that differs, not only the first of each area\n"
			   "  --json           the verdict as one line of JSON\n"
			   "  --emit FOLDER    write the kit: source, Makefile, and answers.json with what\n"
			   "                   every Linux answers\n"
			   "\n"
			   "exit status: 0 all as on Linux; 1 something differs; 2 usage; 3 the answers\n"
			   "cannot be read to their end; 125 vmaple failed\n";

/* Exactly one of emit, answers and runner is set behind parse(). */
struct options {
	const struct kernel_profile *profile; /* NULL: as the system says */
	const char *emit, *answers;
	char **runner; /* NULL: no kit is run */
	bool json, all;
};

/* The value is getopt_long()'s optarg. 0 or STATUS_USAGE. */
static int parse_kernel(struct options *o)
{
	o->profile = parse_known_kernel("conform", optarg);
	return o->profile ? 0 : STATUS_USAGE;
}

/* 0; -1: the help was printed, and that is all; or STATUS_USAGE. */
static int parse_option(struct options *o, int opt, char **argv)
{
	switch (opt) {
	case 'k':
		return parse_kernel(o);
	case 'e':
		o->emit = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("conform", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("conform", "unknown option", argv[optind - 1]);
	}
}

/* "+": the words behind `--` are the runner's, whose options are not this command's. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = { { "kernel", required_argument, NULL, 'k' },
		{ "emit", required_argument, NULL, 'e' }, { "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		err = parse_option(o, opt, argv);
		if (err)
			return err;
	}
	/*
	 * getopt_long() passes over "--" and leaves optind behind it. An empty rest is the kit on this
	 * kernel itself. argv[0] is the subcommand, so there is always a word before.
	 */
	if (strcmp(argv[optind - 1], "--") == 0)
		o->runner = argv + optind;
	else if (optind < argc)
		o->answers = argv[optind++];
	if (!o->runner && optind < argc)
		return usage_error("conform", "one file of answers is wanted, and not also", argv[optind]);
	/* An empty list of words behind `--` counts: runner is not NULL then. */
	if (!!o->emit + !!o->runner + !!o->answers != 1)
		return usage_error("conform", "one of ANSWERS, -- and --emit is wanted", NULL);
	if (o->emit && (o->json || o->all || o->profile))
		return usage_error("conform", "--emit stands alone: the kit is for every kernel", NULL);
	return 0;
}

/* Not out_of_memory(): a set of sequences has no steps. */
static int no_memory(void)
{
	complain("conform", "out of memory");
	return STATUS_FAILED;
}

/*
 * A release that no profile is near to (or that a stranger's system invented) is judged as the newest
 * known kernel, and that is printed. 0, STATUS_DIFFERENCES or STATUS_FAILED, when the verdict was
 * printed. The profile is looked for in what the system says of itself, unless --kernel was given: an
 * emulator's answer to uname(2) is part of what it claims to be.
 */
static int judge(const struct options *o, const struct conform_set *set, const struct conform_run *run)
{
	const struct kernel_profile *profile = o->profile ? o->profile : kernel_profile_for(run->release);
	struct conform_verdict verdict;
	struct conform_verdict_of of = { .set = set,
		.run = run,
		.profile = profile ? profile : kernel_profile_default,
		.verdict = &verdict };
	int status = 0;

	if (conform_judge(set, run, of.profile, &verdict))
		status = no_memory();
	else if (o->json)
		status = conform_print_json(&of, o->all);
	else
		conform_print(&of, o->all);
	/* What was not run is not right: a kit that died early must not pass. */
	if (!status && verdict.right < set->nr - verdict.skipped)
		status = STATUS_DIFFERENCES;
	conform_verdict_free(&verdict);
	return status;
}

/*
 * @name: of what was read, for people. @in stays the caller's. A line that is no answer ends it with
 * STATUS_DAMAGED before anything is judged; answers that only end early are judged as far as they go.
 */
static int read_and_judge(const struct options *o, const struct conform_set *set, FILE *in, const char *name)
{
	struct conform_run run;
	char why[256] = "";
	int err = conform_run_read(&run, set, in, why, sizeof(why)), status;

	if (err) {
		conform_run_free(&run);
		if (err == -ENOMEM)
			return no_memory();
		complain("conform", "%s: %s", name, why);
		return STATUS_DAMAGED;
	}
	status = judge(o, set, &run);
	/* Truncated answers outrank the differences in what is there. */
	if (!run.done && status != STATUS_FAILED) {
		complain("conform", "%s ends before the last sequence: what is there was judged", name);
		status = STATUS_DAMAGED;
	}
	conform_run_free(&run);
	return status;
}

/*
 * A file that cannot be opened is STATUS_DAMAGED as one that cannot be read: for a script both mean that
 * there are no answers.
 */
static int judge_file(const struct options *o, const struct conform_set *set)
{
	bool standard = strcmp(o->answers, "-") == 0;
	FILE *in = standard ? stdin : fopen(o->answers, "re");
	int status;

	if (!in) {
		complain("conform", "%s: cannot be opened: %s", o->answers, strerror(errno));
		return STATUS_DAMAGED;
	}
	status = read_and_judge(o, set, in, standard ? "stdin" : o->answers);
	if (!standard)
		fclose(in);
	return status;
}

/*
 * The kit is waited for in any case, also after answers that make no sense. How it ended is told only
 * where its answers end early: then the status of a crash (128 and the signal) explains it.
 */
static int judge_runner(const struct options *o, const struct conform_set *set)
{
	pid_t pid;
	FILE *from = conform_start(o->runner, &pid);
	int status, ended;

	if (!from)
		return STATUS_FAILED;
	status = read_and_judge(o, set, from, "the kit's output");
	ended = conform_end(from, pid);
	if (ended && status == STATUS_DAMAGED)
		complain("conform", "the kit ended with status %d", ended);
	return status;
}

/* The last `else` has no other case: parse() has seen to it that one is set. */
int cmd_conform(int argc, char **argv)
{
	struct options o = { 0 };
	int status = parse(&o, argc, argv);
	struct conform_set *set;

	if (status)
		return status < 0 ? 0 : status;
	set = conform_set_new();
	if (!set)
		return no_memory();
	if (o.emit)
		status = conform_emit(set, o.emit);
	else if (o.runner)
		status = judge_runner(&o, set);
	else if (o.answers)
		status = judge_file(&o, set);
	conform_set_free(set);
	return status;
}
