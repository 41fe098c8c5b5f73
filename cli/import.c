/* SPDX-License-Identifier: MIT */
/*
 * vmaple import: what other tools have written, as a recording.
 *
 * Reading is trace/import's, which recognises the form of each file by its content; here are the command line, and the
 * summary: what was made of the files, and what they could not tell, counted by kind. A file that ends in the middle
 * leaves a recording of what was good until then, and status 3.
 *
 * Who says what: progress and complaints on stderr; the summary, what was inferred and JSON on stdout.
 * The exit status is that of the file, then that of printing.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"

static const char help[] =
	"usage: vmaple import -o OUT.vmt [--start-maps MAPS] [--kernel RELEASE]\n"
	"                     [--page-size SIZE] [--line-format FORMAT]... [--inferred]\n"
	"                     [--json] FILE...\n"
	"\n"
	"Make a recording of what other tools have written: a log of strace, perf trace,\n"
	"perf script or ltrace -S, the kernel's own trace, all the logs of one\n"
	"`strace -ff`, copies of /proc/PID/maps or smaps one after the other, a core, a\n"
	"minidump, mm-PID.img of CRIU.  What each is, is seen from its content.  Every\n"
	"other command takes such a file directly, too, where a recording is wanted.\n"
	"\n"
	"  -o FILE            the recording to write\n"
	"  --start-maps MAPS  /proc/PID/maps as it was where the log begins\n"
	"  --kernel RELEASE   the kernel that it comes from, as 6.12; default: like the\n"
	"                     newest\n"
	"  --page-size SIZE   4K, 16K or 64K, of the machine that it comes from; default:\n"
	"                     what the file tells, else 4K\n"
	"  --line-format FORMAT\n"
	"                     lines of bpftrace, bcc or your own: text and fields in\n"
	"                     braces, of which {} is passed over: {time} {pid} {tid}\n"
	"                     {call} {addr} {len} {end} {prot} {flags} {fd} {offset}\n"
	"                     {path} {result} {1} to {6}; {addr:x} is hexadecimal without\n"
	"                     0x.  Again: lines of other formats in the same file\n"
	"  --inferred         list what must have happened between two snapshots of maps:\n"
	"                     what was mapped, unmapped, cut, joined, changed, at least\n"
	"  --json             the summary as one line of JSON\n"
	"\n"
	"What such files cannot tell is counted, by kind, with the place where it\n"
	"occurred first.\n"
	"\n"
	"exit status: 0; 2 usage; 3 a file cannot be read, or is of no form that is known\n"
	"(what was good until then is in the recording); 125 vmaple itself failed\n";

/* Room for words of argv; trace_import_open() takes any number. */
#define MAX_FORMATS 16

/*
 * As the command line says; formats are words of argv. changes: owned until tell() has put it into the
 * summary.
 */
struct arguments {
	const char *out;
	struct trace_import_options options;
	const char *formats[MAX_FORMATS];
	uint64_t page_size; /* 0: as the files tell */
	bool json, inferred;
	json_t *changes; /* with both */
	struct progress progress;
};

/* x86-64 has 4K alone, aarch64 all three; what the files themselves tell is overruled. */
static int take_page_size(struct arguments *a, const char *text)
{
	if (parse_size(text, &a->page_size) &&
		(a->page_size == 4 << 10 || a->page_size == 16 << 10 || a->page_size == 64 << 10))
		return 0;
	return usage_error("import", "pages are of 4K, 16K or 64K, not", text);
}

/*
 * 0; -1: the help was printed; or STATUS_USAGE said. Formats are checked when the import is opened: only
 * it knows their fields.
 */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "start-maps", required_argument, NULL, 's' }, { "kernel", required_argument, NULL, 'k' },
		{ "page-size", required_argument, NULL, 'p' },
		{ "line-format", required_argument, NULL, 'l' }, { "inferred", no_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int opt;

	a->options.line_formats = a->formats;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			if (take_recording_name("import", &a->out, optarg))
				return STATUS_USAGE;
			break;
		case 's':
			a->options.start_maps = optarg;
			break;
		case 'k':
			a->options.kernel = optarg;
			if (check_release("import", optarg))
				return STATUS_USAGE;
			break;
		case 'l':
			if (a->options.nr_line_formats == MAX_FORMATS)
				return usage_error("import", "too many formats, from", optarg);
			a->formats[a->options.nr_line_formats++] = optarg;
			break;
		case 'p':
			if (take_page_size(a, optarg))
				return STATUS_USAGE;
			break;
		case 'i':
			a->inferred = true;
			break;
		case 'j':
			a->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage_error("import", "an argument is missing after", argv[optind - 1]);
		default:
			return usage_error("import", "unknown option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return usage_error("import", "a file is missing", NULL);
	if (!a->out)
		return usage_error("import", "where to? -o FILE is missing", NULL);
	return 0;
}

/* Called by the import now and then, with bytes of all files. */
static void on_progress(void *ctx, uint64_t done, uint64_t total, uint64_t lines)
{
	progress_show(ctx, "importing", done, total, lines);
}

static const char *const inferred_word[TRACE_INFERRED_KINDS] = { [TRACE_INFERRED_BIRTH] = "mapped",
	[TRACE_INFERRED_DEATH] = "unmapped",
	[TRACE_INFERRED_CUT] = "cut",
	[TRACE_INFERRED_JOIN] = "joined",
	[TRACE_INFERRED_CHANGE] = "changed" };

/* "rw-p", as maps has it. @text is the caller's; used twice in one printf() it would need two. */
static const char *letters(const struct trace_area *a, char text[5])
{
	snprintf(text, 5, "%c%c%c%c", a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
		a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p');
	return text;
}

/*
 * One line: place in the file, what happened, the range (of a cut or a join its one address), access,
 * name.
 *
 * @a is the side that is shown: of what has gone the old one, else the new one. before and now are both
 * there where the kind is about both (<vmaple/import.h>).
 */
static void print_inferred(const struct trace_inferred *what)
{
	const struct trace_area *a = what->kind == TRACE_INFERRED_DEATH ? what->before : what->now;
	char text[5];

	print_quoted(stdout, what->path, strlen(what->path));
	printf(":%" PRIu64 ": %-8s %" PRIx64, what->line, inferred_word[what->kind], what->start);
	if (what->end != what->start)
		printf("-%" PRIx64, what->end);
	if (what->kind == TRACE_INFERRED_CHANGE && what->before->prot != a->prot)
		printf(" %s to", letters(what->before, text));
	printf(" %s%s", letters(a, text), a->name[0] ? " " : "");
	print_quoted(stdout, a->name, strlen(a->name));
	putchar('\n');
}

/* Addresses as text in hexadecimal: JSON's numbers are doubles to many readers, which have 53 bits. */
static json_t *inferred_side(const struct trace_area *a)
{
	json_t *side;
	char text[24];

	if (!a)
		return json_null();
	side = json_object();
	snprintf(text, sizeof(text), "0x%" PRIx64, a->start);
	json_put(side, "start", json_text(text));
	snprintf(text, sizeof(text), "0x%" PRIx64, a->end);
	json_put(side, "end", json_text(text));
	json_put(side, "access", json_text(letters(a, text)));
	json_put(side, "name", json_text(a->name));
	return side;
}

/*
 * docs/json.md has the keys. Memory that runs out is remembered by json_put(), so no return is looked at.
 */
static void push_inferred(json_t *list, const struct trace_inferred *what)
{
	json_t *one = json_object();
	char text[24];

	json_put(one, "what", json_text(inferred_word[what->kind]));
	json_put(one, "path", json_text(what->path));
	json_put(one, "line", json_integer((json_int_t)what->line));
	json_put(one, "time_ns", json_integer((json_int_t)what->time_ns));
	snprintf(text, sizeof(text), "0x%" PRIx64, what->start);
	json_put(one, "start", json_text(text));
	snprintf(text, sizeof(text), "0x%" PRIx64, what->end);
	json_put(one, "end", json_text(text));
	json_put(one, "before", inferred_side(what->before));
	json_put(one, "now", inferred_side(what->now));
	json_push(list, one);
}

/*
 * Called while the files are read: text is printed at once, where the line of the progress was, and JSON is one object in
 * the end and has to be collected.
 */
static void on_inferred(void *ctx, const struct trace_inferred *what)
{
	struct arguments *a = ctx;

	if (a->json) {
		push_inferred(a->changes, what);
		return;
	}
	progress_end(&a->progress);
	print_inferred(what);
}

/*
 * Nothing at all where there is none. `what` is the library's own text; a place names a file of the
 * command line, "" of all of them.
 */
static void print_counted(const char *heading, const struct trace_import_doubt *d, size_t n)
{
	if (n)
		printf("  %s\n", heading);
	for (size_t i = 0; i < n; i++) {
		printf("  %9" PRIu64 "   %s%s", d[i].count, d[i].what, d[i].place[0] ? " [first: " : "");
		print_quoted(stdout, d[i].place, strlen(d[i].place));
		puts(d[i].place[0] ? "]" : "");
	}
}

/* The same numbers as print_counted(), in the library's order: most frequent first. */
static json_t *counted_json(const struct trace_import_doubt *d, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();

		json_put(one, "what", json_text(d[i].what));
		json_put(one, "count", json_integer((json_int_t)d[i].count));
		json_put(one, "first", json_text(d[i].place));
		json_push(list, one);
	}
	return list;
}

/*
 * The summary. 0, or STATUS_FAILED of JSON that memory ran out for. @first: the first file, which stands
 * for all.
 */
static int tell(struct arguments *a, const struct trace_import *im, const char *first)
{
	const struct trace_import_doubt *doubts, *inferred;
	size_t nr_doubts = trace_import_doubts(im, &doubts),
	       nr_inferred = trace_import_inferred(im, &inferred);
	uint64_t events, skipped;
	json_t *object;

	trace_import_counts(im, &events, &skipped);
	if (!a->json) {
		printf("vmaple: ");
		print_quoted(stdout, a->out, strlen(a->out));
		printf(" from ");
		print_quoted(stdout, first, strlen(first));
		printf("\n  events %12" PRIu64 "\n  skipped %11" PRIu64 " lines that are no mapping's\n",
			events, skipped);
		print_counted("inferred between snapshots, at the least", inferred, nr_inferred);
		print_counted("uncertain", doubts, nr_doubts);
		return 0;
	}
	object = json_object();
	json_put(object, "events", json_integer((json_int_t)events));
	json_put(object, "skipped", json_integer((json_int_t)skipped));
	json_put(object, "uncertain", counted_json(doubts, nr_doubts));
	json_put(object, "inferred", counted_json(inferred, nr_inferred));
	if (a->inferred)
		json_put(object, "changes", a->changes);
	a->changes = NULL;
	return print_json(object);
}

/* On the way to the writer: whether it is what an import failed of. */
struct passed {
	struct trace_sink sink;
	struct trace_sink *to;
	int err;
};

/* The import gives up at the first error of a sink; which of the two failed is what p->err keeps. */
static int pass(struct trace_sink *sink, const struct trace_event *e)
{
	struct passed *p = (struct passed *)sink;

	p->err = p->to->event(p->to, e);
	return p->err;
}

/*
 * Everything into the file, with progress or NULL, which is over then. 0 or an exit status; the import
 * says what is in doubt. The writer is closed before it is said what the import failed of: what was good
 * until then is a whole recording.
 *
 * Four endings: the recording cannot be begun; the import failed (damaged, or without memory); an event
 * could not be written; the end could not be. The second and the third are told apart by passed.err, for
 * trace_import_run() returns the sink's error as its own.
 */
static int write_recording(
	const char *command, struct trace_import *im, const char *out, struct progress *progress)
{
	struct passed passed = { .sink.event = pass };
	struct trace_writer *writer;
	int err = trace_writer_open(&writer, out, trace_import_header(im)), run;

	if (err) {
		if (progress)
			progress_end(progress);
		complain(command, "cannot write %s: %s", out, strerror(-err));
		return STATUS_FAILED;
	}
	passed.to = trace_writer_sink(writer);
	run = trace_import_run(im, &passed.sink);
	err = trace_writer_close(writer);
	if (progress)
		progress_end(progress);
	if (run && !passed.err) {
		complain(command, "%s", trace_import_error(im)[0] ? trace_import_error(im) : strerror(-run));
		return run == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
	}
	err = passed.err ? passed.err : err;
	if (err)
		complain(command, "cannot write %s: %s", out, strerror(-err));
	return err ? STATUS_FAILED : 0;
}

/*
 * For the other commands (recording.c): no options, and doubts are not told. 0 leaves the recording in
 * @out, which is the caller's to remove; so it is behind an error.
 */
int import_file(const char *command, const char *path, const char *out)
{
	struct trace_import_options options = { .form = TRACE_IMPORT_NONE };
	struct trace_import *im;
	char error[512];
	int status, err = trace_import_open(&im, &path, 1, &options, error, sizeof(error));

	if (err) {
		complain(command, "%s", error);
		return err == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
	}
	status = write_recording(command, im, out, NULL);
	trace_import_free(im);
	return status;
}

/*
 * Order: options, then opening (which finds the form of each file), then the page size, which has to be
 * set before the header is asked for, then all of it in one go. a.changes is put into the summary by
 * tell(), which is called in every case.
 */
int cmd_import(int argc, char **argv)
{
	struct arguments a = { .out = NULL };
	struct trace_import *im;
	char error[512];
	int status = parse(&a, argc, argv), told, err;

	if (status)
		return status < 0 ? 0 : status;
	progress_begin(&a.progress);
	a.options.progress = on_progress;
	a.options.ctx = &a.progress;
	err = trace_import_open(&im, (const char *const *)argv + optind, (size_t)(argc - optind), &a.options,
		error, sizeof(error));
	if (err) {
		progress_end(&a.progress);
		complain("import", "%s", error);
		return err == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
	}
	if (a.page_size)
		/* take_page_size() lets pass no size that it refuses. */
		(void)!trace_import_set_page_size(im, (uint32_t)a.page_size);
	if (a.inferred) {
		a.changes = a.json ? json_array() : NULL;
		trace_import_tell_inferred(im, on_inferred, &a);
	}
	status = write_recording("import", im, a.out, &a.progress);
	/* Also behind an import that ended early: what was made is summed up. */
	told = tell(&a, im, argv[optind]);
	trace_import_free(im);
	return status ? status : told;
}
