/* SPDX-License-Identifier: MIT */
/*
 * vmaple sql: a question to recordings, as a database in memory.
 *
 * A table for people is as wide as its first MEASURED rows need, so that an answer of any length begins at once and
 * takes no more memory than these; a later row that needs more moves what is behind it in its own line. JSON and CSV
 * have every row as it comes. SQLite gives NULL for a text that it has no memory for: next_row() tells it from one that
 * is NULL by the error that is left in the database.
 *
 * Order: the question is prepared first, against empty tables, so that an error costs no reading;
 * recordings are read into the tables that it reads; then it is asked. stdout has the answer and nothing
 * else.
 *
 * The database is in memory and this process's alone: a question that changes it (`delete`) harms nobody,
 * and has no answer.
 */
#include <errno.h>
#include <getopt.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lab/unseen.h"
#include "../report/export/quoted.h"
#include "cli.h"
#include "exporting.h"

static const char help[] =
	"usage: vmaple sql [--json|--csv] FILE... 'select ...'\n"
	"\n"
	"Ask recordings in SQL (SQLite's): tables runs, spaces, events, areas,\n"
	"boundaries, stacks, counts, and ready views; `vmaple export --columns` lists all\n"
	"of them.  docs/cookbook.md has questions to begin with:\n"
	"\n"
	"  vmaple sql FILE 'select made_by, areas from culprits limit 10'\n"
	"\n"
	"  --json   an array of objects, on one line\n"
	"  --csv    with the names of the columns in the first line\n"
	"\n"
	"exit status: 0; 1 the question has an error; 2 usage; 3 a recording is damaged\n"
	"or ends early (what could be read is asked); 125 vmaple itself failed\n";

enum form { TABLE, JSON, CSV };

/*
 * Cells of a table for a terminal are bounded. Characters; what is longer is cut, for JSON and CSV have
 * it whole.
 */
#define CELL_MAX 60
/* So many rows are held, however many the answer has. */
#define MEASURED 1000 /* rows that say how wide a column is */

/*
 * The statement is at the row that next_row() has reached; texts of it are SQLite's and valid until the
 * next.
 */
struct answer {
	sqlite3_stmt *statement;
	int columns;
	enum form form;
	struct progress progress;
};

/*
 * Instructions of SQLite's between two looks at the clock: some milliseconds. Only while a row is being
 * looked for; between rows nobody waits.
 */
#define LOOK_EVERY 100000

/* 0: SQLite goes on; anything else would interrupt the question. */
static int show_progress(void *ctx)
{
	progress_seconds(ctx, "asking");
	return 0;
}

/*
 * SQLITE_ROW, SQLITE_DONE or an error. Progress has a line of its own: it goes before a row is printed.
 * last_ns changes when a line was shown, so a terminal that got none is not written to.
 */
static int next_row(struct answer *a)
{
	uint64_t before = a->progress.last_ns;
	/* A text of the last row for which there was no memory is NULL, as one that is none. */
	bool lost = sqlite3_errcode(sqlite3_db_handle(a->statement)) == SQLITE_NOMEM;
	int got = lost ? SQLITE_NOMEM : sqlite3_step(a->statement);

	if (a->progress.last_ns != before)
		progress_end(&a->progress);
	return got;
}

/* ---- a table for people ---- */

/*
 * The first MEASURED rows, and what they say of the columns. All of it is freed by print_table(). numeric
 * and width have one member a column; text has rows * columns, each NULL or strdup()'s.
 */
struct cells {
	char **text;   /* of rows that are held, row by row */
	bool *numeric; /* of each column: only numbers so far */
	int *width;
	size_t rows;
};

/*
 * A copy, for SQLite's own goes with the row; NULL of SQL is the empty text. NULL: out of memory.
 */
static char *cell_text(sqlite3_stmt *s, int i)
{
	const unsigned char *text = sqlite3_column_text(s, i);

	return strdup(text ? (const char *)text : "");
}

/*
 * Characters, not bytes: text is UTF-8. Each byte of one that is not seen is shown as \ooo.
 * CELL_MAX at most.
 */
static int width_of(const char *text)
{
	size_t len;
	int n = 0;

	for (; *text; text += len)
		n += unseen_character((const unsigned char *)text, &len)
			     ? 4 * (int)len
			     : ((unsigned char)*text & 0xc0) != 0x80;
	return n < CELL_MAX ? n : CELL_MAX;
}

/*
 * Cut at CELL_MAX characters, whole ones. A cell that is wider than its column pushes the rest of its line.
 */
static void put_cell(const char *text, int width, bool right, bool last)
{
	int n = 0, pad = width - width_of(text);
	const char *end = text;

	for (; *end && n < CELL_MAX; end++)
		n += ((unsigned char)end[1] & 0xc0) != 0x80;
	if (right && pad > 0)
		printf("%*s", pad, "");
	print_quoted(stdout, text, (size_t)(end - text));
	if (!right && pad > 0 && !last)
		printf("%*s", pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void put_row(char *const *text, const struct cells *c, int columns)
{
	for (int i = 0; i < columns; i++)
		put_cell(text[i], c->width[i], c->numeric[i], i == columns - 1);
}

/*
 * One more row is held. False: out of memory; what is there is freed as the others. A NULL is no text, so
 * a column of numbers with gaps stays one of numbers, and is set to the right.
 */
static bool take_row(struct answer *a, struct cells *c)
{
	char **grown = realloc(c->text, (c->rows + 1) * (size_t)a->columns * sizeof(*grown));
	bool whole = true;

	if (!grown)
		return false;
	c->text = grown;
	for (int i = 0; i < a->columns; i++) {
		/* Before its text is asked for, behind which the type is undefined. */
		bool numeric = sqlite3_column_type(a->statement, i) != SQLITE_TEXT;
		char *text = cell_text(a->statement, i);

		grown[c->rows * (size_t)a->columns + (size_t)i] = text;
		whole &= text != NULL;
		c->numeric[i] &= numeric;
		c->width[i] = text && width_of(text) > c->width[i] ? width_of(text) : c->width[i];
	}
	c->rows++;
	return whole;
}

/*
 * The first rows are held until it is known how wide they are, then printed. What next_row() said last.
 * The names of columns are printed when the widths are known, also where there is no row at all.
 */
static int print_held(struct answer *a, struct cells *c, char **names)
{
	int got = SQLITE_ROW;

	while (c->rows < MEASURED && (got = next_row(a)) == SQLITE_ROW)
		if (!take_row(a, c))
			return SQLITE_NOMEM;
	put_row(names, c, a->columns);
	for (size_t i = 0; i < c->rows; i++)
		put_row(c->text + i * (size_t)a->columns, c, a->columns);
	return got;
}

/* What next_row() said last; SQLITE_NOMEM also where this file had none. */
static int print_table(struct answer *a)
{
	struct cells c = { .numeric = calloc((size_t)a->columns, sizeof(bool)),
		.width = calloc((size_t)a->columns, sizeof(int)) };
	char **names = calloc((size_t)a->columns, sizeof(*names));
	int got = c.numeric && c.width && names ? SQLITE_ROW : SQLITE_NOMEM;

	for (int i = 0; i < a->columns && got == SQLITE_ROW; i++) {
		names[i] = (char *)sqlite3_column_name(a->statement, i);
		c.numeric[i] = true;
		c.width[i] = width_of(names[i]);
	}
	if (got == SQLITE_ROW)
		got = print_held(a, &c, names);
	while (got == SQLITE_ROW && (got = next_row(a)) == SQLITE_ROW)
		for (int i = 0; i < a->columns; i++)
			put_cell((const char *)sqlite3_column_text(a->statement, i) ?: "", c.width[i],
				c.numeric[i], i == a->columns - 1);
	for (size_t i = 0; i < c.rows * (size_t)a->columns; i++)
		free(c.text[i]);
	free(c.text);
	free(c.numeric);
	free(c.width);
	free(names);
	return got;
}

/* ---- for programs ---- */

/*
 * As the column of this row has it: SQLite's types are of values, not of columns. Text is valid until the
 * next row.
 */
static struct export_value value_of(sqlite3_stmt *s, int i)
{
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		return (struct export_value){ .has = EXPORT_HAS_INTEGER,
			.integer = sqlite3_column_int64(s, i) };
	case SQLITE_FLOAT:
		return (struct export_value){ .has = EXPORT_HAS_REAL, .real = sqlite3_column_double(s, i) };
	case SQLITE_NULL:
		return (struct export_value){ .has = EXPORT_NULL };
	default:
		return (struct export_value){ .has = EXPORT_HAS_TEXT,
			.text = (const char *)sqlite3_column_text(s, i) ?: "" };
	}
}

/*
 * Written as they come, without jansson: an answer has any number of rows. It is closed behind an error,
 * too: who reads it has JSON, and the status.
 */
static int print_json_rows(struct answer *a)
{
	bool any = false;
	int got;

	fputc('[', stdout);
	while ((got = next_row(a)) == SQLITE_ROW) {
		fputs(any ? ",{" : "{", stdout);
		any = true;
		for (int i = 0; i < a->columns; i++) {
			struct export_value v = value_of(a->statement, i);

			if (i)
				fputc(',', stdout);
			put_json_string(stdout, sqlite3_column_name(a->statement, i));
			fputc(':', stdout);
			put_json_value(stdout, &v);
		}
		fputc('}', stdout);
	}
	fputs("]\n", stdout);
	return got;
}

/*
 * CRLF, as RFC 4180 has it. On a terminal cells are quoted, for they may have control characters; a file
 * gets the bytes.
 */
static int print_csv_rows(struct answer *a)
{
	bool terminal = isatty(STDOUT_FILENO);
	int got;

	for (int i = 0; i < a->columns; i++) {
		fputs(i ? "," : "", stdout);
		put_csv(stdout, sqlite3_column_name(a->statement, i), terminal);
	}
	fputs("\r\n", stdout);
	while ((got = next_row(a)) == SQLITE_ROW) {
		for (int i = 0; i < a->columns; i++) {
			fputs(i ? "," : "", stdout);
			if (sqlite3_column_type(a->statement, i) != SQLITE_NULL)
				put_csv(stdout, (const char *)sqlite3_column_text(a->statement, i) ?: "",
					terminal);
		}
		fputs("\r\n", stdout);
	}
	return got;
}

/* ---- the question ---- */

/*
 * 0, 1: the question has an error, STATUS_FAILED.
 *
 * What SQLite is asked for is prepared once more, against the filled tables: the first time was the
 * authorizer's. An error in the middle of the rows leaves what is printed, and the status.
 */
static int ask(struct sqlite3 *db, const char *question, enum form form)
{
	struct answer a = { .form = form };
	int got;

	if (sqlite3_prepare_v2(db, question, -1, &a.statement, NULL) != SQLITE_OK) {
		complain("sql", "%s", sqlite3_errmsg(db));
		return sqlite3_errcode(db) == SQLITE_NOMEM ? STATUS_FAILED : 1;
	}
	a.columns = sqlite3_column_count(a.statement);
	if (!a.columns) {
		complain("sql", "the question has no answer: it is no select");
		sqlite3_finalize(a.statement);
		return 1;
	}
	progress_begin(&a.progress);
	sqlite3_progress_handler(db, LOOK_EVERY, show_progress, &a.progress);
	got = form == JSON ? print_json_rows(&a) : form == CSV ? print_csv_rows(&a) : print_table(&a);
	if (got != SQLITE_DONE)
		complain("sql", "%s", sqlite3_errmsg(db));
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite3_finalize(a.statement);
	return got == SQLITE_DONE ? 0 : got == SQLITE_NOMEM ? STATUS_FAILED : 1;
}

/* 0, STATUS_DAMAGED, or the status of what was said. */
static int read_recordings(struct exporting *x, char **paths, int nr)
{
	int status = export_recordings(x, paths, nr);

	/* Else it was said. */
	if (!x->err || (status && status != STATUS_DAMAGED))
		return status;
	if (x->writer->error[0])
		complain("sql", "%s", x->writer->error);
	return STATUS_FAILED;
}

/*
 * What is wrong with the question is said before anything is read, and only the tables that it reads are
 * filled (export_sqlite_reads(), by SQLite's authorizer).
 *
 * The worse of reading and asking: a damaged recording is asked all the same, and its status stays unless
 * the question fails.
 */
static int ask_recordings(char **paths, int nr, const char *question, enum form form)
{
	struct exporting x = { .command = "sql" };
	char error[256];
	int status, asked;

	if (export_sqlite_open(&x.writer, ":memory:", NULL, error, sizeof(error)))
		return out_of_memory("sql", 0);
	if (export_sqlite_reads(x.writer, question, x.wanted)) {
		complain("sql", "%s", x.writer->error);
		x.writer->free(x.writer);
		return 1;
	}
	status = read_recordings(&x, paths, nr);
	if (!status || status == STATUS_DAMAGED) {
		asked = ask(export_sqlite_database(x.writer), question, form);
		status = asked ? asked : status;
	}
	x.writer->free(x.writer);
	return status;
}

/*
 * No option takes a value, so `:` has no case. Every word but the last is a recording: a question that
 * was forgotten is looked for as a file, and its sentence names that.
 */
int cmd_sql(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	enum form form = TABLE;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			form = JSON;
			break;
		case 'c':
			form = CSV;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return usage_error("sql", "unknown option", argv[optind - 1]);
		}
	}
	/* The last word is the question, all before it are recordings. */
	if (argc - optind < 2)
		return usage_error(
			"sql", optind == argc ? "a recording is missing" : "a question is missing", NULL);
	return ask_recordings(argv + optind, argc - optind - 1, argv[argc - 1], form);
}
