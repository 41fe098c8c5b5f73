/* SPDX-License-Identifier: MIT */
/*
 * A logged call as events: which call is handled how; files, tasks and limits.
 *
 * The table is sorted by name.  A call that is not in it changes neither a map nor what later calls mean.
 *
 * What handlers get. The arguments are text, as the tool has printed them; each handler reads its own.
 * Those that open files keep descriptors (descriptors.c) and emit nothing; those that map emit
 * (mapping.c). A line that was cut or has words that nobody knows is a doubt (DOUBT_BAD_LINE) where the
 * call would change a map, and passed over where it opens a file: what is mapped later shows.
 */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "call_table.h"
#include "internal.h"

#define O_CLOEXEC_BIT 02000000
#define FIRST_OF_ALL  424 /* from here on calls have one number on all machines */
#define CLONE_VM      0x100
#define CLONE_FILES   0x400
#define CLONE_VFORK   0x4000
#define CLONE_THREAD  0x10000

bool import_argument(const struct logged *l, int i, const struct constant *words, uint64_t *value)
{
	const struct text *t = &l->call->args[i];

	*value = 0;
	if (i < l->call->nr_args && word_value(t->at, t->len, words, value))
		return true;
	import_doubt(l->im, DOUBT_BAD_LINE);
	return false;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10 : -1;
}

/*
 * Behind a backslash: the byte, and how far it went. strace's escapes are C's, without \a; octal of up
 * to three digits, \x of two with -x. *at moves behind it.
 */
static char unescape(char **at)
{
	static const char letters[] = "n\nt\tr\rf\fv\vb\b";
	const char *letter = **at ? strchr(letters, **at) : NULL;
	int value = 0, n = 0;

	if (**at == 'x') {
		for ((*at)++; n < 2 && hex_digit(**at) >= 0; n++)
			value = value * 16 + hex_digit(*(*at)++);
		return (char)value;
	}
	if (**at >= '0' && **at <= '7') {
		for (; n < 3 && **at >= '0' && **at <= '7'; n++)
			value = value * 8 + (*(*at)++ - '0');
		return (char)value;
	}
	if (letter && (letter - letters) % 2 == 0) {
		(*at)++;
		return letter[1];
	}
	return **at ? *(*at)++ : '\\';
}

/* Without its escapes, in place, up to the character (or the NUL) that ends it; how long it is then. */
static size_t unescape_text(char *begin, char end)
{
	char *at = begin, *to = begin;

	while (*at && *at != end) {
		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		at++;
		*to++ = unescape(&at);
	}
	*to = '\0';
	return (size_t)(to - begin);
}

/* "jit"... */
bool is_cut(const struct text *t)
{
	return t->len > 3 && memcmp(t->at + t->len - 3, "...", 3) == 0;
}

/* *len is set with a string alone: "ab\0c" has four. */
char *string_argument(const struct logged *l, int i, size_t *len)
{
	char *begin;

	if (i >= l->call->nr_args || !l->call->args[i].len || l->call->args[i].at[0] != '"')
		return NULL;
	begin = l->call->args[i].at + 1;
	*len = unescape_text(begin, '"');
	return begin;
}

/*
 * The path that ends at the '>', without its escapes, and " (deleted)", as maps has it, where that is
 * behind the '>'. In place: behind the path there is at least the '>' and what strace has printed
 * behind it, so that " (deleted)" fits where it was.
 */
static size_t unescape_path(struct text *path)
{
	static const char deleted[] = " (deleted)";
	const size_t n = sizeof(deleted) - 1;
	char *end = path->at + path->len;
	bool is_deleted = strncmp(end + 1, deleted + 1, n - 1) == 0;
	size_t len;

	*end = '\0';
	len = unescape_text(path->at, '\0');
	if (is_deleted) {
		memcpy(path->at + len, deleted, n);
		len += n;
	}
	return len;
}

/*
 * "3", "3</usr/lib/libc.so.6>", "3</dev/zero<char 1:5>>", "3<socket:[1234]>", "AT_FDCWD": the last has
 * no number, and is false. path->len 0: without -y.
 */
bool descriptor_argument(const struct logged *l, int i, int *fd, struct text *path)
{
	const struct text *t = &l->call->args[i];
	char *end, *device;

	*path = (struct text){ t->at, 0 };
	if (i >= l->call->nr_args || !t->len)
		return false;
	*fd = (int)strtol(t->at, &end, 0);
	if (end == t->at)
		return false;
	/* A '<' at the end of the argument: the path was cut. */
	if (*end != '<' || t->at[t->len - 1] == '<')
		return true;
	path->at = end + 1;
	for (end = t->at + t->len; end > path->at && *end != '>';)
		end--;
	path->len = (size_t)(end - path->at);
	/* Of -yy: "/dev/zero<char 1:5>" */
	device = memmem(path->at, path->len, "<char ", 6);
	if (device)
		path->len = (size_t)(device - path->at);
	path->len = unescape_path(path);
	return true;
}

/*
 * One that was opened; which arguments say what depends on the call. The path behind the result (-y) is
 * whole and absolute, the call's own may be cut (-s) or relative: that is taken where nothing better is
 * there. flags_at -1: a call without flags (creat), taken as O_RDWR. 0 or -ENOMEM.
 */
static int opened(const struct logged *l, int path_at, int flags_at)
{
	struct import_task *t = l->task;
	struct open_file *file;
	uint64_t flags = 2;
	const char *path = "";
	size_t len = 0;

	if (!l->call->has_result || l->call->result < 0)
		return 0;
	if (l->call->result_path.len) {
		struct text shown = l->call->result_path;

		len = unescape_path(&shown);
		path = shown.at;
	} else {
		char *own = string_argument(l, path_at, &len);

		path = own ? own : "";
	}
	if (flags_at >= 0 && flags_at < l->call->nr_args)
		(void)word_value(
			l->call->args[flags_at].at, l->call->args[flags_at].len, open_constants, &flags);
	file = open_file_new(l->im, path, len, (uint32_t)flags & 3);
	return descriptors_set(t->files, (int)l->call->result, file, flags & O_CLOEXEC_BIT) ? 0 : -12;
}

/* open("/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3 */
static int on_open(const struct logged *l, const struct handler *h)
{
	return opened(l, 0, 1);
}

/* openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 3</usr/lib/libc.so.6> */
static int on_openat(const struct logged *l, const struct handler *h)
{
	return opened(l, 1, 2);
}

/* openat2(AT_FDCWD, "x", {flags=O_RDONLY|O_CLOEXEC, resolve=0}, 24) */
static int on_openat2(const struct logged *l, const struct handler *h)
{
	struct strace_call copy = *l->call;
	struct logged inner = *l;
	char *flags = copy.nr_args > 2 ? strstr(copy.args[2].at, "flags=") : NULL;

	if (flags)
		copy.args[2] = (struct text){ flags + 6, strcspn(flags + 6, ",}") };
	inner.call = &copy;
	return opened(&inner, 1, 2);
}

/* creat("out", 0644) = 3 */
static int on_creat(const struct logged *l, const struct handler *h)
{
	return opened(l, 0, -1);
}

/*
 * As maps shows it: always deleted. -s cuts the name, and not what is behind the descriptor.
 * memfd_create("jit-cache", MFD_CLOEXEC) = 3</memfd:jit-cache (deleted)>. MFD_HUGETLB is 4.
 */
static int on_memfd(const struct logged *l, const struct handler *h)
{
	struct text shown = l->call->result_path;
	uint64_t flags = 0;
	struct open_file *file;
	char named[300];
	size_t len = 0;
	char *name;

	if (!l->call->has_result || l->call->result < 0)
		return 0;
	(void)(l->call->nr_args > 1 &&
		word_value(l->call->args[1].at, l->call->args[1].len, memfd_constants, &flags));
	if (shown.len) {
		shown.len = unescape_path(&shown);
	} else {
		if (is_cut(&l->call->args[0]))
			import_doubt(l->im, DOUBT_FILE_UNKNOWN);
		name = string_argument(l, 0, &len);
		snprintf(named, sizeof(named), "/memfd:%s (deleted)", name ? name : "");
		shown = (struct text){ named, strlen(named) };
	}
	file = open_file_new(l->im, shown.at, shown.len, 2);
	if (file && (flags & 4))
		file->kind = TRACE_FILE_HUGETLB;
	return descriptors_set(l->task->files, (int)l->call->result, file, flags & 1) ? 0 : -12;
}

/*
 * Files that are open keep what they are, under another name: of two texts that are alike. rename("a",
 * "b"), renameat(AT_FDCWD, "a", AT_FDCWD, "b"), renameat2(..., RENAME_NOREPLACE). An exchange of two
 * names is passed over.
 */
static int on_rename(const struct logged *l, const struct handler *h)
{
	/* The ...at calls have a descriptor of a folder before each path. */
	bool at = strcmp(h->name, "rename") != 0;
	size_t from_len, to_len;
	char *from, *to;

	if (!l->call->has_result || l->call->result != 0 || is_cut(&l->call->args[at]) ||
		is_cut(&l->call->args[at ? 3 : 1]) ||
		(l->call->nr_args > 4 && memmem(l->call->args[4].at, l->call->args[4].len, "EXCHANGE", 8)))
		return 0;
	from = string_argument(l, at, &from_len);
	to = string_argument(l, at ? 3 : 1, &to_len);
	return !from || !to || import_tasks_rename(l->tasks, from, to, to_len) ? 0 : -12;
}

/* Of one that is not known the new number is not known either, and what it was is closed. */
static int duplicate(const struct logged *l, bool cloexec)
{
	struct open_file *file;
	struct text path;
	int fd;

	if (!l->call->has_result || l->call->result < 0 || !descriptor_argument(l, 0, &fd, &path))
		return 0;
	file = descriptors_find(l->task->files, fd);
	if (!file) {
		descriptors_close(
			l->task->files, (unsigned int)l->call->result, (unsigned int)l->call->result);
		return 0;
	}
	file->refs++;
	return descriptors_set(l->task->files, (int)l->call->result, file, cloexec) ? 0 : -12;
}

/* dup(3), dup2(3, 4), dup3(3, 4, O_CLOEXEC) */
static int on_dup(const struct logged *l, const struct handler *h)
{
	uint64_t flags = 0;

	if (l->call->nr_args > 2)
		(void)word_value(l->call->args[2].at, l->call->args[2].len, open_constants, &flags);
	return duplicate(l, flags & O_CLOEXEC_BIT);
}

/*
 * fcntl(3, F_DUPFD_CLOEXEC, 10) = 10, fcntl(3, F_SETFD, FD_CLOEXEC) = 0: 0, 1030 and 2 are the
 * commands' numbers.
 */
static int on_fcntl(const struct logged *l, const struct handler *h)
{
	uint64_t command = ~0ull;
	struct text path;
	int fd;

	if (l->call->nr_args < 2 ||
		!word_value(l->call->args[1].at, l->call->args[1].len, fcntl_constants, &command))
		return 0;
	if (command == 0 || command == 1030)
		return duplicate(l, command != 0);
	if (command == 2 && descriptor_argument(l, 0, &fd, &path) && descriptors_find(l->task->files, fd))
		l->task->files->table[fd].cloexec =
			l->call->nr_args > 2 && strstr(l->call->args[2].at, "FD_CLOEXEC");
	return 0;
}

/*
 * Also where it fails the kernel has closed it (close(2), NOTES), but for EBADF; a log with an error
 * there is rare, and leaves it open.
 */
static int on_close(const struct logged *l, const struct handler *h)
{
	struct text path;
	int fd;

	if (descriptor_argument(l, 0, &fd, &path) && l->call->has_result && l->call->result == 0)
		descriptors_close(l->task->files, (unsigned int)fd, (unsigned int)fd);
	return 0;
}

/*
 * close_range(3, 4294967295, 0) = 0. Flags change what is meant (CLOSE_RANGE_CLOEXEC), and are passed
 * over.
 */
static int on_close_range(const struct logged *l, const struct handler *h)
{
	uint64_t first, last;

	if (l->call->nr_args > 2 && l->call->result == 0 && import_argument(l, 0, NULL, &first) &&
		import_argument(l, 1, NULL, &last) && l->call->args[2].at[0] == '0')
		descriptors_close(l->task->files, (unsigned int)first, (unsigned int)last);
	return 0;
}

/*
 * clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f...),
 * clone3({flags=CLONE_VM|..., ...}, 88), and perf's clone(0x3d0f00). vfork's are the kernel's own.
 */
uint64_t clone_flags(struct trace_import *im, const char *name, const char *args)
{
	const char *flags = strstr(args, "flags=");
	uint64_t value = 0;

	if (strncmp(name, "vfork", 5) == 0)
		return CLONE_VM | CLONE_VFORK;
	/* fork: nothing is shared. */
	if (strncmp(name, "clone", 5) != 0)
		return 0;
	/* Without names of arguments clone's flags come first; clone3's are behind a pointer. */
	if (!flags && strcmp(name, "clone") == 0)
		return strtoull(args, NULL, 0);
	if (!flags) {
		import_doubt(im, DOUBT_CLONE_FLAGS);
		return CLONE_VM | CLONE_FILES | CLONE_THREAD;
	}
	flags += strlen("flags=");
	/* What is left of a cut word is not known, and nothing that matters here. */
	(void)word_value(flags, strcspn(flags, ",}) "), clone_constants, &value);
	return value;
}

/* The parent's end of the call: the result is the child. */
static int on_clone(const struct logged *l, const struct handler *h)
{
	const char *args = l->call->nr_args ? l->call->args[0].at : "";

	if (!l->call->has_result || l->call->result <= 0 || l->call->result > UINT32_MAX)
		return 0;
	/* strace and ltrace that do not follow a child have no lines of it; perf has. */
	if (l->task->tid == NAMELESS && l->im->form == TRACE_IMPORT_PERF)
		import_doubt(l->im, DOUBT_NO_TASK);
	return import_task_clone(
		l->im, l->tasks, l->task, (uint32_t)l->call->result, clone_flags(l->im, h->name, args));
}

/*
 * A child has ended; one of which nothing was logged ends here. wait4(4071, [{WIFEXITED(s) &&
 * WEXITSTATUS(s) == 0}], 0, NULL) = 4071
 */
static int on_wait(const struct logged *l, const struct handler *h)
{
	struct import_task *child =
		l->call->result > 0 ? import_task_find(l->tasks, (uint32_t)l->call->result) : NULL;

	if (!child || child == l->task)
		return 0;
	child->ended = true;
	/* With a file of its own (-ff) its lines are still to come. */
	return child->silent && !l->tasks->apart ? import_task_exit(l->im, l->tasks, child, 0) : 0;
}

/* An exit has no end of its own: the task's EXIT comes with its "+++ exited". */
static int on_exit_call(const struct logged *l, const struct handler *h)
{
	import_task_ending(l->tasks, l->task, strcmp(h->name, "exit_group") == 0);
	return 0;
}

/*
 * Calls that matter and whose arguments a log has only in part. Not told where it has failed: then it
 * has changed nothing.
 */
static int on_unread(const struct logged *l, const struct handler *h)
{
	if (!l->call->has_result || l->call->result < 0)
		return 0;
	/* Of ioctl(2) one request alone cuts areas. */
	if (strcmp(h->name, "ioctl") != 0 ||
		(l->call->nr_args > 1 && strncmp(l->call->args[1].at, "UFFDIO_REGISTER", 15) == 0))
		import_doubt(l->im, DOUBT_NOT_READ);
	return 0;
}

/* No engine has shadow stacks: the call is told, the area is not there. */
static int on_shadow_stack(const struct logged *l, const struct handler *h)
{
	int err = on_unread(l, h);

	return err ? err : on_range_call(l, h);
}

/* execve("/bin/true", ["true"], 0x7ffc...) = 0. An exec that fails leaves all as it is. */
static int on_exec(const struct logged *l, const struct handler *h)
{
	size_t len = 0;
	char *path;

	if (!l->call->has_result || l->call->result != 0)
		return 0;
	path = string_argument(l, strcmp(h->name, "execveat") == 0, &len);
	return import_task_exec(l->im, l->tasks, l->task, path ? path : "", len);
}

/* prlimit64(0, RLIMIT_AS, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}, NULL), setrlimit(RLIMIT_AS, {...}) */
static int on_limit(const struct logged *l, const struct handler *h)
{
	int at = strcmp(h->name, "prlimit64") == 0 ? 1 : 0;
	struct trace_event e = { .type = TRACE_EVENT_LIMIT };
	const char *value;
	uint64_t resource;
	int err;

	if (l->call->nr_args < at + 2 || !l->call->has_result || l->call->result != 0 ||
		!word_value(l->call->args[at].at, l->call->args[at].len, limit_constants, &resource) ||
		!limit_of(resource, &e.limit.limit))
		return 0;
	/* Of another process: its log tells, or nobody. */
	if (at && strtol(l->call->args[0].at, NULL, 0) != 0)
		return 0;
	value = l->call->args[at + 1].at;
	/* NULL: it was only asked. */
	if (strncmp(value, "{rlim_cur=", 10) != 0 ||
		!word_value(value + 10, strcspn(value + 10, ","), limit_constants, &e.limit.value))
		return 0;
	err = import_space_begin(l->im, l->task, 0);
	return err ? err : import_emit(l->im, &e, l->task->pid, l->task->tid, l->task->space->mm);
}

/*
 * Sorted by name, for handler_of(). The number is that of calls that change a map, by which they are
 * told; calls with 0 are read for what later calls mean. "mmap2", "old_mmap", "fcntl64" and "waitpid"
 * are of 32-bit machines.
 */
static const struct handler handlers[] = {
	{ "brk", on_brk, NR_brk },
	{ "clone", on_clone, 0 },
	{ "clone3", on_clone, 0 },
	{ "close", on_close, 0 },
	{ "close_range", on_close_range, 0 },
	{ "creat", on_creat, 0 },
	{ "dup", on_dup, 0 },
	{ "dup2", on_dup, 0 },
	{ "dup3", on_dup, 0 },
	{ "execve", on_exec, 0 },
	{ "execveat", on_exec, 0 },
	{ "exit", on_exit_call, 0 },
	{ "exit_group", on_exit_call, 0 },
	{ "fcntl", on_fcntl, 0 },
	{ "fcntl64", on_fcntl, 0 },
	{ "fork", on_clone, 0 },
	{ "io_setup", on_unread, 0 },
	{ "ioctl", on_unread, 0 },
	{ "madvise", on_range_call, NR_madvise },
	{ "map_shadow_stack", on_shadow_stack, NR_map_shadow_stack },
	{ "mbind", on_unread, 0 },
	{ "memfd_create", on_memfd, 0 },
	{ "mlock", on_range_call, NR_mlock },
	{ "mlock2", on_range_call, NR_mlock2 },
	{ "mlockall", on_range_call, NR_mlockall },
	{ "mmap", on_mmap, NR_mmap },
	{ "mmap2", on_mmap, NR_mmap },
	{ "mprotect", on_range_call, NR_mprotect },
	{ "mremap", on_range_call, NR_mremap },
	{ "mseal", on_range_call, NR_mseal },
	{ "munlock", on_range_call, NR_munlock },
	{ "munlockall", on_range_call, NR_munlockall },
	{ "munmap", on_range_call, NR_munmap },
	{ "old_mmap", on_mmap, NR_mmap },
	{ "open", on_open, 0 },
	{ "openat", on_openat, 0 },
	{ "openat2", on_openat2, 0 },
	{ "pkey_mprotect", on_range_call, NR_pkey_mprotect },
	{ "prctl", on_prctl, 0 },
	{ "prlimit64", on_limit, 0 },
	{ "remap_file_pages", on_range_call, NR_remap_file_pages },
	{ "rename", on_rename, 0 },
	{ "renameat", on_rename, 0 },
	{ "renameat2", on_rename, 0 },
	{ "setrlimit", on_limit, 0 },
	{ "shmat", on_shmat, NR_shmat },
	{ "shmdt", on_range_call, NR_shmdt },
	{ "shmget", on_shmget, 0 },
	{ "vfork", on_clone, 0 },
	{ "wait4", on_wait, 0 },
	{ "waitpid", on_wait, 0 },
};

struct key {
	const char *name;
	size_t len;
};

/* bsearch(3)'s: by @k->len letters, and then a name that goes on is the greater one. */
static int compare(const void *key, const void *member)
{
	const struct key *k = key;
	const struct handler *h = member;
	int order = strncmp(k->name, h->name, k->len);

	return order ? order : -(int)(h->name[k->len] != '\0');
}

/* What an older tool has no name for: "syscall_0x1b3", of ltrace "435"; on x86-64, or the same everywhere. */
static const char *name_of_number(const char *name, size_t len)
{
	const char *digits = len > 8 && strncmp(name, "syscall_", 8) == 0 ? name + 8 : name;
	unsigned long nr = len && isdigit((unsigned char)*digits) ? strtoul(digits, NULL, 0) : 0;
	const struct call_row *row =
		nr == NR_memfd_create || (nr >= FIRST_OF_ALL && nr <= INT_MAX) ? call_of((uint32_t)nr) : NULL;

	return row ? row->name : NULL;
}

const struct handler *handler_of(const char *name, size_t len)
{
	const char *named = name_of_number(name, len);
	struct key key = { named ? named : name, named ? strlen(named) : len };

	return bsearch(&key, handlers, sizeof(handlers) / sizeof(handlers[0]), sizeof(handlers[0]), compare);
}
