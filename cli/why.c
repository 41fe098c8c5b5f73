/* SPDX-License-Identifier: MIT */
/*
 * vmaple why: the command line of its questions, to a recording and to a running process.
 *
 * Four questions behind one name, told apart by what is on the command line: an area or two of a
 * recording (why_area.c), all boundaries (why_top.c), room for a map (why_room.c), a running process
 * (live_why.c). All that is asked of a recording begins with moment_reach(); histories are kept on the
 * way for addresses alone.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live_map.h"
#include "made_by.h"
#include "why.h"

static const char help[] =
	"usage: vmaple why [--at STEP|peak|end] [--pid PID] [--json]\n"
	"                  FILE ADDRESS [ADDRESS]\n"
	"       vmaple why [--at STEP|peak|end] [--pid PID] [--json|--folded]\n"
	"                  --top[=N] FILE\n"
	"       vmaple why [--at STEP|peak|end] [--pid PID] [--json]\n"
	"                  --room SIZE [--in LOW-HIGH] FILE\n"
	"       vmaple why --pid PID [--top] [--json] [--no-bpf] [ADDRESS]\n"
	"\n"
	"Why is the area at ADDRESS an area of its own?  Its life, each neighbour, every\n"
	"reason that keeps the two apart, the events that made it so, and what would have\n"
	"let them join.  With two addresses: what lies between them.  Without FILE: of a\n"
	"running process, which was never recorded and is not stopped, for every boundary\n"
	"why it is there, or with --top how often each reason occurs.\n"
	"\n"
	"  --top[=N]      all boundaries by reason and by the place in the program that\n"
	"                 made them; N places, 10 by default\n"
	"  --room SIZE    which areas stand in the way of a map of SIZE, such as 64M\n"
	"  --in LOW-HIGH  between these addresses: 40000000-80000000 for MAP_32BIT\n"
	"  --at STEP      after this step; `peak`: when most areas were there (default\n"
	"                 with --top); `end`: before the process ended (default with an\n"
	"                 address)\n"
	"  --pid PID      of this process; default: the first, at the peak the one with\n"
	"                 the most areas\n"
	"  --json         as one line of JSON\n"
	"  --folded       for flame graph tools: `reason;place COUNT`, one line each\n"
	"  --no-bpf       of a running process: from /proc, as without the privilege;\n"
	"                 what it does not know is called uncertain\n"
	"\n"
	"exit status: 0; 1 nothing is mapped there, or the process has no address space\n"
	"then; 3 the recording is damaged or ends early (what could be read is shown)\n";

/* @arg NULL: --top without a number. */
static int parse_top(struct why *w, const char *arg)
{
	/* Also where a number follows as a word of its own (parse_top_words()). */
	w->top = WHY_TOP;
	if (!arg || (parse_number(arg, &w->top) && w->top))
		return 0;
	return usage_error("why", "--top takes a number, not", arg);
}

/* What does not fit @low is cut, and is beyond 64 bits all the same. */
static int parse_limits(struct why *w, const char *text)
{
	const char *dash = strchr(text, '-');
	char low[32];

	snprintf(low, sizeof(low), "%.*s", dash ? (int)(dash - text) : 0, text);
	if (dash && parse_hex(low, &w->room_low) && parse_hex(dash + 1, &w->room_high) &&
		w->room_low < w->room_high)
		return 0;
	return usage_error("why", "--in takes two addresses such as 40000000-80000000, not", text);
}

/* 0; -1: the help was printed; or STATUS_USAGE. */
static int parse_option(struct why *w, int opt, char **argv)
{
	switch (opt) {
	case 'a':
		if (!moment_parse(&w->moment, optarg))
			return usage_error("why", "--at takes a step, peak or end, not", optarg);
		return 0;
	case 'p':
		if (!parse_pid(optarg, &w->moment.pid))
			return usage_error("why", "--pid takes a number, not", optarg);
		return 0;
	case 't':
		return parse_top(w, optarg);
	case 'j':
		w->json = true;
		return 0;
	case 'f':
		w->folded = true;
		return 0;
	case 'r':
		if (!parse_size(optarg, &w->room) || !w->room)
			return usage_error("why", "--room takes a size such as 64M, not", optarg);
		return 0;
	case 'i':
		return parse_limits(w, optarg);
	case 'n':
		w->no_bpf = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("why", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("why", "unknown option", argv[optind - 1]);
	}
}

/*
 * After --top: a recording, and a number before or behind it, for `--top N` is what people type and
 * getopt_long() takes an optional argument behind = only.
 */
static int parse_top_words(struct why *w, int argc, char **argv)
{
	uint64_t n;

	if (argc - optind > 2)
		return usage_error("why", "--top takes no address:", argv[optind + 2]);
	if (argc - optind == 1) {
		w->moment.path = argv[optind];
		return 0;
	}
	/* Where the number is, 0 or 1. */
	n = parse_number(argv[optind], &n) ? 0 : 1;
	w->moment.path = argv[optind + !n];
	return parse_top(w, argv[optind + (int)n]);
}

/* 0 or STATUS_USAGE. Behind it moment.path is set, and one of top, room and nr_addr. */
static int parse_words(struct why *w, int argc, char **argv)
{
	if (optind == argc)
		return usage_error("why", "a recording is missing", NULL);
	if (w->top)
		return parse_top_words(w, argc, argv);
	if (w->room && argc - optind > 1)
		return usage_error("why", "--room takes no address:", argv[optind + 1]);
	w->moment.path = argv[optind++];
	for (; optind < argc; optind++) {
		/* Before it is parsed: a third address is one too many, whatever it is. */
		if (w->nr_addr == WHY_ADDRESSES)
			return usage_error("why", "two addresses at most, not", argv[optind]);
		if (!parse_hex(argv[optind], &w->addr[w->nr_addr++]))
			return usage_error("why", "an address is wanted, not", argv[optind]);
	}
	if (!w->nr_addr && !w->room)
		return usage_error("why", "an address, --top or --room is missing", NULL);
	return 0;
}

/*
 * No file is named: the process runs. What can be read as an address is one, unless there is such a file
 * ("cafe" is both).
 *
 * w->addr[0] is written where it answers true, and may be where it does not.
 */
static bool asks_running(struct why *w, int argc, char **argv)
{
	if (!w->moment.pid || argc - optind > 1)
		return false;
	return optind == argc || (access(argv[optind], F_OK) && parse_hex(argv[optind], &w->addr[0]));
}

/*
 * The checks at the end are of combinations, when all options are known; each names what would make
 * sense.
 */
static int parse(struct why *w, int argc, char **argv)
{
	static const struct option options[] = { { "at", required_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' }, { "top", optional_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' }, { "folded", no_argument, NULL, 'f' },
		{ "no-bpf", no_argument, NULL, 'n' }, { "room", required_argument, NULL, 'r' },
		{ "in", required_argument, NULL, 'i' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int opt, err;
	bool top = false;

	opterr = 0;
	/* The default of --at depends on --top, which may stand behind it. */
	for (int i = 1; i < argc; i++)
		/* "--top" and "--top=N"; a file of that name would have to be written ./--top. */
		top |= strncmp(argv[i], "--top", 5) == 0;
	w->moment.kind = top ? MOMENT_PEAK : MOMENT_END;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		err = parse_option(w, opt, argv);
		if (err)
			return err;
	}
	/* Behind the options, for --pid may stand anywhere among them. */
	w->running = asks_running(w, argc, argv);
	w->nr_addr = w->running ? (unsigned int)(argc - optind) : 0;
	err = w->running ? 0 : parse_words(w, argc, argv);
	if (err)
		return err;
	if (w->running && w->top && w->nr_addr)
		return usage_error(
			"why", "--top of a running process takes neither address nor number:", argv[optind]);
	if (w->no_bpf && !w->running)
		return usage_error(
			"why", "--no-bpf is for a running process: --pid without a recording", NULL);
	if ((w->room && (w->top || w->running || w->folded)) || (w->room_high && !w->room))
		return usage_error(
			"why", "--room goes with a recording, --in with --room; neither with --top", NULL);
	if (w->folded && (!w->top || w->json || w->running))
		return usage_error(
			"why", "--folded goes with --top of a recording, and not with --json", NULL);
	return 0;
}

/* Called by moment_reach() behind the ledger, for each event of the recording up to the moment. */
static void watch(void *ctx, struct moment *m, const struct trace_event *e)
{
	histories_event(ctx, m, e);
}

/*
 * Gaps outrank the answer, but it is given: they are said behind it.
 *
 * moment_leave() comes behind the answer, of which most is of the ledger. What had no memory makes the
 * status 125, as nobody can tell from the text what it lacks.
 */
static int ask(struct why *w)
{
	struct histories *h = histories_new(w->nr_addr, w->addr);
	int status, answered = STATUS_FAILED;

	if (!h)
		return out_of_memory("why", 0);
	/* Histories cost a look at each event: not for questions about the whole map. */
	w->moment.watch = w->nr_addr ? watch : NULL;
	w->moment.ctx = h;
	status = moment_reach(&w->moment);
	/* Of a damaged recording the answer is about what could be read. */
	if (w->moment.mm && status != STATUS_FAILED)
		answered = w->top ? why_top(w) : w->room ? why_room(w) : why_area(w, h);
	if (!status)
		status = answered;
	if ((histories_incomplete(h) || (w->moment.x && explain_incomplete(w->moment.x)) ||
		    names_lacked_memory(w->moment.symbols)) &&
		status != STATUS_FAILED) {
		complain("why", "out of memory: what is shown has gaps");
		status = STATUS_FAILED;
	}
	moment_leave(&w->moment);
	histories_free(h);
	return status;
}

/* Of addresses there is one at most (asks_running()). */
static int ask_running(const struct why *w)
{
	struct live_why_options o = { .pid = (pid_t)w->moment.pid,
		.has_addr = w->nr_addr,
		.addr = w->addr[0],
		.top = w->top,
		.json = w->json,
		.no_bpf = w->no_bpf };

	return live_why(&o);
}

int cmd_why(int argc, char **argv)
{
	struct why w = { .moment.command = "why" };
	int status = parse(&w, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	return w.running ? ask_running(&w) : ask(&w);
}
