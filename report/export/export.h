/* SPDX-License-Identifier: MIT */
/*
 * A recording as rows of tables, for what other tools read.
 *
 * 1. Tables.  schema.c has every table and column, with unit and meaning: what docs/export.md says, what the writers
 *    declare, and what a row has, in this order.  Every row begins with EXPORT_COMMON columns that say which run it is of.
 * 2. Streaming.  Rows come out as the ledger goes on; nothing is kept but what lives: areas (lives.h), address spaces, and which
 *    stacks were told.  A row says nothing of what comes later: an area's row is written when it ends.
 * 3. Failure.  A writer's first error ends it, and is the result; nothing is left under the final name (cli/export.c).
 */
#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

#include <stdio.h>

#include <vmaple/explain.h>

#include "../survey.h"

enum export_table {
	EXPORT_RUNS,
	EXPORT_SPACES,
	EXPORT_EVENTS,
	EXPORT_AREAS,
	EXPORT_BOUNDARIES,
	EXPORT_STACKS,
	EXPORT_COUNTS,
	EXPORT_TABLES
};

enum export_type { EXPORT_INTEGER, EXPORT_REAL, EXPORT_TEXT };

struct export_column {
	const char *name;
	enum export_type type;
	const char *unit, *meaning;
};

struct export_shape {
	const char *name, *meaning;
	const struct export_column *columns; /* its own: behind the common ones */
	int count;
};
extern const struct export_shape export_shapes[EXPORT_TABLES];
#define EXPORT_COMMON 4
extern const struct export_column export_common[EXPORT_COMMON];
/* Columns of a row at most, with the common ones. */
#define EXPORT_COLUMNS 32
static inline int export_columns(enum export_table table)
{
	return EXPORT_COMMON + export_shapes[table].count;
}
static inline const struct export_column *export_column(enum export_table table, int i)
{
	return i < EXPORT_COMMON ? &export_common[i] : &export_shapes[table].columns[i - EXPORT_COMMON];
}

/* Of the column's type, or nothing. Text is UTF-8 in the form of docs/json.md, and lives during the call. */
struct export_value {
	enum { EXPORT_NULL, EXPORT_HAS_INTEGER, EXPORT_HAS_REAL, EXPORT_HAS_TEXT } has;
	union {
		int64_t integer;
		double real;
		const char *text;
	};
};

/* Where rows go. 0 or -errno; error says more where it is not empty. */
struct export_writer {
	int (*row)(struct export_writer *w, enum export_table table, const struct export_value *values);
	int (*finish)(struct export_writer *w); /* everything is written */
	void (*free)(struct export_writer *w);
	char error[256];
};

/* What is the same in all rows of a run, and what is to be written. */
struct export_run {
	char run_id[17];
	const char *path; /* of the recording */
	const char *host, *build;
	const struct trace_header *header;
	bool wanted[EXPORT_TABLES];
};

struct export;
/* NULL: no memory. What is given lives longer. */
struct export *export_begin(
	const struct export_run *run, const struct survey *survey, struct export_writer *writer);
/* After each event of the ledger. 0 or -errno. */
int export_event(struct export *x, struct explain *ledger, const struct trace_event *e);
/* Before each event: what it ends is there still. 0 or -errno. */
int export_before(struct export *x, struct explain *ledger, const struct trace_event *e);
/* All that live end; rows of what is known only now. 0 or -errno. */
int export_end(struct export *x, struct explain *ledger);
void export_free(struct export *x);

/*
 * sqlite.c; @path may be ":memory:". Of the tables those that are @wanted; NULL: all of them, and the views of views.c.  0 or
 * -errno, and a sentence.
 */
struct sqlite3;
int export_sqlite_open(
	struct export_writer **w, const char *path, const bool *wanted, char *error, size_t size);
/* Which tables a question reads, by itself or through views; it is not asked. 0 or -errno: it has an error, in w->error. */
int export_sqlite_reads(struct export_writer *w, const char *question, bool read[EXPORT_TABLES]);
/* Of a writer that export_sqlite_open() made, which goes on owning it. */
struct sqlite3 *export_sqlite_database(struct export_writer *w);
/* Ready questions, made as views. */
struct export_view {
	const char *name, *meaning, *select;
};
extern const struct export_view export_views[];
extern const int export_nr_views;
/* text.c: tables as lines of JSON or CSV into files of the caller, which may be one and the same. NULL: no memory. */
struct export_writer *export_jsonl(FILE *out);
struct export_writer *export_csv(FILE *const out[EXPORT_TABLES]);
/* perfetto.c: the trace-event form. NULL: no memory. */
struct export_writer *export_perfetto(FILE *out);
/* views.c: a question whose only column is a line for flame graph tools, of the largest address space's peak. */
extern const char export_folded_areas[], export_folded_bytes[];

/* strace.c: calls as lines of strace. NULL: no memory. */
struct export_strace;
struct export_strace *export_strace_begin(FILE *out, const struct trace_header *header);
int export_strace_event(struct export_strace *s, const struct trace_event *e);
/* How many events have no form there. */
uint64_t export_strace_left_out(const struct export_strace *s);
void export_strace_free(struct export_strace *s);

#endif /* REPORT_EXPORT_H */
