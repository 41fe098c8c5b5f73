/* SPDX-License-Identifier: MIT */
/*
 * Calls that begin in one line and end in another.
 *
 * The beginning is kept with its task, and joined with its end.  While one task's call has begun and not ended, calls of
 * others in the same space may have been carried out before or after it: they are taken in the order in which they
 * returned, and counted as in doubt.  One order can be derived: where a mapping was put into what a munmap that has begun
 * covers, the munmap came first.
 *
 *     4070 munmap(0x7f0000000000, 4096 <unfinished ...>
 *     4071 mmap(NULL, 4096, ...) = 0x7f0000000000
 *     4070 <... munmap resumed>)        = 0
 *
 * space.pending counts the calls of a space that have begun and may change it; each beginning is taken
 * back by its end, by the end of its task, or by nothing where the log ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strace.h"
#include "system_calls.h"

static bool changes_map(const struct handler *h)
{
	return h && h->nr;
}

/* A doubt where it cannot be read; nothing where strace has injected its result. */
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

/*
 * A munmap that has begun and covers what was mapped meanwhile came first. @of has been given [@start,
 * @end): the munmap of another task of the space whose range meets that is carried out now, as if it
 * had succeeded, and its end says nothing then (pending_done).
 */
static int munmap_before(struct strace *st, struct import_task *of, uint64_t start, uint64_t end)
{
	struct strace_call call = { .nr_args = 2, .has_result = true };
	struct logged l = { .im = st->im, .tasks = &st->tasks, .call = &call };
	char *begin, *comma, *length;
	uint64_t from, len;

	for (int i = 0; i < 256; i++) {
		for (struct import_task *t = st->tasks.hash[i]; t; t = t->next) {
			if (t == of || t->space != of->space || !t->pending || t->pending_done ||
				!t->pending_handler || t->pending_handler->nr != NR_munmap)
				continue;
			begin = behind_name(t->pending);
			from = strtoull(begin, &comma, 0);
			length = *comma == ',' ? skip_spaces(behind_name(comma + 1)) : comma;
			len = strtoull(length, NULL, 0);
			/* They do not meet. */
			if (from >= end || from + len <= start)
				continue;
			import_doubt(st->im, DOUBT_ORDER_DERIVED);
			t->pending_done = true;
			call.args[0] = (struct text){ begin, (size_t)(comma - begin) };
			call.args[1] = (struct text){ length, strspn(length, "0123456789abcdefx") };
			l.task = t;
			return t->pending_handler->handle(&l, t->pending_handler);
		}
	}
	return 0;
}

/*
 * Others in the same space have begun calls that have not ended. @args is the whole call with its
 * result, "= 0x..." of an mmap that has succeeded.
 */
static int settle_order(struct strace *st, struct import_task *t, const struct handler *h, char *args)
{
	char *closing = strrchr(args, ')');
	const char *equals = closing ? skip_spaces(closing + 1) : "";
	uint64_t at, len;
	char *end;

	if (h->nr != NR_mmap || strncmp(equals, "= 0x", 4) != 0) {
		import_doubt(st->im, DOUBT_ORDER);
		return 0;
	}
	end = strchr(args, ',');
	at = strtoull(equals + 2, NULL, 16);
	len = end ? strtoull(behind_name(end + 1), NULL, 0) : 0;
	import_doubt(st->im, DOUBT_ORDER);
	return munmap_before(st, t, at, at + len);
}

/* Of a call in one line, or one that was joined. Calls of other spaces are no matter. */
int strace_whole_call(
	struct strace *st, struct import_task *t, const struct handler *h, char *args, uint64_t ip)
{
	int err = 0;

	if (changes_map(h) && t->space->pending)
		err = settle_order(st, t, h, args);
	return err ? err : carry_out(st, t, h, args, ip);
}

/* A beginning without an end before it (a log with losses) is dropped for the new one. */
int strace_begin_call(struct strace *st, struct import_task *t, const struct strace_line *line)
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
	return strace_adopt(st, t, line->other);
}

/* Both parts as one. NULL: no memory. To be freed. */
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

/*
 * perf tells of an exec by the areas that it maps, before the call ends; ltrace by "--- Called exec()
 * ---". What comes then is of the new space, so that the exec is carried out now, by the path of the
 * call if it has begun.
 */
int strace_exec_early(struct strace *st, struct import_task *t)
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
	int err = t->execed || !t->space->told ? 0 : strace_exec_early(st, t);

	t->execed = false;
	return err;
}

/* An end that is of another call than the one that has begun (@h) is a doubt, and says nothing. */
int strace_end_call(
	struct strace *st, struct import_task *t, const struct strace_line *line, const struct handler *h)
{
	char *begin = t->pending, *text;
	bool done = t->pending_done;
	int err;

	/* strace that was attached in the midst of an exec, and perf's events, have the end alone. */
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
	err = strace_whole_call(st, t, h, text, line->ip);
	free(text);
	return err;
}

/*
 * "mmap(NULL, 4096, PROT_READstrace: Process 4071 attached" / ", MAP_PRIVATE, 3, 0) = 0x7f..." of a log
 * to a terminal.
 */
int strace_continue_call(struct strace *st, struct source *s)
{
	struct import_task *t = import_task_find(&st->tasks, s->cut_tid);
	char *unfinished = strstr(s->line.rest, "<unfinished ...>"), *more;

	s->cut_tid = 0;
	if (!t || !t->pending)
		return 0;
	if (!unfinished)
		return strace_end_call(st, t, &s->line, t->pending_handler);
	*unfinished = '\0';
	more = join(t->pending, s->line.rest);
	if (!more)
		return import_failed(st->im, -ENOMEM, "out of memory");
	free(t->pending);
	t->pending = more;
	return 0;
}

/*
 * A call that its task never came back from is not carried out: what became of it is not known. vfork's
 * child, or a thread, leaves the space to the others.
 */
int strace_end_task(struct strace *st, struct import_task *t, int status)
{
	if (t->pending && changes_map(t->pending_handler)) {
		t->space->pending--;
		if (!t->pending_done)
			import_doubt(st->im, DOUBT_RESULT_UNKNOWN);
	}
	return import_task_exit(st->im, &st->tasks, t, status);
}

/*
 * perf tells of faults of the kernel's own in an exec, when the arguments are copied to the new stack:
 * of no space that is known yet.
 */
bool strace_faulted(const struct import_task *t)
{
	bool in_exec = t->pending && t->pending_handler && strncmp(t->pending_handler->name, "exec", 4) == 0;

	return t->space->told && (!in_exec || t->pending_done);
}

/*
 * PERF_RECORD_MMAP2 comes within the call that maps, before its end. Of mmap it names the file, by its
 * path behind the descriptor, as strace -y has it; of other calls it repeats what they say.
 */
int strace_mapped(struct strace *st, struct import_task *t, const struct mapped *m)
{
	char *fd = t->pending ? strrchr(t->pending, ',') : NULL, *text;
	const struct handler *h = t->pending ? t->pending_handler : NULL;

	if (h && strncmp(h->name, "exec", 4) == 0 && !t->pending_done) {
		int err = strace_exec_early(st, t);

		return err ? err : import_mapped(st->im, t, m);
	}
	if (!h || !h->nr) {
		/* What comes first of a task is of an exec whose end is to come. */
		t->execed |= !t->space->told;
		return import_mapped(st->im, t, m);
	}
	/* "//anon" and its kin are no files. */
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
