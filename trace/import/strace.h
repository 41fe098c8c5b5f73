/* SPDX-License-Identifier: MIT */
/*
 * A log of strace on its way to events; perf's, ltrace's and those of a format of one's own go the same way.
 *
 *      strace_sources.c       files, their lines, merged by time
 *      strace_ties.c          which of several files comes first, whose lines have the same time
 *      strace_tasks.c         whose line it is, and whose child a new task
 *      strace_interrupted.c   calls that begin in one line and end in another, and in which order they were carried out
 *      strace.c               what each kind of line does, and the lines that wait
 *
 * Order of a line: strace_open() and strace_advance() read one ahead of each file; strace_choose() says
 * whose is next; strace.c gives it to its task (strace_task_of()), and the call is carried out
 * (strace_whole_call(), strace_end_call()) or waits for its end. Then that file goes on, and
 * strace_sift() puts it where it belongs.
 */
#ifndef TRACE_IMPORT_STRACE_H
#define TRACE_IMPORT_STRACE_H

#include "internal.h"

#define DAY_NS (86400ull * 1000000000)

/*
 * text lies in lines, and is the line that comes next, taken apart in @line: a file stands still until
 * it is its turn. prefix: see strace_line().
 */
struct source {
	struct lines lines;
	uint32_t tid; /* whose file it is; 0: of all */
	size_t prefix;
	char *text; /* the line to come; NULL: none */
	struct strace_line line;
	uint64_t time_ns, day_ns; /* of that line; what midnight added */
	uint32_t cut_tid;         /* whose call goes on in the line to come, without its name; 0: nobody's */
};

/* A line of a task whose beginning is still to come. */
struct waiting {
	struct waiting *next;
	uint32_t tid;
	char text[];
};

/*
 * Of one import, on its stack. heap has indices into sources. waiting_end points to where the next one
 * is put. base_ns: the first time that was seen, from which events are counted.
 */
struct strace {
	struct trace_import *im;
	struct import_tasks tasks;
	struct source *sources;
	size_t nr;
	size_t *heap, nr_heap;   /* of sources with a line, the earliest first */
	struct foreign *foreign; /* of perf and columns; NULL: lines are as strace wrote them */
	struct columns *columns; /* NULL: no format was given */
	struct waiting *waiting, **waiting_end;
	size_t nr_waiting;
	uint64_t base_ns;
	bool based, nameless;   /* the first time is known; NAMELESS was used and not named yet */
	uint32_t attached;      /* the process that strace was attached to; 0: none, or several */
	uint32_t attached_left; /* its threads of which nothing was seen yet */
};

/* --- sources: 0, or -errno ------------------------------------------------------------------------------------ */

int strace_open(struct strace *st);
/* The next line that says something; none: its text is NULL. */
int strace_advance(struct strace *st, struct source *s);
void strace_read_line(struct strace *st, char *text, size_t *prefix, struct strace_line *line);
/* The file at this place of the heap has gone on, or ended: those behind it move. */
void strace_sift(struct strace *st, size_t at);
bool strace_earlier(const struct strace *st, size_t a, size_t b);
/* Which place of the heap to take the next line from. */
size_t strace_choose(const struct strace *st);

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* NULL: out of memory, or the sink's error in *err. */
struct import_task *strace_task_of(struct strace *st, const struct source *s, int *err);
/* A task whose clone has begun and has no child yet. */
struct import_task *strace_parent_in_clone(const struct strace *st);
int strace_adopt(struct strace *st, struct import_task *parent, uint32_t tid);
/* "Process N attached" on a line of its own. */
int strace_attached(struct strace *st, uint32_t tid, uint32_t threads);
/* The kernel's word of a new task. */
int strace_forked(struct strace *st, struct import_task *t, const struct strace_line *line);

/* --- calls ---------------------------------------------------------------------------------------------------- */

int strace_whole_call(
	struct strace *st, struct import_task *t, const struct handler *h, char *args, uint64_t ip);
int strace_begin_call(struct strace *st, struct import_task *t, const struct strace_line *line);
/* @h: what the line's own name says it is. */
int strace_end_call(
	struct strace *st, struct import_task *t, const struct strace_line *line, const struct handler *h);
/* Behind a line that was cut by another's word: the end of the call, or more of its beginning. */
int strace_continue_call(struct strace *st, struct source *s);
int strace_end_task(struct strace *st, struct import_task *t, int status);
/* An exec is carried out; its call may have begun, and its end is to come then. */
int strace_exec_early(struct strace *st, struct import_task *t);
/* A fault of a task is of the space that it is known to have; of an exec that is not carried out yet it is not. */
bool strace_faulted(const struct import_task *t);
/* An area that the kernel told of.  Inside a mmap it names the file, inside other calls it says what they say themselves. */
int strace_mapped(struct strace *st, struct import_task *t, const struct mapped *m);

#endif
