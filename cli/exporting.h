/* SPDX-License-Identifier: MIT */
/* Recordings into the rows of an export: what `vmaple export` and `vmaple sql` share. */
#ifndef EXPORTING_H
#define EXPORTING_H

#include "../report/export/export.h"

/*
 * The writer is the caller's, before and after. wanted: tables whose rows are made; the others cost
 * nothing. host goes into the rows as given; build stands for the program's build-id, which is taken from
 * each recording where it is NULL.
 */
struct exporting {
	const char *command;
	const char *host, *build; /* NULL: not given */
	bool wanted[EXPORT_TABLES];
	struct export_writer *writer;
	int err; /* of the writer, -errno: it is not said yet */
};
/*
 * All rows of recordings, and the writer's end. 0, STATUS_DAMAGED (what could be read is there), or another exit status, which
 * has been said; then, or where the writer fails, x->err is not 0.
 */
int export_recordings(struct exporting *x, char **paths, int nr);

#endif /* EXPORTING_H */
