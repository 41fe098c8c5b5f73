/* SPDX-License-Identifier: MIT */
/*
 * Rows into a SQLite database: one transaction, one prepared statement a table.
 *
 * The database is new and nobody else's, so nothing is written ahead and nothing is waited for: whoever asked for a file
 * gets it under its name when it is whole (cli/output.c).
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

struct sqlite_writer {
	struct export_writer base;
	sqlite3 *db;
	sqlite3_stmt *insert[EXPORT_TABLES];
};

static int failed(struct sqlite_writer *w)
{
	int code = sqlite3_errcode(w->db) & 0xff;

	snprintf(w->base.error, sizeof(w->base.error), "%s", sqlite3_errmsg(w->db));
	return code == SQLITE_NOMEM ? -ENOMEM : code == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int run(struct sqlite_writer *w, const char *sql)
{
	return sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(w);
}

static const char *type_name(enum export_type type)
{
	return type == EXPORT_INTEGER ? "INTEGER" : type == EXPORT_REAL ? "REAL" : "TEXT";
}

static int make_table(struct sqlite_writer *w, enum export_table table)
{
	char sql[4096], marks[2 * EXPORT_COLUMNS + 1] = "";
	size_t len = 0;
	int n = export_columns(table), err;

	len += (size_t)snprintf(sql, sizeof(sql), "CREATE TABLE %s (", export_shapes[table].name);
	for (int i = 0; i < n; i++) {
		const struct export_column *c = export_column(table, i);

		len += (size_t)snprintf(sql + len, sizeof(sql) - len, "%s\"%s\" %s", i ? ", " : "", c->name,
			type_name(c->type));
		strcat(marks, i ? ",?" : "?");
	}
	snprintf(sql + len, sizeof(sql) - len, ")");
	err = run(w, sql);
	snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (%s)", export_shapes[table].name, marks);
	if (!err && sqlite3_prepare_v2(w->db, sql, -1, &w->insert[table], NULL) != SQLITE_OK)
		err = failed(w);
	return err;
}

static int make_view(struct sqlite_writer *w, const struct export_view *view)
{
	char *sql = sqlite3_mprintf("CREATE VIEW %s AS %s", view->name, view->select);
	int err = sql ? run(w, sql) : -ENOMEM;

	sqlite3_free(sql);
	return err;
}

static int write_row(struct export_writer *base, enum export_table table, const struct export_value *values)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	sqlite3_stmt *s = w->insert[table];
	int ok = SQLITE_OK;

	for (int i = 0; i < export_columns(table) && ok == SQLITE_OK; i++) {
		const struct export_value *v = &values[i];

		ok = v->has == EXPORT_HAS_INTEGER ? sqlite3_bind_int64(s, i + 1, v->integer)
		     : v->has == EXPORT_HAS_REAL  ? sqlite3_bind_double(s, i + 1, v->real)
		     : v->has == EXPORT_HAS_TEXT  ? sqlite3_bind_text(s, i + 1, v->text, -1, SQLITE_STATIC)
						  : sqlite3_bind_null(s, i + 1);
	}
	if (ok != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE || sqlite3_reset(s) != SQLITE_OK)
		return failed(w);
	return 0;
}

static int finish(struct export_writer *base)
{
	return run((struct sqlite_writer *)base, "COMMIT");
}

/* Tables that are read, also through a view. */
static int note_table(
	void *ctx, int action, const char *table, const char *column, const char *db, const char *view)
{
	bool *read = ctx;

	for (enum export_table t = 0; t < EXPORT_TABLES && action == SQLITE_READ && table; t++)
		read[t] |= strcmp(table, export_shapes[t].name) == 0;
	return SQLITE_OK;
}

int export_sqlite_reads(struct export_writer *base, const char *question, bool read[EXPORT_TABLES])
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;
	sqlite3_stmt *s = NULL;
	int err = 0;

	memset(read, 0, EXPORT_TABLES * sizeof(*read));
	sqlite3_set_authorizer(w->db, note_table, read);
	if (sqlite3_prepare_v2(w->db, question, -1, &s, NULL) != SQLITE_OK)
		err = failed(w);
	sqlite3_set_authorizer(w->db, NULL, NULL);
	sqlite3_finalize(s);
	return err;
}

static void free_writer(struct export_writer *base)
{
	struct sqlite_writer *w = (struct sqlite_writer *)base;

	for (int i = 0; i < EXPORT_TABLES; i++)
		sqlite3_finalize(w->insert[i]);
	sqlite3_close(w->db);
	free(w);
}

struct sqlite3 *export_sqlite_database(struct export_writer *base)
{
	return ((struct sqlite_writer *)base)->db;
}

int export_sqlite_open(
	struct export_writer **writer, const char *path, const bool *wanted, char *error, size_t size)
{
	struct sqlite_writer *w = calloc(1, sizeof(*w));
	int err = 0;

	if (!w) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	w->base = (struct export_writer){ .row = write_row, .finish = finish, .free = free_writer };
	if (sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		err = w->db ? failed(w) : -ENOMEM;
	if (!err)
		err = run(w, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN");
	for (enum export_table t = 0; t < EXPORT_TABLES && !err; t++)
		err = !wanted || wanted[t] ? make_table(w, t) : 0;
	for (int i = 0; i < export_nr_views && !wanted && !err; i++)
		err = make_view(w, &export_views[i]);
	if (err) {
		snprintf(error, size, "%s", w->base.error[0] ? w->base.error : strerror(-err));
		free_writer(&w->base);
		return err;
	}
	*writer = &w->base;
	return 0;
}
