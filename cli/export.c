/* SPDX-License-Identifier: MIT */
/*
 * vmaple export: recordings in the form that other tools read.
 *
 * Each form is one to_...() function of the same shape: an output (output.h), a writer into it,
 * write_all(), the writer freed, settle(). The one exception is a log of strace, which is made of events
 * and needs no ledger. Which columns there are is nobody's business here: report/export has the schema.
 *
 * Two kinds of failure meet in settle(): of a recording (the status) and of the output (a->x.err, -errno;
 * -ECANCELED where the sentence has been said). The first leaves what could be read, the second leaves
 * nothing under the final name.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "exporting.h"
#include "output.h"

static const char help[] =
	"usage: vmaple export FILE... --format FORMAT [-o OUT]\n"
	"       vmaple export --columns\n"
	"\n"
	"Write what is in recordings for other tools: events, areas from birth to end,\n"
	"the boundaries of each peak, call stacks, numbers over time.  docs/export.md has\n"
	"every column.\n"
	"\n"
	"  --format sqlite    a database with a table of each and ready views; wants -o\n"
	"  --format jsonl     a line of JSON for each row\n"
	"  --format csv       a folder OUT with a file for each table; with --table one\n"
	"                     file\n"
	"  --format perfetto  trace events, as Perfetto and chrome://tracing show them;\n"
	"                     one recording\n"
	"  --format folded    who made the areas of the largest peak, as flame graph\n"
	"                     tools read stacks\n"
	"  --format strace    the calls as a log of strace, which can be imported again;\n"
	"                     one recording\n"
	"  -o OUT             where to; default, and `-`: stdout\n"
	"  --table NAME       only this table (sqlite, jsonl, csv); may be given again,\n"
	"                     but for csv\n"
	"  --weight WHAT      folded: areas (default) or bytes\n"
	"  --host NAME        for the column host of every row: a recording does not say\n"
	"                     where it was made\n"
	"  --build NAME       for the column build of every row; default: the program's\n"
	"                     build-id, if it was recorded\n"
	"  --columns          print every table and column, with unit and meaning\n"
	"\n"
	"Until it is whole, the file is OUT.partial.\n"
	"\n"
	"exit status: 0; 2 usage; 3 a recording is damaged or ends early (what could be\n"
	"read is written); 125 vmaple itself failed\n";

enum format { NO_FORMAT, SQLITE, JSONL, CSV, PERFETTO, FOLDED, STRACE };

/* paths: nr_paths recordings, of argv. */
struct arguments {
	enum format format;
	const char *out;
	struct exporting x;
	int tables; /* chosen; 0: all */
	bool bytes;
	char **paths;
	int nr_paths;
};

/* -1, as help: the command ends well. */
static int print_columns(void)
{
	for (enum export_table t = 0; t < EXPORT_TABLES; t++) {
		printf("%s%s: %s\n", t ? "\n" : "", export_shapes[t].name, export_shapes[t].meaning);
		for (int i = 0; i < export_columns(t); i++) {
			const struct export_column *c = export_column(t, i);

			printf("  %-16s %-8s %-20s %s\n", c->name,
				c->type == EXPORT_TEXT ? "text" : "integer", c->unit, c->meaning);
		}
	}
	printf("\nviews:\n");
	for (int i = 0; i < export_nr_views; i++)
		printf("  %-16s %s\n", export_views[i].name, export_views[i].meaning);
	return -1;
}

/* The order of names[] is that of enum format. */
static int take_format(struct arguments *a, const char *text)
{
	static const char *const names[] = { "", "sqlite", "jsonl", "csv", "perfetto", "folded", "strace" };

	/* 0 is NO_FORMAT, which no text names. */
	for (enum format f = SQLITE; f <= STRACE; f++)
		if (strcmp(text, names[f]) == 0)
			a->format = f;
	return a->format
		       ? 0
		       : usage_error("export",
				 "--format takes sqlite, jsonl, csv, perfetto, folded or strace, not", text);
}

/* Given twice a table is wanted once, so that a->tables counts tables. */
static int take_table(struct arguments *a, const char *name)
{
	for (enum export_table t = 0; t < EXPORT_TABLES; t++) {
		if (strcmp(name, export_shapes[t].name) != 0)
			continue;
		a->tables += !a->x.wanted[t];
		a->x.wanted[t] = true;
		return 0;
	}
	return usage_error("export", "there is no table", name);
}

/* 0; -1: it was a question that is answered; or STATUS_USAGE. */
static int take_option(struct arguments *a, int opt)
{
	switch (opt) {
	case 'o':
		a->out = optarg;
		return 0;
	case 'f':
		return take_format(a, optarg);
	case 't':
		return take_table(a, optarg);
	case 'w':
		a->bytes = strcmp(optarg, "bytes") == 0;
		return a->bytes || strcmp(optarg, "areas") == 0
			       ? 0
			       : usage_error("export", "--weight takes areas or bytes, not", optarg);
	case 'H':
		a->x.host = optarg;
		return 0;
	case 'b':
		a->x.build = optarg;
		return 0;
	case 'c':
		return print_columns();
	default:
		fputs(help, stdout);
		return -1;
	}
}

/*
 * What fits together. 0, or STATUS_USAGE said. Behind this a->format is set, there is a recording, and
 * x.wanted is complete. Only the tabular forms know of more than one recording (every row has a run_id);
 * a folder of CSV and a database have no stdout to go to.
 */
static int check(struct arguments *a)
{
	bool tabular = a->format == SQLITE || a->format == JSONL || a->format == CSV;

	if (!a->format)
		return usage_error("export", "--format is missing", NULL);
	if (!a->nr_paths)
		return usage_error("export", "a recording is missing", NULL);
	if (a->nr_paths > 1 && !tabular)
		return usage_error("export", "one recording only, not", a->paths[1]);
	/* These two make more than a stream of bytes. */
	if (!a->out && (a->format == SQLITE || (a->format == CSV && !a->tables)))
		return usage_error("export", "where to? -o is missing", NULL);
	if (a->tables && !tabular)
		return usage_error("export", "--table is for sqlite, jsonl and csv", NULL);
	if (a->tables > 1 && a->format == CSV)
		return usage_error("export", "--format csv takes one --table, or none", NULL);
	for (enum export_table t = 0; t < EXPORT_TABLES && !a->tables; t++)
		/*
		 * The question behind --format folded reads these three; the others would only take memory.
		 */
		a->x.wanted[t] = a->format != FOLDED || t == EXPORT_RUNS || t == EXPORT_BOUNDARIES ||
				 t == EXPORT_STACKS;
	if (a->format == PERFETTO)
		/* Trace events have no form for them. */
		a->x.wanted[EXPORT_BOUNDARIES] = a->x.wanted[EXPORT_STACKS] = false;
	return 0;
}

/* 0; -1: a question was answered (--help, --columns); or STATUS_USAGE. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, 'f' }, { "table", required_argument, NULL, 't' },
		{ "weight", required_argument, NULL, 'w' }, { "host", required_argument, NULL, 'H' },
		{ "build", required_argument, NULL, 'b' }, { "columns", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err = 0;

	opterr = 0;
	while (!err && (opt = getopt_long(argc, argv, ":o:h", options, NULL)) != -1)
		err = opt == '?'   ? usage_error("export", "unknown option", argv[optind - 1])
		      : opt == ':' ? usage_error("export", "an argument is missing after", argv[optind - 1])
				   : take_option(a, opt);
	if (err)
		return err;
	a->paths = argv + optind;
	a->nr_paths = argc - optind;
	return check(a);
}

/*
 * Every recording into the writer, whose failure is a->x.err afterwards, -ECANCELED where it has been
 * said.
 *
 * The writer knows more than -errno (a constraint, a full disk in SQLite's words), so its own sentence is
 * the better one. A stdout that broke is main.c's to say.
 */
static int write_all(struct arguments *a)
{
	struct export_writer *w = a->x.writer;
	int status = export_recordings(&a->x, a->paths, a->nr_paths);

	if (a->x.err && a->x.err != -ECANCELED && w->error[0] && !output_is_stdout_broken(a->out)) {
		complain("export", "cannot write %s: %s", a->out ? a->out : "stdout", w->error);
		a->x.err = -ECANCELED;
		return STATUS_FAILED;
	}
	return status;
}

/*
 * Close, or remove what is half done, by a->x.err. A damaged recording is exported and named all the same;
 * an output that failed is worse.
 */
static int settle(struct output *o, const struct arguments *a, int status)
{
	int written = output_close(o, a->x.err);

	return written && (!status || status == STATUS_DAMAGED) ? written : status;
}

/*
 * SQLite opens the partial file itself; one of an earlier run that was killed would be extended. It keeps
 * no journal (journal_mode=OFF): what it leaves behind a failure is no database, and is removed as a
 * partial file is.
 */
static int to_sqlite(struct arguments *a)
{
	struct output o;
	char error[256];
	int status = output_name(&o, "export", a->out);

	if (status)
		return status;
	/* A rest of an earlier run; that there is none is the usual case. */
	(void)!unlink(o.partial);
	if (export_sqlite_open(&a->x.writer, o.partial, NULL, error, sizeof(error))) {
		complain("export", "cannot write %s: %s", a->out, error);
		a->x.err = -ECANCELED;
		return settle(&o, a, STATUS_FAILED);
	}
	status = write_all(a);
	a->x.writer->free(a->x.writer);
	return settle(&o, a, status);
}

/* Into a writer of text, which it ends; NULL: there was no memory for one. */
static int write_into(struct arguments *a, struct export_writer *writer)
{
	int status = 0;

	a->x.writer = writer;
	if (!writer) {
		a->x.err = -ENOMEM;
		return 0;
	}
	status = write_all(a);
	writer->free(writer);
	return status;
}

/*
 * @maker's writer is on the output's stream, and flushes it: output_close() closes the stream behind it.
 */
static int to_file(struct arguments *a, struct export_writer *(*maker)(FILE *out))
{
	struct output o;
	int status = output_open(&o, "export", a->out);

	return status ? status : settle(&o, a, write_into(a, maker(o.file)));
}

/* Of csv with one --table: check() has seen to it that there is one. */
static enum export_table chosen(const struct arguments *a)
{
	enum export_table t = 0;

	while (!a->x.wanted[t])
		t++;
	return t;
}

/*
 * Only the chosen table has a stream, so the writer has nowhere to put another one; x.wanted asks for no
 * more either.
 */
static int csv_table(struct arguments *a)
{
	FILE *out[EXPORT_TABLES] = { NULL };
	struct output o;
	int status = output_open(&o, "export", a->out);

	if (status)
		return status;
	out[chosen(a)] = o.file;
	return settle(&o, a, write_into(a, export_csv(out)));
}

/*
 * A file for each table in a new folder. 0 or -errno; what was opened until then is in @out.
 */
static int open_tables(const char *folder, FILE *out[EXPORT_TABLES])
{
	char path[4096], name[64];

	_Static_assert(EXPORT_TABLES <= OUTPUT_HELD_MAX, "a signal removes every table");
	for (enum export_table t = 0; t < EXPORT_TABLES; t++) {
		snprintf(name, sizeof(name), "%s.csv", export_shapes[t].name);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		/* Before the file is made: a signal between the two must find the name. */
		output_holds(name);
		out[t] = fopen(path, "we");
		if (!out[t])
			return -errno;
	}
	return 0;
}

/*
 * The folder is OUT.partial until it is whole, and renamed as a folder: an empty folder OUT gives way,
 * else rename(2) says ENOTEMPTY, of a file ENOTDIR. An OUT.partial that is there already is somebody
 * else's, and stays as it is.
 */
static int csv_folder(struct arguments *a)
{
	FILE *out[EXPORT_TABLES] = { NULL };
	struct output o;
	int status = output_name(&o, "export", a->out);

	if (status)
		return status;
	if (mkdir(o.partial, 0777)) {
		/* What is in the way is OUT.partial; all else is about OUT. */
		complain("export", "cannot write %s: %s", errno == EEXIST ? o.partial : a->out,
			strerror(errno));
		output_disown(&o);
		return STATUS_FAILED;
	}
	a->x.err = open_tables(o.partial, out);
	if (!a->x.err)
		status = write_into(a, export_csv(out));
	for (enum export_table t = 0; t < EXPORT_TABLES; t++)
		if (out[t] && fclose(out[t]) && !a->x.err)
			a->x.err = -errno;
	return settle(&o, a, status);
}

/*
 * What the question answers, a line each, quoted: it is read by programs that take a line for a stack. 0
 * or -errno. sqlite3_step() fails of a question that we wrote for memory alone. "" stands for a text that
 * SQLite had no memory for: the step after it is no SQLITE_DONE then.
 */
static int print_lines(struct sqlite3 *db, const char *question, FILE *out)
{
	sqlite3_stmt *s;
	int got;

	if (sqlite3_prepare_v2(db, question, -1, &s, NULL) != SQLITE_OK)
		return -ENOMEM;
	while ((got = sqlite3_step(s)) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(s, 0) ?: "";

		print_quoted(out, line, strlen(line));
		fputc('\n', out);
	}
	sqlite3_finalize(s);
	if (got != SQLITE_DONE)
		return -ENOMEM;
	return fflush(out) || ferror(out) ? -(errno ? errno : EIO) : 0;
}

/*
 * By a database in memory of the three tables that the question reads: who made what is asked as `vmaple
 * sql` would.
 */
static int to_folded(struct arguments *a)
{
	struct output o;
	char error[256];
	int status = output_open(&o, "export", a->out);

	if (status)
		return status;
	a->x.err = export_sqlite_open(&a->x.writer, ":memory:", a->x.wanted, error, sizeof(error));
	if (!a->x.err) {
		status = write_all(a);
		if (!a->x.err)
			a->x.err = print_lines(export_sqlite_database(a->x.writer),
				a->bytes ? export_folded_bytes : export_folded_areas, o.file);
		a->x.writer->free(a->x.writer);
	}
	return settle(&o, a, status);
}

/*
 * 0, or the status of a damaged recording; what could not be written is in a->x.err. What has no form in
 * a log is counted on stderr, for the file shall be one that can be imported. got < 0 is told by the
 * reader's own sentence, behind what was written.
 */
static int write_strace(struct arguments *a, FILE *out, struct trace_reader *reader)
{
	struct export_strace *s = export_strace_begin(out, trace_reader_header(reader));
	struct trace_event e;
	int got = 0;

	a->x.err = s ? 0 : -ENOMEM;
	while (!a->x.err && (got = trace_reader_next(reader, &e)) > 0)
		a->x.err = export_strace_event(s, &e);
	if (!a->x.err && (fflush(out) || ferror(out)))
		a->x.err = -(errno ? errno : EIO);
	if (got == -ENOMEM)
		a->x.err = -ENOMEM;
	if (!a->x.err && export_strace_left_out(s))
		fprintf(stderr,
			"vmaple export: %" PRIu64
			" events have no form in a log: what was lost, first writes, "
			"maps that were read again\n",
			export_strace_left_out(s));
	if (s)
		export_strace_free(s);
	return a->x.err ? 0 : recording_ended("export", reader, got);
}

/* The reader first: a recording that cannot be opened leaves no output at all. */
static int to_strace(struct arguments *a)
{
	struct trace_reader *reader;
	struct output o;
	int status = open_recording("export", a->paths[0], &reader);

	if (status)
		return status;
	status = output_open(&o, "export", a->out);
	if (!status)
		status = settle(&o, a, write_strace(a, o.file, reader));
	trace_reader_close(reader);
	return status;
}

/* check() has refused NO_FORMAT, so what is left is STRACE. */
int cmd_export(int argc, char **argv)
{
	struct arguments a = { .x = { .command = "export" } };
	int status = parse(&a, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	switch (a.format) {
	case SQLITE:
		return to_sqlite(&a);
	case JSONL:
		return to_file(&a, export_jsonl);
	case CSV:
		return a.tables ? csv_table(&a) : csv_folder(&a);
	case PERFETTO:
		return to_file(&a, export_perfetto);
	case FOLDED:
		return to_folded(&a);
	default:
		return to_strace(&a);
	}
}
