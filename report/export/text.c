/* SPDX-License-Identifier: MIT */
/*
 * Tables as text: lines of JSON, each an object with the name of its table; or CSV (RFC 4180), a file a table, whose first
 * line names the columns.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../cli/cli.h"
#include "../../lab/unseen.h"
#include "export.h"
#include "quoted.h"

struct text_writer {
	struct export_writer base;
	FILE *out[EXPORT_TABLES];
	bool terminal[EXPORT_TABLES];
};

static int state_of(FILE *out)
{
	return ferror(out) ? -(errno ? errno : EIO) : 0;
}

void put_json_string(FILE *out, const char *text)
{
	size_t len;

	fputc('"', out);
	for (; *text; text += len) {
		unsigned int unseen = unseen_character((const unsigned char *)text, &len);

		if (unseen)
			fprintf(out, "\\u%04x", unseen);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			for (size_t i = 0; i < len; i++)
				fputc(text[i], out);
	}
	fputc('"', out);
}

void put_json_value(FILE *out, const struct export_value *v)
{
	switch (v->has) {
	case EXPORT_HAS_INTEGER:
		fprintf(out, "%" PRId64, v->integer);
		break;
	case EXPORT_HAS_REAL:
		fprintf(out, "%.9g", v->real);
		break;
	case EXPORT_HAS_TEXT:
		put_json_string(out, v->text);
		break;
	default:
		fputs("null", out);
	}
}

static int jsonl_row(struct export_writer *base, enum export_table table, const struct export_value *values)
{
	FILE *out = ((struct text_writer *)base)->out[table];

	fprintf(out, "{\"table\":\"%s\"", export_shapes[table].name);
	for (int i = 0; i < export_columns(table); i++) {
		fprintf(out, ",\"%s\":", export_column(table, i)->name);
		put_json_value(out, &values[i]);
	}
	fputs("}\n", out);
	return state_of(out);
}

static void put_field(FILE *out, const struct export_value *v, bool terminal)
{
	if (v->has == EXPORT_HAS_INTEGER)
		fprintf(out, "%" PRId64, v->integer);
	else if (v->has == EXPORT_HAS_REAL)
		fprintf(out, "%.9g", v->real);
	else if (v->has == EXPORT_HAS_TEXT)
		put_csv(out, v->text, terminal);
}

void put_csv(FILE *out, const char *text, bool terminal)
{
	/* An empty text is not nothing. */
	bool quoted = !*text || strpbrk(text, "\",\r\n");

	if (quoted)
		fputc('"', out);
	while (*text) {
		size_t len = strcspn(text, "\"");

		terminal ? print_quoted(out, text, len) : (void)fwrite(text, 1, len, out);
		text += len;
		if (*text) {
			fputs("\"\"", out);
			text++;
		}
	}
	if (quoted)
		fputc('"', out);
}

static void csv_head(FILE *out, enum export_table table)
{
	for (int i = 0; i < export_columns(table); i++)
		fprintf(out, "%s%s", i ? "," : "", export_column(table, i)->name);
	fputs("\r\n", out);
}

static int csv_row(struct export_writer *base, enum export_table table, const struct export_value *values)
{
	struct text_writer *w = (struct text_writer *)base;
	FILE *out = w->out[table];

	for (int i = 0; i < export_columns(table); i++) {
		if (i)
			fputc(',', out);
		put_field(out, &values[i], w->terminal[table]);
	}
	fputs("\r\n", out);
	return state_of(out);
}

static int finish(struct export_writer *base)
{
	struct text_writer *w = (struct text_writer *)base;
	int err = 0;

	for (int i = 0; i < EXPORT_TABLES && !err; i++)
		if (w->out[i] && fflush(w->out[i]))
			err = -(errno ? errno : EIO);
	return err;
}

static void free_writer(struct export_writer *base)
{
	free(base);
}

struct export_writer *export_jsonl(FILE *out)
{
	struct text_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->base = (struct export_writer){ .row = jsonl_row, .finish = finish, .free = free_writer };
	for (int i = 0; i < EXPORT_TABLES; i++)
		w->out[i] = out;
	return &w->base;
}

struct export_writer *export_csv(FILE *const out[EXPORT_TABLES])
{
	struct text_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->base = (struct export_writer){ .row = csv_row, .finish = finish, .free = free_writer };
	for (enum export_table t = 0; t < EXPORT_TABLES; t++) {
		w->out[t] = out[t];
		w->terminal[t] = out[t] && isatty(fileno(out[t]));
		if (out[t])
			csv_head(out[t], t);
	}
	return &w->base;
}
