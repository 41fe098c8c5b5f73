/* SPDX-License-Identifier: MIT */
/*
 * A moment of a recording.  The peak takes two readings: one to find it, without the ledger, and one up to it.
 *
 * States: what a moment has after moment_reach() is what it reached, also behind an error: each of
 * reader, x, symbols and mm is NULL or valid. moment_leave() frees what is there. The mirror stands
 * behind the event that was carried out last (m->last), and no further event is ever given to it:
 * pointers into it stay good until moment_leave().
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "moment.h"

/* False leaves kind as it was, step may be written. */
bool moment_parse(struct moment *m, const char *text)
{
	if (strcmp(text, "end") == 0)
		m->kind = MOMENT_END;
	else if (strcmp(text, "peak") == 0)
		m->kind = MOMENT_PEAK;
	else if (parse_number(text, &m->step) && m->step)
		m->kind = MOMENT_STEP;
	else
		return false;
	return true;
}

/* The reader is NULL behind an error, for moment_leave(). */
static int open_reader(struct moment *m)
{
	int status = open_recording(m->command, m->path, &m->reader);

	if (status)
		m->reader = NULL;
	return status;
}

/* With the step that was reached last, 0 before the first. */
static int no_memory(const struct moment *m)
{
	return out_of_memory(m->command, m->last.step);
}

/* Every 1024th event asks the clock; a terminal shows ten a second at most. */
static void show_progress(struct moment *m, struct progress *p, const char *what, uint64_t step)
{
	uint64_t done, total;

	if (step & 1023)
		return;
	trace_reader_progress(m->reader, &done, &total);
	progress_show(p, what, done, total, step);
}

/*
 * The first reading: the step at which most areas were there first, and whose they were (m->step, mm_id,
 * mm_pid). Of a damaged recording it is the peak of what could be read, and the damage is said here,
 * once. 0, or the status of what was said.
 *
 * With a pid its spaces alone are looked at: a process that has had several (exec) has its peak in one of
 * them. No event of the pid leaves m->step 0, and play() ends before its first event then: conclude()
 * says that there is no address space.
 */
static int find_peak(struct moment *m)
{
	struct replay_options options = { .unchecked = true };
	struct explain_series series;
	struct replay *replay;
	struct progress progress;
	struct trace_event e;
	int err = open_reader(m), got = 0;

	if (err)
		return err;
	replay = replay_new(trace_reader_header(m->reader), &options);
	explain_series_begin(&series, 0);
	progress_begin(&progress);
	while (replay && !err && (got = trace_reader_next(m->reader, &e)) > 0) {
		err = replay_sink(replay)->event(replay_sink(replay), &e);
		if (!m->pid || e.pid == m->pid)
			explain_series_event(&series, replay, &e);
		show_progress(m, &progress, "looking for the peak", e.step);
	}
	progress_end(&progress);
	if (replay)
		replay_free(replay);
	m->damaged = replay && !err ? recording_ended(m->command, m->reader, got) : 0;
	trace_reader_close(m->reader);
	m->reader = NULL;
	m->step = series.peak.step;
	m->mm_id = series.peak_mm;
	m->mm_pid = series.peak_pid;
	if (!replay || err)
		return no_memory(m);
	return m->damaged == STATUS_FAILED ? STATUS_FAILED : 0;
}

/*
 * The process's last event is not carried out: behind it there is no area that could be shown. An exec
 * ends a space, too, and the process goes on in the next (exit.exec): its end is that of the last one.
 */
static bool ends_it(const struct moment *m, const struct trace_event *e)
{
	uint32_t pid = m->pid ? (uint32_t)m->pid : m->first_pid;

	return m->kind == MOMENT_END && e->type == TRACE_EVENT_EXIT && e->pid == pid && e->exit.last &&
	       !e->exit.exec;
}

/*
 * 1 at the moment, 0 at the end of the file, or below 0: -errno of the reader's, or -STATUS_FAILED, out
 * of memory here.
 *
 * symbols follow behind the ledger, event by event; whoever watches is called with both up to date.
 */
static int play(struct moment *m)
{
	struct trace_sink *sink = explain_sink(m->x);
	struct progress progress;
	struct trace_event e;
	int got = 0;

	progress_begin(&progress);
	while ((m->kind == MOMENT_END || m->last.step < m->step) &&
		(got = trace_reader_next(m->reader, &e)) > 0) {
		if (!m->first_pid && e.type == TRACE_EVENT_SPACE)
			m->first_pid = e.pid;
		if (ends_it(m, &e))
			break;
		if (sink->event(sink, &e) || symbols_event(m->symbols, &e)) {
			got = -STATUS_FAILED;
			break;
		}
		m->last.step = e.step;
		m->last.time_ns = e.time_ns;
		if (m->watch)
			m->watch(m->ctx, m, &e);
		show_progress(m, &progress, "replaying", e.step);
	}
	progress_end(&progress);
	return got;
}

/*
 * The address space at the moment, and the status. At the peak it is one of the numbers that find_peak()
 * has seen, for a process may have had several (exec); else it is the process's current one.
 */
static int conclude(struct moment *m, int got)
{
	if (m->kind == MOMENT_PEAK) {
		m->mm = replay_space(explain_replay(m->x), m->mm_id);
	} else {
		m->mm = replay_find(explain_replay(m->x), (uint32_t)m->pid);
		m->mm_pid = m->pid ? (uint32_t)m->pid : m->first_pid;
		m->mm_id = m->mm ? replay_space_number(explain_replay(m->x), m->mm) : 0;
	}
	if (got == -STATUS_FAILED)
		return no_memory(m);
	/* What was said already is not said again. */
	if (got < 0)
		return m->damaged && got != -ENOMEM ? STATUS_DAMAGED
						    : recording_ended(m->command, m->reader, got);
	if (m->mm || m->damaged)
		return 0;
	complain(m->command, "%s: process %" PRIu64 " has no address space at that moment", m->path,
		m->pid ? m->pid : m->first_pid);
	return 1;
}

/*
 * The file is read once for END and STEP, twice for PEAK. A recording that is not a plain file (an
 * import) is made anew each time it is opened.
 */
int moment_reach(struct moment *m)
{
	struct replay_options options = { .unchecked = true };
	int err = m->kind == MOMENT_PEAK ? find_peak(m) : 0;

	if (!err)
		err = open_reader(m);
	if (err)
		return err;
	m->x = explain_new(trace_reader_header(m->reader), &options);
	m->symbols = symbols_new();
	/*
	 * symbols_recording() only notes the path: the recording is read once more if code without a file
	 * has to be named.
	 */
	if (!m->x || !m->symbols || symbols_recording(m->symbols, m->path))
		return no_memory(m);
	err = conclude(m, play(m));
	return err ? err : m->damaged;
}

struct code moment_code(const struct moment *m)
{
	return (struct code){ .symbols = m->symbols, .mm = m->mm_id, .pid = m->mm_pid };
}

/* Symbols first: they read the recording by its path, not by the reader. Not to be called twice. */
void moment_leave(struct moment *m)
{
	if (m->symbols)
		symbols_free(m->symbols);
	explain_free(m->x);
	if (m->reader)
		trace_reader_close(m->reader);
}
