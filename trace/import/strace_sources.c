/* SPDX-License-Identifier: MIT */
/*
 * The files of a log, and their lines in order.
 *
 * The files of -ff are merged by time; without times one after the other, which is right for processes that share nothing
 * and a doubt for threads.
 *
 * The heap has the files that have a line, by its time, task and place among the files
 * (strace_earlier()). A file's own lines are never exchanged, whatever their times.
 *
 * Three kinds of times, told apart by strace_line.c: since 1970 (-ttt), of the day (-t, -tt) and since
 * the line before (-r). time_ns of a file is the sum of what its lines say for the last, else what its
 * line says and the days that have gone by. Files with times of different kinds have no order among
 * each other; nobody writes such.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strace.h"

/* A program of a thousand threads has a thousand files of -ff. */
#define BUFFER_ONE  ((size_t)256 << 10)
#define BUFFER_MANY ((size_t)16 << 10)

/* By the form of the import. Calls of a library (ltrace) are ignored: only those of the system count. */
void strace_read_line(struct strace *st, char *text, size_t *prefix, struct strace_line *line)
{
	if (st->columns) {
		(void)columns_line(st->im, st->columns, text, st->foreign, line);
		return;
	}
	if (st->foreign) {
		(void)perf_line(text, st->foreign, line);
		return;
	}
	strace_line(text, prefix, line);
	if (st->im->form == TRACE_IMPORT_LTRACE && !line->system &&
		(line->kind == STRACE_CALL || line->kind == STRACE_UNFINISHED ||
			line->kind == STRACE_RESUMED))
		line->kind = STRACE_IGNORED;
}

/*
 * -r adds up. Times of day begin anew at midnight: a step back of more than half a day adds a day, to
 * all that follows in this file.
 */
static void set_time(struct source *s)
{
	uint64_t before = s->time_ns;

	if (!s->line.has_time)
		return;
	if (s->line.relative) {
		s->time_ns += s->line.time_ns;
		return;
	}
	s->time_ns = s->line.time_ns + s->day_ns;
	if (s->line.time_ns < DAY_NS && s->time_ns + DAY_NS / 2 < before) {
		s->day_ns += DAY_NS;
		s->time_ns += DAY_NS;
	}
}

/*
 * Lines that say nothing are counted as skipped, and those that begin as a call that matters as a
 * doubt. 0 with text NULL: the end.
 */
int strace_advance(struct strace *st, struct source *s)
{
	size_t len;

	while ((s->text = lines_next(&s->lines, &len))) {
		st->im->reading = &s->lines;
		import_progress(st->im, &s->lines);
		if (s->lines.too_long)
			import_doubt(st->im, DOUBT_LONG_LINE);
		strace_read_line(st, s->text, &s->prefix, &s->line);
		/*
		 * The line before ended in the midst of a call, by strace's word of another task: this
		 * is the rest of it.
		 */
		if (s->line.kind == STRACE_OTHER && s->cut_tid && len) {
			s->line = (struct strace_line){ .kind = STRACE_CONTINUED, .rest = s->text };
			return 0;
		}
		if (s->line.kind == STRACE_OTHER) {
			st->im->skipped += len != 0;
			if (s->line.name && handler_of(s->line.name, s->line.name_len))
				import_doubt(st->im, DOUBT_BAD_LINE);
			continue;
		}
		set_time(s);
		return 0;
	}
	if (s->lines.error)
		return import_failed(
			st->im, s->lines.error, "%s: %s", s->lines.path, strerror(-s->lines.error));
	return 0;
}

/*
 * A total order, so that the same logs always give the same recording: time, then task, then the order
 * of the files.
 */
bool strace_earlier(const struct strace *st, size_t a, size_t b)
{
	const struct source *x = &st->sources[a], *y = &st->sources[b];

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns;
	return x->tid != y->tid ? x->tid < y->tid : a < b;
}

static void sift_down(struct strace *st, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1, moved = st->heap[i];

		if (child >= st->nr_heap)
			return;
		if (child + 1 < st->nr_heap && strace_earlier(st, st->heap[child + 1], st->heap[child]))
			child++;
		if (!strace_earlier(st, st->heap[child], moved))
			return;
		st->heap[i] = st->heap[child];
		st->heap[child] = moved;
		i = child;
	}
}

/*
 * @at has gone on or ended. O(log files) for the first, O(files) for another, which strace_choose()
 * takes only among equals.
 */
void strace_sift(struct strace *st, size_t at)
{
	if (!st->sources[st->heap[at]].text)
		st->heap[at] = st->heap[--st->nr_heap];
	/* Not the first: what stands there then may be too early, too. */
	for (size_t i = at ? st->nr_heap : 1; i-- > 0;)
		if (i < st->nr_heap)
			sift_down(st, i);
}

/* "log.4070" of -ff; 0: no number behind the last dot. */
static uint32_t tid_of_path(const char *path)
{
	const char *dot = strrchr(path, '.');
	char *end;
	unsigned long tid = dot ? strtoul(dot + 1, &end, 10) : 0;

	return dot && *end == '\0' && tid <= UINT32_MAX ? (uint32_t)tid : 0;
}

/* 0, or an error that was said. What was opened until then import_strace() closes. */
int strace_open(struct strace *st)
{
	struct trace_import *im = st->im;
	bool timed = true;
	int err;

	st->waiting_end = &st->waiting;
	if (im->form == TRACE_IMPORT_PERF || im->form == TRACE_IMPORT_COLUMNS) {
		st->foreign = malloc(sizeof(*st->foreign));
		if (!st->foreign)
			return import_failed(im, -ENOMEM, "out of memory");
	}
	err = im->form == TRACE_IMPORT_COLUMNS ? columns_new(im, &st->columns) : 0;
	if (err)
		return err;
	st->sources = calloc(im->nr_paths, sizeof(*st->sources));
	st->heap = calloc(im->nr_paths, sizeof(*st->heap));
	if (!st->sources || !st->heap)
		return import_failed(im, -ENOMEM, "out of memory");
	for (st->nr = 0; st->nr < im->nr_paths; st->nr++) {
		struct source *s = &st->sources[st->nr];

		err = lines_open(&s->lines, im->paths[st->nr], im->nr_paths > 1 ? BUFFER_MANY : BUFFER_ONE);

		s->lines.index = st->nr;
		if (err)
			return import_failed(
				im, err, "cannot read %s: %s", im->paths[st->nr], strerror(-err));
		s->tid = im->nr_paths > 1 ? tid_of_path(s->lines.path) : 0;
		err = strace_advance(st, s);
		if (err)
			return err;
		if (!s->text)
			continue;
		/* Times of -r tell nothing about another file's. */
		timed &= s->line.has_time && !s->line.relative;
		st->heap[st->nr_heap++] = st->nr;
	}
	st->tasks.apart = st->nr > 1;
	if (st->nr > 1 && !timed)
		import_doubt(im, DOUBT_NO_TIME);
	/* From the last one up: O(files). */
	for (size_t i = st->nr_heap; i-- > 0;)
		sift_down(st, i);
	return 0;
}
