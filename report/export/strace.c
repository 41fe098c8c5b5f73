/* SPDX-License-Identifier: MIT */
/*
 * A recording as a log of strace -f -y -ttt.
 *
 * 1. What strace would have shown is a line: mapping calls, forks, execs, limits, ends.
 * 2. What it would have shown of calls that a recording does not have is derived: before a file is mapped the call that opened it
 *    (openat, memfd_create, shmget; dup of a number that is that file's), where its number is not that file's already; and
 *    brk(NULL) behind an exec.
 * 3. What no log has is written as the calls that lead to it (strace_begin.c), so that importing the log gives the same map.
 * 4. What has no such form (first writes, faults that grew a stack, observations) is left out and counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "strace_log.h"
#include "system_calls.h"

#define PAGE_SIZE_OF_MOST 4096

void strace_line_begin(struct export_strace *s, const struct trace_event *e)
{
	fprintf(s->out, "%u %" PRIu64 ".%06u ", e->tid, s->start_s + s->now_ns / 1000000000,
		(unsigned int)(s->now_ns / 1000 % 1000000));
}

/* As strace writes strings and paths: C's escapes, octal for what is not printable, or would end a path. */
static void put_escaped(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~' || c == '<' || c == '>')
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
}

void strace_put_string(FILE *out, const char *text, size_t len)
{
	fputc('"', out);
	put_escaped(out, text, len);
	fputc('"', out);
}

static void put_result(FILE *out, int64_t result, bool address)
{
	int error = result < 0 && result >= -4095 ? (int)-result : 0;

	if (error == TRACE_ERROR_UNSEEN)
		fprintf(out, " = -1 (errno not known)\n");
	else if (error >= ERESTARTSYS && call_is_interrupted(result))
		fprintf(out, " = ? %s (Interrupted by signal)\n", trace_error_name(error));
	else if (error)
		fprintf(out, " = -1 %s (%s)\n", strerrorname_np(error) ? strerrorname_np(error) : "EIO",
			strerror(error));
	else
		fprintf(out, address ? " = %#" PRIx64 "\n" : " = %" PRId64 "\n", (uint64_t)result);
}

/* ---- files ---- */

static size_t length_undeleted(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), end = sizeof(deleted) - 1;

	return len >= end && strcmp(path + len - end, deleted) == 0 ? len - end : len;
}

/* An open file has another name than it had: the call that gave it to it is not recorded. */
static void put_rename(struct export_strace *s, const struct trace_event *e, const char *from, const char *to)
{
	size_t old = length_undeleted(from), new = length_undeleted(to);

	if (from[0] != '/' || to[0] != '/' || (old == new &&memcmp(from, to, old) == 0))
		return;
	strace_line_begin(s, e);
	fputs("rename(", s->out);
	strace_put_string(s->out, from, old);
	fputs(", ", s->out);
	strace_put_string(s->out, to, new);
	fputs(") = 0\n", s->out);
}

static void on_file(struct export_strace *s, const struct trace_event *e)
{
	const struct file *old = mtree_load(&s->files, e->file.id);

	if (old)
		put_rename(s, e, old->path, e->file.path);
	strace_note_file(s, &e->file);
}

void strace_note_file(struct export_strace *s, const struct trace_file *f)
{
	struct file *old = mtree_load(&s->files, f->id), *file;
	size_t len = strlen(f->path);

	if (old && strcmp(old->path, f->path) == 0) {
		old->open_flags |= f->open_flags;
		return;
	}
	file = malloc(sizeof(*file) + len + 1);
	if (!file || mtree_store(&s->files, f->id, file, GFP_KERNEL)) {
		free(file);
		s->no_memory = true;
		return;
	}
	*file = (struct file){ .kind = f->kind,
		.open_flags = f->open_flags,
		.dev = f->dev,
		.ino = f->ino,
		.anonymous = f->anonymous,
		.next = s->all };
	memcpy(file->path, f->path, len + 1);
	s->all = file;
}

/* The call that opened it. */
static void put_open(struct export_strace *s, const struct trace_event *e, const struct file *file, int fd)
{
	static const char *const flags[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR" };
	static const char memfd[] = "/memfd:";
	const char *path = file->path;
	size_t len = strlen(path);

	strace_line_begin(s, e);
	if (strncmp(path, memfd, sizeof(memfd) - 1) == 0) {
		path += sizeof(memfd) - 1;
		len = length_undeleted(path);
		fputs("memfd_create(", s->out);
		strace_put_string(s->out, path, len);
		fprintf(s->out, ", %s) = %d\n", file->kind == TRACE_FILE_HUGETLB ? "MFD_HUGETLB" : "0", fd);
		return;
	}
	fputs("openat(AT_FDCWD, ", s->out);
	strace_put_string(s->out, path, len);
	fprintf(s->out, ", %s) = %d\n", flags[file->open_flags & 3], fd);
}

static void put_dup(struct export_strace *s, const struct trace_event *e, int from, int to)
{
	strace_line_begin(s, e);
	fprintf(s->out, "dup(%d) = %d\n", from, to);
}

/* Behind this the descriptor is that file, and its path is to stand behind it; NULL: it has none that can. */
static const char *open_file(struct export_strace *s, const struct trace_event *e, uint32_t id, int fd)
{
	const unsigned long process = (unsigned long)e->pid << 32;
	const struct file *file = mtree_load(&s->files, id);
	const void *other;

	if (!file)
		return NULL;
	if (mtree_load(&s->open, process | (uint32_t)fd) != xa_mk_value(id)) {
		other = mtree_load(&s->numbers, process | id);
		if (mtree_store(&s->open, process | (uint32_t)fd, xa_mk_value(id), GFP_KERNEL) ||
			mtree_store(&s->numbers, process | id, xa_mk_value((uint32_t)fd), GFP_KERNEL))
			s->no_memory = true;
		if (other && mtree_load(&s->open, process | xa_to_value(other)) == xa_mk_value(id))
			put_dup(s, e, (int)xa_to_value(other), fd);
		else if (file->kind != TRACE_FILE_DEVICE || strncmp(file->path, "/dev/", 5) != 0)
			put_open(s, e, file, fd);
	}
	return strpbrk(file->path, "<>\n") ? NULL : file->path;
}

/* ---- calls ---- */

void strace_put_mmap(
	struct export_strace *s, const struct trace_event *e, const struct trace_call *c, const char *note)
{
	char text[512], *fd;
	const char *path = NULL;

	if (!(c->args[3] & MAP_ANONYMOUS) && c->file)
		path = open_file(s, e, c->file, (int)c->args[4]);
	strace_line_begin(s, e);
	trace_call_text(c, text, sizeof(text));
	/* "…, FD, OFFSET)" */
	fd = strrchr(text, ',');
	if (path && fd) {
		fprintf(s->out, "%.*s<", (int)(fd - text), text);
		put_escaped(s->out, path, strlen(path));
		fprintf(s->out, ">%s", fd);
	} else if (note) {
		fprintf(s->out, "%.*s /* %s */)", (int)strlen(text) - 1, text, note);
	} else {
		fputs(text, s->out);
	}
	put_result(s->out, c->result, true);
}

static void put_name(struct export_strace *s, const struct trace_event *e, const struct trace_call *c)
{
	strace_line_begin(s, e);
	fprintf(s->out, "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, %#" PRIx64 ", %" PRIu64 ", ", c->args[2],
		c->args[3]);
	if (c->args[4] && c->data)
		strace_put_string(s->out, c->data, strnlen(c->data, c->data_len));
	else
		fputs("NULL", s->out);
	fputc(')', s->out);
	put_result(s->out, c->result, false);
}

static void put_shmat(struct export_strace *s, const struct trace_event *e, const struct trace_call *c)
{
	const struct file *file = mtree_load(&s->files, c->file);
	uint64_t size = 0;

	if (c->data && c->data_len == sizeof(size))
		memcpy(&size, c->data, sizeof(size));
	strace_line_begin(s, e);
	fprintf(s->out, "shmget(0x%.8s, %" PRIu64 ", 0) = %d\n",
		file && strncmp(file->path, "/SYSV", 5) == 0 ? file->path + 5 : "0", size, (int)c->args[0]);
	strace_line_begin(s, e);
	fprintf(s->out, "shmat(%d, %#" PRIx64 ", %#" PRIx64 ")", (int)c->args[0], c->args[1], c->args[2]);
	put_result(s->out, c->result, true);
}

static void on_call(struct export_strace *s, const struct trace_event *e)
{
	const struct trace_call *c = &e->call;
	char text[512];

	switch (c->nr) {
	case NR_mmap:
		strace_put_mmap(s, e, c, NULL);
		break;
	case NR_shmat:
		put_shmat(s, e, c);
		break;
	case NR_prctl:
		if (c->args[0] == PR_SET_VMA) {
			put_name(s, e, c);
			break;
		}
		/* fall through */
	default:
		strace_line_begin(s, e);
		fputs(trace_call_text(c, text, sizeof(text)), s->out);
		put_result(s->out, c->result, c->nr == NR_brk || c->nr == NR_mremap);
	}
}

/* ---- tasks ---- */

static void task_begins(struct export_strace *s, uint32_t pid, uint32_t tid)
{
	if (mtree_store(&s->tasks, tid, xa_mk_value(pid), GFP_KERNEL))
		s->no_memory = true;
}

/* A recording tells of an exec as its process's first task, whose number it has then: of one that has ended it was another. */
static uint32_t task_of_exec(struct export_strace *s, uint32_t pid, uint32_t tid)
{
	MA_STATE(mas, &s->tasks, 0, 0);
	void *of;

	if (mtree_load(&s->tasks, tid))
		return tid;
	while ((of = mas_find(&mas, ULONG_MAX)))
		if (xa_to_value(of) == pid)
			return (uint32_t)mas.index;
	return tid;
}

/* ---- what else happens ---- */

static void on_space(struct export_strace *s, const struct trace_event *e)
{
	task_begins(s, e->pid, e->tid);
	s->start_brk = e->space.start_brk;
	s->brk = e->space.brk;
	s->start_stack = e->space.start_stack;
	s->task_size = e->space.task_size;
	memcpy(s->limits, e->space.limits, sizeof(s->limits));
	/* What other tools' logs say of an exec is no map from its beginning. */
	if (e->space.attached && s->execed != e->pid)
		return;
	strace_line_begin(s, e);
	if (s->execed == e->pid && s->execed_by != e->tid) {
		fprintf(s->out, "+++ superseded by execve in pid %u +++\n", s->execed_by);
		strace_line_begin(s, e);
	}
	s->execed = 0;
	fputs("execve(", s->out);
	strace_put_string(s->out, e->space.path, strlen(e->space.path));
	fputs(", [], 0x0 /* not recorded */) = 0\n", s->out);
}

static void on_map(struct export_strace *s, const struct trace_event *e)
{
	if (e->map.reason == TRACE_MAP_CHECK || (e->map.reason == TRACE_MAP_RESYNC && !e->map.count))
		s->left_out += e->map.reason != TRACE_MAP_CHECK;
	else
		strace_put_map(s, e);
}

static void on_task(struct export_strace *s, const struct trace_event *e)
{
	struct trace_event parent = *e;

	task_begins(s, e->pid, e->tid);
	parent.tid = e->task.parent_tid;
	strace_line_begin(s, &parent);
	fprintf(s->out, "clone(child_stack=NULL, flags=CLONE_VM|%s) = %u\n",
		e->task.thread ? "CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD" : "CLONE_VFORK|SIGCHLD",
		e->tid);
}

static void on_end(struct export_strace *s, const struct trace_event *e)
{
	int status = e->exit.status, sig = status & 0x7f;

	if (e->exit.exec) {
		s->execed = e->pid;
		s->execed_by = task_of_exec(s, e->pid, e->tid);
		(void)mtree_erase(&s->tasks, s->execed_by);
		return;
	}
	(void)mtree_erase(&s->tasks, e->tid);
	strace_line_begin(s, e);
	if (sig)
		fprintf(s->out, "+++ killed by SIG%s%s +++\n", sigabbrev_np(sig) ? sigabbrev_np(sig) : "KILL",
			status & 0x80 ? " (core dumped)" : "");
	else
		fprintf(s->out, "+++ exited with %d +++\n", status >> 8 & 0xff);
}

void strace_put_limit(struct export_strace *s, const struct trace_event *e, uint32_t limit, uint64_t value)
{
	static const char *const names[] = { [TRACE_LIMIT_AS] = "AS",
		[TRACE_LIMIT_DATA] = "DATA",
		[TRACE_LIMIT_STACK] = "STACK",
		[TRACE_LIMIT_MEMLOCK] = "MEMLOCK" };

	if (limit > TRACE_LIMIT_MEMLOCK) {
		s->left_out++;
		return;
	}
	strace_line_begin(s, e);
	fprintf(s->out, "prlimit64(0, RLIMIT_%s, {rlim_cur=", names[limit]);
	if (value == UINT64_MAX)
		fputs("RLIM64_INFINITY", s->out);
	else
		fprintf(s->out, "%" PRIu64, value);
	fputs(", rlim_max=RLIM64_INFINITY}, NULL) = 0\n", s->out);
}

int export_strace_event(struct export_strace *s, const struct trace_event *e)
{
	s->now_ns = e->time_ns > s->now_ns ? e->time_ns : s->now_ns;
	switch (e->type) {
	case TRACE_EVENT_FILE:
		on_file(s, e);
		break;
	case TRACE_EVENT_SPACE:
		on_space(s, e);
		break;
	case TRACE_EVENT_MAP:
		on_map(s, e);
		break;
	case TRACE_EVENT_CALL:
		on_call(s, e);
		break;
	case TRACE_EVENT_FORK:
		task_begins(s, e->fork.child_pid, e->fork.child_pid);
		strace_line_begin(s, e);
		fprintf(s->out, "fork() = %u\n", e->fork.child_pid);
		break;
	case TRACE_EVENT_TASK:
		on_task(s, e);
		break;
	case TRACE_EVENT_EXIT:
		on_end(s, e);
		break;
	case TRACE_EVENT_LIMIT:
		strace_put_limit(s, e, e->limit.limit, e->limit.value);
		break;
	case TRACE_EVENT_MODULE:
	case TRACE_EVENT_STACK:
	case TRACE_EVENT_NAME:
	case TRACE_EVENT_CODE:
		break;
	default:
		s->left_out++;
	}
	if (s->no_memory)
		return -ENOMEM;
	return ferror(s->out) ? -(errno ? errno : EIO) : 0;
}

uint64_t export_strace_left_out(const struct export_strace *s)
{
	return s->left_out;
}

struct export_strace *export_strace_begin(FILE *out, const struct trace_header *header)
{
	struct export_strace *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->out = out;
	s->start_s = header->start_time;
	/* As a program says it that is run with LD_SHOW_AUXV. */
	if (header->page_size != PAGE_SIZE_OF_MOST)
		fprintf(out, "AT_PAGESZ:            %u\n", header->page_size);
	mt_init_flags(&s->files, 0);
	mt_init_flags(&s->open, 0);
	mt_init_flags(&s->numbers, 0);
	mt_init_flags(&s->tasks, 0);
	return s;
}

void export_strace_free(struct export_strace *s)
{
	while (s->all) {
		struct file *file = s->all;

		s->all = file->next;
		free(file);
	}
	mtree_destroy(&s->files);
	mtree_destroy(&s->open);
	mtree_destroy(&s->numbers);
	mtree_destroy(&s->tasks);
	free(s);
}
