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
 * 4. perf trace tells of a call when it has ended, so that a child's lines come before those of the call that made it.
 *    They wait until that call is there.
 * 5. The files of -ff are merged by time; without times one after the other, which is right for processes that share
 *    nothing and a doubt for threads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "system_calls.h"

#define NAMELESS         1       /* no task of a log: pid 1 is not traced */
#define CLONE_OF_THREADS 0x10f00 /* VM, FS, FILES, SIGHAND, THREAD */
#define MAX_WAITING      4096
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

/* A line of a task whose beginning is still to come. */
struct waiting {
	struct waiting *next;
	uint32_t tid;
	char text[];
};

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

/* ---- reading ---- */

static void read_line(struct strace *st, char *text, size_t *prefix, struct strace_line *line)
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
		read_line(st, s->text, &s->prefix, &s->line);
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
static struct import_task *parent_in_clone(const struct strace *st)
{
	for (int i = 0; i < 256; i++)
		for (struct import_task *t = st->tasks.hash[i]; t; t = t->next)
			if (t->pending && t->pending_handler && !t->pending_done &&
				name_makes_task(t->pending_handler->name, strlen(t->pending_handler->name)))
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
	return line->kind == STRACE_RESUMED && name_makes_task(line->name, line->name_len);
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
				!t->pending_handler || t->pending_handler->nr != NR_munmap)
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

	if (h->nr != NR_mmap || !equals) {
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
	/* That of an exit is no end that could be waited for. */
	if (is_call(line, "exit") || is_call(line, "exit_group"))
		import_task_ending(&st->tasks, t, is_call(line, "exit_group"));
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
	memcpy(text + len, rest, more);
	text[len + more] = '\0';
	return text;
}

/* An exec is carried out; its call may have begun, and its end is to come then. */
static int exec_early(struct strace *st, struct import_task *t)
{
	static const char unnamed[] = "\"\", 0, 0";
	const struct handler *h = handler_of("execve", strlen("execve"));
	bool begun = t->pending && t->pending_handler == h;
	char *text = join(begun ? t->pending : unnamed, ") = 0");
	int err;

	if (!text)
		return import_failed(st->im, -ENOMEM, "out of memory");
	err = carry_out(st, t, h, text, 0);
	free(text);
	t->pending_done |= begun;
	t->execed = true;
	return err;
}

/* The end of one whose beginning was not logged.  Of a task of which nothing was known its space begins here. */
static int exec_ended(struct strace *st, struct import_task *t)
{
	int err = t->execed || !t->space->told ? 0 : exec_early(st, t);

	t->execed = false;
	return err;
}

/* h: what the line's own name says it is. */
static int end_call(
	struct strace *st, struct import_task *t, const struct strace_line *line, const struct handler *h)
{
	char *begin = t->pending, *text;
	bool done = t->pending_done;
	int err;

	if (!begin && is_call(line, "execve") && strncmp(line->rest, ") = 0", 5) == 0)
		return exec_ended(st, t);
	if (!begin || t->pending_handler != h) {
		if (h)
			import_doubt(st->im, DOUBT_BAD_LINE);
		return 0;
	}
	t->execed = false;
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

/* An area that the kernel told of.  Inside a mmap it names the file, inside other calls it says what they say themselves. */
static int mapped(struct strace *st, struct import_task *t, const struct mapped *m)
{
	char *fd = t->pending ? strrchr(t->pending, ',') : NULL, *text;
	const struct handler *h = t->pending ? t->pending_handler : NULL;

	if (h && strncmp(h->name, "exec", 4) == 0 && !t->pending_done) {
		int err = exec_early(st, t);

		return err ? err : import_mapped(st->im, t, m);
	}
	if (!h || !h->nr) {
		/* What comes first of a task is of an exec whose end is to come. */
		t->execed |= !t->space->told;
		return import_mapped(st->im, t, m);
	}
	if (h->nr != NR_mmap || m->path[0] != '/' || m->path[1] == '/' || !fd)
		return 0;
	text = malloc(strlen(t->pending) + strlen(m->path) + 3);
	if (!text)
		return import_failed(st->im, -ENOMEM, "out of memory");
	sprintf(text, "%.*s<%s>%s", (int)(fd - t->pending), t->pending, m->path, fd);
	free(t->pending);
	t->pending = text;
	return 0;
}

/* The kernel's word of a new task. */
static int forked(struct strace *st, struct import_task *t, const struct strace_line *line)
{
	if (import_task_find(&st->tasks, line->other))
		return 0;
	if (t->pending && t->pending_handler &&
		name_makes_task(t->pending_handler->name, strlen(t->pending_handler->name)))
		return adopt(st, t, line->other);
	return import_task_clone(st->im, &st->tasks, t, line->other, line->threads ? CLONE_OF_THREADS : 0);
}

static int line_of_task(struct strace *st, struct source *s, struct import_task *t)
{
	struct strace_line *line = &s->line;
	const struct handler *h;

	switch (line->kind) {
	case STRACE_FORKED:
		return forked(st, t, line);
	case STRACE_EXEC:
		return exec_early(st, t);
	case STRACE_MAPPED:
		return mapped(st, t, &line->mapped);
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

static int on_line(struct strace *st, struct source *s)
{
	struct strace_line *line = &s->line;
	struct import_task *t;
	int err = 0;

	if (line->kind == STRACE_CONTINUED)
		return continue_call(st, s);
	if (line->kind == STRACE_LOST)
		import_doubt(st->im, DOUBT_LOST);
	if (line->kind == STRACE_IGNORED || line->kind == STRACE_LOST)
		return line->other ? attached(st, line->other, line->threads) : 0;
	if (line->kind == STRACE_CHILD)
		return attached(st, line->tid, 0);
	t = task_of(st, s, &err);
	if (!t)
		return err ? err : import_failed(st->im, -ENOMEM, "out of memory");
	t->silent = false;
	return line_of_task(st, s, t);
}

/* ---- lines that wait ---- */

static bool is_waiting(const struct strace *st, uint32_t tid)
{
	for (const struct waiting *w = st->waiting; w; w = w->next)
		if (w->tid == tid)
			return true;
	return false;
}

/* Its task is made by a call whose end is still to come. */
static bool has_to_wait(const struct strace *st, const struct strace_line *line)
{
	return line->has_tid && !import_task_find(&st->tasks, line->tid) &&
	       ((line->kind == STRACE_CHILD && !parent_in_clone(st)) || is_waiting(st, line->tid));
}

static int wait_for_parent(struct strace *st, const struct source *s)
{
	size_t len = strlen(s->text) + 1;
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return import_failed(st->im, -ENOMEM, "out of memory");
	*w = (struct waiting){ .tid = s->line.tid };
	memcpy(w->text, s->text, len);
	*st->waiting_end = w;
	st->waiting_end = &w->next;
	st->nr_waiting++;
	return 0;
}

/* Lines whose task is there now, the first first; all: whose is not, too. */
static int release(struct strace *st, struct source *s, bool all)
{
	struct waiting **link = &st->waiting;
	int err = 0;

	while (*link && !err) {
		struct waiting *w = *link;

		if (!all && !import_task_find(&st->tasks, w->tid)) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		st->nr_waiting--;
		read_line(st, w->text, &s->prefix, &s->line);
		if (s->line.kind != STRACE_OTHER && s->line.kind != STRACE_CHILD)
			err = on_line(st, s);
		free(w);
		/* It may have made another one's task. */
		link = &st->waiting;
	}
	st->waiting_end = &st->waiting;
	while (*st->waiting_end)
		st->waiting_end = &(*st->waiting_end)->next;
	return err;
}

/* One line, and what waited for it. */
static int line_and_waiting(struct strace *st, struct source *s)
{
	bool many = st->nr_waiting >= MAX_WAITING;
	uint32_t live = st->tasks.live;
	int err = has_to_wait(st, &s->line) ? wait_for_parent(st, s) : on_line(st, s);

	if (!err && st->nr_waiting && (many || st->tasks.live > live))
		err = release(st, s, many);
	return err;
}

static void tell_time(struct strace *st, const struct source *s)
{
	uint64_t ns;

	if (!st->based) {
		st->based = true;
		st->base_ns = s->time_ns;
	}
	ns = s->time_ns - st->base_ns;
	if (s->time_ns > st->base_ns)
		import_time(st->im, ns);
}

static int run(struct strace *st)
{
	int err = open_sources(st);

	while (!err && st->nr_heap) {
		struct source *s = &st->sources[st->heap[0]];

		st->im->reading = &s->lines;
		tell_time(st, s);
		err = line_and_waiting(st, s);
		if (!err)
			err = advance(st, s);
		if (!s->text)
			st->heap[0] = st->heap[--st->nr_heap];
		if (st->nr_heap)
			sift_down(st, 0);
		else if (!err && st->nr_waiting)
			err = release(st, s, true);
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
	while (st.waiting) {
		struct waiting *w = st.waiting;

		st.waiting = w->next;
		free(w);
	}
	free(st.foreign);
	free(st.columns);
	free(st.sources);
	free(st.heap);
	return err;
}
