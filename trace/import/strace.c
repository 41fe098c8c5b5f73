/* SPDX-License-Identifier: MIT */
/*
 * Lines of strace in order.
 *
 * 1. Whose line?  The task that it names, or the one whose file of -ff it is in.  A log to the terminal names nobody as
 *    long as there is one task: that one has a number of our own until a line names it.
 * 2. Children.  A child's first lines may come before the end of the call that makes it is logged: it is adopted by a task
 *    whose clone has begun, told by "Process N attached" where strace says so.
 * 3. Interrupted calls.  The beginning is kept with its task, and joined with its end.  While one task's call has begun and
 *    not ended, calls of others in the same space may have been carried out before or after it: they are taken in
 *    the order in which they returned, and counted as in doubt.  One order can be derived: where a mapping was put
 *    into what a munmap that has begun covers, the munmap came first.
 * 4. The files of -ff are merged by time; without times one after the other, which is right for processes that share
 *    nothing and a doubt for threads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "internal.h"

#define NAMELESS         1       /* no task of a log: pid 1 is not traced */
#define CLONE_OF_THREADS 0x10f00 /* VM, FS, FILES, SIGHAND, THREAD */
#define DAY_NS           (86400ull * 1000000000)
#define BUFFER_ONE       ((size_t)256 << 10)
#define BUFFER_MANY      ((size_t)16 << 10)

struct source {
	struct lines lines;
	uint32_t tid; /* whose file it is; 0: of all */
	size_t prefix;
	char *text; /* the line to come; NULL: none */
	struct strace_line line;
	uint64_t time_ns, day_ns; /* of that line; what midnight added */
	uint32_t cut_tid;         /* whose call goes on in the line to come, without its name; 0: nobody's */
};

struct strace {
	struct trace_import *im;
	struct import_tasks tasks;
	struct source *sources;
	size_t nr;
	size_t *heap, nr_heap; /* of sources with a line, the earliest first */
	uint64_t base_ns;
	bool based, nameless;   /* the first time is known; NAMELESS was used and not named yet */
	uint32_t attached;      /* the process that strace was attached to; 0: none, or several */
	uint32_t attached_left; /* its threads of which nothing was seen yet */
};

/* ---- reading ---- */

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

/* The next line that says something. 0, or -errno. */
static int advance(struct strace *st, struct source *s)
{
	size_t len;

	while ((s->text = lines_next(&s->lines, &len))) {
		st->im->reading = &s->lines;
		import_progress(st->im, &s->lines);
		if (s->lines.too_long)
			import_doubt(st->im, DOUBT_LONG_LINE);
		strace_line(s->text, &s->prefix, &s->line);
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

static bool earlier(const struct strace *st, size_t a, size_t b)
{
	const struct source *x = &st->sources[a], *y = &st->sources[b];

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns;
	return x->tid != y->tid ? x->tid < y->tid : a < b;
}

/* The heap's first may be too late, or the one at i too early. */
static void sift_down(struct strace *st, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1, moved = st->heap[i];

		if (child >= st->nr_heap)
			return;
		if (child + 1 < st->nr_heap && earlier(st, st->heap[child + 1], st->heap[child]))
			child++;
		if (!earlier(st, st->heap[child], moved))
			return;
		st->heap[i] = st->heap[child];
		st->heap[child] = moved;
		i = child;
	}
}

static uint32_t tid_of_path(const char *path)
{
	const char *dot = strrchr(path, '.');
	char *end;
	unsigned long tid = dot ? strtoul(dot + 1, &end, 10) : 0;

	return dot && *end == '\0' && tid <= UINT32_MAX ? (uint32_t)tid : 0;
}

static int open_sources(struct strace *st)
{
	struct trace_import *im = st->im;
	bool timed = true;

	st->sources = calloc(im->nr_paths, sizeof(*st->sources));
	st->heap = calloc(im->nr_paths, sizeof(*st->heap));
	if (!st->sources || !st->heap)
		return import_failed(im, -ENOMEM, "out of memory");
	for (st->nr = 0; st->nr < im->nr_paths; st->nr++) {
		struct source *s = &st->sources[st->nr];
		int err =
			lines_open(&s->lines, im->paths[st->nr], im->nr_paths > 1 ? BUFFER_MANY : BUFFER_ONE);

		if (err)
			return import_failed(
				im, err, "cannot read %s: %s", im->paths[st->nr], strerror(-err));
		s->tid = im->nr_paths > 1 ? tid_of_path(s->lines.path) : 0;
		err = advance(st, s);
		if (err)
			return err;
		if (!s->text)
			continue;
		timed &= s->line.has_time && !s->line.relative;
		st->heap[st->nr_heap++] = st->nr;
	}
	st->tasks.apart = st->nr > 1;
	if (st->nr > 1 && !timed)
		import_doubt(im, DOUBT_NO_TIME);
	for (size_t i = st->nr_heap; i-- > 0;)
		sift_down(st, i);
	return 0;
}

/* ---- tasks ---- */

/* A task whose clone has begun and has no child yet. */
static struct import_task *parent_in_clone(struct strace *st)
{
	for (int i = 0; i < 256; i++)
		for (struct import_task *t = st->tasks.hash[i]; t; t = t->next)
			if (t->pending && t->pending_handler && !t->pending_done &&
				(strncmp(t->pending_handler->name, "clone", 5) == 0 ||
					strstr(t->pending_handler->name, "fork")))
				return t;
	return NULL;
}

static int adopt(struct strace *st, struct import_task *parent, uint32_t tid)
{
	parent->pending_done = true;
	return import_task_clone(st->im, &st->tasks, parent, tid,
		clone_flags(st->im, parent->pending_handler->name, parent->pending));
}

/* A line that names nobody: of the only task there is. */
static struct import_task *task_without_name(struct strace *st)
{
	struct import_task *t = import_task_find(&st->tasks, NAMELESS);

	if (t)
		return t;
	for (int i = 0; i < 256 && st->tasks.live == 1; i++)
		if (st->tasks.hash[i])
			return st->tasks.hash[i];
	st->nameless = true;
	return import_task_new(st->im, &st->tasks, NAMELESS);
}

static bool is_clone_end(const struct strace_line *line)
{
	return line->kind == STRACE_RESUMED &&
	       (strncmp(line->name, "clone", 5) == 0 || strncmp(line->name, "vfork", 5) == 0 ||
		       strncmp(line->name, "fork", 4) == 0);
}

/* One whose beginning was not logged: a process of its own, or a thread of the one that strace was attached to. */
static struct import_task *task_from_nowhere(struct strace *st, uint32_t tid, int *err)
{
	struct import_task *leader;

	if (!st->attached || tid == st->attached || !st->attached_left)
		return import_task_new(st->im, &st->tasks, tid);
	leader = import_task_find(&st->tasks, st->attached);
	if (!leader)
		leader = import_task_new(st->im, &st->tasks, st->attached);
	if (!leader)
		return NULL;
	st->attached_left--;
	*err = import_task_clone(st->im, &st->tasks, leader, tid, CLONE_OF_THREADS);
	return *err ? NULL : import_task_find(&st->tasks, tid);
}

/* NULL: out of memory, or the sink's error in *err. */
static struct import_task *task_of(struct strace *st, const struct source *s, int *err)
{
	const struct strace_line *line = &s->line;
	uint32_t tid = line->has_tid ? line->tid : s->tid;
	struct import_task *t, *parent;

	if (!tid)
		return task_without_name(st);
	t = import_task_find(&st->tasks, tid);
	if (t)
		return t;
	parent = is_clone_end(line) ? NULL : parent_in_clone(st);
	if (parent) {
		*err = adopt(st, parent, tid);
		return *err ? NULL : import_task_find(&st->tasks, tid);
	}
	if (st->nameless && import_task_find(&st->tasks, NAMELESS)) {
		st->nameless = false;
		*err = import_task_supersede(st->im, &st->tasks, tid, NAMELESS);
		return *err ? NULL : import_task_find(&st->tasks, tid);
	}
	return task_from_nowhere(st, tid, err);
}

/* ---- calls ---- */

static bool changes_map(const struct handler *h)
{
	return h && h->nr;
}

static int carry_out(
	struct strace *st, struct import_task *t, const struct handler *h, char *args, uint64_t ip)
{
	struct strace_call call;
	struct logged l = { .im = st->im, .tasks = &st->tasks, .task = t, .call = &call, .ip = ip };

	if (!strace_call(args, &call)) {
		import_doubt(st->im, DOUBT_BAD_LINE);
		return 0;
	}
	if (call.injected)
		return 0;
	return h->handle(&l, h);
}

/* A munmap that has begun and covers what was mapped meanwhile came first. */
static int munmap_before(struct strace *st, struct import_task *of, uint64_t start, uint64_t end)
{
	struct strace_call call = { .nr_args = 2, .has_result = true };
	struct logged l = { .im = st->im, .tasks = &st->tasks, .call = &call };
	char *comma;
	uint64_t from, len;

	for (int i = 0; i < 256; i++) {
		for (struct import_task *t = st->tasks.hash[i]; t; t = t->next) {
			if (t == of || t->space != of->space || !t->pending || t->pending_done ||
				!t->pending_handler || t->pending_handler->nr != SYS_munmap)
				continue;
			from = strtoull(t->pending, &comma, 0);
			len = *comma == ',' ? strtoull(comma + 1, NULL, 0) : 0;
			if (from >= end || from + len <= start)
				continue;
			import_doubt(st->im, DOUBT_ORDER_DERIVED);
			t->pending_done = true;
			call.args[0] = (struct text){ t->pending, (size_t)(comma - t->pending) };
			call.args[1] = (struct text){ comma + 2, strspn(comma + 2, "0123456789abcdefx") };
			l.task = t;
			return t->pending_handler->handle(&l, t->pending_handler);
		}
	}
	return 0;
}

/* Others in the same space have begun calls that have not ended. */
static int settle_order(struct strace *st, struct import_task *t, const struct handler *h, const char *args)
{
	const char *equals = strstr(args, ") = 0x");
	uint64_t at, len;
	char *end;

	if (h->nr != SYS_mmap || !equals) {
		import_doubt(st->im, DOUBT_ORDER);
		return 0;
	}
	strtoull(args, &end, 0);
	end = strchr(args, ',');
	at = strtoull(equals + 4, NULL, 16);
	len = end ? strtoull(end + 1, NULL, 0) : 0;
	import_doubt(st->im, DOUBT_ORDER);
	return munmap_before(st, t, at, at + len);
}

static int whole_call(
	struct strace *st, struct import_task *t, const struct handler *h, char *args, uint64_t ip)
{
	int err = 0;

	if (changes_map(h) && t->space->pending)
		err = settle_order(st, t, h, args);
	return err ? err : carry_out(st, t, h, args, ip);
}

static int begin_call(struct strace *st, struct import_task *t, const struct strace_line *line)
{
	free(t->pending);
	t->pending = strdup(line->args);
	t->pending_handler = handler_of(line->name, line->name_len);
	t->pending_done = false;
	if (!t->pending)
		return import_failed(st->im, -ENOMEM, "out of memory");
	t->space->pending += changes_map(t->pending_handler);
	/* The child may be one that was made before, and strace's word of it late. */
	if (!line->other || !t->pending_handler || import_task_find(&st->tasks, line->other))
		return 0;
	return adopt(st, t, line->other);
}

/* Both parts as one. NULL: no memory. */
static char *join(const char *begin, const char *rest)
{
	size_t len = strlen(begin), more = strlen(rest);
	char *text = malloc(len + more + 1);

	if (!text)
		return NULL;
	memcpy(text, begin, len);
	memcpy(text + len, rest, more + 1);
	return text;
}

/* h: what the line's own name says it is. */
static int end_call(
	struct strace *st, struct import_task *t, const struct strace_line *line, const struct handler *h)
{
	char *begin = t->pending, *text;
	bool done = t->pending_done;
	int err;

	if (!begin || t->pending_handler != h) {
		if (h)
			import_doubt(st->im, DOUBT_BAD_LINE);
		return 0;
	}
	t->pending = NULL;
	t->space->pending -= changes_map(h);
	text = h && !done ? join(begin, line->rest) : NULL;
	free(begin);
	if (!h || done)
		return 0;
	if (!text)
		return import_failed(st->im, -ENOMEM, "out of memory");
	err = whole_call(st, t, h, text, line->ip);
	free(text);
	return err;
}

/* Behind a line that was cut by another's word: the end of the call, or more of its beginning. */
static int continue_call(struct strace *st, struct source *s)
{
	struct import_task *t = import_task_find(&st->tasks, s->cut_tid);
	char *unfinished = strstr(s->line.rest, "<unfinished ...>"), *more;

	s->cut_tid = 0;
	if (!t || !t->pending)
		return 0;
	if (!unfinished)
		return end_call(st, t, &s->line, t->pending_handler);
	*unfinished = '\0';
	more = join(t->pending, s->line.rest);
	if (!more)
		return import_failed(st->im, -ENOMEM, "out of memory");
	free(t->pending);
	t->pending = more;
	return 0;
}

static int end_task(struct strace *st, struct import_task *t, int status)
{
	if (t->pending && changes_map(t->pending_handler)) {
		t->space->pending--;
		if (!t->pending_done)
			import_doubt(st->im, DOUBT_RESULT_UNKNOWN);
	}
	return import_task_exit(st->im, &st->tasks, t, status);
}

/* "Process N attached" on a line of its own. */
static int attached(struct strace *st, uint32_t tid, uint32_t threads)
{
	struct import_task *parent = import_task_find(&st->tasks, tid) ? NULL : parent_in_clone(st);

	if (parent)
		return adopt(st, parent, tid);
	if (threads > 1) {
		/* Of two such processes nothing tells which one a thread is of. */
		st->attached_left = st->attached ? 0 : threads - 1;
		st->attached = tid;
	}
	return 0;
}

static int on_line(struct strace *st, struct source *s)
{
	struct strace_line *line = &s->line;
	const struct handler *h;
	struct import_task *t;
	int err = 0;

	if (line->kind == STRACE_CONTINUED)
		return continue_call(st, s);
	if (line->kind == STRACE_IGNORED)
		return line->other ? attached(st, line->other, line->threads) : 0;
	t = task_of(st, s, &err);
	if (!t)
		return err ? err : import_failed(st->im, -ENOMEM, "out of memory");
	t->silent = false;
	switch (line->kind) {
	case STRACE_CALL:
		h = handler_of(line->name, line->name_len);
		return h ? whole_call(st, t, h, line->args, line->ip) : 0;
	case STRACE_UNFINISHED:
		s->cut_tid = line->other ? t->tid : 0;
		return begin_call(st, t, line);
	case STRACE_RESUMED:
		return end_call(st, t, line, handler_of(line->name, line->name_len));
	case STRACE_EXITED:
		return end_task(st, t, line->status);
	case STRACE_SUPERSEDED:
		return import_task_supersede(st->im, &st->tasks, t->tid, line->other);
	default:
		return 0;
	}
}

static void tell_time(struct strace *st, const struct source *s)
{
	uint64_t ns;

	if (!st->based) {
		st->based = true;
		st->base_ns = s->time_ns;
	}
	ns = s->time_ns - st->base_ns;
	if (s->time_ns > st->base_ns && ns > st->im->time_ns)
		st->im->time_ns = ns;
}

static int run(struct strace *st)
{
	int err = open_sources(st);

	while (!err && st->nr_heap) {
		struct source *s = &st->sources[st->heap[0]];

		st->im->reading = &s->lines;
		tell_time(st, s);
		err = on_line(st, s);
		if (!err)
			err = advance(st, s);
		if (!s->text)
			st->heap[0] = st->heap[--st->nr_heap];
		if (st->nr_heap)
			sift_down(st, 0);
	}
	return err;
}

int import_strace(struct trace_import *im)
{
	struct strace st = { .im = im };
	int err = run(&st);

	im->reading = NULL;
	import_tasks_free(&st.tasks);
	for (size_t i = 0; st.sources && i < im->nr_paths; i++)
		lines_close(&st.sources[i].lines);
	free(st.sources);
	free(st.heap);
	return err;
}
