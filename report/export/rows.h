/* SPDX-License-Identifier: MIT */
/* What the files that make rows share. */
#ifndef REPORT_EXPORT_ROWS_H
#define REPORT_EXPORT_ROWS_H

#include <jansson.h>
#include <vmaple/symbols.h>

#include "../lives.h"
#include "export.h"

/* An address space that lives. */
struct export_space {
	struct lives lives;
	const struct survey_space *survey;
	struct export *x;
	uint32_t mm, pid, parent_mm;
	char *program; /* NULL: by fork */
	uint64_t begin_ns, begin_step, end_ns, end_step, failed, faults;
	uint64_t next_ns, most; /* counts: when the next row is due, and most areas since the one before */
	uint64_t *told, told_words;     /* bit per number of a stack: it has been written */
	uint64_t areas, splits, merges; /* as they were last */
};

struct export
{
	const struct export_run *run;
	const struct survey *survey;
	struct export_writer *writer;
	struct maple_tree spaces; /* struct export_space by number */
	struct report_words names;
	struct symbols *symbols;
	struct export_value row[EXPORT_COLUMNS]; /* the one that is being filled */
	json_t *held[EXPORT_COLUMNS];            /* text of it that had to be made */
	int filled;
	bool ending; /* what ends now was there at the end */
	int err;     /* the first */
};

/* A row: begin, its columns in the order of the schema, end. */
void row_begin(struct export *x);
void row_null(struct export *x);
void row_integer(struct export *x, uint64_t value);
void row_text(struct export *x, const char *text); /* any bytes; lives until row_end(). NULL: nothing */
void row_end(struct export *x, enum export_table table);

/* rows.c */
void row_of_run(struct export *x);
void row_of_space(struct export *x, struct export_space *s);
void row_of_event(struct export *x, struct explain *ledger, const struct trace_event *e);
void row_of_life(struct export *x, struct export_space *s, const struct life *life);
void rows_of_boundaries(struct export *x, struct export_space *s, struct mm_struct *mm);
void row_of_counts(struct export *x, const struct export_space *s, uint64_t step, uint64_t ns);
/* stacks.c: the frames of a stack (0: none), if it is the first time in this address space. */
void rows_of_stack(struct export *x, struct export_space *s, uint32_t number);

#endif /* REPORT_EXPORT_ROWS_H */
