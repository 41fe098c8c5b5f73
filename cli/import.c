/* SPDX-License-Identifier: MIT */
/* vmaple import: what other tools have written, as a recording. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
	"usage: vmaple import -o OUT.vmt [--start-maps MAPS] [--kernel RELEASE]\n"
	"                     [--line-format FORMAT]... [--json] FILE...\n"
	"\n"
	"Make a recording of what other tools have written: a log of strace, perf trace,\n"
	"perf script or ltrace -S, all the logs of one `strace -ff`, copies of\n"
	"/proc/PID/maps or smaps one after the other, a core, a minidump, mm-PID.img of\n"
	"CRIU.  What each is, is seen from its content.  Every other command takes such a\n"
	"file directly, too, where a recording is wanted.\n"
	"\n"
	"  -o FILE            the recording to write\n"
	"  --start-maps MAPS  /proc/PID/maps as it was where the log begins\n"
	"  --kernel RELEASE   the kernel that it comes from, as 6.12; default: like the\n"
	"                     newest\n"
	"  --line-format FORMAT\n"
	"                     lines of bpftrace, bcc or your own: text and fields in\n"
	"                     braces, of which {} is passed over: {time} {pid} {tid}\n"
	"                     {call} {addr} {len} {end} {prot} {flags} {fd} {offset}\n"
	"                     {path} {result} {1} to {6}; {addr:x} is hexadecimal without\n"
	"                     0x.  Again: lines of other formats in the same file\n"
	"  --json             the summary as one line of JSON\n"
	"\n"
	"What such files cannot tell is counted, by kind, with the place where it\n"
	"occurred first.\n"
	"\n"
	"exit status: 0; 2 usage; 3 a file cannot be read, or is of no form that is known\n"
	"(what was good until then is in the recording); 125 vmaple itself failed\n";

#define MAX_FORMATS 16

struct arguments {
	const char *out;
	struct trace_import_options options;
	const char *formats[MAX_FORMATS];
	bool json;
};

static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "start-maps", required_argument, NULL, 's' }, { "kernel", required_argument, NULL, 'k' },
		{ "line-format", required_argument, NULL, 'l' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt;

	a->options.line_formats = a->formats;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			a->out = optarg;
			break;
		case 's':
			a->options.start_maps = optarg;
			break;
		case 'k':
			a->options.kernel = optarg;
			break;
		case 'l':
			if (a->options.nr_line_formats == MAX_FORMATS)
				return usage_error("import", "too many formats, from", optarg);
			a->formats[a->options.nr_line_formats++] = optarg;
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

static void on_progress(void *ctx, uint64_t done, uint64_t total, uint64_t lines)
{
	progress_show(ctx, "importing", done, total, lines);
}

static void print_doubts(const struct trace_import *im)
{
	const struct trace_import_doubt *d;
	size_t n = trace_import_doubts(im, &d);

	printf("  uncertain\n");
	for (size_t i = 0; i < n; i++)
		printf("  %9" PRIu64 "   %s%s%s%s\n", d[i].count, d[i].what, d[i].place[0] ? " [first: " : "",
			d[i].place, d[i].place[0] ? "]" : "");
}

static int tell_json(const struct trace_import *im, uint64_t events, uint64_t skipped)
{
	const struct trace_import_doubt *d;
	size_t n = trace_import_doubts(im, &d);
	json_t *object = json_object(), *list = json_array();

	json_put(object, "events", json_integer((json_int_t)events));
	json_put(object, "skipped", json_integer((json_int_t)skipped));
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();

		json_put(one, "what", json_text(d[i].what));
		json_put(one, "count", json_integer((json_int_t)d[i].count));
		json_put(one, "first", json_text(d[i].place));
		json_push(list, one);
	}
	json_put(object, "uncertain", list);
	return print_json(object);
}

static int tell(const struct arguments *a, const struct trace_import *im, const char *first)
{
	uint64_t events, skipped;

	trace_import_counts(im, &events, &skipped);
	if (a->json)
		return tell_json(im, events, skipped);
	printf("vmaple: %s from %s\n  events %12" PRIu64 "\n  skipped %11" PRIu64
	       " lines that are no mapping's\n",
		a->out, first, events, skipped);
	print_doubts(im);
	return 0;
}

/* Everything into the file. 0 or an exit status; the import says what is in doubt. */
static int write_recording(const char *command, struct trace_import *im, const char *out)
{
	struct trace_writer *writer;
	int err = trace_writer_open(&writer, out, trace_import_header(im)), run;

	if (err) {
		complain(command, "cannot write %s: %s", out, strerror(-err));
		return STATUS_FAILED;
	}
	run = trace_import_run(im, trace_writer_sink(writer));
	err = trace_writer_close(writer);
	if (run) {
		complain(command, "%s", trace_import_error(im)[0] ? trace_import_error(im) : strerror(-run));
		return run == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
	}
	if (err)
		complain(command, "cannot write %s: %s", out, strerror(-err));
	return err ? STATUS_FAILED : 0;
}

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
	status = write_recording(command, im, out);
	trace_import_free(im);
	return status;
}

int cmd_import(int argc, char **argv)
{
	struct arguments a = { .out = NULL };
	struct trace_import *im;
	struct progress progress;
	char error[512];
	int status = parse(&a, argc, argv), told, err;

	if (status)
		return status < 0 ? 0 : status;
	progress_begin(&progress);
	a.options.progress = on_progress;
	a.options.ctx = &progress;
	err = trace_import_open(&im, (const char *const *)argv + optind, (size_t)(argc - optind), &a.options,
		error, sizeof(error));
	if (err) {
		complain("import", "%s", error);
		return err == -ENOMEM ? STATUS_FAILED : STATUS_DAMAGED;
	}
	status = write_recording("import", im, a.out);
	progress_end(&progress);
	told = tell(&a, im, argv[optind]);
	trace_import_free(im);
	return status ? status : told;
}
