/* SPDX-License-Identifier: MIT */
/*
 * vmaple whatif: a recording replayed with one thing changed; the number of areas over time beside what was.
 *
 * Two readings. The first finds the address space whose areas are counted (the one with the most) and lets
 * the changes see what comes later (whatif_prepare(): "late" wants to know the last mprotect before it
 * meets the first write). The second carries each event out on two mirrors, one as it was and one with the
 * changes, and samples both at the same steps.
 *
 * Who owns what: both mirrors (was, and whatif's) are made from the recording's header, used until the
 * printing is over and freed by ask(). Nothing is printed before both readings are done.
 *
 * Doubt is the last part of the answer and never left out: a program that gets another result goes on in
 * another way, so from the first such call on the numbers are those of nobody's program.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/explain.h>
#include <vmaple/whatif.h>

#include "text.h"

static const char help[] =
	"usage: vmaple whatif FILE CHANGE... [--json]\n"
	"\n"
	"Replay the recording with something changed, and show the number of areas over\n"
	"time beside what was.  Addresses stay as they were recorded.  Each change is one\n"
	"that a program or an administrator can make:\n"
	"\n"
	"  --kernel RELEASE      on Linux 6.1, 6.12.90, ...\n"
	"  --rmap anonmm         without anon_vmas in the way of merging; or another\n"
	"                        design, `vmaple lab --rmap all --list` names them\n"
	"  --guards install      guard pages by MADV_GUARD_INSTALL instead of PROT_NONE\n"
	"  --touch late          memory is first written after the last mprotect or\n"
	"                        mremap in its mapping\n"
	"  --commit SIZE         mprotect and madvise of anonymous memory rounded out to\n"
	"                        SIZE; what takes access away, rounded in (64K, 2M, ...;\n"
	"                        a power of two)\n"
	"  --without CALL[:ADVICE]\n"
	"                        without these calls: madvise:MADV_DONTFORK, mlock, ...\n"
	"  --names off           without PR_SET_VMA_ANON_NAME\n"
	"  --max-map-count N     at which call would it have failed?\n"
	"  --aslr off            says why no recording can answer that\n"
	"  --pid PID             count the areas of this process; default: of the one\n"
	"                        with the most\n"
	"  --json                as one line of JSON\n"
	"\n"
	"Where a call would have ended otherwise than it did, what the program would have\n"
	"done then is not known, and that is said.\n"
	"\n"
	"exit status: 0; 1 there is no such process; 3 the recording is damaged or ends\n"
	"early (what could be read is shown)\n";

/* A table that fits a terminal, evenly over the samples; JSON has all of these. */
#define ROWS 16

/*
 * aslr: asked for, to be refused behind parse(). before is used twice: of all spaces in the first
 * reading, of one in the second.
 */
struct whatif_run {
	const char *path;
	struct whatif_changes changes;
	bool json, any, aslr;
	uint64_t pid;    /* whose areas are counted; 0: of the address space with the most */
	char words[256]; /* the changes, as given */
	struct whatif *whatif;
	struct replay *was;
	struct explain_series before, after;
	uint64_t end_was, end_after; /* areas before the address space ended */
};

/* From a page of the smallest kind on. */
static bool parse_granule(const char *text, uint64_t *size)
{
	return parse_size(text, size) && *size >= 4096 && !(*size & (*size - 1));
}

/*
 * The number of an advice by its name, with or without MADV_, or -1: found by the text of a call with
 * each number, which is the one list of names. Its length is compared, too, so that DONTNEED is not
 * DONTNEED_LOCKED.
 *
 * A number that has no name is written as one, and has no "MADV_" in it.
 */
static int advice_of(const char *name)
{
	/* madvise of x86-64, by which recordings number calls. */
	struct trace_call call = { .nr = 28 };
	char text[128];
	const char *found;

	for (int i = 0; i < 128; i++) {
		size_t n;

		call.args[2] = (uint64_t)i;
		trace_call_text(&call, text, sizeof(text));
		found = strstr(text, "MADV_");
		n = found ? strcspn(found, ")") : 0;
		if (!n)
			continue;
		if (strncasecmp(found, name, n) == 0 && !name[n])
			return i;
		if (strncasecmp(found + 5, name, n - 5) == 0 && !name[n - 5])
			return i;
	}
	return -1;
}

/* Only madvise has an advice. "mlock" leaves out mlock and not mlock2: names are compared whole. */
static int parse_without(struct whatif_run *w, const char *text)
{
	struct whatif_call *c = &w->changes.without[w->changes.nr_without];
	size_t n = strcspn(text, ":");

	/* c points behind the array then, and is not used. */
	if (w->changes.nr_without == WHATIF_CALLS)
		return usage_error("whatif", "too many --without:", text);
	c->advice = -1;
	/* Beyond all numbers of x86-64, of which gaps have no name. */
	for (c->nr = 0; c->nr < 512; c->nr++) {
		const char *name = trace_call_name(c->nr);

		if (name && strlen(name) == n && strncmp(name, text, n) == 0)
			break;
	}
	if (c->nr == 512)
		return usage_error("whatif", "--without takes a call that recordings contain, not", text);
	/* A colon, and what stands behind it; "madvise:" has an advice of no name. */
	if (text[n]) {
		c->advice = strcmp(trace_call_name(c->nr), "madvise") == 0 ? advice_of(text + n + 1) : -1;
		if (c->advice < 0)
			return usage_error("whatif", "--without takes madvise:ADVICE, not", text);
	}
	w->changes.nr_without++;
	return 0;
}

/* A series that is not known would be answered by the nearest one without a word. */
static int parse_kernel(struct whatif_run *w, const char *text)
{
	w->changes.kernel = parse_known_kernel("whatif", text);
	return w->changes.kernel ? 0 : STATUS_USAGE;
}

/* The design is the engine's own table, and static. */
static int parse_rmap(struct whatif_run *w, const char *text)
{
	/*
	 * Memory that has no anon_vma until it must have one joins as if there were none. anon_vma_lazy
	 * is a name of this command's alone: it decides about areas as anonmm does.
	 */
	w->changes.rmap = rmap_design(strcmp(text, "anon_vma_lazy") == 0 ? "anonmm" : text);
	return w->changes.rmap ? 0 : usage_error("whatif", "there is no reverse map", text);
}

/* 0 or STATUS_USAGE. Options with one value have it so that another can be added. */
static int parse_word(const char *option, const char *text, const char *word)
{
	if (strcmp(text, word) == 0)
		return 0;
	complain("whatif", "--%s takes %s, not `%s`", option, word, text);
	return STATUS_USAGE;
}

/*
 * The words are kept as they were typed, for the answer's first line; what does not fit is cut. @name is
 * one of the options of parse(), so the last ones are told apart by which is left.
 */
static int parse_change(struct whatif_run *w, const char *name, const char *arg)
{
	struct whatif_changes *c = &w->changes;
	size_t n = strlen(w->words);

	snprintf(w->words + n, sizeof(w->words) - n, "%s--%s %s", n ? " " : "", name, arg);
	w->any = true;
	if (strcmp(name, "kernel") == 0)
		return parse_kernel(w, arg);
	if (strcmp(name, "rmap") == 0)
		return parse_rmap(w, arg);
	if (strcmp(name, "without") == 0)
		return parse_without(w, arg);
	if (strcmp(name, "commit") == 0)
		return parse_granule(arg, &c->commit)
			       ? 0
			       : usage_error("whatif", "--commit takes a power of two from 4K, not", arg);
	if (strcmp(name, "max-map-count") == 0)
		return parse_up_to(arg, INT32_MAX, &c->max_map_count)
			       ? 0
			       : usage_error("whatif", "--max-map-count takes a number, not", arg);
	/* Set before the value is looked at: a wrong one ends the command anyway. */
	c->guards_install |= strcmp(name, "guards") == 0;
	c->touch_late |= strcmp(name, "touch") == 0;
	c->names_off |= strcmp(name, "names") == 0;
	w->aslr |= strcmp(name, "aslr") == 0;
	return parse_word(name, arg,
		strcmp(name, "guards") == 0  ? "install"
		: strcmp(name, "touch") == 0 ? "late"
					     : "off");
}

/*
 * 0; -1: the help was printed; or STATUS_USAGE. All changes are one option to getopt_long(), told apart
 * by its index.
 */
static int parse(struct whatif_run *w, int argc, char **argv)
{
	static const struct option options[] = { { "kernel", required_argument, NULL, 'c' },
		{ "rmap", required_argument, NULL, 'c' }, { "guards", required_argument, NULL, 'c' },
		{ "touch", required_argument, NULL, 'c' }, { "commit", required_argument, NULL, 'c' },
		{ "without", required_argument, NULL, 'c' }, { "names", required_argument, NULL, 'c' },
		{ "max-map-count", required_argument, NULL, 'c' }, { "aslr", required_argument, NULL, 'c' },
		{ "pid", required_argument, NULL, 'p' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, which, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, &which)) != -1) {
		switch (opt) {
		case 'c':
			err = parse_change(w, options[which].name, optarg);
			if (err)
				return err;
			break;
		case 'p':
			if (!parse_pid(optarg, &w->pid))
				return usage_error("whatif", "--pid takes a number, not", optarg);
			break;
		case 'j':
			w->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("whatif", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("whatif", "unknown option", argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return recordings_error("whatif", argc - optind, argv + optind);
	if (!w->any)
		return usage_error("whatif", "a change is missing", NULL);
	w->path = argv[optind];
	return 0;
}

/*
 * The first reading. 0, or an exit status that was said.
 *
 * Nothing is said of damage here, so that it is said once; both readings end at the same event.
 */
static int read_first(struct whatif_run *w)
{
	struct replay_options options = { .unchecked = true };
	struct trace_reader *reader;
	struct replay *replay;
	struct trace_event e = { .step = 0 };
	int err = open_recording("whatif", w->path, &reader), got = 0;

	if (err)
		return err;
	replay = replay_new(trace_reader_header(reader), &options);
	w->whatif = whatif_new(trace_reader_header(reader), &w->changes);
	explain_series_begin(&w->before, 0);
	if (!replay || !w->whatif)
		/* Told below as no memory: neither can fail otherwise. */
		err = -1;
	while (!err && (got = trace_reader_next(reader, &e)) > 0) {
		err = replay_sink(replay)->event(replay_sink(replay), &e);
		if (!w->pid || e.pid == w->pid)
			explain_series_event(&w->before, replay, &e);
		if (!err)
			err = whatif_prepare(w->whatif, &e);
	}
	if (replay)
		replay_free(replay);
	trace_reader_close(reader);
	/* What is damaged is told by the second reading. */
	return err || got == -ENOMEM ? out_of_memory("whatif", e.step) : 0;
}

/* 0 as well of a space that has ended, or was never seen. */
static uint64_t areas_of(struct replay *replay, uint32_t mm)
{
	const struct mm_struct *space = replay_space(replay, mm);

	return space ? (uint64_t)space->map_count : 0;
}

/*
 * The second reading: both mirrors side by side. Once the address space has ended, end_was and end_after
 * stay as they were before its last event.
 *
 * The order of the two mirrors does not matter to either: they share the event and nothing else. Writes
 * that were put off are let go by the sink, in front of the event that is due (late.c).
 */
static int read_second(struct whatif_run *w)
{
	struct replay_options options = { .unchecked = true };
	uint32_t mm = w->before.peak_mm;
	struct trace_reader *reader;
	struct trace_event e = { .step = 0 };
	int err = open_recording("whatif", w->path, &reader), got = 0;

	if (err)
		return err;
	w->was = replay_new(trace_reader_header(reader), &options);
	if (!w->was)
		err = -1;
	/* Anew, and of this one alone: the first reading's was of all. */
	explain_series_begin(&w->before, mm);
	explain_series_begin(&w->after, mm);
	while (!err && (got = trace_reader_next(reader, &e)) > 0) {
		err = replay_sink(w->was)->event(replay_sink(w->was), &e);
		if (!err)
			err = whatif_sink(w->whatif)->event(whatif_sink(w->whatif), &e);
		explain_series_event(&w->before, w->was, &e);
		explain_series_event(&w->after, whatif_replay(w->whatif), &e);
		/* While it lives; its last event takes all areas away, and the last numbers stay. */
		if (areas_of(w->was, mm)) {
			w->end_was = areas_of(w->was, mm);
			w->end_after = areas_of(whatif_replay(w->whatif), mm);
		}
	}
	err = err ? out_of_memory("whatif", e.step) : recording_ended("whatif", reader, got);
	trace_reader_close(reader);
	return err;
}

/*
 * Both series are sampled by the number of events, so that the same place in both is the same step; a
 * shorter one ends the table.
 *
 * `last` keeps a short series from having a row twice.
 */
static void print_rows(const struct whatif_run *w)
{
	uint32_t n = w->before.count < w->after.count ? w->before.count : w->after.count, last = ~0U;
	char was[32], after[32], step[32];

	printf("\n%14s %14s %12s %12s\n", "time", "step", "was", "would be");
	for (uint32_t row = 0; n && row < ROWS; row++) {
		/* From the first sample to the last, both included. */
		uint32_t i = (uint32_t)((uint64_t)(n - 1) * row / (ROWS - 1));

		if (i == last)
			continue;
		last = i;
		printf("%12.3f s %14s %12s %12s\n", (double)w->before.sample[i].time_ns / 1e9,
			number_text(w->before.sample[i].step, step, sizeof(step)),
			number_text(w->before.sample[i].areas, was, sizeof(was)),
			number_text(w->after.sample[i].areas, after, sizeof(after)));
	}
}

/* Peaks of both need not be of the same moment. */
static void print_ends(const struct whatif_run *w)
{
	char was[32], after[32];

	printf("%29s %12s %12s\n", "peak", number_text(w->before.peak.areas, was, sizeof(was)),
		number_text(w->after.peak.areas, after, sizeof(after)));
	printf("%29s %12s %12s\n\n", "end", number_text(w->end_was, was, sizeof(was)),
		number_text(w->end_after, after, sizeof(after)));
}

/* At every sample, not only at peak and end. */
static bool as_many_areas(const struct whatif_run *w)
{
	bool same = w->before.count == w->after.count && w->before.peak.areas == w->after.peak.areas &&
		    w->end_was == w->end_after;

	for (uint32_t i = 0; same && i < w->before.count; i++)
		same = w->before.sample[i].areas == w->after.sample[i].areas;
	return same;
}

/*
 * A change that makes no difference: has it met anything, and was that all the same? Changes of the
 * machine are no change of an event, so their count says nothing.
 *
 * Nothing is said where the table speaks for itself.
 */
static void print_sameness(const struct whatif_run *w)
{
	const struct whatif_outcome *o = whatif_outcome(w->whatif);
	bool of_the_machine = w->changes.kernel || w->changes.rmap || w->changes.max_map_count;
	char text[512];

	/* Nothing of the recording was met by the change. */
	if (!o->changed && !of_the_machine)
		snprintf(text, sizeof(text),
			"With %s nothing would be different: the recording has no call or write that it "
			"changes.",
			w->words);
	else if (!o->otherwise && as_many_areas(w))
		snprintf(text, sizeof(text),
			"With %s there would be as many areas at every moment: nothing that the program did "
			"comes out otherwise by it.",
			w->words);
	else
		return;
	print_wrapped("", text);
}

/* kernel->asked names the kernel that the oracle has asked; NULL: none. */
static void print_doubts(const struct whatif_run *w)
{
	const struct whatif_outcome *o = whatif_outcome(w->whatif);
	char text[1024], count[32];

	print_sameness(w);
	if (w->changes.kernel && !w->changes.kernel->asked)
		print_wrapped("", "What this kernel does was read off its sources; it was not asked.");
	if (o->otherwise) {
		snprintf(text, sizeof(text),
			"At step %" PRIu64
			" process %u would have got %s from %s.  What it would have done then "
			"is not known: from there on the numbers are those of a program that goes on as it "
			"did "
			"(%s such calls in all).",
			o->first_step, o->first_pid, o->first_expected, o->first_call,
			number_text(o->otherwise, count, sizeof(count)));
		print_wrapped("", text);
	} else if (w->changes.max_map_count) {
		print_wrapped("", "No call would have failed.");
	}
	if (o->unseen)
		print_wrapped("",
			"Parts of the recording were not seen; there both go on from the map that was read.");
}

/* Both series have the same steps, so a reader can put them beside each other by index. */
static json_t *series_json(const struct explain_series *s)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < s->count; i++)
		json_push(a,
			json_pack("{s:I, s:f, s:I}", "step", (json_int_t)s->sample[i].step, "seconds",
				(double)s->sample[i].time_ns / 1e9, "areas", (json_int_t)s->sample[i].areas));
	return a;
}

/*
 * first_otherwise is null where no call would have ended otherwise. Numbers of areas of both, sample by
 * sample.
 */
static int print_whatif_json(const struct whatif_run *w)
{
	const struct whatif_outcome *o = whatif_outcome(w->whatif);
	json_t *first = !o->otherwise ? json_null()
				      : json_pack("{s:I, s:i, s:o, s:o}", "step", (json_int_t)o->first_step,
						"pid", (int)o->first_pid, "call", json_text(o->first_call),
						"would_be", json_text(o->first_expected));

	return print_json(json_pack("{s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o}", "changes",
		json_text(w->words), "pid", (int)w->before.peak_pid, "peak_was",
		(json_int_t)w->before.peak.areas, "peak", (json_int_t)w->after.peak.areas, "end_was",
		(json_int_t)w->end_was, "end", (json_int_t)w->end_after, "changed", (json_int_t)o->changed,
		"calls_otherwise", (json_int_t)o->otherwise, "first_otherwise", first, "unseen",
		(json_int_t)o->unseen, "was", series_json(&w->before), "would_be", series_json(&w->after)));
}

/* Always 0; what stdout has lost main.c finds out. */
static int print_whatif(const struct whatif_run *w)
{
	const struct whatif_outcome *o = whatif_outcome(w->whatif);
	char line[512], count[32];

	snprintf(line, sizeof(line), "areas of process %u, and what they would have been with %s%s%s%s",
		w->before.peak_pid, w->words, o->changed ? " (" : "",
		o->changed ? number_text(o->changed, count, sizeof(count)) : "",
		!o->changed       ? ""
		: o->changed == 1 ? " event changed)"
				  : " events changed)");
	print_wrapped("", line);
	print_rows(w);
	print_ends(w);
	print_doubts(w);
	return 0;
}

/* A damaged recording is shown as far as it goes. w->was NULL: the second reading never began. */
static int ask(struct whatif_run *w)
{
	int status = read_first(w), shown = 0;

	if (!status && w->pid && !w->before.peak_mm) {
		complain("whatif", "%s: there is no such process, or it has no areas", w->path);
		status = 1;
	}
	if (!status)
		status = read_second(w);
	/* Also of a damaged recording (3). */
	if (w->was && status != STATUS_FAILED)
		shown = w->json ? print_whatif_json(w) : print_whatif(w);
	if (!status)
		status = shown;
	whatif_free(w->whatif);
	if (w->was)
		replay_free(w->was);
	return status;
}

int cmd_whatif(int argc, char **argv)
{
	struct whatif_run w = { .aslr = false };
	int status = parse(&w, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	/* Behind parse(), so that a misspelt option is said first. */
	if (w.aslr) {
		complain("whatif",
			"--aslr off: where a program would have been mapped, and what it would have "
			"made of other addresses, no recording knows; record it under `setarch -R`");
		return STATUS_USAGE;
	}
	return ask(&w);
}
