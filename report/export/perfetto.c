/* SPDX-License-Identifier: MIT */
/*
 * Rows as the trace-event form of Chrome and Perfetto: one JSON object with `traceEvents`.
 *
 *     calls        instants (ph "i") of their task
 *     large areas  slices (ph "b" and "e", category "area", an id each), since they overlap
 *     counts       counters (ph "C"): areas, mapped bytes, largest free range
 *     spaces       names of processes (ph "M")
 *
 * Times are microseconds since the recording began.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quoted.h"

/* Smaller areas would hide the large ones. */
#define LARGE ((int64_t)1 << 20)

struct perfetto_writer {
	struct export_writer base;
	FILE *out;
	bool any;
	uint64_t next_id;
	char *run; /* what is said of the run, at the end */
	size_t run_len;
};

static const struct export_value *value(
	enum export_table table, const struct export_value *values, const char *name)
{
	static const struct export_value none;

	for (int i = 0; i < export_columns(table); i++)
		if (strcmp(export_column(table, i)->name, name) == 0)
			return &values[i];
	return &none; /* cannot be: the names are in schema.c */
}

static int64_t integer(enum export_table table, const struct export_value *values, const char *name)
{
	const struct export_value *v = value(table, values, name);

	return v->has == EXPORT_HAS_INTEGER ? v->integer : 0;
}

static const char *text(enum export_table table, const struct export_value *values, const char *name)
{
	const struct export_value *v = value(table, values, name);

	return v->has == EXPORT_HAS_TEXT ? v->text : "";
}

/* {"ph":"i","ts":12.345,"pid":1,"tid":1,"name":"mmap" */
static void begin(
	struct perfetto_writer *w, const char *ph, int64_t ns, int64_t pid, int64_t tid, const char *name)
{
	fprintf(w->out,
		"%s\n{\"ph\":\"%s\",\"ts\":%" PRId64 ".%03d,\"pid\":%" PRId64 ",\"tid\":%" PRId64
		",\"name\":",
		w->any ? "," : "", ph, ns / 1000, (int)(ns % 1000), pid, tid);
	put_json_string(w->out, name);
	w->any = true;
}

static void put_argument(struct perfetto_writer *w, enum export_table table,
	const struct export_value *values, const char *name)
{
	fprintf(w->out, ",\"%s\":", name);
	put_json_value(w->out, value(table, values, name));
}

static void call(struct perfetto_writer *w, const struct export_value *v)
{
	enum export_table t = EXPORT_EVENTS;

	if (strcmp(text(t, v, "type"), "call") != 0)
		return;
	begin(w, "i", integer(t, v, "time_ns"), integer(t, v, "pid"), integer(t, v, "tid"),
		text(t, v, "call"));
	fprintf(w->out, ",\"cat\":\"call\",\"s\":\"t\",\"args\":{\"step\":%" PRId64, integer(t, v, "step"));
	put_argument(w, t, v, "text");
	put_argument(w, t, v, "result");
	put_argument(w, t, v, "areas");
	fputs("}}", w->out);
}

static void area(struct perfetto_writer *w, const struct export_value *v)
{
	static const char *const arguments[] = { "end", "bytes", "prot", "kind", "reasons", "call",
		"module" };
	enum export_table t = EXPORT_AREAS;
	const char *name = text(t, v, "name");
	int64_t pid = integer(t, v, "pid");

	if (integer(t, v, "bytes") < LARGE)
		return;
	name = *name ? name : text(t, v, "kind");
	w->next_id++;
	begin(w, "b", integer(t, v, "born_ns"), pid, pid, name);
	fprintf(w->out, ",\"cat\":\"area\",\"id\":\"%#" PRIx64 "\",\"args\":{\"start\":%" PRId64, w->next_id,
		integer(t, v, "start"));
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		put_argument(w, t, v, arguments[i]);
	fputs("}}", w->out);
	begin(w, "e", integer(t, v, "ended_ns"), pid, pid, name);
	fprintf(w->out, ",\"cat\":\"area\",\"id\":\"%#" PRIx64 "\"}", w->next_id);
}

static void counts(struct perfetto_writer *w, const struct export_value *v)
{
	static const struct {
		const char *column, *name;
	} counters[] = { { "areas", "areas" }, { "mapped", "mapped bytes" },
		{ "largest_free", "largest free range" } };
	enum export_table t = EXPORT_COUNTS;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		begin(w, "C", integer(t, v, "time_ns"), integer(t, v, "pid"), 0, counters[i].name);
		fprintf(w->out, ",\"args\":{\"%s\":%" PRId64 "}}", counters[i].column,
			integer(t, v, counters[i].column));
	}
}

static void space(struct perfetto_writer *w, const struct export_value *v)
{
	const char *program = text(EXPORT_SPACES, v, "program");

	begin(w, "M", 0, integer(EXPORT_SPACES, v, "pid"), 0, "process_name");
	fputs(",\"args\":{\"name\":", w->out);
	put_json_string(w->out, *program ? program : "(forked)");
	fputs("}}", w->out);
}

/* Kept until the end, as strings: what that member of the form has. */
static int run(struct perfetto_writer *w, const struct export_value *v)
{
	FILE *out = open_memstream(&w->run, &w->run_len);

	if (!out)
		return -ENOMEM;
	for (int i = 0; i < export_columns(EXPORT_RUNS); i++) {
		char number[32];

		fprintf(out, "%s\"%s\":", i ? "," : "", export_column(EXPORT_RUNS, i)->name);
		snprintf(number, sizeof(number), "%" PRId64, v[i].integer);
		put_json_string(out, v[i].has == EXPORT_HAS_TEXT ? v[i].text
				     : v[i].has == EXPORT_NULL   ? ""
								 : number);
	}
	return fclose(out) || !w->run ? -ENOMEM : 0;
}

static int write_row(struct export_writer *base, enum export_table table, const struct export_value *v)
{
	struct perfetto_writer *w = (struct perfetto_writer *)base;

	switch (table) {
	case EXPORT_RUNS:
		return run(w, v);
	case EXPORT_EVENTS:
		call(w, v);
		break;
	case EXPORT_AREAS:
		area(w, v);
		break;
	case EXPORT_COUNTS:
		counts(w, v);
		break;
	case EXPORT_SPACES:
		space(w, v);
		break;
	default:
		break;
	}
	return ferror(w->out) ? -(errno ? errno : EIO) : 0;
}

static int finish(struct export_writer *base)
{
	struct perfetto_writer *w = (struct perfetto_writer *)base;

	fprintf(w->out, "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{%s}}\n", w->run ? w->run : "");
	return fflush(w->out) || ferror(w->out) ? -(errno ? errno : EIO) : 0;
}

static void free_writer(struct export_writer *base)
{
	free(((struct perfetto_writer *)base)->run);
	free(base);
}

struct export_writer *export_perfetto(FILE *out)
{
	struct perfetto_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->base = (struct export_writer){ .row = write_row, .finish = finish, .free = free_writer };
	w->out = out;
	fputs("{\"traceEvents\":[", out);
	return &w->base;
}
