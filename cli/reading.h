/* SPDX-License-Identifier: MIT */
/* Readings of a whole recording: a survey without the ledger, then the ledger's, event by event. */
#ifndef READING_H
#define READING_H

#include <vmaple/explain.h>

#include "../report/survey.h"

/* 0, STATUS_DAMAGED (what could be read is there), or another exit status; a sentence has been printed. */
int reading_survey(const char *command, const char *path, struct survey *survey);

/*
 * The first part is the caller's, before reading_begin(); the second is set by the functions below, and
 * valid from reading_begin() to reading_end().
 */
struct reading {
	const char *command, *path;
	/* Around each event of the ledger; 0 or -errno, which ends it. before may be NULL. */
	int (*before)(void *ctx, struct explain *x, const struct trace_event *e);
	int (*event)(void *ctx, struct explain *x, const struct trace_event *e);
	void *ctx;
	bool quiet; /* say nothing of a damaged end: it has been said */

	struct trace_reader *reader;
	struct explain *x;
	/* Read by the caller behind reading_run(); of a callback it is what that returned. */
	int err; /* what ended it, -errno; 0: the recording's end */
};
/* Open it, so that its header is known. 0 or an exit status; reading_end() is wanted in any case. */
int reading_begin(struct reading *r);
/*
 * All of it, once. Like reading_survey(); r->err tells what a callback or memory ended. What a callback
 * could not do it has to say itself.
 */
int reading_run(struct reading *r);
void reading_end(struct reading *r);

#endif /* READING_H */
