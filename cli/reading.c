/* SPDX-License-Identifier: MIT */
/*
 * See reading.h.
 *
 * A survey has no ledger: it only counts, and costs what the mirror costs. The ledger's reading calls before() with the
 * mirror as it was before the event, and event() with the mirror as the event has left it; what a callback wants of
 * areas that the event ends it has to take in before().
 */
#include "reading.h"

#include <errno.h>

#include "cli.h"

static void show(struct progress *p, const struct trace_reader *reader, const char *what, uint64_t step)
{
	uint64_t done, total;

	/*
	 * The clock of progress is asked for every 1024th event, which costs nothing beside what the events
	 * do.
	 */
	if (step & 1023)
		return;
	trace_reader_progress(reader, &done, &total);
	progress_show(p, what, done, total, step);
}

/*
 * 0, or the status of what was said. The survey may be asked behind STATUS_DAMAGED: it is of what was
 * read. Progress ends before a sentence, whose line it would else be in.
 */
static int survey_all(
	const char *command, struct trace_reader *reader, struct replay *replay, struct survey *survey)
{
	struct progress progress;
	struct trace_event e = { .step = 0 };
	int err = 0, got = 0;

	progress_begin(&progress);
	while (!err && (got = trace_reader_next(reader, &e)) > 0) {
		err = replay_sink(replay)->event(replay_sink(replay), &e);
		survey_event(survey, replay, &e);
		show(&progress, reader, "looking for the peak", e.step);
	}
	progress_end(&progress);
	if (err || survey->no_memory)
		return out_of_memory(command, e.step);
	return recording_ended(command, reader, got);
}

/* @survey is the caller's to free in any case: it is begun before anything can fail. */
int reading_survey(const char *command, const char *path, struct survey *survey)
{
	/* A child's peak may be what its fork gave it. */
	struct replay_options options = { .unchecked = true, .fork_at_once = true };
	struct trace_reader *reader;
	struct replay *replay;
	int status = open_recording(command, path, &reader);

	survey_begin(survey);
	if (status)
		return status;
	replay = replay_new(trace_reader_header(reader), &options);
	status = replay ? survey_all(command, reader, replay, survey) : out_of_memory(command, 0);
	if (replay)
		replay_free(replay);
	trace_reader_close(reader);
	return status;
}

/* An error leaves what there is to reading_end(). */
int reading_begin(struct reading *r)
{
	/* Comparing is verify's: here only the areas count. */
	struct replay_options options = { .unchecked = true };
	int status = open_recording(r->command, r->path, &r->reader);

	if (status) {
		r->reader = NULL;
		return status;
	}
	r->x = explain_new(trace_reader_header(r->reader), &options);
	return r->x ? 0 : out_of_memory(r->command, 0);
}

/*
 * The order of what is asked at the end counts: memory first, for a reader that had none reports the file
 * as damaged no less; then what a callback refused; then the file.
 */
int reading_run(struct reading *r)
{
	struct trace_sink *sink = explain_sink(r->x);
	struct progress progress;
	struct trace_event e = { .step = 0 };
	bool no_memory = false;
	int got = 0;

	progress_begin(&progress);
	while (!r->err && !no_memory && (got = trace_reader_next(r->reader, &e)) > 0) {
		/*
		 * before() fails: the event is carried out all the same, but no callback sees it, and the
		 * loop ends.
		 */
		r->err = r->before ? r->before(r->ctx, r->x, &e) : 0;
		no_memory = sink->event(sink, &e) != 0;
		if (!r->err && !no_memory)
			r->err = r->event(r->ctx, r->x, &e);
		show(&progress, r->reader, "replaying", e.step);
	}
	progress_end(&progress);
	/* The ledger goes on when memory runs out, and knows that something is missing in it. */
	no_memory |= explain_incomplete(r->x);
	if (no_memory || r->err == -ENOMEM || (!r->err && got == -ENOMEM)) {
		r->err = -ENOMEM;
		return out_of_memory(r->command, e.step);
	}
	if (r->err)
		return STATUS_FAILED;
	/* The survey of the same file has said so. */
	if (got < 0 && r->quiet)
		return STATUS_DAMAGED;
	return recording_ended(r->command, r->reader, got);
}

void reading_end(struct reading *r)
{
	explain_free(r->x);
	if (r->reader)
		trace_reader_close(r->reader);
}
