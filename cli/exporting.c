/* SPDX-License-Identifier: MIT */
/*
 * See exporting.h.
 *
 * Two readings for each recording. The survey finds when each address space had the most areas, and the
 * program's build; only then can the second one say, at that very event, that its boundaries are to be
 * taken. Rows go to the writer as they come: nothing but the ledger is held.
 */
#include "exporting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "reading.h"

/*
 * FNV-1a of the file's bytes, eight at a time: the same recording has the same id on every machine of one
 * byte order, and what is exported twice can be told. False: it cannot be opened, errno. The number of
 * bytes is mixed in for each block, so that padding of the last word with zeros is not another file's
 * content.
 */
static bool run_id_of(const char *path, char id[17])
{
	uint64_t hash = 0xcbf29ce484222325ull, words[1024];
	FILE *in = fopen(path, "re");
	size_t got;

	if (!in)
		return false;
	while ((got = fread(words, 1, sizeof(words), in)) > 0) {
		memset((char *)words + got, 0, (8 - got % 8) % 8);
		for (size_t i = 0; i < (got + 7) / 8; i++)
			hash = (hash ^ words[i]) * 0x100000001b3ull;
		hash ^= got;
		hash ^= hash >> 32;
	}
	fclose(in);
	snprintf(id, 17, "%016" PRIx64, hash);
	return true;
}

/* reading.h passes its ctx as void *, which the next two make the export's again. */
static int before(void *ctx, struct explain *x, const struct trace_event *e)
{
	return export_before(ctx, x, e);
}

static int event(void *ctx, struct explain *x, const struct trace_event *e)
{
	return export_event(ctx, x, e);
}

/* 0, STATUS_DAMAGED, or a status that was said; x->err as export_recordings() has it. */
static int second_reading(
	struct exporting *x, struct reading *r, struct export_run *run, const struct survey *survey)
{
	struct export *rows;
	int status;

	run->header = trace_reader_header(r->reader);
	rows = export_begin(run, survey, x->writer);
	if (!rows)
		return out_of_memory(x->command, 0);
	r->before = before;
	r->event = event;
	r->ctx = rows;
	status = reading_run(r);
	x->err = r->err ? r->err : export_end(rows, r->x);
	export_free(rows);
	if (x->err == -ENOMEM && !r->err)
		return out_of_memory(x->command, 0);
	return x->err ? STATUS_FAILED : status;
}

/*
 * All rows of one. 0, STATUS_DAMAGED, or a status that was said. The damaged end is said by the survey
 * (r.quiet), so that it is said once.
 */
static int export_recording(struct exporting *x, const char *path)
{
	struct export_run run = { .path = path, .host = x->host ? x->host : "" };
	struct reading r = { .command = x->command, .path = path, .quiet = true };
	struct survey survey;
	int status = reading_survey(x->command, path, &survey), second;

	memcpy(run.wanted, x->wanted, sizeof(run.wanted));
	run.build = x->build ? x->build : survey.build;
	/* Damaged before its first event: there is no row to be made. */
	if ((status && status != STATUS_DAMAGED) || !survey.begun) {
		survey_free(&survey);
		return status ? status : STATUS_DAMAGED;
	}
	if (!run_id_of(path, run.run_id)) {
		complain(x->command, "%s: %s", path, strerror(errno));
		status = STATUS_FAILED;
	} else {
		second = reading_begin(&r);
		second = second ? second : second_reading(x, &r, &run, &survey);
		status = second ? second : status;
	}
	reading_end(&r);
	survey_free(&survey);
	return status;
}

/*
 * A damaged recording does not keep the others from being read; anything worse ends it. The status of the
 * last that was not 0 is returned.
 */
int export_recordings(struct exporting *x, char **paths, int nr)
{
	int status = 0, one = 0;

	for (int i = 0; i < nr && (!one || one == STATUS_DAMAGED); i++) {
		one = export_recording(x, paths[i]);
		status = one ? one : status;
	}
	/* It has been said; the writer's output is to be dropped all the same. */
	if (one && one != STATUS_DAMAGED && (!x->err || x->err == -ENOMEM))
		x->err = -ECANCELED;
	if (!x->err)
		x->err = x->writer->finish(x->writer);
	return status;
}
